#!/usr/bin/env python3
"""Writes the README's table of what works where from conformance runs.

    kvc-conformance --json=cpu.json
    kvc-conformance --engine=sim:sm_90a --json=sim.json
    tools/conformance-table.py README.md cpu.json sim.json

Replaces what stands between the two `conformance` comments. A variant that no
row of the table is about is an error, so that nothing is left out unseen.
"""
import argparse
import json
import re
import sys

# Each row of the table: what it is about, and which variants belong to it.
ROWS = [
    ("heads and head_dim (MHA, GQA, MQA; K and V may differ)", r"(mha|gqa|mqa)\d* d"),
    ("pages of 1 to 256 tokens", r"block \d+$"),
    ("contiguous layout", r"contiguous"),
    ("operands f16, bf16", r"element "),
    ("storage f16, bf16 under f32; i8 per token; K and V apart", r"(f32 stored|i8|bf16 keys)"),
    ("storage f8E4M3FN per token", r"f8E4M3FN "),
    ("RoPE neox and interleaved, at append and at attend, partial", r"rope "),
    ("ALiBi", r"alibi"),
    ("window", r"(window|op window)"),
    ("streaming (sinks + window), with RoPE and ALiBi", r"streaming"),
    ("bidirectional", r"not causal"),
    ("soft-cap", r"softcap"),
    ("sink logits", r"sink logits"),
    ("masks: f32, i1, packed", r"mask "),
    ("score regions with captured tensors", r"score "),
    ("all of it at once", r"everything"),
    ("GPU shapes that need fewer registers (docs/cuda.md)", r"frugal "),
]
BEGIN, END = "<!-- conformance: begin -->", "<!-- conformance: end -->"


def row_of(variant):
    for title, pattern in ROWS:
        if re.match(pattern, variant):
            return title
    sys.exit(f"error: expected a row for variant '{variant}', got none; add it to ROWS")


def describe(cells):
    """What one engine says about one row."""
    good = sum(cell["problem"] == "" for cell in cells)
    worst = max(cell["out_error"] for cell in cells)
    return f"{'yes' if good == len(cells) else 'NO'}, {good} of {len(cells)}, {worst:.0e}"


def table(runs):
    engines = [run["engine"] for run in runs]
    lines = ["| | reference | " + " | ".join(engines) + " |",
             "|---|---|" + "---|" * len(engines)]
    by_row = [{title: [] for title, _ in ROWS} for _ in runs]
    for run, rows in zip(runs, by_row):
        for cell in run["cells"]:
            rows[row_of(cell["variant"])].append(cell)
    for title, _ in ROWS:
        texts = [describe(rows[title]) if rows[title] else "not run" for rows in by_row]
        lines.append(f"| {title} | the measure | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", help="the file to rewrite, - to print the table")
    parser.add_argument("runs", nargs="+", help="JSON of kvc-conformance, one per engine")
    args = parser.parse_args()
    runs = []
    for path in args.runs:
        with open(path, encoding="utf-8") as file:
            runs.append(json.load(file))
    text = table(runs)
    if args.page == "-":
        print(text)
        return
    with open(args.page, encoding="utf-8") as file:
        page = file.read()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit(f"error: expected one pair of conformance comments in {args.page}")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    with open(args.page, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n{text}\n{END}{tail}")


if __name__ == "__main__":
    main()
