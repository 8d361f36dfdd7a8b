#!/usr/bin/env python3
"""Golden vectors of the simulator's intrinsics -> sim_golden.h (stdout).

Written from the PTX ISA's text alone, without a look at runtime/src/sim: the
fragment formulas are those of its figures ("row = groupID for ai where 0 <= i <
2 || 4 <= i < 6"), conversions search the nearest number by exact fractions.
  python3 sim_golden.py > sim_golden.h
"""
import random
import struct
from fractions import Fraction

rng = random.Random(20260101)
out = []


def emit(name, ctype, values, per_line=8):
    values = list(values)
    out.append(f"static const {ctype} {name}[{len(values)}] = {{")
    for i in range(0, len(values), per_line):
        out.append("    " + ", ".join(values[i:i + per_line]) + ",")
    out.append("};")


def u32(values):
    return [f"0x{v & 0xffffffff:08x}u" for v in values]


# -- Numbers: every finite value of a format, as exact fractions --------------
class Format:
    def __init__(self, exponent, fraction, top):
        """top: the largest finite encoding of a positive number"""
        self.bias = 2 ** (exponent - 1) - 1
        self.fraction, self.top = fraction, top
        self.width = exponent + fraction + 1

    def decode(self, bits):
        sign = -1 if bits >> (self.width - 1) else 1
        magnitude = bits & (2 ** (self.width - 1) - 1)
        e, f = magnitude >> self.fraction, magnitude & (2 ** self.fraction - 1)
        if e == 0:
            value = Fraction(f, 2 ** self.fraction) * Fraction(2) ** (1 - self.bias)
        else:
            value = (1 + Fraction(f, 2 ** self.fraction)) * Fraction(2) ** (e - self.bias)
        return sign * value

    def encode(self, value, negative_zero=False):
        """Nearest, ties to the even encoding; the caller handles overflow."""
        sign = value < 0 or (value == 0 and negative_zero)
        magnitude = abs(value)
        low, high = 0, self.top + 1  # decode is monotone in the encoding
        while low + 1 < high:
            middle = (low + high) // 2
            if self.decode(middle) <= magnitude:
                low = middle
            else:
                high = middle
        below, above = magnitude - self.decode(low), self.decode(low + 1) - magnitude
        if above < below or (above == below and low & 1):
            low += 1
        return low | (sign << (self.width - 1))


F16 = Format(5, 10, 0x7bff)
BF16 = Format(8, 7, 0x7f7f)
E4M3 = Format(4, 3, 0x7e)
E5M2 = Format(5, 2, 0x7b)
F32 = Format(8, 23, 0x7f7fffff)


def f32_bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def f32_value(bits):
    return Fraction(struct.unpack("<f", struct.pack("<I", bits))[0])


# -- cvt ----------------------------------------------------------------------
def conversion_inputs(fmt):
    bits = set()
    for code in [0, 1, 2, 3, 7, 8, 9, fmt.top - 1, fmt.top,
                 *[rng.randrange(fmt.top) for _ in range(40)]]:
        here, there = fmt.decode(code), fmt.decode(min(code + 1, fmt.top))
        for value in (here, (here + there) / 2, (here * 3 + there) / 4):
            b = f32_bits(float(value))
            for neighbour in (b - 1, b, b + 1):
                if 0 <= neighbour < 0x7f800000:
                    bits.add(neighbour)
                    bits.add(neighbour | 0x80000000)
    return sorted(bits)


def convert_cases(name, fmt, saturates):
    inputs = conversion_inputs(fmt) + [f32_bits(3e38), f32_bits(-3e38)]
    expected = []
    for b in inputs:
        value = f32_value(b)
        code = fmt.encode(value, negative_zero=b == 0x80000000)
        if b == 0x80000000:
            code = 1 << (fmt.width - 1)
        magnitude = code & (2 ** (fmt.width - 1) - 1)
        if value < 0 and magnitude == 0:
            code = 1 << (fmt.width - 1)
        if magnitude > fmt.top:
            code = (code & ~magnitude) | (fmt.top if saturates else fmt.top + 1)
        expected.append(code)
    emit(f"kConvert{name}In", "uint32_t", u32(inputs))
    emit(f"kConvert{name}Out", "uint32_t", u32(expected))


convert_cases("F16", F16, False)
convert_cases("Bf16", BF16, False)
convert_cases("E4m3", E4M3, True)
convert_cases("E5m2", E5M2, True)
emit("kE4m3AsF16", "uint16_t", [
    "0x7fff" if c & 0x7f == 0x7f else f"0x{F16.encode(E4M3.decode(c), c == 0x80):04x}"
    for c in range(256)])


