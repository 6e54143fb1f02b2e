"""The electrode check, on signals whose levels and hum are made."""

import numpy as np
import pytest
from scripted import Front, Scripted, in_phase, noise

from finjax.acquisition.check import ADVICE, check_electrodes, judge, table

RATE_HZ = 1000.0


def muscle(seconds, *, size, seed, rate_hz=RATE_HZ):
    """Noise of a standard deviation."""
    return size * np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))


def hum(seconds, *, size, mains_hz=50.0, rate_hz=RATE_HZ):
    """A sine of the mains with this root of the mean square."""
    return np.sqrt(2) * size * np.sin(2 * np.pi * mains_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def found(rest, contraction, *, rate_hz=RATE_HZ, mains_hz=50.0):
    (electrode,) = judge(rest[:, None], contraction[:, None], ["a"], rate_hz=rate_hz, mains_hz=mains_hz)
    return electrode


def good(seconds=4.0):
    return muscle(seconds, size=5.0, seed=0), muscle(seconds, size=100.0, seed=1)


def test_a_good_electrode_is_good():
    electrode = found(*good())
    assert electrode.fault == ""
    # White noise of 500 Hz, of which the lowest 10 Hz are left out: a fiftieth of the power.
    assert electrode.rest == pytest.approx(5.0 * np.sqrt(0.98), rel=0.05)
    assert electrode.contraction == pytest.approx(100.0 * np.sqrt(0.98), rel=0.05)
    assert electrode.hum_share < 0.05


def test_an_offset_and_a_drift_are_not_a_level():
    rest, contraction = good()
    drift = 5e4 + 300 * np.sin(2 * np.pi * 0.3 * np.arange(4000) / RATE_HZ)
    electrode = found(rest + drift, contraction + drift)
    assert electrode.fault == "" and electrode.rest == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_the_share_of_the_mains_hum_is_measured(mains_hz):
    rest, contraction = good()
    rest = rest + hum(4.0, size=20.0, mains_hz=mains_hz) + hum(4.0, size=15.0, mains_hz=3 * mains_hz)
    electrode = found(rest, contraction, mains_hz=mains_hz)
    power = 20.0**2 + 15.0**2
    assert electrode.hum_share == pytest.approx(power / (power + 0.98 * 5.0**2), abs=0.02)
    assert electrode.fault == "mains hum"
    assert found(rest, contraction, mains_hz=110.0 - mains_hz).hum_share < 0.1


def test_hum_that_is_small_beside_the_contraction_is_no_fault():
    rest, contraction = good()
    electrode = found(rest + hum(4.0, size=10.0), contraction)
    assert electrode.hum_share > 0.7 and electrode.fault == ""


def test_a_contraction_like_rest_is_weak():
    assert found(muscle(4.0, size=5.0, seed=0), muscle(4.0, size=8.0, seed=1)).fault == "weak"


@pytest.mark.parametrize("value", [0.0, -187_500.0, 12.5])
def test_a_channel_that_stands_still_is_flat(value):
    assert found(np.full(4000, value), np.full(4000, value)).fault == "flat"


def test_a_channel_at_the_limit_of_the_device_is_saturated():
    rest, contraction = good()
    assert found(rest, np.clip(contraction, -80.0, 80.0)).fault == "saturated"  # a fifth of the samples at each end


def test_a_channel_without_numbers_is_not_finite():
    rest, contraction = good()
    rest[100] = np.nan
    assert found(rest, contraction).fault == "not finite"


def test_an_envelope_has_its_mean_as_level_and_no_hum():
    rest = np.abs(muscle(4.0, size=0.01, seed=0, rate_hz=100.0)) / np.sqrt(2 / np.pi)
    contraction = 1.0 + 0.1 * np.abs(muscle(4.0, size=1.0, seed=1, rate_hz=100.0))
    electrode = found(rest, contraction, rate_hz=100.0)
    assert (electrode.hum_share, electrode.fault) == (None, "")
    assert electrode.rest == pytest.approx(0.01, rel=0.1)
    assert electrode.contraction == pytest.approx(contraction.mean())


def test_at_a_low_rate_the_hum_cannot_be_measured():
    rest, contraction = muscle(4.0, size=5.0, seed=0, rate_hz=100.0), muscle(4.0, size=100.0, seed=1, rate_hz=100.0)
    assert found(rest, contraction, rate_hz=100.0).hum_share is None


def test_the_table_names_each_fault_once_with_what_to_do():
    rest, contraction = good()
    still = np.zeros_like(rest)
    electrodes = judge(
        np.stack([rest, still, still], axis=1), np.stack([contraction, still, still], axis=1),
        ["good one", "b", "c"], rate_hz=RATE_HZ, mains_hz=50.0,
    )  # fmt: skip
    lines = table(electrodes, unit="uV")
    assert [line.split()[-1] for line in lines[1:4]] == ["good", "flat", "flat"]
    assert lines[-1] == f"flat: {ADVICE['flat']}" and sum("flat:" in line for line in lines) == 1


def test_if_no_channel_is_stronger_the_person_may_not_have_made_a_fist():
    rest = muscle(4.0, size=5.0, seed=0)
    electrodes = judge(np.stack([rest, rest], 1), np.stack([rest, rest], 1), ["a", "b"], rate_hz=RATE_HZ, mains_hz=50.0)
    assert "was the fist made" in table(electrodes, unit="")[-1]


def checked(script, front, **options):
    source = Scripted(script)
    given = {"seconds": 2.0, "mains_hz": 50.0, "source_problems": source.problems, "idle_s": 0.0} | options
    return check_electrodes(iter(source), source.info, front, **given)


def test_the_check_looks_at_what_was_held_after_its_prompts():
    # 3 s ready, 2 s rest, 3 s ready, 2 s fist; chunks of 0.1 s, the first prompt after one.
    quiet, loud = noise(8.1, size=1.0), noise(2.0, size=100.0, seed=1)
    front = Front()
    ending, electrodes, strongest = checked([*quiet, *loud, *noise(5.0, size=1e6)], front)
    assert ending.complete
    assert all(one.contraction / one.rest == pytest.approx(100, rel=0.2) for one in electrodes)
    assert strongest == np.abs(np.concatenate(loud)).max()
    assert {prompt.movement for prompt, *_ in front.shown} == {"rest", "strong fist"}


def test_a_check_that_is_skipped_or_ended_finds_nothing():
    ending, electrodes, strongest = checked(noise(20.0), Front((in_phase("hold", "rest"), "skip")))
    assert ending.complete and not electrodes and not strongest
    ending, electrodes, _ = checked(noise(20.0), Front((in_phase("ready"), "end")))
    assert not ending.complete and not electrodes
    ending, electrodes, _ = checked(noise(4.0), Front())
    assert ending.reason == "the source ended" and not electrodes
