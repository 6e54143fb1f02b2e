"""The configurations of the trainings that make a decoder: from a preset, another decoder, or trained FINs."""

import dataclasses
from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from finjax.configs import cnn, fine_tune, raw_cnn
from finjax.configs.templates import complete
from finjax.data.durations import to_samples
from finjax.data.number_lists import format_numbers
from finjax.errors import CheckpointError, ConfigError
from finjax.features import feature_names
from finjax.fit.people import Found
from finjax.inference.model import DecoderModel, FINModel
from finjax.inference.restored import load, load_fin
from finjax.inference.shipped import PREFIX, nearest_length, shipped_features, shipped_lengths
from finjax.system import digests
from finjax.system.files import expanded
from finjax.system.paths import literal, refuse_url
from finjax.training.checkpoints import has_checkpoint

DEFAULT_PRESET = "cnn:spatial"
FEATURE = "{feature}"  # stands for the name of a feature in a pattern of folders
DECODERS: Mapping[str, Callable[..., ConfigDict]] = {
    "cnn": cnn.get_config,
    "fine_tune": fine_tune.get_config,
    "raw_cnn": raw_cnn.get_config,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """How a decoder is made.

    Attributes:
        configs: the configuration of each training, one after the other; the last gives the decoder.
        text: the same in words.
        decoder: the decoder that it starts from, or None.
        digest: of the parameters of the decoder or the FINs that it starts from; empty: none.
    """

    configs: tuple[ConfigDict, ...]
    text: str
    decoder: DecoderModel | None = None
    digest: str = ""

    def remark_on_unit(self, found: Found) -> str:
        """Returns a remark if the decoder to start from was trained on samples in another unit; else nothing."""
        unit = self.decoder.unit if self.decoder else ""
        if not unit or not found.unit or unit == found.unit:
            return ""
        return (
            f"that decoder was trained on samples in {unit}, these are in {found.unit}. It makes no difference: the "
            "samples of each person are z-scored"
        )

    def refuse_unfit(self, found: Found, *, source: str) -> None:
        """Raises `CheckpointError` if the decoder to start from does not fit a recording, or knows it already.

        Args:
            found: the recording.
            source: folder of the decoder, for the message.
        """
        if (model := self.decoder) is None:
            return
        for what, has, needed in (
            ("dataset", model.dataset, found.name),
            ("rate", f"{model.rate_hz:.10g} Hz", f"{found.rate_hz:.10g} Hz"),
            ("channels", ", ".join(model.channel_names), ", ".join(found.channel_names)),
            ("movements", ", ".join(model.movement_names), ", ".join(found.movement_names)),
        ):
            if has != needed:
                raise CheckpointError(
                    f"--from={source} does not fit: its {what}: {has}; those of the recording: {needed}. "
                    "Give another decoder, or leave --from out"
                )
        for person in found.people:
            if both := set(model.trained_on.get(person.subject, ())).intersection(person.repetitions):
                raise CheckpointError(
                    f"--from={source} was trained on repetitions {format_numbers(both)} of subject {person.subject}, "
                    "so a test on them would not show how good it is: give a decoder of other people. If it is another "
                    "person with the same number, give the new files another one (sub-…)"
                )


def start_of(source: str, preset: str, *, rate_hz: Callable[[], float]) -> Start:
    """Returns how decoders are made.

    Args:
        source: folder of a decoder, folder or pattern of FINs (such as `runs/fin_{feature}`); empty: random weights,
            or the FINs that ship with finjax where the preset needs FINs.
        preset: a stage with a preset, such as `cnn:best`; empty: the one that fits the source.
        rate_hz: returns the sampling rate of the recording.

    Raises:
        CheckpointError: a checkpoint is damaged.
        ConfigError: the preset is unknown, does not fit the source, or there is no model.
    """
    if not source:
        config = preset_of(preset or DEFAULT_PRESET)
        if config.stage == "fine_tune":
            return _from_shipped_fins(preset, window=config.window, rate_hz=rate_hz())
        return Start(configs=(config,), text=f"{preset or DEFAULT_PRESET}, on this person alone")
    refuse_url(source, option="--from")
    if FEATURE not in source and has_checkpoint(expanded(source)):
        model = load(source)
        if isinstance(model, DecoderModel):
            return _from_decoder(source, model, preset)
        raise ConfigError(
            f"--from={source} holds the FIN of {model.target}: give the folder that contains the FINs of all "
            "features, or a pattern such as 'runs/fin_{feature}'"
        )
    pattern, fins = _find_fins(source)
    return _from_fins(pattern, fins, preset, text=f"FINs of {', '.join(fins)} in {source}, and a CNN")


def preset_of(text: str) -> ConfigDict:
    """Returns a configuration such as `cnn:best`.

    Raises:
        ConfigError: it is unknown.
    """
    stage, _, preset = text.partition(":")
    if stage not in DECODERS:
        raise ConfigError(f"--preset={text}: choose {', '.join(DECODERS)}, with or without a preset, as cnn:best")
    try:
        return DECODERS[stage](preset or None)
    except ConfigError as error:
        raise ConfigError(f"--preset={text}: {error}") from error


def _from_decoder(source: str, model: DecoderModel, preset: str) -> Start:
    """Returns the training of a decoder of other people on, by its own configuration or by that of a preset."""
    config = preset_of(preset) if preset else complete(model.config.record)
    config.fine_tune.cnn_init = literal(source)
    config.fine_tune.cnn_step = "latest"
    config.prediction = (model.framing.horizon,)
    config.percentage = 100.0
    config.pooled = False
    if config.stage == "fine_tune":
        config.fine_tune.fin_init = "decoder"
    people = format_numbers(model.trained_on) or "(unknown)"
    text = f"from the decoder in {source}, which was trained on people {people}"
    return Start(configs=(config,), text=text, decoder=model, digest=digests.of_arrays(model.params))


def _from_fins(pattern: str, fins: Mapping[str, FINModel], preset: str, *, text: str) -> Start:
    """Returns the trainings of a CNN on closed-form features, and of FINs and CNN together."""
    one = next(iter(fins.values()))
    mixed = one.config.train.mixtures > 0  # trained for virtual channels
    config = preset_of(preset or ("fine_tune:spatial" if mixed else "fine_tune:best"))
    if config.stage != "fine_tune":
        raise ConfigError(f"--preset={preset} does not use the FINs in {pattern}: choose fine_tune:…")
    before = cnn.get_config(config.preset or None)
    recorded = complete(one.config.record)
    for changed in (before, config):
        changed.features = ",".join(fins)
        changed.window, changed.limit_sd, changed.plugins = recorded.window, recorded.limit_sd, recorded.plugins
        changed.data.filter = recorded.data.filter
        changed.prediction = (one.framing.horizon,)
    config.model = recorded.model
    before.cnn.shadows = recorded.model.shadows
    config.fine_tune.fins = pattern
    return Start(
        configs=(before, config),
        text=text,
        digest=digests.of_arrays({name: fin.params for name, fin in fins.items()}),
    )


def _from_shipped_fins(preset: str, *, window: str, rate_hz: float) -> Start:
    """Returns the trainings of a CNN, and of FINs that ship with finjax and CNN together.

    Raises:
        ConfigError: none of them takes windows of this length.
    """
    samples = to_samples(window, rate_hz, option="--config.window")
    if (length := nearest_length(samples)) is None:
        raise ConfigError(
            f"--preset={preset} tunes trained FINs. Those that ship with finjax take windows of "
            f"{', '.join(map(str, shipped_lengths()))} samples, but {window} at {rate_hz:.6g} Hz are {samples}: train "
            f"FINs (finjax fin) and give their folder with --from, or choose {DEFAULT_PRESET}"
        )
    fins = {name: load_fin(f"{PREFIX}{length}/{name}") for name in shipped_features(length)}
    text = f"FINs of {', '.join(fins)} that ship with finjax, trained on synthetic people, and a CNN ({preset})"
    start = _from_fins(f"{PREFIX}{length}/{FEATURE}", fins, preset, text=text)
    for config in start.configs:
        config.window = window if samples == length else str(length)
    return start


def _find_fins(source: str) -> tuple[str, dict[str, FINModel]]:
    """Returns the pattern of the FINs' folders, and the FINs by feature."""
    pattern = source if FEATURE in source else f"{source.rstrip('/')}/fin_{FEATURE}"
    fins: dict[str, FINModel] = {}
    for name in feature_names():
        folder = expanded(pattern.replace(FEATURE, name))
        if has_checkpoint(folder):
            fins[name] = load_fin(folder)
    if not fins:
        raise ConfigError(
            f"--from={source}: there is no decoder and no FIN: give the folder of a decoder, such as "
            "runs/cnn_pooled_seen/pooled, or a folder of FINs fin_rms, fin_var, …"
        )
    return pattern, fins
