#!/usr/bin/env python3
"""Changes raisable graphs at random; where raise still fires, numbers must not.

usage: mutate.py --bin DIR --count N [--seed N] [--keep DIR] FILE.mlir...

Takes the functions that the files name in `// EXECUTE:`, applies one to three
random edits to the text of each (operands, constants, axes, predicates, ops,
start values, inserted ops), drops what mlir-opt does not accept, raises the
rest, and runs what was raised before and after. Exits 1 when kvc-opt crashes,
fails or changes a number; `--keep` stores such mutants.
"""
import argparse
import math
import os
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from execute import DECOMPOSE, RAISE, execute, harness, run  # noqa: E402

SWAPS = [["arith.addf", "arith.mulf", "arith.subf", "arith.maximumf", "arith.minimumf", "arith.divf"],
         ["linalg.add", "linalg.sub", "linalg.mul", "linalg.div", "linalg.max"],
         ["linalg.exp", "linalg.tanh", "linalg.negf", "linalg.abs", "linalg.log"],
         ["math.exp ", "math.exp2 ", "math.tanh ", "math.cos ", "math.sin "],
         [f" {p}," for p in ("slt", "sle", "sgt", "sge", "eq", "ne", "ult")],
         [f" {p}," for p in ("oeq", "ogt", "olt", "une", "oge")],
         ["arith.ori", "arith.andi", "arith.xori"],
         ["dimensions = [0]", "dimensions = [1]", "dimensions = [2]"],
         ["linalg.index 0", "linalg.index 1", "linalg.index 2"],
         ["(h, i, j)>,", "(h, j, i)>,", "(i, h, j)>,"],
         ["fill ins(%zero", "fill ins(%lowest"],
         ["0.0 ", "1.0 ", "0.5 ", "-1.0e9 ", "0xFF800000 ", "-1.0e4 ", "2.0 "],
         ["constant 1 ", "constant 2 ", "constant 0 ", "constant 3 "]]


def swap_word(text, generator):
    group = generator.choice(SWAPS)
    places = [(m.start(), w) for w in group for m in re.finditer(re.escape(w), text)]
    if not places:
        return text
    at, word = generator.choice(places)
    return text[:at] + generator.choice([w for w in group if w != word]) + text[at + len(word):]


def swap_operands(text, generator):
    places = list(re.finditer(r"\((%\w+), (%\w+)( :|\))", text)) + \
        list(re.finditer(r" (%\w+), (%\w+)( : )", text))
    if not places:
        return text
    m = generator.choice(places)
    return text[:m.start(1)] + m.group(2) + ", " + m.group(1) + text[m.start(3):]


def other_operand(text, generator):
    """One use of a value becomes a use of another value of the same type."""
    uses = list(re.finditer(r"%\w+", text))
    use = generator.choice(uses)
    names = sorted({m.group(0) for m in uses})
    return text[:use.start()] + generator.choice(names) + text[use.end():]


def insert_op(text, generator):
    """y = op(x) right after x, and one use of x reads y."""
    places = list(re.finditer(r"  (%\w+) = linalg\.\w+ .*-> (tensor<[^>]*f32>)\n", text))
    if not places:
        return text
    m = generator.choice(places)
    name, kind = m.group(1), m.group(2)
    op = generator.choice(["exp", "tanh", "negf", "abs", "round", "half"])
    if op == "half":
        narrow = kind.replace("f32", "f16")
        new = (f"  %mut0 = arith.truncf {name} : {kind} to {narrow}\n"
               f"  %mut = arith.extf %mut0 : {narrow} to {kind}\n")
    else:
        new = f"  %mut = linalg.{op} ins({name} : {kind}) outs({name} : {kind}) -> {kind}\n"
    rest = text[m.end():]
    uses = list(re.finditer(re.escape(name) + r"\b", rest))
    if not uses or "%mut" in text:
        return text
    use = generator.choice(uses)
    return text[:m.end()] + new + rest[:use.start()] + "%mut" + rest[use.end():]


def functions(paths):
    for path in paths:
        text = pathlib.Path(path).read_text()
        for name, sizes in re.findall(r"// EXECUTE: (\w+)(?: sizes=([0-9,]+))?", text):
            lines = [l for l in text.splitlines() if not l.lstrip().startswith("//")]
            start = next(i for i, l in enumerate(lines) if l.startswith(f"func.func @{name}("))
            end = next(i for i in range(start, len(lines)) if lines[i] == "}")
            yield name, "\n".join(lines[start:end + 1]) + "\n", [int(s) for s in sizes.split(",") if s]


def norm(values):
    return math.sqrt(sum(v * v for v in values)) or 1.0


def differs(a, b, bound):
    if len(a) != len(b) or [math.isnan(x) for x in a] != [math.isnan(y) for y in b]:
        return True
    pairs = [(x, y) for x, y in zip(a, b) if not math.isnan(x) and x != y]
    if any(math.isinf(x) or math.isinf(y) for x, y in pairs):
        return True
    return norm([x - y for x, y in pairs] or [0.0]) > bound * norm([x for x in a if math.isfinite(x)]) and bool(pairs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default="")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    os.environ["PATH"] = options.bin + os.pathsep + os.environ["PATH"]
    generator = random.Random(options.seed)
    sources = list(functions(options.files))
    edits = [swap_word, swap_word, swap_operands, other_operand, insert_op]
    tried = fired = bad = 0
    chosen = []

    def report(name, text, why):
        nonlocal bad
        bad += 1
        print(f"{name}: {why}")
        if options.keep:
            pathlib.Path(options.keep, f"{name}.mlir").write_text(text)

    while tried < options.count:
        name, text, sizes = generator.choice(sources)
        mutant = text
        for _ in range(generator.randrange(1, 4)):
            mutant = generator.choice(edits)(mutant, generator)
        if mutant == text or subprocess.run(["mlir-opt"], input=mutant, capture_output=True, text=True).returncode:
            continue
        tried += 1
        label = f"{name}_{options.seed}_{tried}"
        mutant = mutant.replace(f"@{name}(", f"@{label}(", 1)
        raised = subprocess.run(["kvc-opt", f"--pass-pipeline={RAISE}"], input=mutant, capture_output=True, text=True)
        if raised.returncode:
            report(label, mutant, "kvc-opt failed: " + raised.stderr[:300])
            continue
        if "kvc.attention" not in raised.stdout:
            continue
        fired += 1
        head = re.search(rf"func.func @{label}\((.*?)\) -> (tensor<[^>]*>)", mutant, re.S)
        types = re.findall(r"%\w+: (tensor<[^>]*>)( \{[^}]*\})?", head.group(1))
        chosen.append((label, mutant, harness(len(chosen), label, types, head.group(2), sizes, generator)))

    module = "\n".join([m for _, m, _ in chosen] + ["func.func @main() {"] +
                       [line for _, _, lines in chosen for line in lines] +
                       ["  return", "}", "func.func private @printMemrefF32(memref<*xf32>)"])
    if chosen:
        before = execute(module)
        after = execute(run(["kvc-opt", f"--pass-pipeline={DECOMPOSE}"], run(["kvc-opt", f"--pass-pipeline={RAISE}"], module)))
        for (label, mutant, _), a, b in zip(chosen, before, after):
            bound = 2e-2 if "f16" in mutant else 2e-4
            if differs(a, b, bound):
                report(label, mutant, f"raised, and the numbers changed: {a[:6]} {b[:6]}")
    print(f"{tried} mutants, raise fired on {fired}, {bad} bad")
    return int(bad > 0 or fired == 0)


if __name__ == "__main__":
    sys.exit(main())
