"""Measurements shift a map near them, by what the level's error is worth, and nothing that came later does."""

import numpy as np
import pandas as pd
import pytest
import rasterio

from loam.covariates.features import feature_set
from loam.errors import TableError
from loam.evaluation.level_field import level_fields
from loam.evaluation.level_model import LevelModel
from loam.io.schemas import LEVEL_FIELDS, MEASURED
from loam.mapping import level_shift
from loam.mapping.day_map import map_day
from loam.mapping.engine import Engine
from loam.mapping.measured_levels import MeasuredLevels, predict_measured
from loam.raster.grid import crs_of, grid_like, project

from .conftest import DAY, FEATURES

LAYERS = ["surface", "subsurface"]
MODEL = LevelModel(between=0.0064, within=0.0004, share=0.0, length=1.0)


def fields(range_km):
    about = {"stations": 9, "between": 0.0064, "within": 0.0004, "share": 0.0, "length": 1.0, "ratio": 5.0}
    return LEVEL_FIELDS.validate(pd.DataFrame([{"layer": name, **about, "range_km": range_km} for name in LAYERS])[
        [*LEVEL_FIELDS.columns]
    ])  # fmt: skip


def pixels(*rows):
    """Of (row, col, day, layer, measured)."""
    table = pd.DataFrame(rows, columns=["row", "col", "date", "layer", "measured"])
    return table.assign(date=pd.to_datetime(table["date"]), name="pit")


@pytest.fixture
def grid(region):
    return grid_like(region["land"], 32)


@pytest.fixture
def measured(region, members, grid):
    """The measurements with what two members say of them, and the members' engine."""
    engine = Engine(members("mlp", 2), "cpu")

    def of(*rows, days=(DAY,)):
        return predict_measured(
            engine, feature_set(FEATURES), region["inputs"], pixels(*rows), grid, days, outside="clip",
            day_boundary="00:00+00:00", probes=lambda day: None,
        )  # fmt: skip

    return engine, of


def maps(region, engine, grid, path, levels=None, **how):
    map_day(engine, feature_set(FEATURES), region["inputs"], DAY, grid, path, path.with_name("trust.tif"), {},
            levels=levels, encoding="float32", **how)  # fmt: skip
    with rasterio.open(path) as dataset:
        return dict(zip(dataset.descriptions, dataset.read(), strict=True))


def test_what_is_predicted_at_a_measurement_is_what_the_map_says_there(region, measured, grid, tmp_path):
    engine, of = measured
    table = MEASURED.validate(of((11, 40, DAY, "surface", 0.2), (40, 3, DAY, "subsurface", 0.3)))
    plain = maps(region, engine, grid, tmp_path / "map.tif")
    assert table["predicted"].tolist() == pytest.approx(
        [plain["surface_mean"][11, 40], plain["subsurface_mean"][40, 3]], abs=6e-4
    )
    x, y = project(*grid.centres_of(np.array([11]), np.array([40])), crs_of(grid.geobox), "EPSG:4326")
    assert (table["longitude"].iloc[0], table["latitude"].iloc[0]) == pytest.approx((x[0], y[0]))


def test_a_map_is_shifted_by_the_level_of_its_own_layer_less_the_farther(region, measured, grid, tmp_path):
    engine, of = measured
    table = of((20, 30, DAY, "surface", 0.5))
    plain = maps(region, engine, grid, tmp_path / "plain.tif")
    shifted = maps(region, engine, grid, tmp_path / "map.tif", MeasuredLevels(table, fields(1.0), LAYERS, DAY))
    residual = 0.5 - table["predicted"].iloc[0]
    whole = MODEL.level(np.array([0]), np.array([residual]))[0]
    assert abs(whole) > 0.02
    for row, col in ((20, 30), (20, 40), (28, 36), (44, 0)):
        before, after = plain["surface_mean"][row, col], shifted["surface_mean"][row, col]
        away = 0.08 * np.hypot(row - 20, col - 30)
        assert after == pytest.approx(np.clip(before + whole * np.exp(-away), 0, 1), abs=1.2e-3)
    np.testing.assert_array_equal(shifted["subsurface_mean"], plain["subsurface_mean"])
    np.testing.assert_array_equal(shifted["surface_std"], plain["surface_std"])


