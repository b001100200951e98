"""Units as files write them."""

import pytest

from loam.acquire.catalogue import catalogue
from loam.units import QUANTITIES


def conversion(written, canonical):
    return QUANTITIES[canonical].conversion(written)


@pytest.mark.parametrize(
    ("written", "canonical", "number", "value"),
    [
        ("K", "degC", 273.15, 0),
        ("degrees Celsius", "degC", 12, 12),
        ("°C", "degC", 12, 12),
        ("degF", "degC", 212, 100),
        ("m", "mm d-1", 0.004, 4),
        ("mm/day", "mm d-1", 4, 4),
        ("mm day-1", "mm d-1", 4, 4),
        ("kg m-2 s-1", "mm d-1", 1 / 86400, 1),
        ("kg/m2/s", "mm d-1", 1 / 86400, 1),
        ("kg m**-2 s**-1", "mm d-1", 1 / 86400, 1),
        ("kg m^-2", "mm d-1", 3, 3),
        ("g/kg", "%", 250, 25),
        ("g kg-1", "%", 250, 25),
        ("percent", "%", 25, 25),
        ("kg m-3", "g cm-3", 1350, 1.35),
        ("g/cm³", "g cm-3", 1.35, 1.35),
        ("Mg m-3", "g cm-3", 1.35, 1.35),
        ("feet", "m", 1000, 304.8),
        ("m3/m3", "m3 m-3", 0.3, 0.3),
        ("%", "m3 m-3", 30, 0.3),
    ],
)
def test_a_unit_is_understood_in_the_spellings_people_use(written, canonical, number, value):
    scale, offset = conversion(written, canonical)
    assert number * scale + offset == pytest.approx(value)


@pytest.mark.parametrize(("written", "canonical"), [("hPa", "degC"), ("mm", "degC"), ("K", "mm d-1"), ("m2", "m")])
def test_a_unit_of_something_else_is_not(written, canonical):
    assert conversion(written, canonical) is None


def test_every_unit_of_the_catalogue_can_be_written_as_it_is():
    for dataset in catalogue().values():
        for variable in dataset.variables.values():
            assert conversion(variable.units, variable.units) == (1, 0), variable.units
