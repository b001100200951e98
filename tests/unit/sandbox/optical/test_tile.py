"""Tiles, days and the sun of the synthetic Sentinel-2."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.grid import crs_of, project
from loam.sandbox.optical.tile import PIXEL, cloud_cover_on, sights_of, sun_at, tile_of

REGION = GeoBox((50, 60), Affine(80, 0, 540_010, 0, -80, 5_340_030), "EPSG:28355")


def region_at(longitude: float, latitude: float) -> GeoBox:
    return GeoBox((4, 4), Affine(0.001, 0, longitude - 0.002, 0, -0.001, latitude + 0.002), "EPSG:4326")


@pytest.mark.parametrize(
    ("longitude", "latitude", "name"),
    [(147.33, -42.88, "55GEN"), (12.49, 41.89, "33TTG"), (36.82, -1.29, "37MBU"), (-77.05, 38.89, "18SUJ")],
)
def test_a_tile_is_named_by_the_military_grid(longitude, latitude, name):
    tile, pixels = tile_of(region_at(longitude, latitude))
    assert tile == name
    assert pixels.crs.epsg == (32600 if latitude > 0 else 32700) + int(name[:2])


def test_a_tile_holds_the_region_in_whole_pixels():
    _, pixels = tile_of(REGION)
    assert (pixels.transform.a, pixels.transform.e) == (PIXEL, -PIXEL)
    assert pixels.transform.c % PIXEL == pixels.transform.f % PIXEL == 0
    x, y = REGION.transform @ (np.array([0, 60, 60, 0]), np.array([0, 0, 50, 50]))
    column, row = ~pixels.transform @ project(x, y, crs_of(REGION), crs_of(pixels))
    assert min(column.min(), row.min()) >= 5
    assert max(pixels.shape[1] - column.max(), pixels.shape[0] - row.max()) >= 5


def test_sights_are_whole_revisits_apart_at_half_past_ten():
    sights = sights_of(REGION, date(2020, 1, 3), date(2020, 2, 3), every=7, identity="one")
    assert [sight.time.date() for sight in sights] == [date(2020, 1, 3 + days) for days in (0, 10, 20)] + [
        date(2020, 2, 2)
    ]
    longitude = 147.5
    assert (sights[0].time.hour + sights[0].time.minute / 60 + longitude / 15) % 24 == pytest.approx(10.5, abs=0.05)
    daily = sights_of(REGION, date(2020, 1, 3), date(2020, 1, 13), every=5, identity="one")
    assert len({sight.platform for sight in daily}) == 2


def test_cloud_follows_from_day_and_seed():
    days = [date(2020, 1, 3) + timedelta(days=5 * number) for number in range(300)]
    one, again, other = ([cloud_cover_on(seed, day) for day in days] for seed in (1, 1, 2))
    assert one == again
    assert np.mean(np.array(one) == other) < 0.1
    assert all(0 <= cover <= 100 for cover in one)
    assert 35 < np.mean(one) < 50
    assert min(np.mean(np.array(one) < 10), np.mean(np.array(one) > 90)) > 0.08


def test_the_name_tells_what_the_item_follows_from():
    one, two = (
        sights_of(REGION, date(2020, 1, 3), date(2020, 1, 3), every=5, identity=identity)[0].name
        for identity in ("one", "two")
    )
    assert one.startswith("S2")
    assert "_T55GEP_20200103T" in one
    assert one[:-4] == two[:-4]
    assert one != two


def test_the_sun_stands_where_it_should():
    elevation, azimuth = sun_at(datetime(2020, 12, 21, 12), 0.0, -42.0)
    assert elevation == pytest.approx(90 - 42 + 23.44, abs=0.5)
    assert min(azimuth, 360 - azimuth) < 2  # in the north
    elevation, azimuth = sun_at(datetime(2020, 3, 20, 9), 0.0, 51.0)
    assert 0 < elevation < 35
    assert 90 < azimuth < 180  # in the morning, in the south-east
