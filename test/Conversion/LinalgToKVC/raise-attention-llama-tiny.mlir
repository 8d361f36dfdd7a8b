// The demo's graph, as torch-mlir writes it: four causal attentions, grouped
// queries, rotary embeddings at positions 0 .. S-1 that all layers share.
// RUN: kvc-opt %kvc_src/test/models/llama-tiny.linalg.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// twice equals once
// RUN: kvc-opt %kvc_src/test/models/llama-tiny.linalg.mlir -o %t.once \
// RUN:   --pass-pipeline='builtin.module(func.func(kvc-raise-attention))'
// RUN: kvc-opt %t.once -o %t.twice \
// RUN:   --pass-pipeline='builtin.module(func.func(kvc-raise-attention))'
// RUN: diff %t.once %t.twice

// CHECK-LABEL: func.func @main
// CHECK: %[[POSITIONS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?xi64>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: %[[I:.*]] = linalg.index 0
// CHECK-NEXT: %[[CAST:.*]] = arith.index_cast %[[I]] : index to i64
// CHECK-NEXT: linalg.yield %[[CAST]]
// CHECK: %[[Q:.*]] = kvc.rope %{{.*}} at %[[POSITIONS]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 64>} : tensor<1x4x?x64xf32>, tensor<?xi64>
// CHECK-NEXT: %[[K:.*]] = kvc.rope %{{.*}} at %[[POSITIONS]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 64>} : tensor<1x2x?x64xf32>, tensor<?xi64>
// CHECK-NEXT: kvc.attention %[[Q]], %[[K]], %{{.*}} {causal, scale = 1.250000e-01 : f32} : (tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x4x?x64xf32>
// CHECK-COUNT-3: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale = 1.250000e-01 : f32}
// nothing of the score path is left
// CHECK-NOT: arith.maximumf
// CHECK-NOT: kvc.attention
