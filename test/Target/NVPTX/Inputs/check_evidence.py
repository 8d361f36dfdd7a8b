#!/usr/bin/env python3
"""Holds static evidence against goals.

usage: check_evidence.py evidence.json kernel=NAME [bound=NUMBER ...]
       check_evidence.py evidence.json calls

Bounds, each "at most" unless said: per16 (warp instructions of the steady path
per 16 keys), wide (64-bit operations per copy of 16 bytes), narrow (narrower
copies an iteration), barriers (in the loop); and bytes (exactly: what copies of
16 bytes bring per key, keys and values of one head), threads (exactly), shared
and global (accesses of that memory in an iteration, exactly), blocks (an SM, at least),
trips (exactly, of each loop inside: 4,4; none where it is not given).
Never allowed: spills, local and generic accesses, calls in the loop. Prints what
it saw; exits 1 on a miss, 2 when the kernel is not there. The second form holds
that no kernel calls anything anywhere.
"""
import json
import sys


def main():
    kernels = {k["kernel"]: k for k in json.load(open(sys.argv[1]))}
    if sys.argv[2:] == ["calls"]:
        calls = {name: k["calls"] for name, k in kernels.items()}
        print("calls:", *(f"{name}={n}" for name, n in calls.items()))
        return 2 if not calls else 1 if any(calls.values()) else 0
    goals = dict(word.split("=") for word in sys.argv[2:])
    kernel = kernels.get(goals.pop("kernel"))
    trips = [int(n) for n in goals.pop("trips", "").split(",") if n]
    if not kernel or "hot" not in kernel:
        print("no hot loop of that kernel among", *kernels)
        return 2
    hot, facts = kernel["hot"], kernel["facts"]
    seen = {
        "per16": hot["steady"] * 16 / facts["loop_tokens"],
        "wide": hot["wide"] / hot["copies_16"],
        "narrow": hot["copies_narrow"],
        "barriers": hot["barriers"],
        "bytes": hot["copies_16"] * 16 * 32 * facts["loop_warps"] / facts["loop_tokens"],
        "blocks": facts["blocks_per_sm"],
        "threads": facts["threads"],
        "shared": hot["mix"]["shared"],
        "global": hot["mix"]["global"],
        "never": (facts["spilled"] + kernel["local"] + kernel["generic"]
                  + hot["calls"] + hot["local"] + hot["generic"]),
    }
    goals["never"] = 0
    print(kernel["kernel"], " ".join(f"{name}={value:g}" for name, value in seen.items()))
    missed = hot["inner_trips"] != trips
    if missed:
        print(f"expected loops of {trips} trips inside, got {hot['inner_trips']}")
    for name, goal in goals.items():
        value, goal = seen[name], float(goal)
        good = (value == goal if name in ("bytes", "threads", "shared", "global") else
                value >= goal if name == "blocks" else value <= goal)
        if not good:
            print(f"expected {name} of {goal:g}, got {value:g}")
            missed += 1
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
