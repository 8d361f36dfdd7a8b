#!/usr/bin/env bash
# Downloads the two programs of a CUDA toolkit that kvc and its tests use where
# they are not found: ptxas, which assembles GPU kernels, and nvdisasm, which
# shows what became of them. Needs no root.
#
# They come from PyPI's wheels, through pip, at pinned versions and checksums,
# and go to the user's cache directory, where kvc and lit look last. They are
# NVIDIA's and under NVIDIA's licence, which lies beside them: nobody may pass
# them on, so they are never part of this repository or its packages.
#
# Invariant: always ends with success; without them their tests are skipped, and
# a message says so. KVC_PTXAS=none (KVC_NVDISASM=none) asks for nothing.
set -euo pipefail

# program  wheel  version  oldest release that will do  checksums: x86_64, aarch64
tools='
ptxas nvidia-cuda-nvcc 13.0.88 12.8 56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03 c7ff28f86a24effdc6c034fa15230c549a273e4771b10a7fec14996f8cf3307f
nvdisasm nvidia-cuda-nvdisasm 13.5.37 12.8 d3fdbdd49fa53e2e4aacd3db8259d052bd2b049ececdcb69e92e083c6728e7ca a3a8248074edb9fba63b74c38a5416b712a91ab09e70b8ab37186c3d293fc605
'
place=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kvc/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# works PROGRAM OLDEST: whether it runs and is new enough.
works() {
  local release
  release=$("$1" --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p') || return 1
  [ -n "$release" ] && [ "$(printf '%s\n' "$2" "$release" | sort -V | head -n 1)" = "$2" ]
}

# found TOOL OLDEST: whether there is one where kvc looks.
found() {
  local named=KVC_${1^^} candidate
  [ "${!named:-}" != none ] || return 0
  for candidate in "${!named:-}" "$(command -v "$1" || true)" "${CUDA_HOME:-/nowhere}/bin/$1" \
    "/usr/local/cuda/bin/$1" "$place/$1"; do
    if [ -x "$candidate" ] && works "$candidate" "$2"; then return 0; fi
  done
  return 1
}

# fetch TOOL WHEEL VERSION OLDEST CHECKSUM...: says why it could not.
fetch() {
  local tool=$1 wheel=$2 version=$3 oldest=$4 folder=$work/$1
  shift 4
  python3 -m pip --version >/dev/null 2>&1 || { echo "there is no pip (python3-pip)" && return 1; }
  mkdir "$folder"
  echo "$wheel==$version ${*/#/--hash=sha256:}" >"$folder/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    -r "$folder/requirements.txt" -d "$folder" >/dev/null 2>"$folder/log" ||
    { grep -m 1 ERROR "$folder/log" || echo "pip failed" && return 1; }
  python3 - "$folder" "$tool" <<'PYTHON' || { echo "the wheel holds no $tool" && return 1; }
import pathlib, sys, zipfile
folder, tool = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    for name in wheel.namelist():
        if name.endswith("/bin/" + tool):
            (folder / tool).write_bytes(wheel.read(name))
        elif name.lower().endswith("/license.txt"):
            (folder / (tool + "-LICENSE.txt")).write_bytes(wheel.read(name))
    sys.exit(not (folder / tool).exists())
PYTHON
  chmod 755 "$folder/$tool"
  works "$folder/$tool" "$oldest" || { echo "the downloaded one does not run" && return 1; }
  # Whole or not at all: somebody else may be doing the same.
  { mkdir -p "$place" && cp "$folder/$tool-LICENSE.txt" "$place/" && cp "$folder/$tool" "$place/$tool.$$" &&
    mv "$place/$tool.$$" "$place/$tool"; } 2>/dev/null || { echo "$place cannot be written" && return 1; }
}

while read -r tool wheel version oldest sums; do
  [ -n "$tool" ] || continue
  if found "$tool" "$oldest"; then continue; fi
  echo "kvc: downloading $tool $version (wheel $wheel, NVIDIA's licence) to $place"
  # shellcheck disable=SC2086
  if ! why=$(fetch "$tool" "$wheel" "$version" "$oldest" $sums); then
    echo "kvc: no $tool of CUDA $oldest or newer, and none downloaded: ${why:-it failed}; tests that need it" \
      "will be skipped; install a CUDA toolkit, or run tools/fetch-cuda-tools.sh again" >&2
  fi
done <<<"$tools"
