"""finjax: feature-imitating networks for hand movement recognition from surface EMG, in JAX and Flax.

`finjax.load("runs/fin_ssi")` restores a trained model for use from any script.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from finjax.system.files import expanded, reading_errors
from finjax.version import __version__

if TYPE_CHECKING:
    from finjax.inference.exported import ExportedModel
    from finjax.inference.model import DecoderModel, FINModel

__all__ = ["__version__", "load"]


def load(path: str | Path, *, step: int | str = "latest") -> "FINModel | DecoderModel | ExportedModel":
    """Loads a trained model.

    Args:
        path: working directory of a run, such as `runs/fin_ssi` or `runs/fine_tune/subject_1`, or a file that
            `finjax export` wrote; that one takes neither flax nor orbax.
        step: of a run, which checkpoint: a training step, `"latest"`, or `"best"` by validation loss, or by
            training loss where nothing was validated.

    Raises:
        CheckpointError: nothing usable is there.
        DeviceError: JAX has no devices.
        StorageError: the machine cannot read what is there.

    Example:
        >>> model = finjax.load("runs/cnn/subject_1")
        >>> windows = np.zeros((2, 12, 600), np.float32)  # [B, C, T], z-scored
        >>> model(windows).shape
        (2,)
    """
    with reading_errors(expanded(path)):
        exported = expanded(path).is_file()
    if exported:
        from finjax.inference.exported import load_exported

        return load_exported(expanded(path))
    from finjax.inference.restored import load

    return load(path, step=step)
