#!/usr/bin/env python3
"""Every id that raise can give is explained in docs/raise.md, and no other.

usage: check_ids.py SOURCE_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
given = set()
for path in (root / "lib/Conversion/LinalgToKVC").glob("*.cpp"):
    given |= set(re.findall(r'(?:refuse|fail|note)\(\s*(?:refusal,\s*)?"([a-z-]+)"', path.read_text()))
    given |= set(re.findall(r'addMissed\(\{[^"]*"([a-z-]+)"', path.read_text()))
    given |= set(re.findall(r'notes\.push_back\(\{"([a-z-]+)"', path.read_text()))
    given |= set(re.findall(r'refusal = \{\s*"([a-z-]+)"', path.read_text()))
explained = set(re.findall(r"^\| `([a-z-]+)` \|", (root / "docs/raise.md").read_text(), re.M))
for name in sorted(given - explained):
    print(f"{name}: expected a row in docs/raise.md, got none")
for name in sorted(explained - given):
    print(f"{name}: explained in docs/raise.md, but nothing gives it")
print(f"{len(given)} ids, {'all explained' if given == explained else 'not all explained'}")
sys.exit(given != explained or len(given) < 20)
