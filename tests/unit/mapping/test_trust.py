"""Pixels inside the range of the training data are those of which every feature lies in the box, and no others."""

import logging

import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.covariates.read.tiles import TileInputs
from loam.errors import TableError
from loam.mapping.contents import FLAG
from loam.mapping.day_map import map_day
from loam.mapping.engine import Engine
from loam.mapping.half_widths import half_widths_of
from loam.mapping.pixel_trust import BANDS
from loam.mapping.sidecar import sidecar
from loam.mapping.trust import CLASSES, TRUST_CLASSES, RangeCheck, share_inside
from loam.raster.cog import open_map
from loam.raster.grid import grid_like
from loam.training.ranges import RANGE_BAND, TrainingRange
from loam.trust.dissimilarity import area_of_applicability

from .conftest import DAY, FEATURES, write_tiff

SET = feature_set(FEATURES)  # elevation, clay, rain_0, rain_1, PAST, FORE, sine, cosine; then 4 steps of 2 variables
COUNT = len(SET.columns)


def box(minimum=-1e4, maximum=1e4, total=(1, 1), **of_features):
    """A box of all features, with other limits for those named."""
    low, high = np.full(COUNT, float(minimum)), np.full(COUNT, float(maximum))
    for name, limits in of_features.items():
        low[SET.columns.index(name)], high[SET.columns.index(name)] = limits
    return TrainingRange(low, high, {"landcover": total})


def tile_inputs(pixels=4, cells=2):
    """Pixels of pasture whose features are all 0.5; every second reads the second cell."""
    static = np.full((pixels, 8), 0.5, np.float32)
    static[:, 4:6] = [1, 0]
    return TileInputs(np.arange(pixels), static, np.arange(pixels) % cells, np.full((cells, 4, 2), 0.5, np.float32))


def inside(limits, inputs):
    return RangeCheck(limits, SET).read(inputs).tolist()


def test_one_feature_beyond_either_limit_is_enough():
    inputs = tile_inputs()
    inputs.static[1, 0], inputs.static[2, 3] = 301, -0.01
    assert inside(box(elevation=(0, 300), rain_1=(0, 40)), inputs) == [1, 0, 0, 1]


def test_the_limits_themselves_lie_inside_in_single_precision():
    inputs = tile_inputs(2)
    inputs.static[:, 1] = [0.1, 0.7]  # neither is a number of either precision
    assert inside(box(clay=(0.1, 0.7)), inputs) == [1, 1]


def test_a_cell_that_is_outside_takes_its_pixels_with_it():
    inputs = tile_inputs()
    inputs.cells[1, 3, 0] = 0.9
    assert inside(box(sm_surface_0=(0, 0.6)), inputs) == [1, 0, 1, 0]
    assert inside(box(sm_surface_1=(0, 0.6)), inputs) == [1, 1, 1, 1], "the same value lies in another day's limits"


def test_a_class_that_no_training_row_had_is_outside():
    inputs = tile_inputs(3)
    inputs.static[1, 4:6] = [0, 1]
    assert inside(box(landcover_FORE=(0, 0), landcover_PAST=(1, 1)), inputs) == [1, 0, 1]


def test_a_pixel_of_none_of_the_classes_is_outside_unless_training_had_such_rows():
    inputs = tile_inputs(3)
    inputs.static[1, 4:6] = 0
    assert inside(box(), inputs) == [1, 0, 1]
    assert inside(box(total=(0, 1)), inputs) == [1, 1, 1]


def test_shares_that_add_up_but_for_rounding_are_inside():
    inputs = tile_inputs(1)
    inputs.static[0, 4:6] = [np.float32(0.3), np.float32(0.7) - np.float32(1e-6)]
    assert inside(box(), inputs) == [1]


def test_a_tile_without_pixels_and_a_model_without_sequence_are_checked_too():
    empty = TileInputs(
        np.empty(0, int), np.empty((0, 8), np.float32), np.empty(0, int), np.empty((0, 4, 2), np.float32)
    )
    assert inside(box(), empty) == []
    without = feature_set({**FEATURES, "sequence": {"variables": [], "lags": [0, 0]}})
    limits = TrainingRange(np.zeros(8), np.ones(8), {"landcover": (1, 1)})
    plain = TileInputs(np.arange(4), tile_inputs().static, np.zeros(4, int), np.zeros((1, 0, 0), np.float32))
    assert RangeCheck(limits, without).read(plain).tolist() == [1, 1, 1, 1]


def test_the_log_names_what_leads_outside(caplog):
    inputs = tile_inputs(10)
    inputs.static[:3, 1], inputs.static[9, 4] = 80, 0
    inputs.cells[1] = 0.9
    check = RangeCheck(box(clay=(0, 60), sm_rootzone_2=(0, 0.6)), SET)
    with caplog.at_level(logging.INFO, "loam"):
        check.read(inputs)
        check.log_outside()
    assert "30.0 % of the pixels lie within the range" in caplog.text
    assert [message.removeprefix("outside by ") for message in caplog.messages[1:]] == [
        "sm_rootzone_2: 50.0 % of the pixels", "clay: 30.0 % of the pixels",
        "landcover, none of its classes: 10.0 % of the pixels",
    ]  # fmt: skip


