#!/usr/bin/env python3
"""Compiles every variant of the conformance matrix, cold, for every chip:
registers, spills and refusals of each kernel, and the CPU time that it takes.

usage: gpu-survey.py BIN [--chips=sm_90a,...] [--only=REGEX] [--runs=N]
                     [-o docs/results/gpu-survey.md] [--check]

BIN is the folder of kvc-compile and kvc-conformance. Needs ptxas. CPU time is
user and system time of the whole process and of ptxas, the least of N runs
without a cache. --check: ends with status 1 where a variant is refused for what
its machine code does (spills, local memory, slow accesses, injected waits).
"""
import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from markdown_table import table

CHIPS = ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"]
# What kvc-compile says of kernels that are compiled but not good; all other
# errors name a limit of the chip.
SLOW = re.compile(r"spill|local memory|without a state space|C75\d\d")


def specs(conformance, chip):
    """[(name, text)] of the matrix."""
    text = subprocess.run([conformance, f"--engine=sim:{chip}", "--print-mlir"],
                          check=True, capture_output=True, text=True).stdout
    parts = [part.strip() for part in text.split("// -----")]
    return [(part.split("\n", 1)[0].removeprefix("// "), part + "\n")
            for part in parts if "kvc.variant" in part]


def compile_cold(compiler, chip, text, folder, flags=()):
    """(status, stdout, stderr, CPU seconds)."""
    source = folder / "spec.mlir"
    source.write_text(text)
    command = [compiler, f"--attention={source}", f"--target={chip}", "--emit=cubin",
               "-o", folder / "k.cubin", "--cache-dir=none", "--explain",
               "--nvdisasm=none", *flags]
    with open(folder / "out", "w+") as out, open(folder / "err", "w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return (process.returncode, out.read(), err.read(),
                usage.ru_utime + usage.ru_stime)


def kernels_of(text):
    """{kind: {column: value}} of --explain's table."""
    kernels = {}
    for line in text.splitlines():
        row = re.match(r"  v_(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +\d+ +(\d+) ", line)
        if row:
            columns = ("threads", "registers", "spilled", "stack", "shared", "blocks")
            kernels[row[1]] = dict(zip(columns, map(int, row.groups()[1:])))
    return kernels


class Result:
    def __init__(self, compiler, chip, name, text, folder, runs):
        self.name = name
        self.seconds = self.ptxas = float("inf")
        for _ in range(runs):
            status, out, err, seconds = compile_cold(compiler, chip, text, folder)
            ptxas = re.search(r"([\d.]+) of it ptxas", out)
            if seconds < self.seconds:
                self.seconds = seconds
                self.ptxas = float(ptxas[1]) if ptxas else 0.0
        self.error = ""
        if status != 0:
            said = re.search(r"error: (?:'[\w.]+' op )?(.*)", err)
            self.error = said[1] if said else f"status {status}"
        fewer = re.search(r"frugal-kernel .*array<i32: (\d, \d)>", err)
        self.frugality = fewer[1] if fewer else ""
        self.kernels = kernels_of(out)

    @property
    def verdict(self):
        return self.error or (f"good at kvc.frugality {self.frugality}" if self.frugality else "good")

    @property
    def slow(self):
        return bool(SLOW.search(self.error))


def kernel_cell(result, kind):
    kernel = result.kernels.get(kind)
    if not kernel:
        return "refused" if result.error else "none"
    spilled = f", **{kernel['spilled']} spilled**" if kernel["spilled"] else ""
    return f"{kernel['registers']} / {kernel['shared'] // 1024} / {kernel['blocks']}{spilled}"


def report(results, runs):
    yield "# Every conformance variant through ptxas"
    yield ""
    yield (f"Written on {datetime.date.today()} by `tools/gpu-survey.py`: the {len(next(iter(results.values())))} "
           "variants of the conformance matrix, each compiled without a cache.")
    yield ""
    for chip, all_of in results.items():
        good = sum(not r.error for r in all_of)
        yield f"- {chip}: {good} compile without spills, {len(all_of) - good} do not"
    yield ""
    refused = [(r.name, chip, r.error) for chip, all_of in results.items()
               for r in all_of if r.error]
    yield "## Refused"
    yield ""
    if refused:
        yield from table(["variant", "chip", "what the compiler says"], refused)
    else:
        yield "None."
        yield ""
    yield "## Made with fewer registers"
    yield ""
    yield "Where the fastest shape spills, another one is taken (docs/cuda.md, `kvc.frugality`)."
    yield ""
    frugal = [(r.name, chip, r.frugality) for chip, all_of in results.items()
              for r in all_of if r.frugality]
    if frugal:
        yield from table(["variant", "chip", "decode, prefill"], frugal)
    else:
        yield "None."
        yield ""
    yield "## CPU time of a cold compilation"
    yield ""
    yield ("Seconds of user and system time: the process from its start to its "
           f"end, and ptxas (in brackets); the least of {runs}.")
    yield ""
    for chip, all_of in results.items():
        times = sorted(r.seconds for r in all_of if not r.error)
        if times:
            yield (f"- {chip}: median {times[len(times) // 2]:.2f}, longest {times[-1]:.2f}, "
                   f"{sum(t >= 1 for t in times)} of {len(times)} take a second or more")
    yield ""
    by_name = {}
    for chip, all_of in results.items():
        for r in all_of:
            by_name.setdefault(r.name, {})[chip] = r
    cell = lambda r: "" if r is None or r.error else f"{r.seconds:.2f} ({r.ptxas:.2f})"
    yield from table(["variant", *results], ([name] + [cell(of.get(chip)) for chip in results]
                                             for name, of in by_name.items()))
    for kind in ("attend_decode", "attend_prefill"):
        yield f"## {kind}: registers / KiB of shared memory / blocks an SM"
        yield ""
        yield from table(["variant", *results],
                         ([name] + [kernel_cell(of[chip], kind) if chip in of else ""
                                    for chip in results] for name, of in by_name.items()))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--chips", default=",".join(CHIPS))
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("-o", dest="output", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for chip in options.chips.split(","):
            results[chip] = []
            for name, text in specs(options.bin / "kvc-conformance", chip):
                if not re.search(options.only, name):
                    continue
                result = Result(options.bin / "kvc-compile", chip, name, text, folder,
                                options.runs)
                results[chip].append(result)
                print(f"{chip} {name}: {result.verdict}, {result.seconds:.2f} s "
                      f"({result.ptxas:.2f} ptxas)", file=sys.stderr, flush=True)
    if not any(results.values()):
        sys.exit("expected variants that --only matches, got none")
    text = "\n".join(report(results, options.runs))
    if options.output:
        options.output.write_text(text)
    if options.check and any(r.slow for all_of in results.values() for r in all_of):
        sys.exit(1)


if __name__ == "__main__":
    main()
