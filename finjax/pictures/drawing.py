"""A hand as shapes of SVG: forearm and palm, then the bones of the digits from the farthest to the nearest."""

import numpy as np

from finjax.pictures.hand import BASES, FINGERS, Digit, Hand, Pose, hand_in
from finjax.pictures.outlines import bone, curve, hull, path

# Both the line and the skin are seen on a light ground and on a dark one.
SKIN, MOVING, NAIL, LINE = "#cfe6ee", "#f4c4ae", "#ffffff", "#1f6f8b"
STYLE = f'fill="{SKIN}" stroke="{LINE}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"'
RADII = {  # of each digit at its four joints
    "thumb": (10.0, 8.4, 7.6, 6.2),
    "index": (7.2, 6.7, 6.1, 5.2),
    "middle": (7.4, 7.0, 6.3, 5.4),
    "ring": (7.2, 6.7, 6.1, 5.2),
    "little": (6.4, 5.9, 5.3, 4.6),
}
# Balls, each x, y, z and radius; the skin around them is the forearm and the palm.
ELBOW = np.array([(15, -100, 0, 16), (-15, -100, 0, 16)])
WRIST = np.array([(9, 0, 0, 10), (-9, 0, 0, 10)])
KNUCKLES = np.array([(*BASES[finger], RADII[finger][0] - 1) for finger in FINGERS])
SKIN_BETWEEN_FINGERS = KNUCKLES + np.array([0, 5, 0, 0])
PALM = np.concatenate([WRIST, KNUCKLES, SKIN_BETWEEN_FINGERS])
CREASES = (((19, 34, 8), (-3, 33, 8), (1, 9, 8)), ((-20, 31, 7), (-1, 26, 8), (8, 36, 8)))  # start, pull, end


def draw(pose: Pose) -> str:
    """Returns the shapes of the hand in a pose.

    The palm comes first: it hides nothing. So poses with bent fingers are not to be seen from the back.
    """
    hand = hand_in(pose)
    bones = [shape for name, digit in hand.digits.items() for shape in _bones(name, digit, name in pose.moving)]
    shapes = [_body(hand), _creases(hand), *(shape for _, shape in sorted(bones, key=lambda bone: bone[0]))]
    return f"<g {STYLE}>{''.join(shapes)}</g>"


def _body(hand: Hand) -> str:
    """Returns forearm, palm and ball of the thumb in one outline."""
    forearm = np.concatenate([_placed(ELBOW, hand.elbow), _placed(WRIST, hand.wrist)])
    thumb = np.column_stack([hand.digits["thumb"].joints[:2], np.array(RADII["thumb"][:2]) - 1])
    thumb = np.concatenate([_placed(np.array([(6, 8, 0, 8)]), hand.palm), thumb])
    outlines = "".join(map(hull, (forearm, _placed(PALM, hand.palm), thumb)))
    return f'<path d="{outlines}" stroke-width="4" paint-order="stroke"/>'  # no line where they overlap


def _placed(balls: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Returns balls `[n, 4]` that are given in some axes as the viewer sees them."""
    return np.column_stack([balls[:, :3] @ axes.T, balls[:, 3]])


def _creases(hand: Hand) -> str:
    if hand.palm[2, 2] < 0.7:  # the palm does not face the viewer
        return ""
    curves = (curve(*(hand.palm @ point for point in crease)) for crease in CREASES)
    return f'<path d="{"".join(curves)}" fill="none" stroke-width="1.2"/>'


def _bones(name: str, digit: Digit, moving: bool) -> list[tuple[float, str]]:
    """Returns the bones of a digit that are seen, each with its depth."""
    first = 1 if name == "thumb" else 0  # the thumb's first bone is in the palm
    depth = digit.joints[first, 2]
    fill = f' fill="{MOVING}"' if moving else ""
    shapes = []
    for index in range(first, 3):
        start, end = digit.joints[index : index + 2]
        away = (end - start)[2] < -0.5 * np.linalg.norm(end - start)
        # A bone hides the one before it, and so the line between them, unless it points away from the viewer.
        depth = (start + end)[2] / 2 if away else max((start + end)[2] / 2, depth + 0.01)
        outline = bone(start, end, first=RADII[name][index], last=RADII[name][index + 1])
        shape = f'<path d="{outline}"{fill}/>'
        shape = _knuckle(start, RADII[name][0]) + shape if index == 0 else shape
        shape = shape + _nail(digit, RADII[name][3]) if index == 2 else shape
        shapes.append((depth, shape))
    return shapes


def _knuckle(place: np.ndarray, radius: float) -> str:
    """Returns skin from a knuckle a little towards the wrist, which hides where the lines of the neighbours begin."""
    return f'<path d="{hull(np.array([(*place, radius - 1), (*0.88 * place, radius - 2)]))}" stroke="none"/>'


def _nail(digit: Digit, radius: float) -> str:
    across, along, pad = digit.tip.T
    if pad[2] > -0.2:  # the nail does not face the viewer
        return ""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)[:, None]
    centre = 0.3 * digit.joints[2] + 0.7 * digit.joints[3] - 0.9 * radius * pad
    rim = centre + radius * (0.6 * np.cos(angles) * across + 0.95 * np.sin(angles) * along)
    return f'<path d="{path(rim)}Z" fill="{NAIL}" stroke-width="1"/>'
