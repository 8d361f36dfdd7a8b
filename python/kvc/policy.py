"""How a cache keeps keys and values, in the words of the kvc dialect.

Every class here only writes text of docs/dialect.md: what goes together is
judged by the compiler, which explains what it refuses.
"""
import dataclasses
import math
from typing import Optional, Tuple, Union

FORMATS = ("f32", "f16", "bf16")


@dataclasses.dataclass(frozen=True)
class Rope:
    """append and attend rotate: keys and queries arrive unrotated."""
    theta: float = 1.0e4
    dim: Optional[int] = None  # leading elements that rotate; None = head_dim
    style: str = "neox"
    at: str = "append"

    def text(self, head_dim):
        dim = head_dim if self.dim is None else self.dim
        return (f"#kvc.rope<theta = {float(self.theta):e}, dim = {dim}, "
                f"style = {self.style}, at = {self.at}>")


@dataclasses.dataclass(frozen=True)
class Alibi:
    """attend adds slope[h] * (key index - query index) to the scores. slopes: one
    a query head; None = the geometric ones of Press et al. (docs/dialect.md)."""
    slopes: Optional[Tuple[float, ...]] = None

    def text(self, head_dim):
        return "#kvc.alibi"

    def values(self, heads):
        if self.slopes is None:
            power = 1 << (heads.bit_length() - 1)
            even = [2.0 ** (-8.0 * (h + 1) / power) for h in range(power)]
            # Beyond a power of two: every other one of the next.
            return (even + [2.0 ** (-4.0 * (2 * h + 1) / power)
                            for h in range(power)])[:heads]
        if len(self.slopes) != heads:
            raise ValueError(f"slopes: expected {heads}, one a query head, got "
                             f"{len(self.slopes)}")
        if not all(map(math.isfinite, self.slopes)):
            raise ValueError(f"slopes: expected finite numbers, got {self.slopes}")
        return list(map(float, self.slopes))


@dataclasses.dataclass(frozen=True)
class Score:
    """Changes every score (after scale and softcap, before ALiBi and masks).

    body: MLIR over %score (f32), %batch, %head, %query, %key (index; query and key
    count the tokens of their own sequence) and %capture0, %capture1, ..; it ends
    in `kvc.yield %x : f32`. captures: element type and rank of each, at most 4.
    """
    body: str
    captures: Tuple[Tuple[str, int], ...] = ()

    def types(self):
        return [f"tensor<{'?x' * rank}{type}>" for type, rank in self.captures]

    def text(self):
        arguments = ["%score: f32", "%batch: index", "%head: index", "%query: index",
                     "%key: index"]
        arguments += [f"%capture{i}: {type}" for i, type in enumerate(self.types())]
        return f" score {{\n^bb0({', '.join(arguments)}):\n{self.body}\n}}"


@dataclasses.dataclass(frozen=True)
class Window:
    """A query sees the newest `tokens` keys, its own counted."""
    tokens: int

    def text(self):
        return f"#kvc.window<{self.tokens}>"


@dataclasses.dataclass(frozen=True)
class Streaming:
    """The first `sink_tokens` keys and a window."""
    sink_tokens: int
    window: int

    def text(self):
        return f"#kvc.streaming<sink_tokens = {self.sink_tokens}, window = {self.window}>"


def storage(name):
    if name in FORMATS:
        return f"#kvc.plain<{name}>"
    if name.startswith("#"):
        return name
    return f"#kvc.quant<{name}, axis = token, symmetric>"


@dataclasses.dataclass(frozen=True)
class Policy:
    """key, value: a format (f32, f16, bf16, i8, f8E4M3FN; None = the operands')
    or an attribute of the dialect; rollback: tokens that may be taken back;
    max_positions: needed by Rope."""
    key: Optional[str] = None
    value: Optional[str] = None
    retention: Union[Window, Streaming, None] = None
    position: Union[Rope, Alibi, None] = None
    order: str = "hnd"
    rollback: int = 0
    max_positions: int = 0

    def cache_type(self, kv_heads, head_dim, value_dim, dtype, page):
        dims = f"{head_dim}" if value_dim == head_dim else f"{head_dim} : {value_dim}"
        parts = [f"kv_heads = {kv_heads}", f"head_dim = {dims}", dtype,
                 f"layout = #kvc.paged<block = {page}, order = {self.order}>"]
        if self.key is not None:
            parts.append(f"key = {storage(self.key)}")
        if self.value is not None:
            parts.append(f"value = {storage(self.value)}")
        if self.position is not None:
            parts.append(f"position = {self.position.text(head_dim)}")
        if self.retention is not None:
            parts.append(f"retention = {self.retention.text()}")
        if self.rollback:
            parts.append(f"rollback = {self.rollback}")
        if self.max_positions:
            parts.append(f"max_positions = {self.max_positions}")
        return f"!kvc.cache<{', '.join(parts)}>"
