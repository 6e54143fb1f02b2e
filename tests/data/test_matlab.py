"""MATLAB files that a stranger made: what they promise is not believed, and nothing outside them is read."""

import io
import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
from ninapro_files import DB2, SAMPLES, check_equals_original, make_recording, read, refuses, write, zip_up

from finjax.data import loading, matlab
from finjax.data.matlab_headers import variables
from finjax.errors import DataError


def element(kind, content):
    """An element of a MATLAB v5 file: type, size, content, and zeros up to the next multiple of 8."""
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matlab_73(folder, **datasets):
    """Writes subject 1's file as MATLAB v7.3, some datasets made by the functions given."""
    fields = scipy.io.loadmat(write(folder))
    path = folder / "S1_E1_A1.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name in ("emg", "restimulus", "rerepetition"):
            datasets.get(name, lambda file, name: file.create_dataset(name, data=fields[name].T))(file, name)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(512))


def test_absurd_dimensions_of_version_5_are_refused_by_the_header(tmp_path):
    path = write(tmp_path)
    fields = scipy.io.loadmat(path)
    scipy.io.savemat(path, {name: fields[name] for name in ("emg", "restimulus", "rerepetition")})
    content = path.read_bytes()
    assert content.count(struct.pack("<ii", SAMPLES, 12)) == 1
    path.write_bytes(content.replace(struct.pack("<ii", SAMPLES, 12), struct.pack("<ii", 2**31 - 1, 12)))
    refuses(tmp_path, "emg would have 25769803764 values; the limit is 67108864")


def test_absurd_dimensions_of_version_7_3_are_refused_before_memory_is_taken(tmp_path):
    matlab_73(tmp_path, emg=lambda file, name: file.create_dataset(name, (12, 10**11), "f4", chunks=(12, 1000)))
    assert (tmp_path / "S1_E1_A1.mat").stat().st_size < 100_000
    refuses(tmp_path, "emg would have 1200000000000 values")
    matlab_73(tmp_path, emg=lambda file, name: file.create_dataset(name, (12, 10**6), "f4", chunks=(12, 1000)))
    refuses(tmp_path, "emg should have 12000000 values, but most of them are not in the file")


@pytest.mark.parametrize(
    "emg",
    [
        np.array([[np.zeros(3), "text"]], object),  # a cell array
        {"a": np.zeros(3), "b": {"c": 1}},  # a struct
        scipy.sparse.csc_matrix(np.eye(12)),
    ],
)
def test_objects_are_refused_by_the_header(tmp_path, emg, monkeypatch):
    write(tmp_path, emg=emg)
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: pytest.fail("read"))
    refuses(tmp_path, "emg is not a numeric array")


def test_cells_within_cells_are_refused_by_the_outermost(tmp_path, monkeypatch):
    cell = b""
    for name in [b""] * 3000 + [b"emg"]:
        flags, size = element(6, struct.pack("<II", 1, 0)), element(5, struct.pack("<ii", 1, 1))  # a cell array, 1 × 1
        cell = element(14, flags + size + element(1, name) + cell)
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:128] + cell)
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: pytest.fail("read"))
    refuses(tmp_path, "emg is not a numeric array")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file, name: file.create_dataset(name, (12, SAMPLES), h5py.ref_dtype), "not a numeric array"),
        (lambda file, name: file.__setitem__(name, h5py.ExternalLink("other.h5", name)), "not a numeric array"),
        (lambda file, name: file.__setitem__(name, h5py.SoftLink("/restimulus")), "not a numeric array"),
        (
            lambda file, name: file.create_dataset(
                name, (12, SAMPLES), "u1", external=[("other", 0, h5py.h5f.UNLIMITED)]
            ),
            "emg is not in the file, but refers to another file",
        ),
    ],
)
def test_links_out_of_the_file_are_not_followed(tmp_path, make, message):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["emg"] = np.zeros((12, SAMPLES), np.float32)
    matlab_73(tmp_path, emg=make)
    refuses(tmp_path, message)


def matlab_object(name, class_name):
    """A variable of one of MATLAB's classes, as MATLAB saves it: it has no dimensions."""
    numbers = element(6, struct.pack("<6I", 0xDD000000, 2, 1, 1, 1, 1))
    inner = element(6, struct.pack("<II", 13, 0)) + element(5, struct.pack("<ii", 6, 1)) + element(1, b"") + numbers
    flags = element(6, struct.pack("<II", 17, 0))
    names = element(1, name) + element(1, b"MCOS") + element(1, class_name)
    return element(14, flags + names + element(14, inner))


def compressed(variable):
    content = zlib.compress(variable)
    return struct.pack("<II", 15, len(content)) + content


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        matlab_object(b"note", b"string"),
        compressed(matlab_object(b"log", b"table") + matlab_object(b"when", b"datetime")),
        struct.pack("<II", 15, 16) + b"no zlib content!",
        element(14, b"no variable here"),
        element(99, b"unknown element."),
        compressed(element(14, element(6, struct.pack("<II", 6, 0)))),
    ],
    ids=["string", "table", "damaged", "short", "unknown", "half"],
)
def test_unwanted_variables_have_no_effect(tmp_path, other, first):
    path = write(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:128] + other + content[128:] if first else content + other)
    check_equals_original(read(tmp_path))
    assert read(tmp_path).notes == ()


