"""Exported models: the same outputs with JAX and NumPy alone, and no other code from a stranger's file."""

import copy
import io
import json
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import ROOT
from rounding import assert_close

import finjax
from finjax.configs import cnn, fin, fine_tune
from finjax.data import synthetic
from finjax.errors import CheckpointError, ConfigError
from finjax.inference.export import export_model, main
from finjax.inference.exported import write_exported
from finjax.run import run

pytestmark = pytest.mark.slow

WINDOWS = np.random.default_rng(0).normal(size=(5, 12, 600)).astype(np.float32)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run(fin.get_config("test", target="rms"), workdir=folder / "fin")
    for module in (cnn, fine_tune):
        config = module.get_config("test")
        config.features, config.subject, config.step, config.cnn.read_out = "rms", "1", "100ms", "rda"
        if module is fine_tune:
            config.fine_tune.fins = str(folder / "fin")
        run(config, workdir=folder / config.stage)
    return folder


@pytest.mark.numerics
@pytest.mark.parametrize("stage", ["cnn", "fine_tune"])
def test_an_exported_decoder_has_the_outputs_of_the_checkpoint(runs, tmp_path, stage):
    model = finjax.load(runs / stage / "subject_1")
    exported = export_model(runs / stage / "subject_1", tmp_path / "model.finjax")
    expected = np.asarray(model.logits(WINDOWS))
    assert_close(exported.run(WINDOWS), expected, terms=3 * 600)
    first, second = np.sort(expected, axis=1)[:, :-3:-1].T
    clear = first - second > 1e-3 * np.abs(expected).max()  # a tie may fall either way
    assert clear.any()
    np.testing.assert_array_equal(exported(WINDOWS)[clear], np.asarray(model(WINDOWS))[clear])
    np.testing.assert_allclose(exported.probabilities(WINDOWS).sum(axis=1), 1, rtol=1e-5)
    assert (exported.kind, exported.movement_names, exported.unit) == (stage, model.movement_names, "mV")
    recording = synthetic.generate(1, synthetic.Settings(subjects=2, movement_s=1.0, rest_s=0.0))
    np.testing.assert_array_equal(exported.normalise(recording), model.normalise(recording))


@pytest.mark.numerics
def test_an_exported_fin_gives_feature_values(runs, tmp_path):
    exported = export_model(runs / "fin", tmp_path / "fin.finjax", platforms=("cpu",))
    windows = WINDOWS[:, 0]
    assert_close(exported(windows), finjax.load(runs / "fin")(windows), terms=3 * 600)
    assert exported.target == "rms"


def test_an_exported_model_can_be_copied_and_pickled_after_its_use(runs, tmp_path):
    exported = export_model(runs / "cnn/subject_1", tmp_path / "model.finjax", platforms=("cpu",))
    expected = exported.run(WINDOWS)
    for other in (copy.deepcopy(exported), pickle.loads(pickle.dumps(exported))):
        np.testing.assert_array_equal(other.run(WINDOWS), expected)
        assert other.movement_names == exported.movement_names


