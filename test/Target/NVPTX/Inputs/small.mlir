// The smallest variant that there is: its kernels are made quickly.
kvc.variant @small {cache = !kvc.cache<kv_heads = 1, head_dim = 16, f16>, query_heads = 1}
