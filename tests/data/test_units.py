"""Units of samples: their spelling and their conversion."""

import pytest

from finjax.data.units import are_convertible, factor, factor_between, plain_unit
from finjax.errors import DataError


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("V", ("V", "v", "Volts", " volt ", "0")),
        ("mV", ("mV", "MV", "millivolts", "-3")),
        ("uV", ("uV", "µV", "μV", "microvolt", "-6")),
        ("nV", ("nV", "nanovolts", "-9")),
        ("", ("", "n/a", "Unknown")),
        ("counts", ("counts",)),
        ("a.u.", ("a.u.",)),
    ],
)
def test_a_unit_has_one_spelling(unit, written):
    assert {plain_unit(text) for text in written} == {unit}


@pytest.mark.parametrize(
    ("unit", "wanted", "expected"),
    [("V", "uV", 1e6), ("uV", "V", 1e-6), ("mV", "nV", 1e6), ("uV", "mV", 1e-3), ("counts", "counts", 1.0)],
)
def test_voltages_are_converted(unit, wanted, expected):
    assert are_convertible(unit, wanted)
    assert factor(unit, wanted) == factor_between(unit, wanted, refused="no") == pytest.approx(expected)


def test_nothing_is_converted_if_a_unit_is_not_known_and_others_are_refused():
    assert factor_between("", "uV", refused="no") == factor_between("uV", "", refused="no") == 1.0
    assert not are_convertible("counts", "uV")
    with pytest.raises(DataError, match="^these do not fit: counts cannot be converted to uV$"):
        factor_between("counts", "uV", refused="these do not fit")
