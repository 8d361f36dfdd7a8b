#!/usr/bin/env python3
"""Prints N mutations of valid types and attributes, one module each.

Tokens are dropped, repeated, swapped or replaced by others, from a seed: the
same call prints the same text. Usage: mutate_text.py SEED N
"""
import random
import re
import sys

ROPE = ("#kvc.rope<theta = 5.0e5, dim = 64, style = neox, at = attend, scaling = "
        "llama3<factor = 8.0, low_freq_factor = 1.0, high_freq_factor = 4.0, "
        "original_max_positions = 8192>>")
VALID = [
    "!kvc.cache<kv_heads = 2, head_dim = 64 : 32, f16, layout = "
    "#kvc.contiguous<capacity = 128>, key = #kvc.quant<i8, axis = token, "
    "symmetric>, value = #kvc.plain<bf16>, retention = "
    "#kvc.streaming<sink_tokens = 4, window = 60>, rollback = 2>",
    "!kvc.cache<kv_heads = 8, head_dim = 128, bf16, position = " + ROPE + ">",
    "#kvc.policy<layout = #kvc.paged<block = 32, order = nhd>, key = "
    "#kvc.quant<i4, axis = channel, asymmetric, scale = f16, group = 64, "
    "residual = 128>, retention = #kvc.window<64>, rollback = 8>",
    "#kvc.alibi<slopes = [5.0e-1, 2.5e-1]>",
    ROPE,
]
OTHER = ["", "<", ">", ",", "=", ":", "[", "]", "-1", "0", "63", "1.0e400",
         "2147483648", "18446744073709551616", "0x7FF0000000000000", "f64", "i1",
         "none", "nan", "\"text\"", "#kvc.all", "#kvc.ring<8>", "!kvc.step", "?"]
TOKEN = re.compile(r"[#!]?[A-Za-z_][\w.]*|-?\d[\w.+-]*|\S")


NUMBERS = ["-1", "0", "1", "2", "3", "16", "63", "128", "65536", "65537",
           "1048577", "2147483647", "2147483648", "9223372036854775807",
           "18446744073709551616", "0.0", "0.5", "-2.0", "1.0e400"]


def mutate(rng, text):
    tokens = TOKEN.findall(text)
    numbers = [i for i, token in enumerate(tokens) if token[0].isdigit()]
    # At most two edits: with more, everything stops at the first token.
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(1, len(tokens))
        kind = rng.randrange(8)
        if kind >= 4:  # still well formed, with another value
            tokens[rng.choice(numbers)] = rng.choice(NUMBERS)
            continue
        if kind == 0:
            tokens[i] = rng.choice(OTHER)
        elif kind == 1:
            tokens.insert(i, tokens[rng.randrange(len(tokens))])
        elif kind == 2:
            j = rng.randrange(1, len(tokens))
            tokens[i], tokens[j] = tokens[j], tokens[i]
        else:
            del tokens[i]
    return " ".join(tokens).replace(" <", "<")  # a pretty name touches its <


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        print("module attributes {kvc.a = %s} {}\n// -----" %
              mutate(rng, rng.choice(VALID)))


if __name__ == "__main__":
    main()
