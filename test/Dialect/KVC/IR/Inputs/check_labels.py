#!/usr/bin/env python3
"""Fails when a constraint label is missing in one of its four places.

A label such as `append_c2` is defined in a .td file, checked where a comment
in lib/ names it, tested by a function of that name and specified in
docs/dialect.md. Usage: check_labels.py ROOT
"""
import pathlib
import re
import sys

LABEL = re.compile(r"\b([a-z][a-z_]*_c[0-9]+)\b")


def labels(paths, pattern=LABEL):
    return {m for path in paths for m in pattern.findall(path.read_text())}


def main():
    root = pathlib.Path(sys.argv[1])
    ir = "Dialect/KVC/IR"
    defined = labels((root / "include/kvc" / ir).glob("*.td"))
    if len(defined) < 30:
        print(f"expected the constraints of the dialect in *.td, got {len(defined)}")
        return 2
    places = {
        "a comment of a verifier": labels((root / "lib" / ir).glob("*.cpp")),
        "a test function": labels((root / "test" / ir).glob("*.mlir"),
                                  re.compile(r"@([a-z][a-z_]*_c[0-9]+)")),
        "docs/dialect.md": labels([root / "docs/dialect.md"]),
    }
    bad = 0
    for place, found in places.items():
        for label in sorted(defined - found):
            print(f"expected {label} in {place}, got none")
            bad = 1
        for label in sorted(found - defined):
            print(f"expected {label} of {place} in a .td file, got none")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
