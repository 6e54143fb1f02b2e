"""A command line that cannot be parsed ends in one message that names the option."""

import os
import re
import sys

import pytest
from absl import flags
from conftest import ROOT
from ml_collections import config_flags

from finjax.commands import train
from finjax.commands.explain import explain

CNN = f"--config={ROOT}/configs/cnn.py:test"


@pytest.fixture(autouse=True)
def fresh_flags(monkeypatch):
    """Lets each test define the flags of its configuration anew."""
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, lock_config=True, flag_values=values)
    flags.DEFINE_integer("num_processes", None, "", flag_values=values)
    flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "", flag_values=values)
    monkeypatch.setattr(flags, "FLAGS", values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [f"--config={ROOT}/configs/cnn.py:tset"],
            ".py:tset: unknown preset 'tset'; known are best, paper, spatial",
        ),
        (["--config", f"{ROOT}/configs/fin_ssi.py:tset"], "fin_ssi.py:tset: unknown preset 'tset'; known are best"),
        ([CNN, "--config.seed=abc"], "error: --config.seed=abc: give a whole number"),
        ([CNN, "--config.train.max_steps=1.5"], "error: --config.train.max_steps=1.5: give a whole number"),
        ([CNN, "--config.cnn.dropout=x"], "error: --config.cnn.dropout=x: give a number"),
        ([CNN, "--config.data.filter.notch_hz=x"], "error: --config.data.filter.notch_hz=x: give a number"),
        ([CNN, "--config.pooled=maybe"], "error: --config.pooled=maybe: give True or False"),
        ([CNN, "--config.data=3"], "error: --config.data=3: this is a group of fields"),
        ([CNN, "--config.seed"], "Missing value for flag --config.seed"),
        ([CNN, "--config.cnn.dropuot=0"], 'no such field in the configuration: .*Did you mean "dropout"'),
        ([CNN, "--mode=tset"], "--mode=tset: value should be one of <train.evaluate>"),
        ([CNN, "--num_processes=two"], "--num_processes=two: give a whole number"),
        ([CNN, "--sede=1"], "Unknown command line flag 'sede'"),
        (["--config.seed=1", CNN], "Found --config.seed=1 .* before a value for --config"),
        ([], "give the configuration to run, such as --config=fin_ssi. "),
        (["--config=configs/nothing.py"], "no such configuration file: configs/nothing.py"),
        ([f"--config={ROOT}/README.md"], "README.md cannot be read: SyntaxError"),
        (["--config=runs/nothing/config.json"], "holds no configuration of a run"),
        (
            ["--config=gs://bucket/config.json"],
            "error: --config=gs://bucket/config.json: finjax reads and writes only local",
        ),
    ],
)
def test_a_command_line_that_cannot_be_parsed_gives_one_message(monkeypatch, capsys, arguments, message):
    argv = ["main.py", *arguments]
    monkeypatch.setattr(sys, "argv", argv)  # ml_collections looks there
    with pytest.raises(SystemExit) as end:
        train.parse_flags(argv)
    said = end.value.code if isinstance(end.value.code, str) else capsys.readouterr().err
    assert end.value.code and len(said.strip().splitlines()) == 1
    assert re.search(message, said), said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('mine')", "RuntimeError: mine"),
        ("import os; os.environ['NO_SUCH_NAME']", "KeyError: 'NO_SUCH_NAME'"),  # no field of a configuration
        ("'7'.to_int()", "AttributeError: 'str' object has no attribute 'to_int'"),
    ],
)
def test_the_message_names_the_configuration_that_fails_and_its_error(tmp_path, monkeypatch, capsys, code, said):
    (tmp_path / "mine.py").write_text(code)
    argv = ["main.py", f"--config={tmp_path}{os.sep}mine.py"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit):
        train.parse_flags(argv)
    assert capsys.readouterr().err.endswith(f"mine.py cannot be read: {said}\n")


def test_the_option_config_is_found_in_every_form():
    error = RuntimeError("x")
    for argv in (["main.py", "--config=a.py"], ["main.py", "-config=a.py"], ["main.py", "--config", "a.py"]):
        assert explain(error, argv) == "--config=a.py cannot be read: RuntimeError: x"
