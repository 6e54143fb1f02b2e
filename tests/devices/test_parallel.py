"""Shares of a batch, the compiler's options, and memory maps of compiled programs."""

import asyncio
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import finjax
from finjax.configs import fin
from finjax.devices import parallel
from finjax.devices.parallel import ABSENT
from finjax.run import run

ROOT = Path(__file__).parents[2]
SCRIPT = """
import jax, jax.numpy as jnp
from pathlib import Path
from finjax.devices import parallel

def count():
    return len(Path("/proc/self/maps").read_text().splitlines())

functions = [parallel.pmap(lambda x, n=n: jnp.sin(x) * n + (x @ x.T).sum()) for n in range(40)]
for n, function in enumerate(functions):
    function(jnp.ones((1, 4, 4 + n)))
    if not n:
        before = count()
full = count()
parallel.spare_memory_maps()  # few so far: the programs stay
assert full > before + 80 and count() > full - 10, (before, full, count())
parallel.MANY_MAPS = full - 10
parallel.spare_memory_maps()
assert count() < full - 80, (before, full, count())
assert functions[3](jnp.ones((1, 4, 7))).shape == (1, 4, 7)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux counts memory maps")
def test_programs_are_freed_before_memory_maps_run_out():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=ROOT, timeout=120)


def test_uneven_shares_are_filled_up(monkeypatch):
    monkeypatch.setattr(parallel, "device_count", lambda: 3)
    shares = parallel.share(np.arange(14).reshape(2, 7), axis=1)
    filled = [ABSENT, ABSENT]
    np.testing.assert_array_equal(
        shares, [[[0, 1, 2], [7, 8, 9]], [[3, 4, 5], [10, 11, 12]], [[6, *filled], [13, *filled]]]
    )
    assert shares.shape[-1] == parallel.share_size(7)


def test_the_compiler_is_tuned_once_and_the_users_options_are_kept(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=128")
    parallel.tune_compiler()
    first, *others = os.environ["XLA_FLAGS"].split()
    assert first == "--xla_cpu_prefer_vector_width=128"
    assert [flag.split("=")[0] for flag in others] == ["--xla_backend_extra_options"]
    parallel.tune_compiler()
    assert os.environ["XLA_FLAGS"].split() == [first, *others]


def test_jax_num_cpu_devices_is_respected():
    script = """
import jax
from finjax.devices import parallel
parallel.use_cpu_devices(0, batch_size=2)
assert jax.local_device_count() == 3, jax.local_device_count()
"""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "3", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environment, timeout=120)


@pytest.mark.slow
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="only a CPU is split into devices")
def test_if_jax_is_in_use_it_keeps_its_devices_with_one_warning(tmp_path, caplog):
    """As in a notebook: JAX has been used, and an event loop runs."""
    config = fin.get_config("test", target="rms")
    config.train.max_steps, config.train.batch_size, config.log.tensorboard = 2, 16, False
    config.cpu_devices = 1 + (devices := jax.local_device_count())
    parallel._warn_that_jax_is_in_use.cache_clear()

    async def train():
        for name in ("one", "two"):
            run(config, workdir=tmp_path / name)

    asyncio.run(train())
    assert jax.local_device_count() == devices and finjax.load(tmp_path / "two").step == 2
    warnings = [record.message for record in caplog.records if "JAX is already in use" in record.message]
    assert len(warnings) == 1 and f"uses its {devices} CPU device" in warnings[0]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instruction sets are those of x86")
def test_the_compiler_can_be_limited_to_an_older_cpu(tmp_path):
    """`make test-avx2` relies on it: vectors are only as long as those of the named instruction set."""
    script = """
import jax
from finjax.devices import parallel
parallel.tune_compiler()
jax.jit(lambda x: jax.numpy.tanh(x) * 2)(jax.numpy.ones(4096))
"""
    flags = f"--xla_cpu_max_isa=SSE4_2 --xla_dump_to={tmp_path}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "0"}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environment, timeout=120)
    code = "".join(file.read_text() for file in tmp_path.glob("*lambda*ir-with-opt.ll"))
    assert max(int(size) for size in re.findall(r"<(\d+) x float>", code)) == 4  # 8 with AVX2, 16 with AVX-512
