#!/usr/bin/env python3
"""Prints what the manifest behind an artefact's ELF image says it is for."""
import json
import sys

data = open(sys.argv[1], "rb").read()
start = data.rindex(b'{"abi"') if b'{"abi"' in data else data.rindex(b'{\n')
manifest, _ = json.JSONDecoder().raw_decode(data[start:].decode("utf-8", "replace"))
names = " ".join(v["name"] for v in manifest["variants"])
print(f"target {manifest['target']}, kind {manifest['kind']}, variants {names}")
