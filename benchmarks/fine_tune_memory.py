"""Peak memory of a fine-tuning step of the paper's size: 250 windows × 600 samples through 48 LSTM networks.

python -m benchmarks.fine_tune_memory [--windows=250]
"""

import argparse
import resource
import time

import jax
import numpy as np

from configs import fine_tune
from finjax.data.gather import WindowData
from finjax.tasks.decoder import optimiser_of
from finjax.training import parallel
from finjax.training.build import build_decoder
from finjax.training.losses import DecoderData, DecoderLoss
from finjax.training.step import compiled_train_steps, create_state

CHANNELS, CLASSES, LENGTH, SUBJECT_SAMPLES = 12, 17, 600, 1_800_000
FEATURES = ("rms", "var", "ssi", "ent")


def main() -> None:
    """Takes two steps, the first with its compilation, and prints what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=250, help="in the batch")
    windows = parser.parse_args().windows
    parallel.use_cpu_devices(0, batch_size=windows)
    config = fine_tune.get_config("paper")
    share = windows // parallel.device_count()
    decoder = build_decoder(
        config, features=FEATURES, channels=CHANNELS, classes=CLASSES, length=LENGTH, batch_size=share
    )
    cnn, stats = decoder.init_cnn(jax.random.key(1), channels=CHANNELS)
    params = {"fins": decoder.init_fins(jax.random.key(0)), "cnn": cnn}
    rng = np.random.default_rng(0)
    data = DecoderData(
        inputs=WindowData(
            samples=rng.standard_normal((CHANNELS, SUBJECT_SAMPLES), np.float32),
            mean=np.zeros((1, CHANNELS), np.float32),
            std=np.ones((1, CHANNELS), np.float32),
            limit=np.float32(np.inf),
            start=rng.integers(0, SUBJECT_SAMPLES - LENGTH, windows).astype(np.int32),
            subject=np.zeros(windows, np.int32),
        ),
        movement=rng.integers(0, CLASSES, windows).astype(np.int32),
    )
    optimiser = optimiser_of(config)
    steps = compiled_train_steps(DecoderLoss(decoder=decoder, label_smoothing=0.0), optimiser, seed=0, tile=share)
    state = parallel.replicate(create_state(params, stats, optimiser))
    data = parallel.replicate(data)
    batch = parallel.share(np.arange(windows, dtype=np.int32)[None], axis=1)
    factors = parallel.replicate(np.ones(1, np.float32))
    for number in (1, 2):
        started = time.perf_counter()
        state, metrics = steps(state, data, batch, factors)
        loss = float(np.asarray(metrics["loss"])[0, 0]) / windows
        print(f"step {number}: {time.perf_counter() - started:.1f} s, loss {loss:.4f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{windows} windows × {len(FEATURES) * CHANNELS} LSTM networks × {LENGTH} samples on "
        f"{parallel.device_count()} {jax.default_backend()} devices, {decoder.tile} windows at a time on each: "
        f"peak resident memory {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
