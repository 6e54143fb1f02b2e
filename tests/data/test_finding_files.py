"""Finding the files of a dataset: links, files without content, folders that cannot be searched, unusual names."""

import dataclasses
import functools
import os

import pytest
from toy_dataset import TOY, write_toy

from finjax.data import loading, ninapro  # noqa: F401  (which registers its datasets)
from finjax.data.registry import get_spec
from finjax.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return write_toy(tmp_path / "data")


@pytest.fixture
def load(tmp_path, folder):
    return functools.partial(loading.load_recordings, TOY, folder, cache_dir=tmp_path / "cache", progress=False)


def test_folders_behind_links_are_searched_once(tmp_path):
    (tmp_path / "data").mkdir()
    real = tmp_path / "elsewhere"
    real.mkdir()
    (real / "S3_E1_A1.mat").touch()
    (tmp_path / "data" / "link").symlink_to(real)
    (real / "loop").symlink_to(tmp_path / "data")
    found = get_spec("ninapro_db2").find(tmp_path / "data")
    assert {subject: len(paths) for subject, paths in found.items()} == {3: 1}


@pytest.mark.parametrize(
    ("content", "command"),
    [
        ("/annex/objects/MD5E-s1--0.mat\n", "datalad get '"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_pointers_to_content_that_was_not_fetched_are_named_with_the_command(load, folder, content, command):
    (folder / "s3.txt").write_text(content)
    with pytest.raises(DataError, match=f"s3.txt: its content is not downloaded. Download it with: {command}"):
        load()


def test_broken_links_are_bad_subjects_and_not_absent_ones(load, folder):
    (folder / "s3.txt").unlink()
    (folder / "s3.txt").symlink_to(".git/annex/objects/xx/MD5E-s1--0")
    (folder / "s4.txt").symlink_to("elsewhere.txt")
    (folder / "s7.txt").symlink_to("s7.txt")
    with pytest.raises(DataError) as caught:
        load()
    message = str(caught.value)
    assert message.startswith("3 of 7 subjects of toy cannot be read:")
    assert (
        f"subject 3: {folder}/s3.txt: its content is not downloaded. Download it with: datalad get '{folder}" in message
    )
    assert f"subject 4: {folder}/s4.txt is a link to elsewhere.txt, which does not exist: correct or remove" in message
    assert f"subject 7: {folder}/s7.txt is a link to s7.txt" in message
    assert message.endswith("--config.data.subjects=1-2,5,10")


def test_a_file_that_another_user_owns_is_named_with_the_remedy(folder, tmp_path):
    def read(paths):
        raise PermissionError(13, "Permission denied", str(paths[0]))

    spec = dataclasses.replace(TOY, read=read)
    _, bad = loading.try_recordings(spec, folder, subjects=[2], cache_dir=tmp_path, progress=False)
    assert bad[2].endswith("s2.txt'. Ask the owner of the file for permission to read it")


def test_folders_that_cannot_be_searched_are_warned_of_once(load, folder, monkeypatch, caplog):
    scandir = os.scandir

    def refuse(place):
        if os.fspath(place).endswith("closed"):  # modes do not stop root, who may run the tests
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return scandir(place)

    (folder / "closed").mkdir()
    (folder / "Participant3").symlink_to("gone")
    (folder / "others").symlink_to("/mnt/gone")
    (folder / "DB 1.5").symlink_to("gone")
    (folder / "README.md").symlink_to("gone")  # a file
    monkeypatch.setattr(os, "scandir", refuse)
    assert len(load()) == len(load()) == 5
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 4
    remedy = "which does not exist: correct or remove the link."
    assert warnings[0].startswith(f"{folder}/DB 1.5 is a link to gone, {remedy}")
    assert warnings[1].startswith(f"{folder}/Participant3 is a link to gone, {remedy}")
    assert warnings[3].startswith(f"{folder}/others is a link to /mnt/gone, {remedy}")
    assert warnings[2].startswith(f"{folder}/closed cannot be searched (Permission denied): ask its owner")


def test_where_no_file_is_found_closed_folders_and_other_datasets_are_named(tmp_path, monkeypatch):
    def refuse(place):
        raise PermissionError(13, "Permission denied", os.fspath(place))

    (tmp_path / "S1_A1_E1.mat").touch()
    with pytest.raises(DataError, match="the names of other datasets: use --config.data.name=ninapro_db1"):
        get_spec("ninapro_db2").find(tmp_path)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"Not searched: .* cannot be searched \(Permission denied\)"):
        get_spec("ninapro_db2").find(tmp_path)


@pytest.mark.parametrize(
    "name", ["a folder with spaces", "Données – データ", os.fsdecode(b"latin-1 \xe9"), "line\nbreak"]
)
def test_odd_names_of_folders(tmp_path, name):
    place = tmp_path / name
    place.mkdir()
    (place / "s4.txt").write_text("4")
    for _ in range(2):  # the second time from the cache
        (recording,) = loading.load_recordings(TOY, tmp_path, cache_dir=place / "cache", progress=False)
        assert recording.subject == 4 and recording.signal.max() == 4
