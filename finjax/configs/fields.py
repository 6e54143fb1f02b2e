"""The rule of every field of every stage, and the check of a whole configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from finjax.configs.rules import (
    WIDTH,
    Checkpoint,
    Choice,
    Choices,
    Duration,
    Folder,
    NumberList,
    Real,
    Rule,
    Several,
    Text,
    Whole,
    YesNo,
    check,
)
from finjax.configs.templates import TEMPLATES
from finjax.data.normalise import UNLABELLED, USED
from finjax.data.splits import NO_REPETITIONS
from finjax.data.synthetic import RAMP_S
from finjax.data.tuning_share import WAYS
from finjax.errors import ConfigError, option_of
from finjax.models.classical import CLASSIFIERS
from finjax.models.discriminant import OWN_COVARIANCE
from finjax.models.fin import INITIALISATIONS, PRECISIONS
from finjax.training.optimiser import SCHEDULES

SEED = Whole(most=2**32 - 1)  # JAX uses the lowest 32 bits: a larger seed would equal a smaller one
COUNT = Whole(least=1)
HERTZ = Real(unset=True)
SHARE = Real(below=1)
RATE = Real()
PERCENTAGE = "per cent of the tuning windows"
FREEZABLE = ("fins", "head", "cnn", "patterns")
ALIGNMENTS = ("", "shift", "turn")
FIN_INITS = ("pretrained", "random", "decoder")
CNN_INIT = Folder(filled_in={"subject": "1", "horizon": 0})
FINS = Folder(filled_in={"feature": "rms", "subject": "1", "horizon": 0})

_COMMON = {
    "stage": Text(),
    "preset": Text(),
    "prediction": Several(of=Whole(), wanted="whole numbers of 0 or more, each once, as 3 or 0,3,10", distinct=True),
    "window": Duration(),
    "step": Duration(),
    "statistics": Choice((USED, UNLABELLED)),
    "limit_sd": Real(),
    "seed": SEED,
    "plugins": Text(),
    "cpu_devices": Whole(most=4096),
    "data.name": Text(),
    "data.dir": Folder(),
    "data.cache_dir": Folder(),
    "data.subjects": NumberList(),
    "data.seen_subjects": NumberList(),
    "data.unseen_subjects": NumberList(),
    "data.train_repetitions": NumberList(),
    "data.seen_tune_repetitions": NumberList(),
    "data.unseen_tune_repetitions": NumberList(),
    "data.test_repetitions": NumberList(words=(NO_REPETITIONS,)),
    "data.filter.highpass_hz": HERTZ,
    "data.filter.lowpass_hz": HERTZ,
    "data.filter.notch_hz": HERTZ,
    "data.synthetic.subjects": Whole(least=1, most=9999),
    "data.synthetic.movement_s": Real(least=2 * RAMP_S, most=3600),
    "data.synthetic.rest_s": Real(most=3600),
    "data.synthetic.seed": SEED,
}

_TRAINING = {
    "train.batch_size": COUNT,
    "train.max_steps": Whole(),
    "train.max_epochs": COUNT,
    "train.steps_per_dispatch": COUNT,
    "train.stop_after_epochs": Whole(),
    "train.stop_change": Real(),
    "train.shadow_noise": Real(),
    "train.mixtures": Real(most=1),
    "train.covariance_noise": Real(),
    "train.gain_sd": Real(),
    "train.label_smoothing": SHARE,
    "optimiser.schedule": Choice(SCHEDULES),
    "optimiser.clip_norm": Real(),
    "optimiser.learning_rate": RATE,
    "optimiser.l2": RATE,
    "optimiser.decoupled": YesNo(),
    "optimiser.fin.learning_rate": RATE,
    "optimiser.fin.l2": RATE,
    "optimiser.fin.layer_factors": Several(
        of=RATE, wanted="one factor of 0 or more for each LSTM layer, as 0,0.5,1", unset=True
    ),
    "optimiser.cnn.learning_rate": RATE,
    "optimiser.cnn.l2": RATE,
    "optimiser.patterns.learning_rate": RATE,
    "optimiser.patterns.l2": RATE,
    "log.every_steps": COUNT,
    "log.tensorboard": YesNo(),
    "checkpoint.every_steps": COUNT,
    "checkpoint.use": Checkpoint(),
    "evaluate.batch_size": COUNT,
    "evaluate.max_windows": Whole(),
    "evaluate.every_steps": Whole(),
}

_NETWORKS = {
    "model.hidden": WIDTH,
    "model.layers": WIDTH,
    "model.shadows": WIDTH,
    "model.patch_size": COUNT,
    "model.init": Choice(INITIALISATIONS),
    "model.precision": Choice(PRECISIONS),
    "cnn.filters": Several(of=WIDTH, wanted="2 whole numbers of 1 or more, as 64,32", length=2),
    "cnn.kernel": WIDTH,
    "cnn.dropout": SHARE,
    "cnn.shadows": WIDTH,
    "cnn.logit_norm": YesNo(),
    "cnn.read_out": Choice(("", *OWN_COVARIANCE)),
    "cnn.read_out_weight": Real(),
    "cnn.read_out_ridge": SHARE,
    "cnn.align": Choice(ALIGNMENTS),
    "patterns": Whole(most=1000),
}

_RECOGNITION = {
    "target": Text(),
    "features": Text(),
    "subject": NumberList(words=("all", "seen", "unseen")),
    "percentage": Real(most=100, meaning=PERCENTAGE),
    "percentage_how": Choice(WAYS),
    "validation_share": SHARE,
    "pooled": YesNo(),
    "classifier": Choice(CLASSIFIERS),
    "ridge": SHARE,
    "evaluate.vote": COUNT,
    "fine_tune.cnn_init": CNN_INIT,
    "fine_tune.cnn_step": Checkpoint(),
    "fine_tune.fins": FINS,
    "fine_tune.fin_init": Choice(FIN_INITS),
    "fine_tune.freeze": Choices(FREEZABLE),
    "fine_tune.recompute": YesNo(),
}

_MILLISECONDS = {"of": Real(most=3_600_000), "distinct": True}
_STUDY = {
    "fins": Text(),
    "within": Text(),
    "cross": Text(),
    "percentages": Several(of=Real(most=100), wanted="numbers from 0 to 100, each once, as 0,50,100", distinct=True),
    "horizon": Text(),
    "horizons": Several(wanted="milliseconds of 0 or more, each once, as 0,50,100", **_MILLISECONDS),
    "length": Text(),
    "lengths": Several(
        of=Real(above=0, most=3_600_000), wanted="milliseconds above 0, each once, as 150,300", distinct=True
    ),
    "baseline": Text(),
    "shown": Text(),
    "start": Text(),
}

_EVERYWHERE = _COMMON | _TRAINING | _NETWORKS | _RECOGNITION
# By stage, because some fields have another rule in one stage.
FIELDS: Mapping[str, Mapping[str, Rule]] = {
    "fin": _EVERYWHERE,
    "cnn": _EVERYWHERE,
    "fine_tune": _EVERYWHERE,
    "raw_cnn": {
        **_EVERYWHERE,
        "cnn.filters": Several(of=WIDTH, wanted="whole numbers of 1 or more, as 32,64,64"),
    },
    "classical": {
        **_EVERYWHERE,
        "percentage": Real(above=0, most=100, meaning=f"{PERCENTAGE} that a classical baseline is fitted to"),
    },
    "study": _EVERYWHERE | _STUDY,
}


def check_fields(config: ConfigDict) -> None:
    """Checks every field of a configuration; in a study, also the fields of its stages and methods.

    Raises:
        ConfigError: a value has the wrong type, is not finite, or is out of range (the message names the option), or
            a field of the stage is missing.
    """
    needed = (field for field in field_names(TEMPLATES[config.stage]()) if not field.startswith("methods."))
    if missing := sorted(set(needed) - set(field_names(config))):
        raise ConfigError(
            f"--config.stage={config.stage}: the configuration lacks {', '.join(missing[:3])}, which this stage needs: "
            f"start from --config={config.stage}"
        )
    for field, stage, own in leaves(config):
        if rule := FIELDS[stage].get(own):
            check(rule, _value(config, field), option=option_of(field))


def leaves(config: ConfigDict) -> Iterator[tuple[str, str, str]]:
    """Yields each field of a configuration, the stage that it belongs to, and its name within that stage.

    The two names differ in a study: `methods.fin_cnn.cnn.dropout` is `cnn.dropout` of stage `fine_tune`.
    """
    for field in field_names(config):
        first, *rest = field.split(".")
        if config.stage == "study" and first in FIELDS and isinstance(config[first], ConfigDict):
            yield field, first, ".".join(rest)
        elif config.stage == "study" and first == "methods" and len(rest) > 1:
            stage = config.methods[rest[0]].get("stage")
            yield field, stage if rest[1:] != ["start"] and stage in FIELDS else "study", ".".join(rest[1:])
        else:
            yield field, config.stage, field


def field_names(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """Yields the dotted names of all fields of a configuration."""
    for name in config:
        value = config.get(name)
        if isinstance(value, ConfigDict):
            yield from field_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _value(config: ConfigDict, field: str) -> Any:
    for name in field.split("."):
        config = config[name]
    return config
