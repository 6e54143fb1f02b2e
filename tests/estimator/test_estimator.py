"""FINs as scikit-learn estimators: its own checks, its tools, and trained FINs."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from rounding import assert_close, of_probabilities
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import finjax
from finjax.data import synthetic
from finjax.data.windows import Framing, index_windows, pack
from finjax.errors import CheckpointError, ConfigError
from finjax.estimator import FINClassifier, FINFeatures
from finjax.estimator.features import seed_of

MOVEMENTS = 4
SMALLEST = {"features": ("rms",), "hidden": 2, "layers": 1, "steps": 2}
SMALL = {"features": ("rms", "logstd"), "hidden": 8, "layers": 1, "patch_size": 60, "steps": 150}


@pytest.mark.slow
@parametrize_with_checks([FINFeatures(**SMALLEST)])
def test_the_features_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([FINClassifier(FINFeatures(**SMALLEST), epochs=1, tune_steps=0)])
def test_the_classifier_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    """Windows `[n, 12, 600]` of four movements, their names and their repetitions."""
    settings = synthetic.Settings(subjects=1, movement_s=1.0, rest_s=0.0)
    store = pack([synthetic.generate(1, settings)])
    windows = index_windows(store.segments, Framing(length=600, step=200, horizon=0))
    windows = windows[(windows.movement < MOVEMENTS) & (windows.repetition <= 3)]
    samples = store.cut_out(windows, length=600)
    return samples, np.array(store.movement_names)[windows.movement], windows.repetition


@pytest.fixture(scope="module")
def fitted(data):
    windows, movements, repetitions = data
    known = repetitions < 3
    classifier = FINClassifier(FINFeatures(**SMALL), epochs=30, tune_steps=3)
    return classifier.fit(windows[known], movements[known])


@pytest.mark.slow
def test_the_classifier_recognises_movements_of_another_repetition(data, fitted):
    windows, movements, repetitions = data
    new = repetitions == 3
    probabilities = fitted.predict_proba(windows[new])
    assert probabilities.shape == (new.sum(), MOVEMENTS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(windows[new]), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(windows[new], movements[new]) > 0.6  # chance: 0.25


@pytest.mark.slow
@pytest.mark.numerics
def test_a_single_window_gets_the_same_probabilities(data, fitted):
    """As LibEMG asks: `(1, C, L)` in, one column for each class out."""
    windows = data[0][:3]
    one_by_one = np.concatenate([fitted.predict_proba(window[None]) for window in windows])
    found = fitted.predict_proba(windows)
    # Other programs, in which three LSTM layers sum over 20 steps of 30 samples; logits follow from probabilities.
    np.testing.assert_allclose(one_by_one, found, rtol=of_probabilities(np.log(found.clip(1e-6)), terms=3 * 600))


@pytest.mark.slow
def test_flattened_windows_are_the_same_windows(data, fitted):
    windows = data[0]
    flat = windows.reshape(len(windows), -1)
    np.testing.assert_array_equal(fitted.predict_proba(flat[:5]), fitted.predict_proba(windows[:5]))
    features = FINFeatures(channels=12, **SMALL | {"steps": 0}).fit(flat)
    np.testing.assert_array_equal(
        features.transform(flat[:5]), FINFeatures(**SMALL | {"steps": 0}).fit(windows).transform(windows[:5])
    )
    names = features.get_feature_names_out()
    assert (len(names), names[1]) == (24, "channel_1_logstd")


@pytest.mark.slow
def test_tuning_changes_the_fins_but_not_the_transformer(data, fitted):
    before, after = fitted.fins_.models_[0].params["head"]["kernel"], fitted.params_["fins"]["head"]["kernel"][0, 0]
    assert 0 < np.abs(after - before).max() < 0.01


@pytest.mark.slow
def test_virtual_channels_are_trained_with_the_rest(data):
    windows, movements, repetitions = data
    known = repetitions < 3
    classifier = FINClassifier(FINFeatures(**SMALL), epochs=30, tune_steps=3, patterns=2)
    classifier.fit(windows[known], movements[known])
    weights = classifier.params_["patterns"]
    assert weights.shape == (12 + 2 * MOVEMENTS, 12)
    moved = np.abs(weights[:12] - np.eye(12))  # they began as the channels themselves
    assert 1e-3 < moved.max() < 1.0
    assert classifier.score(windows[~known], movements[~known]) > 0.6  # chance: 0.25


@pytest.mark.slow
def test_the_estimators_work_in_a_pipeline_and_a_grid_search(data):
    windows, movements, _ = data
    pipeline = make_pipeline(FINFeatures(**SMALL), LinearDiscriminantAnalysis())
    assert pipeline.fit(windows[::2], movements[::2]).score(windows[1::2], movements[1::2]) > 0.5  # chance: 0.25
    classifier = FINClassifier(FINFeatures(**SMALL), epochs=1, tune_steps=0)
    search = GridSearchCV(classifier, {"fins__steps": [2, 5]}, cv=2, error_score="raise").fit(windows, movements)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.fins_.steps == search.best_params_["fins__steps"]  # it reaches the part


@pytest.mark.slow
def test_a_pickled_classifier_predicts_the_same_in_another_process(data, fitted, tmp_path):
    windows = data[0][:5]
    (tmp_path / "classifier.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "windows.npy", windows)
    script = f"""
