"""The command line that imports a torch checkpoint."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")

from published import SMALL_FIN, random_fin, save  # noqa: E402

from finjax.inference.restored import load_fin  # noqa: E402
from finjax.interop.torch_checkpoint import main  # noqa: E402


def test_the_command_writes_a_run_and_warns(tmp_path, capsys):
    path, out = save(random_fin(**SMALL_FIN), tmp_path), tmp_path / "fin_ssi"
    command = [str(path), str(out), "--target=ssi", "--dataset=synthetic", "--prediction=3", "--mean=600", "--std=250"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "the file does not say which subjects the model was trained on" in printed.err
    assert f"wrote {out}: FIN with hidden 4, layers 2, shadows 3" in printed.out
    assert (out / "config.json").is_file()
    model = load_fin(out, step="best")
    assert (model.horizon_ms, float(model.feature.mean), float(model.feature.std)) == (30.0, 600.0, 250.0)

    assert main(command) == 1
    assert f"error: {out} holds a run already: choose another folder" in capsys.readouterr().err
    assert main([*command[:1], str(tmp_path / "other"), *command[2:], "--trained_on=1-4"]) == 0
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "error: the file holds a FIN: give the feature that it imitates, such as --target=ssi"),
        (["--target=ssi,rms"], "error: --target=ssi,rms: give one feature"),
        (["--target=ssi", "--features=rms"], "error: the file holds a FIN: give --target only"),
        (["--target=ssi", "--window=soon"], "error: --window='soon': give milliseconds"),
        (["--target=ssi", "--trained_on=all"], "error: 'all' in 'all' is neither a number nor a range"),
        (["--target=ssi", "--plugins=no_such_module"], "error: --plugins=no_such_module: importing"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, capsys, options, message):
    path = save(random_fin(**SMALL_FIN), tmp_path)
    assert main([str(path), str(tmp_path / "out"), *options]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_a_missing_or_damaged_file_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere.pth"), str(tmp_path / "out"), "--target=ssi"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'nowhere.pth'}: No such file or directory\n"
    path = save(random_fin(**SMALL_FIN), tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    assert main([str(path), str(tmp_path / "out"), "--target=ssi"]) == 1
    assert f"error: {path}: it is damaged or holds more than tensors, and finjax" in capsys.readouterr().err