@pytest.mark.numerics
def test_a_process_with_jax_and_numpy_alone_can_load_it(runs, tmp_path):
    main([str(runs / "cnn/subject_1"), str(tmp_path / "model.finjax")])
    np.save(tmp_path / "windows.npy", WINDOWS)
    script = f"""
import sys
for name in ("flax", "optax", "orbax", "ml_collections", "h5py", "matplotlib", "pandas", "sklearn"):
    sys.modules[name] = None  # as if it were not installed
import numpy as np, finjax
model = finjax.load({str(tmp_path / "model.finjax")!r})
np.save({str(tmp_path / "out.npy")!r}, model.probabilities(np.load({str(tmp_path / "windows.npy")!r})))
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    logits = np.asarray(finjax.load(runs / "cnn/subject_1").logits(WINDOWS), np.float64)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert_close(np.load(tmp_path / "out.npy"), expected, terms=1000)  # a convolution sums some hundred products


@pytest.fixture
def file(runs, tmp_path):
    export_model(runs / "fin", tmp_path / "fin.finjax", platforms=("cpu",))
    return tmp_path / "fin.finjax"


def rewritten(file, name, change):
    with zipfile.ZipFile(file) as old:
        parts = {part: old.read(part) for part in old.namelist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(file, "w") as new:
        for part, content in parts.items():
            new.writestr(part, content)
    return file


def with_field(**fields):
    return lambda text: json.dumps({**json.loads(text), **fields}).encode()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.json", with_field(version=9), "its format has version 9; this finjax reads 2: export the model again"),
        ("model.json", with_field(rate_hz=1), "damaged, it does not hold what was written"),
        ("model.json", lambda text: b"[" * 10**6, "is damaged or not a model file"),
        ("program.bin", lambda program: program[:1000], "damaged, it does not hold what was written"),
        ("mean.npy", lambda array: array[:-1] + b"?", "damaged, it does not hold what was written"),
        ("mean.npy", lambda array: b"", "is damaged or not a model file"),
        ("mean.npy", lambda array: packed(np.array([print], object)), "Object arrays cannot be loaded"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(file, name, change, message):
    with pytest.raises(CheckpointError, match=message):
        finjax.load(rewritten(file, name, change))


def packed(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


# --- Files of a stranger, with correct digests ------------------------------------------------------


def forged(file, *, program=None, arrays=None, **fields):
    """Writes a model file again with parts replaced."""
    with zipfile.ZipFile(file) as old:
        description = json.loads(old.read("model.json")) | fields
        program = old.read("program.bin") if program is None else program
        own = {name: np.load(io.BytesIO(old.read(f"{name}.npy"))) for name in ("mean", "std", "limit")}
    del description["version"], description["digests"]
    write_exported(file, description=description, program=program, arrays=own | (arrays or {}))
    return file


def test_a_rewritten_file_without_changes_is_loaded(file):
    assert finjax.load(forged(file))(WINDOWS[:, 0]).shape == (5,)


def test_a_program_of_other_windows_is_refused(file):
    with pytest.raises(CheckpointError, match=r"takes float32\[b,600\], not float32 \['B', 500\]"):
        finjax.load(forged(file, length=500))


@pytest.mark.parametrize(
    "arrays",
    [
        {"mean": np.full((2, 12), np.nan, np.float32)},
        {"std": np.zeros((2, 12), np.float32)},
        {"std": np.ones((2, 11), np.float32)},
        {"mean": np.ones((3, 12), np.float32), "std": np.ones((3, 12), np.float32)},
        {"limit": np.float32(-1)},
    ],
)
def test_z_scores_that_do_not_fit_are_refused(file, arrays):
    with pytest.raises(CheckpointError, match="its z-scores .* do not fit 2 subjects and"):
        finjax.load(forged(file, arrays=arrays))


def test_fields_that_do_not_fit_are_refused(file):
    with pytest.raises(CheckpointError, match="is damaged or not a model file .*surprise"):
        finjax.load(forged(file, surprise=1))


def test_a_file_for_other_devices_is_refused(runs, tmp_path):
    with pytest.raises(CheckpointError, match="was exported for tpu, but JAX uses a cpu: export the model again"):
        export_model(runs / "fin", tmp_path / "fin.finjax", platforms=("tpu",))


def test_nothing_is_unpacked_and_unknown_members_are_ignored(file, tmp_path):
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../escaped.py", "raise SystemExit")
        archive.writestr("/escaped.py", "raise SystemExit")
    finjax.load(file)
    assert not list(tmp_path.parent.glob("**/escaped.py"))


def test_a_file_that_is_no_export_is_refused(tmp_path):
    (tmp_path / "model.finjax").write_text("no zip")
    with pytest.raises(CheckpointError, match="damaged or not a model file"):
        finjax.load(tmp_path / "model.finjax")


def test_windows_of_another_shape_are_refused(file):
    with pytest.raises(ValueError, match=r"takes windows \[B, 600\], not \(2, 500\)"):
        finjax.load(file)(np.zeros((2, 500)))


def test_an_unknown_platform_is_refused(runs, tmp_path):
    with pytest.raises(ConfigError, match="unknown toaster; choose from cpu"):
        export_model(runs / "fin", tmp_path / "x.finjax", platforms=("toaster",))
    assert main([str(tmp_path / "none"), str(tmp_path / "x.finjax")]) == 1