import pickle, numpy as np
classifier = pickle.load(open({str(tmp_path / "classifier.pickle")!r}, "rb"))
np.save({str(tmp_path / "found.npy")!r}, classifier.predict_proba(np.load({str(tmp_path / "windows.npy")!r})))
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    # It is the same program.
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), fitted.predict_proba(windows), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.numerics
def test_trained_fins_are_loaded_unchanged(data, finished_run):
    windows, run = data[0], str(finished_run[0].parent / "fin_{feature}")
    features = FINFeatures(run, features=("ssi",)).fit(windows)
    z = features.normalised(windows[:4])
    expected = np.asarray(finjax.load(finished_run[0])(z.reshape(-1, 600))).reshape(4, 12)
    assert_close(features.transform(windows[:4]), expected, terms=3 * 600)
    with pytest.raises(CheckpointError, match=r"takes windows of 600 samples; the windows of fit have 300"):
        clone(features).fit(windows[..., :300])
    with pytest.raises(CheckpointError, match="holds the FIN of ssi, not of rms"):
        FINFeatures(str(finished_run[0]), features=("rms",)).fit(windows)


@pytest.mark.slow
def test_the_classifier_passes_its_seed_to_the_fins_that_it_makes(data, monkeypatch):
    """An integer, a generator that is drawn from, or None, as in scikit-learn; a part that is given keeps its own."""
    windows, movements, _ = data
    drawn = []
    monkeypatch.setattr(FINFeatures, "_train", lambda self, _: drawn.append(seed_of(self.random_state)))
    monkeypatch.setattr(FINClassifier, "_tune", lambda self, *_, seed: drawn.append(seed))

    def seeds(**settings):
        drawn.clear()
        FINClassifier(**settings).fit(windows, movements)
        return tuple(drawn)

    seven, zero = seed_of(7), seed_of(0)
    assert seven != zero
    assert seeds(random_state=7) == seeds(random_state=7) == (seven, seven)
    assert seeds() == (zero, zero)
    assert seeds(fins=FINFeatures(random_state=0), random_state=7) == (zero, seven)
    generator = np.random.RandomState(7)
    assert seeds(random_state=generator)[0] == seven
    assert seeds(random_state=generator)[0] != seven  # it has moved on
    assert seeds(random_state=None) != seeds(random_state=None)


