"""Stations meet the cube or their point tables; those that cannot are named and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
from build_samples import stage as build_samples_stage
from calibrate_map import stage as calibrate_stage
from cube_probes import DAYS, LAYERS, moisture_of, stations_at
from map_rival import stage as map_rival_stage
from map_soil_moisture import stage as map_stage
from measure_area import stage as area_stage
from measure_levels import stage as measure_stage
from networks import a_network
from samples import NO_GAPS, SETTINGS, sampled
from scipy import stats
from series import series_of_columns

from loam.covariates.features import feature_set
from loam.covariates.read.tiles import TileInputs
from loam.errors import ConfigError, TableError
from loam.io.schemas import HALF_WIDTHS, LEVEL_FIELDS, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.mapping.engine import Engine
from loam.models.parts.initial import draw_parameters
from loam.raster.grid import write_grid
from loam.rivals.boosted_trees import trees
from loam.samples.build import build_series
from loam.samples.domains import domain_of_cube
from loam.samples.point_tables import read_points
from loam.samples.probes import within_period
from loam.samples.station_pixels import pixels_of
from loam.samples.windows import Windows
from loam.training.card import load_members, write_members
from loam.training.ranges import range_of_rows
from loam.trust.dissimilarity import area_of_applicability, write_area

NAMES = [layer["name"] for layer in LAYERS]
FEATURES = {
    "static": ["elevation", "clay_1"],
    "daily": [{"name": "tmin", "lags": [0, 0]}, {"name": "rain_5", "lags": [0, 1]}],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE", "AGRI", "SAVA", "IRRI"]}],
    "day_of_year": False,
    "sequence": {"variables": ["sm_surface", "sm_rootzone"], "lags": [0, 2]},
}
COVARIATES = {
    "domains": {"source": "points", "target": "cube"}, "landcover": "majority", "cell_index": "nearest",
    "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid", "outliers": None},
    "rain_sums": {"days": [5, 30], "missing_share": 0.2},
}  # fmt: skip


def found(source, daily, stations, tmp_path):
    return domain_of_cube("target", source, daily, stations, NAMES, tmp_path / "daily.parquet")


def series_of(source, daily, stations, tmp_path, features=FEATURES, groups=()):
    return build_series(found(source, daily, stations, tmp_path), SETTINGS, groups=groups, features=features)


def test_a_station_is_the_pixel_that_holds_it(world):
    places = {"a": (20, 50), "b": (74, 109)}
    stations = stations_at(world.grid, places)
    rows, cols = pixels_of(world.grid, stations)
    assert list(zip(rows, cols, strict=True)) == list(places.values())
    stations["longitude"] += 0.0004  # 33 m east: still in the pixel
    assert pixels_of(world.grid, stations)[1].tolist() == [50, 109]


def test_rows_are_the_stations_days_with_their_pixels_covariates(world, tmp_path):
    places = {"b": (60, 30), "a": (20, 50)}
    domain = found(world.cube(), moisture_of("a", "b"), stations_at(world.grid, places), tmp_path)
    series, rows, _ = sampled(domain, tmp_path, LAYERS, FEATURES, ["landcover", "soil"])
    assert domain.moisture.index.get_level_values("station").tolist() == ["a"] * 20 + ["b"] * 20
    assert rows.columns[-len(feature_set(FEATURES).columns) :].tolist() == feature_set(FEATURES).columns
    for name, place in places.items():
        own = rows[rows["station"] == name]
        assert (own["clay_1"] == np.float64(world.maps["clay"][0][place])).all()
    assert set(rows["soil"]) == {"clay"}
    assert set(rows["landcover"]) <= {"PAST", "FORE", "AGRI", "SAVA", "IRRI", "OTHER"}
    assert len(rows) > 20 and series.stations == ["a", "b"]


def test_stations_without_a_pixel_are_named_with_their_reason(world, tmp_path, caplog):
    places = {"in": (20, 50), "off": (-5, 50), "wet": (30, 2), "unknown": (1, 60)}
    domain = found(world.cube(), moisture_of(*places), stations_at(world.grid, places), tmp_path)
    assert set(domain.about.index) == set(domain.moisture.index.get_level_values("station")) == {"in"}
    reasons = {"off": "outside the grid", "wet": "in the sea", "unknown": "masked pixel"}
    assert domain.lost == {(name, reason, ""): 20 for name, reason in reasons.items()}
    for name, reason in reasons.items():
        assert f"target: station {name} is left out: {reason}" in caplog.text


def test_days_without_moisture_are_counted_and_not_read(world, tmp_path):
    daily = moisture_of("a", "b")
    daily.loc[(daily["station"] == "a") & daily["date"].isin(DAYS[:3]), "moisture"] = np.nan
    daily.loc[(daily["station"] == "a") & (daily["date"] == DAYS[5]) & (daily["layer"] == "surface"), "moisture"] = (
        np.nan
    )
    daily.loc[daily["station"] == "b", "moisture"] = np.nan
    domain = found(world.cube(), daily, stations_at(world.grid, {"a": (20, 50), "b": (60, 30)}), tmp_path)
    assert domain.moisture.index.get_level_values("date").tolist() == DAYS[3:].tolist()
    assert domain.moisture["surface"].isna().sum() == 1 and domain.moisture["subsurface"].notna().all()
    missing = "surface, subsurface"
    assert domain.lost == {("a", "all layers", missing): 3, ("b", "all layers", missing): 20}


def test_a_domain_off_the_grid_stops_with_the_reasons(world, tmp_path):
    with pytest.raises(
        TableError,
        match="no station of the target domain has moisture and lies on land of the grid.*off: outside the grid",
    ):
        found(world.cube(), moisture_of("off"), stations_at(world.grid, {"off": (-5, 50)}), tmp_path)


def test_the_store_holds_the_days_before_the_first_row_that_lags_read_and_nothing_of_a_lag(world, tmp_path):
    series = series_of(world.cube(), moisture_of("a"), stations_at(world.grid, {"a": (20, 50)}), tmp_path)
    assert (series.days[0], series.days[-1]) == (DAYS[0] - pd.Timedelta(days=2), DAYS[-1])
    assert list(series.daily) == ["tmin", "rain_5", "sm_surface", "sm_rootzone"]
    assert series.variables == feature_set(FEATURES).columns[:2] + [
        f"landcover_{name}" for name in ("PAST", "FORE", "AGRI", "SAVA", "IRRI")]  # fmt: skip
    assert np.isfinite(series.daily["sm_rootzone"][0]).all() and np.isnan(series.daily["tmin"][0, :2]).all()
    assert np.isnan(series.moisture[0, 0, :2]).all() and np.isfinite(series.moisture[0, 0, 2:]).all()


def point_tables(tmp_path, names, months=("2020-01", "2020-02", "2020-03")):
    rng = np.random.default_rng(3)
    folder = tmp_path / "points"
    folder.mkdir(exist_ok=True)
    paths = []
    for kind, columns in (("smap", ["sm_surface", "sm_rootzone"]), ("weather", ["tmin", "tmax", "rain"])):
        for month in months:
            days = pd.date_range(f"{month}-01", periods=pd.Period(month).days_in_month)
            frame = pd.DataFrame({"station": np.repeat(names, len(days)), "date": np.tile(days, len(names))})
            for column in columns:
                frame[column] = rng.uniform(0.1, 0.5, len(frame)).astype(np.float32)
            if kind == "smap":
                frame["n_fields"] = 8
            paths.append(folder / f"{kind}_{month}.parquet")
            frame.to_parquet(paths[-1], index=False)
    clay = pd.DataFrame({"station": names, **{f"clay_{k}": 20.0 + k + np.arange(len(names)) for k in range(1, 5)}})
    for name, frame in (
        ("clay", clay), ("dem", pd.DataFrame({"station": names, "elevation": 100.0 + np.arange(len(names))})),
        ("cover", pd.DataFrame({"station": names, "clum": [320, 430, 541, 220][: len(names)]})),
    ):  # fmt: skip
        paths.append(folder / f"{name}.parquet")
        frame.to_parquet(paths[-1], index=False)
    return paths


def test_point_tables_give_what_their_columns_say(world, tmp_path):
    names = ["s1", "s2", "s3"]
    paths = point_tables(tmp_path, names)
    stations = stations_at(world.grid, dict.fromkeys(names, (-500, 10)))
    domain = found(read_points(paths), moisture_of(*names), stations, tmp_path)
    _, rows, _ = sampled(domain, tmp_path, LAYERS, FEATURES, ["landcover"])
    weather = pd.concat([pd.read_parquet(path) for path in paths if "weather" in path.name]).set_index(
        ["station", "date"]
    )
    rain = weather["rain"].astype(float)
    for name, columns in rows.groupby("station"):
        days = columns["date"]
        expected = rain[name].rolling(5).sum()
        np.testing.assert_allclose(columns["rain_5_0"], expected[days], rtol=1e-6)
        np.testing.assert_allclose(columns["rain_5_1"], expected[days - pd.Timedelta(days=1)], rtol=1e-6)
        assert (columns["tmin_0"].to_numpy() == weather["tmin"][name][days].to_numpy(float)).all()
        assert set(columns["clay_1"]) == {21.0 + names.index(name)}
    first = rows[rows["station"] == "s1"].iloc[0]
    assert first["landcover_PAST"] == 1 and first["landcover_IRRI"] == 0
    assert rows["landcover"][rows["station"] == "s3"].unique().tolist() == ["OTHER"]
    assert len(rows) == 60


def test_what_point_tables_lack_or_repeat_is_named(world, tmp_path):
    names = ["s1", "s2"]
    paths = point_tables(tmp_path, names)
    stations = stations_at(world.grid, dict.fromkeys(names, (-500, 10)))
    with pytest.raises(ConfigError, match="no table has covariate 'slope'.*wetness need neighbours"):
        series_of(read_points(paths), moisture_of(*names), stations, tmp_path, {**FEATURES, "static": ["slope"]})
    with pytest.raises(TableError, match="station s1 has 2020-01-01 in two tables of tmin, tmax, rain"):
        read_points([*paths, next(path for path in paths if path.name == "weather_2020-01.parquet")])
    bad = tmp_path / "bad.parquet"
    frame = pd.read_parquet(paths[3])
    frame.loc[7, "tmin"] = 290.0
    frame.to_parquet(bad)
    with pytest.raises(
        TableError, match="bad.parquet: tmin is 290 at station s1 on 2020-01-08; expected -90 to 60 degC"
    ):
        read_points([bad])
    again = pd.concat([frame, frame.head(1)])
    again.to_parquet(bad)
    with pytest.raises(TableError, match="s1 2020-01-01 .* is there twice"):
        read_points([bad])


def test_only_days_of_the_period_are_sampled():
    daily = moisture_of("a")
    first, last = daily["date"].min() + pd.Timedelta(days=3), daily["date"].max() - pd.Timedelta(days=2)
    kept = within_period(daily, [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"], "target")
    assert (kept["date"].min(), kept["date"].max()) == (first, last)
    with pytest.raises(TableError, match=r"acquire.period.target.*no day of the target domain's probes"):
        within_period(daily, ["1990-01-01", "1990-12-31"], "target")


UNSCALED = {"method": "level_and_dynamics", "finite_sample": False, "levels": [0.9]}


def run_samples(world, tmp_path, places):
    write_grid(world.grid, tmp_path / "grid.json")
    names = ["s1", "s2", "s3"]
    source = stations_at(world.grid, dict.fromkeys(names, (-500, 10)))
    target = stations_at(world.grid, places)
    paths = {
        "grid": [tmp_path / "grid.json"], "static": [world.folder / "static.zarr"],
        "source_points": point_tables(tmp_path, names),
        "target_points": [], "dynamic": sorted((world.folder / "dynamic").glob("*.zarr")),
        "daily": [tmp_path / f"daily_{domain}.parquet" for domain in "st"],
        "stations": [tmp_path / f"stations_{domain}.parquet" for domain in "st"],
        **{name: tmp_path / f"out_{name}.parquet" for name in ("source", "target")},
        **{f"{name}_series": tmp_path / f"out_{name}.zarr" for name in ("source", "target")},
        "dropped": tmp_path / "dropped.csv",
    }  # fmt: skip
    for place, (frame, seed) in enumerate(((source, 1), (target, 2))):
        moisture_of(*frame["station"], seed=seed).to_parquet(paths["daily"][place], index=False)
        frame.to_parquet(paths["stations"][place], index=False)
    values = {
        "layers": LAYERS, "features": FEATURES, "covariates": COVARIATES,
        "samples": {"from": "cube", "columns": {}, "groups": ["landcover"], "gaps": NO_GAPS, "teachers": [],
                    "block": 1},
        "acquire": {"period": {"source": ["1900-01-01", "2100-12-31"], "target": ["1900-01-01", "2100-12-31"]}},
    }  # fmt: skip
    build_samples_stage(paths, values)
    return paths, values


def test_the_script_samples_a_region_and_a_set_of_stations(world, tmp_path):
    places = {"a": (20, 50), "b": (60, 30), "wet": (30, 2), "clay hole": (60, 70)}
    paths, _ = run_samples(world, tmp_path, places)
    target, dropped = read_table(paths["target"]), read_table(paths["dropped"])
    assert target["station"].unique().tolist() == ["a", "b"]
    assert target.columns[:4].tolist() == ["station", "date", "latitude", "longitude"]
    assert set(feature_set(FEATURES).columns) <= set(target) and not target[feature_set(FEATURES).columns].isna().any(
        axis=None
    )
    of = dropped.set_index(["station", "reason"])["rows"]
    assert of["wet", "in the sea"] == 20
    assert of["clay hole", "covariate"].sum() == 20
    assert of["a", "kept"] == (target["station"] == "a").sum()
    assert dropped[dropped["domain"] == "target"].groupby("station")["rows"].sum().eq(20).all()
    assert set(read_table(paths["source"])["station"]) == {"s1", "s2", "s3"}


def test_a_map_from_the_cube_shows_what_the_samples_predict(world, tmp_path):
    paths, values = run_samples(world, tmp_path, {"a": (20, 50), "b": (60, 30)})
    features = feature_set(FEATURES)
    settings = {"hidden": [8, 4], "frozen": 0, "output": "linear"}
    network = a_network("mlp", settings, features.shape, 2)
    scaler = {"mean": [10.0] * len(features.columns), "std": [100.0] * len(features.columns)}
    target = read_table(paths["target"])
    layers = ["surface", "subsurface"]
    windows = Windows(series_of_columns(target, features, layers), features, layers, "target")
    assert len(windows) == len(target)
    seen = range_of_rows(windows, [np.arange(len(target))])
    card = {"model": "mlp", "scenario": "target", "layers": layers, "features": features.columns,
            "shape": list(features.shape), "network": settings, "family": {}, "training": {"loss": "concordance"},
            "members": [{"scaler": scaler}] * 2, "range": seen.described()}  # fmt: skip
    files = {"weights": [tmp_path / "w.safetensors"], "card": [tmp_path / "card.json"], "map": tmp_path / "map.tif",
             "trust": tmp_path / "trust.tif", "half_widths": tmp_path / "half_widths.csv",
             "area": tmp_path / "area.npz"}  # fmt: skip
    write_area(area_of_applicability(target[features.columns].to_numpy(float), target["station"]), files["area"])
    widths = [
        ("folds", "mlp", "target", "subsurface", level, level / 10, np.inf, 3) for level in (0.9, 0.5)
    ]  # none of surface
    write_table(pd.DataFrame(widths, columns=list(HALF_WIDTHS.columns)), files["half_widths"], HALF_WIDTHS)
    parameters = draw_parameters(network, range(2))
    parameters["output.bias"] += 0.4
    write_members([parameters], card, files["weights"][0], files["card"][0])
    day = target[target["station"] == "b"]["date"].iloc[-1]
    more = {
        "run": "test",
        "date": str(day.date()),
        "mapping": {"inputs": [], "outside": "extrapolate", "encoding": "float32", "licence": None},
        "data_licences": [],
        "training": {"device": "cpu"},
        "systems": [
            {
                "model": "mlp",
                "scenario": "target",
                "scored": "mlp",
                "plugin": "loam.models.mlp:Network",
                "window": None,
                "rival": False,
                "neighbours": False,
            }
        ],
        "threads": 1,
        "day_boundary": "00:00+00:00",
    }
    map_stage({**paths, **files, "grid": paths["grid"][0]}, {**values, **more})
    with rasterio.open(files["map"]) as dataset:
        mapped = dataset.read()
    row = target[(target["station"] == "b") & (target["date"] == day)][features.columns].to_numpy(np.float32, copy=True)
    static, cells = row[:, : features.shape[0]], row[:, features.shape[0] :].reshape(1, *features.shape[1:])
    engine = Engine(load_members(files["weights"][0], files["card"][0]), "cpu")
    mean, deviation = engine.predict(TileInputs(np.zeros(1, int), static, np.zeros(1, int), cells))
    half = np.array([np.nan, 0.09]), np.array([np.nan, 0.05])
    ends = [mean[0] - half[0], mean[0] + half[0], mean[0] - half[1], mean[0] + half[1]]
    expected = np.concatenate([mean[0], deviation[0], *(end.clip(0, 1) for end in ends)])
    np.testing.assert_allclose(mapped[:, 60, 30], expected, rtol=1e-5)
    assert np.isnan(mapped[0, :, :6]).all() and np.isfinite(mapped[0]).sum() > 3000
    assert np.nanstd(mapped[0]) > 0.001
    with rasterio.open(files["trust"]) as dataset:
        inside = dataset.read(1)
    assert inside[60, 30] == 1, "a sampled pixel lies within the range of its samples"
    assert set(np.unique(inside)) == {0, 1, 2, 255} and ((inside >= 2) == np.isnan(mapped[0])).all()

    # What a user measures at station b moves the level of its pixel, and of no other where the probes show no range.
    place, said = target[target["station"] == "b"].iloc[0], float(mapped[0, 60, 30])
    files |= {name: tmp_path / f"{name}.csv" for name in ("measurements", "measured", "level_fields")}
    row = f"{place['longitude']},{place['latitude']},{more['date']},surface,{said + 0.1:.4f}"
    files["measurements"].write_text(f"longitude,latitude,date,layer,moisture\n{row}\n")
    own = target.assign(protocol="folds", size=0, draw=1, model="mlp", scenario="target", rows="all", fold=1,
                        domain="target", layer="surface", observed=0.3,
                        predicted=target["station"].map({"a": 0.2, "b": 0.42}))  # fmt: skip
    files["predictions"] = [tmp_path / "predictions.parquet"]
    write_table(own.reindex(columns=[*PREDICTIONS.columns]), files["predictions"][0], PREDICTIONS)
    more["days"] = [more["date"]]
    measure_stage({**paths, **files, "grid": paths["grid"][0], "samples": []}, {**values, **more})
    (field,) = read_table(files["level_fields"], LEVEL_FIELDS).itertuples()
    assert field.between == pytest.approx((0.1**2 + 0.12**2) / 2) and np.isnan(field.range_km)
    map_stage({**paths, **files, "grid": paths["grid"][0]}, {**values, **more})
    with rasterio.open(files["map"]) as dataset:
        shift = dataset.read(1) - mapped[0]
    assert shift[60, 30] == pytest.approx(0.1, abs=0.001), "residuals that never vary about their mean tell the level"
    shift[60, 30] = 0
    assert np.nanmax(np.abs(shift)) == 0


def test_a_rival_s_map_from_the_cube_is_of_the_trees_that_all_samples_give(world, tmp_path):
    paths, values = run_samples(world, tmp_path, {"a": (20, 50), "b": (60, 30)})
    both = [read_table(paths[domain]) for domain in ("target", "source")]
    day = both[0][both[0]["station"] == "b"]["date"].iloc[-1]
    more = {
        "run": "test", "date": str(day.date()), "rival": "boosted_trees_all",
        "plugin": "loam.rivals.boosted_trees:trees",
        "mapping": {"inputs": [], "outside": "extrapolate", "encoding": "float32", "licence": None},
        "data_licences": [], "day_boundary": "00:00+00:00", "seed": 3, "threads": 1,
    }  # fmt: skip
    files = {"map": tmp_path / "map.tif", "trust": tmp_path / "trust.tif", "truth": []}
    map_rival_stage({**paths, **files, "grid": paths["grid"][0]}, {**values, **more})
    columns, rows = feature_set(FEATURES).columns, pd.concat(both)
    at = (both[0]["station"] == "b") & (both[0]["date"] == day)
    with rasterio.open(files["map"]) as dataset:
        mapped = dict(zip(dataset.descriptions, dataset.read(), strict=True))
        assert dataset.tags()["model"] == "boosted_trees_all" and dataset.tags()["scenario"] == "both"
    for layer in ("surface", "subsurface"):
        seen = rows[rows[layer].notna()]
        fitted = trees(3).fit(seen[columns].to_numpy(float), seen[layer].to_numpy(float))
        expected = fitted.predict(both[0].loc[at, columns].to_numpy(float)).clip(0, 1)
        np.testing.assert_allclose(mapped[f"{layer}_mean"][60, 30], expected[0], rtol=1e-5)
        assert np.isnan(mapped[f"{layer}_std"]).all()
    with rasterio.open(files["trust"]) as dataset:
        assert dataset.read(1)[60, 30] == 1

    # As the map itself, where the scores chose it: the same moisture, with the intervals of its held-out residuals.
    network = {"model": "mlp", "scenario": "target", "scored": "mlp", "plugin": "loam.models.mlp:Network",
               "window": None, "rival": False, "neighbours": False}  # fmt: skip
    chosen = {**network, "model": "boosted_trees_all", "scenario": "both", "scored": "boosted_trees_all",
              "plugin": "loam.rivals.boosted_trees:trees", "rival": True}  # fmt: skip
    more |= {"systems": [network, chosen], "training": {"device": "cpu"}, "evaluation": {"intervals": UNSCALED}}
    more["mapping"] |= {"encoding": "float32"}
    files |= {
        "weights": [tmp_path / "none"], "card": [tmp_path / "none"], "half_widths": tmp_path / "half_widths.csv",
        "learned_source": paths["source"], "learned_target": paths["target"], "area": tmp_path / "area.npz",
        "chosen": tmp_path / "chosen.json", "predictions": [tmp_path / "none", tmp_path / "held_out.parquet"],
    }  # fmt: skip
    files["chosen"].write_text('{"model": "boosted_trees_all", "scenario": "both", "why": "the best of 2"}')
    held = both[0].assign(protocol="folds", size=0, draw=1, model="boosted_trees_all", scenario="both", rows="all",
                          fold=1, domain="target", layer="surface", observed=0.3,
                          predicted=both[0]["station"].map({"a": 0.2, "b": 0.42}))  # fmt: skip
    wrong = held.assign(scenario="target", predicted=0.9)
    held = pd.concat([held, wrong]).reindex(columns=[*PREDICTIONS.columns])
    write_table(held, files["predictions"][1], PREDICTIONS)
    calibrate_stage(files, {**values, **more})
    area_stage(
        {
            "source": paths["source_series"],
            "target": paths["target_series"],
            **{k: files[k] for k in ("area", "chosen")},
        },
        {**values, **more},
    )
    map_stage({**paths, **files, "grid": paths["grid"][0]}, {**values, **more})
    with rasterio.open(files["map"]) as dataset:
        again = dict(zip(dataset.descriptions, dataset.read(), strict=True))
        assert (dataset.tags()["model"], dataset.tags()["chosen"]) == ("boosted_trees_all", "the best of 2")
    np.testing.assert_array_equal(again["surface_mean"], mapped["surface_mean"])
    half = stats.t.ppf(0.95, 2) * np.sqrt((0.1**2 + 0.12**2) / 2)
    np.testing.assert_allclose(
        again["surface_upper90"][60, 30], min(1, again["surface_mean"][60, 30] + half), rtol=1e-5
    )
    assert np.isnan(again["subsurface_upper90"]).all() and np.isnan(again["surface_std"]).all()
