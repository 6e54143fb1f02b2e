"""A right hand and its forearm as a skeleton: the angles of the joints give their places.

The axes of the palm are x to the thumb's side, y to the fingertips and z out of the palm; the origin is the wrist.
Angles are in degrees. Lengths are in units of the picture; a hand is about 110 long.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

FINGERS = ("index", "middle", "ring", "little")
BASES = {  # where each digit leaves the palm
    "thumb": (13.0, 11.0, 4.0),
    "index": (17.0, 49.0, 0.0),
    "middle": (4.5, 51.0, 0.0),
    "ring": (-8.0, 48.5, 0.0),
    "little": (-19.5, 43.5, 0.0),
}
LENGTHS = {  # of each digit's three bones
    "thumb": (27.0, 21.0, 15.0),
    "index": (26.0, 16.0, 10.0),
    "middle": (28.5, 18.5, 11.0),
    "ring": (26.0, 17.5, 11.0),
    "little": (20.5, 12.5, 9.5),
}
FAN = {"index": 4.0, "middle": 0.0, "ring": -4.0, "little": -9.0}  # directions of straight fingers
LAST_JOINT = 0.6  # a finger's last joint bends with the middle joint, by this share of its angle
CAMERA_TILT = 12.0  # from above, so that an arrow around the forearm is an ellipse


@dataclasses.dataclass(frozen=True)
class Pose:
    """The angles of a hand's joints, and how the hand is shown.

    Attributes:
        digits: for each finger, the bend of its knuckle and of its middle joint; for the thumb, the direction of its
            first bone (away from the index finger, out of the palm) and the bend of its two other joints.
        spread: of the fingers, as a multiple of `FAN`.
        flexion: of the wrist, towards the palm; negative: extension.
        deviation: of the wrist, towards the thumb (radial); negative: towards the little finger (ulnar).
        pronation: of the forearm, from half-way between palm up and palm down; negative: supination.
        turn: of the whole arm about its length: 0 shows the palm, -90 the thumb's side, -180 the back.
        roll: of the whole picture, anticlockwise.
        moving: digits in another colour, because the movement is theirs alone.
        axis: the finger that the forearm turns about, where the name of the movement says it.
    """

    digits: dict[str, tuple[float, ...]]
    _: dataclasses.KW_ONLY
    spread: float = 1.0
    flexion: float = 0.0
    deviation: float = 0.0
    pronation: float = 0.0
    turn: float = 0.0
    roll: float = 0.0
    moving: tuple[str, ...] = ()
    axis: str = ""


@dataclasses.dataclass(frozen=True)
class Digit:
    """A finger or the thumb.

    Attributes:
        joints: `[4, 3]`, from the base to the tip.
        tip: axes `[3, 3]` of the last bone, as columns: across, along, out of the pad.
    """

    joints: np.ndarray
    tip: np.ndarray


@dataclasses.dataclass(frozen=True)
class Hand:
    """A hand as the viewer sees it: x to the right, y up, z towards the viewer.

    Attributes:
        elbow: axes `[3, 3]` of the forearm, as columns.
        wrist: axes of the forearm at the wrist, which pronation turns.
        palm: axes of the palm, which the wrist bends.
        digits: the thumb and the fingers, by name.
    """

    elbow: np.ndarray
    wrist: np.ndarray
    palm: np.ndarray
    digits: dict[str, Digit]


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Returns the matrix `[3, 3]` that turns by an angle about the axis `x`, `y` or `z`."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    matrix[[first, second], [first, second]] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def hand_in(pose: Pose) -> Hand:
    """Returns the hand in a pose."""
    elbow = rotation("z", pose.roll) @ rotation("x", CAMERA_TILT) @ rotation("y", pose.turn)
    wrist = elbow @ rotation("y", -pose.pronation)
    palm = wrist @ rotation("z", -pose.deviation) @ rotation("x", pose.flexion)
    away, out, *bends = pose.digits["thumb"]
    axes = palm @ rotation("x", out) @ rotation("z", -away)
    digits = {"thumb": _digit("thumb", palm, axes, "z", (0.0, *bends))}
    for name in FINGERS:
        knuckle, middle = pose.digits[name]
        fan = pose.spread * FAN[name] * np.cos(np.radians(knuckle))  # bent fingers lie side by side
        axes = palm @ rotation("z", -fan)
        digits[name] = _digit(name, palm, axes, "x", (knuckle, middle, LAST_JOINT * middle))
    return Hand(elbow, wrist, palm, digits)


def _digit(name: str, palm: np.ndarray, axes: np.ndarray, hinge: str, bends: Iterable[float]) -> Digit:
    """Returns a digit, each bone of which is bent about the hinge against the bone before."""
    joints = [palm @ BASES[name]]
    for bend, length in zip(bends, LENGTHS[name], strict=True):
        axes = axes @ rotation(hinge, bend)
        joints.append(joints[-1] + length * axes[:, 1])
    if name == "thumb":  # its pad faces the fingers
        axes = axes @ rotation("y", -90)
    return Digit(np.array(joints), axes)
