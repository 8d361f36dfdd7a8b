"""lit configuration of the kvc suite.

Features: `shared` when the design folder with real exporters' graphs stands
beside the checkout (a user has no such folder; those tests are then skipped);
`ptxas` where a CUDA toolkit's assembler is found;
`sanitized` in a sanitizer build.
"""
import os
import shutil
import sys

import lit.formats
from lit.llvm import llvm_config

config.name = "kvc"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "models"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.kvc_obj_root, "test")

shared = os.path.join(config.kvc_src_root, "..", "shared")
if os.path.isdir(shared):
    config.available_features.add("shared")
else:
    lit_config.note("no ../shared beside the checkout: tests that read it are skipped")

# The assembler of a CUDA toolkit, where kvc-compile looks for it.
ptxas = next((path for path in (
    os.environ.get("KVC_PTXAS"), shutil.which("ptxas"),
    os.path.join(os.environ.get("CUDA_HOME", "/nowhere"), "bin/ptxas"),
    "/usr/local/cuda/bin/ptxas") if path and os.access(path, os.X_OK)), None)
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
else:
    lit_config.note("no ptxas found: tests that assemble GPU kernels are skipped")

# Programs of others (the stock mlir-opt, an installed consumer) cannot load
# what was built with a sanitizer.
if config.kvc_sanitize:
    config.available_features.add("sanitized")

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%shared", shared))
config.substitutions.append(("%mlir_dir", config.mlir_dir))
config.substitutions.append(("%kvc_src", config.kvc_src_root))
config.substitutions.append(("%kvc_obj", config.kvc_obj_root))
config.substitutions.append(
    ("%kvc_plugin",
     os.path.join(config.kvc_obj_root, "lib", "KVCPlugin" + config.llvm_shlib_ext)))
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
# In a sanitizer build our storages come from allocators that mark free memory
# as poison, and the packaged libMLIR, which does not know of it, shares them:
# reports of that kind are false.
llvm_config.with_environment(
    "ASAN_OPTIONS",
    os.environ.get("ASAN_OPTIONS", "allow_user_poisoning=0"))
llvm_config.add_tool_substitutions(
    ["kvc-compile", "kvc-conformance",
     "kvc-interpret", "kvc-lsp-server", "kvc-opt", "kvc-raise-check",
     "kvc-reduce", "kvc-run", "kvc-sim-run",
     "kvc-weights", "kvcrt-seal", "mlir-opt", "FileCheck", "not"],
    [os.path.join(config.kvc_obj_root, "bin"), config.llvm_tools_dir])
