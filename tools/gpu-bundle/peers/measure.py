#!/usr/bin/env python3
"""Times what else is installed here over kvc-bench's cells, between kvc-bench's own.

  python3 measure.py --bench=../kvc-bench --seconds=90 --json=peers.json
  python3 measure.py --tuned ...        FlexAttention with max-autotune: minutes a shape
  python3 measure.py --check            small shapes on the CPU, numbers alone (TRITON_INTERPRET=1 for Triton)
  python3 measure.py --rehearse=ARTEFACTS   all of it over small cells, ours simulated, others on the CPU; no times

For each cell: ours, each peer, ours again, so that a clock that falls falls on all. A peer's output is held against
double precision before it is timed; one that is wrong has no time. Exit: 0; 1 when a check failed; 2 when nothing ran.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import torch

import timing
from peers import all_peers
from shapes import Cell, Inputs

# Of numbers in [-1, 1] in 16 bits, over sums in any order.
BOUND = 2e-2


class Ours:
    """kvc-bench, kept running: one cell for each line that it is given."""

    def __init__(self, command):
        self.process = subprocess.Popen(command + ["--serve=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.head = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("measure.py: expected an answer of kvc-bench, got its end")
        return json.loads(line)

    def measure(self, cell):
        self.process.stdin.write(cell.key + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cells_of(command):
    lines = subprocess.run(command + ["--list=1"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [Cell.parse(line) for line in lines]


def present(device, tuned=False):
    here, absent = [], []
    for peer in all_peers(tuned):
        why = peer.absent(device)
        if why:
            absent.append({"peer": peer.name, "why": why})
        else:
            here.append(peer)
    return here, absent


# Cells that slow peers get before the rest of the suite.
FIRST_OF_SLOW = ("D3 kv 4096|gqa4 d128", "D3 kv 32768|gqa4 d128", "P1 4x4096|mha16 d128")


def in_order(cells, peers):
    """(cell, its peers), what says the most first."""
    def of(slow, wanted):
        for cell in cells:
            takers = [peer for peer in peers if peer.slow == slow and peer.takes(cell)]
            if takers and wanted(cell):
                yield cell, takers

    yield from of(False, lambda cell: cell.value == 1)
    yield from of(True, lambda cell: cell.key in FIRST_OF_SLOW)
    yield from of(False, lambda cell: cell.value != 1)
    yield from of(True, lambda cell: cell.key not in FIRST_OF_SLOW)


def time_peer(peer, inputs):
    run, planned = peer.prepare(inputs)
    error = inputs.error_of(run(0))
    if not error <= BOUND:
        return {"failure": f"wrong: error {error:.1e}"}
    median, low, high = timing.measure(run, inputs.layers, inputs.device)
    return {"failure": "", "median_s": median, "p10_s": low, "p90_s": high, "plan_s": planned, "error": error}


def measure(options):
    started = time.monotonic()
    device = "cpu" if options.rehearse else "cuda"
    command = [options.bench] + ([f"--artefacts={options.rehearse}", "--device=sim"] if options.rehearse else [])
    ours = Ours(command)
    here, absent = present(device, options.tuned)
    rows, left_out = [], []
    for cell, peers in in_order(cells_of(command), here):
        if time.monotonic() - started > options.seconds:
            left_out.append(cell.key + " (" + ", ".join(peer.name for peer in peers) + ")")
            continue
        first = ours.measure(cell)
        found = []
        inputs = Inputs(cell, timing.layers_of(cell, device), device)
        for peer in peers:
            try:
                row = time_peer(peer, inputs)
            except Exception as error:  # a peer's trouble is its own
                row = {"failure": f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"}
            torch.cuda.empty_cache()
            found.append({"peer": peer.name, **row})
        del inputs
        torch.cuda.empty_cache()
        again = ours.measure(cell)
        times = [one["median_s"] for one in (first, again) if not one["failure"]]
        for row in found:
            row.update(name=cell.name, variant=cell.variant, kv_bytes=cell.kv_bytes, io_bytes=cell.io_bytes,
                       flops=cell.flops, ours_s=times, ours_median_s=sum(times) / len(times) if times else 0.0,
                       ours_begin_s=first.get("begin_s", 0.0))
        rows += found
        print(f"{cell.key}: " + ", ".join(
            f"{row['peer']} " + (row["failure"] or f"{row['median_s'] * 1e6:.1f} us") for row in found), flush=True)
    rate = 0.0 if options.rehearse else timing.matrix_rate()
    ours.close()
    with open(options.json, "w") as file:
        json.dump({"device": "none" if options.rehearse else torch.cuda.get_device_name(), "torch": torch.__version__, "torch_matmul_flops_per_s": rate,
                   "cells": rows, "absent": absent, "left_out": left_out, **{
                       key: ours.head[key] for key in ("read_bytes_per_s", "mma_flops_per_s", "own_flops_per_s")}}, file, indent=1)
    print(f"torch matmul bf16 {rate * 1e-12:.0f} TFLOP/s; {len(rows)} rows; left out for want of time: "
          + (", ".join(left_out) or "none"))
    return 0 if rows else 2


def small_cells():
    def cell(name, runs, query_heads, kv_heads, dim, page, dtype="bf16", causal=True, window=0, **order):
        return Cell(name, name, "bench " + name, runs, query_heads, kv_heads, dim, page, dtype, causal, window, 0, 1, False,
                    1.0, 1.0, 1.0, **order)

    return [cell("decode", [[3, 1, 150]], 8, 2, 64, 16), cell("decode f16", [[2, 1, 300]], 4, 4, 80, 32, "f16"),
            cell("page 1", [[1, 1, 70]], 8, 1, 128, 1), cell("long", [[1, 1, 900]], 4, 1, 64, 64),
            cell("skewed", [[1, 1, 700], [3, 1, 17]], 8, 1, 64, 64), cell("4 tokens", [[2, 4, 100]], 8, 2, 64, 32),
            cell("prefill", [[2, 48, 48]], 4, 4, 64, 16), cell("chunk", [[2, 32, 200]], 8, 2, 64, 64),
            cell("full", [[1, 64, 64]], 4, 4, 64, 64, causal=False),
            cell("in order", [[2, 1, 90]], 8, 2, 64, 16, in_order=True),
            cell("window", [[2, 1, 400]], 8, 2, 64, 16, window=100),
            cell("contiguous", [[3, 1, 150]], 8, 2, 64, 256, contiguous=True)]


def check():
    here, absent = present("cpu")
    for row in absent:
        print(f"not here: {row['peer']} ({row['why']})")
    bad = checked = 0
    for cell in small_cells():
        for peer in here:
            if not peer.takes(cell):
                continue
            inputs = Inputs(cell, 2, "cpu")
            run, _ = peer.prepare(inputs)
            run(1)
            error = inputs.error_of(run(0).clone())
            good = error <= BOUND
            checked, bad = checked + 1, bad + (not good)
            print(f"{'ok' if good else 'WRONG':<6} {peer.name:<14} {cell.name:<12} error {error:.1e}")
    print(f"{checked - bad} of {checked} agree with double precision")
    return 2 if not checked else int(bad > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--tuned", action="store_true")
    parser.add_argument("--rehearse", metavar="ARTEFACTS")
    parser.add_argument("--bench", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kvc-bench"))
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--json", default="peers.json")
    options = parser.parse_args()
    if options.check:
        return check()
    if not options.rehearse and not torch.cuda.is_available():
        print("measure.py: expected torch with CUDA and a GPU, got none; --check runs on a CPU", file=sys.stderr)
        return 2
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
