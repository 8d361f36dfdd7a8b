#!/usr/bin/env python3
"""Checks what `explain=json` wrote against the graph that it speaks of.

usage: check_explain.py ROWS.json GRAPH.mlir

Every function of the graph has a line; every row points at a line of the graph
that holds an op, carries an id that docs/raise.md explains, and a raised one
has sizes and a scale that are numbers.
"""
import json
import pathlib
import re
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
graph = pathlib.Path(sys.argv[2]).read_text()
lines = graph.splitlines()
page = pathlib.Path(__file__).parents[4] / "docs/raise.md"
explained = set(re.findall(r"^\| `([a-z-]+)` \|", page.read_text(), re.M)) | {"raise-attention"}

functions = set(re.findall(r"func\.func @(\w+)", graph))
told = {row["function"] for row in rows}
assert told == functions, f"expected rows of {functions - told}, and none of {told - functions}"
for row in rows:
    assert row["attentions"], row
    for attention in row["attentions"]:
        for note in [attention] + attention.get("kept", []):
            assert note["file"].endswith(pathlib.Path(sys.argv[2]).name), note
            assert " = " in lines[note["line"] - 1], note
            assert note["id"] in explained and note["why"], note
        assert attention["raised"] == (attention["id"] == "raise-attention"), attention
        if attention["raised"]:
            for size in ("batch", "query_heads", "kv_heads", "queries", "keys", "key_dim", "value_dim"):
                assert attention[size] is None or attention[size] > 0, attention
            assert attention["scale"] > 0 and isinstance(attention["mask"], list), attention
print("every row has its place, its id and its numbers")
