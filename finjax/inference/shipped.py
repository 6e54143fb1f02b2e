"""The FINs that ship with finjax: trained on synthetic people, for windows of 300 ms at the usual sampling rates.

`tools/shipped_fins.py` trains them. `finjax.load("shipped:300/logstd")` loads the FIN of a feature for windows of 300
samples, and `--config.fine_tune.fins=shipped:300/{feature}` starts from those of several features.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from finjax.configs.parsing import restore
from finjax.configs.settings import FINStage
from finjax.configs.templates import complete
from finjax.data.normalise import FeatureNormaliser, SignalNormaliser
from finjax.data.splits import Split
from finjax.data.windows import Framing
from finjax.errors import CheckpointError
from finjax.inference.model import ANY_DATASET, FINModel

PREFIX = "shipped:"
FOLDER = Path(__file__).parent / "fins"
NEAR = 0.03  # a window may be longer or shorter by this share, to have as many samples as the FINs take
NOBODY = Split(
    seen_subjects=(), unseen_subjects=(), train_repetitions=(), test_repetitions=(), seen_tune_repetitions=(),
    unseen_tune_repetitions=(),
)  # fmt: skip


def is_shipped(path: str | Path) -> bool:
    """Returns whether a path names a FIN that ships with finjax."""
    return str(path).startswith(PREFIX)


def shipped_lengths() -> tuple[int, ...]:
    """Returns the window lengths that there are FINs for, in samples."""
    return tuple(sorted(int(path.stem.partition("_")[2]) for path in FOLDER.glob("fins_*.npz")))


def nearest_length(samples: int) -> int | None:
    """Returns the window length of FINs that a window of so many samples can be changed to; None: there is none."""
    near = [length for length in shipped_lengths() if abs(length - samples) <= NEAR * samples]
    return min(near, key=lambda length: abs(length - samples), default=None)


def shipped_features(length: int) -> tuple[str, ...]:
    """Returns the features that there are FINs of for windows of so many samples."""
    return tuple(_read(length)[0]["steps"])


def load_shipped(path: str | Path) -> FINModel:
    """Returns a FIN that ships with finjax.

    Args:
        path: `shipped:`, the samples of a window, and the feature, as `shipped:300/logstd`.

    Raises:
        CheckpointError: there is no such FIN.
    """
    length, _, feature = str(path).removeprefix(PREFIX).partition("/")
    names = [f"{PREFIX}{one}/{name}" for one in shipped_lengths() for name in shipped_features(one)]
    if f"{PREFIX}{length}/{feature}" not in names:
        raise CheckpointError(f"no FIN {path} ships with finjax: choose from {', '.join(names)}")
    about, arrays = _read(int(length))
    settings = restore(complete({**about["config"], "target": feature}))
    assert isinstance(settings, FINStage)
    own = unflatten_dict({name: value for name, value in arrays.items() if name.startswith(f"{feature}/")}, sep="/")
    return FINModel(
        params=own[feature]["params"],
        config=settings,
        step=about["steps"][feature],
        framing=Framing(**about["framing"]),
        rate_hz=about["rate_hz"],
        dataset=ANY_DATASET,
        split=NOBODY,
        # Nobody's z-score: a decoder has those of its own people.
        signal=SignalNormaliser(
            subjects=np.zeros(0, np.int32),
            mean=np.zeros((0, 1), np.float32),
            std=np.ones((0, 1), np.float32),
            limit=np.float32(about["limit"]),
        ),
        feature=FeatureNormaliser(**own[feature]["feature"]),
        trained_on={},
        statistics_from={},
        unit="",
        target=feature,
    )


def write_shipped(folder: Path, fins: Mapping[str, FINModel]) -> Path:
    """Writes FINs for the same windows to the file that `load_shipped` reads; returns its path.

    Args:
        folder: where to write.
        fins: a FIN of each feature.
    """
    first = next(iter(fins.values()))
    data = {**first.config.record["data"], "name": "synthetic", "dir": "", "cache_dir": ""}
    about = {
        "config": {**first.config.record, "data": data, "target": ",".join(fins)},
        "framing": dataclasses.asdict(first.framing),
        "rate_hz": first.rate_hz,
        "limit": float(first.signal.limit),
        "steps": {name: fin.step for name, fin in fins.items()},
    }
    arrays = {}
    for name, fin in fins.items():
        values = {name: {"params": fin.params, "feature": vars(fin.feature)}}
        arrays |= {key: np.asarray(value, np.float32) for key, value in flatten_dict(values, sep="/").items()}
    path = folder / f"fins_{first.framing.length}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, about=np.array(json.dumps(about)), **arrays)
    return path


@functools.lru_cache(maxsize=8)
def _read(length: int) -> tuple[dict, dict[str, np.ndarray]]:
    """Returns the description of the FINs for windows of so many samples, and their arrays by name."""
    with np.load(FOLDER / f"fins_{length}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    return json.loads(str(arrays.pop("about"))), arrays
