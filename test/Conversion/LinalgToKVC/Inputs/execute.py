#!/usr/bin/env python3
"""Runs functions before and after raise on random inputs and compares.

usage: execute.py FILE.mlir [--seed N] [--bound X] [--bin DIR] [--model SIZES]

Every func.func @name that FILE names in `// EXECUTE: name [sizes=A,B] [bound=X]`
is called by a generated @main with random arguments (dynamic dimensions
get the sizes, in order; masks, marked {test.mask}, hide whole rows too), once lowered as it stands and once through
kvc-raise-attention and kvc-decompose-attention. The raised module must hold
kvc.attention. Results are compared by norm(a - b) / norm(a) <= bound; NaNs must
stand at the same places. Exits 1 with the numbers when they differ.

Tools are found in DIR and on PATH: kvc-opt, mlir-opt, mlir-runner.
"""
import argparse
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

LOWER = ("builtin.module(func.func(linalg-generalize-named-ops),canonicalize,cse,"
         "one-shot-bufferize{bufferize-function-boundaries "
         "function-boundary-type-conversion=identity-layout-map},"
         "func.func(convert-linalg-to-loops),expand-strided-metadata,lower-affine,"
         "convert-scf-to-cf,arith-emulate-unsupported-floats{source-types=bf16,f16 target-type=f32},"
         "arith-expand{include-bf16=true},convert-math-to-llvm,"
         "convert-math-to-libm,finalize-memref-to-llvm,convert-func-to-llvm,"
         "convert-cf-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,"
         "reconcile-unrealized-casts)")
# arguments with more elements are computed instead of written down
LARGEST_LITERAL = 4096
RAISE = ("builtin.module(func.func(kvc-raise-attention))")
DECOMPOSE = ("builtin.module(func.func(kvc-decompose-attention))")
# linalg.softmax has no pass that opens it: a transform script does
OPEN_SOFTMAX = """
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op) {
    %s = transform.structured.match ops{["linalg.softmax"]} in %m : (!transform.any_op) -> !transform.any_op
    %o = transform.structured.decompose_interface %s : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
"""


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)[:200]}\nfailed:\n{done.stderr[:3000]}")
    return done.stdout


def literal(shape, element, values):
    """A dense literal of the values, nested as `shape` says."""
    if not shape:
        return next(values)
    return "[" + ", ".join(literal(shape[1:], element, values) for _ in range(shape[0])) + "]"


def numbers(element, generator):
    while True:
        if element == "i1":
            yield "true" if generator.random() < 0.7 else "false"
        elif element.startswith("i"):
            yield str(generator.randrange(0, 8))
        else:
            yield f"{generator.gauss(0.0, 1.0):.6e}"


def masked(element, row, generator):
    """Rows of a mask: some keys hidden, and every third row or so all of them."""
    seen, hidden = ("true", "false") if element == "i1" else ("0.0", "0xFF800000")
    if element in ("bf16", "f16"):
        hidden = {"bf16": "0xFF80", "f16": "0xFC00"}[element]
    while True:
        visible = 0.0 if generator.random() < 0.3 else 0.7
        for _ in range(row):
            yield seen if generator.random() < visible else hidden


def weights(name, shape, element, salt):
    """A big tensor of numbers hashed from their index, about as large as a
    model's weights."""
    rank = len(shape)
    kind = "tensor<" + "".join(f"{s}x" for s in shape) + element + ">"
    dims = ", ".join(f"d{k}" for k in range(rank))
    tag = name[1:]
    lines = [f"  %{tag}_e = tensor.empty() : {kind}",
             f"  {name} = linalg.generic {{indexing_maps = [affine_map<({dims}) -> ({dims})>], iterator_types = ["
             + ", ".join(['"parallel"'] * rank) + f"]}} outs(%{tag}_e : {kind}) {{",
             f"  ^bb0(%o: {element}):", f"    %h0 = arith.constant {salt * 7919 + 17} : i32"]
    for k in range(rank):
        lines += [f"    %x{k} = linalg.index {k} : index", f"    %y{k} = arith.index_cast %x{k} : index to i32",
                  f"    %p{k} = arith.constant {[40503, 6700417, 69069][k % 3]} : i32",
                  f"    %m{k} = arith.muli %y{k}, %p{k} : i32", f"    %s{k} = arith.addi %h{k}, %m{k} : i32",
                  f"    %q{k} = arith.constant 1664525 : i32", f"    %h{k + 1} = arith.muli %s{k}, %q{k} : i32"]
    lines += ["    %sh = arith.constant 8 : i32", f"    %r = arith.shrsi %h{rank}, %sh : i32",
              f"    %f = arith.sitofp %r : i32 to {element}",
              f"    %c = arith.constant {0.1 / 2 ** 23:.6e} : {element}", f"    %v = arith.mulf %f, %c : {element}",
              f"    linalg.yield %v : {element}", f"  }} -> {kind}"]
    return lines


