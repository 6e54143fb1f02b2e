"""A decoder to try live decoding with: that of a synthetic person."""

import contextlib
from pathlib import Path

from finjax.errors import StorageError
from finjax.system.files import whats_wrong

DEMO = Path("runs/live_demo")


def demo_decoder() -> Path:
    """Returns the folder of a synthetic person's decoder, and trains the decoder if there is none yet."""
    from finjax.configs import cnn
    from finjax.run import run
    from finjax.training.checkpoints import has_checkpoint

    folder = DEMO / "subject_1"
    if not has_checkpoint(folder):
        print("tuning a decoder to a synthetic person: half a minute, once", flush=True)
        config = cnn.get_config("best")
        config.data.synthetic.subjects = 1
        config.data.seen_subjects = "1"
        config.train.max_epochs = 8
        config.log.tensorboard = False
        try:
            with contextlib.redirect_stdout(None):
                run(config, workdir=DEMO)
        except StorageError as error:
            raise StorageError(
                f"cannot write the demonstration to {DEMO.absolute()} ({whats_wrong(error.__cause__ or error)}). "
                "Start it in a folder that you can write to, or give the folder of a decoder"
            ) from error
    return folder
