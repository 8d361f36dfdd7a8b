"""C[16][8] = A[16][16] B[8][16]^T, f16 in, f32 out: recomputed plainly."""
import struct
import sys

M, N, K = 16, 8, 16


def read(path, code, count):
    with open(path, "rb") as file:
        return struct.unpack(f"<{count}{code}", file.read())


a = read(sys.argv[1], "e", M * K)
b = read(sys.argv[2], "e", N * K)
c = read(sys.argv[3], "f", M * N)
assert any(a) and any(b)
for m in range(M):
    for n in range(N):
        want = sum(a[m * K + k] * b[n * K + k] for k in range(K))
        got = c[m * N + n]
        assert abs(got - want) <= 1e-6 * max(1, abs(want)), (m, n, got, want)
