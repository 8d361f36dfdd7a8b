"""kvc as the attention of a Hugging Face model.

    import kvc.hf                        # registers attn_implementation="kvc"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="kvc")
    cache = kvc.hf.KvcCache.for_model(model, batch=2, max_length=512)
    model.generate(**inputs, cache=cache)

The keys and values live in kvc's paged cache alone: update() hands the new ones
on to the attention function, which appends and attends. Padding takes no slot:
a row's sequence holds its real tokens, whose order is all that attention needs
(the model has rotated queries and keys already). One policy for all layers.
"""
import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache as _HfCache
from transformers.masking_utils import AttentionMaskInterface

from .attention import Attention
from .policy import Policy, Window


class KvcCache(_HfCache):
    """Of one batch of generate(). max_tokens: new tokens of one forward pass,
    over the batch; blocks: of the pool (0: max_length for every row)."""

    def __init__(self, attention, *, layers, batch, max_length, max_tokens=None,
                 blocks=0):
        super().__init__(layers=[])
        if attention.policy.position is not None:
            raise ValueError("policy: expected no position, because the model turns "
                             f"queries and keys itself, got {attention.policy.position}")
        self.attention = attention
        # Beam search holds a batch's old and new rows at once.
        self.kvc = attention.cache(layers=layers, max_seqs=2 * batch,
                                   max_tokens=max_tokens or batch * max_length,
                                   max_length=max_length,
                                   blocks=blocks)
        self._layers, self._max_length = layers, max_length
        self.reset()

    @classmethod
    def for_model(cls, model, *, batch, max_length, policy=None, page=16,
                  target=None, **more):
        """policy: Window(config.sliding_window) where the model slides in every
        layer, else all keys. target: cpu, or the chip of the model's GPU."""
        config = model.config.get_text_config()
        if policy is None:
            sliding = getattr(config, "sliding_window", None)
            kinds = set(getattr(config, "layer_types", None) or [])
            if sliding and kinds and kinds != {"sliding_attention"}:
                sliding = None
            policy = Policy(retention=Window(sliding) if sliding else None)
        if target is None:
            target = target_of(model.device)
        heads = config.num_attention_heads
        attention = Attention(
            heads=heads, kv_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            dtype=model.dtype, page=page, policy=policy, target=target,
            softcap=getattr(config, "attn_logit_softcapping", None),
            device=model.device.index or 0)
        return cls(attention, layers=config.num_hidden_layers, batch=batch,
                   max_length=max_length, **more)

    # What the model asks.

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        if self._waiting is not None:
            raise ValueError(
                'expected attn_implementation="kvc", which takes what update() of '
                f"layer {self._waiting} gave, got another attention")
        if not 0 <= layer_idx < self._layers:
            raise ValueError(f"layer: expected 0 to {self._layers - 1}, got {layer_idx}")
        self._waiting = layer_idx
        key_states.kvc_cache = self
        return key_states, value_states

    def get_seq_length(self, layer_idx=0):
        return self._columns

    def get_mask_sizes(self, query_length, layer_idx):
        if not isinstance(query_length, int):  # cache_position of transformers 4
            query_length = query_length.shape[0]
        return self._columns + query_length, 0

    def get_query_offset(self, layer_idx=0):
        return self._columns

    def get_max_length(self, layer_idx=None):
        return self._max_length

    def get_max_cache_shape(self, layer_idx=0):
        return self._max_length

    def reset(self):
        for name in getattr(self, "_names", []):
            self.kvc.release(name)
        self._names = []     # of the rows of the batch
        self._columns = 0    # tokens and padding, as the model counts
        self._waiting = None  # the layer whose update was not attended yet
        self._step = None
        self._rows = None    # real tokens of the step, or None: all are

    def reorder_cache(self, beam_idx):
        """Row i continues row beam_idx[i]: blocks are shared, none is copied."""
        old, self._names = self._names, [self.kvc.fork(self._names[int(i)])
                                         for i in beam_idx]
        for name in old:
            self.kvc.release(name)

    def batch_repeat_interleave(self, repeats):
        self.reorder_cache([i for i in range(len(self._names)) for _ in range(repeats)])

    def batch_select_indices(self, indices):
        self.reorder_cache(indices)

    def crop(self, *_):
        raise ValueError("expected no crop() of a KvcCache, got one: rows count "
                         "their own tokens; use kvc.Cache.rollback")

    is_compileable = False
    is_initialized = True
    is_sliding = property(lambda self: [False] * self._layers)
    batch_size = property(lambda self: len(self._names) or -1)
    max_batch_size = batch_size

    def __len__(self):
        return self._layers

    # What the attention function does.

    def attend(self, layer, query, key, value, mask, scale):
        batch, _, columns, _ = query.shape
        if self._waiting != layer:
            raise ValueError(f"layer: expected {self._waiting}, of the last update(), "
                             f"got {layer}")
        if layer == 0:
            self._begin(batch, columns, mask)
        if self._step is None:
            raise ValueError(f"layer: expected a step that began with 0, got {layer}")
        try:
            packed = [self._pack(t) for t in (query, key, value)]
            self.attention.append(packed[1], packed[2], self._step, layer)
            out = self.attention.attend(packed[0], self._step, layer, scale=scale)
        except BaseException:
            self._end(keep=False)
            raise
        self._waiting = None
        if layer == self._layers - 1:
            self._end(keep=True)
            self._columns += columns
        if self._rows is None:
            return out.view(batch, columns, *out.shape[1:])
        full = out.new_zeros(batch, columns, *out.shape[1:])
        full[self._rows] = out
        return full

    def _begin(self, batch, columns, mask):
        if not self._names:
            self._names = [self.kvc.create() for _ in range(batch)]
        if len(self._names) != batch:
            raise ValueError(f"batch: expected {len(self._names)} rows, got {batch}")
        self._rows, counts = None, [columns] * batch
        if mask is not None:
            rows = mask[:, -columns:].bool()
            counts = rows.sum(-1).tolist()
            if min(counts) < columns:
                self._rows = rows
        entries = [(name, n) for name, n in zip(self._names, counts) if n]
        try:
            self._step = self.kvc.step(entries)
        except BaseException:
            self._waiting = None
            raise

    def _end(self, keep):
        step, self._step, self._waiting = self._step, None, None
        step.end(keep)

    def _pack(self, states):
        """[batch, heads, columns, dim] -> the real tokens [tokens, heads, dim]."""
        rows = states.transpose(1, 2)
        return rows.flatten(0, 1) if self._rows is None else rows[self._rows]


