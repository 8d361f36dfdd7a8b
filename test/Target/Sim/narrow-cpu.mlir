// Arithmetic on bf16 must not become a call of a library on a CPU that has none
// of it: the sim artefact needs no symbol.
// RUN: kvc-compile --attention=%s --target=sim:sm_90a --mcpu=x86-64-v3 -o %t.so

kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16, layout = #kvc.paged<block = 16>,
  key = #kvc.quant<i8, axis = token, symmetric>,
  value = #kvc.quant<i8, axis = token, symmetric>>,
  query_heads = 8 : i64, lse}
