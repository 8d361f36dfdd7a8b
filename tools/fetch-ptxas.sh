#!/usr/bin/env bash
# Downloads NVIDIA's PTX assembler where none is found, so that tests assemble
# GPU kernels on machines without a CUDA toolkit. Needs no root.
#
# It comes from the wheel nvidia-cuda-nvcc, through pip, at a pinned version and
# checksum, and goes to the user's cache directory, where kvc-compile and lit
# look last. It is NVIDIA's and under NVIDIA's licence, which lies beside it:
# nobody may pass it on, so it is never part of this repository or its packages.
#
# Invariant: always ends with success; without it those tests are skipped, and
# a message says so. KVC_PTXAS=none asks for nothing.
set -euo pipefail

version=13.0.88
oldest=12.8 # the first that reads the PTX of every chip
hashes=(
  --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03 # x86_64
  --hash=sha256:c7ff28f86a24effdc6c034fa15230c549a273e4771b10a7fec14996f8cf3307f # aarch64
)
place=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kvc/bin

# Whether the program is a ptxas that is new enough.
works() {
  local release
  release=$("$1" --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p') || return 1
  [ -n "$release" ] && [ "$(printf '%s\n' "$oldest" "$release" | sort -V | head -n 1)" = "$oldest" ]
}

[ "${KVC_PTXAS:-}" != none ] || exit 0
for found in "${KVC_PTXAS:-}" "$(command -v ptxas || true)" "${CUDA_HOME:-/nowhere}/bin/ptxas" \
  /usr/local/cuda/bin/ptxas "$place/ptxas"; do
  if [ -x "$found" ] && works "$found"; then exit 0; fi
done

give_up() {
  echo "kvc: no ptxas of CUDA $oldest or newer here, and $1: tests that assemble GPU kernels will be" \
    "skipped; install a CUDA toolkit, or run tools/fetch-ptxas.sh again" >&2
  exit 0
}
python3 -m pip --version >/dev/null 2>&1 || give_up "no pip to download it with (python3-pip)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "kvc: downloading ptxas $version (wheel nvidia-cuda-nvcc, NVIDIA's licence) to $place"
echo "nvidia-cuda-nvcc==$version ${hashes[*]}" >"$work/requirements.txt"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  -r "$work/requirements.txt" -d "$work" 2>"$work/log" ||
  give_up "it could not be downloaded ($(grep -m 1 ERROR "$work/log" || true))"
python3 - "$work" <<'PYTHON' || give_up "the wheel holds none"
import pathlib, sys, zipfile
work = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
    for name in wheel.namelist():
        if name.endswith("/bin/ptxas"):
            (work / "ptxas").write_bytes(wheel.read(name))
        elif name.lower().endswith("/license.txt"):
            (work / "ptxas-LICENSE.txt").write_bytes(wheel.read(name))
PYTHON
chmod +x "$work/ptxas" 2>/dev/null && works "$work/ptxas" || give_up "the downloaded one does not run"
# Whole or not at all: somebody else may be doing the same.
mkdir -p "$place" 2>/dev/null &&
  cp "$work/ptxas-LICENSE.txt" "$place/" 2>/dev/null &&
  cp "$work/ptxas" "$place/ptxas.$$" 2>/dev/null &&
  mv "$place/ptxas.$$" "$place/ptxas" || give_up "$place cannot be written"
