"""Members of archives: never more bytes than the archive declares, and nothing is written."""

import tracemalloc
import zipfile

import pytest

from finjax.system.archives import read_member

CONTENT = b"movement" * 1000


def archive(path, content=CONTENT, *, name="member", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(name, content)
    return path


def read(path, name="member", limit=1 << 20):
    with zipfile.ZipFile(path) as file:
        return read_member(file, name, limit=limit)


@pytest.mark.parametrize("name", ["member", "../../member", "/tmp/finjax_member", "C:\\member"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_is_read_whatever_its_path_and_nothing_is_written(tmp_path, monkeypatch, name, method):
    path = archive(tmp_path / "in.zip", name=name, method=method)
    monkeypatch.setattr(zipfile.ZipFile, "_extract_member", lambda *_: pytest.fail("unpacked to disk"))
    assert read(path, name) == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["in.zip"]


def test_a_member_larger_than_allowed_is_refused_before_it_is_unpacked(tmp_path):
    with pytest.raises(zipfile.BadZipFile, match="would unpack to 8000 bytes; the limit is 7999"):
        read(archive(tmp_path / "in.zip"), limit=7999)


def test_a_member_larger_than_it_says_is_refused_without_unpacking_it_all(tmp_path):
    size = 234_567_891
    path = archive(tmp_path / "bomb.zip", bytes(size))
    content = path.read_bytes()
    assert content.count(size.to_bytes(4, "little")) == 2  # in the member's header and in the directory
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    tracemalloc.start()
    with pytest.raises(zipfile.BadZipFile, match="Bad CRC-32"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < size / 100
    tracemalloc.stop()


def test_compression_methods_without_a_size_limit_are_refused(tmp_path):
    with pytest.raises(zipfile.BadZipFile, match="uses compression method 14; finjax reads only deflate"):
        read(archive(tmp_path / "in.zip", method=zipfile.ZIP_LZMA))
