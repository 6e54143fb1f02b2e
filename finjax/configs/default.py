"""Every field of the configuration with its default, once. The files beside this one override a handful each."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, config_dict

from finjax.errors import ConfigError

PAPER_FEATURES = "rms,var,ssi,ent"
BEST_FEATURES = "logstd,logstd_d1,logstd_d2,smyop"  # for FINs to imitate, chosen by validation on 3DC


def chosen(config: ConfigDict, preset: str | None, presets: Mapping[Any, Any]) -> ConfigDict:
    """Applies a preset, such as `fast` in `configs/fin_ssi.py:fast`, and returns the configuration."""
    if preset not in presets:
        raise ConfigError(f"unknown preset {preset!r}; known are {', '.join(filter(None, presets))}, or none")
    config.preset = preset or ""
    if presets[preset]:
        presets[preset](config)
    return config


def common(stage: str) -> ConfigDict:
    """Returns the fields that every stage has."""
    config = ConfigDict()
    config.stage = stage  # what main.py runs
    config.preset = ""  # part of the default name of the working directory
    config.prediction = (0,)  # window steps ahead to predict; several train one model each
    config.window = "300ms"  # or samples at the dataset's rate, as "600"
    config.step = "10ms"  # from one window to the next, likewise
    # Samples that give a person's z-score. "used": those of the windows that the model may be fitted to; a person
    # without such windows gets the mean over the people that the model was trained on. "unlabelled": all samples of
    # the person outside the test repetitions. A FIN is also scored on people that it was not trained on.
    config.statistics = "unlabelled" if stage == "fin" else "used"
    config.limit_sd = 15.0  # clips z-scored samples: larger ones are artefacts; 0: no limit
    config.seed = 0
    config.plugins = ""  # modules to import first, comma-separated: your own datasets and features

    data = config.data = ConfigDict()
    data.name = "synthetic"  # a registered dataset
    data.dir = ""  # folder of its files, searched to any depth
    data.cache_dir = ""  # where read recordings are kept; empty: $FINJAX_CACHE_DIR or ~/.cache/finjax
    data.subjects = ""  # number lists, as "1-25" or "1,3,4"; empty: all there are
    data.seen_subjects = ""  # this and the next five: empty means the dataset's own
    data.unseen_subjects = ""
    data.train_repetitions = ""  # of FINs
    data.seen_tune_repetitions = ""  # of decoders for seen subjects
    data.unseen_tune_repetitions = ""  # of decoders for unseen subjects
    data.test_repetitions = ""  # or "none": trains without an evaluation
    data.filter = ConfigDict()  # zero-phase; unset: the dataset's own, 0: off
    data.filter.highpass_hz = config_dict.placeholder(float)
    data.filter.lowpass_hz = config_dict.placeholder(float)
    data.filter.notch_hz = config_dict.placeholder(float)
    data.synthetic = ConfigDict()  # of the synthetic dataset only
    data.synthetic.subjects = 6
    data.synthetic.movement_s = 4.0
    data.synthetic.rest_s = 1.0
    data.synthetic.seed = 0

    config.evaluate = ConfigDict()
    return config


def _training(config: ConfigDict) -> None:
    """Adds the fields of every stage that trains a network."""
    config.cpu_devices = 0  # devices to split the CPU into; 0: JAX_NUM_CPU_DEVICES, else as many as there are cores

    train = config.train = ConfigDict()
    train.batch_size = 64  # windows; of one channel for a FIN
    train.max_steps = 0  # 0: as many as the epochs have
    train.max_epochs = 60
    train.steps_per_dispatch = 1  # a larger number saves time on the host if steps are short
    train.stop_after_epochs = 0  # in a row that do not lower the validation loss; 0: never
    train.stop_change = 0.0  # without validation: smallest change of the training loss that counts

    optimiser = config.optimiser = ConfigDict()
    optimiser.schedule = "cosine"  # to 0 at the last step, or "constant"
    optimiser.clip_norm = 1.0  # of the whole gradient; 0: off

    config.log = ConfigDict()
    config.log.every_steps = 20
    config.log.tensorboard = True

    config.checkpoint = ConfigDict()
    config.checkpoint.every_steps = 100
    config.checkpoint.use = "latest"  # for the evaluation; or "best": lowest validation loss, or else training loss

    config.evaluate.batch_size = 512  # windows; of one channel for a FIN


def _fin_model(config: ConfigDict) -> None:
    """Adds the fields of the FIN's network."""
    model = config.model = ConfigDict()
    model.hidden = 32  # LSTM width of each direction
    model.layers = 3
    model.shadows = 12  # outputs: the feature and 11 noisy copies
    model.patch_size = 1  # samples per time step
    model.init = "chrono"  # long memory, or "uniform" as in the paper
    model.precision = "float32"  # of the products in LSTMs, or "bfloat16"; sums and states are float32


