"""The mapping engine: its short cuts give what running every member on every pixel gives."""

import logging

import numpy as np
import pytest
import rasterio
import torch
from rio_cogeo.cogeo import cog_validate

from loam.config.map_bands import band_names
from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.covariates.read.tiles import TileInputs
from loam.mapping import engine as engine_module
from loam.mapping.day_map import map_day
from loam.mapping.engine import Engine
from loam.mapping.half_widths import HalfWidths
from loam.mapping.pores import Pores
from loam.raster.bands import values_of_band
from loam.raster.grid import grid_like, open_raster

from .conftest import COLS, DAY, FEATURES, ROWS, write_tiff


def plainly(members, inputs):
    """Every member on every pixel with all its features, nothing shared: [member, pixel, layer]."""
    sequence = inputs.cells[inputs.cell]
    both = np.concatenate([inputs.static, sequence.reshape(len(sequence), -1)], axis=1)
    outputs = []
    for place in range(len(members)):
        network, scaler = members.network_of(place)
        mean, std = map(torch.from_numpy, (members.scaler.mean, members.scaler.std))
        scaled = ((torch.from_numpy(both).double() - mean[scaler]) / std[scaler]).float()
        static, rest = scaled.split([inputs.static.shape[1], sequence[0].size], dim=1)
        with torch.no_grad():
            outputs.append(network({"static": static, "sequence": rest.reshape(sequence.shape)})[:, -1].numpy())
    return np.stack(outputs)


def make_map(region, drawn, path, *, tile=32, features=FEATURES, tags=None, **how):
    """Map the region with the drawn members; the grid it was mapped on."""
    grid = grid_like(region["land"], tile)
    map_day(Engine(drawn, "cpu"), feature_set(features), region["inputs"], DAY, grid, path,
            path.with_name("trust.tif"), tags or {}, **{"encoding": "float32", **how})  # fmt: skip
    return grid


def read_map(path):
    with open_raster(path) as dataset:
        return {name: values_of_band(dataset, band) for band, name in enumerate(dataset.descriptions, start=1)}


@pytest.mark.parametrize("model", ["mlp", "lstm"])
@pytest.mark.parametrize("one_scaler", [True, False])
def test_a_map_is_the_mean_and_deviation_of_all_members_at_each_pixel(region, members, tmp_path, model, one_scaler):
    drawn = members(model, 5, one_scaler=one_scaler)
    grid = make_map(region, drawn, tmp_path / "map.tif")
    found = read_map(tmp_path / "map.tif")
    compared = 0
    with open_day(region["inputs"], feature_set(FEATURES), DAY, grid) as rasters:
        for tile in grid.tiles:
            inputs = rasters.read(tile)
            outputs = plainly(drawn, inputs).astype(np.float64)
            rows, cols = tile.row + inputs.pixel // tile.width, tile.col + inputs.pixel % tile.width
            for number, layer in enumerate(("surface", "subsurface")):
                expected = {
                    "mean": outputs[..., number].mean(axis=0).clip(0, 1),
                    "std": outputs[..., number].std(axis=0, ddof=1),
                }
                for statistic, values in expected.items():
                    assert np.allclose(found[f"{layer}_{statistic}"][rows, cols], values, rtol=0, atol=1e-5)
                    assert values.std() > 1e-3  # pixels differ, so agreement means something
            compared += len(inputs.pixel)
    assert compared == region["mapped"].sum()


def test_only_land_with_every_input_is_mapped(region, members, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "loam"):
        make_map(region, members("mlp", 2), tmp_path / "map.tif")
    for values in read_map(tmp_path / "map.tif").values():
        assert (np.isfinite(values) == region["mapped"]).all()
    assert "missing clay: 4.00 % of the land" in caplog.text
    assert "landcover: code 9 is none of the model's classes, 5 pixels" in caplog.text


@pytest.mark.parametrize("tile", [16, 512])
def test_tiling_and_chunks_change_nothing(region, members, tmp_path, monkeypatch, tile):
    drawn = members("lstm", 3)
    make_map(region, drawn, tmp_path / "a.tif")
    monkeypatch.setitem(engine_module.CHUNK, "cpu", 7)
    make_map(region, drawn, tmp_path / "b.tif", tile=tile)
    for name, values in read_map(tmp_path / "a.tif").items():
        assert np.allclose(values, read_map(tmp_path / "b.tif")[name], rtol=0, atol=2e-6, equal_nan=True)


