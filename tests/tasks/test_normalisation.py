"""The z-score of a person uses only samples that the setting allows: the tests spoil all other samples."""

import dataclasses
import json

import numpy as np
import pytest

import finjax
from finjax.configs import classical, cnn, fin
from finjax.configs.parsing import parse
from finjax.configs.templates import complete
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.data.splits import Split
from finjax.data.windows import Framing, SignalStore
from finjax.errors import CheckpointError, ConfigError, DataError
from finjax.inference.model import Model
from finjax.run import run
from finjax.tasks import decoder
from finjax.tasks.initial import initial_decoder
from finjax.tasks.normalisation import fit_statistics, stored_statistics
from finjax.tasks.task import Task

LENGTH, STEP, SEGMENT = 100, 50, 430  # samples; a segment's last 30 are in no window
SPLIT = Split(
    seen_subjects=(1, 2), unseen_subjects=(3,), train_repetitions=(1,), test_repetitions=(4,),
    seen_tune_repetitions=(2, 3), unseen_tune_repetitions=(1, 2, 3),
)  # fmt: skip


def make_task(module=cnn, *, subjects=(1, 2, 3), horizon=0, **changes) -> Task:
    """Two movements, four repetitions; the signal of each subject has a mean and deviation of its own."""
    rng, packed, parts = np.random.default_rng(0), [], []
    for index, subject in enumerate(subjects):
        for repetition in (1, 2, 3, 4):
            for movement in (0, 1):
                start = len(parts) * SEGMENT
                packed.append((start, start + SEGMENT, index, movement, repetition))
                parts.append(rng.normal(subject + repetition, 1 + subject + movement, size=(2, SEGMENT)))
    store = SignalStore(
        samples=np.concatenate(parts, axis=1).astype(np.float32), segments=np.array(packed), subjects=subjects,
        dataset="mine", rate_hz=1000.0, channel_names=("a", "b"), movement_names=("m", "n"),
    )  # fmt: skip
    config = module.get_config(**({"target": "rms"} if module is fin else {}))
    config.update(changes)
    framing = Framing(length=LENGTH, step=STEP, horizon=horizon)
    return Task(settings=parse(config), store=store, split=SPLIT.only(subjects), framing=framing)


def samples_of(task: Task, windows) -> np.ndarray:
    """Returns the mask of the samples that windows and the windows predicted from them cover."""
    covered = np.zeros(task.store.samples.shape[1], bool)
    for start in np.concatenate([windows.start, windows.start + task.framing.lead]):
        covered[start : start + LENGTH] = True
    return covered


def samples_by(task: Task, *, subject: int, repetitions) -> np.ndarray:
    covered = np.zeros(task.store.samples.shape[1], bool)
    index = task.store.subjects.index(subject)
    for start, stop, whose, _, repetition in task.store.segments:
        covered[start:stop] |= whose == index and repetition in repetitions
    return covered


def trained_model(**changes) -> Model:
    """A model that was trained on subjects 1 and 2, and also holds the z-score of subject 8."""
    signal = SignalNormaliser(
        subjects=np.array([1, 2, 8], np.int32),
        mean=np.array([[1, 2], [3, 6], [99, 99]], np.float32),
        std=np.array([[1, 1], [2, 4], [99, 99]], np.float32),
        limit=np.float32(15),
    )
    fields = {"params": {}, "config": cnn.get_config(), "step": 1, "framing": Framing(length=LENGTH, step=STEP)}
    fields |= {"rate_hz": 1000.0, "dataset": "mine", "split": SPLIT, "signal": signal}
    fields |= {"feature": FeatureNormaliser(mean=0.0, std=1.0), "trained_on": {1: (1,), 2: (1,)}}
    fields |= {"statistics_from": {1: "used", 2: "used", 8: "unlabelled"}, "unit": "mV"}
    return Model(**fields | changes)


@pytest.mark.parametrize("horizon", [0, 3])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize(("percentage", "how"), [(1, "leading"), (30, "leading"), (30, "random"), (100, "leading")])
def test_z_scores_use_each_sample_of_the_share_once_and_no_other(percentage, how, pooled, horizon):
    task = make_task(percentage=float(percentage), percentage_how=how, pooled=pooled, horizon=horizon)
    share = decoder.tuning_windows(task)
    assert percentage < 100 or len(share) == len(task.part("pool" if pooled else "tune"))
    covered = samples_of(task, share)
    task.store.samples[:, ~covered] = np.nan
    found = fit_statistics(task, share)
    assert found.sources == dict.fromkeys((1, 2, 3), "used")
    for row, subject in enumerate((1, 2, 3)):
        own = task.store.samples[:, covered & samples_by(task, subject=subject, repetitions=(1, 2, 3))]
        np.testing.assert_allclose(found.signal.mean[row], own.mean(axis=1, dtype=np.float64), rtol=1e-5)
        np.testing.assert_allclose(found.signal.std[row], own.std(axis=1, dtype=np.float64), rtol=1e-5)


