"""The index of windows, the packed signals, and the gather on the device."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finjax.data.durations import describe_rounding, duration_ms, to_samples
from finjax.data.gather import WindowData
from finjax.data.normalise import SignalNormaliser
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.windows import ALIGNMENT_BYTES, Framing, index_windows, pack
from finjax.errors import ConfigError, DataError


def recording(subject=1, *, spans, channels=2, piece_starts=(0,), dataset="mine"):
    """A recording of spans (length, movement, repetition), each sample of which names its own place."""
    movement = np.concatenate([np.full(n, m, np.int16) for n, m, _ in spans])
    repetition = np.concatenate([np.full(n, r, np.int16) for n, _, r in spans])
    n = len(movement)
    signal = (1000 * subject + np.arange(n)[:, None] + 0.25 * np.arange(channels)).astype(np.float32)
    return Recording(
        dataset=dataset,
        subject=subject,
        signal=signal,
        movement=movement,
        repetition=repetition,
        rate_hz=1000.0,
        channel_names=tuple(f"c{c}" for c in range(channels)),
        movement_names=("a", "b", "c"),
        piece_starts=piece_starts,
    )


def test_segments_end_where_movement_repetition_or_recording_change():
    r = recording(spans=[(5, UNLABELLED, 0), (4, 0, 1), (3, 0, 2), (6, 1, 2), (2, UNLABELLED, 0)], piece_starts=(0, 14))
    np.testing.assert_array_equal(r.segments(), [[5, 9, 0, 1], [9, 12, 0, 2], [12, 14, 1, 2], [14, 18, 1, 2]])


def test_pack_leaves_out_rest_and_keeps_the_signal():
    rows = [recording(1, spans=[(5, UNLABELLED, 0), (4, 0, 1), (3, 1, 1)]), recording(2, spans=[(6, 2, 1)])]
    store = pack(rows)
    assert store.samples.shape == (2, 16)  # room for more, so that other recordings share a compiled program
    np.testing.assert_array_equal(store.segments, [[0, 4, 0, 0, 1], [4, 7, 0, 1, 1], [7, 13, 1, 2, 1]])
    np.testing.assert_array_equal(store.samples[0], [*range(1005, 1012), *range(2000, 2006), 0, 0, 0])
    assert store.subjects == (1, 2)
    assert store.samples.ctypes.data % ALIGNMENT_BYTES == 0  # else every CPU device would copy it


@pytest.mark.parametrize(
    ("framing", "starts"),
    [
        (Framing(length=4, step=2), [0, 2, 4, 6, 10, 12]),  # segments of 10 and 7 samples
        (Framing(length=4, step=2, horizon=1), [0, 2, 4, 10]),
        (Framing(length=4, step=2, horizon=3), [0]),
        (Framing(length=7, step=5), [0, 10]),
        (Framing(length=10, step=1), [0]),
    ],
)
def test_windows_by_hand(framing, starts):
    store = pack([recording(spans=[(10, 0, 1), (7, 1, 1)])])
    windows = index_windows(store.segments, framing)
    np.testing.assert_array_equal(windows.start, starts)
    np.testing.assert_array_equal(windows.movement, [0 if s < 10 else 1 for s in starts])
    np.testing.assert_array_equal(windows.segment, [0 if s < 10 else 1 for s in starts])


SPANS = st.lists(st.tuples(st.integers(1, 60), st.integers(-1, 2), st.integers(1, 3)), min_size=1, max_size=12)
FRAMINGS = st.builds(Framing, length=st.integers(1, 30), step=st.integers(1, 12), horizon=st.integers(0, 3))


@given(spans=SPANS, breaks=st.sets(st.integers(1, 11)))
def test_segments_are_the_longest_runs_of_one_movement_repetition_and_piece(spans, breaks):
    begins = np.cumsum([0] + [n for n, *_ in spans])
    starts = tuple(int(begins[i]) for i in sorted({0, *breaks}) if i < len(spans))
    r = recording(spans=spans, piece_starts=starts)
    piece = np.searchsorted(starts, np.arange(len(r.movement)), side="right")
    labels = [*zip(r.movement.tolist(), r.repetition.tolist(), piece.tolist(), strict=True)]
    expected, start = [], 0
    for (movement, repetition, _), run in itertools.groupby(labels):
        stop = start + len(list(run))
        expected += [[start, stop, movement, repetition]] if movement != UNLABELLED else []
        start = stop
    assert r.segments().tolist() == expected


@given(one=SPANS, two=SPANS, framing=FRAMINGS)
def test_windows_are_all_that_fit_with_the_predicted_one_into_a_segment(one, two, framing):
    recordings = [recording(1, spans=one), recording(2, spans=two)]
    assume(any(len(r.segments()) for r in recordings))
    store = pack(recordings)
    expected = [
        (first, subject, movement, repetition, row)
        for row, (start, stop, subject, movement, repetition) in enumerate(store.segments.tolist())
        for first in range(start, stop - framing.length - framing.lead + 1, framing.step)
    ]
    if not expected:
        with pytest.raises(DataError, match="no window fits"):
            index_windows(store.segments, framing)
        return
    windows = index_windows(store.segments, framing)
    found = (windows.start, windows.subject, windows.movement, windows.repetition, windows.segment)
    assert [*zip(*(field.tolist() for field in found), strict=True)] == expected
    for start, subject, movement, repetition, _ in expected[:: len(expected) // 5 + 1]:  # the samples name their place
        r, samples = recordings[subject], store.samples[0, start : start + framing.length + framing.lead]
        places = (samples - 1000 * (subject + 1)).astype(int)
        np.testing.assert_array_equal(np.diff(places), 1)
        assert {*r.movement[places]} == {movement} and {*r.repetition[places]} == {repetition}


def test_a_horizon_longer_than_every_segment_is_refused():
    store = pack([recording(spans=[(10, 0, 1)])])
    with pytest.raises(DataError, match="that predicts 8 samples ahead needs a segment of 12.*longest has 10"):
        index_windows(store.segments, Framing(length=4, step=2, horizon=4))


def test_recordings_that_do_not_fit_together_are_refused():
    with pytest.raises(DataError, match="subjects 1 and 2 differ in channel_names"):
        pack([recording(1, spans=[(9, 0, 1)]), recording(2, spans=[(9, 0, 1)], channels=3)])
    with pytest.raises(DataError, match="no recordings"):
        pack([])


@pytest.mark.parametrize(
    ("text", "rate", "samples"),
    [
        *[("300ms", 2000, 600), ("600", 1000, 600), ("10ms", 1000, 10), (20, 2000, 20)],
        # A duration in ms is rounded: 614.4, 377.78, 0.5, 0.512 and 20.48 samples.
        *[("300ms", 2048, 614), ("300ms", 1259.26, 378), ("5ms", 100, 1), ("0.25ms", 2048, 1), ("10 ms", 2048, 20)],
    ],
)
def test_durations(text, rate, samples):
    assert to_samples(text, rate, option="--config.window") == samples


@pytest.mark.parametrize("text", ["", "300 s", "-5", "0", "0ms", "2.5", "0.4ms", "nan", "٣ms", None])
def test_bad_durations_are_refused_by_the_callers_name(text):
    with pytest.raises(ConfigError, match=r"^--update="):
        to_samples(text, 1000, option="--update")


def test_rounding_is_described_where_there_is_one():
    assert describe_rounding("300ms", 2000, option="--window") == ""
    assert describe_rounding("615", 2048, option="--window") == ""
    said = describe_rounding("300ms", 2048, option="--window")
    assert said == "--window=300ms is 614.4 samples at 2048 Hz: rounded to 614 samples, 299.805 ms"


CHANNELS, SAMPLES, PEOPLE, LENGTH = 3, 64, 2, 7
GATHER = jax.jit(lambda data, examples: data.gather(examples, length=LENGTH))
GATHER_ALL = jax.jit(lambda data, windows: data.gather_all(windows, length=LENGTH))


@given(seed=st.integers(0, 2**32 - 1))
def test_gathers_are_slices_of_the_signal_z_scored(seed):
    rng = np.random.default_rng(seed)
    data = WindowData(
        samples=rng.normal(size=(CHANNELS, SAMPLES)).astype(np.float32),
        mean=rng.normal(size=(PEOPLE, CHANNELS)).astype(np.float32),
        std=rng.uniform(0.5, 2, size=(PEOPLE, CHANNELS)).astype(np.float32),
        limit=np.float32(rng.uniform(0.5, 3)),
        start=rng.integers(0, SAMPLES - LENGTH + 1, size=8).astype(np.int32),
        subject=rng.integers(0, PEOPLE, size=8).astype(np.int32),
    )
    chosen = rng.integers(0, 8, size=5)
    expected = np.stack([data.samples[:, start : start + LENGTH] for start in data.start[chosen]])  # [b, C, T]
    who = data.subject[chosen]
    expected = np.clip((expected - data.mean[who][..., None]) / data.std[who][..., None], -data.limit, data.limit)
    np.testing.assert_allclose(GATHER_ALL(data, chosen), expected, rtol=1e-5, atol=1e-6)
    channel = rng.integers(0, CHANNELS, size=5)
    gathered = GATHER(data, chosen * CHANNELS + channel)
    np.testing.assert_allclose(gathered, expected[np.arange(5), channel], rtol=1e-5, atol=1e-6)


def test_gather_takes_each_channel_of_each_window_and_z_scores_it():
    store = pack([recording(1, spans=[(10, 0, 1)]), recording(2, spans=[(10, 0, 1)])])
    windows = index_windows(store.segments, Framing(length=4, step=3))  # starts 0 3 6 of each subject
    normaliser = SignalNormaliser(
        subjects=np.array([1, 2]),
        mean=np.array([[1000, 1000.25], [2000, 0]], np.float32),
        std=np.array([[1, 2], [1, 4]], np.float32),
        limit=np.float32(501),
    )
    data = WindowData.of(store, normaliser, windows)
    examples = jnp.array([0, 1, 2, 7, 11])  # example = window · C + channel
    gathered = jax.jit(lambda e: jax.tree.map(jnp.asarray, data).gather(e, length=4))(examples)
    np.testing.assert_allclose(
        gathered,
        [
            [0, 1, 2, 3],
            [0, 0.5, 1, 1.5],
            [3, 4, 5, 6],
            (2000.25 + np.arange(4)) / 4,
            [501, 501, 501, 501],  # 2006.25 / 4 = 501.6 is beyond the limit
        ],
    )


@pytest.mark.parametrize(
    "duration",
    ["9" * 400, "9" * 400 + "ms", 10**400, 10**5000, "1" + "0" * 12, 10**12, "1e12", "0." + "9" * 400 + "s"],
    ids=range(8),
)
@pytest.mark.parametrize("convert", [to_samples, duration_ms, describe_rounding])
def test_absurd_durations_are_one_short_message(duration, convert):
    with pytest.raises(ConfigError, match=r"^--step.*(hour is allowed|give milliseconds)") as caught:
        convert(duration, 2000.0, option="--step")
    assert len(str(caught.value)) < 160


def test_a_duration_of_an_hour_is_the_longest():
    for hour in ("3600000ms", 7_200_000):
        assert to_samples(hour, 2000.0, option="--step") == 7_200_000
    with pytest.raises(ConfigError, match="too long: at most an hour is allowed, 7200000 samples at 2000 Hz"):
        to_samples(7_200_001, 2000.0, option="--step")
