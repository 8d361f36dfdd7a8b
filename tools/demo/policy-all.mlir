// Every layer keeps all tokens, in pages of 16, rotated keys in f32: what the
// model computes does not change, so it must equal full recompute.
module attributes {kvc.policies = [
  {policy = #kvc.policy<layout = #kvc.paged<block = 16>,
                        retention = #kvc.all>}
]} {}
