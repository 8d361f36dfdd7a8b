#!/usr/bin/env python3
"""Prints the `#kvc...` and `!kvc...` of the given .td files, a module each.

Only what stands in backquotes with its parameters, or alone after "Example:".
"""
import pathlib
import re
import sys

found = []
for name in sys.argv[1:]:
    text = re.sub(r"\s+", " ", pathlib.Path(name).read_text())
    for example in re.findall(r"Example: (.*?)\}\]", text):
        found += re.findall(r"`([#!]kvc\.[^`]*)`", example)
if len(found) < 10:
    sys.exit(f"expected examples in {sys.argv[1:]}, got {len(found)}")
for example in found:
    print(f"module attributes {{kvc.a = {example}}} {{}}\n// -----")
