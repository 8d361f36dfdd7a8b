"""Runs each mutation of a GEMM tile; prints those that nothing notices."""
import subprocess
import sys

folder, source, prefix = sys.argv[1:]  # folder: where the tools are
PASS = "--pass-pipeline=builtin.module(kvc-sim-mutate{%s})"
RUN = ["--kernel=gemm", "--block=32", "--shared=768", "--repeat=2",
       "--arg=in:f16:256:random=1", "--arg=in:f16:128:random=2",
       "--arg=out:f32:128", "--print=2"]


def output(command):
    done = subprocess.run([f"{folder}/{command[0]}"] + command[1:],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return done.returncode, done.stdout


code, want = output(["kvc-sim-run", source] + RUN)
assert code == 0, want
mutations = output(["kvc-opt", source, PASS % "list=true", "-o", "/dev/null"])[1]
mutations = mutations.splitlines()
assert len(mutations) > 10, mutations
survived = 0
for line in mutations:
    number = line.split()[0]
    mutant = f"{prefix}.{number}.mlir"
    code, _ = output(["kvc-opt", source, PASS % f"number={number}",
                      "-mlir-print-debuginfo", "-o", mutant])
    assert code == 0, line
    code, got = output(["kvc-sim-run", mutant] + RUN)
    assert code in (0, 1), (line, got)
    caught = "finding" if code else "numbers" if got != want else "survived"
    survived += caught == "survived"
    print(line, "->", caught)
print(f"{len(mutations)} mutations, {survived} survived")