def fin(target: str) -> ConfigDict:
    """Returns the configuration of stage 1, FINs: six minutes for each feature on two CPU cores."""
    config = common("fin")
    config.target = target  # features to imitate: registered ones, comma-separated
    _training(config)
    _fin_model(config)
    config.train.max_steps = 800
    config.train.shadow_noise = 0.01  # relative to the value
    config.train.mixtures = 0.0  # share of the examples that are random mixtures of all channels
    config.train.stop_after_epochs = 15
    config.train.stop_change = 0.005
    config.optimiser.learning_rate = 3e-3
    config.optimiser.l2 = 0.0
    config.optimiser.decoupled = False  # weight decay is part of the gradient, as in torch's Adam; True: as in AdamW
    config.evaluate.max_windows = 500  # of each part of the test set, evenly spaced over it; 0: all
    config.evaluate.every_steps = 0  # also during training, for the log only; 0: never
    return config


def _decoder(stage: str) -> ConfigDict:
    """Returns the fields that every trained decoder of movements has."""
    config = _protocol(stage)
    _training(config)
    config.pooled = False  # one decoder for all subjects of `subject`, on their training and tuning repetitions
    config.train.label_smoothing = 0.0
    config.fine_tune = ConfigDict()
    config.fine_tune.cnn_init = ""  # run of a decoder to start from; fills in {subject} and {horizon}; empty: random
    config.fine_tune.cnn_step = "latest"  # or "best", or a number
    return config


def _protocol(stage: str) -> ConfigDict:
    """Returns the fields of every stage that recognises movements."""
    config = common(stage)
    config.step = "50ms"
    config.subject = "all"  # subjects to recognise: a number list, all, seen or unseen
    config.percentage = 100.0  # of the tuning windows of each movement; 0: zero-shot
    config.percentage_how = "leading"  # the first in time, or "random" ones
    config.validation_share = 0.2  # of each movement's tuning windows, the last in time; 0: no validation
    config.features = PAPER_FEATURES
    config.evaluate.vote = 1  # also score a majority vote over this number of last decisions
    return config


def _cnn_network(config: ConfigDict) -> None:
    """Adds the fields of the CNN on features."""
    cnn = config.cnn = ConfigDict()
    cnn.filters = (64, 32)  # of the first and second convolution
    cnn.kernel = 5  # rows and columns
    cnn.dropout = 0.3
    cnn.shadows = 12  # the feature and 11 noisy copies
    cnn.logit_norm = True  # BatchNorm and PReLU after the last convolution, as in the paper
    cnn.read_out = ""  # "lda" or "rda" beside the CNN, on the same features: its log-probabilities are added
    cnn.read_out_weight = 0.25  # of these log-probabilities
    cnn.read_out_ridge = 0.0  # share of a multiple of the identity in its covariance within movements
    cnn.align = ""  # to people new to a decoder: "shift" their features to its mean, "turn" the ring of electrodes too
    config.patterns = 0  # for each movement, virtual channels beside the channels; 0: none
    config.optimiser.patterns = ConfigDict({"learning_rate": 3e-3, "l2": 0.0})
    config.train.covariance_noise = 0.0  # added to the features, in units of their spread within movements


def cnn() -> ConfigDict:
    """Returns the configuration of stage 2, a CNN on closed-form features."""
    config = _decoder("cnn")
    _cnn_network(config)
    config.train.batch_size = 300
    config.train.max_epochs = 12
    config.train.shadow_noise = 0.01
    config.optimiser.learning_rate = 1e-2
    config.optimiser.l2 = 3e-5
    config.optimiser.decoupled = True
    return config


