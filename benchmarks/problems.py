"""Training steps and predictions of finjax on random signals, set up as in the stages."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from finjax.configs import fin_ssi, fine_tune
from finjax.configs.build import build_decoder, stage_optimiser
from finjax.configs.parsing import parse
from finjax.configs.settings import FineTuneStage, FINStage
from finjax.data.gather import WindowData
from finjax.devices import parallel
from finjax.models.decoders import FINDecoder
from finjax.models.fin import build_fin
from finjax.training.losses import DecoderData, DecoderLoss, FINData, FINLoss
from finjax.training.optimiser import Optimiser, build_optimiser
from finjax.training.predict import decoded_logits, imitated_features
from finjax.training.step import Loss, compiled_train_steps, create_state

SAMPLES = 100_000
CLASSES = 17
FEATURES = ("rms", "var", "ssi", "ent")


def signals(*, windows: int, channels: int, length: int) -> WindowData:
    """Returns random windows of a random signal."""
    rng = np.random.default_rng(0)
    return WindowData(
        samples=rng.standard_normal((channels, SAMPLES), np.float32),
        mean=np.zeros((1, channels), np.float32),
        std=np.ones((1, channels), np.float32),
        limit=np.float32(15.0),
        start=rng.integers(0, SAMPLES - length, windows).astype(np.int32),
        subject=np.zeros(windows, np.int32),
    )


def fin_training(*, batch: int, length: int = 600, patch: int = 1) -> Callable[[], None]:
    """Returns a function that does one training step of a FIN."""
    settings = _fin_settings(patch)
    network = build_fin(settings.model)
    params = network.init(jax.random.key(0), np.zeros((1, length), np.float32))["params"]
    target = jnp.asarray(np.random.default_rng(1).standard_normal((batch, 1), np.float32))
    return _training(
        FINLoss(network=network, length=length, noise=settings.train.shadow_noise),
        build_optimiser(settings.optimiser),
        params,
        {},
        FINData(windows=signals(windows=batch, channels=1, length=length), target=target),
        batch=batch,
        tile=parallel.tile_size(parallel.share_size(batch)),
    )


def fin_inference(*, batch: int, length: int = 600, patch: int = 1) -> Callable[[], np.ndarray]:
    """Returns a function that computes the features of windows as in the evaluation, from host to host."""
    settings = _fin_settings(patch)
    network = build_fin(settings.model)
    params = network.init(jax.random.key(0), np.zeros((1, length), np.float32))["params"]
    data = parallel.replicate(signals(windows=batch, channels=1, length=length))
    return lambda: imitated_features(network, params, data, windows=batch, length=length, batch_size=batch)


def _fin_settings(patch: int) -> FINStage:
    config = fin_ssi.get_config()
    config.model.patch_size = patch
    settings = parse(config)
    assert isinstance(settings, FINStage)
    return settings


def _joint_settings(patch: int) -> FineTuneStage:
    config = fine_tune.get_config("paper")
    config.model.patch_size = patch
    settings = parse(config)
    assert isinstance(settings, FineTuneStage)
    return settings


def _joint(
    settings: FineTuneStage, *, windows: int, channels: int, length: int, features: Sequence[str]
) -> tuple[FINDecoder, dict, Any]:
    """Returns a FIN decoder, its parameters and its statistics."""
    share = parallel.share_size(windows)
    decoder = build_decoder(
        settings, features=features, channels=channels, classes=CLASSES, length=length, batch_size=share
    )
    assert isinstance(decoder, FINDecoder)
    cnn, stats = decoder.init_cnn(jax.random.key(1), channels=channels)
    return decoder, {"fins": decoder.init_fins(jax.random.key(0)), "cnn": cnn}, stats


def joint_training(
    *, windows: int, channels: int = 12, length: int = 600, patch: int = 1, features: Sequence[str] = FEATURES
) -> Callable[[], None]:
    """Returns a function that does one step of fine-tuning FINs and CNN."""
    settings = _joint_settings(patch)
    decoder, params, stats = _joint(settings, windows=windows, channels=channels, length=length, features=features)
    movement = jnp.asarray(np.random.default_rng(1).integers(0, CLASSES, windows).astype(np.int32))
    return _training(
        DecoderLoss(decoder=decoder, label_smoothing=0.0),
        stage_optimiser(settings),
        params,
        stats,
        DecoderData(inputs=signals(windows=windows, channels=channels, length=length), movement=movement),
        batch=windows,
        tile=parallel.share_size(windows),
    )


def joint_inference(*, windows: int, patch: int = 1, batch_size: int = 512) -> Callable[[], np.ndarray]:
    """Returns a function that decodes windows as in the evaluation, from host to host."""
    decoder, params, stats = _joint(_joint_settings(patch), windows=windows, channels=12, length=600, features=FEATURES)
    data = parallel.replicate(signals(windows=windows, channels=12, length=600))
    size = min(batch_size, windows)
    return lambda: decoded_logits(decoder, params, stats, data, windows=windows, batch_size=size)


def _training(
    loss: Loss, optimiser: Optimiser, params: Any, stats: Any, data: Any, *, batch: int, tile: int
) -> Callable[[], None]:
    state = parallel.replicate(create_state(params, stats, optimiser))
    data = parallel.replicate(data)
    examples = parallel.share(np.arange(batch, dtype=np.int32)[None], axis=1)
    factors = parallel.replicate(np.ones(1, np.float32))
    steps = compiled_train_steps(loss, optimiser, seed=0, tile=tile)

    def step() -> None:
        nonlocal state
        state, metrics = steps(state, data, examples, factors)
        jax.block_until_ready((state, metrics))

    return step
