module attributes {kvc.policies = [
  {policy = #kvc.policy<layout = #kvc.paged<block = 32>>},
  {layers = [1], policy = #kvc.policy<retention = #kvc.window<128>>},
  {layers = [1], policy = #kvc.policy<
     position = #kvc.rope<theta = 1.0e4, dim = 64, at = attend>,
     retention = #kvc.window<256>>}
]} {}
