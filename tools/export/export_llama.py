#!/usr/bin/env python3
"""Export Hugging Face's LlamaForCausalLM to linalg on tensors.

The chain, with nothing written by hand in between:

  transformers model -> torch.export -> torch-mlir's FX importer
    -> torch-mlir's "torch backend to linalg on tensors" pipeline
    -> upstream mlir-opt 22 (range folding, canonicalize, CSE, printing)

The importer and torch-mlir's passes are the ones inside the iree-base-compiler
wheel.  IREE's own lowering (util, hal, flow) is not run, so the result is a
plain func.func in upstream dialects.  Weights are function arguments marked
`kvc.param = "<safetensors key>"`; the tokens are marked `kvc.input = "tokens"`.

See README.md for the set-up and the exact command.
"""

import argparse
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from iree.compiler import ir, passmanager
from iree.compiler.extras.fx_importer import FxImporter, FxImporterHooks
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.masking_utils import create_causal_mask

# Passes of torch-mlir, as registered in iree-base-compiler.
#  - strict symbolic shapes: torch.export has proved which symbolic sizes agree,
#    so that no "is this size 1 at run time?" broadcast code is emitted
#    (IREE's default for torch.export programs);
#  - the two pipelines every torch-mlir user runs;
#  - strip-debug-ops: drops cf.assert (bounds of token ids in the embedding).
TORCH_PIPELINE = (
    "builtin.module("
    "func.func(torch-iree-set-strict-symbolic-shapes),"
    "torchdynamo-export-to-torch-backend-pipeline,"
    "torch-backend-to-linalg-on-tensors-backend-pipeline,"
    "iree-util-strip-debug-ops,"
    "canonicalize,cse)"
)

# Passes of upstream mlir-opt.  Range analysis knows that a tensor.dim is not
# negative and so folds torch's "negative means from the end" selects.
UPSTREAM_PASSES = ["--int-range-optimizations", "--canonicalize", "--cse",
                   "--canonicalize"]


def llama_config():
    """The demo model: byte vocabulary, 4 layers, 4 query heads on 2 KV heads."""
    return LlamaConfig(
        vocab_size=256,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=2048,
        rope_theta=10000.0,
        rms_norm_eps=1e-5,
        attention_bias=False,
        mlp_bias=False,
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="eager",
    )


def build_model(seed=0):
    """The model in f32; its initial weights do not reach the graph."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(llama_config()).eval()


class LogitsOf(torch.nn.Module):
    """(tokens, weight 0, weight 1, ...) -> logits at all positions.

    The causal mask is transformers' own create_causal_mask, called here instead
    of inside the model for one reason: the model also passes position_ids,
    and a trace then keeps the detection of packed training sequences, which an
    ordinary run finds absent and drops.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.names = [name for name, _ in model.named_parameters()]

    def forward(self, input_ids, *weights):
        mask = create_causal_mask(
            config=self.model.config,
            inputs_embeds=torch.empty(*input_ids.shape, 1),  # for its shape only
            attention_mask=None,
            past_key_values=None,
        )
        out = torch.func.functional_call(
            self.model,
            dict(zip(self.names, weights)),
            kwargs={"input_ids": input_ids, "attention_mask": mask,
                    "use_cache": False},
        )
        return out.logits


def linear_as_mm(x, weight, bias=None):
    """aten.linear as core ATen writes it: flatten, transpose, mm, unflatten."""
    assert bias is None
    flat = x.reshape(-1, x.shape[-1])
    return torch.mm(flat, weight.t()).reshape(*x.shape[:-1], weight.shape[0])


def decompositions():
    """Core ATen, except that aten.matmul stays: torch-mlir lowers that itself
    to linalg.batch_matmul, without core ATen's views between dynamic shapes."""
    table = torch.export.default_decompositions()
    table.pop(torch.ops.aten.matmul.default)
    table[torch.ops.aten.linear.default] = linear_as_mm
    return table


def export_program(model):
    """torch.export with a dynamic sequence dimension."""
    wrapper = LogitsOf(model)
    weights = tuple(p.detach() for _, p in model.named_parameters())
    tokens = torch.arange(16, dtype=torch.int64).unsqueeze(0)
    limit = model.config.max_position_embeddings
    seq = torch.export.Dim("seq", min=2, max=limit)
    with torch.no_grad():
        program = torch.export.export(
            wrapper,
            (tokens, *weights),
            dynamic_shapes=({1: seq}, tuple(None for _ in weights)),
            strict=False,
        )
    return wrapper.names, weights, program.run_decompositions(decompositions())


