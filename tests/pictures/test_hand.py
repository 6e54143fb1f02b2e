"""The hand as an anatomist would check it: sides, directions, contacts, and that it is inside its picture."""

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from finjax.pictures import svg
from finjax.pictures.drawing import MOVING, RADII, draw
from finjax.pictures.hand import FINGERS, LENGTHS, Hand, Pose, hand_in
from finjax.pictures.names import pose_of
from finjax.pictures.outlines import bone, hull
from finjax.pictures.poses import BACK, FIST, FLAT, POSES

DIGITS = ("thumb", *FINGERS)


def hand(movement: str) -> Hand:
    pose = pose_of(movement)
    assert pose is not None
    return hand_in(pose)


def tip(shown: Hand, digit: str) -> np.ndarray:
    return shown.digits[digit].joints[-1]


def gap(shown: Hand, first: str, second: str) -> float:
    """The distance between the skins of two fingertips."""
    return float(np.linalg.norm(tip(shown, first) - tip(shown, second)) - RADII[first][-1] - RADII[second][-1])


def test_seen_from_the_palm_the_thumb_of_a_right_hand_is_on_the_right():
    across = [tip(hand("open hand"), digit)[0] for digit in DIGITS]
    assert across == sorted(across, reverse=True)


def test_seen_from_the_back_the_thumb_of_a_right_hand_is_on_the_left():
    across = [tip(hand_in(Pose(FLAT, turn=BACK)), digit)[0] for digit in DIGITS]
    assert across == sorted(across)


def test_the_middle_finger_is_the_longest_and_the_little_finger_the_shortest():
    shown = hand("open hand")
    length = {digit: np.linalg.norm(tip(shown, digit) - shown.digits[digit].joints[0]) for digit in FINGERS}
    assert max(length, key=length.get) == "middle"
    assert min(length, key=length.get) == "little"


@pytest.mark.parametrize("names", POSES, ids=lambda names: names[0])
def test_bones_keep_their_lengths(names):
    for digit, shown in hand(names[0]).digits.items():
        np.testing.assert_allclose(np.linalg.norm(np.diff(shown.joints, axis=0), axis=1), LENGTHS[digit])


@pytest.mark.parametrize(("movement", "side"), [("wrist flexion", 1), ("wrist extension", -1)])
def test_the_wrist_bends_to_the_palm_in_flexion_and_to_the_back_in_extension(movement, side):
    shown = hand(movement)
    out_of_the_palm = shown.wrist[:, 2]  # of the forearm, which has not bent
    assert side * tip(shown, "middle") @ out_of_the_palm > 50


@pytest.mark.parametrize(("movement", "side"), [("radial deviation", 1), ("ulnar deviation", -1)])
def test_the_hand_deviates_to_the_thumb_or_to_the_little_finger(movement, side):
    shown = hand(movement)
    assert side * tip(shown, "middle") @ shown.wrist[:, 0] > 30


def test_pronation_shows_the_back_and_supination_the_palm():
    assert hand("pronation").palm[2, 2] < -0.9
    assert hand("supination").palm[2, 2] > 0.9


@pytest.mark.parametrize(("movement", "side"), [("pronation", 1), ("supination", -1)])
def test_pronation_turns_the_thumb_to_where_the_palm_faced(movement, side):
    pose = pose_of(movement)
    before = hand_in(dataclasses.replace(pose, pronation=0.0))
    assert side * hand_in(pose).palm[:, 0] @ before.palm[:, 2] > 0.9


def test_in_a_pinch_the_tips_of_thumb_and_index_finger_touch():
    assert -2 < gap(hand("pinch"), "thumb", "index") < 1
    assert gap(hand("pinch"), "thumb", "middle") > 15
    assert gap(hand("open hand"), "thumb", "index") > 30


def test_in_a_chuck_grip_the_thumb_touches_two_fingers():
    shown = hand("chuck grip")
    assert all(-3 < gap(shown, "thumb", finger) < 3 for finger in ("index", "middle"))
    assert gap(shown, "thumb", "little") > 15


def test_in_a_fist_the_fingertips_are_at_the_palm_and_the_thumb_is_over_them():
    shown = hand("fist")
    out_of_the_palm = shown.palm[:, 2]
    for finger in FINGERS:
        height = shown.digits[finger].joints @ out_of_the_palm
        assert height[-1] < height[1]
        assert tip(shown, finger) @ shown.palm[:, 1] < shown.digits[finger].joints[0] @ shown.palm[:, 1]
    assert tip(shown, "thumb") @ out_of_the_palm > shown.digits["middle"].joints[1] @ out_of_the_palm


def test_a_thumb_that_is_up_is_above_all_else():
    heights = {digit: shown.joints[:, 1].max() for digit, shown in hand("thumb up").digits.items()}
    assert max(heights, key=heights.get) == "thumb"


