"""The study: FINs, and recognition within and across subjects, against percentage, horizon and window length.

python main.py --config=configs/study.py                                           a small study, on synthetic data
python main.py --config=configs/study.py:three_dc --config.data.dir=~/data/3dc
python main.py --config=configs/study.py:paper --config.data.dir=~/data/ninapro --shard=3/40    part 3 of 40
python main.py --config=configs/study.py --mode=evaluate                           the report of the finished runs

Run the same command again to continue with the runs that are left. `report/` in the folder of the study holds the
results.
"""

from ml_collections import ConfigDict

from finjax.configs import classical, cnn, default, fin, fine_tune, raw_cnn

# Of discriminants on features between channels: validation that leaves out one tuning repetition of 3DC chose it.
RIDGE = 0.01
# Fields that the study sets in each of its runs; the stages' settings in the study do not have them.
SET_BY_STUDY = (
    "stage", "preset", "prediction", "window", "step", "statistics", "limit_sd", "seed", "plugins", "data",
    "cpu_devices", "target", "subject", "percentage", "percentage_how", "pooled",
)  # fmt: skip


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; presets are `three_dc`, `three_dc_spatial`, `paper` and `test`."""
    presets = {
        None: _small, "three_dc": _three_dc, "three_dc_spatial": _three_dc_spatial, "paper": _paper, "test": _test,
    }  # fmt: skip
    return default.chosen(_study(), preset, presets)


def _study() -> ConfigDict:
    config = default.common("study")
    del config.prediction, config.evaluate
    config.step = "50ms"  # of decoders; for FINs: fin.step
    config.statistics = "used"  # of decoders; for FINs: fin.statistics
    config.cpu_devices = 0  # as in every stage; 0: limited by the smallest batch of all stages
    config.percentage_how = "leading"

    config.fins = default.PAPER_FEATURES  # FINs to report, besides those that the methods need
    config.within = "lda_paper,svm_paper,lda_hudgins,svm_hudgins,lda_logstd,svm_logstd,cnn,raw_cnn,fin_cnn"
    config.cross = "lda_logstd,cnn,fin_cnn,fin_cnn_random"  # of unseen subjects, from decoders of the seen ones
    config.percentages = (0, 20, 40, 60, 80, 100)  # of an unseen subject's tuning windows; 0: zero-shot
    config.horizon = "lda_logstd,cnn,fin_cnn"
    config.horizons = (0, 50, 100, 200, 300)  # ms
    config.length = "lda_logstd,cnn"
    config.lengths = (100, 150, 200, 250, 300, 400)  # ms, of windows
    config.baseline = "lda_logstd"  # method that every other one is compared with, in pairs; empty: none
    config.shown = "fin_cnn"  # method whose confusion matrix is drawn; empty: none

    config.fin = _settings(fin.get_config("coarse"))
    config.cnn = _settings(cnn.get_config())
    config.fine_tune = _settings(fine_tune.get_config())
    config.raw_cnn = _settings(raw_cnn.get_config())
    config.classical = _settings(classical.get_config())
    config.methods = _methods()
    return config


def _settings(config: ConfigDict) -> ConfigDict:
    """Returns a stage's settings without the fields that the study sets."""
    kept = ("step", "statistics") if config.stage == "fin" else ()
    for field in SET_BY_STUDY:
        if field in config and field not in kept:
            del config[field]
    if "fine_tune" in config:
        del config.fine_tune.cnn_init
    if "fins" in config.get("fine_tune", ()):
        del config.fine_tune.fins, config.model  # the study sets the FINs
    return config


def _methods() -> ConfigDict:
    """Returns the settings of each method that differ from its stage.

    A network whose `start` names another method starts from that method's decoder of the same subject.
    """
    methods = ConfigDict()
    for features in ("paper", "hudgins", "logstd"):
        for classifier in ("lda", "svm"):
            methods[f"{classifier}_{features}"] = {
                "stage": "classical", "classifier": classifier, "features": features,
            }  # fmt: skip
    methods.cnn = {"stage": "cnn", "start": ""}
    methods.raw_cnn = {"stage": "raw_cnn", "start": ""}
    methods.fin_cnn = {"stage": "fine_tune", "start": "cnn", "fine_tune": {"fin_init": "pretrained"}}
    methods.fin_cnn_random = {"stage": "fine_tune", "start": "cnn", "fine_tune": {"fin_init": "random"}}
    return methods


def _small(config: ConfigDict) -> None:
    """Minutes on two CPU cores: shows what a study looks like, not how well the methods do."""
    config.data.synthetic.subjects = 4
    config.data.synthetic.movement_s = 2.0
    config.data.synthetic.rest_s = 0.0
    config.data.seen_subjects = "1-2"
    config.within = "lda_paper,lda_logstd,svm_logstd,cnn,fin_cnn"
    config.cross = "cnn,fin_cnn"
    config.percentages = (0, 50, 100)
    config.horizon = "lda_logstd,fin_cnn"
    config.horizons = (0, 200)
    config.length = "lda_logstd"
    config.lengths = (150, 300)
    config.fin.train.max_steps = 400
    config.fin.train.batch_size = 64
    config.fin.evaluate.max_windows = 500
    config.cnn.train.max_epochs = 10
    config.fine_tune.train.max_steps = 30
    for stage in ("cnn", "fine_tune"):
        config[stage].features = "rms,ent"
        config[stage].train.batch_size = 64
    for stage in ("fin", "cnn", "fine_tune"):
        config[stage].log.tensorboard = False


