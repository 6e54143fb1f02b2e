"""A decoder that takes samples as they come and decides at a steady pace."""

import copy
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finjax.data import filters
from finjax.data.durations import to_samples
from finjax.data.normalise import UNLABELLED as UNLABELLED_SAMPLES
from finjax.data.normalise import USED
from finjax.data.recording import UNLABELLED
from finjax.data.source import filter_of, gives_envelope
from finjax.data.zscore import channel_statistics, z_score
from finjax.devices.defaults import with_defaults
from finjax.errors import DataError
from finjax.inference.model import DecoderModel
from finjax.inference.restored import load_decoder, load_plugins_of
from finjax.live.calibration import aligned_with, checked, is_aligned, labelled, some_windows, tuned, windows_of
from finjax.live.causal_filter import CausalFilter
from finjax.live.compiled import probabilities_of
from finjax.live.decision import Decision
from finjax.live.electrodes import Electrodes
from finjax.live.postprocessing import PostProcessor
from finjax.live.ring import Ring
from finjax.live.saving import save_decoder
from finjax.live.z_score import person_statistics
from finjax.system.arithmetic import numpy_defaults
from finjax.system.files import expanded

STREAM_PARTS = ("_filter", "_filtered", "_electrodes", "_post_processor")  # what the samples before have left

logger = logging.getLogger(__name__)


