"""The networks of a `FINClassifier`."""

import dataclasses

from finjax.devices import parallel
from finjax.models.cnn import CNN
from finjax.models.decoders import DecoderNetwork, FeatureDecoder, FINDecoder, VirtualFeatureDecoder
from finjax.models.fin import FIN
from finjax.models.patterns import virtual_channels
from finjax.models.stack import FINStack

BATCH_SIZE = 128
SHADOW_NOISE = 0.01
READ_OUT_WEIGHT = 0.25
VIRTUAL_READ_OUT_WEIGHT = 0.5  # with virtual channels, as `configs/fine_tune.py:spatial`


@dataclasses.dataclass(frozen=True, kw_only=True)
class Networks:
    """The two decoders that are trained one after the other, with the same CNN.

    Attributes:
        fin: the network of each FIN.
        features: names of the features.
        channels: channels C.
        classes: classes K.
        length: samples T in a window.
        patterns: common spatial patterns of each class, as virtual channels; 0: none.
        read_out: whether there is a discriminant beside the CNN.
    """

    fin: FIN
    features: tuple[str, ...]
    channels: int
    classes: int
    length: int
    patterns: int
    read_out: bool

    @property
    def rows(self) -> int:
        """The number of channels, or of virtual ones, that features are computed of."""
        return virtual_channels(self.patterns, channels=self.channels, classes=self.classes)

    @property
    def cnn(self) -> CNN:
        """The CNN."""
        cnn = CNN(classes=self.classes, axis_name=parallel.AXIS)
        return cnn.clone(kernel=self.rows) if self.patterns else cnn  # virtual channels have no order

    @property
    def on_features(self) -> DecoderNetwork:
        """The CNN on closed-form features."""
        if not self.patterns:
            return FeatureDecoder(
                cnn=self.cnn, shadows=self.fin.shadows, noise=SHADOW_NOISE, features=len(self.features)
            )
        return VirtualFeatureDecoder(
            cnn=self.cnn, features=self.features, channels=self.rows, shadows=self.fin.shadows, length=self.length
        )

    @property
    def on_fins(self) -> FINDecoder:
        """FINs, and the CNN on what they give."""
        weight = VIRTUAL_READ_OUT_WEIGHT if self.patterns else READ_OUT_WEIGHT
        features = len(self.features)
        return FINDecoder(
            cnn=self.cnn,
            read_out_weight=weight if self.read_out else 0.0,
            fins=FINStack(fin=self.fin, features=features, channels=self.rows),
            length=self.length,
            tile=parallel.stack_tile(BATCH_SIZE, fins=features * self.rows),
        )
