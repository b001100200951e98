"""A map beside the truth: scores are those of all pixels of a group at once, however the files are cut into blocks."""

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import score_map as script
import xarray as xr
from affine import Affine

from loam.errors import RasterError
from loam.evaluation.map_score import moments_of, score_map
from loam.evaluation.metrics import scores
from loam.io.schemas import INTERVALS, MAP_SCORES, METRICS
from loam.io.tables import read_table

NAMES = ["surface", "subsurface"]
LAYERS = [{"name": name} for name in NAMES]
DAY = "2022-08-15"
CORNER = (540_000.0, 5_360_000.0)
COVERS = {"PAST": 1, "FORE": 2, "AGRI": 3}
ROWS, COLS = 61, 83
HALF = {90: 0.06, 50: 0.03}  # of the intervals, m3 m-3


def write_raster(path, bands, dtype="float32", nodata=np.nan, corner=CORNER):
    """A GeoTIFF of 80 m pixels with bands by name."""
    height, width = next(iter(bands.values())).shape
    profile = {"driver": "GTiff", "dtype": dtype, "count": len(bands), "height": height, "width": width,
               "crs": "EPSG:28355", "transform": Affine(80.0, 0, corner[0], 0, -80.0, corner[1]), "nodata": nodata,
               "tiled": True, "blockxsize": 16, "blockysize": 16}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        for number, (name, values) in enumerate(bands.items(), start=1):
            dataset.write(values.astype(dtype), number)
            dataset.set_band_description(number, name)


def write_truth(path, fields, cover=None, corner=CORNER, **attributes):
    """A truth of two days, of which the first is absurd."""
    height, width = fields["surface"].shape
    variables = {
        name: (("time", "y", "x"), np.stack([field * 0 + 9, field]), {"grid_mapping": "crs"})
        for name, field in fields.items()
    }
    if cover is not None:
        flags = {"flag_values": np.array(list(COVERS.values()), np.uint8), "flag_meanings": " ".join(COVERS)}
        variables["landcover"] = (("y", "x"), cover, {"grid_mapping": "crs", **flags, **attributes})
    x, y = corner[0] + 80 * (np.arange(width) + 0.5), corner[1] - 80 * (np.arange(height) + 0.5)
    dataset = xr.Dataset(variables, coords={"time": pd.DatetimeIndex(["2022-08-14", DAY]), "y": y, "x": x})
    dataset["crs"] = ((), np.int32(0), pyproj.CRS("EPSG:28355").to_cf())
    encoding = {"landcover": {"_FillValue": np.uint8(0)}} if cover is not None else {}
    dataset.to_netcdf(path, engine="netcdf4", encoding=encoding)


@pytest.fixture
def world(tmp_path):
    """A random map of a random truth with gaps of either, three land covers, and a range; as arrays and as files."""
    rng = np.random.default_rng(4)
    truth = {name: rng.uniform(0.1, 0.4, (ROWS, COLS)).astype(np.float32) for name in NAMES}
    means = {name: (0.7 * field + 0.1 + rng.normal(0, 0.04, field.shape)).astype(np.float32)
             for name, field in truth.items()}  # fmt: skip
    stds = {name: rng.uniform(0.005, 0.06, field.shape).astype(np.float32) for name, field in truth.items()}
    cover = rng.integers(0, 3, (ROWS, COLS)).astype(np.uint8)  # 0: not known; 3: nowhere
    cover[:, :20] = 1
    inside = (rng.random((ROWS, COLS)) < 0.6).astype(np.uint8)
    for name in NAMES:
        truth[name][rng.random((ROWS, COLS)) < 0.1] = np.nan
    gap = rng.random((ROWS, COLS)) < 0.2
    gap[30:50, 30:60] = True
    for fields in (means, stds):
        for name in NAMES:
            fields[name][gap] = np.nan
    inside[gap] = 255
    arrays = {"truth": truth, "means": means, "stds": stds, "cover": cover, "inside": inside}
    return {**arrays, "paths": write_world(tmp_path, **arrays), "folder": tmp_path}


