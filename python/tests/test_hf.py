"""Random models of Hugging Face: tokens with kvc's cache equal those with
transformers' own. Configurations are written here; nothing is downloaded."""
import pytest
import torch

transformers = pytest.importorskip("transformers")

import kvc
import kvc.hf

SIZE = dict(vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
            initializer_range=0.3, pad_token_id=0, eos_token_id=None, bos_token_id=1)
NEW = 24


def make(kind="Llama", implementation="kvc", **more):
    config = getattr(transformers, kind + "Config")(**{**SIZE, **more})
    model = getattr(transformers, kind + "ForCausalLM")(config).eval()
    model.set_attn_implementation(implementation)
    return model


def prompts(*lengths):
    """Padded on the left, as generate() wants it."""
    longest = max(lengths)
    ids = torch.randint(2, SIZE["vocab_size"], (len(lengths), longest))
    mask = torch.ones_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :longest - length] = 0
        mask[row, :longest - length] = 0
    return dict(input_ids=ids, attention_mask=mask)


def generate(model, inputs, cache=None, **more):
    with torch.no_grad():
        return model.generate(**inputs, cache=cache, max_new_tokens=NEW,
                              do_sample=False, return_dict_in_generate=True,
                              output_logits=True, **more)


def check(model, inputs, other, cache):
    """Tokens equal, and logits nearly."""
    got = generate(model, inputs, cache)
    model.set_attn_implementation(other)
    wanted = generate(model, inputs)
    model.set_attn_implementation("kvc")
    assert torch.equal(got.sequences, wanted.sequences)
    for mine, theirs in zip(got.logits, wanted.logits):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-3)
    assert len(set(got.sequences[:, -NEW:].flatten().tolist())) > 3


@pytest.mark.parametrize("other", ["eager", "sdpa"])
@pytest.mark.parametrize("lengths", [(9,), (7, 7), (3, 17, 8)], ids=str)
def test_llama(other, lengths):
    model = make()
    cache = kvc.hf.KvcCache.for_model(model, batch=len(lengths), max_length=64, page=4)
    check(model, prompts(*lengths), other, cache)
    # Padding takes no slot; the last token generated was never fed back.
    assert [cache.kvc.length(name) for name in cache._names] == [n + NEW - 1
                                                                 for n in lengths]


def test_sliding_window_model():
    model = make("Mistral", sliding_window=6)
    cache = kvc.hf.KvcCache.for_model(model, batch=2, max_length=64, page=4)
    assert cache.attention.policy.retention == kvc.Window(6)
    check(model, prompts(15, 15), "eager", cache)
    assert cache.kvc.stats()["blocks_used"] <= 2 * 3  # of 2 * 10 without a window


def test_beam_search():
    model = make()
    inputs = prompts(6, 11)
    cache = kvc.hf.KvcCache.for_model(model, batch=6, max_length=64, page=4)
    got = generate(model, inputs, cache, num_beams=3)
    model.set_attn_implementation("sdpa")
    wanted = generate(model, inputs, num_beams=3)
    assert torch.equal(got.sequences, wanted.sequences)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
def test_llama_on_a_gpu():
    model = make(head_dim=64).to("cuda", torch.bfloat16)
    cache = kvc.hf.KvcCache.for_model(model, batch=2, max_length=64)
    inputs = {name: t.to("cuda") for name, t in prompts(5, 12).items()}
    got = generate(model, inputs, cache)
    model.set_attn_implementation("eager")
    wanted = generate(model, inputs)
    # bf16 logits tie: the first ones are compared, not the tokens.
    torch.testing.assert_close(got.logits[0], wanted.logits[0], rtol=0.05, atol=0.5)


def test_patterns_that_are_refused():
    ours = transformers.masking_utils.AttentionMaskInterface()["kvc"]
    with pytest.raises(ValueError, match="mask: expected causal attention"):
        ours(batch_size=1, q_length=1, kv_length=1, allow_is_causal_skip=False)
    model = make()
    for layer in model.model.layers:
        layer.self_attn.is_causal = False
    cache = kvc.hf.KvcCache.for_model(model, batch=1, max_length=64)
    with pytest.raises(ValueError, match="layer 0: expected causal attention"):
        generate(model, prompts(4), cache)


def test_what_is_refused():
    model = make()
    with pytest.raises(ValueError, match="cache: expected a kvc.hf.KvcCache"):
        generate(model, prompts(4))
    cache = kvc.hf.KvcCache.for_model(model, batch=1, max_length=64)
    model.set_attn_implementation("eager")
    with pytest.raises(ValueError, match='expected attn_implementation="kvc"'):
        generate(model, prompts(4), cache)
    sliding = make("Mistral", sliding_window=6)
    cache = kvc.hf.KvcCache.for_model(sliding, batch=1, max_length=64, policy=kvc.Policy())
    with pytest.raises(ValueError, match=r"policy: expected Window\(6\) or less"):
        generate(sliding, prompts(4), cache)


def test_a_policy_that_turns():
    attention = kvc.Attention(heads=2, kv_heads=2, head_dim=16, policy=kvc.Policy(
        position=kvc.Alibi()))
    with pytest.raises(ValueError, match="policy: expected no position"):
        kvc.hf.KvcCache(attention, layers=1, batch=1, max_length=8)
