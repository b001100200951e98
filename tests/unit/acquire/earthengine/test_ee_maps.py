"""Maps: which asset, which bands, aggregated how, and in which units."""

import logging

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.errors import AcquireError, ConfigError

GRID = GeoBox((3, 4), Affine(80, 0, 500000, 0, -80, 5300000), "EPSG:28355")
SLGA, GLO30 = "CSIRO/SLGA", "COPERNICUS/DEM/GLO30_2024_1"


@pytest.fixture
def slga(engine, listed):
    engine.collections[SLGA] = [
        listed(f"SLGA_{code}", None, [], collection=SLGA, properties={"attribute_code": code})
        for code in ("AWC", "BDW", "CLY", "SOC")
    ]
    return engine


def test_soil_of_australia_is_the_image_of_its_attribute(slga, graph):
    slga.bands |= {f"clay_{number}": 10.0 * number for number in (1, 2, 3, 4)}
    found = slga.source("slga").read_map("clay", GRID)
    assert found.dtype == np.float32
    assert found[:, 0, 0].tolist() == [10, 20, 30, 40]
    (query,) = slga.lists()
    assert query["filter"] == ['properties.attribute_code = "CLY"']
    (body,) = slga.pixels()
    assert graph(body).ids() == {"CSIRO/SLGA/SLGA_CLY"}
    bands = [call["bandSelectors"] for call in graph(body).calls("Image.select")]
    assert bands == [["CLY_000_005_EV"], ["CLY_005_015_EV"], ["CLY_015_030_EV"], ["CLY_030_060_EV"]]


def test_native_pixels_as_wide_as_the_run_s_are_interpolated(slga, graph):
    slga.source("slga").read_map("awc", GRID)
    expression = graph(slga.pixels()[0])
    assert expression.calls("Image.resample")[0]["mode"] == "bilinear"
    assert not expression.calls("Image.reduceResolution")


def test_heights_for_slopes_are_interpolated_by_cubics_and_averaged_where_they_are_finer(engine, graph):
    engine.bands["elevation_1"] = 512.0
    source = engine.source("srtm30")
    source.smooth = True
    for parts in (3, 1):
        source.read_map("elevation", GRID.zoom_out(1 / parts))
    smooth, coarse = (graph(body) for body in engine.pixels())
    assert smooth.calls("Image.resample")[0]["mode"] == "bicubic" and not smooth.calls("Image.reduceResolution")
    assert coarse.calls("Image.reduceResolution") and not coarse.calls("Image.resample")
    assert source.native_metres("elevation", GRID) == 30.92


def test_finer_native_pixels_are_averaged_on_the_run_s_grid(engine, graph):
    engine.bands["elevation_1"] = 512.0
    found = engine.source("srtm30").read_map("elevation", GRID)
    assert (found == 512).all()
    expression = graph(engine.pixels()[0])
    (reduced,) = expression.calls("Image.reduceResolution")
    assert reduced["maxPixels"] == 64
    assert reduced["bestEffort"] is False
    assert expression.calls("Reducer.mean")
    (projected,) = expression.calls("Image.reproject")
    assert "EPSG:28355" in str(projected["crs"])
    assert projected["crsTransform"] == [80, 0, 500000, 0, -80, 5300000]
    assert not expression.calls("Image.resample")
    assert expression.ids() == {"USGS/SRTMGL1_003"}


def test_finer_classes_are_the_most_frequent_and_never_averaged(engine, listed, graph):
    collection = "ESA/WorldCover/v200"
    engine.collections[collection] = [listed("2021", "2021-01-01T00:00:00Z", ["Map"], collection=collection)]
    engine.bands["worldcover_1"], engine.dtype["*"] = 30, "u1"
    found = engine.source("worldcover").read_map("worldcover", GRID)
    assert found.dtype == np.uint8
    assert (found == 30).all()
    expression = graph(engine.pixels()[0])
    assert expression.calls("Reducer.mode")
    assert not expression.calls("Reducer.mean")
    assert expression.calls("Image.reduceResolution")[0]["maxPixels"] >= 64 * 2
    assert expression.calls("Image.constant") == [{"value": 0}]
    assert expression.calls("Image.toUint8") or expression.calls("Image.toByte")


def test_coarser_classes_are_those_of_the_nearest_pixel_of_the_newest_year(engine, listed, graph, caplog):
    caplog.set_level(logging.INFO, "loam")
    collection = "MODIS/061/MCD12Q1"
    engine.collections[collection] = [
        listed(f"{year}_01_01", f"{year}-01-01T00:00:00Z", ["LC_Type1"], collection=collection)
        for year in (2021, 2023, 2022)
    ]
    engine.bands["mcd12q1_1"], engine.dtype["*"] = 10, "u1"
    source = engine.source("mcd12q1")
    source.read_map("mcd12q1", GRID)
    expression = graph(engine.pixels()[0])
    assert expression.ids() == {"MODIS/061/MCD12Q1/2023_01_01"}
    assert not expression.calls("Image.resample")
    assert not expression.calls("Image.reduceResolution")
    assert source.notes["assets"] == {"mcd12q1": "MODIS/061/MCD12Q1/2023_01_01"}
    assert "2023_01_01" in caplog.text


