#!/usr/bin/env python3
"""Works out expected.h with NumPy: `python3 expected.py > expected.h`.

Shares no code and, where it can, no method with the reference: attention is
whole-array einsum and a masked softmax, RoPE is multiplication of complex
numbers, and streaming keeps a real list of surviving tokens, re-numbers them by
their place in the cache and rotates everything anew (no second query).

Inputs are small multiples of 1/8, exact in every float format, from a formula
that the tests repeat: ramp(seed)[n] = ((37 n + 11 seed) mod 17 - 8) / 8.
"""
import numpy as np

print("""//===- expected.h - values worked out by expected.py ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Printed by reference/test/expected.py; not edited by hand. Invariant: equal to
// what that script prints.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_TEST_EXPECTED_H
#define KVCREF_TEST_EXPECTED_H

#include <vector>

// clang-format off
namespace expected {""")


def emit(name, array):
    flat = np.asarray(array, dtype=np.float64).ravel()
    print(f"\n// {name} {list(np.shape(array))}")
    print(f"const std::vector<double> {name} = {{")
    for row in range(0, flat.size, 4):
        print("    " + ", ".join(repr(float(x)) for x in flat[row:row + 4]) + ",")
    print("};")


def ramp(seed, *shape):
    n = np.arange(np.prod(shape))
    return (((37 * n + 11 * seed) % 17 - 8) / 8.0).reshape(shape)


def softmax_mean(scores, visible, v, sink=None):
    """scores, visible [H, S, K], v [H, K, D], sink [H] -> out, lse."""
    exps = np.where(visible, np.exp(scores), 0.0)
    total = exps.sum(-1)
    if sink is not None:
        total = total + np.exp(sink)[:, None]
    return np.einsum("hsk,hkd->hsd", exps, v) / total[..., None], np.log(total)


def complex_rope(x, positions, freqs, style):
    """x [T, H, D], rotates the first 2 * len(freqs) elements."""
    half = len(freqs)
    turn = np.exp(1j * positions[:, None] * freqs[None, :])[:, None, :]
    out = x.copy()
    if style == "neox":
        z = (x[..., :half] + 1j * x[..., half:2 * half]) * turn
        out[..., :half], out[..., half:2 * half] = z.real, z.imag
    else:
        z = (x[..., 0:2 * half:2] + 1j * x[..., 1:2 * half:2]) * turn
        out[..., 0:2 * half:2], out[..., 1:2 * half:2] = z.real, z.imag
    return out


def frequencies(theta, dim):
    return theta ** -(np.arange(0, dim, 2) / dim)


