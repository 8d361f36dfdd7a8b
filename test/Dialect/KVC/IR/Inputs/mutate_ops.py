#!/usr/bin/env python3
"""Prints N mutations of the ```mlir examples of a document.

Mostly sizes of shapes and numbers, so that verifiers and not the parser meet
them; sometimes a token. The same seed prints the same text.
Usage: mutate_ops.py DOCUMENT SEED N
"""
import pathlib
import random
import re
import sys

TOKEN = re.compile(r"[#!%@^]?[A-Za-z_][\w.]*|-?\d[\w.+-]*|\s+|.", re.S)
SIZES = ["0", "1", "2", "3", "4", "5", "8", "63", "64", "?", "9223372036854775807"]
NUMBERS = ["-1", "0", "1", "3", "65537", "18446744073709551616", "0.0", "-2.0",
           "1.0e400", "0x7FC00000 : f32"]
WORDS = ["", ",", ">", "}", "f16", "f64", "i1", "index", "nan", "causal = false",
         "window = 8", "softcap = 1.0", "mask %q", "captures(%q)", "!kvc.step",
         "tensor<*xf32>", "memref<*xf32>", "vector<4xf32>", "memref<8x4x64xf32>",
         "tensor<f32>", "#kvc.all", "score { }", "outs()"]


def edit(rng, tokens):
    solid = [i for i, token in enumerate(tokens) if token.strip()]
    shapes = [i for i in solid if re.match(r"\?|\d+x", tokens[i])]
    numbers = [i for i in solid if tokens[i][0].isdigit() and i not in shapes]
    kind = rng.randrange(8)
    if kind < 4 and shapes:
        i = rng.choice(shapes)
        sizes = re.split(r"(?<=x)", tokens[i])
        j = rng.randrange(len(sizes))
        if sizes[j] == "?" or sizes[j].rstrip("x").isdigit():
            sizes[j] = rng.choice(SIZES) + ("x" if sizes[j].endswith("x") else "")
        # Everywhere: a value has one type.
        old = tokens[i]
        tokens[:] = ["".join(sizes) if t == old else t for t in tokens]
    elif kind < 6 and numbers:
        tokens[rng.choice(numbers)] = rng.choice(NUMBERS)
    elif kind == 6:
        tokens[rng.choice(solid)] = rng.choice(WORDS)
    else:
        tokens[rng.choice(solid)] += " " + rng.choice(WORDS)


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    blocks = re.findall(r"^```mlir\n(.*?)^```$", text, re.M | re.S)
    rng = random.Random(int(sys.argv[2]))
    for _ in range(int(sys.argv[3])):
        tokens = TOKEN.findall(rng.choice(blocks))
        for _ in range(rng.choice([1, 1, 2])):
            edit(rng, tokens)
        print("".join(tokens) + "// -----")


if __name__ == "__main__":
    main()
