#!/usr/bin/env python3
"""Several compilations at once that share a cache.

usage: race.py KVC_COMPILE SPEC CACHE OUTPUT_DIRECTORY PTXAS COUNT
"""
import subprocess
import sys

compiler, spec, cache, out, ptxas, count = sys.argv[1:]
running = [
    subprocess.Popen([compiler, f"--attention={spec}", "--target=sm_80", "--emit=cubin",
                      f"--cache-dir={cache}", f"--ptxas={ptxas}", "-o", f"{out}/race{i}.cubin"])
    for i in range(int(count))]
sys.exit(max(process.wait() for process in running))