def test_without_a_range_the_pixel_itself_is_shifted_and_no_other(region, measured, grid, tmp_path, caplog):
    caplog.set_level("INFO", "loam")
    engine, of = measured
    table = of((20, 30, DAY, "surface", 0.5))
    plain = maps(region, engine, grid, tmp_path / "plain.tif")
    levels = MeasuredLevels(table, fields(np.nan), LAYERS, DAY)
    shifted = maps(region, engine, grid, tmp_path / "map.tif", levels)
    moved = np.argwhere(~np.isclose(shifted["surface_mean"], plain["surface_mean"], atol=1e-6, equal_nan=True))
    assert moved.tolist() == [[20, 30]]
    assert "1 measurements of surface shift the map" in caplog.text and "and nowhere else" in caplog.text


def test_what_is_measured_after_the_map_s_day_is_not_used_and_counted(measured, grid, caplog):
    caplog.set_level("INFO", "loam")
    table = measured[1]((20, 30, DAY, "surface", 0.5))
    later = table.assign(date=pd.Timestamp("2022-08-16"), measured=0.9)
    tile = grid.tiles[0]
    both, alone, none = (
        MeasuredLevels(some, fields(1.0), LAYERS, DAY).at(grid, tile, np.arange(100))
        for some in (pd.concat([table, later]), table, later)
    )
    np.testing.assert_array_equal(both, alone)
    assert (none == 0).all() and np.abs(alone).max() > 0
    assert f"{DAY}: 1 of 2 measurements are of later days and not used" in caplog.text


def test_a_pixel_without_inputs_and_a_day_without_any_are_counted_and_say_nothing(measured, caplog):
    table = measured[1](
        (20, 30, DAY, "surface", 0.5), (6, 10, DAY, "surface", 0.5), (20, 30, "2019-01-01", "surface", 0.5),
        (3, 65, DAY, "surface", 0.5),
    )  # fmt: skip
    assert len(table) == 1
    assert "3 of 4 measurements say nothing" in caplog.text and "first pit on" in caplog.text


def test_pixels_in_parts_give_what_they_give_at_once_and_the_bound_is_kept(measured, grid, monkeypatch):
    table = measured[1]((20, 30, DAY, "surface", 1.0), (22, 30, DAY, "surface", 0.9), (9, 9, DAY, "subsurface", 0.0))
    levels, tile = MeasuredLevels(table, fields(3.0), LAYERS, DAY), grid.tiles[0]
    pixel = np.arange(0, 900, 7)
    whole = levels.at(grid, tile, pixel)
    monkeypatch.setattr(level_shift, "AT_ONCE", 10)
    np.testing.assert_allclose(levels.at(grid, tile, pixel), whole, rtol=0, atol=1e-15)
    base = np.linspace(0.3, 1, 2 * len(pixel), dtype=np.float32).reshape(-1, 2)
    mean, left = levels.moved(grid, tile, pixel, base)
    np.testing.assert_allclose(mean, (base + whole).clip(0, 1), rtol=0, atol=1e-6)
    assert mean.dtype == np.float32 and 0 < left.sum() < len(left)
    np.testing.assert_array_equal(left, (np.abs(base + whole - 0.5) > 0.5).any(1))


def predictions(levels, days=60):
    generator = np.random.default_rng(3)
    parts = [
        pd.DataFrame({"size": 0, "draw": 1, "layer": "surface", "station": f"s{place}", "predicted": 0.3,
                      "date": pd.date_range("2021-01-01", periods=days),
                      "observed": 0.3 + level + generator.normal(0, 0.02, days)})
        for place, level in enumerate(levels)
    ]  # fmt: skip
    return pd.concat(parts)


def places(count):
    return pd.DataFrame(
        {"latitude": np.full(count, -35.0), "longitude": 147 + 0.05 * np.arange(count)},
        index=[f"s{place}" for place in range(count)],
    )


def test_a_field_comes_from_the_held_out_residuals_and_says_whether_it_has_a_range(caplog):
    caplog.set_level("INFO", "loam")
    smooth = 0.08 * np.sin(np.arange(24) / 3)
    rough = 0.08 * (-1.0) ** np.arange(24)
    near, none = (level_fields(predictions(level), places(24), ["surface"]).iloc[0] for level in (smooth, rough))
    assert near["range_km"] > 5 and near["ratio"] > 2.71 and near["stations"] == 24
    assert np.sqrt(near["between"]) == pytest.approx(np.sqrt(np.mean(smooth**2)), rel=0.1)
    assert np.isnan(none["range_km"])
    assert "it shows no range, so that a measurement shifts its own pixel alone" in caplog.text


def test_one_station_tells_no_field():
    with pytest.raises(TableError, match="'mapping.measurements': 1 stations have held-out predictions of layer surf"):
        level_fields(predictions([0.1]), places(1), ["surface"])
