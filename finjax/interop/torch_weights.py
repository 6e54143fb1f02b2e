"""Reads state dicts of the published PyTorch code, and arranges their weights as finjax does."""

import dataclasses
import itertools
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finjax.errors import CheckpointError, FinjaxError
from finjax.system.files import expanded

WRAPPERS = ("state_dict", "model_state_dict")  # the state dict may be one of these entries of the file
LANDMARKS = {"fin": "lstm.weight_ih_l0", "cnn": "conv1.weight"}
HOW_TO_SAVE = "torch.save(model.state_dict(), PATH)"
SAFE_TORCH = (2, 6)  # in older versions a file can run code even with `weights_only` (CVE-2025-32434)
LARGEST = 1 << 26  # numbers in a tensor: hundreds of times as many as in the paper's networks
SHOWN_NAMES = 4  # in a message

Weights = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A network of a torch file, as finjax arranges it.

    Attributes:
        kind: `"fin"` or `"cnn"`.
        params: parameters.
        stats: running statistics of BatchNorm; empty for a FIN.
        fields: its part of the configuration: `config.model` for a FIN, `config.cnn` for a CNN.
        made_for: numbers of movements, channels and features that a CNN is made for; empty for a FIN.
    """

    kind: str
    params: dict
    stats: dict = dataclasses.field(default_factory=dict)
    fields: dict[str, Any]
    made_for: dict[str, int] = dataclasses.field(default_factory=dict)


def read_state_dict(path: str | Path) -> Weights:
    """Returns the floating-point tensors of a state dict as float32, by torch's names.

    Raises:
        CheckpointError: the file is missing or damaged, is not a state dict, or holds more than tensors.
        FinjaxError: torch is not installed, or too old.
    """
    path = expanded(path)
    try:
        import torch
    except ImportError as error:
        raise FinjaxError(
            "PyTorch is needed to read a PyTorch checkpoint, and is not installed: pip install torch, or in a "
            "checkout pip install '.[interop]'"
        ) from error
    # TorchVersion compares with tuples.
    if torch.__version__ < SAFE_TORCH:  # pyright: ignore[reportOperatorIssue]
        raise FinjaxError(
            f"a file can make torch {torch.__version__} run code even when only tensors are read: "
            "pip install -U 'torch>=2.6'"
        )
    try:
        _refuse_bomb(path)
        content = torch.load(path, weights_only=True, map_location="cpu")
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(error.strerror or str(error)) from error
    except Exception as error:  # torch raises whatever its readers raise
        named = re.search(r"GLOBAL (\S+)", str(error))
        raise CheckpointError(
            f"it is damaged or holds more than tensors{f' (it names {named[1]})' if named else ''}, and finjax "
            f"runs no code from files: save the state dict alone with {HOW_TO_SAVE}"
        ) from error
    content = next((content[name] for name in WRAPPERS if isinstance(content, Mapping) and name in content), content)
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        held = _listed(content) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f"it holds {held}, but no state dict, not even as {' or '.join(WRAPPERS)}: save one with {HOW_TO_SAVE}"
        )
    # A small file can hold a huge tensor: a view that repeats one number.
    if huge := [name for name, tensor in content.items() if tensor.numel() > LARGEST]:
        raise CheckpointError(f"it holds more than {LARGEST} numbers in {_listed(huge)}: neither network has as many")
    # Integers are counters of BatchNorm, which are not needed.
    weights = {
        str(name): tensor.detach().to(torch.float32).numpy()
        for name, tensor in content.items()
        if tensor.is_floating_point() and tensor.layout == torch.strided
    }
    if broken := [name for name, array in weights.items() if not np.isfinite(array).all()]:
        raise CheckpointError(f"it holds numbers that are not finite, in {_listed(broken)}")
    return weights


def _refuse_bomb(path: Path) -> None:
    """Raises `CheckpointError` if a zip archive, such as torch's files, would unpack to more than any network."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > 8 * LARGEST:
            raise CheckpointError(f"it would unpack to {size} bytes: neither network is as large")