LIMITS = box(
    elevation=(100, 800), clay=(5, 55), rain_0=(0.02, 1), landcover_FORE=(0, 1), sm_surface_3=(0.1, 0.95)
)  # of the region's values, about half lie in all of them


def beyond(features, pixel, shape, columns):
    """Where one of the columns lies outside ``LIMITS``, on the grid."""
    found, columns = np.zeros(shape, bool), list(columns)
    own = features[:, columns]
    found.flat[pixel] = ((own < LIMITS.minimum[columns]) | (own > LIMITS.maximum[columns])).any(axis=1)
    return found


def make_map(region, members, folder, **card):
    drawn = members("lstm", 2)
    drawn.card.update(card)
    arguments = region["inputs"], DAY, grid_like(region["land"], 32), folder / "map.tif", folder / "trust.tif", {}
    map_day(Engine(drawn, "cpu"), SET, *arguments)


def test_the_file_beside_the_map_tells_inside_outside_missing_inputs_and_no_land(region, members, tmp_path):
    make_map(region, members, tmp_path, range=LIMITS.described())
    grid = grid_like(region["land"], 512)
    with open_day(region["inputs"], SET, DAY, grid) as rasters:
        inputs = rasters.read(grid.tiles[0])
    everything = np.concatenate([inputs.static, inputs.cells.reshape(-1, 8)[inputs.cell]], axis=1).astype(float)
    expected = np.where(grid.land_mask(grid.tiles[0]), 2, 255)
    expected.flat[inputs.pixel] = ((everything >= LIMITS.minimum) & (everything <= LIMITS.maximum)).all(axis=1)
    with rasterio.open(tmp_path / "trust.tif") as dataset:
        found, grades, of_inputs, of_place, index = dataset.read()
        assert dataset.descriptions == tuple(BANDS) and set(dataset.dtypes) == {"uint8"} and dataset.nodata == 255
        assert dataset.units == ("1",) * 5
        assert dataset.tags()["reasons_place"].startswith("1 organic_soil; 2 frozen")
        assert {"day": DAY, "members": "2"}.items() <= dataset.tags().items()
    assert np.array_equal(found, expected)
    assert ((found < 2) == region["mapped"]).all()
    assert (found[:, 60:] == 255).all() and (found[5:9, 3:30] == 2).all(), "the sea, and a gap in the clay"
    assert min((found == 0).sum(), (found == 1).sum()) > 300
    assert ((of_inputs == 0) == (found == 1)).all() and (of_inputs[found == 2] == 64).all()
    assert (grades[found == 2] == 3).all() and (grades[found == 255] == 255).all()
    assert (index == 255).all(), "no area of applicability is known"
    mapped = expected < 2
    for bit, columns in ((1, [0, 1]), (2, [2, 3])):
        wanted = beyond(everything, inputs.pixel, expected.shape, columns)
        assert np.array_equal(of_inputs[mapped] & bit > 0, wanted[mapped]) and wanted.any()
    assert cog_validate(tmp_path / "trust.tif", strict=True) == (True, [], [])
    assert share_inside(tmp_path / "trust.tif") == pytest.approx((found == 1).sum() / region["mapped"].sum())


def test_a_card_without_a_range_is_refused_before_anything_is_mapped(region, members, tmp_path):
    drawn = members("mlp", 2)
    del drawn.card["range"]
    with pytest.raises(TableError, match="rerun its training"):
        map_day(Engine(drawn, "cpu"), SET, region["inputs"], DAY, grid_like(region["land"], 32), tmp_path / "map.tif",
                tmp_path / "trust.tif", {})  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_overviews_of_flags_hold_the_most_frequent_value_and_none_in_between(tmp_path):
    values = np.ones((600, 700), np.uint8)
    values[0:2, 0:2] = [[0, 0], [0, 1]]
    values[10:12, 10:12] = [[0, 255], [255, 255]]
    values[20:22, 20:22] = 255
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((600, 700), np.float32)), 256)
    with open_map(tmp_path / "trust.tif", grid, [RANGE_BAND], {}, FLAG) as output:
        for tile in grid.tiles:
            part = values[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width].ravel()
            output.write(tile, np.flatnonzero(part != 255), part[part != 255, None])
    with rasterio.open(tmp_path / "trust.tif") as dataset:
        assert np.array_equal(dataset.read(1), values)
    with rasterio.open(tmp_path / "trust.tif", overview_level=0) as overview:
        half = overview.read(1)
    assert (half[0, 0], half[5, 5], half[10, 10], half[50, 50]) == (0, 0, 255, 1)
    assert set(np.unique(half)) == {0, 1, 255}


