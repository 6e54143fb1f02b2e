"""From the configuration to the signals."""

import numpy as np
import pytest

from finjax.configs import fin
from finjax.configs.parsing import data_settings
from finjax.data import synthetic
from finjax.data.registry import Filter, get_spec
from finjax.data.source import filter_of, load_store


@pytest.fixture
def config():
    return fin.get_config("test", target="ssi").data


def test_filter_fields_unset_keep_the_datasets_own_and_0_is_off(config):
    config.name = "three_dc"
    own = get_spec("three_dc").filter
    assert own.highpass_hz and filter_of(data_settings(config)) == own
    config.filter.highpass_hz, config.filter.lowpass_hz = 0.0, 300.0
    assert filter_of(data_settings(config)) == Filter(highpass_hz=None, lowpass_hz=300.0, notch_hz=own.notch_hz)


def test_only_the_requested_subjects_are_loaded(config):
    store, split = load_store(data_settings(config))
    assert (store.subjects, split.seen_subjects, split.unseen_subjects) == ((1, 2), (1,), (2,))
    assert store.segments[-1, 1] == 2 * 17 * 6 * 2000


def test_synthetic_recordings_are_filtered_too(config):
    plain, _ = load_store(data_settings(config))
    config.filter.highpass_hz = 200.0
    filtered, _ = load_store(data_settings(config))
    power = [np.abs(np.fft.rfft(store.samples[0, :2000])) ** 2 for store in (plain, filtered)]
    assert power[1][:100].sum() < 0.01 * power[0][:100].sum()  # below 100 Hz
    assert plain.rate_hz == synthetic.RATE_HZ