def harness(n, name, types, result, sizes, generator):
    """Ops of @main that call @name and print what it gives; n keeps names apart."""
    lines, call = [], []
    for i, (type_, attributes) in enumerate(types):
        match = re.fullmatch(r"tensor<((?:[0-9?]+x)*)([a-z0-9]+)>", type_)
        dims, element = match.group(1).split("x")[:-1], match.group(2)
        shape = [sizes[dims[:k].count("?")] if d == "?" else int(d) for k, d in enumerate(dims)]
        static = "tensor<" + "".join(f"{s}x" for s in shape) + element + ">"
        if math.prod(shape) > LARGEST_LITERAL:
            lines += weights(f"%a{n}_{i}", shape, element, i)
            call.append(f"%a{n}_{i}")
            continue
        values = numbers(element, generator)
        if "test.mask" in attributes:
            values = masked(element, shape[-1], generator)
        lines.append(f"  %s{n}_{i} = arith.constant dense<{literal(shape, element, values)}> : {static}")
        lines.append(f"  %a{n}_{i} = tensor.cast %s{n}_{i} : {static} to {type_}")
        call.append(f"%a{n}_{i}")
    element = re.fullmatch(r"tensor<(?:[0-9?]+x)*([a-z0-9]+)>", result).group(1)
    rank = result.count("x")
    args = ", ".join(t for t, _ in types)
    lines.append(f"  %r{n} = func.call @{name}({', '.join(call)}) : ({args}) -> {result}")
    value = f"%r{n}"
    final = result.replace(element, "f32")
    if element != "f32":
        lines.append(f"  %w{n} = arith.extf %r{n} : {result} to {final}")
        value = f"%w{n}"
    buffer = final.replace("tensor", "memref")
    lines.append(f"  %b{n} = bufferization.to_buffer {value} : {final} to {buffer}")
    lines.append(f"  %u{n} = memref.cast %b{n} : {buffer} to memref<*xf32>")
    lines.append(f"  call @printMemrefF32(%u{n}) : (memref<*xf32>) -> ()")
    return lines


def execute(text):
    if "linalg.softmax" in text:
        with tempfile.NamedTemporaryFile("w", suffix=".mlir") as script:
            script.write(OPEN_SOFTMAX)
            script.flush()
            text = run(["mlir-opt", f"--transform-preload-library=transform-library-paths={script.name}",
                        "--transform-interpreter"], text)
    # elementwise ops on tensors become generics first
    text = run(["mlir-opt", "--convert-elementwise-to-linalg"], text)
    text = run(["mlir-opt", f"--pass-pipeline={LOWER}"], text)
    libraries = pathlib.Path(shutil.which("mlir-runner")).resolve().parent.parent / "lib"
    shared = ",".join(str(libraries / f"lib{n}.so") for n in ("mlir_runner_utils", "mlir_c_runner_utils"))
    out = run(["mlir-runner", "-e", "main", "--entry-point-result=void", f"--shared-libs={shared}"], text)
    return [[float(v) for v in re.findall(r"-?(?:nan|inf|[0-9.]+(?:e[+-]?[0-9]+)?)", data)]
            for data in re.split(r"Unranked Memref[^\n]*data =", out)[1:]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bound", type=float, default=2e-5)
    parser.add_argument("--bin", default="", help="folder of kvc-opt")
    parser.add_argument("--model", default="", help="sizes: run the file's @main, as @model")
    options = parser.parse_args()
    os.environ["PATH"] = options.bin + os.pathsep + os.environ["PATH"]
    source = pathlib.Path(options.file).read_text()
    wanted = re.findall(r"// EXECUTE: (\w+)(?: sizes=([0-9,]+))?(?: bound=([0-9.e-]+))?", source)
    if options.model:
        # @main is ours, and stands beside the model: no module around it
        source = re.sub(r"^module[^\n]*{\n(.*)^}\n", r"\1", source, flags=re.M | re.S)
        source = source.replace("@main(", "@model(")
        wanted = [("model", options.model, "")]
    if not wanted:
        sys.exit("expected at least one `// EXECUTE: name`, got none")
    text = "\n".join(l for l in source.splitlines() if not l.lstrip().startswith("//"))
    generator = random.Random(options.seed)
    calls = []
    for n, (name, sizes, _) in enumerate(wanted):
        head = re.search(rf"func.func @{name}\((.*?)\) -> (tensor<[^>]*>)", text, re.S)
        types = re.findall(r"%\w+: (tensor<[^>]*>)( \{[^}]*\})?", head.group(1))
        calls += harness(n, name, types, head.group(2),
                         [int(s) for s in sizes.split(",") if s], generator)
    module = "\n".join([text, "func.func @main() {"] + calls +
                       ["  return", "}", "func.func private @printMemrefF32(memref<*xf32>)"])
    raised = run(["kvc-opt", f"--pass-pipeline={RAISE}"], module)
    before = execute(module)
    after = execute(run(["kvc-opt", f"--pass-pipeline={DECOMPOSE}"], raised))
    bad = len(before) != len(wanted) or len(after) != len(wanted)
    for (name, _, bound), a, b in zip(wanted, before, after):
        body = raised[raised.index(f"@{name}("):].split("\n  func.func")[0]
        if "kvc.attention" not in body:
            print(f"{name}: expected kvc.attention after raise, got none")
            bad = True
        limit = float(bound) if bound else options.bound
        same_nan = [math.isnan(x) for x in a] == [math.isnan(y) for y in b]
        pairs = [(x, y) for x, y in zip(a, b) if not math.isnan(x) and not math.isnan(y)]
        norm = math.sqrt(sum(x * x for x, _ in pairs)) or 1.0
        error = math.sqrt(sum((x - y) ** 2 for x, y in pairs)) / norm
        fits = len(a) == len(b) > 0 and same_nan and error <= limit
        print(f"{name}: {len(a)} numbers, {len(a) - len(pairs)} nan, error {error:.2e}, "
              f"bound {limit:.0e}: {'equal' if fits else 'DIFFERENT'}")
        bad |= not fits
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
