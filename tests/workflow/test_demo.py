"""`make demo` in a fresh clone, as README and the tutorial print it, what it makes, and what reruns after a change."""

import copy
import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pystac
import pytest
import rasterio
import yaml
import zarr
from pages import changed_files, fresh_clone, printed_commands, run_as_printed
from pystac.validation import validate_dict
from rio_cogeo.cogeo import cog_validate

from loam.config.code import code_version, release
from loam.config.map_bands import band_names
from loam.io.schemas import MERGED, METRICS_TABLE, SUMMARY
from loam.io.tables import read_table

from .conftest import Checkout, jobs_of

TRAINING = {"train_source", "train_target", "fine_tune"}
AFTER_TRAINING = {
    "predict_held_out", "merge_predictions", "score_predictions", "describe_accuracy", "map_soil_moisture", "draw_map",
    "score_map", "build_report", "export_table", "calibrate_intervals", "adapt_levels", "audit_leakage",
}  # fmt: skip

OF_THE_MAP = {  # whose network, mlp_within, has a learning rate of its own
    "calibrate_map", "map_soil_moisture", "score_map", "describe_map", "list_maps",
}  # fmt: skip

AFTER_SCORES = {"score_predictions", "describe_accuracy", "draw_map", "build_report"}  # no map is computed again


INSTALLS = {"make test", "python3 -m venv .venv", "pip install -r requirements.txt -c constraints.txt"}


def printed(project, page):
    """The commands of a page but those that install or test, and those in the middle of its sentences."""
    text = (project / page).read_text(encoding="utf-8")
    return [line for line in printed_commands(text, sentences=False) if line not in INSTALLS]


