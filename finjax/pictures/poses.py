"""The poses of known movements, by name."""

from finjax.pictures.hand import FINGERS, Pose

# Where the viewer stands, as `Pose.turn`: where the movement is seen best.
BACK, BEHIND_THUMB, THUMB_SIDE, BEFORE_THUMB, HALF_PALM = -180.0, -112.0, -90.0, -70.0, -48.0

Digits = dict[str, tuple[float, ...]]
STRAIGHT, SLACK, CURLED = (0, 0), (20, 30), (80, 100)  # a finger


def _digits(thumb: tuple[float, ...], fingers: tuple[float, ...], **others: tuple[float, ...]) -> Digits:
    """Returns the angles of all digits: of the fingers as `fingers`, but for `others`."""
    return {"thumb": thumb, **dict.fromkeys(FINGERS, fingers), **others}


FLAT = _digits((28, 10, 5, 5), STRAIGHT)
RELAXED = _digits((24, 25, 10, 10), SLACK, index=(12, 18), middle=(16, 22), little=(22, 28))
FIST = _digits((29, 45, 50, 45), CURLED)


def _finger(name: str, bend: tuple[float, float]) -> Pose:
    """Returns a hand at rest of which one finger moves."""
    return Pose(_digits(FLAT["thumb"], SLACK, **{name: bend}), moving=(name,))


def _thumb(*angles: float, turn: float = 0.0) -> Pose:
    """Returns a flat hand of which the thumb moves."""
    return Pose(_digits(angles, STRAIGHT), moving=("thumb",), turn=turn)


def _turn(pronation: float, axis: str = "") -> Pose:
    """Returns a flat hand that the forearm has turned."""
    return Pose(FLAT, pronation=pronation, turn=THUMB_SIDE, axis=axis)


# Each pose with its names; the first is shown in the documentation. `names` finds them however they are written.
POSES: dict[tuple[str, ...], Pose] = {
    ("rest", "neutral", "neutral (no motion)", "no motion", "no movement", "idle"): Pose(RELAXED, turn=-35),
    ("open hand", "abduction of all fingers", "spread", "fingers spread", "fingers extension", "open fingers"): Pose(
        _digits((52, 5, 0, 0), STRAIGHT), spread=2.8
    ),
    ("fist", "close", "closed fist", "make fist", "fingers flexed together in fist", "fingers flexion"): Pose(FIST),
    ("power grip", "grip", "hand grip", "cylinder", "cylindrical"): Pose(
        _digits((25, 55, 35, 35), (65, 75)), turn=HALF_PALM
    ),
    ("pinch grip", "tip pinch", "ok", "ok sign"): Pose(
        _digits((36, 47, 36, 38), (8, 15), index=(48, 48), middle=(15, 20), little=(2, 10)), turn=BEFORE_THUMB
    ),
    ("chuck grip", "tripod", "three finger", "three finger pinch"): Pose(
        _digits((25, 43, 35, 32), CURLED, index=(50, 45), middle=(50, 45)), turn=-75
    ),
    ("lateral grip", "key", "key pinch", "lateral pinch"): Pose(
        _digits((42, 22, 25, 30), (70, 85), index=(55, 70), middle=(65, 80), little=(75, 90)), turn=-60
    ),
    ("hook grip",): Pose(_digits((20, 5, 5, 5), (5, 95)), turn=BEFORE_THUMB),
    ("sphere grip", "spherical"): Pose(_digits((45, 45, 20, 30), (35, 40)), spread=3, turn=-40),
    ("point", "pointing index"): Pose(FIST | {"index": STRAIGHT}),
    ("thumb up",): Pose(FIST | {"thumb": (62, 0, -10, -15)}, roll=90),
    ("wrist flexion", "wave in"): Pose(FLAT, flexion=60, turn=BEHIND_THUMB),
    ("wrist extension", "wave out"): Pose(FLAT, flexion=-55, turn=BEFORE_THUMB),
    ("wrist extension with closed hand",): Pose(FIST, flexion=-50, turn=HALF_PALM),
    ("radial deviation", "radial"): Pose(FLAT, deviation=22, turn=BACK),
    ("ulnar deviation", "ulnar"): Pose(FLAT, deviation=-32, turn=BACK),
    ("pronation",): _turn(75),
    ("supination",): _turn(-75),
    ("wrist pronation (axis: middle finger)",): _turn(75, "middle"),
    ("wrist supination (axis: middle finger)",): _turn(-75, "middle"),
    ("wrist pronation (axis: little finger)",): _turn(75, "little"),
    ("wrist supination (axis: little finger)",): _turn(-75, "little"),
    ("extension of index and middle, flexion of the others", "victory", "peace"): Pose(
        FIST | {"index": STRAIGHT, "middle": STRAIGHT}, spread=2.5
    ),
    ("flexion of ring and little finger, extension of the others",): Pose(
        _digits((45, 0, 0, 0), CURLED, index=STRAIGHT, middle=STRAIGHT)
    ),
    ("thumb opposing base of little finger", "thumb opposition", "opposition"): Pose(
        _digits((7, 22, 60, 75), STRAIGHT)
    ),
    ("adduction of extended fingers", "flat hand"): Pose(_digits((8, 0, 0, 0), STRAIGHT), spread=0.4),
    ("thumb adduction",): _thumb(8, 0, 0, 0),
    ("thumb abduction",): _thumb(20, 60, 0, 0, turn=BEFORE_THUMB),
    ("thumb flexion",): _thumb(27, 25, 60, 70),
    ("thumb extension",): _thumb(60, -5, -5, -10),
    **{(f"{name} flexion",): _finger(name, CURLED) for name in FINGERS},
    **{(f"{name} extension",): _finger(name, (-10, 0)) for name in FINGERS},
}
