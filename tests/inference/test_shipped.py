"""The FINs that ship with finjax: they load, imitate on people that they were not trained on, and start a decoder."""

import numpy as np
import pytest

import finjax
from finjax.configs import fin
from finjax.configs.default import BEST_FEATURES
from finjax.data.zscore import channel_statistics, z_score
from finjax.errors import CheckpointError
from finjax.features import get_feature
from finjax.inference.model import ANY_DATASET, FINModel
from finjax.inference.restored import load_decoder
from finjax.inference.shipped import FOLDER, nearest_length, shipped_features, shipped_lengths, write_shipped
from tools.shipped_fins import LENGTHS, PEOPLE, person

# The share of the feature's variance that a FIN may miss on a new person. The closed forms have R² 1; a mean has 0.
MOST_MISSED = 0.03


def new_person(length):
    """Z-scored windows `[n, T]` of a synthetic person that no FIN was trained on, and mixtures of two channels."""
    rate_hz, _ = LENGTHS[length]
    signal, movement, _ = person(PEOPLE + 1, rate_hz)
    mean, std = channel_statistics(signal[movement >= 0].T)
    signal = z_score(signal, mean, std, 15.0)
    windows = [signal[start : start + length] for start in range(0, len(signal) - length, 8 * length)]
    windows = np.stack([window.T for window in windows if window.std() > 0.2])  # [n, C, T]
    mixed = (windows + np.roll(windows, 1, axis=1)) / np.sqrt(2)
    return np.concatenate([windows, mixed]).reshape(-1, length).astype(np.float32)


def test_there_are_fins_of_the_best_features_for_the_usual_rates():
    assert shipped_lengths() == (75, 150, 300, 600) == tuple(LENGTHS)
    for length in shipped_lengths():
        assert shipped_features(length) == tuple(BEST_FEATURES.split(","))
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1.5 * 1024**2


@pytest.mark.parametrize("feature", BEST_FEATURES.split(","))
@pytest.mark.parametrize("length", LENGTHS)
def test_they_imitate_on_a_new_person(length, feature):
    model = finjax.load(f"shipped:{length}/{feature}")
    assert isinstance(model, FINModel) and model.target == feature and model.framing.length == length
    assert (model.dataset, model.trained_on) == (ANY_DATASET, {})
    windows = new_person(length)
    true = np.asarray(get_feature(feature).direct(windows))
    missed = np.mean((true - np.asarray(model(windows))) ** 2) / true.var()
    assert missed < MOST_MISSED


@pytest.mark.parametrize(
    ("samples", "length"), [(75, 75), (307, 300), (614, 600), (77, 75), (60, None), (378, None), (3000, None)]
)
def test_a_window_of_nearly_the_same_length_will_do(samples, length):
    # 300 ms at 250, 1024, 2048, 256, 200, 1259 and 10,000 Hz.
    assert nearest_length(samples) == length


def test_a_fin_that_does_not_ship_is_refused_with_the_list():
    for path in ("shipped:301/logstd", "shipped:300/rms", "shipped:300", "shipped:"):
        with pytest.raises(CheckpointError, match=r"choose from shipped:75/logstd, "):
            finjax.load(path)
    with pytest.raises(CheckpointError, match="holds the FIN of logstd, not a decoder"):
        load_decoder("shipped:300/logstd")


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    fins = {name: finjax.load(f"shipped:300/{name}") for name in ("logstd", "smyop")}
    path = write_shipped(tmp_path, fins)
    assert path.name == "fins_300.npz"
    monkeypatch.setattr("finjax.inference.shipped.FOLDER", tmp_path)
    finjax.inference.shipped._read.cache_clear()
    try:
        again = finjax.load("shipped:300/smyop")
        windows = np.random.default_rng(0).normal(size=(4, 300)).astype(np.float32)
        np.testing.assert_array_equal(again(windows), fins["smyop"](windows))
        assert shipped_features(300) == ("logstd", "smyop") and shipped_lengths() == (300,)
    finally:
        finjax.inference.shipped._read.cache_clear()


def test_they_were_trained_as_the_preset_says():
    preset, model = fin.get_config("spatial"), finjax.load("shipped:300/logstd")
    assert (model.step, model.config.train.mixtures) == (preset.train.max_steps, preset.train.mixtures)
    assert (model.config.model.hidden, model.config.limit_sd) == (preset.model.hidden, preset.limit_sd)
