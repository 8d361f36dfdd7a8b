#!/usr/bin/env bash
# Lists the C and C++ files that clang-format 22 would change; --fix changes them.
set -euo pipefail
cd "$(dirname "$0")/.."
format=clang-format-22
command -v $format >/dev/null || { echo "error: expected $format; tools/setup.sh installs it" >&2; exit 1; }
mapfile -t files < <(git ls-files '*.cpp' '*.h' '*.c')
if [ "${1:-}" = --fix ]; then
  $format -i "${files[@]}"
else
  $format --dry-run --Werror "${files[@]}"
fi
