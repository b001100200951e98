"""Short versions of the runs on real data, through the workflow."""

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from rio_cogeo.cogeo import cog_validate

from loam.config.map_bands import band_names
from loam.io.schemas import FOLDS
from loam.io.tables import read_table
from loam.mapping.trust import INCOMPLETE
from loam.probes.products import DAILY
from loam.probes.quality.flags import Flag
from loam.training.ranges import INSIDE, NO_VALUE


def short_run(copy_project, project, folder, name, data):
    """Run ``config/<name>.yaml`` with few epochs, steps and seeds, large batches and the quick rivals."""
    config = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    config["data_dir"] = str(data)
    short = {"steps": 50, "seeds": 1}
    config.setdefault("training", {}).update(
        models=["mlp", "mlp_within"], epochs=2, patience=1, batch_size=1024, mlp_within=short
    )  # fmt: skip
    rivals = ["same_day_mean", "kriging", "boosted_trees_all"]
    more = {"bootstrap": 100, "rivals": rivals, "conditioned": ["mlp_within"]}
    config["evaluation"] = {**config.get("evaluation", {}), **more}
    config["level"] = {**config.get("level", {}), "stack": {"of": ["climatology"], "models": ["mlp_within"]},
                       "mix": {"models": ["mlp_within"]}}  # fmt: skip
    config["training"]["protocol_settings"] = {"nested": {"folds": 2}}
    checkout = copy_project(project, folder, config)
    result = checkout.snakemake()
    assert result.returncode == 0, result.stderr[-4000:]
    return checkout.folder / "results" / name


def run_until(rule, copy_project, project, folder, name, data):
    """Run ``config/<name>.yaml`` as it is, only as far as ``rule``."""
    config = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    checkout = copy_project(project, folder, {**config, "data_dir": str(data)})
    result = checkout.snakemake("--until", rule)
    assert result.returncode == 0, result.stderr[-4000:]
    return checkout.folder / "results" / name


