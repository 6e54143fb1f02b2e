"""What finjax fit refuses, before any training, and the parts of its report."""

import numpy as np
import pytest

pytest.importorskip("edfio")
from data.bids_folder import CHANNELS, trials, write_run

from finjax.configs.parsing import parse
from finjax.errors import ConfigError
from finjax.fit.__main__ import main
from finjax.fit.people import find_people
from finjax.fit.record import Record
from finjax.fit.report import confusion_table
from finjax.fit.start import preset_of, start_of


@pytest.fixture
def refuses(tmp_path, capsys):
    def check(message, recording="recording", *options):
        folder = str(tmp_path / recording) if recording else ""
        arguments = [folder, f"--workdir={tmp_path / 'run'}", f"--cache_dir={tmp_path / 'cache'}", *options]
        assert main([argument for argument in arguments if argument]) == 1
        err = capsys.readouterr().err
        assert "error: " in err and message in err and "Traceback" not in err
        assert not (tmp_path / "run").exists()

    return check


def test_no_recording(refuses, tmp_path):
    refuses("give the folder of the recordings: finjax fit FOLDER", "")
    refuses("no such folder", "absent")
    (tmp_path / "empty").mkdir()
    refuses("has no recordings of BIDS or XDF", "empty")
    (tmp_path / "ninapro").mkdir()
    (tmp_path / "ninapro" / "S1_E1_A1.mat").touch()
    refuses("may be of several datasets: choose --name=ninapro_db2 or --name=ninapro_db3", "ninapro")
    refuses("unknown dataset 'mine'; known are bids", "empty", "--name=mine")


def test_recordings_that_cannot_be_used(refuses, tmp_path):
    write_run(tmp_path / "no_labels", events=False)
    refuses("no movement is labelled", "no_labels")
    write_run(tmp_path / "no_emg", table=[{"name": name, "type": "EEG"} for name in CHANNELS])
    refuses("has no usable channel of type EMG", "no_emg")
    short = [{**row, "duration": "0.2"} for row in trials()]
    write_run(tmp_path / "short", rows=short)
    refuses("no window fits: a window of 300 samples", "short")
    write_run(tmp_path / "rates", subject="1")
    write_run(tmp_path / "rates", subject="2", rate_hz=500.0)
    refuses("the first has 1000 Hz, the second 500 Hz", "rates")
    write_run(tmp_path / "one", rows=trials(movements=("fist",)))
    refuses("a decoder needs at least two", "one")
    write_run(tmp_path / "recording")
    refuses("--subject=7: no recordings of subject 7; there are those of 1", "recording", "--subject=7")


def test_a_damaged_person_can_be_left_out(refuses, tmp_path):
    write_run(tmp_path / "recording", subject="1")
    write_run(tmp_path / "recording", subject="2").write_bytes(b"nothing")
    refuses("use only the good subjects: --subject=1", "recording")
    config = preset_of("cnn:test")
    config.data.name, config.data.dir, config.data.cache_dir = "bids", str(tmp_path / "recording"), str(tmp_path / "c")
    config.data.seen_subjects = ""
    (person,) = find_people(parse(config), "1").people
    assert person.repetitions == person.tested == (1, 2, 3, 4) and sum(person.windows) == 12 * 15  # of 1 s every 50 ms


def test_starts_that_do_not_exist_or_do_not_fit(refuses, tmp_path):
    write_run(tmp_path / "recording")
    refuses("there is no decoder and no FIN", "recording", f"--from={tmp_path / 'absent'}")
    refuses("--preset=lda: choose cnn, fine_tune, raw_cnn", "recording", "--preset=lda")
    write_run(tmp_path / "rare", rows=trials(repetitions=(1, 2)), rate_hz=700.0)
    refuses("take windows of 75, 150, 300, 600 samples, but 300ms at 700 Hz are 210", "rare", "--preset=fine_tune:best")
    refuses("unknown preset 'nice'", "recording", "--preset=cnn:nice")


def test_a_repetition_that_was_broken_off_is_not_tested_and_named(tmp_path):
    rows = trials()[:-1]  # the last repetition has no rest
    rows[1]["status"] = "skipped"  # and the first was not held open
    write_run(tmp_path / "recording", rows=rows)
    config = preset_of("cnn:test")
    config.data.name, config.data.dir, config.data.cache_dir = "bids", str(tmp_path / "recording"), str(tmp_path / "c")
    config.data.seen_subjects = ""
    found = find_people(parse(config), "")
    assert (found.people[0].repetitions, found.people[0].tested) == ((1, 2, 3, 4), (2, 3))
    assert sum(found.people[0].windows) == 10 * 15  # of 1 s every 50 ms
    lines = "\n".join(found.lines("recording"))
    assert "subject 1: repetition 1 has no window of open, so that it is not tested" in lines
    assert "subject 1: repetition 4 has no window of rest, so that it is not tested" in lines


def test_presets_are_those_of_the_configurations():
    assert start_of("", "", rate_hz=lambda: 1000.0).configs[0].patterns == 4  # cnn:spatial
    assert preset_of("raw_cnn").stage == "raw_cnn"
    with pytest.raises(ConfigError):
        preset_of("study")


def test_the_table_of_confusions_is_in_per_cent_of_each_row():
    lines = confusion_table(np.array([[3, 1], [0, 0]]), ["fist", "a name that is much longer than others"])
    assert lines[1].split() == ["1", "fist", "75", "25"]
    assert lines[2].split() == ["2", "a", "name", "that", "is", "much", "lon…", "·", "·"]


def test_a_fit_is_resumed_only_with_the_same_inputs(tmp_path):
    Record.opened(tmp_path, {"seed": 0, "people": {"1": [1, 2]}})
    Record.opened(tmp_path, {"seed": 0, "people": {"1": [1, 2]}})
    with pytest.raises(
        ConfigError,
        match="holds an earlier fit, and the recordings have changed: choose another",
    ):
        Record.opened(tmp_path, {"seed": 0, "people": {"1": [1, 2, 3]}})
    (tmp_path / "fit.json").write_text("{")
    with pytest.raises(ConfigError, match=r"fit\.json cannot be read"):
        Record.opened(tmp_path, {"seed": 0})
