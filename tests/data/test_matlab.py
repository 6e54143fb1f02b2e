"""MATLAB files that a stranger made: what they promise is not believed, and nothing outside them is read."""

import struct

import h5py
import numpy as np
import pytest
import scipy.io
from ninapro_files import SAMPLES, check_equals_original, make_recording, read, refuses, write, zip_up

from finjax.data import matlab


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
    refuses(tmp_path, "emg would have 25769803764 values: no recording has more than 67108864")


def test_absurd_dimensions_of_version_7_3_are_refused_before_memory_is_taken(tmp_path):
    matlab_73(tmp_path, emg=lambda file, name: file.create_dataset(name, (12, 10**11), "f4", chunks=(12, 1000)))
    assert (tmp_path / "S1_E1_A1.mat").stat().st_size < 100_000
    refuses(tmp_path, "emg would have 1200000000000 values")
    matlab_73(tmp_path, emg=lambda file, name: file.create_dataset(name, (12, 10**6), "f4", chunks=(12, 1000)))
    refuses(tmp_path, "emg should have 12000000 values, and hardly any is in the file")


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
    def element(kind, content):
        return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

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
            "emg is not in the file, but points at another",
        ),
    ],
)
def test_what_points_out_of_the_file_is_not_followed(tmp_path, make, message):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["emg"] = np.zeros((12, SAMPLES), np.float32)
    matlab_73(tmp_path, emg=make)
    refuses(tmp_path, message)


def test_a_variable_twice_is_refused(tmp_path):
    path = write(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content + content[128:])
    refuses(tmp_path, "holds a variable twice")


def test_matlab_version_4_is_refused(tmp_path):
    path = tmp_path / "S1_E1_A1.mat"
    scipy.io.savemat(path, {"emg": np.zeros((3, 12))}, format="4")
    refuses(tmp_path, "no MATLAB file of version 5 or 7.3")


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
    refuses(tmp_path, "would unpack to 1048577 bytes; at most 1048576 are taken")


def test_electrodes_that_gave_no_signal_are_noted(tmp_path):
    emg = make_recording().signal.copy()
    emg[:, 2] = 0.25
    emg[:, 4] = np.clip(emg[:, 4], -1, 1)
    write(tmp_path, emg=emg)
    flat, saturated = read(tmp_path).notes
    assert flat == "flat electrodes: forearm 3"
    assert saturated.startswith("saturated electrodes (share of samples that stay at an end): forearm 5 (")
