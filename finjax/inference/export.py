"""Exports a trained model to one file that runs without flax, orbax or the run it came from.

    finjax export runs/fine_tune/subject_1 model.finjax

`finjax.load("model.finjax")` loads the file: the program (StableHLO, compiled for each of the platforms), the
normalisers, the names and the configuration.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import jax
import numpy as np
from jax import export

from finjax.devices.defaults import with_defaults
from finjax.errors import ConfigError, FinjaxError, add_debug_option, print_error
from finjax.inference.exported import MISSING, ExportedModel, load_exported, write_exported
from finjax.inference.model import DecoderModel, FINModel
from finjax.inference.restored import load
from finjax.system.console import any_terminal
from finjax.system.files import expanded
from finjax.system.paths import refuse_url

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
DEFAULT_PLATFORMS = ("cpu", "cuda", "tpu")


@with_defaults
def export_model(
    run: str | Path,
    path: str | Path,
    *,
    step: int | str = "latest",
    platforms: tuple[str, ...] = DEFAULT_PLATFORMS,
) -> ExportedModel:
    """Exports the model of a run; returns the exported model, loaded from the file.

    Args:
        run: working directory of the run, as for `finjax.load`.
        path: the file to write.
        step: checkpoint to export.
        platforms: devices to compile for, among `PLATFORMS`.

    Raises:
        CheckpointError: the run has no usable model.
        ConfigError: a platform is unknown.
        FinjaxError: flatbuffers is not installed.

    Example:
        >>> model = export_model("runs/cnn/subject_1", "model.finjax")
        >>> model.movement_names[:2]
        ('movement 1', 'movement 2')
    """
    refuse_url(path, option="FILE")
    if unknown := set(platforms) - set(PLATFORMS):
        raise ConfigError(f"--platforms: unknown {', '.join(sorted(unknown))}; choose from {', '.join(PLATFORMS)}")
    model = load(run, step=step)
    if isinstance(model, FINModel):
        forward, shape = model.forward, f"b, {model.framing.length}"
        names = {"kind": "fin", "target": model.target, "channel_names": (), "movement_names": ()}
    else:
        assert isinstance(model, DecoderModel)
        forward, shape = model.forward, f"b, {len(model.channel_names)}, {model.framing.length}"
        names = {
            "kind": model.kind, "target": "", "channel_names": model.channel_names,
            "movement_names": model.movement_names,
        }  # fmt: skip
    windows = jax.ShapeDtypeStruct(export.symbolic_shape(shape), np.float32)
    try:
        program = export.export(jax.jit(forward), platforms=platforms)(windows).serialize()
    except ImportError as error:
        raise FinjaxError(MISSING) from error
    description = {
        **names,
        "config": dict(model.config.record),
        "rate_hz": model.rate_hz,
        "dataset": model.dataset,
        "unit": model.unit,
        "length": model.framing.length,
        "horizon_ms": model.horizon_ms,
        "subjects": np.asarray(model.signal.subjects).tolist(),
        "platforms": platforms,
    }
    signal = {field.name: np.asarray(getattr(model.signal, field.name)) for field in dataclasses.fields(model.signal)}
    del signal["subjects"]
    path = expanded(path)
    write_exported(path, description=description, program=bytes(program), arrays=signal)
    return load_exported(path)


@any_terminal()
def main(arguments: list[str] | None = None, *, prog: str = "python -m finjax.inference.export") -> int:
    """Exports a model; reports an expected error in one message. Returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", help="folder of a trained model, such as runs/fin_ssi or runs/fine_tune/subject_1")
    parser.add_argument("file", help="file to write, such as model.finjax")
    parser.add_argument("--step", default="latest", help="checkpoint to export: latest, best or a number")
    parser.add_argument("--platforms", default=",".join(DEFAULT_PLATFORMS), help="platforms, comma-separated")
    add_debug_option(parser)
    options = parser.parse_args(arguments)
    step = int(options.step) if options.step.isdigit() else options.step
    try:
        model = export_model(options.run, options.file, step=step, platforms=tuple(options.platforms.split(",")))
    except FinjaxError as error:
        return print_error(error, debug=options.debug)
    size = expanded(options.file).stat().st_size / 1024**2
    print(f"{options.file}: {model.kind}, {size:.1f} MiB, for {', '.join(model.platforms)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
