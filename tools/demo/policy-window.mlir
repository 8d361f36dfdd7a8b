// Layers 1 and 3 see the last 64 tokens only, and give the blocks behind them
// back; layers 0 and 2 keep all. Two cache groups, two block tables.
module attributes {kvc.policies = [
  {policy = #kvc.policy<layout = #kvc.paged<block = 16>>},
  {layers = [1, 3], policy = #kvc.policy<retention = #kvc.window<64>>}
]} {}
