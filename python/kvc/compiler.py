"""Runs kvc-compile, and keeps what it made.

Libraries are kept in $KVC_PYTHON_CACHE, or kvc/python in the user's cache
directory ("none": in a temporary folder that goes with the process). The name is
a hash of the spec, the target, the compiler's own bytes and this CPU's flags, so
another build or machine never hits; files appear whole (kvc-compile renames).
"""
import functools
import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

from . import _config


class CompileError(ValueError):
    """What kvc-compile said."""


def compiler():
    named = os.environ.get("KVC_COMPILE")
    found = named or _config.KVC_COMPILE
    if not found or (not named and not os.access(found, os.X_OK)):
        found = shutil.which("kvc-compile")
    if not found or not os.access(found, os.X_OK):
        raise FileNotFoundError(
            "expected kvc-compile as $KVC_COMPILE, where this package was built "
            f"({_config.KVC_COMPILE or 'nowhere'}) or on the PATH, got "
            f"{named or 'none'}")
    return found


@functools.lru_cache(maxsize=None)
def _identity(path, size, modified):
    del size, modified  # they make the key
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


@functools.lru_cache(maxsize=None)
def _machine():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return " ".join(sorted(line.split()[2:]))
    except OSError:
        pass
    return platform.processor()


@functools.lru_cache(maxsize=None)
def _temporary():
    return tempfile.TemporaryDirectory(prefix="kvc-")


def _folder():
    named = os.environ.get("KVC_PYTHON_CACHE")
    if named == "none":
        return pathlib.Path(_temporary().name)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(named or os.path.join(cache, "kvc", "python"))


def compile_attention(spec, target):
    """The path of the library of a module of one kvc.variant."""
    program = compiler()
    stat = os.stat(program)
    parts = [spec, target, _machine(),
             _identity(program, stat.st_size, stat.st_mtime_ns)]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"{name}.so"
    if library.exists():
        return library
    with tempfile.TemporaryDirectory(prefix="kvc-") as scratch:
        source = pathlib.Path(scratch) / "spec.mlir"
        source.write_text(spec)
        done = subprocess.run(
            [program, f"--attention={source}", f"--target={target}", "-o",
             str(library)], capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"{done.stderr.strip()}\nof:\n{spec}")
    return library