def write_world(folder, truth, means, stds, cover, inside, intervals=True):
    bands = {f"{name}_mean": values for name, values in means.items()}
    bands |= {f"{name}_std": values for name, values in stds.items()}
    for level, half in HALF.items() if intervals else ():
        for end, side in (("lower", -1), ("upper", 1)):
            bands |= {f"{name}_{end}{level}": values + side * np.float32(half) for name, values in means.items()}
    write_raster(folder / "map.tif", bands)
    write_raster(folder / "trust.tif", {"inside_training_range": inside}, "uint8", 255)
    write_truth(folder / "truth.nc", truth, cover)
    return {"map": folder / "map.tif", "trust": folder / "trust.tif", "truth": folder / "truth.nc"}


def table_of(paths, block=1024, layers=NAMES):
    return score_map(paths["map"], paths["trust"], paths["truth"], layers, DAY, block)


@pytest.mark.parametrize("block", [7, 16, 40, 1024])
def test_scores_are_those_of_all_pixels_of_a_group_at_once(world, block):
    table = MAP_SCORES.validate(table_of(world["paths"], block))
    groups = {("all", "all"): np.ones((ROWS, COLS), bool)}
    groups |= {("landcover", name): world["cover"] == code for name, code in COVERS.items()}
    groups |= {("range", "inside"): world["inside"] == 1, ("range", "outside"): world["inside"] == 0}
    assert list(zip(table["layer"], table["group"], table["value"], strict=True)) == [
        (layer, *group) for layer in NAMES for group in groups
    ]
    for row in table.itertuples():
        truth, mean, std = (world[part][row.layer] for part in ("truth", "means", "stds"))
        own = groups[row.group, row.value] & np.isfinite(truth) & np.isfinite(mean)
        observed, predicted, spread = (field[own].astype(float) for field in (truth, mean, std))
        assert row.n == own.sum()
        if not row.n:
            assert row.value == "AGRI"
            assert np.isnan([getattr(row, name) for name in [*METRICS, "std_mean", "members_90", *INTERVALS]]).all()
            continue
        expected = scores(observed, predicted)
        expected["std_mean"] = spread.mean()
        expected["members_90"] = (
            (observed >= predicted - 1.645 * spread) & (observed <= predicted + 1.645 * spread)
        ).mean()
        for level, half in HALF.items():
            lower, upper = (predicted.astype(np.float32) + side * np.float32(half) for side in (-1, 1))
            expected[f"within_{level}"] = ((observed >= lower) & (observed <= upper)).mean()
            expected[f"width_{level}"] = (upper.astype(float) - lower).mean()
        for name, value in expected.items():
            assert getattr(row, name) == pytest.approx(value, rel=1e-11, abs=1e-15), (row.value, name)
        assert 0.1 < row.members_90 < 0.9 and row.within_50 < row.within_90 < 1


