"""What config/tasmania.yaml would do, and what a new user is told on the way."""

from __future__ import annotations

import copy
import re
import time

import pytest
import yaml

NO_GOOGLE = (
    "EARTHENGINE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "LOAM_EARTHENGINE_URL",
)  # fmt: skip
SENTINEL1 = {"dataset": "sentinel1", "back_end": "direct"}
REGIONS = {"domains": {"source": "cube", "target": "cube"}}  # scenes are processed for regions only
SENTINEL2 = {"dataset": "sentinel2", "back_end": "direct"}


@pytest.fixture(scope="module")
def checkout(copy_project, project, tmp_path_factory):
    """The project and the data that docs/how-to/tasmania.md asks for, as far as a dry run looks at them."""
    config = yaml.safe_load((project / "config" / "tasmania.yaml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("tasmania")
    for name in (
        "ismn/australia/OZNET/Hill/sm.stm",
        "tasmania/probes/K1.csv",
        "tasmania/probes.yaml",
        "tasmania/stations.csv",
    ):
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).touch()
    config |= {"data_dir": str(folder / "data")}
    config["acquire"] |= {"as_of": "2026-01-01"}
    return copy_project(project, folder / "loam", config)


def changed(checkout, **sections) -> dict:
    """The configuration with some keys of its sections replaced."""
    config = copy.deepcopy(checkout.config)
    for section, values in sections.items():
        config[section] = {**config.get(section, {}), **values}
    return config


def said(result) -> str:
    return result.stdout + result.stderr


def jobs(result) -> dict[str, int]:
    """Rule and number of jobs that a dry run lists."""
    assert result.returncode == 0, said(result)
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", said(result), flags=re.M)}


def test_the_dry_run_lists_every_job_from_the_downloads_to_the_report(checkout):
    started = time.perf_counter()
    found = jobs(checkout.snakemake("--dry-run"))
    print(f"dry run of config/tasmania.yaml: {found['total']} jobs in {time.perf_counter() - started:.1f} s")
    months = {"source": 12 * 5 + 1, "target": 12 * 7 + 1}  # with December 2015, which lags reach back to
    assert {rule: count for rule, count in found.items() if rule not in ("all", "total")} == {
        "fetch_maps": 3 + 1 + 1,  # awc, soc, clay; elevation; land cover
        "fetch_point_maps": 3,
        "fetch_fields": 2 * months["target"],  # moisture and weather
        "fetch_point_fields": 2 * months["source"],
        "merge_manifests": 1,
        "prepare_probes": 2,
        "build_grid": 1,
        "build_static": 1,
        "build_dynamic": months["target"],
        "build_samples": 1,
        "draw_folds": 2,  # and that of the map, which leaves nobody out
        "merge_folds": 1,
        "train_source": 2,
        "train_target": 2,
        "train_both": 3,  # and the map's
        "fine_tune": 2,
        "predict_held_out": 8,
        "predict_rivals": 4,
        "measure_dissimilarity": 1,
        "merge_predictions": 1,
        "calibrate_intervals": 1,
        "score_predictions": 1,
        "adapt_levels": 1,
        "audit_leakage": 1,
        "export_table": 2 * 2 + 1,
        "describe_accuracy": 1,
        "scale_colours": 1,
        "measure_area": 1,
        "calibrate_map": 1,
        "map_soil_moisture": 1,
        "describe_map": 1,
        "list_maps": 1,
        "draw_map": 1,
        "build_report": 1,
    }


def test_without_probe_files_the_dry_run_lists_all_jobs_and_then_what_lacks_and_a_run_stops_at_once(checkout):
    config = {**checkout.config, "data_dir": "nowhere"}
    result = checkout.snakemake("--dry-run", config=config)
    found = jobs(result)
    assert found["fetch_fields"] == 170 and found["prepare_probes"] == 2
    asking = sum(found[name] for name in ("fetch_maps", "fetch_point_maps", "fetch_fields", "fetch_point_fields"))
    block = result.stdout[result.stdout.index("run 'tasmania' cannot start yet; it lacks:") :].strip()
    for words in (
        "nowhere/ismn/australia: is not there (probes.source.path: a download of https://ismn.earth",
        "nowhere/tasmania/probes: is not there (probes.target.path: your loggers' files",
        "nowhere/tasmania/stations.csv: is not there (probes.target.stations: ",
        "nowhere/tasmania/probes.yaml: is not there (probes.target.description: ",
        "config key 'acquire.earthengine.project': no Google Cloud project for Earth Engine",
        f"; {asking} jobs ask Earth Engine",
    ):
        assert words in block, words
    real = checkout.snakemake(config=config)
    assert real.returncode != 0 and ": started" not in real.stderr
    assert real.stderr.strip().endswith("ERROR " + block)
    assert not (checkout.folder / "results").exists()


def test_a_list_of_scenes_needs_no_probe_files(checkout):
    config = changed(checkout, acquire={"sentinel1": SENTINEL1})
    result = checkout.snakemake("scenes", "--dry-run", config={**config, "data_dir": "nowhere"})
    assert jobs(result) and "it lacks" not in said(result)


def test_a_map_alone_needs_the_months_that_it_and_the_samples_read(checkout):
    found = jobs(checkout.snakemake("results/tasmania/grid.json", "--dry-run"))
    assert {rule for rule in found if rule != "total"} == {"fetch_maps", "build_grid"}


@pytest.mark.parametrize(
    "features",
    [{}, {"daily": [{"name": "vv", "lags": [0, 0]}, {"name": "ndvi", "lags": [0, 0]}]}],
    ids=["paper", "sentinel"],
)
def test_scenes_are_listed_by_a_target_of_their_own(checkout, features):
    chosen = {"sentinel1": SENTINEL1, "sentinel2": SENTINEL2}
    config = changed(checkout, acquire=chosen, features=features, covariates=REGIONS)
    assert jobs(checkout.snakemake("scenes", "--dry-run", config=config)) == {"list_scenes": 1, "scenes": 1, "total": 2}


@pytest.mark.parametrize(
    ("kind", "covariate", "dataset"), [("sentinel1", "vv", SENTINEL1), ("sentinel2", "ndvi", SENTINEL2)]
)
def test_sentinel_features_without_a_list_of_scenes_say_how_to_get_one(checkout, kind, covariate, dataset):
    daily = [{"name": covariate, "lags": [0, 0]}]
    config = changed(checkout, acquire={kind: dataset}, covariates=REGIONS, features={"daily": daily})
    result = checkout.snakemake("--dry-run", config=config)
    assert result.returncode != 0
    assert f"ConfigError: resources/scenes/tasmania.csv: no scene of {kind} is listed; run `snakemake scenes`" in said(
        result
    )


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ({"static": ["elevation", "slope", "wetness"]}, "slope, wetness"),
        ({"daily": [{"name": "vv", "lags": [0, 0]}]}, "vv"),
    ],
    ids=["terrain", "sentinel"],
)
def test_what_needs_a_region_is_refused_for_a_set_of_stations(checkout, features, names):
    config = changed(checkout, features=features, acquire={"sentinel1": SENTINEL1})
    result = checkout.snakemake("--dry-run", config=config)
    assert result.returncode != 0 and "Traceback" not in said(result)
    assert f"config section 'features': {names} cannot be had at single stations" in said(result)


@pytest.mark.parametrize(
    ("project_id", "line"),
    [
        (None, "acquire.earthengine.project.*no Google Cloud project for Earth Engine; register one at"),
        ("a-project", "no Earth Engine credentials; set EARTHENGINE_SERVICE_ACCOUNT_KEY"),
    ],
    ids=["no project", "no credentials"],
)
def test_no_project_and_no_credentials_end_with_one_line(checkout, monkeypatch, tmp_path, project_id, line):
    for name in NO_GOOGLE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    listed = said(checkout.snakemake("results/tasmania/grid.json", "--dry-run"))
    file = re.search(r"resources/mcd12q1/\S+/mcd12q1\.tif", listed).group()
    config = changed(checkout, acquire={"earthengine": {"project": project_id}})
    result = checkout.snakemake(file, config=config)
    lines = [text for text in said(result).splitlines() if text.startswith("ERROR ")]
    told = {text.removesuffix("; waiting for the jobs that run") for text in lines}
    assert result.returncode != 0 and "Traceback" not in said(result)
    assert len(told) == 1 and re.search(line, told.pop())
    assert not list((checkout.folder / "resources").rglob("*.tif"))
