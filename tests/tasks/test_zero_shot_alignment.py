"""Zero-shot tests of an aligned decoder: which samples of the person it uses, and which it must not use."""

import numpy as np
import pytest

import finjax
from finjax.configs import cnn, fine_tune
from finjax.configs.parsing import parse
from finjax.data import synthetic
from finjax.data.source import load_store
from finjax.data.zscore import z_score
from finjax.errors import CheckpointError, ConfigError
from finjax.live import LiveDecoder
from finjax.run import run

SETTINGS = {
    "features": "logstd,smyop", "step": "100ms", "log.tensorboard": False, "cnn.align": "shift", "cnn.read_out": "rda",
    "cnn.read_out_ridge": 0.1, "data.synthetic.subjects": 2, "data.seen_subjects": "1", "train.max_epochs": 1,
}  # fmt: skip


def configured(module=cnn, **changes):
    config = module.get_config("test")
    config.update_from_flattened_dict(SETTINGS | changes)
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Decoders of subject 1 in `plain` and, on virtual channels, in `virtual`."""
    folder = tmp_path_factory.mktemp("aligned")
    run(configured(subject="1"), workdir=folder / "plain")
    run(configured(subject="1", patterns=1, **{"cnn.kernel": 1000}), workdir=folder / "virtual")
    return folder


def zero_shot(folder, start, name, **changes):
    changes = {"subject": "2", "percentage": 0.0, "fine_tune.cnn_init": f"{folder}/{start}/subject_1"} | changes
    run(configured(**changes), workdir=folder / name)
    return finjax.load(folder / name / "subject_2")


def unlabelled_windows(model) -> np.ndarray:
    """The z-scored windows of subject 2 outside the test repetitions, cut by hand."""
    store, split = load_store(parse(configured()).data, subjects=(2,))
    found = []
    for start, stop, _, _, repetition in store.segments:
        if repetition not in split.test_repetitions:
            found += [store.samples[:, at : at + 600] for at in range(start, stop - 600 + 1, 200)]
    signal = model.signal
    return z_score(np.array(found), signal.mean[0][:, None], signal.std[0][:, None], signal.limit)


@pytest.mark.parametrize("start", ["plain", "virtual"])
def test_at_0_percent_the_features_without_labels_get_the_mean_of_the_people_trained_on(folder, start):
    virtual = {"patterns": 1, "cnn.kernel": 1000} if start == "virtual" else {}
    model = zero_shot(folder, start, f"zero_{start}", statistics="unlabelled", **virtual)
    first = finjax.load(folder / start / "subject_1")
    centre, shift = model.params["alignment"]["centre"], model.params["alignment"]["shift"]
    np.testing.assert_array_equal(centre, first.params["alignment"]["centre"])
    assert not np.any(first.params["alignment"]["shift"]) and np.any(centre)
    windows = unlabelled_windows(model)
    seen = np.asarray(model.decoder.before_cnn(model.params, model._inputs(windows)))[:, :, 0]  # [n, C, F]
    np.testing.assert_allclose(shift, centre - seen.mean(axis=0), atol=1e-4)
    assert np.abs(shift).max() > 0.1


def test_with_used_statistics_no_sample_of_the_person_is_read_at_0_percent(folder):
    model = zero_shot(folder, "plain", "used", statistics="used")
    assert not np.any(model.params["alignment"]["shift"])


def test_a_decoder_of_the_person_keeps_its_shift(folder):
    start = {"fine_tune.cnn_init": f"{folder}/zero_plain/subject_2", "subject": "2"}
    zero_shot(folder, "plain", "zero_plain", statistics="unlabelled")
    run(configured(percentage=50.0, **start), workdir=folder / "tuned_of_others")
    run(configured(**start, statistics="unlabelled"), workdir=folder / "tuned")
    assert np.any(finjax.load(folder / "tuned/subject_2").params["alignment"]["shift"])
    again = {"fine_tune.cnn_init": f"{folder}/tuned/subject_2", "subject": "2"}
    run(configured(**again), workdir=folder / "again")
    kept, before = (finjax.load(folder / name / "subject_2").params["alignment"] for name in ("again", "tuned"))
    np.testing.assert_array_equal(kept["shift"], before["shift"])


def test_a_start_without_alignment_is_refused(folder):
    run(configured(subject="1", **{"cnn.align": ""}), workdir=folder / "unaligned")
    with pytest.raises(CheckpointError, match=r"has --config.cnn.align=none, but the configuration asks for shift"):
        zero_shot(folder, "unaligned", "refused")


@pytest.mark.parametrize("module", [cnn, fine_tune])
def test_electrodes_are_turned_in_virtual_channels_alone(module, tmp_path):
    with pytest.raises(ConfigError, match=r"--config.cnn.align=turn .* set --config.patterns, or --config"):
        run(configured(module, **{"cnn.align": "turn"}), workdir=tmp_path)


def test_the_turn_of_a_new_person_is_logged(folder, caplog):
    changes = {"patterns": 1, "cnn.kernel": 1000, "cnn.align": "turn", "statistics": "unlabelled"}
    with caplog.at_level("INFO", logger="finjax"):
        model = zero_shot(folder, "virtual", "turned", **changes)
    first = finjax.load(folder / "virtual/subject_1")
    (text,) = (record.message for record in caplog.records if "electrodes sits turned" in record.message)
    places = int(text.split(" by ")[1].split()[0])
    np.testing.assert_array_equal(model.params["patterns"], np.roll(first.params["patterns"], places, axis=1))


@pytest.mark.parametrize("start", ["plain", "virtual"])
def test_a_live_decoder_is_aligned_by_samples_without_labels(folder, start):
    decoder = LiveDecoder(folder / start / "subject_1")
    recording = synthetic.generate(2, decoder.model.config.data.synthetic)
    before = decoder.model.params["alignment"]
    decoder.calibrate(recording.signal)
    after = decoder.model.params["alignment"]
    np.testing.assert_array_equal(before["centre"], after["centre"])
    assert not np.any(before["shift"]) and np.abs(after["shift"]).max() > 0.05
    assert len(decoder.push(recording.signal[:700])) > 0  # compiled anew, with the shift