def test_codes_beyond_a_byte_are_kept_in_two(engine):
    engine.bands["corine_1"], engine.dtype["*"] = 312, "u2"
    found = engine.source("corine").read_map("corine", GRID)
    assert found.dtype == np.uint16
    assert (found == 312).all()


def test_missing_pixels_are_nan_and_scaled_values_are_not(engine, graph):
    engine.bands |= {f"soc_{number}": np.array([[-9999, 250, 251, 0]] * 3) for number in (1, 2, 3, 4)}
    found = engine.source("soilgrids").read_map("soc", GRID)
    assert np.allclose(found[0, 0], [np.nan, 2.5, 2.51, 0], equal_nan=True)  # dg/kg -> %
    assert graph(engine.pixels()[0]).ids() == {"projects/soilgrids-isric/soc_mean"}


@pytest.mark.parametrize(("variable", "raw", "value"), [("clay", 285, 28.5), ("bulk_density", 132, 1.32)])
def test_soilgrids_come_in_canonical_units(engine, variable, raw, value):
    engine.bands["*"] = raw
    assert np.allclose(engine.source("soilgrids").read_map(variable, GRID), value)


def test_available_water_is_field_capacity_less_wilting_point(engine, listed, graph):
    collection = "ISRIC/SoilGrids250m/v20"
    engine.collections[collection] = [listed(name, None, [], collection=collection) for name in ("Q0_95", "mean")]
    engine.bands["*"] = 148
    found = engine.source("soilgrids").read_map("awc", GRID)
    assert np.allclose(found, 14.8)
    expression = graph(engine.pixels()[0])
    assert expression.ids() == {"ISRIC/SoilGrids250m/v20/mean"}
    assert len(expression.calls("Image.subtract")) == 4
    chosen = [call["bandSelectors"][0] for call in expression.calls("Image.select")]
    assert {"wv0033_30-60cm", "wv1500_30-60cm"} <= set(chosen)


def test_a_layer_between_two_depths_is_their_mean(engine, graph):
    engine.bands["*"] = 1500
    found = engine.source("solus100").read_map("soc", GRID)
    assert np.allclose(found, 1.5)
    expression = graph(engine.pixels()[0])
    assert expression.ids() == {"USDA/SOLUS100/V0/soc"}
    assert len(expression.calls("Image.add")) == len(expression.calls("Image.divide")) == 4


def test_a_mosaic_is_made_of_the_tiles_that_touch_the_grid(engine, listed, graph):
    engine.collections[GLO30] = [listed(name, None, ["DEM"], collection=GLO30) for name in ("S43E146", "S43E147")]
    engine.bands["elevation_1"] = 77
    assert (engine.source("glo30").read_map("elevation", GRID) == 77).all()
    (query,) = engine.lists()
    assert "intersects" in query["filter"][0]
    expression = graph(engine.pixels()[0])
    assert expression.ids() == {f"{GLO30}/S43E146", f"{GLO30}/S43E147"}
    assert expression.calls("ImageCollection.mosaic")
    assert expression.calls("Image.setDefaultProjection")
    assert expression.calls("Image.reduceResolution")


def test_a_tile_at_sea_is_missing_and_costs_no_pixels(engine, listed):
    engine.collections[GLO30] = [listed("S43E147", None, ["DEM"], collection=GLO30)]
    source = engine.source("glo30")
    engine.nothing_there = True
    for _ in range(2):
        assert np.isnan(source.read_map("elevation", GRID)).all()
    assert engine.pixels() == []
    assert len([query for query in engine.lists() if "filter" not in query]) == 1


def test_an_empty_collection_is_said(engine):
    engine.collections[GLO30] = []
    with pytest.raises(AcquireError, match=f"{GLO30}: no image is listed"):
        engine.source("glo30").read_map("elevation", GRID)
    assert engine.pixels() == []


def test_an_attribute_that_is_not_in_the_collection_is_said(slga):
    slga.collections[SLGA].pop(2)
    with pytest.raises(AcquireError, match="CLY.*no image is listed"):
        slga.source("slga").read_map("clay", GRID)


def test_a_collection_without_the_named_image_says_what_it_has(engine, listed):
    collection = "ISRIC/SoilGrids250m/v20"
    engine.collections[collection] = [listed("Q0_5", None, [], collection=collection)]
    with pytest.raises(AcquireError, match="has no image mean; expected it among Q0_5"):
        engine.source("soilgrids").read_map("awc", GRID)


def test_an_asset_is_looked_up_once_for_all_tiles(slga):
    source = slga.source("slga")
    for _ in range(3):
        source.read_map("clay", GRID)
    assert len(slga.lists()) == 1
    assert len(slga.pixels()) == 3


def test_a_variable_that_earth_engine_lacks_is_said(engine):
    with pytest.raises(ConfigError, match="'awc' is not on Earth Engine.*soc, clay, bulk_density"):
        engine.source("solus100").read_map("awc", GRID)


def test_the_clients_are_named(engine):
    assert engine.source("slga").clients().keys() == {"earthengine-api"}