@pytest.fixture(scope="module")
def demo(project, tmp_path_factory) -> Checkout:
    clone = fresh_clone(project, tmp_path_factory.mktemp("demo") / "loam")
    assert printed(project, "README.md")[0] == "make demo"
    done = run_as_printed(["make demo"], clone)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    (clone / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return Checkout(clone, yaml.safe_load((clone / "config" / "demo.yaml").read_text(encoding="utf-8")))


@pytest.fixture
def results(demo):
    return demo.folder / "results" / "demo"


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-run.md"])
def test_the_page_s_commands_work_in_their_order_and_make_nothing_twice(project, demo, page):
    commands = printed(project, page)
    *first, last = commands if page == "README.md" else commands[:-2]
    done = run_as_printed([*first, last], demo.folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "Nothing to be done" in done.stdout + done.stderr and "rule " not in done.stdout
    assert changed_files(demo.folder) == []


def test_the_tutorial_s_changed_line_trains_again_and_makes_no_world(project, demo):
    commands = printed(project, "docs/tutorial/first-run.md")
    change = [line for line in commands if "patient.yaml" in line]
    done = run_as_printed(change, demo.folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert jobs_of(done) == TRAINING | AFTER_TRAINING - OF_THE_MAP
    whole = run_as_printed(commands[-1:], demo.folder)
    assert commands[-1] == "snakemake --dry-run" and "make_sandbox_maps" in jobs_of(whole)


def test_the_demo_ends_with_its_scores_and_no_traceback(demo):
    said = (demo.folder / "said.txt").read_text(encoding="utf-8")
    assert "Traceback" not in said and "ERROR" not in said
    assert "Run demo: median over held-out stations" in said and "results/demo/report/index.html" in said


def test_every_model_scenario_and_rival_is_scored(results):
    metrics = read_table(results / "evaluation" / "metrics.csv", METRICS_TABLE)
    assert set(zip(metrics["model"], metrics["scenario"], strict=True)) == {
        *((model, scenario) for model in ("mlp", "lstm") for scenario in ("source", "target", "transfer")),
        ("mlp_within", "both"), ("mlp_neighbours", "both"),
        ("coarse", "none"), ("same_day_mean", "none"), ("boosted_trees", "target"), ("boosted_trees", "both"),
    }  # fmt: skip
    assert set(metrics["layer"]) == {"surface", "subsurface"}
    assert metrics.groupby(["model", "scenario", "layer"])["station"].nunique().eq(12).all()


def test_every_score_can_be_computed_again_from_the_predictions(results):
    predictions = read_table(results / "predictions.parquet", MERGED)
    metrics = read_table(results / "evaluation" / "metrics.csv", METRICS_TABLE)
    again = {}
    for key, rows in predictions.groupby(["model", "scenario", "layer", "station"]):
        error = rows["predicted"] - rows["observed"]
        again[key] = (len(rows), error.abs().mean(), np.sqrt((error**2).mean()), error.mean())
    assert len(again) == len(metrics)
    for row in metrics.itertuples():
        n, mae, rmse, bias = again[(row.model, row.scenario, row.layer, row.station)]
        assert row.n == n
        np.testing.assert_allclose([row.mae, row.rmse, row.bias], [mae, rmse, bias], rtol=1e-9, atol=1e-12)
    summary = read_table(results / "evaluation" / "summary.csv", SUMMARY)
    medians = metrics.groupby(["model", "scenario", "layer"])["rmse"].median()
    for row in summary[summary["metric"] == "rmse"].itertuples():
        assert row.median == pytest.approx(medians[(row.model, row.scenario, row.layer)])


def test_every_held_out_observation_is_predicted_once_by_each_network(results):
    predictions = read_table(results / "predictions.parquet", MERGED)
    target = read_table(results / "samples" / "target.parquet")
    observed = target[["surface", "subsurface"]].notna().to_numpy().sum()
    networks = predictions[predictions["model"].isin(["mlp", "lstm", "mlp_within", "mlp_neighbours"])]
    assert networks.groupby(["model", "scenario"]).size().eq(observed).all()


def test_the_map_is_a_cloud_optimised_geotiff_of_mean_spread_and_intervals(results):
    path = results / "maps" / "2022-08-15" / "soil_moisture.tif"
    valid, errors, warnings = cog_validate(path)
    assert valid and not errors and not warnings
    with rasterio.open(path) as raster, rasterio.open(results / "land.tif") as land:
        assert raster.descriptions == tuple(band_names(["surface", "subsurface"]))
        assert raster.tags()["members"] == "8" and raster.profile["interleave"] == "band"
        assert (raster.crs, raster.transform, raster.shape) == (land.crs, land.transform, land.shape)
        assert raster.shape == (100, 100) and raster.nodata is not None
        bands, land_mask = raster.read(masked=True), land.read(1) == 1
    known = land_mask.copy()
    for name in ("elevation", "awc", "soc", "clay"):
        (file,) = (results.parents[1] / "resources").glob(f"sandbox_*/sandbox_*/{name}.tif")
        with rasterio.open(file) as maps:
            known &= ~np.ma.getmaskarray(maps.read(masked=True)).any(axis=0)
    assert known.sum() > 8_000
    with rasterio.open(path.with_name("trust.tif")) as trust:
        sides = trust.read(1)
    assert ((sides == 2) == (land_mask & ~known)).all() and ((sides == 255) == ~land_mask).all()
    assert ((sides < 2) == known).all(), "every pixel with all inputs and no other is mapped"
    assert (~np.ma.getmaskarray(bands) == known).all(), "and has a value, also where its inputs lie outside the range"
    assert (bands[2:4] > 0).all() and (bands[4:6] < bands[:2]).any() and (bands[4:6] <= bands[8:10]).all()


def test_the_map_says_what_it_is_how_far_off_and_under_which_licence(results):
    day = results / "maps" / "2022-08-15"
    accuracy = pd.read_csv(results / "evaluation" / "accuracy.csv")
    summary = read_table(results / "evaluation" / "summary.csv", SUMMARY).set_index(["model", "scenario", "layer"])
    for row in accuracy.itertuples():
        scored = summary[summary["metric"] == "rmse"].loc[(row.model, row.scenario, row.layer)]
        assert row.rmse == pytest.approx(scored["median"]) and row.millimetres == pytest.approx(300 * row.rmse)
    with rasterio.open(day / "soil_moisture.tif") as raster, rasterio.open(day / "trust.tif") as trust:
        tags = raster.tags()
        for layer, text in zip(accuracy["layer"], accuracy["text"], strict=True):
            assert text.split(" expect ±")[1][:5] in tags[f"accuracy_{layer}"].split(" expect +-")[1]
        assert {"run": "demo", "day": "2022-08-15", "licence": "not stated"}.items() <= tags.items()
        assert tags["software"] == trust.tags()["software"] == f"loam {release()}"
        assert "weights.safetensors" in tags["created_from"] and "2022-08.zarr" in tags["created_from"]
        assert trust.descriptions[:2] == ("inside_training_range", "class")
        assert trust.tags(2)["class_3"] == "do not use"
    scales = pd.read_csv(results / "maps" / "scales.csv")
    style = (day / "soil_moisture.qml").read_text(encoding="utf-8")
    assert f'classificationMax="{scales["high"][0]:g}"' in style


def test_tables_for_people_hold_what_the_others_hold(results):
    for name in ("predictions", "probes/source/daily", "probes/target/stations"):
        parquet, csv = pd.read_parquet(results / f"{name}.parquet"), pd.read_csv(results / f"{name}.csv")
        assert list(parquet.columns) == list(csv.columns) and len(parquet) == len(csv) > 0, name


def test_a_day_that_is_added_computes_and_draws_no_other(demo):
    config = copy.deepcopy(demo.config)
    config["mapping"]["dates"].append("2022-08-16")
    found = demo.snakemake("--dry-run", config=config)
    counts = dict(re.findall(r"^(\w+) +(\d+)$", found.stdout + found.stderr, flags=re.M))
    assert (counts["map_soil_moisture"], counts["draw_map"]) == ("1", "1")
    assert not {"scale_colours", "describe_accuracy", *TRAINING} & set(counts)


def test_today_is_the_last_day_that_is_published_and_asks_for_its_map_alone(demo):
    """The sandbox is asked on the last day of its period, and its weather is out eight days later."""
    found = demo.snakemake("--dry-run", "today")
    counts = dict(re.findall(r"^(\w+) +(\d+)$", found.stdout + found.stderr, flags=re.M))
    assert "results/demo/maps/2022-10-28/soil_moisture.tif" in found.stdout + found.stderr
    assert {*counts} == {"map_soil_moisture", "draw_map", "describe_map", "today", "total"}


def test_the_scenes_went_through_their_chains_into_the_cube(results):
    store = zarr.open_group(results / "covariates" / "dynamic" / "2022-08.zarr", mode="r")
    for kind, names, limits in (("sentinel1", ("vv", "vh"), (1e-4, 5.0)), ("sentinel2", ("ndvi", "ndwi"), (-1, 1))):
        files = sorted((results / kind).glob("*.tif"))
        assert files and store[kind]["time"].shape[0] == len(files)
        for name in names:
            values = store[kind][name][:]
            values = values[~np.isnan(values)]
            assert len(values) > 500 and limits[0] < values.min() <= values.max() < limits[1], name


def origins(results, product):
    """All files that a product comes from, by the records beside them."""
    found, open_ends = set(), [results / product]
    while open_ends:
        record = Path(f"{open_ends.pop()}.provenance.json")
        if not record.is_file():
            continue
        for name in json.loads(record.read_text())["inputs"]:
            if name not in found:
                found.add(name)
                open_ends.append(results.parents[1] / name)
    return found


def test_nothing_but_the_score_of_a_map_comes_from_the_truth(results):
    known = {"results/demo/truth/soil_moisture.nc", "resources/probes/demo/planted_faults.csv"}
    day = "maps/2022-08-15"
    assert known & origins(results, f"{day}/score.csv") == {"results/demo/truth/soil_moisture.nc"}
    products = ["samples/source.parquet", "samples/target.parquet", "predictions.parquet", "evaluation/metrics.csv"]
    products += [f"{day}/soil_moisture.tif", f"{day}/trust.tif", "folds.csv"]
    products += ["models/leave_one_station_out/lstm/transfer/card.json"]
    products += ["models/leave_one_station_out/mlp_within/both/card.json"]
    for product in products:
        files = origins(results, product)
        assert any("resources/probes/demo/target" in file for file in files), product
        assert not known & files and not any("/truth/" in file for file in files), product


def test_no_rule_but_that_of_the_score_reads_the_truth(project):
    for path in (project / "workflow" / "rules").rglob("*.smk"):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            name = block.split(":")[0]
            read = re.search(r"    input:\n(.*?)\n    \w+:", block, flags=re.S)
            names_it = "truth" in (read.group(1) if read else "") or "planted" in (read.group(1) if read else "")
            assert names_it == (name in ("score_map", "map_rival")), name


def test_the_catalogue_of_maps_is_valid_and_lists_what_is_there(results):
    catalogue = pystac.Catalog.from_file(str(results / "maps" / "catalog.json"))
    (item,) = catalogue.get_items()
    assert validate_dict(item.to_dict(include_self_link=False), extensions=[])
    assert item.properties["loam:members"] == "8" and item.properties["proj:shape"] == [100, 100]
    assert all((results / "maps" / "2022-08-15" / asset.href).is_file() for asset in item.assets.values())


def test_the_map_is_scored_against_the_truth(results):
    score = pd.read_csv(results / "maps" / "2022-08-15" / "score.csv")
    whole = score[score["group"] == "all"]
    assert set(whole["layer"]) == {"surface", "subsurface"} and (whole["n"] > 8_000).all()
    assert (score["masked"] == 0).all() and (
        score.loc[(score["group"] == "range") & (score["value"] == "outside"), "n"] > 0
    ).all()
    assert set(score["group"]) == {"all", "landcover", "range", "area"}
    parts = score[score["n"] > 1]
    assert (parts["rmse"] > 0).all() and parts["within_90"].between(0, 1).all()
    assert (parts["width_50"] < parts["width_90"]).all()
    counts = score.assign(pixels=score["n"] + score["masked"]).groupby(["layer", "group"])["pixels"].sum()
    assert (counts.unstack().nunique(axis=1) == 1).all(), "each pixel in one part"


def test_what_a_job_loaded_by_name_is_in_the_hash_of_its_code(results):
    records = [json.loads(path.read_text(encoding="utf-8")) for path in results.rglob("*.provenance.json")]
    chosen = [record for record in records if record["plugins"]]
    assert {"prepare_probes", "train_source", "predict_held_out", "map_soil_moisture"} <= {r["rule"] for r in chosen}
    for record in chosen:
        assert record["code"] == code_version(record["rule"], *record["plugins"]), record["rule"]


def test_every_product_says_what_it_comes_from(results):
    for name in ("predictions.parquet", "evaluation/summary.csv", "maps/2022-08-15/soil_moisture.tif"):
        record = json.loads((results / f"{name}.provenance.json").read_text())
        assert record["code"] and record["config_hash"] and record["inputs"] and record["sha256"]


def test_the_report_stands_alone(results):
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "data:image/png;base64" in page
    assert 'src="http' not in page and 'href="http' not in page


def test_a_second_run_does_nothing(demo):
    assert demo.planned() == set()


def test_a_changed_learning_rate_retrains_and_prepares_nothing(demo):
    config = copy.deepcopy(demo.config)
    config["training"]["learning_rate"] = 2.0e-4
    assert demo.planned(config) == TRAINING | AFTER_TRAINING - OF_THE_MAP


def test_two_values_swapped_are_seen(demo):
    """Snakemake compares params as a set of values without names; one dict a rule makes the swap visible."""
    config = copy.deepcopy(demo.config)
    config["training"].update(epochs=1, patience=2)
    assert demo.planned(config) >= TRAINING


EDITED = {  # modules that are edited together
    ("rivals/trial.py",): {
        "predict_rivals",
        "merge_predictions",
        "calibrate_intervals",
        "adapt_levels",
        "audit_leakage",
        "export_table",
        *AFTER_SCORES,
    },
    ("evaluation/summary.py",): {
        "calibrate_intervals",  # it says how often intervals hold, with bootstraps over stations
        "adapt_levels",
        "audit_leakage",
        "export_table",
        *AFTER_SCORES,
    },
    ("training/losses.py",): TRAINING | {"train_both"} | AFTER_TRAINING | OF_THE_MAP,
    ("report/figures.py",): {"build_report"},
    ("probes/icos.py", "acquire/direct/silo.py"): set(),
}


def edited(demo, modules, text):
    """What is planned once ``text`` is at the end of each of ``modules``, which are put back after it."""
    paths = [demo.folder / "workflow" / "lib" / "loam" / module for module in modules]
    before = {path: path.read_text(encoding="utf-8") for path in paths}
    try:
        for path, code in before.items():
            path.write_text(code + text, encoding="utf-8")
        return demo.planned()
    finally:
        for path, code in before.items():
            path.write_text(code, encoding="utf-8")


def test_a_comment_is_no_change(demo):
    assert edited(demo, chain(*EDITED), "\n# a remark\n") == set()


@pytest.mark.parametrize("modules", EDITED)
def test_an_edited_module_reruns_the_rules_that_reach_it_and_what_follows(demo, modules):
    assert edited(demo, modules, "\nEDITED = True\n") == EDITED[modules]


def test_snakemakes_own_report_works(demo):
    result = demo.snakemake("--report", "snakemake_report.html")
    assert result.returncode == 0, result.stderr
    assert (demo.folder / "snakemake_report.html").stat().st_size > 10_000
