"""Takes an artefact apart and makes its first two variants run each other's
kernels, or say that the second writes an lse:
alter-library.py artefact.so elf manifest.json [lse]."""
import json
import struct
import sys

data = open(sys.argv[1], "rb").read()
elf, size = struct.unpack("<QQ", data[-64:][16:32])
manifest = json.loads(data[elf:elf + size])
first, second = manifest["variants"][:2]
if sys.argv[4:] == ["lse"]:
    second["features"].append("lse")
else:
    first["symbols"], second["symbols"] = second["symbols"], first["symbols"]
open(sys.argv[2], "wb").write(data[:elf])
json.dump(manifest, open(sys.argv[3], "w"))