def target_of(device):
    if device.type == "cpu":
        return "cpu"
    if device.type != "cuda":
        raise ValueError(f"device: expected cpu or cuda, got {device}")
    major, minor = torch.cuda.get_device_capability(device)
    return f"sm_{major}{minor}" + ("a" if major in (9, 10) else "")


def attention_forward(module, query, key, value, attention_mask, scaling=None,
                      dropout=0.0, **kwargs):
    cache = getattr(key, "kvc_cache", None)
    if cache is None:
        raise ValueError('cache: expected a kvc.hf.KvcCache with '
                         'attn_implementation="kvc", got another cache or none')
    attention, layer = cache.attention, module.layer_idx
    for name in ("s_aux", "position_bias", "head_mask"):
        if kwargs.get(name) is not None:
            raise ValueError(f"{name}: expected none with kvc attention, got a tensor")
    if dropout:
        raise ValueError(f"dropout: expected 0, got {dropout}")
    if (kwargs.get("softcap") or None) != attention.softcap:
        raise ValueError(f"softcap: expected the layer's {kwargs.get('softcap')} in "
                         f"kvc.Attention, got {attention.softcap}")
    config = getattr(module, "config", None)
    kinds = getattr(config, "layer_types", None)
    kind = kinds[layer] if kinds else "full_attention"
    if kind not in ("full_attention", "sliding_attention"):
        raise ValueError(f"layer {layer}: expected full_attention or sliding_attention, "
                         f"got {kind}")
    if not getattr(module, "is_causal", True) or kwargs.get("is_causal") is False:
        raise ValueError(f"layer {layer}: expected causal attention, got another")
    window = kwargs.get("sliding_window")
    if kind == "sliding_attention":
        window = window or config.sliding_window
    if window and (attention.window or cache._max_length) > window:
        raise ValueError(
            f"policy: expected Window({window}) or less, because layer {layer} slides, "
            f"got {attention.window or 'all keys'}")
    if attention_mask is not None and attention_mask.dim() != 2:
        raise ValueError("attention_mask: expected [batch, tokens], got shape "
                         f"{list(attention_mask.shape)}")
    return cache.attend(layer, query, key, value, attention_mask, scaling), None


def padding_mask(*args, attention_mask=None, **kwargs):
    """What the model gives attention_forward as its mask: which tokens are real.
    Causality and windows are the policy's; a pattern besides is refused."""
    if kwargs.get("allow_is_causal_skip") is False:
        raise ValueError("mask: expected causal attention, with or without a sliding "
                         "window, got a pattern of the model's own")
    return attention_mask


AttentionInterface.register("kvc", attention_forward)
AttentionMaskInterface.register("kvc", padding_mask)
