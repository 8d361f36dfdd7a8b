#!/usr/bin/env python3
"""Prints the ```mlir blocks of a document, separated for --split-input-file."""
import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text()
blocks = re.findall(r"^```mlir\n(.*?)^```$", text, re.M | re.S)
if not blocks:
    sys.exit("expected ```mlir blocks in " + sys.argv[1] + ", got none")
print("// -----\n".join(blocks))
