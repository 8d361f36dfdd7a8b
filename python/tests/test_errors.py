"""What is refused, and in which words."""
import pytest
import torch

import kvc


@pytest.fixture(scope="module")
def attention():
    return kvc.Attention(heads=4, kv_heads=2, head_dim=16)


@pytest.fixture
def step(attention):
    cache = attention.cache(layers=2, max_seqs=2, max_tokens=8, max_length=16)
    with cache.step([(cache.create(), 3)]) as step:
        yield step


def rows(heads=2, dim=16, tokens=3, dtype=torch.float32):
    return torch.zeros(tokens, heads, dim, dtype=dtype)


@pytest.mark.parametrize("key, value, text", [
    (rows(heads=3), rows(), r"key: expected shape \[3, 2, 16\], got \[3, 3, 16\]"),
    (rows(tokens=4), rows(), r"key: expected shape \[3, 2, 16\], got \[4, 2, 16\]"),
    (rows()[0], rows(), r"key: expected shape \[3, 2, 16\], got \[2, 16\]"),
    (rows(), rows(dtype=torch.float64), "value: expected f32, got f64"),
    (rows(), rows(dtype=torch.int32), "value: expected f32, got i32"),
    (rows(dim=32)[..., ::2], rows(), "key: expected stride 1 in the last dimension, got 2"),
    ([1.0], rows(), "key: expected a tensor .with __dlpack__., got list"),
])
def test_append(attention, step, key, value, text):
    with pytest.raises(ValueError, match=text):
        attention.append(key, value, step)


def test_attend(attention, step):
    with pytest.raises(ValueError, match=r"query: expected shape \[3, 4, 16\], got \[3, 2, 16\]"):
        attention.attend(rows(), step)
    with pytest.raises(ValueError, match="layer: expected 0 to 1, got 2"):
        attention.attend(rows(4), step, 2)
    with pytest.raises(ValueError, match=r"out: expected shape \[3, 4, 16\], got \[3, 4, 8\]"):
        attention.attend(rows(4), step, out=rows(4, 8))
    with pytest.raises(ValueError, match="expected none without lse=True"):
        attention.attend(rows(4), step, out=rows(4), lse_out=torch.zeros(3, 4))
    with pytest.raises(ValueError, match="expected a tensor on cpu, got one on"):
        attention._cache_of(step)._native.attend(0, Elsewhere(rows(4)), rows(4), None,
                                                 1.0, 0.0, 0)


class Elsewhere:
    """A tensor that says it lies on a Metal device; the memory is not touched."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack_device__(self):
        return (8, 0)

    def __dlpack__(self, **options):
        import ctypes
        capsule = self.tensor.__dlpack__()
        get = ctypes.pythonapi.PyCapsule_GetPointer
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        managed = get(capsule, b"dltensor")
        ctypes.c_int32.from_address(managed + 8).value = 8  # DLDevice.device_type
        return capsule


def test_steps(attention):
    cache = attention.cache(max_seqs=2, max_tokens=8, max_length=16, blocks=1)
    sequence = cache.create()
    with pytest.raises(ValueError, match="step"):
        cache.step([(sequence, 9)])
    with pytest.raises(ValueError, match="step"):
        cache.step([(sequence + 100, 1)])
    with cache.step([(sequence, 3)]) as step:
        with pytest.raises(ValueError, match="expected the step before to have ended"):
            cache.step([(sequence, 1)])
        other = attention.cache(max_seqs=1, max_tokens=1, max_length=1)
    with cache.step([(sequence, 1)]) as later:
        with pytest.raises(ValueError, match="expected an open step"):
            attention.attend(rows(4), step)
        step.end(keep=False)  # of a step that has ended: nothing
    with pytest.raises(ValueError, match="expected an open step"):
        attention.attend(rows(4), later)
    with pytest.raises(kvc.OutOfBlocks):
        cache.step([(cache.create(), 1)])
    assert cache.length(sequence) == 4 and other.stats()["blocks_used"] == 0


def test_nan_into_a_quantised_cache():
    attention = kvc.Attention(heads=2, kv_heads=2, head_dim=16, policy=kvc.Policy(key="i8"))
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=4)
    with pytest.raises(ValueError, match="expected finite keys and values"):
        with cache.step([(cache.create(), 2)]) as step:
            attention.append(torch.full((2, 2, 16), torch.nan), torch.zeros(2, 2, 16), step)


@pytest.mark.parametrize("options, text", [
    (dict(heads=3), "heads: expected a multiple of kv_heads = 2, got 3"),
    (dict(head_dim=0), "head_dim: expected a positive integer, got 0"),
    (dict(dtype=torch.float64), "dtype: expected f32, f16 or bf16, got torch.float64"),
    (dict(softcap=-1.0), "softcap: expected a positive number, got -1.0"),
    (dict(policy=kvc.Policy(position=kvc.Rope(dim=3))), "rope"),
    (dict(target="sm_1"), "target"),
])
def test_compile(options, text):
    with pytest.raises(ValueError, match=text):
        kvc.Attention(**{**dict(heads=4, kv_heads=2, head_dim=16), **options})


def test_no_compiler(monkeypatch):
    monkeypatch.setenv("KVC_COMPILE", "/nowhere/kvc-compile")
    with pytest.raises(FileNotFoundError, match="expected kvc-compile as .KVC_COMPILE"):
        kvc.Attention(heads=4, kv_heads=2, head_dim=16)


def test_no_driver(monkeypatch):
    monkeypatch.setenv("KVCRT_CUDA_DRIVER", "/nowhere/libcuda.so")
    with pytest.raises(ValueError, match="device of target sm_90a: .*/nowhere/libcuda.so"):
        kvc.Attention(heads=4, kv_heads=2, head_dim=16, dtype="bf16", target="sm_90a")
