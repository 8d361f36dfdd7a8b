#!/usr/bin/env python3
"""Two compilations at once that share a cache.

usage: race.py KVC_COMPILE SPEC CACHE OUTPUT_DIRECTORY
"""
import subprocess
import sys

compiler, spec, cache, out = sys.argv[1:]
running = [
    subprocess.Popen([compiler, f"--attention={spec}", "--target=sm_80", "--emit=cubin",
                      f"--cache-dir={cache}", "-o", f"{out}/race{i}.cubin"])
    for i in range(2)]
sys.exit(max(process.wait() for process in running))
