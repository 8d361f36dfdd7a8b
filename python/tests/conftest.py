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