def raw_cnn() -> ConfigDict:
    """Returns the configuration of the end-to-end baseline, a CNN on the samples."""
    config = _decoder("raw_cnn")
    del config.features
    cnn = config.cnn = ConfigDict()
    cnn.filters = (32, 64, 64)  # of each convolution over time
    cnn.kernel = 9  # samples
    cnn.dropout = 0.3
    config.train.batch_size = 100
    config.train.max_epochs = 40
    config.train.gain_sd = 0.0
    config.optimiser.learning_rate = 3e-3
    config.optimiser.l2 = 1e-3
    config.optimiser.decoupled = True
    return config


def fine_tune() -> ConfigDict:
    """Returns the configuration of stage 3, FINs and CNN tuned together."""
    config = _decoder("fine_tune")
    _fin_model(config)
    config.model.patch_size = 30
    _cnn_network(config)
    del config.cnn.shadows  # the CNN takes all shadows that the FINs give
    config.train.batch_size = 126
    config.train.max_steps = 60
    config.train.gain_sd = 0.0  # each step multiplies each window by a new exp(N(0, gain_sd²))
    config.fine_tune.cnn_init = "runs/cnn/subject_{subject}"
    config.fine_tune.fins = "runs/fin_{feature}_coarse"  # runs of the FINs; fills in {feature}, {horizon}
    config.fine_tune.fin_init = "pretrained"  # or "random", or "decoder": the FINs of the decoder in cnn_init
    config.fine_tune.freeze = ""  # comma-separated: fins (all), head (of FINs), cnn (no dropout either), patterns
    config.fine_tune.recompute = True  # the FINs' states in the backward pass, rather than keep them all
    config.optimiser.clip_norm = 0.0
    config.optimiser.fin = ConfigDict({"learning_rate": 1e-3, "l2": 2e-5})
    config.optimiser.fin.layer_factors = config_dict.placeholder(tuple)  # of the learning rate, by LSTM layer
    config.optimiser.cnn = ConfigDict({"learning_rate": 1e-2, "l2": 2e-4})
    return config


def classical() -> ConfigDict:
    """Returns the configuration of the classical baselines: LDA or SVM on hand-made features."""
    config = _protocol("classical")
    config.classifier = "lda"  # or "rda", "svm", "tangent", "mdm"
    config.ridge = 0.0  # of LDA and RDA: share of a multiple of the identity in the covariance within movements
    config.features = "logstd"  # a set of `finjax.models.classical.FEATURE_SETS`, or features, comma-separated
    return config


def best_features(config: ConfigDict) -> None:
    """Logarithmic features, noise with their covariance, and a read-out beside the CNN, chosen by validation on 3DC."""
    config.features = BEST_FEATURES
    config.validation_share = 0.0
    config.train.covariance_noise = 1.0
    config.cnn.read_out = "rda"


def virtual_channels(config: ConfigDict) -> None:
    """Four patterns for each movement, chosen by validation on 3DC."""
    config.patterns = 4
    config.cnn.kernel = 1000  # the first convolution sees all virtual channels: they have no order
    config.cnn.align = "shift"
    config.cnn.read_out_ridge = 0.02
    config.cnn.read_out_weight = 0.5


def published_protocol(config: ConfigDict) -> None:
    """Ninapro DB2 as in the published code: windows every 10 ms, constant rates, no validation, no limiter."""
    config.data.name = "ninapro_db2"
    config.step = "10ms"
    config.limit_sd = 0.0
    config.percentage_how = "random"
    config.validation_share = 0.0
    config.optimiser.schedule = "constant"
    config.optimiser.clip_norm = 0.0


def tiny_data(config: ConfigDict) -> None:
    """Two subjects and a second of each movement."""
    config.data.synthetic.subjects = 2
    config.data.synthetic.movement_s = 1.0
    config.data.synthetic.rest_s = 0.0
    config.data.seen_subjects = "1"


def tiny(config: ConfigDict) -> None:
    """Two subjects, a second of each movement, and small batches."""
    tiny_data(config)
    config.train.batch_size = 64
