"""A grid given by numbers: its CRS is one of maps that PROJ knows, and its bounds are in the CRS's own unit."""

from __future__ import annotations

import pytest

from loam.acquire.region import geobox_of_run
from loam.acquire.run_grid import grid_of
from loam.errors import ConfigError

METRES, DEGREES = [540_000, 5_356_800, 543_200, 5_360_000], [146.0, -42.0, 147.0, -41.0]


@pytest.mark.parametrize(
    ("crs", "bounds", "resolution"),
    [("EPSG:28355", METRES, 80), ("EPSG:4326", DEGREES, 0.01), ("EPSG:4326", [179.0, -18.0, 181.0, -16.0], 0.01)],
)
def test_a_grid_in_the_unit_of_its_crs_is_taken(crs, bounds, resolution):
    geobox = geobox_of_run({"crs": crs, "bounds": bounds, "resolution": resolution})
    assert geobox.boundingbox.bbox == pytest.approx(tuple(bounds))


@pytest.mark.parametrize(
    ("crs", "bounds", "resolution", "said"),
    [
        ("EPSG:99999", METRES, 80, "'EPSG:99999' is no coordinate reference system that PROJ knows"),
        ("EPSG:5773", METRES, 80, "EGM96 height.*no CRS of a map"),
        ("EPSG:4978", METRES, 80, "no CRS of a map"),
        ("EPSG:28355", DEGREES, 0.01, "are degrees, and EPSG:28355 .* counts in metres"),
        ("EPSG:4326", METRES, 80, "are no degrees, and EPSG:4326 .* counts in degrees"),
    ],
)
def test_a_crs_that_cannot_be_is_refused_by_its_key(crs, bounds, resolution, said):
    with pytest.raises(ConfigError, match=f"config key 'mapping.grid.*{said}"):
        geobox_of_run({"crs": crs, "bounds": bounds, "resolution": resolution})


@pytest.mark.parametrize("resolution", [1e-9, 1e12])
def test_a_grid_of_no_pixel_or_of_too_many_is_refused(resolution):
    with pytest.raises(ConfigError, match="config key 'mapping.grid': .*expected 1 to 1,000,000 pixels a side"):
        grid_of({"crs": "EPSG:28355", "bounds": METRES, "resolution": resolution})


def test_bounds_in_reverse_are_refused():
    with pytest.raises(ConfigError, match="is no box"):
        grid_of({"crs": "EPSG:28355", "bounds": [METRES[place] for place in (2, 3, 0, 1)], "resolution": 80})
