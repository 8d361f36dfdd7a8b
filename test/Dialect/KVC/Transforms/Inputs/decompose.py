#!/usr/bin/env python3
"""Holds kvc-decompose-attention against the reference's interpreter.

usage: decompose.py --bin DIR --execute DIR

Writes one function per option of kvc.attention and kvc.rope with random
constants inside, runs them once through kvc-interpret (double precision) and
once decomposed and lowered by upstream, and compares every number. Exits 1
when one differs by more than the bound.
"""
import argparse
import math
import os
import pathlib
import random
import re
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--bin", required=True)
parser.add_argument("--execute", required=True, help="folder of execute.py")
options = parser.parse_args()
sys.path.insert(0, options.execute)
os.environ["PATH"] = options.bin + os.pathsep + os.environ["PATH"]
from execute import execute, literal, masked, numbers, run  # noqa: E402

BOUND = 2e-5
generator = random.Random(7)


def constant(name, shape, element, values=None):
    kind = "tensor<" + "x".join(map(str, shape + [element])) + ">"
    values = values or numbers(element, generator)
    return f"  %{name} = arith.constant dense<{literal(shape, element, values)}> : {kind}\n", kind


def attention(name, attributes, extra=(), region="", lse=False, heads=(4, 2), sizes=(3, 5), dims=(4, 4)):
    """extra: (keyword, operand name, shape, element, values)"""
    (hq, hkv), (s, t), (dk, dv) = heads, sizes, dims
    text, types = "", []
    for operand, shape in (("q", [2, hq, s, dk]), ("k", [2, hkv, t, dk]), ("v", [2, hkv, t, dv])):
        line, kind = constant(operand, shape, "f32")
        text += line
        types.append(kind)
    words = ""
    for keyword, operand, shape, element, values in extra:
        line, kind = constant(operand, shape, element, values)
        text += line
        types.append(kind)
        words += f" captures(%{operand})" if keyword == "captures" else f" {keyword} %{operand}"
    out = f"tensor<2x{hq}x{s}x{dv}xf32>"
    row = f"tensor<2x{hq}x{s}xf32>"
    results = f"({out}, {row})" if lse else out
    names = "%o, %l" if lse else "%o"
    text += f"  {names} = kvc.attention %q, %k, %v{words} {{{attributes}}}{region} : ({', '.join(types)}) -> {results}\n"
    return name, text, [("%o", out)] + ([("%l", row)] if lse else [])


def rope(name, shape, positions, attribute):
    text, kind = constant("x", shape, "f32")
    line, at = constant("p", positions, "i64")
    text += line + f"  %o = kvc.rope %x at %p {{rope = #kvc.rope<{attribute}>}} : {kind}, {at}\n"
    return name, text, [("%o", kind)]


def mask(shape, element):
    return ("mask", "m", shape, element, masked(element, shape[-1], generator))


SINK = ("sink_logits", "s", [4], "f32", None)
REGION = """ score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index, %t: tensor<4x5xf32>):
    %e = tensor.extract %t[%h, %j] : tensor<4x5xf32>
    %y = arith.addf %x, %e : f32
    kvc.yield %y : f32
  }"""
SCALE = "scale = 0.5 : f32"
CASES = [
    attention("plain", SCALE, lse=True),
    attention("causal", SCALE + ", causal", lse=True),
    attention("causal_more_queries", SCALE + ", causal", sizes=(5, 3), lse=True),
    attention("window", SCALE + ", causal, window = 2", sizes=(5, 5)),
    attention("softcap", SCALE + ", softcap = 1.5 : f32", dims=(4, 6)),
    attention("mask_float", SCALE, [mask([1, 1, 3, 5], "f32")]),
    attention("mask_per_head", SCALE, [mask([2, 4, 3, 5], "f32")]),
    attention("mask_bool_nan", SCALE, [mask([2, 1, 3, 5], "i1")], lse=True),
    attention("mask_bool_uniform", SCALE + ", fully_masked = uniform", [mask([2, 1, 3, 5], "i1")], lse=True),
    attention("mask_bool_zero", SCALE + ", fully_masked = zero", [mask([2, 1, 3, 5], "i1")], lse=True),
    attention("sink", SCALE + ", causal", [SINK], lse=True),
    attention("sink_and_mask", SCALE, [mask([1, 4, 3, 5], "i1"), SINK], lse=True),
    attention("region", SCALE + ", causal", [("captures", "c", [4, 5], "f32", None)], REGION),
    rope("neox", [1, 2, 3, 8], [3], "theta = 1.0e4, dim = 8"),
    rope("interleaved_part", [3, 2, 8], [3], "theta = 5.0e5, dim = 4, style = interleaved"),
    rope("positions_per_row", [2, 2, 3, 8], [2, 3], "theta = 1.0e4, dim = 6"),
    rope("llama3", [3, 2, 8], [3], "theta = 5.0e5, dim = 8, scaling = llama3<factor = 8.0, low_freq_factor = 1.0,"
         " high_freq_factor = 4.0, original_max_positions = 64>"),
    rope("linear", [3, 2, 8], [3], "theta = 1.0e4, dim = 8, scaling = linear<factor = 4.0>"),
]


def main():
    text, calls = "", []
    for name, body, results in CASES:
        kinds = ", ".join(kind for _, kind in results)
        text += (f"func.func @{name}() -> ({kinds}) {{\n{body}  return "
                 + ", ".join(value for value, _ in results) + f" : {kinds}\n}}\n")
        names = [f"%{name}_{i}" for i in range(len(results))]
        calls.append(f"  {', '.join(names)} = call @{name}() : () -> ({kinds})")
        for value, (_, kind) in zip(names, results):
            buffer = kind.replace("tensor", "memref")
            calls += [f"  {value}_b = bufferization.to_buffer {value} : {kind} to {buffer}",
                      f"  {value}_u = memref.cast {value}_b : {buffer} to memref<*xf32>",
                      f"  call @printMemrefF32({value}_u) : (memref<*xf32>) -> ()"]
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        file.write(text)
        file.flush()
        expected = run(["kvc-interpret", file.name], "")
    number = r"-?(?:nan|inf|[0-9.]+(?:e[+-]?[0-9]+)?)"
    expected = [[float(v) for line in block.splitlines()[1:] if "[" in line for v in re.findall(number, line)]
                for block in re.split(r"result \d+:", expected)[1:]]
    module = "\n".join([text, "func.func @main() {"] + calls +
                       ["  return", "}", "func.func private @printMemrefF32(memref<*xf32>)"])
    got = execute(run(["kvc-opt", "--pass-pipeline=builtin.module(func.func(kvc-decompose-attention))"], module))
    labels = [f"{name}#{i}" for name, _, results in CASES for i in range(len(results))]
    bad = len(expected) != len(labels) or len(got) != len(labels)
    for label, a, b in zip(labels, expected, got):
        same = len(a) == len(b) > 0 and all(
            (math.isnan(x) and math.isnan(y)) or x == y or abs(x - y) <= BOUND * max(1.0, abs(x))
            for x, y in zip(a, b))
        print(f"{label}: {len(a)} numbers, {sum(map(math.isnan, a))} nan: {'equal' if same else 'DIFFERENT'}")
        bad |= not same
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