# --- stateless attention ----------------------------------------------------
B, HQ, HKV, SQ, SKV, DK, DV = 2, 4, 2, 3, 5, 4, 3
q, k, v = ramp(1, B, HQ, SQ, DK), ramp(2, B, HKV, SKV, DK), ramp(3, B, HKV, SKV, DV)
kk, vv = np.repeat(k, HQ // HKV, axis=1), np.repeat(v, HQ // HKV, axis=1)
dots = np.einsum("bhsd,bhkd->bhsk", q, kk)
qi = (SKV - SQ + np.arange(SQ))[:, None]
ki = np.arange(SKV)[None, :]
row = np.arange(SQ)[:, None]  # what a score region is told of a query

visible = np.broadcast_to(ki <= qi, (HQ, SQ, SKV))
results = [softmax_mean(0.5 * dots[b], visible, vv[b]) for b in range(B)]
emit("gqaCausalOut", np.stack([r[0] for r in results]))
emit("gqaCausalLse", np.stack([r[1] for r in results]))

# Everything at once; each step is there to be in the wrong order.
slopes = np.array([0.5, 0.25, 0.125, 0.0625])
sink = np.array([0.5, -1.0, 0.0, 2.0])
bias = ramp(4, B, 1, SQ, SKV)
s = 1.5 * dots
s = 0.75 * np.tanh(s / 0.75)
heads = np.arange(HQ)[None, :, None, None]
batches = np.arange(B)[:, None, None, None]
s = s * s + 0.25 * (heads + 1) * (row - 2 * ki) + 0.125 * batches
s = s + slopes[None, :, None, None] * (ki - qi)
s = s + bias
visible = np.broadcast_to((qi - ki >= 0) & (qi - ki < 3), (HQ, SQ, SKV))
results = [softmax_mean(s[b], visible, vv[b], sink) for b in range(B)]
emit("everythingOut", np.stack([r[0] for r in results]))
emit("everythingLse", np.stack([r[1] for r in results]))

# --- rope -------------------------------------------------------------------
x, positions = ramp(5, 3, 2, 8), np.array([0, 1, 1000])
emit("ropeNeox", complex_rope(x, positions, frequencies(1e4, 8), "neox"))
emit("ropeInterleavedPartial",
     complex_rope(x, positions, frequencies(500.0, 4), "interleaved"))
emit("ropeLinear", complex_rope(x, positions / 4.0, frequencies(1e4, 8), "neox"))


def llama3(freqs, factor, low, high, original):
    """As transformers' _compute_llama3_parameters does it: by wavelength."""
    out = []
    for f in freqs:
        wavelength = 2 * np.pi / f
        if wavelength < original / high:
            out.append(f)
        elif wavelength > original / low:
            out.append(f / factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            out.append((1 - smooth) * f / factor + smooth * f)
    return np.array(out)


emit("llama3Frequencies", llama3(frequencies(5e5, 16), 8.0, 1.0, 4.0, 8192))

# --- caches: one sequence, T tokens, all queries at once ----------------------
T, H2, D = 8, 2, 4
cq, ck, cv = ramp(6, T, 4, D), ramp(7, T, H2, D), ramp(8, T, H2, D)
freqs = frequencies(100.0, D)
pos = np.arange(T)


def attend(q, k, v, scores_bias, visible, sink=None):
    """q [T, 4, D], k, v [T, 2, D] -> out [T, 4, D], lse [T, 4]."""
    kk, vv = np.repeat(k, 2, axis=1), np.repeat(v, 2, axis=1)
    s = 0.5 * np.einsum("shd,khd->hsk", q, kk) + scores_bias
    out, lse = softmax_mean(s, visible, vv.transpose(1, 0, 2), sink)
    return out.transpose(1, 0, 2), lse.T


def stored_i8(x):
    x32 = x.astype(np.float32)
    scale = (np.abs(x32).max(-1, keepdims=True) / np.float32(127)).astype(np.float32)
    safe = np.where(scale == 0, np.float32(1), scale)
    return np.clip(np.rint(x32 / safe), -127, 127).astype(np.float64) * scale.astype(np.float64)


def stored_bf16(x):
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 << 16
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


causal = pos[None, :] <= pos[:, None]
window4 = causal & (pos[:, None] - pos[None, :] < 4)
rq, rk = complex_rope(cq, pos, freqs, "neox"), complex_rope(ck, pos, freqs, "neox")

out, lse = attend(rq, rk, cv, 0, causal)
emit("cacheRopeOut", out)
emit("cacheRopeLse", lse)
emit("cacheRopeF16Out",
     attend(rq, rk.astype(np.float16).astype(np.float64), cv, 0, causal)[0])
emit("cacheRopeBF16Key", stored_bf16(rk))
# The offset of 100 moves every position: plain RoPE does not see it.
emit("cacheWindowOut", attend(rq, rk, cv, 0, window4)[0])
emit("cacheI8Out", attend(cq, stored_i8(ck), stored_i8(cv), 0, causal)[0])
# Rope at attend: what is stored is rounded before it is rotated.
emit("cacheRopeAtAttendI8Out",
     attend(rq, complex_rope(stored_i8(ck), pos, freqs, "neox"), cv, 0, causal)[0])
alibi = slopes[:, None, None] * (pos[None, :] - pos[:, None])[None]
emit("cacheAlibiOut", attend(cq, ck, cv, alibi, causal)[0])


def streaming(sinks, window, use_rope):
    """Query by query: drop what is evicted, number the rest 0, 1, 2, ..."""
    outs, lses = [], []
    for i in range(T):
        alive = [j for j in range(i + 1) if j < sinks or i - j < window]
        place = np.arange(len(alive))
        k, v = ck[alive], cv[alive]
        q = cq[i:i + 1]
        bias = 0
        if use_rope:
            k = complex_rope(k, place, freqs, "interleaved")
            q = complex_rope(q, place[-1:], freqs, "interleaved")
        else:
            bias = slopes[:, None, None] * (place - place[-1])[None, None, :]
        out, lse = attend(q, k, v, bias, np.ones((1, 1, len(alive)), bool))
        outs.append(out[0])
        lses.append(lse[0])
    return np.stack(outs), np.stack(lses)


out, lse = streaming(2, 3, True)
emit("streamingRopeOut", out)
emit("streamingRopeLse", lse)
emit("streamingAlibiOut", streaming(2, 3, False)[0])

print("""
} // namespace expected
// clang-format on

#endif // KVCREF_TEST_EXPECTED_H""")