# -- half2: one rounding of the exact result ----------------------------------
def half2_cases(name, fmt):
    rows = []
    for _ in range(60):
        a, b, c = (rng.randrange(0x2000, 0x4400) | rng.choice((0, 0x8000)) for _ in range(3))
        x, y, z = fmt.decode(a), fmt.decode(b), fmt.decode(c)
        rows += [a, b, c, fmt.encode(x + y), fmt.encode(x * y), fmt.encode(x * y + z)]
    emit(f"kHalf2{name}", "uint32_t", u32(rows), 6)


half2_cases("F16", F16)
half2_cases("Bf16", BF16)


# -- prmt.b32, all modes ------------------------------------------------------
def prmt(a, b, c, mode):
    byte = [(a >> 8 * i) & 0xff for i in range(4)] + [(b >> 8 * i) & 0xff for i in range(4)]
    if mode == "default":
        result = 0
        for i in range(4):
            s = (c >> 4 * i) & 0xf
            v = byte[s & 7]
            if s & 8:
                v = 0xff if v & 0x80 else 0
            result |= v << 8 * i
        return result
    # selector c[1:0] -> d.b3, d.b2, d.b1, d.b0, as the tables of the ISA list them
    table = {
        "f4e": [(3, 2, 1, 0), (4, 3, 2, 1), (5, 4, 3, 2), (6, 5, 4, 3)],
        "b4e": [(5, 6, 7, 0), (6, 7, 0, 1), (7, 0, 1, 2), (0, 1, 2, 3)],
        "rc8": [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3)],
        "ecl": [(3, 2, 1, 0), (3, 2, 1, 1), (3, 2, 2, 2), (3, 3, 3, 3)],
        "ecr": [(0, 0, 0, 0), (1, 1, 1, 0), (2, 2, 1, 0), (3, 2, 1, 0)],
        "rc16": [(1, 0, 1, 0), (3, 2, 3, 2), (1, 0, 1, 0), (3, 2, 3, 2)],
    }[mode][c & 3]
    return sum(byte[table[3 - i]] << 8 * i for i in range(4))


rows = []
for number, mode in enumerate(["default", "f4e", "b4e", "rc8", "ecl", "ecr", "rc16"]):
    for i in range(8):
        a, b = rng.getrandbits(32), rng.getrandbits(32)
        c = rng.getrandbits(16) if mode == "default" else i & 3
        rows += [a, b, c, number, prmt(a, b, c, mode)]
emit("kPermute", "uint32_t", u32(rows), 5)


# -- shfl.sync: the pseudocode of the ISA -------------------------------------
def shfl(mode, lane, bval, c):
    cval, segmask = c & 31, (c >> 8) & 31
    max_lane = (lane & segmask) | (cval & ~segmask & 31)
    min_lane = lane & segmask
    if mode == "up":
        j = lane - bval
        valid = j >= max_lane
    elif mode == "down":
        j = lane + bval
        valid = j <= max_lane
    elif mode == "bfly":
        j = lane ^ bval
        valid = j <= max_lane
    else:
        j = min_lane | (bval & ~segmask & 31)
        valid = j <= max_lane
    return (j if valid else lane), valid


rows = []
for number, mode in enumerate(["idx", "up", "down", "bfly"]):
    for segment in (0, 0x10, 0x18, 0x1c):
        for bval in (0, 1, 3, 8, 16, 31):
            c = segment << 8 | (0 if mode == "up" else 0x1f)
            for lane in range(32):
                j, valid = shfl(mode, lane, bval, c)
                rows.append(number | bval << 4 | c << 12 | j << 26 | valid << 31)
emit("kShuffle", "uint32_t", u32(rows))


# -- ldmatrix: 4 matrices of 8x8 b16, the values are 256 * matrix + 8 * row + col
def ldmatrix(transposed):
    words = []
    for lane in range(32):
        for matrix in range(4):
            pair = []
            for i in range(2):
                row, col = lane // 4, 2 * (lane % 4) + i
                if transposed:
                    row, col = col, row
                pair.append(256 * matrix + 8 * row + col)
            words.append(pair[0] | pair[1] << 16)
    return words


emit("kLoadMatrix", "uint32_t", u32(ldmatrix(False)))
emit("kLoadMatrixTransposed", "uint32_t", u32(ldmatrix(True)))


