"""lit configuration of the kvc suite.

Features: `shared` when the design folder with real exporters' graphs stands
beside the checkout (a user has no such folder; those tests are then skipped);
`torch` where a Python is found that can build and test python/;
`ptxas` and `nvdisasm` where a CUDA toolkit's assembler and disassembler are
found (tools/setup.sh sees to it);
`sanitized` in a sanitizer build.
"""
import os
import re
import shutil
import subprocess
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

# The assembler of a CUDA toolkit, where kvc-compile looks for it; one that does
# not read the PTX of every chip is none to these tests.
OLDEST_PTXAS = (12, 8)
OLDEST_NVDISASM = (13, 0)  # no older than the ptxas that setup.sh brings


def find_program(program, oldest):
    """(path, words about why not) of a program of a CUDA toolkit."""
    variable = "KVC_" + program.upper()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    wrong = []
    for path in ([os.environ[variable]] if os.environ.get(variable) else [
            shutil.which(program),
            os.path.join(os.environ.get("CUDA_HOME", "/nowhere"), "bin", program),
            "/usr/local/cuda/bin/" + program,
            os.path.join(cache, "kvc/bin", program)]):
        if not path or not os.access(path, os.X_OK):
            continue
        try:
            said = subprocess.run([path, "--version"], capture_output=True,
                                  text=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError) as error:
            said = str(error)
        release = re.search(r"release (\d+)\.(\d+)", said)
        if release and tuple(map(int, release.groups())) >= oldest:
            return path, ""
        wrong.append(f"{path} is {release[0] if release else 'no ' + program}")
    return None, ", ".join(wrong)


ptxas, wrong = find_program("ptxas", OLDEST_PTXAS)
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
    config.environment["KVC_PTXAS"] = ptxas
else:
    config.environment["KVC_PTXAS"] = "none"
    lit_config.note("no ptxas of CUDA %d.%d or newer found%s: tests that assemble "
                    "GPU kernels are skipped; tools/fetch-cuda-tools.sh downloads one"
                    % (*OLDEST_PTXAS, wrong and f" ({wrong})"))

# Its disassembler, likewise.
nvdisasm, wrong = find_program("nvdisasm", OLDEST_NVDISASM)
config.environment["KVC_NVDISASM"] = nvdisasm or "none"
if nvdisasm:
    config.available_features.add("nvdisasm")
    config.substitutions.append(("%nvdisasm", nvdisasm))
else:
    lit_config.note("no nvdisasm of CUDA %d.%d or newer found%s: tests that count "
                    "what GPU kernels do are skipped; "
                    "tools/fetch-cuda-tools.sh downloads one"
                    % (*OLDEST_NVDISASM, wrong and f" ({wrong})"))
# A Python that can build and test python/ without fetching anything.
def find_torch_python():
    needs = ["torch", "transformers", "pytest", "nanobind", "scikit_build_core", "pip"]
    ask = ("import importlib.util as u; print(*[n for n in %r if not u.find_spec(n)])"
           % needs)
    for path in ([os.environ["KVC_PYTHON"]] if os.environ.get("KVC_PYTHON")
                 else [sys.executable, shutil.which("python3")]):
        if not path:
            continue
        try:
            done = subprocess.run([path, "-c", ask], capture_output=True, text=True,
                                  timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            return None, str(error)
        if done.returncode == 0 and not done.stdout.strip():
            return path, ""
    return None, f"{path} has no {done.stdout.strip()}"


torch_python, wrong = find_torch_python()
if torch_python:
    config.available_features.add("torch")
    config.substitutions.append(("%torch_python", torch_python))
    if not subprocess.run([torch_python, "-c", "import triton"],
                          capture_output=True).returncode:
        config.available_features.add("triton")
else:
    lit_config.note(f"no Python with torch ({wrong}): the Python package is not "
                    "tested; KVC_PYTHON names one (docs/python.md)")

# No test takes what another run left in the user's cache of kernels.
config.environment["KVC_CACHE_DIR"] = "none"

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
    ["kvc-compile", "kvc-conformance", "kvc-gpu-bench", "kvc-gpu-conformance", "kvc-gpu-device",
     "kvc-gpu-golden", "kvc-gpu-report",
     "kvc-interpret", "kvc-lsp-server", "kvc-opt", "kvc-raise-check",
     "kvc-reduce", "kvc-run", "kvc-sass", "kvc-sim-run",
     "kvc-weights", "kvcrt-seal", "mlir-opt", "FileCheck", "not"],
    [os.path.join(config.kvc_obj_root, "bin"), config.llvm_tools_dir])