class LiveDecoder:
    """Decodes a stream with a trained decoder of movements. It compiles when it is constructed.

    The signal is filtered as in training, but causally: training filters forwards and backwards, which needs future
    samples. The z-scores use the statistics of the person that the decoder was tuned to, or those of `calibrate`; for
    an unknown person they use the mean of the people that the decoder was trained on, with a warning.
    The decisions do not depend on how samples are cut into chunks. Memory does not grow.

    Args:
        run: folder of a decoder's run, such as `runs/fine_tune/subject_1`, or the restored model.
        step: checkpoint to load, see `finjax.load`.
        subject: whose stored z-score to use, if the decoder knows several people and is not calibrated.
        update: time between decisions, as `"20ms"` or in samples.
        filtered: whether the samples are filtered already.
        vote: see `PostProcessor`.
        least_probability: see `PostProcessor`.
        dwell: how long a movement must win before it replaces another, as `"100ms"`; empty: it replaces it at once.

    Attributes:
        model: the restored model; after `calibrate` with labels, the tuned one.
        rate_hz: sampling rate of the stream.
        unit: unit of the samples, that of the training data; empty: not known.
        channel_names: C names, in the order of the columns of the samples.
        movement_names: names of the K classes.
        update: samples between two decisions.

    Raises:
        CheckpointError: the folder holds no decoder.
        ConfigError: an interval is shorter than a sample, or `vote` or `least_probability` is out of range.
        DataError: the subject is not in the checkpoint.

    Example:
        >>> decoder = LiveDecoder("runs/cnn/subject_1", update="50ms", vote=3)
        >>> samples = np.random.default_rng(0).normal(size=(1000, 12))  # half a second at 2 kHz
        >>> [round(decision.time_s, 2) for decision in decoder.push(samples)]
        [0.3, 0.35, 0.4, 0.45, 0.5]
    """

    @with_defaults
    def __init__(
        self,
        run: str | Path | DecoderModel,
        *,
        step: int | str = "latest",
        subject: int | None = None,
        update: str | int = "20ms",
        filtered: bool = False,
        vote: int = 1,
        least_probability: float = 0.0,
        dwell: str | int = "",
    ):
        self.model = run if isinstance(run, DecoderModel) else load_decoder(run, step=step)
        self.rate_hz, self.movement_names = self.model.rate_hz, self.model.movement_names
        self.channel_names, self.unit = self.model.channel_names, self.model.unit
        self.update = to_samples(update, self.rate_hz, option="--update")
        self.set_post_processing(vote=vote, least_probability=least_probability, dwell=dwell)
        sections = filters.design(filter_of(self.model.config.data), self.rate_hz)
        self._filter = CausalFilter(np.zeros((0, 6)) if filtered else sections)
        self._statistics, self._warning = person_statistics(self.model, subject)
        self._statistics_from = ""  # of `calibrate`
        channels, length = len(self.channel_names), self.model.framing.length
        self._filtered = Ring(channels, length)
        self._electrodes = Electrodes(
            channels, length, rate_hz=self.rate_hz, envelope=gives_envelope(self.model.config.data)
        )
        self._compile()
        self.reset()

    def set_post_processing(self, *, vote: int = 1, least_probability: float = 0.0, dwell: str | int = "") -> None:
        """Post-processes decisions in another way from now on; earlier decisions do not count.

        Args:
            vote: see `PostProcessor`.
            least_probability: see `PostProcessor`.
            dwell: see `LiveDecoder`.

        Raises:
            ConfigError: one is out of range.
        """
        dwell_samples = to_samples(dwell, self.rate_hz, option="--dwell") if dwell else self.update
        self._post_processor = PostProcessor(
            vote=vote, least_probability=least_probability, dwell=-(-dwell_samples // self.update)
        )

    def adopt(self, calibrated: "LiveDecoder") -> None:
        """Continues its stream with the network and the z-score of a copy that was calibrated. Compiles nothing."""
        self.model, self._statistics, self._warning = calibrated.model, calibrated._statistics, calibrated._warning
        self._statistics_from, self._probabilities = calibrated._statistics_from, calibrated._probabilities

    def snapshot(self) -> "LiveDecoder":
        """Returns a copy as it is now, for pickling in another thread; it is not compiled, and cannot decode itself."""
        taken = object.__new__(type(self))
        taken.__dict__.update(self.__getstate__())
        for name in STREAM_PARTS:  # they change with every sample
            setattr(taken, name, copy.deepcopy(getattr(self, name)))
        return taken

    def reset(self) -> None:
        """Begins a new stream with the same statistics."""
        for name in STREAM_PARTS:
            getattr(self, name).clear()
        self._seen = 0

    @with_defaults
    def calibrate(self, samples: np.ndarray, movement: np.ndarray | None = None, *, progress: bool = True) -> None:
        """Fits the decoder to a recording of a person, and begins a new stream.

        Without labels the z-score is fitted, and a decoder with `cnn.align` is aligned with the person; the samples
        should contain all movements, each for about the same time. With labels the z-score is fitted to the labelled
        samples, and the network is trained on their windows as its configuration says. That takes seconds for a CNN and
        minutes for FINs.

        Args:
            samples: `[n, C]` in the unit of the training data, unfiltered unless the decoder has `filtered=True`.
            movement: `[n]` index into `movement_names` of each sample; −1: no label.
            progress: whether to show a progress bar on stderr during training.

        Raises:
            DataError: the number of channels is wrong, the samples are too few or not finite, or the labels do not fit.
        """
        samples = self._checked(samples)
        movement = checked(self.model, samples, movement)
        samples = self._filter.whole(samples)
        if movement is None:
            self._statistics = channel_statistics(samples.T)
            if is_aligned(self.model):
                self.model = aligned_with(self.model, self._z_scored(some_windows(samples, self.model)))
            self._statistics_from = UNLABELLED_SAMPLES
        else:
            windows, predicted, labels = windows_of(self.model, labelled(self.model, samples, movement))
            self._statistics = channel_statistics(samples[movement != UNLABELLED].T)
            windows, predicted = self._z_scored(windows), self._z_scored(predicted)
            self.model = aligned_with(self.model, windows, labels)
            self.model = tuned(self.model, windows, labels, predicted=predicted, progress=progress)
            self._statistics_from = USED
        self._compile()
        self._warning = ""
        self.reset()

    @with_defaults
    def save(self, folder: str | Path, *, subject: int, repetitions: Sequence[int] = (1,)) -> None:
        """Writes the calibrated decoder as the run of a person, which everything takes that takes a decoder's run.

        No repetition is left for a test. The people that the decoder was trained on before are recorded too.

        Args:
            folder: where to write, such as `runs/mine/subject_9`.
            subject: number of the person in the dataset.
            repetitions: those of the dataset that it was calibrated with, so that no test uses them.

        Raises:
            CheckpointError: the folder holds a run already.
            DataError: the decoder is not calibrated.
            StorageError: the folder cannot be written.
        """
        if not self._statistics_from or self._statistics is None:
            raise DataError("only a calibrated decoder can be saved: call calibrate(samples, movement) first")
        save_decoder(
            self.model,
            expanded(folder),
            subject=subject,
            repetitions=repetitions if self._statistics_from == USED else (),
            statistics=self._statistics,
            source=self._statistics_from,
        )

    def check_statistics(self) -> None:
        """Warns, once, if the z-score is not the person's own. The first `push` does so too.

        Raises:
            DataError: the decoder has no z-score.
        """
        if self._statistics is None:
            raise DataError(
                "the decoder has no z-score (imported decoders have none): call calibrate(samples) first "
                "(finjax live --calibrate=1)"
            )
        if self._warning:
            logger.warning(self._warning)
            self._warning = ""

    @with_defaults
    @np.errstate(over="ignore")  # a value too large for float32 becomes infinite: a faulty electrode
    def push(self, samples: np.ndarray) -> list[Decision]:
        """Takes the next samples `[n, C]`, any number of them, in the unit of the training data.

        Returns:
            A decision for every update interval that the samples complete, once the first window is full.

        Raises:
            DataError: the number of channels is wrong, or the decoder has no z-score.
        """
        arrived = time.perf_counter()
        samples = self._checked(samples)
        self.check_statistics()
        length, decisions, position = self.model.framing.length, [], 0
        while position < len(samples):
            to_next = self.update - (self._seen - length) % self.update if self._seen >= length else length - self._seen
            part = samples[position : position + min(to_next, length)]
            self._filtered.append(self._filter.take(self._electrodes.take(part)))
            position += len(part)
            self._seen += len(part)
            if self._seen >= length and (self._seen - length) % self.update == 0:
                decisions.append(self._decide(arrived))
        return decisions

    @numpy_defaults()
    def level(self) -> np.ndarray:
        """Returns the level of each channel, `[C]`: the last window's standard deviation over that of the z-score."""
        if self._statistics is None:
            return np.zeros(len(self.channel_names))
        return self._filtered.window().std(axis=1) / self._statistics[1]

    def _decide(self, arrived: float) -> Decision:
        found = self._electrodes.look()
        if found.has_signal:
            window = self._z_scored(self._filtered.window())
            window[found.dead] = 0.0
            probabilities = self._decode(window)
            movement = self._post_processor(probabilities)
        else:
            self._post_processor.clear()  # earlier decisions must not vote
            probabilities = np.full(len(self.movement_names), 1 / len(self.movement_names), np.float32)
            movement = None
        return Decision(
            time_s=self._seen / self.rate_hz,
            movement=None if movement is None else self.movement_names[movement],
            probabilities=probabilities,
            latency_s=time.perf_counter() - arrived,
            faults={self.channel_names[channel]: fault for channel, fault in found.by_channel.items()},
            has_signal=found.has_signal,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Returns the state without the compiled function, for copy and pickle; the copy continues the stream."""
        return {name: value for name, value in self.__dict__.items() if name != "_probabilities"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        load_plugins_of(self.model, "a copy of a decoder")  # another process has not loaded them yet
        self._compile()

    def _z_scored(self, windows: np.ndarray) -> np.ndarray:
        assert self._statistics is not None  # `push` and `calibrate` have checked
        mean, std = self._statistics
        return z_score(windows, mean[:, None], std[:, None], self.model.signal.limit)

    def _compile(self) -> None:
        self._probabilities = probabilities_of(self.model)
        self._decode(np.zeros((len(self.channel_names), self.model.framing.length), np.float32))

    def _decode(self, window: np.ndarray) -> np.ndarray:
        return np.asarray(self._probabilities(window[None]))[0]

    def _checked(self, samples: np.ndarray) -> np.ndarray:
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 2 or samples.shape[1] != len(self.channel_names):
            raise DataError(
                f"samples are {list(samples.shape)}; this decoder takes [n, {len(self.channel_names)}] "
                f"({', '.join(self.channel_names)})"
            )
        return samples
