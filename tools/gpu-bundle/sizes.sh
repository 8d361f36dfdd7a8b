#!/bin/sh
# Prints what a bundle is made of, and fails when it is over its limit.
#
#   sizes.sh BUNDLE LIMIT_MIB
set -eu
bundle=$1
limit=$2

bytes() { find "$@" -type f -exec stat -c %s {} + 2> /dev/null | awk '{ n += $1 } END { printf "%d", n }'; }
row() { printf '%-28s %6d files %9.2f MiB\n' "$1" "$2" "$(echo "$3" | awk '{ print $1 / 1048576 }')"; }

row "programs" "$(find "$bundle" -maxdepth 1 -name 'kvc-*' | wc -l)" "$(bytes "$bundle" -maxdepth 1 -name 'kvc-*')"
for chip in "$bundle"/artefacts/*; do
  row "$(basename "$chip"), checked" "$(find "$chip" ! -name 'bench-*' -type f | wc -l)" "$(bytes "$chip" ! -name 'bench-*')"
  row "$(basename "$chip"), timed" "$(find "$chip" -name 'bench-*' | wc -l)" "$(bytes "$chip" -name 'bench-*')"
done
row "scripts and texts" "$(find "$bundle" -type f ! -path '*/artefacts/*' ! -name 'kvc-*' | wc -l)" \
  "$(bytes "$bundle" ! -path '*/artefacts/*' ! -name 'kvc-*')"
all=$(bytes "$bundle")
row "all, of $limit MiB" "$(find "$bundle" -type f | wc -l)" "$all"
echo "largest: $(find "$bundle" -type f -printf '%s %P\n' | sort -rn | head -3 | awk '{ printf "%s%s (%d KiB)", sep, $2, $1 / 1024; sep = ", " }')"
if [ "$all" -gt $((limit * 1048576)) ]; then
  echo "expected at most $limit MiB, got $((all / 1048576 + 1)); name fewer CHIPS" >&2
  exit 1
fi
