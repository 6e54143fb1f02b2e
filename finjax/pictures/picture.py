"""The picture of a movement as an SVG: its hand, or a card with its name."""

import dataclasses
import html
import math
import re

from finjax.pictures import arrows, drawing
from finjax.pictures.animation import animation, start
from finjax.pictures.card import card
from finjax.pictures.hand import Pose, hand_in, rotation
from finjax.pictures.names import pose_of

SIDE = 192.0  # of the picture, in its own units
CENTRE = 42.0  # of the picture, above the wrist
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(movement: str, *, size: float = 240, animated: bool = False) -> str:
    """Returns a picture of a movement of the right hand. It needs no other file and runs no script.

    A movement whose name is not known gets a card with the name.

    Args:
        movement: the movement's name, such as `wrist flexion`; case, hyphens and underscores do not matter.
        size: width and height, in CSS pixels.
        animated: whether the hand moves from rest to the pose and back, again and again; not at rest.

    Returns:
        The text of an SVG, for a file or for a page.

    Raises:
        ValueError: `size` is not a positive number.

    Example:
        >>> svg("wrist flexion", size=120)[:66]
        '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="120" v'
    """
    if not 0 < size < math.inf:
        raise ValueError(f"size={size!r}: give a positive number of pixels")
    name = NOT_IN_XML.sub("\ufffd", movement)
    pose = pose_of(name)
    if pose is None:
        x, y, shapes = 0.0, 0.0, card(name)
    else:
        x, y = _corner(pose)
        shapes = animation(pose) if animated and start(pose) != pose else drawing.draw(pose) + arrows.draw(pose)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size:g}" height="{size:g}" '
        f'viewBox="{x:.1f} {y:.1f} {SIDE:g} {SIDE:g}" role="img"><title>{html.escape(name)}</title>{shapes}</svg>'
    )


def _corner(pose: Pose) -> tuple[float, float]:
    """Returns the upper left corner of a picture with the hand in its middle. All hands have the same scale."""
    upright = hand_in(dataclasses.replace(pose, roll=0.0))
    across = [0.0, *(x for digit in upright.digits.values() for x in digit.joints[:, 0])]
    x, y, _ = rotation("z", pose.roll) @ ((min(across) + max(across)) / 2, CENTRE, 0)
    return x - SIDE / 2, -y - SIDE / 2
