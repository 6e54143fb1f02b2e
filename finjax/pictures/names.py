"""Finds the pose of a movement by its name, however it is written."""

import re

from finjax.pictures.hand import Pose
from finjax.pictures.poses import POSES

# Words that say nothing here: the picture is of a hand, and what bends or turns without a finger's name is the wrist.
EMPTY = {"a", "an", "the", "of", "right", "hand", "wrist", "forearm", "grip", "gesture", "position"}
SAME = {
    "grasp": "grip",
    "finger": "fingers",
    "pinky": "little",
    "thumbs": "thumb",
    "flex": "flexion",
    "flexed": "flexion",
    "extend": "extension",
    "extended": "extension",
    "pronate": "pronation",
    "pronated": "pronation",
    "supinate": "supination",
    "supinated": "supination",
    "opened": "open",
    "opening": "open",
    "closed": "close",
    "closing": "close",
    "pinching": "pinch",
    "pointing": "point",
    "relax": "rest",
    "relaxed": "rest",
    "resting": "rest",
}


def simple(name: str) -> tuple[str, ...]:
    """Returns the words of a name that count, in small letters; of two words the order does not count.

    Example:
        >>> simple("Wrist_Flexion"), simple("flexion of the index finger"), simple("indexFlex")
        (('flexion',), ('flexion', 'index'), ('flexion', 'index'))
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    text = " ".join(SAME.get(word, word) for word in re.split(r"[\W_]+", spaced.casefold()))
    words = re.sub(r"\b(index|middle|ring|little) fingers\b", r"\1", text).split()
    words = [word for word in words if word not in EMPTY] or words
    return tuple(words if len(words) > 2 else sorted(words))


_POSES = {simple(name): pose for names, pose in POSES.items() for name in names}


def pose_of(movement: str) -> Pose | None:
    """Returns the pose of a movement, or None if its name is not known. A part of the name is not enough."""
    return _POSES.get(simple(movement))
