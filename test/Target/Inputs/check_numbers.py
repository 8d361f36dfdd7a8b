"""numbers.mlir, computed again in Python's doubles."""
import math
import random
import struct
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from artifact import Stateless


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def matmul(a, b, m, k, n):
    return [sum(a[i * k + l] * b[l * n + j] for l in range(k))
            for i in range(m) for j in range(n)]


def error(name, got, want, bound):
    assert len(got) == len(want)
    worst = max(abs(g - w) for g, w in zip(got, want))
    scale = max(1.0, max(abs(w) for w in want))
    print(f"{name}: largest error {worst / scale:.2e}")
    assert worst / scale <= bound, (name, worst, scale)


random.seed(1)
embed, weight, wide, deep = (
    [f32(random.uniform(-1, 1)) for _ in range(n)]
    for n in (50 * 33, 70 * 33, 33 * 3000, 3000 * 40))
model = Stateless(sys.argv[1])

for count in (1, 2, 3, 5, 17, 100):
    tokens = [random.randrange(50) for _ in range(count)]
    sizes = [count * 70, count * 40, count * count, count * 33, count * 33,
             count * 33, count, count * 33]
    status, out = model.run(tokens, [embed, weight, wide, deep], sizes)
    assert status == 0, status
    x = [embed[t * 33 + j] for t in tokens for j in range(33)]
    assert out[7] == x
    error("product", out[0], matmul(x, [weight[j * 33 + k] for k in range(33) for j in range(70)], count, 33, 70), 1e-6)
    if count <= 17:
        hidden = matmul(x, wide, count, 33, 3000)
        error("two products", out[1], matmul(hidden, deep, count, 3000, 40), 3e-6)
    softmax, norms = [], []
    for i in range(count):
        row = [sum(x[i * 33 + k] * x[j * 33 + k] for k in range(33)) for j in range(count)]
        weights = [math.exp(s - max(row)) for s in row]
        softmax += [w / sum(weights) for w in weights]
        norms.append(1 / math.sqrt(sum(weights)))
    error("softmax", out[2], softmax, 1e-6)
    error("sin", out[3], [math.sin(f32(v * 4096)) for v in x], 2e-7)
    error("cos", out[4], [math.cos(f32(v * 4096)) for v in x], 2e-7)
    error("tanh", out[5], [math.tanh(v) for v in x], 1e-6)
    error("rsqrt", out[6], norms, 1e-6)

# no tokens: nothing to do; one byte too little, another version: nothing done
assert model.run([], [embed, weight, wide, deep], [1] * 8)[0] == 0
status, out = model.run([1, 2], [embed, weight, wide, deep], [200] * 8, shrink=1)
assert status == 5 and all(math.isnan(v) for v in out[0]), status
status, out = model.run([1, 2], [embed, weight, wide, deep], [200] * 8, version=1)
assert status == 3 and all(math.isnan(v) for v in out[0]), status
