"""A sheet of one repetition of a subject: the signal, the closed-form and the imitated features, the decisions."""

import dataclasses
from pathlib import Path

import numpy as np

from finjax.data.number_lists import format_numbers
from finjax.data.zscore import z_score
from finjax.devices import parallel
from finjax.devices.defaults import with_defaults
from finjax.errors import DataError
from finjax.evaluation.drawing import Axes, Figure, in_default_style, plain, save
from finjax.evaluation.figures import COLOURS
from finjax.inference.model import DecoderModel
from finjax.tasks.decoder import inputs_of
from finjax.tasks.initial import features_seen
from finjax.tasks.normalisation import stored_statistics
from finjax.tasks.task import Task
from finjax.training.predict import decoded_logits, decoder_features

CHANNELS = 4  # the sheet shows the signal of the most active channels
DRAWN_SAMPLES = 20_000  # at most, of each channel


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Repetition:
    """The content of the sheet. Times are seconds of labelled signal since the start of the repetition.

    Attributes:
        time_s: `[m]` times of the samples.
        signal: `[C, m]` z-scored.
        borders_s: where each movement begins.
        movements: the movements.
        decided_s: `[n]` ends of the windows, when the decisions are made.
        computed: `[n, C, F]` closed-form features, standardised.
        imitated: `[n, C, F]`, or `None` if the decoder has no FINs.
        true: `[n]` true movements.
        decided: `[n]` decided movements.
    """

    time_s: np.ndarray
    signal: np.ndarray
    borders_s: np.ndarray
    movements: np.ndarray
    decided_s: np.ndarray
    computed: np.ndarray
    imitated: np.ndarray | None
    true: np.ndarray
    decided: np.ndarray


@in_default_style
@with_defaults
def draw(path: Path, model: DecoderModel, task: Task, *, repetition: int) -> None:
    """Draws the sheet of one repetition.

    Args:
        path: the PNG to write.
        model: the decoder.
        task: signals of one subject, as the decoder takes them.
        repetition: number of the repetition.

    Raises:
        DataError: the subject has no window in that repetition.
    """
    shown = _look(model, task, repetition)
    features = len(model.features)
    heights = [1.6, *[0.8] * features, 2.2]
    figure = Figure(figsize=(11, 1.4 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    active = np.sort(np.argsort(shown.signal.std(axis=1))[::-1][:CHANNELS])
    _draw_signal(rows[0], shown, active, task.store.channel_names)
    channel = int(active[0])
    for number, name in enumerate(model.features):
        axes = rows[1 + number]
        axes.plot(shown.decided_s, shown.computed[:, channel, number], color="0.6", label="closed form")
        if shown.imitated is not None:
            imitated = shown.imitated[:, channel, number]
            axes.plot(shown.decided_s, imitated, color=COLOURS["unseen"], linewidth=0.8, label="FIN, fine-tuned")
        axes.set_ylabel(f"{name.upper()}\n{plain(task.store.channel_names[channel])}", fontsize=7)
        if not number:
            axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper right")
    _draw_decisions(rows[-1], shown, task.store.movement_names)
    for axes in rows:
        for border in shown.borders_s:
            axes.axvline(border, color="0.85", linewidth=0.6, zorder=0)
    subject = task.store.subjects[0]
    accuracy = np.mean(shown.true == shown.decided)
    figure.suptitle(
        f"{task.store.dataset}, subject {subject}, repetition {repetition}: "
        f"{accuracy:.1%} of {len(shown.true)} decisions are right"
    )
    save(figure, path)


def _look(model: DecoderModel, task: Task, repetition: int) -> _Repetition:
    """Computes the content of the sheet."""
    windows = task.windows[task.windows.repetition == repetition]
    if not len(windows):
        raise DataError(
            f"--repetition={repetition}: subject {task.store.subjects[0]} has no window in it; "
            f"choose from {format_numbers(np.unique(task.windows.repetition))}"
        )
    store, rate = task.store, task.store.rate_hz
    segments = store.segments[store.segments[:, 4] == repetition]
    lengths = segments[:, 1] - segments[:, 0]
    offsets = np.cumsum(lengths) - lengths  # of each segment on the sheet
    signal = stored_statistics(task, model).signal
    samples = np.concatenate([store.samples[:, start:stop] for start, stop in segments[:, :2]], axis=1)
    samples = z_score(samples, signal.mean[0][:, None], signal.std[0][:, None], signal.limit)
    row = np.searchsorted(segments[:, 0], windows.start, side="right") - 1
    ends = offsets[row] + windows.start - segments[row, 0] + task.framing.length

    inputs = parallel.replicate(inputs_of(task, model.features, model.feature, windows, signal=signal))
    count = {"windows": len(windows), "batch_size": model.config.evaluate.batch_size}
    logits = decoded_logits(model.decoder, model.params, model.stats, inputs, **count)
    computed = np.zeros((len(windows), len(store.channel_names), 0))
    if model.features:  # of virtual channels, if the decoder has them: the first of these began as the channels
        patterns = model.params.get("patterns")
        seen = features_seen(task, model.features, windows, signal, patterns=patterns)
        computed = model.feature.standardise(seen)
    imitated = None
    if model.kind == "fine_tune":
        imitated = decoder_features(model.decoder, model.params, inputs, **count).reshape(computed.shape)
    return _Repetition(
        time_s=np.arange(samples.shape[1]) / rate,
        signal=samples,
        borders_s=offsets / rate,
        movements=segments[:, 3],
        decided_s=ends / rate,
        computed=computed,
        imitated=imitated,
        true=windows.movement,
        decided=logits.argmax(axis=-1),
    )


def _draw_signal(axes: Axes, shown: _Repetition, channels: np.ndarray, names: tuple[str, ...]) -> None:
    every = max(1, len(shown.time_s) // DRAWN_SAMPLES)
    for place, channel in enumerate(channels):
        z = shown.signal[channel, ::every]
        axes.plot(shown.time_s[::every], place + z / 12, linewidth=0.3, color=COLOURS["seen"])
    axes.set_yticks(range(len(channels)), [plain(names[channel]) for channel in channels], fontsize=7)
    axes.set_ylabel("signal")


def _draw_decisions(axes: Axes, shown: _Repetition, names: tuple[str, ...]) -> None:
    right = shown.true == shown.decided
    axes.plot(shown.decided_s, shown.true, ".", color="0.8", markersize=7, label="true")
    axes.plot(shown.decided_s[right], shown.decided[right], ".", color=COLOURS["seen"], markersize=2.5, label="right")
    axes.plot(shown.decided_s[~right], shown.decided[~right], "x", color=COLOURS["unseen"], markersize=4, label="wrong")
    axes.set_yticks(range(len(names)), [plain(name) for name in names], fontsize=7)
    axes.set_ylabel("movement")
    axes.set_xlabel("labelled signal (s); a decision stands at the end of its window")
    axes.legend(frameon=False, fontsize=7, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
