#!/usr/bin/env python3
"""Writes docs/results/static-evidence.md: what the machine code of the main
variants does on every chip, and the times that the cost model predicts.

usage: static-evidence.py kvc-compile [-o docs/results/static-evidence.md] [--chips=sm_90a,...]

Needs ptxas and nvdisasm (tools/fetch-cuda-tools.sh). Nothing is measured.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from markdown_table import table

CHIPS = ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"]
QUANT = "key = #kvc.quant<{0}>, value = #kvc.quant<{0}>"
STORAGES = {"bf16": ("bf16", ""), "f16": ("f16", ""),
            "i8": ("bf16", QUANT.format("i8")),
            "f8": ("bf16", QUANT.format("f8E4M3FN"))}


def variants():
    """(name, spec): storages x head dims at GQA 4; other groups; page sizes."""
    def spec(name, storage, dim, group, block=16):
        element, quant = STORAGES[storage]
        parts = ["kv_heads = 8", f"head_dim = {dim}", element] + [quant] * bool(quant)
        if block != 16:
            parts.append(f"layout = #kvc.paged<block = {block}>")
        return (name, f"kvc.variant @{name} {{cache = !kvc.cache<{', '.join(parts)}>, "
                      f"query_heads = {8 * group}, causal = true}}\n")
    for storage in STORAGES:
        for dim in (64, 128, 256):
            yield spec(f"{storage}_d{dim}_g4", storage, dim, 4)
    for group in (1, 8):  # the group changes the rows of queries, not the loop
        yield spec(f"bf16_d128_g{group}", "bf16", 128, group)
    for block in (1, 8, 64):
        yield spec(f"bf16_d128_g4_page{block}", "bf16", 128, 4, block)


def evidence(compiler, chip, folder):
    """(kernels, why variants are not among them)."""
    source, out = folder / "spec.mlir", folder / f"{chip}.json"
    specs, refused = dict(variants()), []
    if chip != "sm_90a":  # page sizes change little: one chip shows it
        specs = {name: text for name, text in specs.items() if "page" not in name}
    while specs:
        source.write_text("".join(specs.values()))
        run = subprocess.run([compiler, f"--attention={source}", f"--target={chip}",
                              "--emit=cubin", "-o", folder / "k.cubin",
                              f"--evidence={out}"], capture_output=True, text=True)
        if run.returncode == 0:
            return json.loads(out.read_text()), refused
        bad = [name for name in specs if re.search(rf"error:.*\n.*@{name} ", run.stderr)]
        if not bad:
            sys.exit(run.stderr)
        refused += re.findall(r"error: (.*)", run.stderr)
        for name in bad:
            del specs[name]
    return [], refused


def hot_row(kernel):
    hot, facts, mix = kernel["hot"], kernel["facts"], kernel["hot"]["mix"]
    tiles = facts["loop_tokens"] / 16
    more = " + ?" if None in hot["inner_trips"] else ""
    return [f"`{kernel['kernel']}`", facts["registers"], facts["shared_bytes"],
            facts["blocks_per_sm"], facts["spilled"], kernel["local"] + kernel["generic"],
            hot["calls"], hot["barriers"], f"{hot['steady'] / tiles:.0f}{more}",
            f"{hot['longest'] / tiles:.0f}{more}",
            ", ".join(str(n or "unknown") for n in hot["inner_trips"]) or "none",
            hot["copies_16"], hot["copies_narrow"],
            f"{hot['wide'] / hot['copies_16']:.2f}",
            " / ".join(str(mix[unit]) for unit in ("tensor", "fma", "special", "convert",
                                                   "integer", "shared", "copy", "control")) + more]


def pages(compiler, chips):
    yield "# Static evidence"
    yield ""
    yield (f"Written on {datetime.date.today()} by `tools/static-evidence.py kvc-compile` "
           "from machine code of ptxas 13. **Counted and predicted, nothing "
           "measured**: no kernel has run on a GPU yet.")
    yield ""
    yield ("Names: storage, head_dim, query heads a KV head; 8 KV heads, page 16 unless "
           "said, causal. *Steady* is what a warp issues for 16 keys of one KV head (keys "
           "and values) where every row sees them and no maximum changes; *longest* where "
           "all is done. Goals of decode: steady at most 1290 (16 bits), 715 (8 bits); "
           "no spills, local or generic accesses, calls or barriers in the loop; "
           "keys and values in copies of 16 bytes (the narrower one brings scales); at most "
           "two 64-bit operations a copy. sm_80 and sm_86 convert e4m3 in software, "
           "at head_dim 256 in loops inside. *Trips* is how often each loop inside runs, "
           "read from the machine code; all numbers count it that often, and end in "
           "`+ ?` where the code does not tell.")
    yield ""
    head = ["kernel", "registers", "shared", "blocks an SM", "spilled", "local, generic",
            "calls", "barriers", "steady", "longest", "trips", "copies 16 B", "narrower",
            "64-bit a copy", "tensor / fma / special / convert / integer / shared / copy / control"]
    predictions = []
    with tempfile.TemporaryDirectory() as name:
        for chip in chips:
            print(chip, file=sys.stderr, flush=True)
            kernels, refused = evidence(compiler, chip, pathlib.Path(name))
            for suffix in ("decode", "prefill"):
                yield f"## {chip}, {suffix}"
                yield ""
                yield from table(head, [hot_row(k) for k in kernels
                                        if k["kernel"].endswith("attend_" + suffix)])
            yield f"## {chip}, append and merge"
            yield ""
            yield from table(
                ["kernel", "instructions", "registers", "blocks an SM", "spilled",
                 "local, generic", "calls"],
                [[f"`{k['kernel']}`", k["instructions"], k["facts"]["registers"],
                  k["facts"]["blocks_per_sm"], k["facts"]["spilled"],
                  k["local"] + k["generic"], k["calls"]]
                 for k in kernels if "hot" not in k and "_g4" in k["kernel"] and "page" not in k["kernel"]])
            for reason in refused:
                yield f"Refused: {reason}"
                yield ""
            predictions += [(chip, k) for k in kernels]
    yield "## Predicted times"
    yield ""
    yield ("Microseconds a launch, by `lib/Target/Sass/CostModel.cpp`, to be held against "
           "measurement. *At least*: all else hidden behind the largest part; *at most*: "
           "nothing hidden. Heads: sequences times KV heads. D5 and D15 (its page sizes) "
           "are 256 heads of 4096 keys; P1 is 16 heads, 16,384 tokens.")
    yield ""
    wanted = ("bf16_d128_g4", "i8_d128_g4", "f8_d128_g4", "bf16_d64_g4", "bf16_d256_g4")
    rows = []
    for chip, kernel in predictions:
        name = kernel["kernel"]
        variant = name.split("_attend")[0]
        page = "_page" in variant
        if chip in ("sm_86", "sm_89") or not (variant in wanted or page):
            continue
        for p in kernel["predicted"]:
            if (page or variant in wanted[3:]) and p["suite"] not in ("D5", "P1"):
                continue
            if page and "prefill" in name:
                continue
            suite = "D15" if page else p["suite"]
            rows.append([chip, f"`{name}`", suite, f"{p['heads']} x {p['keys']}",
                         f"{p['bytes'] / 1e6:.1f}"]
                        + [f"{p[part]:.1f}" for part in ("memory", "issue", "tensor", "chain",
                                                         "start", "at_least", "at_most")])
    yield from table(["chip", "kernel", "suite", "heads x keys", "MB", "memory", "issue",
                      "tensor", "chain", "t0", "at least", "at most"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("compiler")
    parser.add_argument("-o", default="docs/results/static-evidence.md")
    parser.add_argument("--chips", default=",".join(CHIPS))
    options = parser.parse_args()
    text = "\n".join(pages(options.compiler, options.chips.split(",")))
    pathlib.Path(options.o).write_text(text)


if __name__ == "__main__":
    main()
