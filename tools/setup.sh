#!/usr/bin/env bash
# Installs what a build of kvc needs on Debian 12, as root or through sudo.
# Does nothing, and asks for no password, when everything is there already.
# The CUDA programs are the user's own (tools/fetch-cuda-tools.sh).
set -euo pipefail
fetch_tools=$(dirname "$0")/fetch-cuda-tools.sh

packages=(
  cmake ninja-build make git python3 python3-pip ccache
  g++ clang-22 lld-22 libclang-rt-22-dev clang-format-22   # compiler, sanitizers, format
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools liblld-22-dev
  zlib1g-dev libzstd-dev libxml2-dev libcurl4-openssl-dev libedit-dev libffi-dev # named by LLVM's CMake files
  libtbb-dev libxxhash-dev nlohmann-json3-dev libboost-context-dev # the runtime
  libgtest-dev libbenchmark-dev                             # tests and benchmarks
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exec "$fetch_tools"

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "error: expected root or sudo to install: ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi
echo "kvc: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
  echo "error: apt could not install the packages above; kvc needs Debian 12 with its security archive (LLVM 22 comes from there)" >&2
  exit 1
}
"$fetch_tools"
