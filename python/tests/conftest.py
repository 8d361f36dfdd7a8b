"""Fresh inputs in every run, from a seed that is printed; KVC_TEST_SEED repeats one."""
import os
import random
import sys

import pytest
import torch

sys.path.insert(0, os.path.dirname(__file__))

SEED = int(os.environ.get("KVC_TEST_SEED") or random.SystemRandom().randrange(2**31))


def pytest_report_header(config):
    return f"KVC_TEST_SEED={SEED}"


@pytest.fixture(autouse=True)
def seeded(request):
    torch.manual_seed(SEED + sum(map(ord, request.node.name)))


@pytest.fixture(scope="session")
def attentions():
    """One for each kind of mask; the one for floats takes sink logits as well."""
    import kvc
    base = dict(heads=2, kv_heads=1, head_dim=16)
    return {mask: kvc.Attention(**base, mask=mask, sink_logits=mask == "float")
            for mask in (None, "bool", "float", "packed")}
