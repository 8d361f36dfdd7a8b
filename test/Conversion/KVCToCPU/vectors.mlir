// Vectors are as wide as the option says, and products are fused only where
// the target can.
// RUN: kvc-opt %s --convert-kvc-to-cpu=vector-bits=512 | FileCheck %s --check-prefix=W512
// RUN: kvc-opt %s --convert-kvc-to-cpu=vector-bits=256 | FileCheck %s --check-prefix=W256
// RUN: kvc-opt %s --convert-kvc-to-cpu="vector-bits=128 fma=false" | FileCheck %s --check-prefix=W128
// RUN: not kvc-opt %s --convert-kvc-to-cpu=vector-bits=100 2>&1 | FileCheck %s --check-prefix=BAD

// W512-LABEL: @v_decode_task
// W512: math.fma {{.*}} : vector<16xf32>
// W256-LABEL: @v_decode_task
// W256-NOT: vector<16xf32>
// W256: math.fma {{.*}} : vector<8xf32>
// W128-NOT: math.fma
// BAD: expected vector-bits of 128, 256 or 512, got 100
kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 8}
