"""Stage 3, FINs and CNN tuned together to each subject (paper, section II).

python main.py --config=configs/fine_tune.py                     # after fin.py:coarse and cnn.py
python main.py --config=configs/fine_tune.py --config.fine_tune.fin_init=random        # to compare with random FINs
python main.py --config=configs/fine_tune.py:best --config.data.name=three_dc --config.data.dir=... \
    --config.fine_tune.fins=runs/fin_{feature}_best_three_dc \
    --config.fine_tune.cnn_init=runs/cnn_best_three_dc/subject_{subject}
"""

from ml_collections import ConfigDict

from finjax.configs import default


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; presets are `best`, `paper`, `spatial` and `test`."""
    presets = {None: None, "best": _best, "paper": _paper, "spatial": _spatial, "test": _test}
    return default.chosen(default.fine_tune(), preset, presets)


def _best(config: ConfigDict) -> None:
    """Chosen by validation on the tuning repetitions of 3DC; docs/results.md has the gain of each change."""
    default.best_features(config)
    config.train.batch_size = 128
    config.train.max_steps = 30
    config.fine_tune.cnn_init = "runs/cnn_best/subject_{subject}"
    config.fine_tune.fins = "runs/fin_{feature}_best"
    config.optimiser.cnn.learning_rate = 3e-4
    config.optimiser.cnn.l2 = 0.0
    config.optimiser.fin.learning_rate = 1e-4
    config.optimiser.fin.l2 = 0.0


def _spatial(config: ConfigDict) -> None:
    """As `best`, on virtual channels, from `cnn.py:spatial` and FINs of `fin.py:spatial`."""
    _best(config)
    default.virtual_channels(config)
    config.model.hidden = 16
    config.optimiser.patterns.learning_rate = 1e-4
    config.fine_tune.cnn_init = "runs/cnn_spatial/subject_{subject}"
    config.fine_tune.fins = "runs/fin_{feature}_spatial"


def _paper(config: ConfigDict) -> None:
    """The hyper-parameters of the published code, on Ninapro DB2, from FINs of `fin.py:paper`."""
    default.published_protocol(config)
    config.model.patch_size = 1
    config.model.init = "uniform"
    config.train.batch_size = 250
    config.train.max_steps = 0
    config.train.max_epochs = 10
    config.fine_tune.fins = "runs/fin_{feature}_paper_ninapro_db2"
    config.fine_tune.cnn_init = ""


def _test(config: ConfigDict) -> None:
    """Seconds: shows that everything works, not how well."""
    default.tiny(config)
    config.features = "rms,var"
    config.model.hidden = 8
    config.train.max_steps = 0
    config.train.max_epochs = 2
    config.fine_tune.fins = "runs/fin_{feature}_test"
    config.fine_tune.cnn_init = ""
