"""The synthetic generator: its schema, its determinism, its way through Ninapro's files and reader."""

import numpy as np
import pytest
from scipy import signal as dsp

from finjax.data import ninapro, synthetic
from finjax.data.loading import read_recording
from finjax.data.registry import get_spec

SMALL = synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.2)


@pytest.fixture(scope="module")
def recording():
    return synthetic.generate(1, SMALL)


def test_schema_is_that_of_db2(recording):
    assert recording.signal.shape == (round(17 * 6 * 1.2 * 2000), 12)
    assert (recording.rate_hz, len(recording.movement_names)) == (2000.0, 17)
    segments = recording.segments()
    assert len(segments) == 17 * 6
    assert (segments[:, 1] - segments[:, 0] == 2000).all()
    assert {(m, r) for m, r in segments[:, 2:].tolist()} == {(m, r) for m in range(17) for r in range(1, 7)}


def test_same_seed_and_subject_same_recording_whatever_their_number(recording):
    again = synthetic.generate(1, synthetic.Settings(subjects=9, movement_s=1.0, rest_s=0.2))
    np.testing.assert_array_equal(recording.signal, again.signal)


def test_subjects_and_seeds_differ(recording):
    other = synthetic.generate(2, SMALL)
    reseeded = synthetic.generate(1, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.2, seed=1))
    for different in (other, reseeded):
        assert abs(np.corrcoef(recording.signal[:, 0], different.signal[:, 0])[0, 1]) < 0.05


def test_power_lies_in_the_band_of_semg(recording):
    frequency, power = dsp.welch(recording.signal, fs=2000, nperseg=2000, axis=0)
    inside = (frequency >= 20) & (frequency <= 450)
    assert power[inside].sum() / power.sum() > 0.9


def test_movements_are_louder_than_rest(recording):
    middle = (recording.movement >= 0) & (np.arange(len(recording.movement)) % 2400 > 600)
    assert recording.signal[middle].std() > 3 * recording.signal[recording.movement < 0].std()


def test_goes_through_a_mat_file_unchanged(recording, tmp_path):
    path = tmp_path / "S1_E1_A1.mat"
    ninapro.write_mat(recording, path)
    back = read_recording(get_spec("ninapro_db2"), 1, (path,))
    np.testing.assert_array_equal(back.signal, recording.signal)
    np.testing.assert_array_equal(back.segments(), recording.segments())


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="at least 1 subject"):
        synthetic.Settings(subjects=0)