def test_threads_change_nothing(region, members, tmp_path, caplog):
    drawn = members("lstm", 3)
    drawn.card["range"] = HALF
    for threads in (1, 3):
        caplog.clear()
        with caplog.at_level(logging.INFO, "loam"):
            make_map(region, drawn, tmp_path / f"{threads}.tif", tile=16, threads=threads)
        told = [line for line in caplog.messages if "seconds of" not in line and "tiles" not in line]
        both = read_map(tmp_path / f"{threads}.tif"), read_map(tmp_path / "trust.tif"), told
        if threads == 1:
            once = both
    for before, after in zip(once[:2], both[:2], strict=True):
        assert all(np.array_equal(values, after[name], equal_nan=True) for name, values in before.items())
    assert once[2] == both[2] and len(told) > 4


def test_the_recurrent_part_runs_once_a_cell_and_member(region, members, monkeypatch):
    drawn = members("lstm", 3)
    engine = Engine(drawn, "cpu")
    seen = []
    for network in engine.networks:
        network.encoder.register_forward_hook(lambda module, given, result: seen.append(len(given[0])))
    grid = grid_like(region["land"], 512)
    with open_day(region["inputs"], feature_set(FEATURES), DAY, grid) as rasters:
        inputs = rasters.read(grid.tiles[0])
    engine.predict(inputs)
    assert len(inputs.pixel) > 2000
    assert seen == [6, 6, 6]


def test_one_member_has_no_deviation(members):
    rng = np.random.default_rng(0)
    inputs = TileInputs(
        np.arange(9), rng.random((9, 8), np.float32), np.zeros(9, int), rng.random((1, 4, 2), np.float32)
    )
    mean, deviation = Engine(members("lstm", 1), "cpu").predict(inputs)
    assert np.isfinite(mean).all()
    assert np.isnan(deviation).all()


def test_moisture_beyond_the_possible_becomes_the_bound_and_its_spread_stays(members):
    drawn = members("mlp", 2)
    drawn.parameters[0]["output.weight"][:] = 0
    drawn.parameters[0]["output.bias"][:] = torch.tensor([[-0.4, 1.7], [-1.4, 1.7]])
    inputs = TileInputs(np.arange(3), np.ones((3, 8), np.float32), np.zeros(3, int), np.ones((1, 4, 2), np.float32))
    mean, deviation = Engine(drawn, "cpu").predict(inputs)
    assert (mean == [0, 1]).all()
    assert np.allclose(deviation, [np.sqrt(0.5), 0], atol=1e-6)


def test_a_tile_without_a_complete_pixel_gives_none(members):
    inputs = TileInputs(
        np.empty(0, int), np.empty((0, 8), np.float32), np.empty(0, int), np.empty((0, 4, 2), np.float32)
    )
    mean, deviation = Engine(members("lstm", 2), "cpu").predict(inputs)
    assert mean.shape == deviation.shape == (0, 2)


