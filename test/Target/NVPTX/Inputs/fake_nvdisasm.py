#!/usr/bin/env python3
"""Stands for a disassembler: whatever the image, its text is the file
FAKE_SASS."""
import os
import sys

if sys.argv[1:] == ["--version"]:
    print("nvdisasm: NVIDIA (R) CUDA disassembler\n"
          "Cuda compilation tools, release 12.8, V12.8.1")
else:
    with open(os.environ["FAKE_SASS"]) as text:
        sys.stdout.write(text.read())
