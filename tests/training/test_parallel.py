"""What long-lived processes need: memory maps for their programs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from finjax.training import parallel

MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux counts memory maps")
def test_programs_are_forgotten_before_memory_maps_run_out(monkeypatch):
    def count():
        return len(MAPS.read_text().splitlines())

    before = count()
    functions = [parallel.pmap(lambda x, n=n: jnp.sin(x) * n + (x @ x.T).sum()) for n in range(30)]
    for n, function in enumerate(functions):
        function(jnp.ones((jax.local_device_count(), 4, 4 + n)))
    full = count()
    parallel.spare_memory_maps()
    assert full > before + 60 and count() > before + 60  # few as yet: they stay
    monkeypatch.setattr(parallel, "MANY_MAPS", full - 10)
    parallel.spare_memory_maps()
    assert count() < full - 60
    assert functions[3](jnp.ones((jax.local_device_count(), 4, 7))).shape[1:] == (4, 7)
