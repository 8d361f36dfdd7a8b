#!/usr/bin/env python3
"""Plants mistakes in a variant's GPU kernels and counts who notices.

  tools/mutate-kernels.py BUILD VARIANT [--chip=sm_90a] [--most=N]
                          [--batch=NAMES] [--jobs=N] [--results=FILE]

For each mistake that kvc-sim-mutate knows in the kernels of VARIANT (a name
that kvc-conformance prints), runs its conformance cells in the simulator.
--most limits the mistakes of one kind in one kernel (taken evenly); 0 = all.
Prints a Markdown table and the survivors. Exit 1 when a mistake of order (a
barrier, wait, commit, sync or fence left out or weakened) survives.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import threading

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("variant")
parser.add_argument("--chip", default="sm_90a")
parser.add_argument("--most", type=int, default=0)
parser.add_argument("--batch", default="")
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--seed", type=int, default=20260101)
parser.add_argument("--results", help="keep answers here, and begin with what is there")
parser.add_argument("--timeout", type=int, default=300)
options = parser.parse_args()
conformance = [f"{options.build}/bin/kvc-conformance", f"--engine=sim:{options.chip}", "--jobs=1",
               f"--only={options.variant}", f"--seed={options.seed}",
               ] + ([f"--batch={options.batch}"] if options.batch else [])


def output(command, stdin=None):
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True,
                          timeout=options.timeout)
    return done.returncode, done.stdout


def run(number):
    """How mistake `number` is noticed; None when it is not."""
    try:
        code, text = output(conformance + [f"--mutate={number}"])
    except subprocess.TimeoutExpired:
        return "it does not end"
    if code == 0:
        return None
    if "does not compile" in text:
        return "it does not compile"
    if code != 1:
        return f"exit {code}"
    for word in ("race", "missing wait", "uninitialised read", "out of bounds",
                 "divergent barrier", "wrong lane mask", "misaligned",
                 "deadlock", "invalid operation"):
        if f": {word}, kernel" in text:
            return word
    return "numbers"


code, text = output(conformance + ["--print-mlir"])
assert code == 0 and text.count("kvc.variant") == 1, text
opt = [f"{options.build}/bin/kvc-opt"]
code, lowered = output(opt + [f"--convert-kvc-to-gpu=chip={options.chip}",
                              "--kvc-lower-gpu-kernels",
                              "--mlir-print-debuginfo"], text)
assert code == 0
code, listed = output(
    opt + ["--pass-pipeline=builtin.module(kvc-sim-mutate{list=true})", "-o",
           "/dev/null"], lowered)
assert code == 0 and listed
code, text = output(conformance)
assert code == 0, "the kernels fail without a mistake:\n" + text

groups = collections.OrderedDict()
steps = {}
for line in listed.splitlines():
    number, kind, kernel, location = line.split(maxsplit=3)
    steps[int(number)] = location.split('"')[1] if '("' in location[4:] else ""
    groups.setdefault((kernel, kind), []).append(int(number))
chosen = {}
for group, numbers in groups.items():
    most = options.most or len(numbers)
    chosen[group] = numbers[::max(1, -(-len(numbers) // most))]
known = {}
if options.results and os.path.exists(options.results):
    with open(options.results, encoding="utf-8") as file:
        known = dict(json.loads(line) for line in file)
writing = threading.Lock()


def answer(number):
    if number not in known:
        known[number] = run(number)
        if options.results:
            with writing, open(options.results, "a", encoding="utf-8") as file:
                file.write(json.dumps([number, known[number]]) + "\n")
    return known[number]


order = [(group, number) for group, numbers in chosen.items() for number in numbers]
with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
    answers = dict(zip(order, pool.map(lambda item: answer(item[1]), order)))

print(f"Variant `{options.variant}` on {options.chip}, cells `{options.batch or 'all'}`, seed "
      f"{options.seed}: {len(order)} of {len(listed.splitlines())} mistakes planted.\n")
print("| kernel | mistake | planted | noticed by | survived |")
print("|---|---|---|---|---|")
bad = 0
for (kernel, kind), numbers in chosen.items():
    noticed = collections.Counter(answers[(kernel, kind), n] for n in numbers)
    survived = noticed.pop(None, 0)
    by = ", ".join(f"{word} ({count})" for word, count in noticed.most_common())
    print(f"| {kernel} | {kind} | {len(numbers)} of {len(groups[kernel, kind])} | {by} | {survived} |")
    if survived and kind.split("-")[0] in ("drop", "weaken", "relax"):
        bad += survived
print()
for (group, number), answer in answers.items():
    if answer is None:
        print(f"- survivor {number}: {group[1]} in {group[0]}, step '{steps[number]}'")
sys.exit(1 if bad else 0)
