"""Shares of a batch; and what long-lived processes need: memory maps for their programs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from finjax.training import parallel
from finjax.training.batches import ABSENT

SCRIPT = """
import jax, jax.numpy as jnp
from pathlib import Path
from finjax.training import parallel

def count():
    return len(Path("/proc/self/maps").read_text().splitlines())

functions = [parallel.pmap(lambda x, n=n: jnp.sin(x) * n + (x @ x.T).sum()) for n in range(40)]
for n, function in enumerate(functions):
    function(jnp.ones((1, 4, 4 + n)))
    if not n:
        before = count()
full = count()
parallel.spare_memory_maps()  # few as yet: they stay
assert full > before + 80 and count() > full - 10, (before, full, count())
parallel.MANY_MAPS = full - 10
parallel.spare_memory_maps()
assert count() < full - 80, (before, full, count())
assert functions[3](jnp.ones((1, 4, 7))).shape == (1, 4, 7)
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux counts memory maps")
def test_programs_are_forgotten_before_memory_maps_run_out():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=Path(__file__).parents[2], timeout=120)


def test_shares_that_do_not_divide_are_filled_up(monkeypatch):
    monkeypatch.setattr(parallel, "device_count", lambda: 3)
    shares = parallel.share(np.arange(14).reshape(2, 7), axis=1)
    filled = [ABSENT, ABSENT]
    np.testing.assert_array_equal(
        shares, [[[0, 1, 2], [7, 8, 9]], [[3, 4, 5], [10, 11, 12]], [[6, *filled], [13, *filled]]]
    )
    assert shares.shape[-1] == parallel.share_size(7)


def test_the_compiler_is_tuned_once_and_not_against_the_user(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=128")
    parallel.tune_compiler()
    first, *others = os.environ["XLA_FLAGS"].split()
    assert first == "--xla_cpu_prefer_vector_width=128"
    assert [flag.split("=")[0] for flag in others] == ["--xla_backend_extra_options"]
    parallel.tune_compiler()
    assert os.environ["XLA_FLAGS"].split() == [first, *others]
