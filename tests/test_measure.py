"""What the benchmarks say about the machine."""

import pytest

from benchmarks import measure


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("flags\t\t: fpu avx avx2 avx512f\n", "AVX-512"),
        ("model name\t: A CPU\nflags\t\t: fpu avx avx2\n", "AVX2"),
        ("Features\t: fp asimd crc32\n", "NEON"),
    ],
)
def test_the_widest_vector_instructions_are_named(monkeypatch, tmp_path, facts, expected):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(measure, "CPU_FACTS", tmp_path / "cpuinfo")
    measure.CPU_FACTS.write_text(facts, encoding="utf-8")
    assert measure.instruction_set() == expected


def test_a_limit_of_xla_is_named(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=SSE4_2 --xla_x=1 --xla_cpu_max_isa=AVX2")
    assert measure.instruction_set() == "AVX2 (limited by --xla_cpu_max_isa)"


def test_a_system_without_these_facts_names_the_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(measure, "CPU_FACTS", tmp_path / "none")
    monkeypatch.setattr(measure.platform, "machine", lambda: "arm64")
    assert measure.instruction_set() == "arm64"
