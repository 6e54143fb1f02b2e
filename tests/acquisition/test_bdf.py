"""BDF+ files, read back by MNE and by edfio."""

import datetime
import re
import signal as signals
import warnings

import numpy as np
import pytest

from finjax.acquisition.bdf import LARGEST, LONGEST_RECORD_S, BDFWriter, labels_for, record_of
from finjax.errors import ConfigError, StorageError

mne = pytest.importorskip("mne", reason="mne is not installed: pip install -e '.[dev]'")
edfio = pytest.importorskip("edfio", reason="edfio is not installed: pip install -e '.[dev]'")

STARTED = datetime.datetime(2026, 3, 1, 14, 5, 59)
NAMES = ("EMG 1", "EMG 2", "flexor carpi")
SIZE_IN_UV = {"uV": 1.0, "mV": 1e3, "V": 1e6}


def signal(samples, channels=3, *, size=100.0):
    return (size * np.random.default_rng(0).standard_normal((samples, channels))).astype(np.float32)


def writer(path, *, rate_hz=1000.0, labels=NAMES, unit="uV", physical_max=400_000.0):
    return BDFWriter(path, rate_hz=rate_hz, labels=labels, unit=unit, physical_max=physical_max, started=STARTED)


def written(path, samples, *, chunk=77, **options):
    file = writer(path, **options)
    for start in range(0, len(samples), chunk):
        file.write(samples[start : start + chunk])
    file.close()
    return file


@pytest.mark.parametrize("rate_hz", [1000.0, 250.0, 100.0, 1259.26, 2148.1481, 148.148])
def test_mne_and_edfio_read_the_same_samples_at_the_same_rate(tmp_path, rate_hz):
    samples, path = signal(2345), tmp_path / "a.bdf"
    file = written(path, samples, rate_hz=rate_hz)
    half_a_step = 400_000 / LARGEST / 2
    raw = mne.io.read_raw_bdf(path, verbose="error")
    np.testing.assert_allclose(1e6 * raw.get_data()[:, :2345].T, samples, rtol=0, atol=1.001 * half_a_step)
    assert raw.info["sfreq"] == pytest.approx(file.rate_hz, rel=1e-12)
    assert file.rate_hz == pytest.approx(rate_hz, rel=2e-6)
    assert tuple(raw.ch_names) == NAMES
    again = edfio.read_bdf(path)
    assert again.labels == NAMES
    assert again.startdatetime == STARTED
    for channel in range(3):
        read = again.signals[channel]
        assert (read.physical_dimension, read.sampling_frequency) == ("uV", pytest.approx(rate_hz, rel=2e-6))
        np.testing.assert_allclose(read.data[:2345], samples[:, channel], rtol=0, atol=1.001 * half_a_step)
        np.testing.assert_array_equal(read.data[2345:], read.data[2344])  # the last record is filled up
    assert len(again.signals[0].data) - 2345 < LONGEST_RECORD_S * rate_hz


@pytest.mark.parametrize(("unit", "physical_max"), [("uV", 5e3), ("mV", 400.0), ("V", 0.4)])
def test_units_are_known_to_mne(tmp_path, unit, physical_max):
    samples = signal(1000, size=100 / SIZE_IN_UV[unit])
    written(tmp_path / "a.bdf", samples, unit=unit, physical_max=physical_max)
    raw = mne.io.read_raw_bdf(tmp_path / "a.bdf", verbose="error")
    step_uv = physical_max * SIZE_IN_UV[unit] / LARGEST
    np.testing.assert_allclose(1e6 * raw.get_data().T, samples * SIZE_IN_UV[unit], rtol=1e-6, atol=0.501 * step_uv)


def test_zero_stays_zero(tmp_path):
    written(tmp_path / "a.bdf", np.zeros((500, 3)))
    assert not edfio.read_bdf(tmp_path / "a.bdf").signals[0].data.any()


def test_annotations_are_read_by_both(tmp_path):
    file = writer(tmp_path / "a.bdf")
    expected = []
    for second in range(20):
        file.write(signal(1000))
        name = "Fäuste ✊ " + "x" * 50
        file.annotate(second + 0.1, 0.25, f"{name} {second}"[:60])
        expected.append((second + 0.1, 0.25, f"{name} {second}"[:60]))
    for _ in range(30):  # more than one record has room for
        file.annotate(19.5, 0.125, "ﷺ" * 60)
        expected.append((19.5, 0.125, "ﷺ" * 60))
    file.close()
    read = edfio.read_bdf(tmp_path / "a.bdf").annotations
    assert [(pytest.approx(one.onset), one.duration, one.text) for one in read if one.text != "bad"] == expected
    bad = [one for one in read if one.text == "bad"]  # the records that the last annotations need
    assert (
        bad[0].onset == 20
        and sum(one.duration for one in bad) == len(edfio.read_bdf(tmp_path / "a.bdf").signals[0].data) / 1000 - 20
    )
    raw = mne.io.read_raw_bdf(tmp_path / "a.bdf", verbose="error")
    known = zip(raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True)
    assert [one for one in known if one[2] != "bad"] == [
        (pytest.approx(onset), duration, text) for onset, duration, text in expected
    ]


def test_samples_beyond_the_range_are_cut_and_counted(tmp_path):
    samples = np.zeros((500, 3))
    samples[10:15, 1], samples[20, 2] = 101.0, -1e30
    file = written(tmp_path / "a.bdf", samples, physical_max=100.0)
    assert file.clipped.tolist() == [0, 5, 1]
    read = edfio.read_bdf(tmp_path / "a.bdf")
    np.testing.assert_allclose(read.signals[1].data[10:15], 100.0)
    assert read.signals[2].data[20] == pytest.approx(-100.0)


