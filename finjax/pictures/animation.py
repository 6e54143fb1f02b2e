"""A hand that moves from rest to its pose and back, as frames that SVG shows one after the other (SMIL)."""

import dataclasses

import numpy as np
import numpy.typing as npt

from finjax.pictures import arrows, drawing
from finjax.pictures.hand import Pose
from finjax.pictures.poses import RELAXED

FRAMES = 10  # from rest to the pose
RESTS_S, MOVES_S, HOLDS_S = 0.6, 0.8, 1.6
ANGLES = ("spread", "flexion", "deviation", "pronation")


def animation(pose: Pose) -> str:
    """Returns the shapes of a hand that moves, again and again. Where SVG does not move, the hand is in the pose."""
    order = [*range(FRAMES), *range(FRAMES - 2, 0, -1)]  # to the pose and back
    step = MOVES_S / (FRAMES - 1)
    seconds = np.array([RESTS_S if frame == 0 else HOLDS_S if frame == FRAMES - 1 else step for frame in order])
    times = ";".join(f"{time:.3f}" for time in (np.cumsum(seconds) - seconds) / seconds.sum())
    groups = []
    for frame, share in enumerate(_slow_at_both_ends(np.linspace(0, 1, FRAMES))):
        values = ";".join("inline" if shown == frame else "none" for shown in order)
        groups.append(
            f'<g display="{"inline" if frame == FRAMES - 1 else "none"}">'
            f'<animate attributeName="display" values="{values}" keyTimes="{times}" calcMode="discrete" '
            f'dur="{seconds.sum():g}s" repeatCount="indefinite"/>{drawing.draw(between(start(pose), pose, share))}</g>'
        )
    return "".join(groups) + arrows.draw(pose)


def start(pose: Pose) -> Pose:
    """Returns the pose that a movement starts from, seen from the same side."""
    if pose.flexion or pose.deviation or pose.pronation:
        return dataclasses.replace(pose, flexion=0.0, deviation=0.0, pronation=0.0)
    return dataclasses.replace(pose, digits=RELAXED, spread=1.0)


def between(first: Pose, last: Pose, share: float) -> Pose:
    """Returns the pose on the way from `first` (`share` 0) to `last` (1)."""
    digits = {name: tuple(_between(first.digits[name], angles, share)) for name, angles in last.digits.items()}
    others = {name: float(_between(getattr(first, name), getattr(last, name), share)) for name in ANGLES}
    return dataclasses.replace(last, digits=digits, **others)


def _between(first: npt.ArrayLike, last: npt.ArrayLike, share: float) -> np.ndarray:
    return (1 - share) * np.asarray(first) + share * np.asarray(last)


def _slow_at_both_ends(shares: np.ndarray) -> np.ndarray:
    return (1 - np.cos(np.pi * shares)) / 2
