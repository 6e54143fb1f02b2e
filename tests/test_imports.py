"""What a program imports before it needs it: a start should not wait for figures or filters."""

import subprocess
import sys

import pytest

SLOW = ("jax", "scipy.signal", "scipy.stats", "matplotlib", "sklearn", "pandas", "orbax", "tensorboardX", "nicegui")


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("finjax", ()),
        ("finjax.commands.main", ()),
        ("finjax.commands.train", ("jax", "orbax")),
    ],
)
def test_a_start_imports_only_what_it_needs(module, needed):
    program = f"import sys, {module}; print([name for name in {SLOW!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True).stdout
    assert found.strip() == str(list(needed))
