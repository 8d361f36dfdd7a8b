module attributes {kvc.policies = [
  {policy = #kvc.policy<layout = #kvc.paged<block = 16>>},
  {layers = [1], policy = #kvc.policy<retention = #kvc.window<512>>}
]} {}
