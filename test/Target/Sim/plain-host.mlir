// Kernels in bf16 become host code that needs no library, on hosts without
// instructions for bf16 (the linker refuses undefined symbols), too.
// RUN: kvc-compile --attention=%s --target=sim:sm_90a --mcpu=x86-64-v3 -o %t.so
// RUN: kvc-compile --attention=%s --target=sim:sm_90a --mcpu=x86-64-v3 --emit=llvm -o - | FileCheck %s
// CHECK: define {{.*}}@v_append_kernel
// CHECK-NOT: fcmp {{[a-z]+}} bfloat
// CHECK-NOT: fptrunc {{.*}} to bfloat
kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 32, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<i8>>, query_heads = 4, causal = true}
