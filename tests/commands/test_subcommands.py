"""The command `finjax`: which configuration a subcommand takes, and where it finds the user's modules."""

import sys

import pytest

from finjax.commands import train
from finjax.commands.main import main


@pytest.fixture
def started(monkeypatch):
    """The command lines of the trainings that were started."""
    lines = []
    monkeypatch.setattr(train, "start", lambda argv, *, stage: lines.append(argv))
    return lines


def test_a_folder_named_as_a_configuration_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cnn").mkdir()
    assert list(train._with_config_found(["--config=cnn:test"])) == [f"--config={train.CONFIGS / 'cnn.py'}:test"]


@pytest.mark.parametrize(("command", "name"), [("cnn", "cnn"), ("fin", "fin"), ("fine-tune", "fine_tune")])
def test_a_file_named_as_a_command_does_not_replace_its_configuration(tmp_path, monkeypatch, started, command, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    main([command])
    assert started == [[f"finjax {command}", f"--config={train.CONFIGS / name}.py"]]
    assert list(train._with_config_found(started[0])) == started[0]


def test_modules_of_the_current_folder_are_found_last(tmp_path, monkeypatch, capsys):
    (tmp_path / "module_of_this_folder.py").write_text("print('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])  # as a console script has it
    options = ["--name=three_dc", "--dir=/nowhere"]
    assert main(["data", "inspect", *options, "--plugins=module_of_this_folder"]) == 2
    assert capsys.readouterr().out == "imported\n"
    assert sys.path.index("") == len(sys.path) - 1
    assert main(["data", "inspect", *options]) == 2
    assert sys.path.count("") == 1
    sys.modules.pop("module_of_this_folder")