def test_variables_are_found_whatever_the_byte_order(tmp_path):
    names = {
        "a": np.arange(6.0).reshape(2, 3),
        "long_name_of_it": np.ones((2, 2), np.uint8),
        "text": "abc",
        "c": {"x": 1},
    }
    scipy.io.savemat(tmp_path / "little.mat", names)
    content = (tmp_path / "little.mat").read_bytes()
    order = [(variable.name, variable.numeric, variable.shape) for variable in variables(io.BytesIO(content))[0]]
    assert order == [
        ("a", True, (2, 3)),
        ("long_name_of_it", True, (2, 2)),
        ("text", False, (1, 3)),
        ("c", False, (1, 1)),
    ]
    swapped = content[:124] + content[124:128][::-1] + struct.pack(">II", 14, 48)
    swapped += (
        struct.pack(">IIII", 6, 8, 6, 0)
        + struct.pack(">IIii", 5, 8, 7, 8)
        + struct.pack(">HH", 1, 1)
        + b"q"
        + bytes(11)
    )
    ((variable,), _) = variables(io.BytesIO(swapped))
    assert (variable.name, variable.numeric, variable.shape) == ("q", True, (7, 8))


def test_a_cut_file_is_refused_unless_it_has_all_wanted_variables(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    found, _ = variables(io.BytesIO(content))
    assert [variable.name for variable in found][:5] == ["emg", "restimulus", "rerepetition", "stimulus", "repetition"]
    for last in found:
        path.write_bytes(content[: last.stop])
        if last.name in ("emg", "restimulus"):
            refuses(tmp_path, "incomplete: it needs emg and restimulus with rerepetition")
        else:  # all that is wanted is there
            check_equals_original(read(tmp_path))
        path.write_bytes(content[: last.stop - 1])
        refuses(tmp_path, "incomplete: it ends inside a variable")


def test_plain_labels_of_a_cut_file_are_read_with_a_note(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    found, _ = variables(io.BytesIO(content))
    by_name = {variable.name: content[variable.start : variable.stop] for variable in found}
    order = ("emg", "stimulus", "repetition", "restimulus", "rerepetition")
    for present in (3, 4):
        path.write_bytes(content[:128] + b"".join(by_name[name] for name in order[:present]))
        (note,) = read(tmp_path).notes
        assert "no refined labels: finjax uses stimulus and repetition. Is the file incomplete" in note


def test_a_flipped_byte_in_the_header_of_a_wanted_variable_is_damage(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    found, _ = variables(io.BytesIO(content))
    by_name = {variable.name: variable for variable in found}
    for name in ("restimulus", "rerepetition"):
        for place in (0, 4, 8, 10, 12, 30):  # type, size, how it is packed, and the packed header
            damaged = bytearray(content)
            damaged[by_name[name].start + place] ^= 1
            path.write_bytes(damaged)
            with pytest.raises(DataError, match="damaged|incomplete"):
                read(tmp_path)


def test_a_flipped_byte_that_changes_a_variables_name_is_damage(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    by_name = {variable.name: content[variable.start : variable.stop] for variable in variables(io.BytesIO(content))[0]}
    header = zlib.decompress(by_name["restimulus"][8:])
    assert header.count(b"restimulus") == 1
    renamed = zlib.compress(header.replace(b"restimulus", b"rastimulus"))
    checksum = struct.pack(">I", zlib.adler32(header))  # that of the true name
    by_name["restimulus"] = struct.pack("<II", 15, len(renamed)) + renamed[:-4] + checksum
    path.write_bytes(content[:128] + b"".join(by_name.values()))
    refuses(tmp_path, r"damaged: the variable at byte \d+ cannot be read, and may be restimulus\. ")
    by_name["restimulus"] = struct.pack("<II", 15, len(renamed)) + renamed
    path.write_bytes(content[:128] + b"".join(by_name.values()))
    (note,) = read(tmp_path).notes  # an undamaged file of other names
    assert "no refined labels" in note


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OSError(116, "Stale file handle"), MemoryError()])
def test_errors_that_are_not_the_files_fault_are_not_called_damage(tmp_path, error, monkeypatch):
    path = write(tmp_path)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(scipy.io, "loadmat", fail)
    with pytest.raises(type(error)):
        matlab.load(path, ("emg",), member="")
    _, bad = loading.try_recordings(DB2, tmp_path, cache_dir=tmp_path / "cache", progress=False)
    assert "damaged" not in bad[1] and "Download" not in bad[1]
    assert ("not enough memory" if isinstance(error, MemoryError) else "run the same command again") in bad[1]


def test_a_variable_twice_is_refused(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content + content[128:])
    refuses(tmp_path, "has one of these variables twice")


def test_matlab_version_4_is_refused(tmp_path):
    path = tmp_path / "S1_E1_A1.mat"
    scipy.io.savemat(path, {"emg": np.zeros((3, 12))}, format="4")
    refuses(tmp_path, "not a MATLAB file of version 5 or 7.3")


@pytest.mark.parametrize("name", ["../../S1_E1_A1.mat", "/S1_E1_A1.mat"])
def test_a_member_that_climbs_out_of_the_archive_is_read_in_memory(tmp_path, name):
    content = write(tmp_path / "source").read_bytes()
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    zip_up(folder / "DB2_s1.zip", {name: content})
    check_equals_original(read(folder))
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["DB2_s1.zip", "S1_E1_A1.mat"]


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(matlab, "MAX_MEMBER_BYTES", 1 << 20)
    zip_up(tmp_path / "DB2_s1.zip", {"S1_E1_A1.mat": bytes((1 << 20) + 1)})
    refuses(tmp_path, "would unpack to 1048577 bytes; the limit is 1048576")


def test_electrodes_that_gave_no_signal_are_noted(tmp_path):
    emg = make_recording().signal.copy()
    emg[:, 2] = 0.25
    emg[:, 4] = np.clip(emg[:, 4], -1, 1)
    write(tmp_path, emg=emg)
    flat, saturated = read(tmp_path).notes
    assert flat == "flat electrodes: forearm 3"
    assert saturated.startswith("saturated electrodes (share of samples at the limit): forearm 5 (")