@pytest.fixture(scope="module")
def murrumbidgee(copy_project, project, shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("murrumbidgee") / "loam"
    return run_until("merge_folds", copy_project, project, folder, "murrumbidgee", shared_data)


@pytest.fixture(scope="module")
def yanco(copy_project, project, shared_data, tmp_path_factory):
    return short_run(copy_project, project, tmp_path_factory.mktemp("yanco") / "loam", "yanco", shared_data)


def test_murrumbidgee_holds_out_thirteen_stations_in_two_layers(murrumbidgee):
    folds = read_table(murrumbidgee / "folds.csv", FOLDS)
    held_out = folds.loc[folds["role"] == "test", "station"]
    assert held_out.nunique() == 13 and set(held_out.str[0]) == {"Y"}
    target = read_table(murrumbidgee / "samples" / "target.parquet")
    observed = target.groupby("station")[["surface", "subsurface"]].count()
    assert (observed["surface"] > 0).sum() == 13 and (observed["subsurface"] > 0).any()
    source = read_table(murrumbidgee / "samples" / "source.parquet")
    assert set(source["station"].str[0]) == {"M", "A", "K"}


def test_murrumbidgee_has_no_overwritten_month(murrumbidgee):
    report = pd.read_csv(murrumbidgee / "probes" / "target" / "qc_report.csv")
    copied = report[(report["flag"] == "repeats_depth") & (report["counted"] == "layer")]
    assert set(copied["station"]) == {f"Y{number}" for number in range(1, 14) if number != 3}
    target = read_table(murrumbidgee / "samples" / "target.parquet")
    y1 = target[(target["station"] == "Y1") & (target["date"] >= "2009-06-01")]
    assert y1["subsurface"].isna().all() and y1["surface"].notna().any()


def test_murrumbidgee_s_copied_readings_are_found_as_a_person_found_them(murrumbidgee, shared_data):
    """What was found in the files by hand, the quality control finds by itself."""
    folders = [murrumbidgee / "probes" / domain for domain in ("source", "target")]
    tables = [read_table(folder / "daily.parquet", DAILY) for folder in folders]
    assert [table["station"].nunique() for table in tables] == [25, 13]
    daily, report = pd.concat(tables), pd.concat([pd.read_csv(folder / "qc_report.csv") for folder in folders])
    below = daily[daily["layer"] == "subsurface"]
    copied = below[(below["qc"] & Flag.REPEATS_DEPTH.value) != 0]
    stations = {"K6", "K7", "K8", *(f"K{n}" for n in range(10, 15)), *(f"Y{n}" for n in range(1, 14) if n != 3)}
    assert set(copied["station"]) == stations and copied["moisture"].isna().all()
    assert copied["date"].min() == pd.Timestamp("2009-06-01") and len(copied) == 9650
    folder = shared_data / "murrumbidgee"
    middle, deep = (pd.read_csv(folder / f"{name}.csv", index_col=0, parse_dates=True) for name in ("middle", "deep"))
    equal = (middle == deep.reindex_like(middle)) & (middle.index >= "2009-06-01")[:, None] & (middle > 0)
    out_of_range = int((equal & ((middle > 65) | (middle < 0))).to_numpy().sum())
    assert int(equal.to_numpy().sum()) == len(copied) + out_of_range, "no copied reading is missed"
    assert daily["moisture"].max() <= 0.65
    a4 = report[(report["station"] == "A4") & (report["flag"] == "stuck") & (report["counted"] == "day")]
    assert a4["number"].tolist() == [88]


@pytest.fixture(scope="module")
def uscrn(copy_project, project, shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uscrn") / "loam"
    return run_until("build_samples", copy_project, project, folder, "uscrn", shared_data)


def test_uscrn_has_both_layers_of_every_station_with_the_depths(uscrn):
    for domain in ("source", "target"):
        report = pd.read_csv(uscrn / "probes" / domain / "qc_report.csv", dtype={"station": str})
        days = report[(report["counted"] == "day") & (report["flag"] == "kept") & (report["number"] > 0)]
        deep = set(days.loc[days["place"] == "50 cm", "station"]) & set(days.loc[days["place"] == "20 cm", "station"])
        kept = report[(report["counted"] == "layer") & (report["flag"] == "kept") & (report["number"] > 0)]
        for layer in ("surface", "subsurface"):
            assert deep <= set(kept.loc[kept["place"] == layer, "station"]), (domain, layer)
        assert len(deep) > 20


def test_uscrn_parts_the_domains_at_100_degrees_west(uscrn):
    source, target = (read_table(uscrn / "samples" / f"{domain}.parquet") for domain in ("source", "target"))
    assert source["longitude"].min() >= -100 > target["longitude"].max()
    assert pd.concat([source, target])["latitude"].between(24, 50).all()
    assert source["rain_90_0"].notna().all() and source["surface"].between(0, 0.6).mean() > 0.9


def test_yanco_maps_the_day_on_the_rasters_grid(yanco, shared_data):
    path = yanco / "maps" / "2016-02-05" / "soil_moisture.tif"
    valid, errors, warnings = cog_validate(path)
    assert valid and not errors and not warnings
    with rasterio.open(path) as raster, rasterio.open(shared_data / "yanco/rasters/DEM_100m_resampled.tif") as dem:
        assert raster.descriptions == tuple(band_names(["surface"]))
        assert (raster.tags()["members"], raster.tags()["trained_on"]) == ("8", "all stations")
        assert (raster.crs, raster.transform, raster.shape) == (dem.crs, dem.transform, dem.shape)
        mapped = ~np.ma.getmaskarray(raster.read(1, masked=True))
    with rasterio.open(path.with_name("trust.tif")) as trust:
        side = trust.read(1)
    assert 0.9 < (side != INCOMPLETE).mean() < 1, "pixels without a soil value are not mapped"
    assert (side != NO_VALUE).all(), "and all of them are land"
    assert (mapped == (side < INCOMPLETE)).all(), "all others are, and most lie outside the range of the training data"
    assert 0.1 < (side == INSIDE).mean() < 0.3


def test_yanco_has_no_repeated_probe(yanco):
    stations = pd.unique(read_table(yanco / "predictions.parquet")["station"])
    assert len(stations) == 12
    source = read_table(yanco / "samples" / "source.parquet")
    assert source["station"].nunique() == 14 and not {"y8", "y9"} & {*source["station"], *stations}


def test_yanco_scores_a_stacked_level_and_the_residuals_of_other_probes(yanco):
    summary = pd.read_csv(yanco / "evaluation" / "summary.csv")
    assert {"mlp_within", "mlp_within_stacked", "mlp_within_conditioned"} <= set(summary["model"])
    folder = yanco / "models" / "leave_one_station_out" / "mlp_within_stacked" / "both"
    weights = pd.read_csv(folder / "weights.csv")
    assert weights.groupby("station")["weight"].sum().to_numpy() == pytest.approx(np.ones(12))
    assert set(weights["stations"]) == {11} and set(weights["system"]) == {"mlp_within", "climatology"}
