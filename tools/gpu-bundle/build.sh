#!/bin/sh
# Makes build/gpu-bundle: what a machine with an NVIDIA driver needs to check
# and to measure kvc, and nothing else.
#
#   tools/gpu-bundle/build.sh [BUILD]
#
# BUILD (build) has kvc-compile and kvc-gpu-conformance. CHIPS names the chips,
# PYTHON a python3 with pip. The programs are compiled by zig, which links
# against an old glibc whatever the host has; KVC_BUNDLE_CXX=host takes the
# host's compiler and, with it, the host's glibc.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd)
chips=${CHIPS:-sm_80 sm_86 sm_89 sm_90a sm_100a sm_120}
glibc=2.31
zig_version=0.13.0
limit_mib=60
work=$build/gpu-bundle-build
bundle=$build/gpu-bundle

rm -rf "$bundle"
mkdir -p "$work/include" "$work/specs" "$bundle/artefacts"

# 1. Programs.
for header in nlohmann xxhash.h; do
  cp -r "/usr/include/$header" "$work/include/"
done
cp -r /usr/src/googletest/googletest "$work/include/"
if [ "${KVC_BUNDLE_CXX:-zig}" = host ]; then
  cc=${CC:-cc} cxx=${CXX:-c++}
  flags="-static-libstdc++ -static-libgcc"
else
  if ! [ -x "$work/venv/bin/python" ] ||
    ! "$work/venv/bin/python" -m ziglang version 2>/dev/null | grep -q "^$zig_version$"; then
    ${PYTHON:-python3} -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "ziglang==$zig_version"
  fi
  for tool in cc c++; do
    printf '#!/bin/sh\nexec "%s" -m ziglang %s -target x86_64-linux-gnu.%s -fno-sanitize=undefined "$@"\n' \
      "$work/venv/bin/python" "$tool" "$glibc" > "$work/zig-$tool"
  done
  for tool in ar ranlib; do
    printf '#!/bin/sh\nexec "%s" -m ziglang %s "$@"\n' "$work/venv/bin/python" "$tool" > "$work/zig-$tool"
  done
  chmod +x "$work"/zig-*
  cc=$work/zig-cc cxx=$work/zig-c++
  flags=-s
fi
ar=$work/zig-ar ranlib=$work/zig-ranlib
[ -x "$ar" ] || { ar=$(command -v ar); ranlib=$(command -v ranlib); }
cmake -S "$root" -B "$work/programs" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DKVC_BUNDLE=ON -DKVC_BUILD_COMPILER=OFF -DKVC_BUNDLE_INCLUDE="$work/include" \
  -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_AR="$ar" -DCMAKE_RANLIB="$ranlib" \
  -DCMAKE_EXE_LINKER_FLAGS="$flags" > "$work/configure.log" 2>&1 ||
  { cat "$work/configure.log"; exit 1; }
programs="device conformance bench golden report"
cmake --build "$work/programs" --target $(printf 'kvc-gpu-%s ' $programs)
for program in $programs; do
  cp "$work/programs/bin/kvc-gpu-$program" "$bundle/kvc-$program"
done

# 2. Artefacts, of the specs that the programs have. By a copy of the compiler,
# so that the tree may change meanwhile.
rm -f "$work"/specs/*
cp "$build/bin/kvc-compile" "$work/"
"$build/bin/kvc-gpu-conformance" --write-specs="$work/specs"
for chip in $chips; do
  mkdir -p "$bundle/artefacts/$chip"
done
for chip in $chips; do
  for spec in "$work"/specs/*.mlir; do
    echo "$chip $spec"
  done
done | xargs -P "${JOBS:-2}" -L 1 sh -c '
  name=$(basename "$4" .mlir)
  # What is timed must be good code; what is checked need only be right.
  case $name in bench-*) slow= ;; *) slow=--allow-slow-kernels ;; esac
  # Machine code for the chips that are named; a GPU of another kind takes the
  # PTX of the oldest, which its driver assembles.
  case $3 in sm_80) embed=both ;; *) embed=cubin ;; esac
  "$1/kvc-compile" --attention="$4" --target="$3" --mcpu=x86-64-v3 $slow --embed=$embed \
    -o "$2/artefacts/$3/$name.so" || { echo "$name for $3 failed" >&2; exit 255; }
' sh "$work" "$bundle"

# 3. The commands, and what the bundle is.
for file in check-and-measure check-memory peers README.md; do
  cp -r "$root/tools/gpu-bundle/$file" "$bundle/"
done
rm -rf "$bundle/peers/__pycache__"
cp "$root/LICENSE" "$bundle/"
git -C "$root" rev-parse HEAD > "$bundle/VERSION" 2>/dev/null || echo unknown > "$bundle/VERSION"

needs=$(objdump -T "$bundle"/kvc-* | grep -o 'GLIBC_[0-9.]*' | sort -V | tail -1)
libraries=$(for program in "$bundle"/kvc-*; do objdump -p "$program"; done |
  sed -n 's/^ *NEEDED *//p' | sort -u | tr '\n' ' ')
"$root/tools/gpu-bundle/sizes.sh" "$bundle" $limit_mib
echo "$bundle needs $needs and $libraries"
