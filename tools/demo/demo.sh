#!/usr/bin/env bash
# Shows the whole way, from an exported decoder graph to generated text, with
# everything measured in this run: demo.sh BUILD_DIR. $KVC_DEMO_CHIP is the GPU
# that kernels are made for (sm_90a).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tools/demo
build=$(cd "${1:?usage: demo.sh BUILD_DIR}" && pwd)
graph=$root/test/models/llama-tiny.linalg.mlir
out=$build/demo
tools=$build/bin
new_tokens=128
chip=${KVC_DEMO_CHIP:-sm_90a}
mkdir -p "$out"

title() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
# Shows the command as a user of the checkout would type it.
run() {
  printf '$ %s\n' "${*//"$root/"/}"
  "$@"
}
# The same, with what it remarks in a file that is shown when it fails.
logged() {
  local log=$1
  shift
  run "$@" 2>"$log" || { cat "$log"; exit 1; }
}
stamp() { date +%s.%N; }
since() { printf '(%s: %.1f s)\n' "$2" "$(echo "$(stamp) $1" | awk '{print $1 - $2}')"; }

begin=$(stamp)
cat <<TEXT
kvc turns a stateless decoder graph into prefill and decode over a paged KV cache.
The graph: a Llama decoder as torch-mlir exported it (4 layers, 4 query and 2 KV
heads of 64, byte vocabulary, context 2048); its weights are random.
TEXT

title "Compile it: every layer keeps all tokens"
t=$(stamp)
logged "$out/all.log" "$tools/kvc-compile" "$graph" --policy="$here/policy-all.mlir" \
  --with-recompute --explain -o "$out/all.so"
since "$t" "compiled in"

title "Compile it again: layers 1 and 3 see a window of 64 tokens"
t=$(stamp)
logged "$out/window.log" "$tools/kvc-compile" "$graph" --policy="$here/policy-window.mlir" \
  --explain -o "$out/window.so"
since "$t" "compiled in"

title "CUDA kernels of the same attention, for $chip"
t=$(stamp)
kernels=("$tools/kvc-compile" "$graph" --policy="$here/policy-window.mlir"
  --target="$chip")
rm -f "$out"/kernels.*
# The plan was shown above; the counts of the machine code stay in the file.
logged "$out/kernels.log" "${kernels[@]}" --emit=ptx --explain \
  -o "$out/kernels.ptx" >"$out/kernels.txt"
sed -n '/^\$/p; /^assembler/p; /^GPU kernels/,/^$/p' "$out/kernels.txt"
if grep -q '^assembler: ptxas' "$out/kernels.txt"; then
  logged "$out/cubin.log" "${kernels[@]}" --emit=cubin -o "$out/kernels.cubin"
else
  echo "no ptxas here: a GPU's driver assembles the PTX when it loads it"
fi
for file in "$out"/kernels.*.ptx "$out"/kernels.*.cubin; do
  [ -f "$file" ] && printf '%8d bytes  %s\n' "$(stat -c %s "$file")" "${file##*/}"
done
since "$t" "compiled in"

title "The same kernels for the simulator"
t=$(stamp)
logged "$out/sim.log" "$tools/kvc-compile" "$graph" \
  --policy="$here/policy-window.mlir" --target="sim:$chip" -o "$out/sim.so"
since "$t" "compiled in"

title "Random weights, the same on every machine"
run "$tools/kvc-weights" --artifact="$out/all.so" --seed=1 -o "$out/weights.safetensors"

title "8 prompts, $new_tokens new tokens each, policy: all"
run "$tools/kvc-run" "$out/all.so" --weights="$out/weights.safetensors" \
  --prompts="$here/prompts.jsonl" --max-new-tokens=$new_tokens --check \
  --compare-lengths=64,256,1024,2048 --json="$out/all.json"

title "8 prompts, $new_tokens new tokens each, policy: window"
echo "In the last step each layer's append and attend are the CUDA kernels, in the"
echo "simulator, on the step's own queries and cache."
run "$tools/kvc-run" "$out/window.so" --weights="$out/weights.safetensors" \
  --prompts="$here/prompts.jsonl" --max-new-tokens=$new_tokens --check \
  --attention="$out/sim.so" --device=sim --attention-steps=1 \
  --json="$out/window.json"

title "Done"
since "$begin" "the whole demo took"
echo "artefacts, weights and results: $out"
