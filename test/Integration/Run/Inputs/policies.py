"""Writes policy files for the model tests, one per name: policies.py FOLDER."""
import sys

POLICIES = {
    # what the demo runs
    "all": "{policy = #kvc.policy<layout = #kvc.paged<block = 16>>}",
    # two groups; a window that is no multiple of the block
    "window": "{layers = [1, 3], policy = #kvc.policy<retention = #kvc.window<50>>}",
    "streaming": "{policy = #kvc.policy<layout = #kvc.paged<block = 8>,"
                 " retention = #kvc.streaming<sink_tokens = 4, window = 44>>}",
    # keys stored as they arrive, rotated on reading
    "attend": "{policy = #kvc.policy<position = #kvc.rope<theta = 1.0e4, dim = 64, at = attend>>}",
    "f16": "{policy = #kvc.policy<key = #kvc.plain<f16>, value = #kvc.plain<f16>>}",
    "i8": "{policy = #kvc.policy<key = #kvc.quant<i8, axis = token, symmetric>,"
          " value = #kvc.quant<i8, axis = token, symmetric>>}",
    "contiguous": "{policy = #kvc.policy<layout = #kvc.contiguous<capacity = 256>>}",
    # as many groups as layers
    "mixed": "{policy = #kvc.policy<layout = #kvc.paged<block = 1, order = nhd>>},"
             "{layers = [1], policy = #kvc.policy<layout = #kvc.paged<block = 256>>},"
             "{layers = [2], policy = #kvc.policy<key = #kvc.plain<bf16>, retention = #kvc.window<40>>},"
             "{layers = [3], policy = #kvc.policy<value = #kvc.quant<i8, axis = token, symmetric>,"
             " retention = #kvc.streaming<sink_tokens = 1, window = 33>>}",
}
for name, entries in POLICIES.items():
    with open(f"{sys.argv[1]}/{name}.mlir", "w") as out:
        out.write(f"module attributes {{kvc.policies = [{entries}]}} {{}}\n")