class Tensors:
    """The tensors of a state dict, taken one by one. Each must exist with the right shape, and none must be left."""

    def __init__(self, arrays: Weights):
        self._arrays = dict(arrays)
        self._given = ""  # shapes that the expected shapes follow from, for messages

    def sizes(self, name: str, *, ndim: int) -> tuple[int, ...]:
        """Returns the shape of a tensor from which the shapes of others follow."""
        shape = self._find(name).shape
        if len(shape) != ndim or 0 in shape:
            raise CheckpointError(f"{name} is {_by(shape)}, but must have {ndim} dimensions")
        self._given += f"{', ' if self._given else 'where '}{name} is {_by(shape)}"
        return shape

    def take(self, name: str, *shape: int) -> np.ndarray:
        """Removes and returns a tensor."""
        array = self._find(name)
        if array.shape != shape:
            raise CheckpointError(f"{name} is {_by(array.shape)}, but must be {_by(shape)} {self._given}")
        return self._arrays.pop(name)

    def refuse_rest(self, *, but: tuple[str, ...] = ()) -> None:
        """Raises `CheckpointError` if tensors are left that were not taken; those in `but` are allowed."""
        if rest := self._arrays.keys() - set(but):
            raise CheckpointError(f"it also holds {_listed(sorted(rest))}, which this network does not have")

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def _find(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise CheckpointError(f"it has no {name}; it holds {_listed(self._arrays)}")
        return self._arrays[name]


def convert(weights: Weights) -> Network:
    """Arranges the weights of a FIN or a CNN as finjax does; their names may share a prefix.

    Raises:
        CheckpointError: the weights belong to neither network.
    """
    found = [
        (kind, name.removesuffix(landmark))
        for kind, landmark in LANDMARKS.items()
        for name in weights
        if f".{name}".endswith(f".{landmark}")
    ]
    if len(found) != 1:
        raise CheckpointError(
            f"a FIN of the published code has one {LANDMARKS['fin']}, its CNN one {LANDMARKS['cnn']}; "
            f"this file has {len(found) or 'none'} of these, and holds {_listed(weights)}"
        )
    kind, prefix = found[0]
    try:
        tensors = Tensors({name.removeprefix(prefix): array for name, array in weights.items()})
        return {"fin": _fin, "cnn": _cnn}[kind](tensors)
    except CheckpointError as error:
        raise CheckpointError(f"this is not the published {kind.upper()}: {error}") from None


def _fin(tensors: Tensors) -> Network:
    """Arranges a FIN: LSTM layers with one input, and a head, `fc1`. Another dense layer, `fc`, is not used."""
    _, hidden = tensors.sizes("lstm.weight_hh_l0", ndim=2)
    shadows, _ = tensors.sizes("fc1.weight", ndim=2)
    layers = next(count for count in itertools.count() if f"lstm.weight_ih_l{count}" not in tensors)
    params = {}
    for layer in range(layers):
        forward, backward = (
            _direction(tensors, f"l{layer}{end}", hidden=hidden, inputs=2 * hidden if layer else 1)
            for end in ("", "_reverse")
        )
        # The head reads the final state of the last layer's backward direction; the forward one is not used.
        read = [backward] if layer == layers - 1 else [forward, backward]
        params[f"lstm_{layer}"] = {name: np.stack([direction[name] for direction in read]) for name in backward}
    params["head"] = {
        "kernel": tensors.take("fc1.weight", shadows, hidden).T,
        "bias": tensors.take("fc1.bias", shadows),
    }
    tensors.refuse_rest(but=("fc.weight", "fc.bias"))
    sizes = {"hidden": hidden, "layers": layers, "shadows": shadows, "patch_size": 1}
    fields = {**sizes, "init": "uniform", "precision": "float32"}
    return Network(kind="fin", params=params, fields=fields)


def _direction(tensors: Tensors, end: str, *, hidden: int, inputs: int) -> dict[str, np.ndarray]:
    """Returns the parameters of one direction of a layer; torch and finjax have the gates in the same order."""
    gates = 4 * hidden
    return {
        "kernel": tensors.take(f"lstm.weight_ih_{end}", gates, inputs).T,
        "recurrent": tensors.take(f"lstm.weight_hh_{end}", gates, hidden).T,
        "bias": tensors.take(f"lstm.bias_ih_{end}", gates) + tensors.take(f"lstm.bias_hh_{end}", gates),
    }


def _cnn(tensors: Tensors) -> Network:
    """Arranges a CNN: convolution, BatchNorm and PReLU with one slope, three times."""
    shapes = [tensors.sizes(f"conv{number}.weight", ndim=4) for number in (1, 2, 3)]
    filters, kernels = [shape[0] for shape in shapes], [shape[2:] for shape in shapes]
    features = inputs = shapes[0][1]
    params, stats = {}, {}
    for number, outputs, kernel in zip((1, 2, 3), filters, kernels, strict=True):
        convolution = tensors.take(f"conv{number}.weight", outputs, inputs, *kernel)
        params[f"conv_{number}"] = {
            "kernel": convolution.transpose(2, 3, 1, 0),  # [N, D, H, W] → [H, W, D, N]
            "bias": tensors.take(f"conv{number}.bias", outputs),
        }
        scale, bias, mean, var = (
            tensors.take(f"batchnorm{number}.{name}", outputs)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        slope = tensors.take(f"prelu{number}.weight", 1)[0]
        params[f"norm_{number}"] = {"batch": {"scale": scale, "bias": bias}, "prelu": {"negative_slope": slope}}
        stats[f"norm_{number}"] = {"batch": {"mean": mean, "var": var}}
        inputs = outputs
    tensors.refuse_rest()
    # There is no padding, and the last convolution covers all that the others leave.
    channels, shadows = (sum(sizes) - 2 for sizes in zip(*kernels, strict=True))
    fields = {
        "filters": tuple(filters[:2]),
        "kernel": _kernel_size(kernels, rows=channels, columns=shadows),
        "shadows": shadows,
        "logit_norm": True,
        "read_out": "",
        "read_out_weight": 0.25,
    }
    made_for = {"movements": filters[2], "channels": channels, "features": features}
    return Network(kind="cnn", params={"cnn": params}, stats=stats, fields=fields, made_for=made_for)


def _kernel_size(kernels: list[tuple[int, ...]], *, rows: int, columns: int) -> int:
    """Returns the kernel size of the first two convolutions; a kernel shrinks where its input is smaller."""
    size = max(*kernels[0], *kernels[1])
    for kernel in kernels[:2]:
        if kernel != (min(size, rows), min(size, columns)):
            sizes = ", ".join(map(_by, kernels))
            raise CheckpointError(f"its kernels are {sizes}; the first two must both be {size} × {size}")
        rows, columns = rows - kernel[0] + 1, columns - kernel[1] + 1
    return size


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"


def _listed(names: Iterable) -> str:
    """Returns the first of some names as text."""
    listed = list(map(str, names))
    more = [f"{len(listed) - SHOWN_NAMES} more"] if len(listed) > SHOWN_NAMES else []
    return ", ".join(listed[:SHOWN_NAMES] + more) or "nothing"
