"""FINs of the paper's four features, one after the other, to runs/fin_rms, runs/fin_var, … (paper, section II).

python main.py --config=configs/fin.py:coarse
python main.py --config=configs/fin.py:best --config.data.name=three_dc --config.data.dir=...
"""

from ml_collections import ConfigDict

from finjax.configs import default


def get_config(preset: str | None = None, *, target: str = "") -> ConfigDict:
    """Returns the configuration; presets are `best`, `coarse`, `fast`, `paper`, `spatial` and `test`.

    Example:
        >>> config = get_config("fast", target="ssi")
        >>> config.window, config.model.patch_size, config.train.batch_size
        ('300ms', 10, 256)
    """
    target = target or (default.BEST_FEATURES if preset in ("best", "spatial") else default.PAPER_FEATURES)
    presets = {
        None: None, "best": _best, "coarse": _coarse, "fast": _fast, "paper": _paper, "spatial": _spatial,
        "test": _test,
    }  # fmt: skip
    return default.chosen(default.fin(target), preset, presets)


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
    config.train.steps_per_dispatch = 20
    config.log.every_steps = 100  # steps take milliseconds
    config.checkpoint.every_steps = 1000
    config.evaluate.batch_size = 2048
    config.evaluate.max_windows = 0


def _test(config: ConfigDict) -> None:
    """Seconds: shows that everything works, not how well."""
    default.tiny_data(config)
    config.model.hidden = 8
    config.model.patch_size = 30
    config.train.max_steps = 20
    config.log.every_steps = 5
    config.checkpoint.every_steps = 10
    config.evaluate.max_windows = 50


def _coarse(config: ConfigDict) -> None:
    """Thirty samples per time step: a minute a feature on two CPU cores."""
    _fast(config)
    config.model.patch_size = 30
    config.train.max_steps = 1500
    config.evaluate.max_windows = 2000


def _best(config: ConfigDict) -> None:
    """Four times as many steps, on the features of `fine_tune.py:best`: their differences tell movements apart."""
    _coarse(config)
    config.train.max_steps = 6000


def _spatial(config: ConfigDict) -> None:
    """As `best`, for virtual channels: smaller networks, half of whose examples are mixtures of the channels."""
    _best(config)
    config.model.hidden = 16
    config.train.mixtures = 0.5