def test_training_reads_only_the_share_with_its_validation_windows():
    task = make_task(subjects=(3,), percentage=50.0, features="rms,ent", train={"covariance_noise": 1.0})
    share = decoder.tuning_windows(task)
    fitted, held_out = decoder.split_for_validation(task, share)
    assert len(held_out)
    task.store.samples[:, ~samples_of(task, share)] = np.nan
    start = initial_decoder(task, fitted, share=share)
    whole = fit_statistics(task, share).signal
    np.testing.assert_array_equal(start.statistics.signal.mean, whole.mean)
    assert np.abs(whole.mean - fit_statistics(task, fitted).signal.mean).max() > 0
    inputs = decoder.inputs_of(task, start.features, start.feature, share, signal=start.statistics.signal)
    for values in (inputs.values, start.feature.mean, start.feature.std, decoder._jitter(task, start, fitted)):
        assert np.isfinite(values).all()


def test_a_classical_baseline_reads_only_its_share_and_the_test_repetitions(tmp_path, monkeypatch):
    decisions = []
    for spoilt in (False, True):
        task = make_task(classical, subjects=(3,), subject="3", percentage=30.0, features="rms")
        unused = ~samples_of(task, decoder.tuning_windows(task)) & ~samples_by(task, subject=3, repetitions=(4,))
        assert unused.sum() > 1000
        if spoilt:
            task.store.samples[:, unused] = 1e30
        monkeypatch.setattr(Task, "load", lambda *_, task=task, **__: task)
        monkeypatch.setattr("finjax.tasks.classical.find_split", lambda _: SPLIT)
        run(complete(task.settings.record), workdir=tmp_path / str(spoilt))
        decisions.append(np.load(tmp_path / f"{spoilt}/subject_3/eval/decisions.npz")["predicted"])
        result = json.loads((tmp_path / f"{spoilt}/eval/metrics.json").read_text())
        assert result["subjects"][0]["statistics_from"] == "used"
    np.testing.assert_array_equal(*decisions)


def test_at_0_percent_a_person_gets_the_mean_over_the_people_trained_on():
    task = make_task(subjects=(3,), percentage=0.0)
    task.store.samples[:] = np.nan
    found = fit_statistics(task, decoder.tuning_windows(task), start=trained_model())
    np.testing.assert_allclose(found.signal.mean, [[2, 4]])  # of 1 and 2, not of 8
    np.testing.assert_allclose(found.signal.std, [[1.5, 2.5]])
    assert found.sources == {3: "others"}


def test_stored_z_scores_are_converted_to_the_unit_of_the_recordings():
    task = make_task(subjects=(3,), percentage=0.0)
    task = dataclasses.replace(task, store=dataclasses.replace(task.store, unit="uV"))
    for found in (
        fit_statistics(task, decoder.tuning_windows(task), start=trained_model()),
        stored_statistics(task, trained_model()),
    ):
        np.testing.assert_allclose(found.signal.mean, [[2000, 4000]])
        np.testing.assert_allclose(found.signal.std, [[1500, 2500]])
    task = dataclasses.replace(task, store=dataclasses.replace(task.store, unit="counts"))
    with pytest.raises(DataError, match="mV cannot be converted to counts"):
        stored_statistics(task, trained_model())


def test_the_mean_over_other_people_leaves_out_the_person():
    task = make_task(subjects=(2,), percentage=0.0)
    found = fit_statistics(task, decoder.tuning_windows(task), start=trained_model())
    np.testing.assert_allclose(found.signal.mean, [[1, 2]])
    alone = trained_model(trained_on={2: (1,)})
    with pytest.raises(CheckpointError, match="no z-score for subjects 2: .*--config.statistics=unlabelled"):
        fit_statistics(task, decoder.tuning_windows(task), start=alone)


def test_a_zero_shot_model_passes_on_the_mean_that_it_was_given():
    signal = SignalNormaliser(subjects=np.array([3]), mean=np.full((1, 2), 5.0), std=np.ones((1, 2)), limit=np.inf)
    zero_shot = trained_model(signal=signal, statistics_from={3: "others"})
    mean, _ = zero_shot.mean_of_seen(apart_from=(3,))
    np.testing.assert_array_equal(mean, [5, 5])
    assert dataclasses.replace(zero_shot, statistics_from={3: "unlabelled"}).mean_of_seen(apart_from=(3,)) is None


