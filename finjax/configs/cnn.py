"""Stage 2, a CNN on closed-form features, one for each subject (paper, section II).

python main.py --config=configs/cnn.py
python main.py --config=configs/cnn.py --config.subject=seen --config.pooled=True      # one for all seen subjects
python main.py --config=configs/cnn.py:best --config.data.name=three_dc --config.data.dir=...
"""

from ml_collections import ConfigDict

from finjax.configs import default


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; presets are `best`, `paper`, `spatial` and `test`."""
    presets = {None: None, "best": _best, "paper": _paper, "spatial": _spatial, "test": _test}
    return default.chosen(default.cnn(), preset, presets)


def _best(config: ConfigDict) -> None:
    """Features, noise and read-out as in `fine_tune.py:best`."""
    default.best_features(config)
    config.train.batch_size = 128
    config.train.max_epochs = 12
    config.optimiser.learning_rate = 1e-3
    config.optimiser.l2 = 0.0


def _spatial(config: ConfigDict) -> None:
    """As `best`, on virtual channels, which are trained with the CNN: see docs/concepts.md."""
    _best(config)
    default.virtual_channels(config)


def _paper(config: ConfigDict) -> None:
    """The hyper-parameters of the published code, on Ninapro DB2."""
    default.published_protocol(config)
    config.train.max_epochs = 30


def _test(config: ConfigDict) -> None:
    """Seconds: shows that everything works, not how well."""
    default.tiny(config)
    config.train.max_epochs = 2
