"""What to fit a decoder to, and how."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What to fit, and how.

    Attributes:
        recording: folder of the recordings.
        name: the dataset; empty: the one whose files are in the folder.
        start: see `start_of`.
        preset: see `start_of`.
        subjects: number list of the people; empty: all.
        seed: of everything random.
        plugins: modules that register datasets and features.
        cache_dir: folder of the cache of recordings; empty: the default folder.
    """

    recording: str = ""
    name: str = ""
    start: str = ""
    preset: str = ""
    subjects: str = ""
    seed: int = 0
    plugins: str = ""
    cache_dir: str = ""
