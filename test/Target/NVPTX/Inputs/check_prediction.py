#!/usr/bin/env python3
"""Holds predicted times against a calculation of its own.

usage: check_prediction.py evidence.json kernel row-bytes chip-bandwidth SMs clock

row-bytes: keys, values and scales of one key and KV head. Checks, for each
shape: memory time is what the bytes need and at most 10 % more (queries,
outputs, partial results; of 200 MB and more); issue time at full machines is
instructions over slots, at most doubled by a second wave; "at least" holds each part; more keys take longer.
"""
import json
import sys


def main():
    path, name, row, bandwidth, sms, clock = sys.argv[1:]
    row, bandwidth, sms, clock = float(row), float(bandwidth), float(sms), float(clock)
    kernel = {k["kernel"]: k for k in json.load(open(path))}[name]
    last = {}
    for p in kernel["predicted"]:
        need = p["heads"] * p["keys"] * row
        parts = [p[part] for part in ("memory", "issue", "tensor", "chain")]
        label = f"{p['heads']} x {p['keys']}"
        print(label, f"memory {p['memory']:.2f} of {need / bandwidth * 1e6:.2f}",
              f"at least {p['at_least']:.2f}, at most {p['at_most']:.2f}")
        assert p["memory"] >= need / bandwidth * 1e6, label
        if need >= 2e8:
            assert p["memory"] <= 1.10 * need / bandwidth * 1e6, label
            warps = p["heads"] * p["keys"] / kernel["facts"]["loop_tokens"]
            slots = sms * 4 * clock
            issue = warps * kernel["hot"]["steady"] / slots * 1e6
            assert 0.99 * issue <= p["issue"] <= 2 * issue, (label, issue, p["issue"])
        assert p["at_least"] >= p["start"] + max(parts) - 1e-6, label
        assert p["at_most"] >= p["at_least"], label
        assert p["at_least"] > last.get(p["heads"], 0), label
        last[p["heads"]] = p["at_least"]
    assert last, "no shape"


if __name__ == "__main__":
    main()