def test_samples_that_are_not_finite_get_the_last_value_of_their_channel(tmp_path):
    samples = np.arange(1500.0).reshape(500, 3)
    expected = samples.copy()
    samples[0, 0], expected[0, 0] = np.nan, 0.0  # there is none before
    samples[3:9, 1], expected[3:9, 1] = np.inf, samples[2, 1]
    samples[7:, 2], expected[7:, 2] = np.nan, samples[6, 2]
    file = written(tmp_path / "a.bdf", samples, chunk=5, physical_max=2000.0)
    read = edfio.read_bdf(tmp_path / "a.bdf")
    for channel in range(3):
        np.testing.assert_allclose(read.signals[channel].data, expected[:, channel], atol=1e-3)
    assert file.lost.tolist() == [1, 6, 493]


@pytest.mark.parametrize("reader", ["mne", "edfio"])
def test_a_file_that_was_not_closed_is_read_to_its_last_record(tmp_path, reader):
    file, samples = writer(tmp_path / "a.bdf"), signal(1700)
    file.annotate(0.25, 0.5, "fist")
    file.write(samples)
    content = (tmp_path / "a.bdf").read_bytes()
    (tmp_path / "b.bdf").write_bytes(content[:-1000])  # and cut within a record
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both say that the header has no number of records
        for name, known in (("a", 1500), ("b", 1000)):
            path = tmp_path / f"{name}.bdf"
            if reader == "mne":
                raw = mne.io.read_raw_bdf(path, verbose="error")
                data, texts = 1e6 * raw.get_data(), list(raw.annotations.description)
            else:
                read = edfio.read_bdf(path)
                data, texts = np.stack([one.data for one in read.signals]), [one.text for one in read.annotations]
            np.testing.assert_allclose(data.T, samples[:known], atol=0.03)
            assert texts == ["fist"]
    file.close()


def test_the_number_of_records_is_written_at_the_end(tmp_path):
    file = writer(tmp_path / "a.bdf")
    file.write(signal(1700))
    assert (tmp_path / "a.bdf").read_bytes()[236:244] == b"-1      "
    file.close()
    file.close()
    assert (tmp_path / "a.bdf").read_bytes()[236:244] == b"4       "


@pytest.mark.parametrize("rate_hz", [1.0, 2.0, 99.9, 1000 / 3, 1259.259259, 1111.1111, 2222.2222, 4000.0, 34000 / 27])
def test_records_last_half_a_second_at_most_and_keep_the_rate(rate_hz):
    samples, duration = record_of(rate_hz)
    assert len(duration) <= 8
    assert samples / float(duration) == pytest.approx(rate_hz, rel=2e-6)
    assert float(duration) <= max(LONGEST_RECORD_S, 1 / rate_hz)
    assert float(duration) > 0.24


@pytest.mark.parametrize("rate_hz", [0.0, 0.5, 1e7, float("nan")])
def test_other_rates_are_refused(rate_hz):
    with pytest.raises(ConfigError, match="samples a second; 1 to 1,000,000"):
        record_of(rate_hz)


@pytest.mark.parametrize("physical_max", [0.0, -5.0, 1e-6, 1e8, float("nan"), float("inf"), 12345.678])
def test_ranges_that_do_not_fit_the_header_are_refused(tmp_path, physical_max):
    if physical_max == 12345.678:
        with pytest.raises(ConfigError, match="--range=12345.7: give"):
            writer(tmp_path / "a.bdf", physical_max=physical_max)
    else:
        with pytest.raises(ConfigError, match=f"--range={re.escape(f'{physical_max:g}')}: give the largest value"):
            writer(tmp_path / "a.bdf", physical_max=physical_max)
    assert not (tmp_path / "a.bdf").exists()


def test_labels_are_short_ascii_and_unlike():
    names = ["flexor carpi radialis", "flexor carpi radialis left", "Füße", "μ", "", "a", "a", "BDF Annotations"]
    assert labels_for(names) == [
        "flexor carpi rad", "flexor carpi r-2", "Fe", "channel 4", "channel 5", "a", "a-7", "BDF Annotation-8",
    ]  # fmt: skip


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "a.bdf").write_text("of somebody else")
    with pytest.raises(StorageError, match="a.bdf cannot be written .*File exists"):
        writer(tmp_path / "a.bdf")
    assert (tmp_path / "a.bdf").read_text() == "of somebody else"


def test_a_full_disk_gives_one_error_and_whole_records_stay(tmp_path):
    resource = pytest.importorskip("resource", reason="no limits on files here")
    file, samples = writer(tmp_path / "a.bdf"), signal(5000)
    header_and_two_records = 256 * 5 + 2 * 3 * (3 * 500 + 128)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signals.signal(signals.SIGXFSZ, signals.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (header_and_two_records + 1000, hard))
        with pytest.raises(StorageError, match=r"a\.bdf cannot be written \(File too large: raise the limit"):
            file.write(samples)
        file.close()  # writes the number of records, for which there is room
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signals.signal(signals.SIGXFSZ, before)
    assert (tmp_path / "a.bdf").stat().st_size == header_and_two_records
    read = edfio.read_bdf(tmp_path / "a.bdf")
    np.testing.assert_allclose(read.signals[0].data, samples[:1000, 0], atol=0.03)
