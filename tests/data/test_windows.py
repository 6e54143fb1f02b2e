"""The index of windows, the packed signals, and the gather on the device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from finjax.data.gather import WindowData
from finjax.data.normalise import SignalNormaliser
from finjax.data.recording import UNLABELLED, Recording
from finjax.data.windows import ALIGNMENT_BYTES, Framing, index_windows, pack, to_samples
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
    assert store.samples.shape == (2, 13)
    np.testing.assert_array_equal(store.segments, [[0, 4, 0, 0, 1], [4, 7, 0, 1, 1], [7, 13, 1, 2, 1]])
    np.testing.assert_array_equal(store.samples[0], [*range(1005, 1012), *range(2000, 2006)])
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


def test_window_and_predicted_window_lie_in_one_segment():
    rng = np.random.default_rng(0)
    spans = [(int(n), int(m), int(r)) for n, m, r in zip(
        rng.integers(1, 90, 50), rng.integers(-1, 3, 50), rng.integers(1, 7, 50), strict=True)]  # fmt: skip
    store = pack([recording(1, spans=spans), recording(2, spans=spans)])
    framing = Framing(length=13, step=4, horizon=2)
    windows = index_windows(store.segments, framing)
    segment = store.segments[windows.segment]
    assert (windows.start >= segment[:, 0]).all()
    assert (windows.start + framing.lead + framing.length <= segment[:, 1]).all()
    # And none is missing: one more step would leave the segment.
    for row, (start, stop, *_) in enumerate(store.segments):
        mine = windows.start[windows.segment == row]
        assert len(mine) == max((stop - start - 13 - 8) // 4 + 1, 0)
        assert not len(mine) or mine[-1] + 4 + 8 + 13 > stop


def test_a_horizon_longer_than_every_segment_is_refused():
    store = pack([recording(spans=[(10, 0, 1)])])
    with pytest.raises(DataError, match="4 samples predicting 8 samples ahead needs a segment of 12.*longest has 10"):
        index_windows(store.segments, Framing(length=4, step=2, horizon=4))


def test_recordings_that_do_not_fit_together_are_refused():
    with pytest.raises(DataError, match="subjects 1 and 2 differ in channel_names"):
        pack([recording(1, spans=[(9, 0, 1)]), recording(2, spans=[(9, 0, 1)], channels=3)])
    with pytest.raises(DataError, match="no recordings"):
        pack([])


@pytest.mark.parametrize(
    ("text", "rate", "samples"),
    [("300ms", 2000, 600), ("600", 1000, 600), ("10ms", 1000, 10), (20, 2000, 20)],
)
def test_durations(text, rate, samples):
    assert to_samples(text, rate, name="window") == samples


@pytest.mark.parametrize("text", ["", "300 s", "-5", "0", "0ms", "2.5", "1.25ms"])
def test_bad_durations_are_refused(text):
    with pytest.raises(ConfigError, match="config.window"):
        to_samples(text, 1000, name="window")


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
