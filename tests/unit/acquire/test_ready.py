"""What fetching lacks is known before a job starts: project, credentials, folders of one's own."""

import pytest

from loam.acquire.ready import Job, lacking

LOGINS = (
    "EARTHENGINE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "EARTHDATA_TOKEN",
    "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD", "CDSAPI_KEY", "CDSAPI_URL", "TERN_API_KEY", "CDSE_USERNAME",
    "CDSE_PASSWORD", "NETRC",
)  # fmt: skip
FIELDS = {"dataset": "smap_l4", "back_end": "earthengine", "area": "0", "span": "2020-01"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No credentials of any kind."""
    for name in LOGINS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def config(default_config):
    default_config["acquire"]["sentinel1"] = {"dataset": "sentinel1", "back_end": "direct"}
    return default_config


def test_no_project_is_one_line_with_the_key_an_example_and_how_many_ask(config):
    jobs = [Job("fetch_fields", FIELDS), Job("fetch_backscatter", {"area": "0", "scene": "S1"})]
    (line,) = lacking(config, [*jobs, Job("train_source", {"model": "mlp"})])
    assert line.startswith("config key 'acquire.earthengine.project': no Google Cloud project for Earth Engine; ")
    assert "https://" in line and "{project: ee-yourname}" in line and line.endswith("; 2 jobs ask Earth Engine")


def test_listing_scenes_of_earth_engine_asks_it_too(config):
    assert lacking(config, [Job("list_scenes", {"run": "mine"})]) == []
    config["acquire"]["sentinel1"]["back_end"] = "earthengine"
    assert "1 job ask" in lacking(config, [Job("list_scenes", {"run": "mine"})])[0]


def test_with_a_project_the_credentials_are_looked_for(config):
    config["acquire"]["earthengine"]["project"] = "mine"
    (line,) = lacking(config, [Job("fetch_fields", FIELDS)] * 3)
    assert "no Earth Engine credentials; set EARTHENGINE_SERVICE_ACCOUNT_KEY" in line


@pytest.mark.parametrize(
    ("rule", "wildcards", "words"),
    [
        ("fetch_fields", {**FIELDS, "back_end": "direct"}, "EARTHDATA_TOKEN"),
        ("fetch_fields", {**FIELDS, "dataset": "era5_land", "back_end": "direct"}, "CDSAPI_KEY"),
        ("fetch_maps", {"dataset": "slga", "back_end": "direct", "area": "0", "variable": "clay"}, "TERN_API_KEY"),
        ("fetch_sentinel1", {"scene": "S1"}, "EARTHDATA_TOKEN"),
    ],
)
def test_each_providers_credentials_are_asked_for_by_name(config, monkeypatch, rule, wildcards, words):
    (line,) = lacking(config, [Job(rule, wildcards)])
    assert words in line
    monkeypatch.setenv(words, "a-secret")
    assert lacking(config, [Job(rule, wildcards)]) == []


def test_the_provider_of_sentinel_1_decides(config):
    config["acquire"]["sentinel1"]["provider"] = "cdse"
    assert "CDSE_USERNAME" in lacking(config, [Job("fetch_sentinel1", {"scene": "S1"})])[0]


def test_what_stands_on_disk_asks_nobody(config):
    assert lacking(config, [Job("fetch_fields", FIELDS, made=True)]) == []


def test_a_folder_of_ones_own_that_is_not_there_is_named(config, tmp_path):
    config["acquire"]["local"] = {"soil_grids_local": str(tmp_path / "soil")}
    jobs = [Job("fetch_maps", {"dataset": "soil_grids_local", "back_end": "local", "area": "0", "variable": "clay"})]
    (line,) = lacking(config, jobs)
    assert line.startswith("config key 'acquire.local.soil_grids_local': no folder ") and "local-files.md" in line
    (tmp_path / "soil").mkdir()
    assert lacking(config, jobs) == []


def test_a_list_of_scenes_of_ones_own_needs_their_folder(config, tmp_path):
    config["acquire"] |= {"sentinel1": {"dataset": "sentinel1", "back_end": "local"}, "local": {"sentinel1": "nowhere"}}
    assert "'acquire.local.sentinel1': no folder nowhere" in lacking(config, [Job("list_scenes", {"run": "mine"})])[0]
