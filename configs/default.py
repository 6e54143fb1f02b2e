"""Every field of the configuration, once. The files beside this one override a handful each."""

from ml_collections import ConfigDict, config_dict


def get_config(target: str, preset: str | None = None) -> ConfigDict:
    """Returns the configuration of FIN training.

    Args:
        target: name of the feature to imitate.
        preset: `None`, `"paper"`, `"fast"` or `"test"`.
    """
    presets = {None: _default, "paper": _paper, "fast": _fast, "test": _test}
    if preset not in presets:
        raise ValueError(f"unknown preset {preset!r}; known are {', '.join(filter(None, presets))}, or none")
    config = _all_fields(target)
    config.preset = preset or ""
    presets[preset](config)
    return config


def _all_fields(target: str) -> ConfigDict:
    config = ConfigDict()
    config.stage = "fin"  # what main.py runs
    config.preset = ""  # part of the default name of the working directory
    config.target = target  # feature to imitate: any registered one
    config.prediction = (0,)  # window steps ahead to predict; several train one FIN each
    config.window = "300ms"  # or samples at the dataset's rate, as "600"
    config.step = "10ms"  # from one window to the next, likewise
    config.limit_sd = 15.0  # z-scored samples beyond are artefacts, and held there; 0: no limit
    config.seed = 0
    config.cpu_devices = 0  # devices to split the CPU into; 0: as many as there are cores and the batch divides into
    config.plugins = ""  # modules to import first, comma-separated: your own datasets and features

    data = config.data = ConfigDict()
    data.name = "synthetic"  # a registered dataset
    data.dir = ""  # folder of its files, searched to any depth
    data.cache_dir = ""  # where read recordings are kept; empty: $FINJAX_CACHE_DIR or ~/.cache/finjax
    data.subjects = ""  # number lists, as "1-25" or "1,3,4"; empty: all there are
    data.seen_subjects = ""  # these four: empty means the dataset's own
    data.unseen_subjects = ""
    data.train_repetitions = ""
    data.test_repetitions = ""
    data.filter = ConfigDict()  # zero-phase; unset: the dataset's own, 0: off
    data.filter.highpass_hz = config_dict.placeholder(float)
    data.filter.lowpass_hz = config_dict.placeholder(float)
    data.filter.notch_hz = config_dict.placeholder(float)
    data.synthetic = ConfigDict()  # of the synthetic dataset only
    data.synthetic.subjects = 6
    data.synthetic.movement_s = 4.0
    data.synthetic.rest_s = 1.0
    data.synthetic.seed = 0

    model = config.model = ConfigDict()
    model.hidden = 32  # LSTM width of each direction
    model.layers = 3
    model.shadows = 12  # outputs: the feature and 11 noisy copies
    model.patch_size = 1  # samples per time step
    model.init = "chrono"  # long memory, or "uniform" as in the paper

    train = config.train = ConfigDict()
    train.batch_size = 64  # windows of one channel
    train.max_steps = 800  # 0: as many as the epochs have
    train.max_epochs = 60
    train.steps_per_dispatch = 1  # more save the host's time where steps are short
    train.shadow_noise = 0.01  # relative to the value
    train.stop_after_epochs = 15  # that moved the training loss less than …; 0: never
    train.stop_change = 0.005

    optimiser = config.optimiser = ConfigDict()
    optimiser.learning_rate = 3e-3
    optimiser.schedule = "cosine"  # to 0 at the last step, or "constant"
    optimiser.l2 = 0.0  # coupled, as torch's Adam(weight_decay)
    optimiser.clip_norm = 1.0  # of the whole gradient; 0: off

    config.log = ConfigDict()
    config.log.every_steps = 20
    config.log.tensorboard = True

    config.checkpoint = ConfigDict()
    config.checkpoint.every_steps = 100
    config.checkpoint.use = "latest"  # for the evaluation; or "best", by training loss

    evaluate = config.evaluate = ConfigDict()
    evaluate.batch_size = 512  # windows of one channel
    evaluate.max_windows = 500  # of each part of the test set, evenly spaced over it; 0: all
    evaluate.every_steps = 0  # also during training, to watch; nothing is chosen by it
    return config


def _default(config: ConfigDict) -> None:
    """The paper's network with long-memory initialisation, in six minutes on two CPU cores."""


def _paper(config: ConfigDict) -> None:
    """Every hyper-parameter of the published code, on Ninapro DB2."""
    config.data.name = "ninapro_db2"
    config.limit_sd = 0.0
    config.model.init = "uniform"
    config.train.batch_size = 4000
    config.train.max_steps = 0
    config.optimiser.learning_rate = 1e-3
    config.optimiser.schedule = "constant"
    config.optimiser.l2 = 2e-5
    config.optimiser.clip_norm = 0.0
    config.evaluate.batch_size = 4000
    config.evaluate.max_windows = 0


def _fast(config: ConfigDict) -> None:
    """Ten samples per time step, and larger batches: many times as fast per window."""
    config.model.patch_size = 10
    config.train.batch_size = 256
    config.train.max_steps = 3000
    config.train.steps_per_dispatch = 5
    config.evaluate.batch_size = 2048
    config.evaluate.max_windows = 0


def _test(config: ConfigDict) -> None:
    """Seconds: shows that everything works, not how well."""
    config.data.synthetic.subjects = 2
    config.data.synthetic.movement_s = 1.0
    config.data.synthetic.rest_s = 0.0
    config.data.seen_subjects = "1"
    config.model.hidden = 8
    config.model.patch_size = 30
    config.train.max_steps = 20
    config.log.every_steps = 5
    config.checkpoint.every_steps = 10
    config.evaluate.max_windows = 50
