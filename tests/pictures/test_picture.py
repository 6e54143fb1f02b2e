"""Pictures: each movement has its own, names are found and are only text, and the SVG is complete and safe."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from finjax.data import ninapro, registry, synthetic, three_dc
from finjax.pictures import svg
from finjax.pictures.animation import FRAMES
from finjax.pictures.names import pose_of, simple
from finjax.pictures.poses import POSES

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [name for names in POSES for name in names]
ODD_NAMES = [
    "movement 5",
    "",
    "<script>alert(1)</script>",
    '"/><image href="http://example.org/a.png" onload="alert(1)"/>',
    "fist]]> & <!-- 'x' -->",
    "null \0 and \x1b and \ud800",
    "手を握る",
    "one " * 300,
]
DATASETS = {  # those of folders have the movements that the folder names
    dataset.name: dataset.movement_names
    for dataset in map(registry.get_dataset, registry.registered_names())
    if isinstance(dataset, registry.DatasetSpec)
}
DATASETS["synthetic"] = synthetic.MOVEMENT_NAMES


def parsed(movement: str, **options) -> ElementTree.Element:
    return ElementTree.fromstring(svg(movement, **options).encode())


def shapes(movement: str) -> str:
    """A picture without its title."""
    return re.sub("<title>.*</title>", "", svg(movement), flags=re.DOTALL)


def test_the_datasets_are_registered():
    assert {three_dc.SPEC.name, ninapro.DATABASES[0].dataset_name(ninapro.DATABASES[0].exercises[0])} <= set(DATASETS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_movement_of_a_dataset_has_a_hand_or_is_only_numbered(dataset):
    for movement in DATASETS[dataset]:
        assert pose_of(movement) or re.fullmatch(r"movement \d+", movement), movement


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_two_movements_of_a_dataset_look_the_same(dataset):
    pictures = {shapes(movement) for movement in DATASETS[dataset]}
    assert len(pictures) == len(DATASETS[dataset])


def test_no_two_poses_look_the_same():
    assert len({shapes(names[0]) for names in POSES}) == len(POSES)


def test_no_name_stands_for_two_poses():
    simplified = [{simple(name) for name in names} for names in POSES]
    assert len(set().union(*simplified)) == sum(map(len, simplified))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("REST", "rest"),
        ("Neutral", "rest"),
        ("Wrist-Flexion", "wrist flexion"),
        ("wrist_extension", "wrist extension"),
        ("flexion of the wrist", "wrist flexion"),
        ("wristFlexion", "wrist flexion"),
        ("hand open", "open hand"),
        ("open", "open hand"),
        ("Hand Close", "fist"),
        ("thumbs up", "thumb up"),
        ("THUMBS_UP", "thumb up"),
        ("wrist radial deviation", "radial deviation"),
        ("wrist supination", "supination"),
        ("forearm pronation", "pronation"),
        ("pinch", "pinch grip"),
        ("chuck grasp", "chuck grip"),
        ("Power Grasp", "power grip"),
        ("index finger flexion", "index flexion"),
        ("pinky extension", "little extension"),
        ("pointing", "point"),
    ],
)
def test_a_name_is_found_however_it_is_written(written, name):
    assert pose_of(written) is not None
    assert pose_of(written) is pose_of(name)


@pytest.mark.parametrize(
    "name",
    [
        "not a fist",
        "elbow flexion",
        "left fist",
        "index flexion, middle extension",
        "flexion of index and middle, extension of the others",
        "hand",
        "movement 1",
        "no",
        "",
        "握る",
    ],
)
def test_a_name_that_only_resembles_a_known_one_gives_a_card(name):
    assert pose_of(name) is None
    assert parsed(name).find(f"{SVG}rect") is not None


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize("name", [*NAMES, *ODD_NAMES])
def test_a_picture_is_xml_of_shapes_and_text_only(name, animated):
    root = parsed(name, animated=animated)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "g", "path", "rect", "text", "animate"
    }  # fmt: skip
    attributes = {attribute for element in root.iter() for attribute in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name or name in {"style", "id"}}
    assert "url(" not in "".join(value for element in root.iter() for value in element.attrib.values())


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_text_in_the_picture(name):
    root = parsed(name)
    expected = name.replace("\0", "\ufffd").replace("\x1b", "\ufffd").replace("\ud800", "\ufffd")
    assert root.findtext(f"{SVG}title") == expected
    lines = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert len(lines) <= 5
    shown = "".join(lines).replace(" ", "").removesuffix("…")
    assert expected.replace(" ", "").startswith(shown) if name else lines == ["?"]


def test_a_name_has_letters_small_enough_for_the_card():
    for name, columns in (("a", 1), ("w" * 14, 14), ("手" * 14, 28)):
        (group,) = (group for group in parsed(name).iter(f"{SVG}g") if "font-size" in group.attrib)
        assert 0.6 * columns * float(group.attrib["font-size"]) <= 180  # the card's width
        assert float(group.attrib["font-size"]) >= 9


@pytest.mark.parametrize("size", [120, 600, 33.5])
@pytest.mark.parametrize("name", ["fist", "unknown"])
def test_a_picture_has_the_size_asked_for(name, size):
    root = parsed(name, size=size)
    assert float(root.attrib["width"]) == float(root.attrib["height"]) == size
    assert root.attrib["viewBox"].split()[2:] == ["192", "192"]


@pytest.mark.parametrize("size", [0, -5, float("nan"), float("inf")])
def test_a_size_that_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match="positive number"):
        svg("fist", size=size)


@pytest.mark.parametrize("name", ["fist", "wrist flexion", "supination"])
def test_an_animation_shows_one_frame_at_a_time_and_ends_in_the_pose(name):
    root, still = parsed(name, animated=True), parsed(name)
    frames = [group for group in root if group.find(f"{SVG}animate") is not None]
    assert len(frames) == FRAMES
    animations = [frame.find(f"{SVG}animate").attrib for frame in frames]
    (times,) = {animation["keyTimes"] for animation in animations}
    times = [float(time) for time in times.split(";")]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert times[-1] < 1
    shown = zip(*(animation["values"].split(";") for animation in animations), strict=True)
    assert all(sorted(values) == ["inline"] + ["none"] * (FRAMES - 1) for values in shown)
    assert len(animations[0]["values"].split(";")) == len(times)

    assert [frame.attrib["display"] for frame in frames] == ["none"] * (FRAMES - 1) + ["inline"]
    drawings = [ElementTree.tostring(frame.find(f"{SVG}g")) for frame in frames]
    assert drawings[-1] == ElementTree.tostring(still.find(f"{SVG}g"))
    assert len(set(drawings)) == FRAMES


@pytest.mark.parametrize("name", ["rest", "unknown"])
def test_what_does_not_move_is_not_animated(name):
    assert svg(name, animated=True) == svg(name)
