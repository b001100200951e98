"""Relief, land cover and soils hang together the way they do in the field."""

import numpy as np
import pytest

from loam.raster.classes import CODES
from loam.sandbox.land.cover_map import LANDCOVER, cover_at
from loam.sandbox.land.ground import ground_at
from loam.sandbox.land.hydraulics import Physics
from loam.sandbox.land.relief import draw_relief, spectral_field
from loam.sandbox.land.soil_map import Character, bulk_density, soils_at
from loam.sandbox.lattice import random_numbers

SIDE = 200
ROWS, COLS = np.mgrid[:SIDE, :SIDE]


@pytest.fixture(scope="module")
def relief():
    return draw_relief(5, "target", (SIDE, SIDE), "corner")


@pytest.fixture(scope="module")
def ground(relief):
    return ground_at(relief, ROWS, COLS)


@pytest.fixture(scope="module")
def cover(ground):
    return cover_at(5, "target", ground)


@pytest.fixture(scope="module")
def soils(ground, cover):
    return soils_at(5, "target", ground, cover, Physics())


def test_relief_is_rougher_the_flatter_its_spectrum():
    def roughness(exponent):
        field = spectral_field(random_numbers(0, "test"), (128, 128), exponent)
        assert field.mean() == pytest.approx(0, abs=1e-5)
        assert field.std() == pytest.approx(1, abs=1e-4)
        return np.abs(np.diff(field, axis=0)).mean()

    assert roughness(4.0) < roughness(3.0) < roughness(2.0)


def test_every_pixel_of_land_drains(relief):
    """No pit is left: every inner pixel has a lower neighbour."""
    z = np.where(np.isnan(relief.elevation), -np.inf, relief.elevation)
    inner = z[1:-1, 1:-1]
    lowest = np.min([z[1 + down : SIDE - 1 + down, 1 + across : SIDE - 1 + across]
                     for down in (-1, 0, 1) for across in (-1, 0, 1) if (down, across) != (0, 0)], axis=0)  # fmt: skip
    assert (lowest < inner)[np.isfinite(inner)].all()


def test_there_is_sea_in_the_corner_a_range_in_the_west_and_nothing_below_the_sea(relief):
    assert np.isnan(relief.elevation[-1, -1])
    assert not np.isnan(relief.elevation[:, : SIDE // 2]).any()
    assert np.nanmin(relief.elevation) > 0
    assert np.nanmean(relief.elevation[:, : SIDE // 6]) > np.nanmean(relief.elevation[:, SIDE // 3 :]) + 200


def test_an_island_has_sea_on_all_sides():
    z = draw_relief(5, "target", (120, 150), "island").elevation
    assert np.isnan(np.concatenate([z[0], z[-1], z[:, 0], z[:, -1]])).all()
    assert np.isfinite(z).mean() > 0.4


def test_wet_places_are_valleys_of_gentle_slope(relief):
    land = np.isfinite(relief.elevation)
    wettest = land & (relief.wetness > np.nanquantile(relief.wetness, 0.9))
    assert relief.valley[wettest].mean() > relief.valley[land].mean() + 5
    assert relief.slope[wettest].mean() < relief.slope[land].mean()


def test_codes_are_those_of_the_covariates_and_all_classes_occur(ground, cover):
    assert LANDCOVER == CODES
    assert set(np.unique(cover.landcover[ground.land])) == set(LANDCOVER.values())
    assert (cover.landcover[~ground.land] == 0).all()


def test_irrigated_land_is_circles_along_valleys_and_none_in_peat(ground, cover):
    irrigated = cover.landcover == LANDCOVER["IRRI"]
    assert ((cover.circle >= 0) == irrigated).all()
    assert not (irrigated & cover.peat).any()
    other = ground.land & ~cover.peat & ~irrigated
    assert ground.slope[irrigated].mean() < ground.slope[other].mean()
    assert ground.valley[irrigated].mean() > ground.valley[other].mean()
    for number in np.unique(cover.circle[irrigated])[:20]:
        rows, cols = np.nonzero(cover.circle == number)
        assert np.ptp(rows) <= 13 and np.ptp(cols) <= 13


def test_circles_are_round_wherever_they_lie(cover):
    """As high as wide, but for the few that another circle, water or peat cuts."""
    extents = []
    for number in np.unique(cover.circle[cover.circle >= 0]):
        rows, cols = np.nonzero(cover.circle == number)
        if rows.min() > 0 and cols.min() > 0 and rows.max() < SIDE - 1 and cols.max() < SIDE - 1:
            extents.append(abs(np.ptp(rows) - np.ptp(cols)))
    assert len(extents) > 8
    assert np.mean(np.array(extents) == 0) > 0.75


def test_peat_lies_in_the_west_and_holds_more_than_20_percent_carbon(ground, cover, soils):
    assert 0.05 < cover.peat.mean() < 0.3
    assert COLS[cover.peat].max() < 0.45 * SIDE
    assert (soils.soc[:, cover.peat] > 20).all()
    assert (soils.soc[:, ground.land & ~cover.peat] < 15).all()
    assert soils.bulk_density[0][cover.peat].max() < 0.6


def test_soil_follows_relief_and_depth(ground, cover, soils):
    mineral = ground.land & ~cover.peat
    assert (np.diff(soils.soc[:, mineral].mean(axis=1)) < 0).all()
    assert (np.diff(soils.bulk_density[:, mineral].mean(axis=1)) > 0).all()
    assert soils.clay[3, mineral].mean() > soils.clay[0, mineral].mean() + 4
    assert np.corrcoef(soils.clay[0, mineral], ground.wetness[mineral])[0, 1] > 0.1


def test_limits_of_moisture_are_in_order_and_awc_is_what_lies_between(ground, soils):
    held = soils.hydraulics
    land = ground.land
    order = np.stack([held.residual, held.wilting, held.capacity, held.porosity])[:, :, land]
    assert (np.diff(order, axis=0) > 0).all()
    assert soils.awc == pytest.approx(100 * (held.capacity - held.wilting))
    assert np.median(soils.awc[:, land]) == pytest.approx(12.5, abs=4)


def test_bulk_density_of_pure_mineral_and_of_peat():
    assert bulk_density(np.array(0.0), np.array(1.5)) == pytest.approx(1.5)
    assert bulk_density(np.array(40.0), np.array(1.4)) == pytest.approx(0.30, abs=0.03)


def test_a_domains_character_and_physics_move_its_soils(ground, cover, soils):
    other = soils_at(5, "target", ground, cover, Physics(suction=0.5), Character(clay=8.0, carbon=0.5))
    mineral = ground.land & ~cover.peat
    assert (other.clay - soils.clay)[:, mineral].mean() == pytest.approx(8, abs=1)
    assert other.soc[:, mineral].mean() < 0.6 * soils.soc[:, mineral].mean()
    assert other.awc[:, mineral].mean() < soils.awc[:, mineral].mean()


def test_pixels_are_the_same_alone_in_a_block_and_in_the_whole(relief, soils, cover):
    rows, cols = np.mgrid[33:91, 107:150]
    for place in ((rows, cols), (rows.ravel()[::7], cols.ravel()[::7])):
        ground = ground_at(relief, *place)
        alone = cover_at(5, "target", ground)
        assert (alone.landcover == cover.landcover[place]).all()
        assert (alone.circle == cover.circle[place]).all()
        part = soils_at(5, "target", ground, alone, Physics())
        for name in ("clay", "sand", "soc", "bulk_density", "awc"):
            assert (getattr(part, name) == getattr(soils, name)[:, *place]).all(), name
