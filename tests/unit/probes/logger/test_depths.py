"""Depths as people write them."""

from __future__ import annotations

import pytest

from loam.errors import ConfigError, TableError
from loam.probes.logger.depths import parse_depth


@pytest.mark.parametrize(
    ("text", "centimetres"),
    [
        ("10 cm", (10, 10)),
        ("10-20cm", (10, 20)),
        ("0 cm - 30 cm", (0, 30)),
        ("100mm", (10, 10)),
        ("0.1 m", (10, 10)),
        ("0,05-0,1 M", (5, 10)),
        ("0 to 12 in", (0, 30.48)),
        ("50 mm - 0.1 m", (5, 10)),
        ("30\u201360 cm", (30, 60)),
    ],
)
def test_depths_become_centimetres(text, centimetres):
    assert parse_depth(text, where="here") == pytest.approx(centimetres)


@pytest.mark.parametrize("text", ["10", "0.1", "10-20"])
def test_a_number_alone_is_not_guessed(text):
    with pytest.raises(TableError, match="has no unit"):
        parse_depth(text, where="here")
    assert parse_depth(text, where="here", unit="mm") == pytest.approx(
        tuple(0.1 * float(number) for number in (text.split("-") * 2)[:2])
    )


@pytest.mark.parametrize(
    "text", ["", "-10 cm", "10 20 cm", "surface", "1e3 cm", "10 km", "cm", "20-10 cm", "10-10 cm", "11 m"]
)
def test_what_is_no_depth_is_refused_as_the_callers_error(text):
    with pytest.raises(ConfigError, match="^here: "):
        parse_depth(text, where="here", error=ConfigError)
