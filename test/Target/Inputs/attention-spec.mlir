kvc.variant @decode {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.rope<theta = 1.0e4, dim = 64>, retention = #kvc.streaming<sink_tokens = 4, window = 60>>, query_heads = 4, lse, softcap}
kvc.variant @biased {cache = !kvc.cache<kv_heads = 1, head_dim = 64 : 32, f16, position = #kvc.alibi>, query_heads = 8, mask = dense_f32}
