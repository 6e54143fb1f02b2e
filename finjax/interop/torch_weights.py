"""The state dicts of the published PyTorch code, and their weights as finjax arranges them."""

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

WRAPPERS = ("state_dict", "model_state_dict")  # what a state dict may be an entry of
LANDMARKS = {"fin": "lstm.weight_ih_l0", "cnn": "conv1.weight"}
HOW_TO_SAVE = "torch.save(model.state_dict(), PATH)"
SAFE_TORCH = (2, 6)  # before, `weights_only` kept out less than it said (CVE-2025-32434)
LARGEST = 1 << 26  # numbers in a tensor: hundreds of times what either network of the paper has
SHOWN_NAMES = 4  # in a message

Weights = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A network of a torch file, as finjax arranges it.

    Attributes:
        kind: `"fin"` or `"cnn"`.
        params: parameters.
        stats: running statistics of BatchNorm, none of a FIN.
        fields: its part of the configuration: `config.model` of a FIN, `config.cnn` of a CNN.
        made_for: how many movements, channels and features a CNN is for; a FIN is for any.
    """

    kind: str
    params: dict
    stats: dict = dataclasses.field(default_factory=dict)
    fields: dict[str, Any]
    made_for: dict[str, int] = dataclasses.field(default_factory=dict)


def read_state_dict(path: str | Path) -> Weights:
    """Returns the floating-point tensors of a state dict, float32, by torch's names.

    Raises:
        CheckpointError: the file is missing, damaged, no state dict, or holds more than tensors.
        FinjaxError: torch is not installed, or too old.
    """
    try:
        import torch
    except ImportError as error:
        raise FinjaxError(
            "reading a PyTorch checkpoint takes PyTorch, which is not installed: pip install torch"
        ) from error
    if torch.__version__ < SAFE_TORCH:
        raise FinjaxError(
            f"torch {torch.__version__} can be made to run code even where it should read tensors alone: "
            "pip install -U 'torch>=2.6'"
        )
    path = expanded(path)
    try:
        _refuse_bomb(path)
        content = torch.load(path, weights_only=True, map_location="cpu")
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(error.strerror or str(error)) from error
    except Exception as error:  # torch lets through whatever its readers raised
        named = re.search(r"GLOBAL (\S+)", str(error))
        raise CheckpointError(
            f"it is damaged or holds more than tensors{f' (it names {named[1]})' if named else ''}, and finjax "
            f"runs no code of files: save the state dict alone, {HOW_TO_SAVE}"
        ) from error
    content = next((content[name] for name in WRAPPERS if isinstance(content, Mapping) and name in content), content)
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        held = _listed(content) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(
            f"it holds no state dict, nor one as {' or '.join(WRAPPERS)}, but {held}: save one with {HOW_TO_SAVE}"
        )
    # A view can repeat one number without end.
    if huge := [name for name, tensor in content.items() if tensor.numel() > LARGEST]:
        raise CheckpointError(f"it holds more than {LARGEST} numbers in {_listed(huge)}: neither network has as many")
    # Integers are counters of BatchNorm, which nothing here reads.
    weights = {
        str(name): tensor.detach().to(torch.float32).numpy()
        for name, tensor in content.items()
        if tensor.is_floating_point() and tensor.layout == torch.strided
    }
    if broken := [name for name, array in weights.items() if not np.isfinite(array).all()]:
        raise CheckpointError(f"it holds numbers that are not finite, in {_listed(broken)}")
    return weights


def _refuse_bomb(path: Path) -> None:
    """Raises `CheckpointError` where an archive, which torch's files are, would unpack to more than any network."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > 8 * LARGEST:
            raise CheckpointError(f"it would unpack to {size} bytes: neither network is as large")


class Tensors:
    """The tensors of a state dict, to be taken one by one: each must be there, of the right shape, and none be left."""

    def __init__(self, arrays: Weights):
        self._arrays = dict(arrays)
        self._given = ""

    def sizes(self, name: str, *, ndim: int) -> tuple[int, ...]:
        """Returns the shape of a tensor, on which those of others depend."""
        shape = self._find(name).shape
        if len(shape) != ndim or 0 in shape:
            raise CheckpointError(f"{name} is {_by(shape)}, where it must have {ndim} dimensions")
        self._given += f"{', ' if self._given else 'where '}{name} is {_by(shape)}"
        return shape

    def take(self, name: str, *shape: int) -> np.ndarray:
        """Removes and returns a tensor."""
        array = self._find(name)
        if array.shape != shape:
            raise CheckpointError(f"{name} is {_by(array.shape)}, and must be {_by(shape)} {self._given}")
        return self._arrays.pop(name)

    def refuse_rest(self, *, but: tuple[str, ...] = ()) -> None:
        """Raises `CheckpointError` where tensors were not taken, but for some that nothing reads."""
        if rest := self._arrays.keys() - set(but):
            raise CheckpointError(f"it holds {_listed(sorted(rest))} besides")

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def _find(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise CheckpointError(f"it lacks {name} and holds {_listed(self._arrays)}")
        return self._arrays[name]


def convert(weights: Weights) -> Network:
    """Arranges the weights of a FIN or a CNN as finjax's; all their names may have the same prefix.

    Raises:
        CheckpointError: they are neither network's.
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
            f"here are {len(found) or 'none'} of these, among {_listed(weights)}"
        )
    kind, prefix = found[0]
    try:
        tensors = Tensors({name.removeprefix(prefix): array for name, array in weights.items()})
        return {"fin": _fin, "cnn": _cnn}[kind](tensors)
    except CheckpointError as error:
        raise CheckpointError(f"this is not the published {kind.upper()}: {error}") from None


def _fin(tensors: Tensors) -> Network:
    """Arranges a FIN: LSTM layers with one input and a head, `fc1`; another dense layer, `fc`, feeds nothing."""
    _, hidden = tensors.sizes("lstm.weight_hh_l0", ndim=2)
    shadows, _ = tensors.sizes("fc1.weight", ndim=2)
    layers = next(count for count in itertools.count() if f"lstm.weight_ih_l{count}" not in tensors)
    params = {}
    for layer in range(layers):
        forward, backward = (
            _direction(tensors, f"l{layer}{end}", hidden=hidden, inputs=2 * hidden if layer else 1)
            for end in ("", "_reverse")
        )
        # Of the last layer, the head reads what the backward direction ends in, and nothing reads the other.
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
    """Returns the parameters of one direction of a layer; the gates are in the same order as ours."""
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
    # Without padding, the last convolution takes all that the others leave.
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
    """Returns the one size that the kernels of the first two convolutions have, as far as it fits their inputs."""
    size = max(*kernels[0], *kernels[1])
    for kernel in kernels[:2]:
        if kernel != (min(size, rows), min(size, columns)):
            sizes = ", ".join(map(_by, kernels))
            raise CheckpointError(f"its kernels are {sizes}; of the first two, both must be {size} × {size}")
        rows, columns = rows - kernel[0] + 1, columns - kernel[1] + 1
    return size


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"


def _listed(names: Iterable) -> str:
    """Returns the first of some names as text."""
    names = list(map(str, names))
    more = [f"{len(names) - SHOWN_NAMES} more"] if len(names) > SHOWN_NAMES else []
    return ", ".join(names[:SHOWN_NAMES] + more) or "nothing"
