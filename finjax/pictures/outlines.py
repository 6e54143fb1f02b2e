"""Outlines as path data of SVG, where y points down."""

import numpy as np
from scipy.spatial import ConvexHull

CORNERS = 40  # of a circle in a hull; at 600 px they are not seen


def path(points: np.ndarray) -> str:
    """Returns a line through points `[n, 2 or 3]`, of which x and y count."""
    return "M" + "L".join(_place(point) for point in points)


def _place(point: np.ndarray) -> str:
    return f"{point[0]:.1f} {-point[1]:.1f}"


def curve(start: np.ndarray, pull: np.ndarray, end: np.ndarray) -> str:
    """Returns a curve from `start` to `end` that `pull` draws to its side (a quadratic Bézier curve)."""
    return f"M{_place(start)}Q{_place(pull)} {_place(end)}"


def hull(balls: np.ndarray) -> str:
    """Returns the outline of a skin around balls `[n, 4]`, each a centre x, y, z and a radius."""
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # [corner, 2]
    points = (balls[:, None, :2] + balls[:, None, 3:] * circle).reshape(-1, 2)
    return path(points[ConvexHull(points).vertices]) + "Z"


def bone(start: np.ndarray, end: np.ndarray, *, first: float, last: float) -> str:
    """Returns the outline of a bone's flesh: two sides and a round end. It is open at the start, which joins the rest.

    Args:
        start: centre of the start, `[3]`.
        end: centre of the end, `[3]`.
        first: radius of the start.
        last: radius of the end.
    """
    along = (end - start)[:2]
    length = np.hypot(*along)
    if length <= abs(first - last) + 0.5:  # it points at the viewer: only its end is seen
        return f"{path(end[None] - (last, 0, 0))}a{last} {last} 0 1 0 {2 * last} 0a{last} {last} 0 1 0 {-2 * last} 0"
    along /= length
    across = np.array([-along[1], along[0]])
    sine = (first - last) / length  # of the angle between each side and the bone
    left, right = (sine * along + side * np.sqrt(1 - sine**2) * across for side in (1, -1))
    sides = [[start[:2] + first * left, end[:2] + last * left], [end[:2] + last * right, start[:2] + first * right]]
    arc = f"A{last} {last} 0 {int(first < last)} 1 "
    return path(np.array(sides[0])) + arc + path(np.array(sides[1]))[1:]