@pytest.mark.parametrize("percentage", [0.0, 30.0])
def test_unlabelled_z_scores_use_all_samples_outside_the_test_repetitions(percentage):
    task = make_task(subjects=(3,), percentage=percentage, statistics="unlabelled")
    allowed = samples_by(task, subject=3, repetitions=(1, 2, 3))
    task.store.samples[:, ~allowed] = np.nan
    found = fit_statistics(task, decoder.tuning_windows(task), start=trained_model())
    expected = task.store.samples[:, allowed].mean(axis=1, dtype=np.float64)
    np.testing.assert_allclose(found.signal.mean[0], expected, rtol=1e-5)
    assert found.sources == {3: "unlabelled"}


def test_the_z_scores_of_a_fin_for_unseen_people_follow_the_configuration():
    task = make_task(fin)
    assert fit_statistics(task, task.part("train")).sources == dict.fromkeys((1, 2, 3), "unlabelled")
    task = make_task(fin, statistics="used")
    task.store.samples[:, ~samples_of(task, task.part("train"))] = np.nan
    found = fit_statistics(task, task.part("train"))
    assert found.sources == {1: "used", 2: "used", 3: "others"}
    np.testing.assert_allclose(found.signal.mean[2], found.signal.mean[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.signal.std[2], found.signal.std[:2].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(("statistics", "source"), [("used", "others"), ("unlabelled", "unlabelled")])
def test_the_z_score_of_a_person_that_a_stored_model_does_not_know(caplog, statistics, source):
    task = make_task(subjects=(2, 3), statistics=statistics)
    allowed = samples_by(task, subject=3, repetitions=(1, 2, 3)) & (statistics == "unlabelled")
    task.store.samples[:, ~allowed] = np.nan
    found = stored_statistics(task, trained_model())
    assert found.sources == {2: "used", 3: source}
    np.testing.assert_array_equal(found.signal.mean[0], [3, 6])
    own = task.store.samples[:, allowed].mean(axis=1, dtype=np.float64) if statistics == "unlabelled" else [2, 4]
    np.testing.assert_allclose(found.signal.mean[1], own, rtol=1e-5)
    assert ("the model was trained with --config.statistics=used" in caplog.text) == (statistics == "unlabelled")


def test_tuning_without_windows_is_an_error_except_at_0_percent():
    task = make_task(subjects=(3,), percentage=50.0)
    task = dataclasses.replace(task, split=dataclasses.replace(task.split, unseen_tune_repetitions=(9,)))
    with pytest.raises(DataError, match="nothing to tune on"):
        decoder.tuning_windows(task)
    task = dataclasses.replace(task, settings=dataclasses.replace(task.settings, percentage=0.0))
    assert len(decoder.tuning_windows(task)) == 0


@pytest.mark.slow
def test_a_zero_shot_run_reads_only_the_test_repetitions(small_decoder, tmp_path, monkeypatch, capsys):
    load = Task.load.__func__

    def poisoned(cls, config, **settings):
        task = load(cls, config, **settings)
        for start, stop, _, _, repetition in task.store.segments:
            if repetition not in task.split.test_repetitions:
                task.store.samples[:, start:stop] = np.nan
        return task

    monkeypatch.setattr(Task, "load", classmethod(poisoned))
    config = cnn.get_config("test")
    config.features, config.subject, config.step, config.percentage = "rms,wl", "2", "100ms", 0.0
    config.fine_tune.cnn_init = str(small_decoder)
    run(config, workdir=tmp_path)
    model, start = finjax.load(tmp_path / "subject_2"), finjax.load(small_decoder)
    np.testing.assert_array_equal(model.signal.mean, start.signal.mean)
    np.testing.assert_array_equal(model.signal.std, start.signal.std)
    assert (start.statistics_from, model.statistics_from) == ({1: "used"}, {2: "others"})
    assert 2 not in model.trained_on
    (entry,) = json.loads((tmp_path / "eval/metrics.json").read_text())["subjects"]
    assert entry["statistics_from"] == "others" and np.isfinite(entry["accuracy"])
    assert "z-scores from: subject 2: the mean of the people trained on" in capsys.readouterr().out


@pytest.mark.parametrize("module", [cnn, classical])
def test_an_unknown_value_of_statistics_is_refused(tmp_path, monkeypatch, module):
    config = module.get_config("test")
    config.statistics = "all"
    with pytest.raises(ConfigError, match="--config.statistics='all': choose from used, unlabelled"):
        run(config, workdir=tmp_path)
