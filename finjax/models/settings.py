"""Typed settings of the networks."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class FINNetworkSettings:
    """The FIN's network: `config.model`.

    Attributes:
        hidden: width of the LSTM in each direction.
        layers: LSTM layers.
        shadows: outputs S: the feature and S − 1 noisy copies.
        patch_size: samples in a time step.
        init: `"chrono"` or `"uniform"`, see `finjax.models.fin`.
        precision: number format of the LSTMs' multiplications: `"float32"` or `"bfloat16"`.
    """

    hidden: int
    layers: int
    shadows: int
    patch_size: int
    init: str
    precision: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CNNSettings:
    """The CNN on the outputs of FINs: `config.cnn` of fine-tuning.

    Attributes:
        filters: numbers of filters of the two convolutions.
        kernel: largest number of rows and columns of a kernel.
        dropout: share of the features that dropout removes.
        logit_norm: whether BatchNorm and PReLU follow the last convolution.
        read_out: the discriminant beside the CNN, `"lda"` or `"rda"`; empty: none.
        read_out_weight: weight of the discriminant's log-probabilities.
        read_out_ridge: share of a multiple of the identity in the discriminant's covariance within movements.
        align: how the decoder is aligned with new people: `"shift"` or `"turn"`; empty: not.
    """

    filters: tuple[int, ...]
    kernel: int
    dropout: float
    logit_norm: bool
    read_out: str
    read_out_weight: float
    read_out_ridge: float
    align: str

    @property
    def weight(self) -> float:
        """Weight of the read-out, 0 if there is none."""
        return self.read_out_weight if self.read_out else 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureCNNSettings(CNNSettings):
    """The CNN on closed-form features: `config.cnn` of that stage.

    Attributes:
        shadows: number of columns S: the feature and S − 1 noisy copies.
    """

    shadows: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RawCNNSettings:
    """The CNN on the samples: `config.cnn` of the end-to-end baseline.

    Attributes:
        filters: numbers of filters of the convolutions over time.
        kernel: samples that each convolution covers.
        dropout: share of the features that dropout removes.
    """

    filters: tuple[int, ...]
    kernel: int
    dropout: float
