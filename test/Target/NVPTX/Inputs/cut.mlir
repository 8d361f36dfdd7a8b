// A region that counts in 41s: the quotient decides, so it is rounded once.
kvc.variant @cut {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 4} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index):
  %n = arith.constant 4.1e+01 : f32
  %i = arith.index_cast %k : index to i32
  %x = arith.sitofp %i : i32 to f32
  %y = arith.divf %x, %n : f32
  %z = arith.fptosi %y : f32 to i32
  %bucket = arith.sitofp %z : i32 to f32
  %sum = arith.addf %s, %bucket : f32
  kvc.yield %sum : f32
}
// A score that is divided is as exact as the exponential of it.
kvc.variant @uncut {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 4} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index):
  %n = arith.constant 4.1e+01 : f32
  %y = arith.divf %s, %n : f32
  kvc.yield %y : f32
}