def test_the_sides_of_the_area_of_applicability_are_scored_where_it_is_known(world):
    outside = np.arange(ROWS * COLS).reshape(ROWS, COLS) % 3 == 0
    unknown = np.zeros((ROWS, COLS), bool)
    unknown[:4] = True
    bands = {
        "inside_training_range": world["inside"],
        "dissimilarity": np.where(unknown, 255, np.where(outside, 140, 60)),
    }  # fmt: skip
    write_raster(world["folder"] / "graded.tif", bands, "uint8", 255)
    paths = write_world(world["folder"], **{key: world[key] for key in ("truth", "means", "stds", "cover", "inside")})
    table = score_map(paths["map"], world["folder"] / "graded.tif", paths["truth"], list(world["truth"]), DAY, block=16)
    MAP_SCORES.validate(table)
    of_area = table[table["group"] == "area"].set_index(["layer", "value"])
    for layer, truth in world["truth"].items():
        known = np.isfinite(truth) & np.isfinite(world["means"][layer]) & ~unknown
        for name, part in (("inside", known & ~outside), ("outside", known & outside)):
            error = (world["means"][layer].astype(np.float32).astype(float) - truth.astype(float))[part]
            row = of_area.loc[layer, name]
            assert row["n"] == part.sum() and row["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
            assert 0 < row["within_90"] <= 1
    plain = score_map(paths["map"], paths["trust"], paths["truth"], list(world["truth"]), DAY)
    pd.testing.assert_frame_equal(table[table["group"] != "area"].reset_index(drop=True), plain, rtol=1e-9)


def test_the_two_sides_of_the_range_make_up_all_pixels(world):
    table = table_of(world["paths"]).set_index(["layer", "value"])
    for layer in NAMES:
        sides = table.loc[layer].loc[["inside", "outside"]]
        assert sides["n"].sum() == table.loc[(layer, "all"), "n"]
        assert (sides["mae"] * sides["n"]).sum() / sides["n"].sum() == pytest.approx(table.loc[(layer, "all"), "mae"])


def test_a_small_spread_about_a_large_mean_keeps_its_digits():
    """The naive sums of squares would lose all of them: 1e8 squared has no room for 1e-4 squared."""
    rng = np.random.default_rng(0)
    observed = 1e8 + rng.normal(0, 1e3, 5000)
    predicted = observed + 2e8 + rng.normal(0, 1e-2, 5000)
    std = np.ones(5000)
    ends = np.stack([predicted - 1, predicted + 1] * 2)
    total = moments_of(observed[:1], predicted[:1], std[:1], ends[:, :1])
    for start, stop in ((1, 2), (2, 900), (900, 5000)):
        total = total.merged(moments_of(*(part[..., start:stop] for part in (observed, predicted, std, ends))))
    expected = scores(observed, predicted)
    assert total.scores()["ubrmse"] == pytest.approx(expected["ubrmse"], rel=1e-6)
    assert total.scores()["ccc"] == pytest.approx(expected["ccc"], rel=1e-9)


@pytest.mark.parametrize(
    ("observed", "predicted"),
    [([0.2], [0.25]), ([0.3, 0.3, 0.3], [0.1, 0.2, 0.4]), ([0.3, 0.3], [0.2, 0.2 + 1e-9]), ([0.1, 0.2], [0.4, 0.3])],
)
def test_scores_that_are_not_defined_are_those_of_the_metrics(observed, predicted):
    observed, predicted = np.array(observed), np.array(predicted)
    found = moments_of(observed, predicted, np.full(len(observed), 0.01), np.full((4, len(observed)), np.nan)).scores()
    for name, value in scores(observed, predicted).items():
        assert found[name] == pytest.approx(value, nan_ok=True, abs=1e-9), name


def test_one_member_and_a_map_without_intervals_have_errors_alone(world):
    stds = {name: np.full((ROWS, COLS), np.nan, np.float32) for name in NAMES}
    paths = write_world(world["folder"], **{**{key: world[key] for key in ("truth", "means", "cover", "inside")},
                                            "stds": stds}, intervals=False)  # fmt: skip
    table = table_of(paths)
    assert table[["std_mean", "members_90", *INTERVALS]].isna().all(axis=None)
    assert table.loc[table["n"] > 0, "rmse"].gt(0).all()


def test_a_truth_without_land_cover_is_scored_without_it(world):
    write_truth(world["paths"]["truth"], world["truth"])
    table = table_of(world["paths"])
    assert table["value"].tolist() == ["all", "inside", "outside"] * 2


def test_the_right_day_and_layer_are_compared(world):
    """The other day's truth is 9 everywhere, and the other layer has errors of its own."""
    table = table_of(world["paths"], layers=["subsurface"])
    assert table["layer"].unique().tolist() == ["subsurface"]
    assert table.loc[0, "mae"] < 0.2
    with pytest.raises(RasterError, match="has no 2022-08-20"):
        score_map(*(world["paths"][name] for name in ("map", "trust", "truth")), NAMES, "2022-08-20")
    with pytest.raises(RasterError, match="has no variable deep"):
        table_of(world["paths"], layers=["deep"])


def test_files_that_do_not_fit_each_other_are_refused(world):
    paths, folder = world["paths"], world["folder"]
    moved = (CORNER[0] + 40, CORNER[1])
    write_truth(folder / "moved.nc", world["truth"], corner=moved)
    with pytest.raises(RasterError, match=r"moved.nc: has another grid than the map"):
        table_of({**paths, "truth": folder / "moved.nc"})
    write_raster(folder / "moved.tif", {"inside_training_range": world["inside"]}, "uint8", 255, moved)
    with pytest.raises(RasterError, match=r"moved.tif: has another grid than the map"):
        table_of({**paths, "trust": folder / "moved.tif"})
    with pytest.raises(RasterError, match=r"map.tif: has no band inside_training_range"):
        table_of({**paths, "trust": paths["map"]})
    write_raster(folder / "unranged.tif", {"inside_training_range": np.full((ROWS, COLS), 255)}, "uint8", 255)
    with pytest.raises(RasterError, match=r"unranged.tif: has no value at a pixel where map.tif has one"):
        table_of({**paths, "trust": folder / "unranged.tif"})
    write_truth(folder / "none.nc", {name: np.full((ROWS, COLS), np.nan, np.float32) for name in NAMES})
    with pytest.raises(RasterError, match="shares no pixel of 'surface' with the truth"):
        table_of({**paths, "truth": folder / "none.nc"})


@pytest.mark.parametrize("meanings", ["", "PAST FORE"])
def test_land_cover_without_the_meaning_of_its_codes_is_refused(world, meanings):
    write_truth(world["paths"]["truth"], world["truth"], world["cover"], flag_meanings=meanings)
    with pytest.raises(RasterError, match="'landcover' does not say what its codes mean.*flag_values"):
        table_of(world["paths"])


def test_the_script_writes_the_table(world):
    paths = {**world["paths"], "score": world["folder"] / "score.csv"}
    script.stage(paths, {"layers": LAYERS, "date": DAY})
    written = read_table(paths["score"], MAP_SCORES)
    pd.testing.assert_frame_equal(written, table_of(paths), check_dtype=False)


def test_masked_pixels_are_counted_in_their_groups_and_change_no_score_of_the_others(world):
    kept = table_of(world["paths"])
    outside = world["inside"] == 0
    masked = {part: {name: np.where(outside, np.nan, values) for name, values in world[part].items()}
              for part in ("means", "stds")}  # fmt: skip
    table = table_of(write_world(world["folder"], **{**{key: world[key] for key in ("truth", "cover", "inside")},
                                                     **masked}), block=16)  # fmt: skip
    assert (kept["masked"] == 0).all()
    inside, before = (frame[frame["value"] == "inside"].drop(columns="masked") for frame in (table, kept))
    pd.testing.assert_frame_equal(inside, before, rtol=1e-11)
    rows = table.set_index(["layer", "value"])
    for layer in NAMES:
        beyond = outside & np.isfinite(world["truth"][layer])
        groups = {name: (world["cover"] == code) & beyond for name, code in COVERS.items()}
        groups |= {"all": beyond, "outside": beyond, "inside": beyond & ~beyond}
        for name, pixels in groups.items():
            assert rows.loc[(layer, name), "masked"] == pixels.sum(), name
        assert rows.loc[(layer, "outside"), "n"] == 0 and np.isnan(rows.loc[(layer, "outside"), "rmse"])
        assert rows.loc[(layer, "all"), "rmse"] == rows.loc[(layer, "inside"), "rmse"]


def test_a_map_that_is_masked_everywhere_has_no_score_and_says_how_many_pixels(world):
    nothing = {name: np.full((ROWS, COLS), np.nan) for name in NAMES}
    parts = {"truth": world["truth"], "cover": world["cover"], "inside": np.zeros((ROWS, COLS), np.uint8)}
    table = MAP_SCORES.validate(table_of(write_world(world["folder"], means=nothing, stds=nothing, **parts)))
    assert (table["n"] == 0).all() and table["rmse"].isna().all()
    whole = table[(table["value"] == "all") & (table["layer"] == "surface")]["masked"].item()
    assert whole == np.isfinite(world["truth"]["surface"]).sum()


def test_a_truth_in_percent_is_scored_as_a_fraction(world):
    expected = table_of(world["paths"])
    percent(world["paths"], "%")
    found = table_of(world["paths"])
    np.testing.assert_allclose(found["bias"], expected["bias"], atol=1e-6)
    np.testing.assert_allclose(found["mae"], expected["mae"], atol=1e-6)


def test_a_truth_in_percent_that_says_it_is_a_fraction_is_refused(world):
    percent(world["paths"], "m3 m-3")
    with pytest.raises(RasterError, match=r"variable surface.*expected 0 to 0.95 m3 m-3"):
        table_of(world["paths"])


def percent(paths, units):
    """Write the truth again in percent, with these units."""
    with xr.open_dataset(paths["truth"], engine="netcdf4") as opened:
        dataset = opened.load()
    for name in NAMES:
        dataset[name] = (dataset[name] * 100).assign_attrs(dataset[name].attrs | {"units": units})
    dataset.to_netcdf(paths["truth"], engine="netcdf4")