# -- mma.sync m16n8kK: element formulas of the ISA's fragment sections ---------
def fragments(bits, k):
    """(row, col) of ai, (row, col) of bi, (row, col) of ci for a lane."""
    def a(lane, i):
        g, t = lane >> 2, lane % 4
        if bits == 16 and k == 16:
            row = g if 0 <= i < 2 or 4 <= i < 6 else g + 8
            col = t * 2 + (i & 1) + (0 if i < 4 else 8)
        elif bits == 16 and k == 8:
            row = g if 0 <= i < 2 else g + 8
            col = t * 2 + (i & 1)
        elif bits == 8 and k == 32:
            row = g if 0 <= i < 4 or 8 <= i < 12 else g + 8
            col = t * 4 + (i & 3) + (0 if i < 8 else 16)
        elif bits == 8 and k == 16:
            row = g if 0 <= i < 4 else g + 8
            col = t * 4 + (i & 3)
        elif bits == 32 and k == 8:
            row = g if i in (0, 2) else g + 8
            col = t if i in (0, 1) else t + 4
        else:
            row = g if i == 0 else g + 8
            col = t
        return row, col

    def b(lane, i):
        g, t = lane >> 2, lane % 4
        if bits == 16:
            row = t * 2 + (i & 1) + (0 if i < 2 else 8)
        elif bits == 8:
            row = t * 4 + (i & 3) + (0 if i < 4 else 16)
        else:
            row = t if i == 0 else t + 4
        return row, g

    def c(lane, i):
        g, t = lane >> 2, lane % 4
        return (g if i < 2 else g + 8), t * 2 + (i & 1)

    return a, b, c


def pack(elements, bits):
    per = 32 // bits
    return [sum(e << bits * i for i, e in enumerate(elements[j:j + per]))
            for j in range(0, len(elements), per)]


def mma_case(name, k, bits, code, accumulator, low=-4, high=4):
    """Small integers: every sum is exact in every accumulator."""
    A = [[rng.randint(low, high) for _ in range(k)] for _ in range(16)]
    B = [[rng.randint(low, high) for _ in range(8)] for _ in range(k)]
    C = [[rng.randint(-50, 50) for _ in range(8)] for _ in range(16)]
    D = [[C[r][n] + sum(A[r][x] * B[x][n] for x in range(k)) for n in range(8)]
         for r in range(16)]
    fa, fb, fc = fragments(bits, k)
    count_a, count_b = 16 * k // 32, 8 * k // 32
    wide = 16 if accumulator is F16 else 32

    def result(value):
        if accumulator is None:
            return value & 0xffffffff
        return accumulator.encode(Fraction(value))

    operands, results = [], []
    for lane in range(32):
        a = [code(A[r][c]) for r, c in (fa(lane, i) for i in range(count_a))]
        b = [code(B[r][c]) for r, c in (fb(lane, i) for i in range(count_b))]
        c = [result(C[r][n]) for r, n in (fc(lane, i) for i in range(4))]
        d = [result(D[r][n]) for r, n in (fc(lane, i) for i in range(4))]
        operands += pack(a, bits) + pack(b, bits) + pack(c, wide)
        results += pack(d, wide)
    emit(f"kMma{name}In", "uint32_t", u32(operands))
    emit(f"kMma{name}Out", "uint32_t", u32(results))


def floats(fmt):
    return lambda v: fmt.encode(Fraction(v))


mma_case("F16K16", 16, 16, floats(F16), F32)
mma_case("F16K8", 8, 16, floats(F16), F32)
mma_case("F16K16F16", 16, 16, floats(F16), F16)
mma_case("Bf16K16", 16, 16, floats(BF16), F32)
mma_case("Bf16K8", 8, 16, floats(BF16), F32)
mma_case("E4m3K32", 32, 8, floats(E4M3), F32)
mma_case("S8K32", 32, 8, lambda v: v & 0xff, None, -128, 127)
mma_case("S8K16", 16, 8, lambda v: v & 0xff, None, -128, 127)
mma_case("U8K32", 32, 8, lambda v: v, None, 0, 255)
mma_case("Tf32K8", 8, 32, floats(F32), F32)
mma_case("Tf32K4", 4, 32, floats(F32), F32)

print("""//===- sim_golden.h - golden vectors of GPU intrinsics --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Written by sim_golden.py from the PTX ISA; do not edit.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_SIM_GOLDEN_H
#define KVCRT_TEST_SIM_GOLDEN_H

#include <cstdint>

// clang-format off
""")
print("\n".join(out))
print("// clang-format on\n\n#endif // KVCRT_TEST_SIM_GOLDEN_H")
