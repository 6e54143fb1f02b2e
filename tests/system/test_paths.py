"""URLs of other storage are refused wherever a folder or file can be given."""

from pathlib import Path

import pytest

import finjax
from finjax.configs import cnn
from finjax.data import cache
from finjax.data.__main__ import main as data
from finjax.errors import ConfigError
from finjax.estimator import FINFeatures
from finjax.inference import export
from finjax.interop.torch_checkpoint import main as imported
from finjax.live.__main__ import main as live
from finjax.plots.__main__ import main as plots
from finjax.run import run
from finjax.system.paths import refuse_url


@pytest.mark.parametrize(
    "path", ["gs://bucket/runs", "s3://b", "HTTPS://host/x", " hdfs://x", "abfs+x://y", Path("gs://bucket/runs")]
)
def test_urls_are_refused(path):
    with pytest.raises(ConfigError, match=r"^--workdir=.*no \S+:// addresses. Please mount that storage"):
        refuse_url(path, option="--workdir")


def test_a_file_url_says_what_to_leave_out():
    with pytest.raises(ConfigError, match="no file:// addresses. Please leave out file://"):
        refuse_url("file:///home/me/runs", option="--workdir")


@pytest.mark.parametrize(
    "path", ["", "runs/a", r"C:\runs\a", "C:/runs/a", "c://runs", "/data/a:b/c", "a:b", "//server/share", r"\\server\a"]
)
def test_local_paths_are_accepted(path):
    refuse_url(path, option="--workdir")
    refuse_url(Path(path), option="--workdir")


URL = "gs://bucket/x"


@pytest.mark.parametrize(
    ("main", "arguments", "option"),
    [
        (live, [URL], ""),
        (live, ["runs/a", f"--data={URL}"], "--data"),
        (live, ["runs/a", f"--to-file={URL}"], "--to-file"),
        (export.main, [URL, "model.finjax"], ""),
        (export.main, ["runs/a", URL], "FILE"),
        (plots, ["sheet", "out.png", URL], ""),
        (plots, ["sheet", URL, "runs/a"], "OUT.png"),
        (plots, ["curves", "out.png", URL], ""),
        (data, ["write", f"--dir={URL}"], "--dir"),
        (data, ["inspect", "--name=ninapro_db2", f"--dir={URL}"], "--dir"),
        (data, ["inspect", "--name=ninapro_db2", "--dir=.", f"--cache_dir={URL}"], "--cache_dir"),
        (imported, [URL, "runs/a", "--target=ssi"], "FILE"),
        (imported, ["in.pth", URL, "--target=ssi"], "OUT"),
    ],
)
def test_every_program_refuses_them_and_writes_nothing(tmp_path, monkeypatch, capsys, main, arguments, option):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith(f"error: {option}=gs:/" if option else "error: gs:/") and "mount that storage" in error
    assert not list(tmp_path.iterdir())


def test_training_and_loading_refuse_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--workdir=gs://bucket/x: finjax reads"):
        run(cnn.get_config("test"), workdir=URL)
    with pytest.raises(ConfigError, match="^gs://bucket/x: finjax reads"):
        finjax.load(URL)
    with pytest.raises(ConfigError, match=r"runs=gs://bucket/x/fin_\{feature\}: finjax reads"):
        FINFeatures(f"{URL}/fin_{{feature}}", features=["rms"]).fit([[0.0] * 300] * 2)
    monkeypatch.setenv("FINJAX_CACHE_DIR", URL)
    with pytest.raises(ConfigError, match="FINJAX_CACHE_DIR=gs://bucket/x: finjax reads"):
        cache.default_folder()
    assert not list(tmp_path.iterdir())