def test_the_file_names_its_classes_and_their_colours(tmp_path):
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((50, 60), np.float32)), 64)
    with open_map(tmp_path / "trust.tif", grid, [RANGE_BAND], {}, FLAG) as output:
        output.write(grid.tiles[0], np.arange(40), np.arange(40)[:, None] % 3)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["land.tif", "trust.tif"]
    (tmp_path / "trust.tif.aux.xml").write_text(sidecar({}, CLASSES))
    with rasterio.open(tmp_path / "trust.tif") as dataset:
        colours, tags = dataset.colormap(1), dataset.tags(1)
        assert dataset.read(1)[0, :5].tolist() == [0, 1, 2, 0, 1]
    for item in CLASSES:
        assert "#{:02X}{:02X}{:02X}".format(*colours[item.value][:3]) == item.colour
        assert tags[f"class_{item.value}"] == item.name
    assert len({item.colour for item in CLASSES}) == len(CLASSES) == 4
    assert cog_validate(tmp_path / "trust.tif", strict=True) == (True, [], [])


def test_the_index_and_the_area_stand_beside_the_range(region, members, tmp_path, caplog):
    drawn, grid = members("lstm", 2), grid_like(region["land"], 32)
    with open_day(region["inputs"], SET, DAY, grid_like(region["land"], 512)) as rasters:
        inputs = rasters.read(grid_like(region["land"], 512).tiles[0])
    features = np.concatenate([inputs.static, inputs.cells.reshape(-1, 8)[inputs.cell]], axis=1)
    trained = features[features[:, 0] < np.median(features[:, 0])][::7]  # of the lower half
    area = area_of_applicability(trained, np.arange(len(trained)) % 5, np.eye(16)[0])
    edge = float(np.median(area.index(features)))
    widths = [("surface", 0.9, 0.01, edge), ("surface", 0.9, 0.02, np.inf), ("surface", 0.5, 0.001, edge),
              ("surface", 0.5, 0.002, np.inf), ("subsurface", 0.9, 0.03, np.inf)]  # fmt: skip
    table = pd.DataFrame(widths, columns=["layer", "level", "half_width", "dissimilarity_to"])
    with caplog.at_level(logging.INFO, "loam"):
        map_day(Engine(drawn, "cpu"), SET, region["inputs"], DAY, grid, tmp_path / "map.tif", tmp_path / "trust.tif",
                {}, area=area, threads=2, encoding="float32",
                half_widths=half_widths_of(table, ["surface", "subsurface"], [0.9, 0.5]))  # fmt: skip
    with rasterio.open(tmp_path / "trust.tif") as dataset:
        held = dict(zip(dataset.descriptions, dataset.read(), strict=True))
    index = area.index(features) / area.threshold
    pixels = {name: values.flat[inputs.pixel] for name, values in held.items()}
    assert np.abs(pixels["dissimilarity"].astype(float) - np.minimum(100 * index, 254)).max() <= 0.51
    outside = pixels["reasons_inputs"] & 32 > 0
    assert np.array_equal(outside, index > 1) and 0.2 < outside.mean() < 0.8
    rim = pixels["reasons_inputs"] & 16 > 0
    assert np.array_equal(rim, (index > area.edge / area.threshold) & ~outside) and rim.any()
    assert (pixels["class"][outside] == 3).all() and (pixels["class"][rim] >= 2).all()
    with rasterio.open(tmp_path / "map.tif") as dataset:
        values = dict(zip(dataset.descriptions, dataset.read(), strict=True))
    values = {name: band.flat[inputs.pixel] for name, band in values.items()}
    far = area.index(features) > edge
    for name, near, beyond in (("surface_upper90", 0.01, 0.02), ("surface_upper50", 0.001, 0.002)):
        top = values["surface_mean"] + np.where(far, beyond, near)
        np.testing.assert_allclose(values[name], np.minimum(top, 1), atol=1e-6)
    np.testing.assert_allclose(values["subsurface_upper90"], np.minimum(values["subsurface_mean"] + 0.03, 1), atol=1e-6)
    assert np.isnan(values["subsurface_upper50"]).all() and 0.3 < far.mean() < 0.7
    assert "outside_area" in caplog.text and "do not use" in caplog.text and "open_water" in caplog.text


def test_the_file_names_the_values_of_its_classes(region, members, tmp_path):
    make_map(region, members, tmp_path)
    with rasterio.open(tmp_path / "trust.tif") as dataset:
        for band, classes in ((1, CLASSES), (2, TRUST_CLASSES)):
            told = dataset.tags(band)
            assert [told.get(f"class_{item.value}") for item in classes] == [item.name for item in classes]


def test_a_map_without_pixels_has_no_share_inside(tmp_path):
    write_tiff(tmp_path / "trust.tif", np.full((5, 5), 255, np.uint8), nodata=255)
    assert np.isnan(share_inside(tmp_path / "trust.tif"))