def _three_dc(config: ConfigDict) -> None:
    """The whole study on the 3DC data, with the settings that validation chose, and with the paper's."""
    config.data.name = "three_dc"
    config.fins = ""
    config.within = (
        "lda_paper,svm_paper,lda_hudgins,svm_hudgins,lda_logstd,svm_logstd,lda_best,rda_best,lda_logcov,lda_spatial,"
        "rda_spatial,svm_spatial,cnn_paper,cnn,raw_cnn,fin_cnn,fin_cnn_paper"
    )
    config.horizon = "cnn,fin_cnn"
    config.horizons = (0, 100, 200, 300)
    config.length = "rda_best,cnn"
    config.fin = _settings(fin.get_config("best"))
    config.cnn = _settings(cnn.get_config("best"))
    config.fine_tune = _settings(fine_tune.get_config("best"))
    config.raw_cnn.train.max_epochs = 15
    published = {"features": default.PAPER_FEATURES, "cnn": {"read_out": ""}}
    plain = {"covariance_noise": 0.0}
    for classifier in ("lda", "rda"):
        config.methods[f"{classifier}_best"] = {
            "stage": "classical", "classifier": classifier, "features": config.cnn.features,
        }  # fmt: skip
    for classifier, features in (("lda", "logcov"), ("lda", "spatial"), ("rda", "spatial"), ("svm", "spatial")):
        config.methods[f"{classifier}_{features}"] = {
            "stage": "classical", "classifier": classifier, "features": features, "ridge": RIDGE,
        }  # fmt: skip
    for classifier in ("tangent", "mdm"):  # need pyRiemann: --config.within=tangent,mdm
        config.methods[classifier] = {"stage": "classical", "classifier": classifier, "features": "cov"}
    config.methods.cnn_paper = {
        "stage": "cnn", "start": "", **published, "train": {**plain, "batch_size": 300},
        "optimiser": {"learning_rate": 1e-2, "l2": 3e-5},
    }  # fmt: skip
    config.methods.fin_cnn_paper = {
        "stage": "fine_tune", "start": "cnn_paper", **published, "fine_tune": {"fin_init": "pretrained"},
        "train": {**plain, "batch_size": 250},
        "optimiser": {"fin": {"learning_rate": 1e-3, "l2": 2e-5}, "cnn": {"learning_rate": 1e-2, "l2": 2e-4}},
    }  # fmt: skip
    # Random FINs need more steps, and higher learning rates.
    config.methods.fin_cnn_random.train = {"max_steps": 60}
    config.methods.fin_cnn_random.optimiser = {"fin": {"learning_rate": 1e-3}, "cnn": {"learning_rate": 1e-3}}
    for stage in ("fin", "cnn", "fine_tune", "raw_cnn"):
        config[stage].log.tensorboard = False


def _three_dc_spatial(config: ConfigDict) -> None:
    """The decoders on virtual channels, beside classical baselines on covariances between channels, on 3DC."""
    _three_dc(config)
    config.within = "lda_logcov,lda_spatial,rda_spatial,cnn,fin_cnn"
    config.cross = "rda_spatial,cnn,fin_cnn"
    config.horizon = config.length = ""
    config.baseline = "rda_spatial"
    config.fin = _settings(fin.get_config("spatial"))
    config.cnn = _settings(cnn.get_config("spatial"))
    config.fine_tune = _settings(fine_tune.get_config("spatial"))
    for stage in ("fin", "cnn", "fine_tune"):
        config[stage].log.tensorboard = False


def _paper(config: ConfigDict) -> None:
    """The paper's study, with the hyper-parameters of the published code, on Ninapro DB2."""
    config.data.name = "ninapro_db2"
    config.limit_sd = 0.0
    config.step = "10ms"
    config.percentage_how = "random"
    config.within = "lda_paper,svm_paper,cnn,fin_cnn,fin_cnn_random"
    config.cross = "cnn,fin_cnn,fin_cnn_random"
    config.horizon = "fin_cnn"
    config.horizons = tuple(range(0, 301, 30))
    config.length = ""
    config.baseline = "fin_cnn_random"
    for stage, published in (("fin", fin), ("cnn", cnn), ("fine_tune", fine_tune)):
        config[stage] = _settings(published.get_config("paper"))
    config.methods.fin_cnn.start = config.methods.fin_cnn_random.start = ""


def _test(config: ConfigDict) -> None:
    """A minute or two: shows that everything works, not how well."""
    config.data.synthetic.subjects = 2
    config.data.synthetic.movement_s = 2.0
    config.data.synthetic.rest_s = 0.0
    config.data.seen_subjects = "1"
    # The same amount of data for everybody, so that runs share compiled programs: compiling takes most of the time.
    for part in ("train", "seen_tune", "unseen_tune"):
        config.data[f"{part}_repetitions"] = "6"
    config.within = "lda_logstd,cnn,fin_cnn"
    config.cross = "lda_logstd,fin_cnn"
    config.percentages = (0, 100)
    config.horizon = "lda_logstd,fin_cnn"
    config.horizons = (0, 50)
    config.length = "lda_logstd"
    config.lengths = (150, 300)
    config.fins = "rms"
    config.fin.model.hidden = 8
    config.fin.train.batch_size = 64
    config.fin.train.max_steps = 60
    config.fin.evaluate.max_windows = 50
    for stage in ("cnn", "fine_tune"):
        config[stage].features = "rms"
        config[stage].validation_share = 0.0
        config[stage].train.batch_size = 64
        config[stage].train.max_steps = 0
        config[stage].train.max_epochs = 4
    for stage in ("fin", "cnn", "fine_tune"):
        config[stage].log.tensorboard = False
