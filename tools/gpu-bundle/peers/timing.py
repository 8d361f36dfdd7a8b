"""Times as kvc-bench takes them: a CUDA graph through so many layers that the L2 cache holds nothing of the next
one's keys, replayed; median, 10th and 90th percentile.
"""
import statistics

import torch

REPEATS = 30


def layers_of(cell, device):
    if device == "cpu":
        return 2
    wanted = 4.0 * torch.cuda.get_device_properties(0).L2_cache_size / cell.kv_bytes + 1
    room = 0.4 * torch.cuda.mem_get_info()[0] / cell.bytes_held
    return int(max(1, min(wanted, room, 64)))


def measure(run, layers, device):
    """Seconds of one layer: (median, 10th percentile, 90th). `run(layer)` enqueues one. A CPU has no times."""
    if device == "cpu":
        for layer in range(layers):
            run(layer)
        return 0.0, 0.0, 0.0
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):  # compiles, tunes, allocates
            for layer in range(layers):
                run(layer)
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for layer in range(layers):
            run(layer)
    for _ in range(2):
        graph.replay()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(REPEATS + 1)]
    for i in range(REPEATS):
        events[i].record()
        graph.replay()
    events[REPEATS].record()
    torch.cuda.synchronize()
    seconds = sorted(a.elapsed_time(b) * 1e-3 / layers for a, b in zip(events, events[1:]))
    return statistics.median(seconds), seconds[REPEATS // 10], seconds[REPEATS * 9 // 10]


def matrix_rate():
    """FLOP/s of torch's bf16 matrix product, 8192 cubed, on random numbers."""
    n = 8192
    a, b = (torch.rand(n, n, device="cuda", dtype=torch.float32).sub_(0.5).bfloat16() for _ in range(2))
    median, _, _ = measure(lambda layer: torch.matmul(a, b), 1, "cuda")
    return 2.0 * n**3 / median