def test_members_without_a_sequence_map_too(region, members, tmp_path):
    without = {**FEATURES, "sequence": {"variables": [], "lags": [0, 0]}}
    drawn = members("mlp", 4, features=without, layers=("surface",))
    grid = make_map(region, drawn, tmp_path / "map.tif", features=without)
    with open_day(region["inputs"], feature_set(without), DAY, grid) as rasters:
        inputs = rasters.read(grid.tiles[0])
    tile = grid.tiles[0]
    expected = plainly(drawn, inputs)[..., 0].mean(axis=0).clip(0, 1)
    found = read_map(tmp_path / "map.tif")["surface_mean"][inputs.pixel // tile.width, inputs.pixel % tile.width]
    assert np.allclose(found, expected, rtol=0, atol=1e-5)


def test_the_file_is_a_valid_cog_that_says_what_it_holds(region, members, tmp_path):
    path = tmp_path / "map.tif"
    make_map(region, members("mlp", 2), path, tags={"model": "mlp", "scenario": "transfer"})
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as dataset, rasterio.open(region["land"]) as land:
        assert dataset.descriptions == ("surface_mean", "subsurface_mean", "surface_std", "subsurface_std")
        assert dataset.units == ("m3 m-3",) * 4
        assert np.isnan(dataset.nodata)
        assert (dataset.crs, dataset.transform, dataset.shape) == (land.crs, land.transform, (ROWS, COLS))
        assert (dataset.compression.value, dataset.profile["tiled"]) == ("DEFLATE", True)
        assert dataset.overviews(1) == [2]
        assert {"model": "mlp", "scenario": "transfer", "day": DAY, "members": "2"}.items() <= dataset.tags().items()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["map.tif", "trust.tif"]


def test_a_map_that_fails_leaves_no_file(region, members, tmp_path):
    class Broken(Engine):
        def predict_checked(self, inputs, told=None):
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        map_day(
            Broken(members("mlp", 2), "cpu"), feature_set(FEATURES), region["inputs"], DAY,
            grid_like(region["land"], 32), tmp_path / "map.tif", tmp_path / "trust.tif", {},
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


HALF = {
    "minimum": [-1e4] * 16,
    "maximum": [450.0] + [1e4] * 15,
    "classes": {"landcover": [1, 1]},
}  # half the elevations


def test_pixels_outside_the_range_have_no_value_and_those_inside_the_same(region, members, tmp_path, caplog):
    drawn = members("mlp", 3)
    drawn.card["range"] = HALF
    make_map(region, drawn, tmp_path / "masked.tif", outside="mask")
    share = (read_map(tmp_path / "trust.tif")["inside_training_range"] == 0).sum() / region["mapped"].sum()
    assert 0.3 < share < 0.7
    assert f"({100 * share:.1f} %) lie outside the range of the training data and have no value" in caplog.text
    make_map(region, drawn, tmp_path / "kept.tif", outside="extrapolate")
    sides = read_map(tmp_path / "trust.tif")["inside_training_range"]
    for name, values in read_map(tmp_path / "masked.tif").items():
        kept = read_map(tmp_path / "kept.tif")[name]
        assert (np.isfinite(kept) == region["mapped"]).all()
        assert (np.isfinite(values) == (sides == 1)).all()
        assert np.array_equal(values[sides == 1], kept[sides == 1])
    for name, told in (("masked", "mask"), ("kept", "extrapolate")):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            assert dataset.tags()["outside_training_range"] == told


def test_a_mean_below_0_or_above_1_is_counted_before_it_becomes_the_bound(region, members, tmp_path, caplog):
    drawn = members("mlp", 2)
    drawn.card["range"] = HALF
    drawn.parameters[0]["output.weight"][:] = 0
    drawn.parameters[0]["output.bias"][:] = torch.tensor([[-0.4, 0.3], [-0.2, 0.3]])
    make_map(region, drawn, tmp_path / "map.tif", outside="mask")
    given = int((read_map(tmp_path / "trust.tif")["inside_training_range"] == 1).sum())
    assert f"{DAY}: at {given} of {given} pixels (100.00 %) a moisture below 0 or above 1 m3 m-3 became" in caplog.text
    moisture = read_map(tmp_path / "map.tif")["surface_mean"]
    assert (moisture[np.isfinite(moisture)] == 0).all()


def test_inputs_beyond_the_range_are_held_at_its_edge_and_those_inside_are_the_same(region, members, tmp_path, caplog):
    """A pixel's features with the elevation at its limit, and a cell's likewise, give what the clipped map has."""
    drawn = members("lstm", 3)
    limits = {**HALF, "minimum": [-1e4] * 8 + [0.3] * 8}  # and moisture of the cells from 0.3 on
    drawn.card["range"] = limits
    grid = make_map(region, drawn, tmp_path / "clipped.tif", tile=512)
    make_map(region, drawn, tmp_path / "kept.tif", outside="extrapolate")
    found, kept = (read_map(tmp_path / f"{name}.tif")["surface_mean"] for name in ("clipped", "kept"))
    sides = read_map(tmp_path / "trust.tif")["inside_training_range"]
    assert np.array_equal(found[sides == 1], kept[sides == 1]) and np.nanmax(np.abs(found - kept)) > 1e-3
    with open_day(region["inputs"], feature_set(FEATURES), DAY, grid) as rasters:
        inputs = rasters.read(grid.tiles[0])
    held = TileInputs(inputs.pixel, inputs.static.copy(), inputs.cell, np.maximum(inputs.cells, np.float32(0.3)))
    held.static[:, 0] = np.minimum(held.static[:, 0], 450)
    expected = Engine(drawn, "cpu").predict(held)[0][:, 0]
    assert np.allclose(found.ravel()[inputs.pixel], expected, rtol=0, atol=1e-6)
    assert "lie outside the range of the training data: their inputs were held at its edge" in caplog.text


def alike(widths):
    """Half widths of each level and layer, the same whatever the dissimilarity index."""
    layers = {level: [np.array([half]) for half in of_layers] for level, of_layers in widths.items()}
    return HalfWidths([np.array([np.inf])] * len(layers[0.9]), layers)


def test_intervals_lie_around_the_mean_within_the_possible(region, members, tmp_path):
    drawn = members("mlp", 2)
    widths = {0.9: np.array([0.6, np.nan]), 0.5: np.array([0.1, 0.2])}
    make_map(region, drawn, tmp_path / "map.tif", half_widths=alike(widths))
    bands = read_map(tmp_path / "map.tif")
    assert list(bands) == band_names(["surface", "subsurface"])
    for level, side, name in ((0.9, -1, "lower90"), (0.9, 1, "upper90"), (0.5, -1, "lower50"), (0.5, 1, "upper50")):
        for place, layer in enumerate(("surface", "subsurface")):
            expected = np.clip(bands[f"{layer}_mean"] + side * widths[level][place], 0, 1)
            assert np.allclose(bands[f"{layer}_{name}"], expected, atol=1e-6, equal_nan=True)
    assert np.isnan(bands["subsurface_lower90"]).all() and (bands["surface_lower90"] == 0).any()


@pytest.mark.parametrize("encoding", ["int16", "float32"])
def test_whole_numbers_stand_for_a_thousandth_each_and_bands_lie_apart(region, members, tmp_path, encoding):
    drawn = members("lstm", 3)
    make_map(region, drawn, tmp_path / "exact.tif", encoding="float32")
    make_map(region, drawn, tmp_path / "map.tif", encoding=encoding)
    assert cog_validate(tmp_path / "map.tif", strict=True) == (True, [], [])
    for name, values in read_map(tmp_path / "exact.tif").items():
        found = read_map(tmp_path / "map.tif")[name]
        assert np.allclose(found, values, rtol=0, atol=5.1e-4 if encoding == "int16" else 0, equal_nan=True)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.profile["interleave"] == "band" and dataset.dtypes == (encoding,) * 4
        assert set(dataset.units) == {"m3 m-3"} and set(dataset.offsets) == {0.0}
        assert set(dataset.scales) == ({0.001} if encoding == "int16" else {1.0})
        assert dataset.nodata == -32768 if encoding == "int16" else np.isnan(dataset.nodata)


def test_no_moisture_is_above_the_porosity_that_the_bulk_density_leaves(region, members, tmp_path, caplog):
    """1 - 1.59 / 2.65 = 0.4 in the upper 5 cm; of the deeper layer nothing is known."""
    features = {**FEATURES, "static": ["elevation", "bulk_density_1"]}
    drawn = members("mlp", 2, features=features)
    drawn.parameters[0]["output.weight"][:] = 0
    drawn.parameters[0]["output.bias"][:] = 0.5
    inputs = [item if item.feature != "clay" else item.model_copy(update={"feature": "bulk_density_1",
              "file": write_tiff(tmp_path / "density.tif", np.full((ROWS, COLS), 1.59, np.float32))})
              for item in region["inputs"]]  # fmt: skip
    layers = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}, {"name": "subsurface", "top_cm": 30, "bottom_cm": 60}]
    widths = dict.fromkeys((0.9, 0.5), np.full(2, 0.2))
    make_map({**region, "inputs": inputs}, drawn, tmp_path / "map.tif", features=features,
             pores=Pores(feature_set(features), layers), half_widths=alike(widths))  # fmt: skip
    bands = read_map(tmp_path / "map.tif")
    given = np.isfinite(bands["surface_mean"])
    for name, most in {"surface_mean": 0.4, "surface_upper90": 0.4, "surface_lower90": 0.2, "subsurface_mean": 0.5,
                       "subsurface_upper90": 0.7}.items():  # fmt: skip
        assert np.allclose(bands[name][given], most, atol=1e-6), name
    assert "(100.00 %) a moisture below 0 or above the porosity of the soil became the bound" in caplog.text


