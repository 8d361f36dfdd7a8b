#!/usr/bin/env python3
"""Fuzzes parse, raise and the passes after it, then says whose each crash is.

usage: fuzz.py BINARY SECONDS OUT

Seeds are the functions of the suite's .mlir files, one a file. New inputs go to
OUT/corpus and are used again by the next run; inputs that crash lie in
OUT/crashes. A crash that happens without kvc (while parsing and verifying) is
upstream's: it is counted, and not an error. Exits 1 when one is ours.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = ("test/Conversion/LinalgToKVC", "test/Dialect/KVC")
LARGEST_SEED = 16000


def seeds(folder):
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted(p for base in SEEDS for p in (ROOT / base).rglob("*.mlir")):
        text = "\n".join(l for l in path.read_text().splitlines() if not l.lstrip().startswith("// ") or "-----" in l)
        for part in text.split("// -----"):
            for n, function in enumerate(re.split(r"^(?=func\.func )", part, flags=re.M)):
                if 0 < len(function.strip()) <= LARGEST_SEED:
                    (folder / f"{path.stem}-{count}").write_text(function)
                    count += 1
    return count


def frames(binary, path, **environment):
    """None when the input passes, else the frames of the crash."""
    done = subprocess.run([binary, str(path)], capture_output=True, text=True, errors="replace",
                          env=dict(os.environ, **environment), timeout=120)
    if done.returncode == 0:
        return None
    named = re.findall(r"^(.* failed on a valid module|.*Assertion .*)$", done.stderr, re.M) + \
        re.findall(r"#\d+ 0x\w+ in (.*?) (?:/|\(/)", done.stderr) or [done.stderr[-200:]]
    return [f for f in named if not re.match(r"(raise|abort|gsignal|__|_start|main|fuzzer::)", f)]


def triage(binary, crashes):
    ours = {}
    upstream = flaky = 0
    for path in sorted(crashes.iterdir()):
        try:
            if frames(binary, path, KVC_FUZZ_PARSE_ONLY="1") is not None:
                upstream += 1
                continue
            where = frames(binary, path)
        except subprocess.TimeoutExpired:
            where = ["no end within 120 s"]
        if where is None:
            flaky += 1
            continue
        kvc = next((f for f in where if re.search("kvc::|on a valid|Assertion", f)), where[0] if where else "?")
        ours.setdefault(kvc[:110], []).append(path)
    print(f"{upstream} inputs crash while they are parsed (upstream's), {flaky} pass when run alone, "
          f"{sum(map(len, ours.values()))} crash in {len(ours)} places of ours")
    for where, paths in ours.items():
        smallest = min(paths, key=lambda p: p.stat().st_size)
        print(f"  {len(paths)} x {where}\n      smallest: {smallest}")
    return bool(ours)


def main():
    binary, seconds, out = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    corpus, crashes, start = out / "corpus", out / "crashes", out / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    print(f"{seeds(start)} seeds, {seconds} s", flush=True)
    os.environ["ASAN_OPTIONS"] = "allow_user_poisoning=0:detect_leaks=0"
    log = open(out / "log", "w")
    fuzzer = subprocess.Popen(
        [binary, str(corpus), str(start), f"-artifact_prefix={crashes}/", f"-max_total_time={seconds}", "-fork=1",
         "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1", "-timeout=30", "-rss_limit_mb=4000",
         "-max_len=32000", "-len_control=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace")
    for line in fuzzer.stdout:
        log.write(line)
        log.flush()
        if progress := re.match(r"#(\d+): cov: (\d+) ft: \d+ corp: (\d+) exec/s:? (\d+) oom/timeout/crash: (\S+) time: (\d+)", line):
            runs, covered, size, speed, bad, time = progress.groups()
            print(f"\r{time} s, {runs} inputs, {covered} edges, corpus {size}, {bad} oom/timeout/crash ", end="", flush=True)
    print()
    return triage(binary, crashes)


if __name__ == "__main__":
    sys.exit(main())