@pytest.mark.slow
def test_nothing_is_fitted_to_windows_that_are_transformed(data, fitted):
    windows = data[0]
    features = clone(fitted.fins_).set_params(steps=0).fit(windows[:40])
    mean, alone = features.mean_.copy(), features.transform(windows[40:42])
    among_others = features.transform(np.concatenate([windows[40:42], 1e3 * windows[42:60]]))
    np.testing.assert_array_equal(features.mean_, mean)
    np.testing.assert_allclose(among_others[:2], alone, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_unusable_input_is_refused(data, fitted):
    windows, movements, _ = data
    with pytest.raises(ValueError, match=r"\[3, 11, 600\]; the windows of fit were \[n, 12, 600\]"):
        fitted.predict(windows[:3, :11])
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict(np.full_like(windows[:3], np.nan))
    with pytest.raises(ValueError, match="the windows have 12 channels, but channels=8"):
        FINFeatures(channels=8).fit(windows)
    with pytest.raises(ValueError, match="do not divide into channels=7"):
        FINFeatures(channels=7).fit(windows.reshape(len(windows), -1))
    with pytest.raises(ValueError, match="a classifier needs two or more"):
        FINClassifier().fit(windows, np.zeros(len(windows)))
    with pytest.raises(ConfigError, match="read_out='qda': choose from lda, rda, or None"):
        FINClassifier(read_out="qda").fit(windows, movements)
    with pytest.raises(ConfigError, match="unknown feature"):
        FINFeatures(features=("loudness",)).fit(windows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": np.nan}, "learning_rate=nan: must be a finite number"),
        ({"learning_rate": "fast"}, "learning_rate=fast: must be a number"),
        ({"steps": -1}, "steps=-1: must be at least 0"),
        ({"steps": 2.5}, "steps=2.5: must be a whole number"),
        ({"limit_sd": -1.0}, "limit_sd=-1: must be above 0"),
        ({"limit_sd": 0}, "limit_sd=0: must be above 0"),
        ({"features": ("rms", "rms")}, "features=rms,rms: must be a tuple of names of features, each once"),
        ({"features": ()}, "features=: must be a tuple of names"),
        ({"features": "rms"}, "features=rms: must be a tuple of names"),
        ({"hidden": 0}, "hidden=0: must be at least 1"),
        ({"layers": None}, "layers=None: must be a whole number"),
        ({"patch_size": 0}, "patch_size=0: must be at least 1"),
        ({"patch_size": 7}, "patch_size=7: must divide the 20 samples of a window"),
        ({"channels": -1}, "channels=-1: must be at least 1"),
        ({"runs": "runs/{subject}"}, "runs=runs/{subject}: only {feature} can be filled in"),
        ({"runs": "gs://bucket/fin"}, "runs=gs://bucket/fin: finjax"),
        ({"random_state": "x"}, "'x' cannot be used to seed"),
    ],
)
def test_arguments_of_features_are_checked(arguments, message, monkeypatch):
    monkeypatch.setattr(FINFeatures, "_train", lambda *_: pytest.fail("it was trained"))
    windows, labels = np.ones((4, 2, 20)), [0, 0, 1, 1]
    with pytest.raises(ValueError, match=message):
        FINFeatures(**arguments).fit(windows)
    with pytest.raises(ValueError, match=message):  # as a part
        FINClassifier(FINFeatures(**arguments)).fit(windows, labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": np.inf}, "learning_rate=inf: must be a finite number"),
        ({"fin_rate": -1e-4}, "fin_rate=-0.0001: must be at least 0"),
        ({"cnn_rate": None}, "cnn_rate=None: must be a number"),
        ({"epochs": -1}, "epochs=-1: must be at least 0"),
        ({"tune_steps": -3}, "tune_steps=-3: must be at least 0"),
        ({"fins": "runs"}, "fins='runs': must be a FINFeatures, or None"),
        ({"fins": FINFeatures(), "random_state": "x"}, "'x' cannot be used to seed"),
    ],
)
def test_arguments_of_the_classifier_are_checked(arguments, message, monkeypatch):
    monkeypatch.setattr(FINFeatures, "_train", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match=message):
        FINClassifier(**arguments).fit(np.ones((4, 2, 20)), [0, 0, 1, 1])