def test_porosity_of_a_layer_is_the_mean_over_its_depths():
    features = feature_set({**FEATURES, "static": [f"bulk_density_{depth}" for depth in (1, 2, 3, 4)]})
    density = np.array([[1.0, 1.2, 1.4, 1.6]])
    static = np.concatenate([density, np.ones((1, features.shape[0] - 4))], 1).astype(np.float32)
    inputs = TileInputs(np.zeros(1, int), static, np.zeros(1, int), np.ones((1, 4, 2), np.float32))
    layers = [{"name": "a", "top_cm": 0, "bottom_cm": 30}, {"name": "b", "top_cm": 20, "bottom_cm": 100}]
    upper = (5 * 1.0 + 10 * 1.2 + 15 * 1.4) / 30
    lower = (10 * 1.4 + 30 * 1.6) / 40
    pores = Pores(features, layers)
    assert pores.known and np.allclose(pores.at(inputs), [[1 - upper / 2.65, 1 - lower / 2.65]])
    assert not Pores(feature_set(FEATURES), layers).known


def test_possible_moisture_is_no_warning(region, members, tmp_path, caplog):
    drawn = members("mlp", 2)
    drawn.parameters[0]["output.weight"][:] = 0
    drawn.parameters[0]["output.bias"][:] = 0.3
    make_map(region, drawn, tmp_path / "map.tif")
    assert "became the bound" not in caplog.text and "outside the range of the training data" not in caplog.text