def pin_inferred_sizes(graph):
    """Write the size that torch.export recorded where a view says -1.

    torch-mlir otherwise computes it at run time (a division) and has to use
    tensor.reshape in place of expand_shape or collapse_shape.
    """
    for node in graph.find_nodes(op="call_function",
                                 target=torch.ops.aten.view.default):
        sizes = list(node.args[1])
        for dim, size in enumerate(node.meta["val"].shape):
            if sizes[dim] == -1 and isinstance(size, int):
                sizes[dim] = size
        node.update_arg(1, sizes)


def freeze_buffers(program):
    """Turn buffers (RoPE's inv_freq) into constants of the graph.

    The importer does so for parameters and lifted constants, but not for
    buffers that are outside the state dict.
    """
    values = dict(program.named_buffers())
    targets = program.graph_signature.inputs_to_buffers
    for node in list(program.graph.find_nodes(op="placeholder")):
        if node.name in targets:
            node.replace_all_uses_with(values[targets[node.name]])
            program.graph.erase_node(node)


class DenseLiterals(FxImporterHooks):
    """Print tensor constants as dense<[...]> instead of a dense_resource blob."""

    def resolve_literal(self, gni, literal, info):
        if not isinstance(literal, torch.Tensor) or literal.numel() == 1:
            return None
        values = np.array(literal.tolist(), dtype=np.float32)
        return ir.Operation.create(
            "torch.vtensor.literal",
            results=[gni._cc.tensor_to_vtensor_type(literal)],
            attributes={"value": ir.DenseElementsAttr.get(values)},
        ).result


def import_to_linalg(program):
    """ExportedProgram -> MLIR module in linalg on tensors."""
    context = ir.Context()
    context.allow_unregistered_dialects = True  # for the kvc.* attributes
    importer = FxImporter(context=context, hooks=DenseLiterals())
    importer.import_frozen_program(program, func_name="main")
    with context:
        passmanager.PassManager.parse(TORCH_PIPELINE).run(importer.module.operation)
    return importer.module


def name_arguments(module, names, max_positions):
    """Attach kvc.input and kvc.param to the arguments of @main, and what the
    model's configuration says of its length."""
    func = module.body.operations[0]
    with module.context:
        keys = [("kvc.input", "tokens")] + [("kvc.param", n) for n in names]
        assert len(keys) == len(func.type.inputs), func.type
        func.attributes["arg_attrs"] = ir.ArrayAttr.get(
            [ir.DictAttr.get({k: ir.StringAttr.get(v)}) for k, v in keys])
        func.attributes["kvc.max_positions"] = ir.IntegerAttr.get(
            ir.IntegerType.get_signless(64), max_positions)


def find_tool(name, given=None):
    """A given path, or `name` on PATH, or Debian's `name`-22."""
    tool = given or shutil.which(name) or shutil.which(name + "-22")
    if not tool:
        sys.exit(f"error: no {name} on PATH; give its path")
    return tool


def upstream(mlir_opt, text):
    """Tidy, verify and print with upstream's mlir-opt."""
    return subprocess.run(
        [mlir_opt, "--allow-unregistered-dialect", *UPSTREAM_PASSES],
        input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def header(mlir_opt, argv):
    """The comment that tells where the graph came from."""
    lines = subprocess.run([mlir_opt, "--version"], stdout=subprocess.PIPE,
                           text=True, check=True).stdout.splitlines()
    llvm = next(l.strip() for l in lines if "LLVM version" in l)
    wheels = ", ".join(f"{p} {version(p)}" for p in
                       ("torch", "transformers", "iree-base-compiler"))
    return (
        "// Generated; do not edit. LlamaForCausalLM, batch 1, dynamic length,\n"
        "// no cache; causal mask and RoPE are computed in the graph.\n"
        f"// Command: python3 tools/export/export_llama.py {' '.join(argv)}\n"
        f"// Python {sys.version.split()[0]}, {wheels},\n"
        f"// mlir-opt: {llvm}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, help="linalg graph")
    parser.add_argument("--params", help="also write the weights' names as JSON")
    parser.add_argument("--mlir-opt", help="mlir-opt of MLIR 22")
    args = parser.parse_args()
    mlir_opt = find_tool("mlir-opt", args.mlir_opt)

    names, weights, program = export_program(build_model())
    pin_inferred_sizes(program.graph)
    freeze_buffers(program)
    module = import_to_linalg(program)
    name_arguments(module, names, llama_config().max_position_embeddings)
    text = upstream(mlir_opt, str(module))

    shown = ["-o", args.output]
    if args.params:
        shown += ["--params", args.params]
        params = [{"name": n, "shape": list(w.shape), "dtype": "f32"}
                  for n, w in zip(names, weights)]
        rows = ",\n".join("  " + json.dumps(p) for p in params)
        Path(args.params).write_text(f"[\n{rows}\n]\n")
    Path(args.output).write_text(header(mlir_opt, shown) + text)


if __name__ == "__main__":
    main()
