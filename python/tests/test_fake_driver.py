"""What a GPU's cache asks of its driver, over runtime/test's fake libcuda
($KVC_TEST_FAKE_CUDA): steps retire by events, in whatever order they come. The
fake loads no real kernel, so none runs here: that error is tested instead."""
import ctypes
import os

import pytest

import kvc

FAKE = os.environ.get("KVC_TEST_FAKE_CUDA")
pytestmark = pytest.mark.skipif(not FAKE, reason="KVC_TEST_FAKE_CUDA names no library")


class Controls(ctypes.Structure):
    _fields_ = [("reset", ctypes.CFUNCTYPE(None)),
                ("fail", ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)),
                ("set", ctypes.c_void_p),
                ("log", ctypes.CFUNCTYPE(ctypes.c_char_p)),
                ("live", ctypes.CFUNCTYPE(ctypes.c_int))]


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setenv("KVCRT_CUDA_DRIVER", FAKE)
    controls = Controls.in_dll(ctypes.CDLL(FAKE), "fake_cuda_controls")
    controls.reset()
    yield controls
    assert controls.live() == 0, controls.log().decode()
    controls.reset()


def made(**more):
    attention = kvc.Attention(heads=4, kv_heads=2, head_dim=32, page=4, dtype="bf16",
                              policy=kvc.Policy(retention=kvc.Window(8)), target="sm_90a")
    return attention.cache(max_seqs=2, max_tokens=8, max_length=512, **more)


def test_steps_retire(fake):
    cache = made(blocks=8)
    sequence = cache.create()
    waits = fake.log().decode().count("cuStreamSynchronize")
    # More steps than slots, and more tokens than blocks: both come back.
    for _ in range(40):
        with cache.step([(sequence, 6)], stream=0):
            pass
    assert cache.length(sequence) == 240
    assert cache.stats()["blocks_used"] <= 4
    log = fake.log().decode()
    assert log.count("cuEventRecord") == 40 and "cuEventSynchronize" in log
    # Nobody waits for what the stream has got since.
    assert log.count("cuStreamSynchronize") == waits


@pytest.mark.parametrize("call", ["cuMemcpyAsync", "cuEventCreate", "cuEventRecord"])
def test_a_step_that_cannot_end(fake, call):
    """Its tokens stay, its slot comes back, and the driver's words are passed on."""
    cache = made()
    sequence = cache.create()
    for _ in range(3):  # more than there are slots
        with pytest.raises(RuntimeError, match=f"step end: {call}"):
            with cache.step([(sequence, 1)], stream=0):
                fake.fail(call.encode(), 1, 999)
    with cache.step([(sequence, 1)], stream=0):
        pass
    assert cache.length(sequence) == 4


def test_the_stream_is_of_its_gpu(fake, monkeypatch):
    """Not of the one that is torch's current."""
    torch = pytest.importorskip("torch")
    asked = []

    class Stream:
        cuda_stream = 0

    def current_stream(device=None):
        asked.append(device)
        return Stream

    monkeypatch.setattr(torch.cuda, "current_stream", current_stream)
    cache = made()
    with cache.step([(cache.create(), 1)]):
        pass
    assert asked == [0]


def test_a_kernel_that_does_not_load(fake):
    cache = made()
    sequence = cache.create()

    class OnTheGpu:
        def __init__(self, shape):
            torch = pytest.importorskip("torch")
            self.tensor = torch.zeros(shape, dtype=torch.bfloat16)

        def __dlpack_device__(self):
            return (2, 0)

        def __dlpack__(self, **options):
            capsule = self.tensor.__dlpack__()
            get = ctypes.pythonapi.PyCapsule_GetPointer
            get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
            # DLTensor: data, then DLDevice {type, id}.
            ctypes.c_int32.from_address(get(capsule, b"dltensor") + 8).value = 2
            return capsule

    rows = OnTheGpu((3, 2, 32))
    with pytest.raises(RuntimeError, match="append: cuModuleLoadDataEx"):
        with cache.step([(sequence, 3)], stream=0) as step:
            cache.attention.append(rows, rows, step)
    assert cache.length(sequence) == 0  # and the tokens were taken back
    with pytest.raises(ValueError, match="key: expected a tensor on cuda:0, got one on cpu"):
        with cache.step([(sequence, 3)], stream=0) as step:
            cache.attention.append(Plain(rows.tensor), rows, step)
    # torch's ops go to the stream that the step was told, too.
    with pytest.raises(ValueError, match="key: expected a tensor on cuda:0, got one on cpu"):
        with cache.step([(sequence, 3)], stream=0) as step:
            cache.attention.append(rows.tensor, rows.tensor, step)


class Plain:
    """A tensor of this machine that is not torch's."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__()
