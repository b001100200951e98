"""Maps summarised over polygons."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from loam.config.map_bands import band_names
from loam.errors import TableError
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.zones import read_zones, summarise_zones
from loam.raster.cog import open_map
from loam.raster.grid import crs_of, grid_like

from .conftest import CORNER

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}]
SIDE = 80


@pytest.fixture
def grid(region):
    return grid_like(region["land"], 32)


@pytest.fixture
def day(grid, tmp_path):
    """A map whose moisture is 0.2 in even columns and 0.3 in odd ones, 0.05 either way, trusted in row 0."""
    bands, paths = band_names(["surface"]), (tmp_path / "map.tif", tmp_path / "trust.tif")
    tags = {"day": "2022-08-15"}
    with (
        open_map(paths[0], grid, bands, tags, ENCODED["int16"]) as moisture,
        open_map(paths[1], grid, ["inside_training_range"], tags, FLAG) as trust,
    ):
        for tile in grid.tiles:
            pixel = np.arange(tile.height * tile.width)
            row, column = tile.row + pixel // tile.width, tile.col + pixel % tile.width
            mean = np.where(column % 2, 0.3, 0.2)
            ends = {"mean": mean, "std": 0 * mean + 0.01, "lower90": mean - 0.05, "upper90": mean + 0.05,
                    "lower50": mean - 0.02, "upper50": mean + 0.02}  # fmt: skip
            values = np.stack([ends[band.removeprefix("surface_")] for band in bands], axis=1)
            moisture.write(tile, pixel, values)
            trust.write(tile, pixel, (row == 0).astype(np.uint8)[:, None])
    return paths


def box(left, top, right, bottom):
    """Of pixels, from the map's corner."""
    x, y = CORNER
    return shapely.box(x + SIDE * left, y - SIDE * bottom, x + SIDE * right, y - SIDE * top)


def written(tmp_path, shapes, names=None, crs="EPSG:28355", column="name"):
    path = tmp_path / "zones.gpkg"
    names = [f"z{number}" for number in range(len(shapes))] if names is None else names
    gpd.GeoDataFrame({column: names}, geometry=shapes, crs=crs).to_file(path)
    return path


def summary(path, grid, day, **more):
    zones = read_zones(path, "name", crs_of(grid.geobox))
    return summarise_zones(zones, *day, LAYERS, **more).set_index("zone")


def test_pixels_count_by_the_part_that_a_zone_covers(tmp_path, grid, day):
    table = summary(written(tmp_path, [box(0, 0, 2, 2), box(0, 0, 1.5, 1)]), grid, day)
    assert table["surface_mean"].tolist() == pytest.approx([0.25, (0.2 + 0.3 / 2) / 1.5], abs=1e-6)
    assert (table["surface_upper90"] - table["surface_lower90"]).tolist() == pytest.approx([0.1, 0.1], abs=1e-6)
    assert table["area_ha"].tolist() == pytest.approx([2.56, 0.96], rel=2e-3)
    assert table["mapped_share"].tolist() == pytest.approx([1, 1]) and set(table["date"]) == {"2022-08-15"}


def test_shares_of_trust_thresholds_and_water_are_those_worked_by_hand(tmp_path, grid, day):
    known = {"thresholds": {"surface": [0.25, 0.9]}, "wilting_point": {"surface": 0.1}}
    table = summary(written(tmp_path, [box(0, 0, 2, 4)]), grid, day, **known, field_capacity={"surface": 0.2})
    assert table.filter(like="share_inside").iloc[0, 0] == pytest.approx(0.25)
    assert table["surface_below_0.25"].iloc[0] == pytest.approx(0.5, abs=0.01)
    assert table["surface_below_0.9"].iloc[0] == pytest.approx(1)
    assert table["surface_water_mm"].iloc[0] == pytest.approx(0.1 * 300, abs=1e-3)  # up to the field capacity


def test_zones_come_in_any_coordinate_reference_system(tmp_path, grid, day):
    there = gpd.GeoSeries([box(2, 2, 6, 6)], crs="EPSG:28355").to_crs("EPSG:4326")
    table = summary(written(tmp_path, [*there], crs="EPSG:4326"), grid, day)
    assert table["surface_mean"].iloc[0] == pytest.approx(0.25, abs=1e-3)


def test_a_zone_off_the_map_keeps_its_row_and_is_told_of(tmp_path, grid, day, caplog):
    table = summary(written(tmp_path, [box(0, 0, 2, 2), box(9000, 0, 9002, 2)]), grid, day)
    assert table["mapped_share"].tolist() == pytest.approx([1, 0]) and np.isnan(table["surface_mean"].iloc[1])
    assert table["note"].tolist() == ["", "off the map, or no pixel of it has a value"]
    assert "1 of 2 zones have no value on 2022-08-15: z1" in caplog.text


def test_a_broken_outline_is_mended_noted_and_counted(tmp_path, grid, day, caplog):
    x, y = CORNER
    eight = shapely.Polygon([(x, y), (x + 160, y - 160), (x + 160, y), (x, y - 160)])
    table = summary(written(tmp_path, [eight, box(0, 0, 2, 2)]), grid, day)
    assert table["note"].tolist() == ["outline mended", ""] and 0.19 < table["surface_mean"].iloc[0] < 0.31
    assert "1 of 2 zones have broken outlines, which were mended: z0" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["a", "a"]}, "feature 1: zone 'a' is there more than once; expected each zone once"),
        ({"names": ["a", None]}, "feature 2: zone 'nan' has no name"),
        ({"column": "paddock"}, "no column 'name'; expected one of paddock"),
        ({"shapes": [shapely.Point(CORNER), shapely.Point(CORNER)]}, "feature 1: zone 'z0' is no polygon"),
    ],
)
def test_what_cannot_be_summarised_is_refused_with_its_feature(tmp_path, grid, change, message):
    path = written(tmp_path, **{"shapes": [box(0, 0, 2, 2), box(2, 2, 4, 4)], **change})
    with pytest.raises(TableError, match=message):
        read_zones(path, "name", crs_of(grid.geobox))


def test_a_file_without_a_coordinate_reference_system_is_refused(tmp_path, grid):
    path = tmp_path / "zones.shp"
    with pytest.warns(UserWarning, match="crs"):  # pyogrio's
        gpd.GeoDataFrame({"name": ["a"]}, geometry=[box(0, 0, 2, 2)]).to_file(path)
    with pytest.raises(TableError, match="has no coordinate reference system"):
        read_zones(path, "name", crs_of(grid.geobox))


def test_a_file_that_is_no_vector_file_is_refused(tmp_path, grid):
    path = tmp_path / "zones.gpkg"
    path.write_text("no", encoding="utf-8")
    with pytest.raises(TableError, match="cannot be read as a vector file"):
        read_zones(path, "name", crs_of(grid.geobox))
