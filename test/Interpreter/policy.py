"""Numbers of policy.mlir, in plain Python, from the formulas."""
from math import cos, exp

values = [1.0, 2.0, 4.0, 8.0]


def mean(scores, values):
    weights = [exp(s) for s in scores]
    return sum(w * v for w, v in zip(weights, values)) / sum(weights)


print("streaming<1, 2>, rope: score = cos(distance in the cache)")
for i in range(4):
    alive = [j for j in range(i + 1) if j < 1 or i - j < 2]
    place = len(alive) - 1  # of the query, when survivors are numbered anew
    print(f"  {mean([cos(place - p) for p in range(len(alive))], [values[j] for j in alive]):g}")

print("alibi: score = -slope * distance")
for i in range(3):
    for slope in (2.0 ** -4, 2.0 ** -8):
        print(f"  {mean([-slope * (i - j) for j in range(i + 1)], values):g}")
