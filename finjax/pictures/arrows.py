"""Arrows around a hand, for movements that turn the forearm or bend the wrist."""

import numpy as np

from finjax.pictures.hand import BASES, Hand, Pose, hand_in, rotation
from finjax.pictures.outlines import path

COLOUR = "#d1603d"
STYLE = f'fill="none" stroke="{COLOUR}" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"'
POINTS = 24  # of an arc


def draw(pose: Pose) -> str:
    """Returns the arrow of a pose, and the axis of its turn; an empty text if the wrist and the forearm are at rest."""
    hand = hand_in(pose)
    shapes = []
    if pose.flexion:  # ends before the hand
        angles = np.linspace(0, pose.flexion - np.copysign(20, pose.flexion), POINTS)
        shapes.append(_arrow([hand.wrist @ rotation("x", angle) @ (0, 86, 0) for angle in angles]))
    if pose.deviation:  # passes over the fingertips, because the angle is small
        angles = np.linspace(0, pose.deviation, POINTS)
        shapes.append(_arrow([hand.wrist @ rotation("z", -angle) @ (0, 124, 0) for angle in angles]))
    if pose.pronation:  # runs around the thumb's side of the forearm, which faces the viewer
        angles = np.linspace(-85, 65, POINTS) * np.sign(pose.pronation)
        shapes.append(_arrow([hand.elbow @ rotation("y", -angle) @ (36, -26, 0) for angle in angles]))
    if pose.axis:
        shapes.append(_axis(hand, pose.axis))
    return f"<g {STYLE}>{''.join(shapes)}</g>" if shapes else ""


def _arrow(arc: list[np.ndarray]) -> str:
    points = np.array(arc)[:, :2]
    along = points[-1] - points[-2]
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]])
    head = points[-1] + np.array([7 * along, 6 * across - 2 * along, -6 * across - 2 * along])
    return f'<path d="{path(points)}"/><path d="{path(head)}Z" fill="{COLOUR}" stroke-width="1.5"/>'


def _axis(hand: Hand, finger: str) -> str:
    """Returns a dashed line along a finger and the forearm."""
    x = BASES[finger][0]
    return f'<path d="{path(np.array([hand.palm @ (x, -70, 0), hand.palm @ (x, 122, 0)]))}" stroke-dasharray="5 6"/>'