def test_the_thumb_of_a_fist_is_drawn_over_the_fingers():
    shapes = ElementTree.fromstring(draw(Pose(FIST, moving=("thumb",))))
    coloured = [shape.attrib.get("fill") == MOVING for shape in shapes]
    assert coloured[-2:] == [True, False]  # the end of the thumb and its nail
    assert sum(coloured) == 2


@pytest.mark.parametrize("finger", FINGERS)
def test_only_the_finger_that_moves_bends_or_stretches(finger):
    flexion, extension = hand(f"{finger} flexion"), hand(f"{finger} extension")
    for other in DIGITS:
        moved = np.linalg.norm(tip(flexion, other) - tip(extension, other))
        assert moved > 40 if other == finger else moved < 1e-9


@pytest.mark.parametrize("names", POSES, ids=lambda names: names[0])
def test_hand_and_arrow_are_inside_the_picture(names):
    root = ElementTree.fromstring(svg(names[0]))
    left, top, side, _ = map(float, root.attrib["viewBox"].split())
    for digit, shown in hand(names[0]).digits.items():
        x, y = shown.joints[:, 0], -shown.joints[:, 1]
        margin = max(RADII[digit]) + 1
        assert (np.abs(np.stack([x - left, y - top]) - side / 2) < side / 2 - margin).all(), digit
    for arrow in (path for path in root.iter() if path.attrib.get("stroke-width") == "1.5"):
        points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", arrow.attrib["d"]), float)
        assert (np.abs(points - (left, top) - side / 2) < side / 2).all()


def test_only_turns_and_bends_of_the_wrist_have_an_arrow():
    with_arrow = {names[0] for names in POSES if 'stroke-width="1.5"' in svg(names[0])}
    assert with_arrow == {
        names[0] for names in POSES if re.search("wrist|deviation|pronation|supination", names[0])
    }  # fmt: skip


@pytest.mark.parametrize("movement", ["wrist flexion", "wrist extension", "radial deviation", "ulnar deviation"])
def test_the_arrow_of_a_bend_points_where_the_fingertips_go(movement):
    assert arrow(movement) @ way(movement, "middle") > 0.8


@pytest.mark.parametrize("movement", ["pronation", "supination"])
def test_the_arrow_of_a_turn_points_where_the_thumb_goes(movement):
    assert arrow(movement) @ way(movement, "thumb") > 0.8


def arrow(movement: str) -> np.ndarray:
    """The direction from the start of a picture's arrow to its end, x and y."""
    arc, _ = [path for path in ElementTree.fromstring(svg(movement))[-1] if "stroke-dasharray" not in path.attrib]
    points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", arc.attrib["d"]), float) * (1, -1)
    return (points[-1] - points[0]) / np.linalg.norm(points[-1] - points[0])


def way(movement: str, digit: str) -> np.ndarray:
    """The direction in which a movement of the wrist or the forearm brings the tip of a digit, x and y."""
    pose = pose_of(movement)
    before = hand_in(dataclasses.replace(pose, flexion=0.0, deviation=0.0, pronation=0.0))
    moved = (tip(hand_in(pose), digit) - tip(before, digit))[:2]
    return moved / np.linalg.norm(moved)


def test_the_outline_of_a_bone_is_two_sides_and_a_half_circle():
    start, end = np.zeros(3), np.array([10.0, 0, 5])
    assert bone(start, end, first=2, last=2) == "M0.0 -2.0L10.0 -2.0A2 2 0 0 1 10.0 2.0L0.0 2.0"


def test_the_sides_of_a_bone_touch_both_ends():
    start, end = np.array([3.0, 4, 0]), np.array([63.0, 84, 0])  # 100 apart, along (0.6, 0.8)
    outline = bone(start, end, first=30, last=10)
    a, b, _, _, c, d = np.array(
        re.findall(r"(-?[\d.]+) (-?[\d.]+)", outline.replace("A10 10 0 0 1", "A0 0 0 0L")), float
    )
    for centre, radius, point in ((start, 30, a), (end, 10, b), (end, 10, c), (start, 30, d)):
        np.testing.assert_allclose(np.hypot(*(point * (1, -1) - centre[:2])), radius, atol=0.1)
    for one, other in ((a, b), (d, c)):  # a tangent is as long as √(100² - 20²)
        np.testing.assert_allclose(np.hypot(*(one - other)), 97.98, atol=0.15)


def test_a_bone_that_points_at_the_viewer_is_a_circle():
    outline = bone(np.zeros(3), np.array([0.1, 0, 9]), first=3, last=2)
    assert outline == "M-1.9 -0.0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"


def test_the_skin_around_two_balls_has_their_tangents():
    points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", hull(np.array([(0.0, 0, 7, 5), (20.0, 0, 0, 5)]))), float)
    assert points[:, 0].min() == -5
    assert points[:, 0].max() == 25
    assert points[:, 1].min() == -5
    assert points[:, 1].max() == 5
