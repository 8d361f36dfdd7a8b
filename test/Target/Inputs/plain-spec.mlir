// What an engine with a pool of its own asks for.
kvc.variant @layer {
  cache = !kvc.cache<kv_heads = 2, head_dim = 16, f32, layout = #kvc.paged<block = 4>>,
  query_heads = 4, lse}
