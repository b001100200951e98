"""A run that acquires its data, from nothing to the map: Google's own client talks to a server on this machine."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import zarr
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from earthengine_server import Engine
from earthengine_world import CLASSES, SOIL, World, class_at, field_value, map_value
from ismn_files import Series, write_station
from loopback_server import Loopback

from loam.acquire.run_grid import area_of
from loam.io.tables import read_table

RUN = "launceston"
BOUNDS = [507400, 5415840, 509320, 5417440]  # 24 x 20 pixels around 147.1 E, 41.4 S
PLACES = {  # of the target domain's stations: pixel (row, column), or longitude and latitude
    "T1": (3, 4), "T2": (5, 13), "T3": (14, 5), "T4": (16, 14), "Sea": (8, 22), "Far": (147.6, -41.6),
}  # fmt: skip
SOURCE = {"Hill": (146.1, -35.2), "Flat": (145.4, -34.6), "Creek": (147.9, -35.8)}
FIRST, LAST = date(2020, 2, 8), date(2020, 3, 5)
PUBLISHED = date(2020, 3, 12)
PIXELS, TABLES = "/v1/projects/a-project/image:computePixels", "/v1/projects/a-project/table:computeFeatures"
DENIED = {"error": {"code": 403, "message": "Permission 'earthengine.computations.create' denied on resource"}}

CONFIG = {
    "run": RUN,
    "acquire": {
        "period": {"source": ["2020-02-12", "2020-02-29"], "target": [FIRST.isoformat(), LAST.isoformat()]},
        "as_of": "2020-03-20",
        "earthengine": {"project": "a-project"},
        "coarse_moisture": {"dataset": "smap_l4", "back_end": "earthengine"},
        "weather": {"dataset": "era5_land", "back_end": "earthengine"},
        "soil": {"dataset": "slga", "back_end": "earthengine"},
        "terrain": {"dataset": "glo30", "back_end": "earthengine"},
        "landcover": {"dataset": "mcd12q1", "back_end": "earthengine"},
    },
    "samples": {"from": "cube", "source": None, "target": None},
    "covariates": {"domains": {"source": "points", "target": "cube"}, "rain_sums": {"days": []}},
    "probes": {
        "source": {"format": "ismn", "path": "data/ismn"},
        "target": {
            "format": "logger", "path": "data/loggers", "description": "data/loggers.yaml",
            "stations": "data/stations.csv",
        },
    },
    "features": {"classes": [{"name": "landcover", "values": ["PAST", "FORE", "AGRI", "SAVA"]}]},
    "training": {
        "models": ["mlp"], "scenarios": ["source", "transfer"], "epochs": 2, "patience": 1,
        "validation": {
            "training_dates": ["2020-02-12", "2020-02-23"], "validation_dates": ["2020-02-24", "2020-02-29"],
        },
    },
    "evaluation": {"bootstrap": 100},
    "mapping": {"outside": "extrapolate", 
        "dates": ["2020-03-02"], "model": "mlp", "tile": 16, "inputs": [], "truth": None,
        "grid": {"like": None, "crs": "EPSG:28355", "bounds": BOUNDS, "resolution": 80},
    },
}  # fmt: skip

AREA = f"earthengine_{area_of(CONFIG)}"
MAPS = [f"resources/mcd12q1/{AREA}/mcd12q1.tif", f"resources/glo30/{AREA}/elevation.tif"]
TABLES_AT_STATIONS = (("era5_land", "2020-02"), ("slga", "maps"))
FETCHED = {"fetch_maps": 5, "fetch_fields": 4, "fetch_point_maps": 3, "fetch_point_fields": 2}


def place_of(row: float, col: float) -> tuple[float, float]:
    """Longitude and latitude of the middle of a pixel."""
    transformer = pyproj.Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True)
    return transformer.transform(BOUNDS[0] + 80 * (col + 0.5), BOUNDS[3] - 80 * (row + 0.5))


def moisture(times: pd.DatetimeIndex, station: int, depth: float) -> np.ndarray:
    """Moisture of a probe, m3 m-3: slow waves, lower where deep, and a small daily wave that no sensor repeats."""
    day = (times - pd.Timestamp("2019-01-01")) / pd.Timedelta(days=1)
    return (
        0.26 + 0.02 * station - 0.1 * depth + 0.06 * np.sin(day / 6 + station) + 0.003 * np.sin(day * 7.3 + 9 * depth)
    )


def write_probes(folder: Path) -> None:
    """Stations of both domains as their networks deliver them."""
    times = pd.date_range("2020-02-10", "2020-03-01", freq="h", inclusive="left")
    for number, (name, (longitude, latitude)) in enumerate(SOURCE.items()):
        sensors = [
            Series("sm", top, bottom, "Probe", times, moisture(times, number, bottom).round(4))
            for top, bottom in ((0.0, 0.3), (0.3, 0.6))
        ]
        write_station(folder / "ismn", "OZNET", name, sensors, latitude=latitude, longitude=longitude)
    times = pd.date_range("2020-02-05", "2020-03-10", freq="6h", inclusive="left")
    rows = ["station,latitude,longitude"]
    (folder / "loggers").mkdir()
    for number, (name, place) in enumerate(PLACES.items()):
        longitude, latitude = place if place[0] > 100 else place_of(*place)
        rows.append(f"{name},{latitude:.7f},{longitude:.7f}")
        table = pd.DataFrame({
            "Time": times.strftime("%Y-%m-%d %H:%M"),
            "SM 0-30": (100 * moisture(times, number, 0.3)).round(2),
            "SM 30-60": (100 * moisture(times, number, 0.6)).round(2),
        })  # fmt: skip
        table.to_csv(folder / "loggers" / f"{name}_2020.csv", index=False)
    (folder / "stations.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "loggers.yaml").write_text(
        'station: {from: file name, pattern: "(?P<station>[^_]+)_.*"}\n'
        'time: {column: Time, format: "%Y-%m-%d %H:%M", zone: "+00:00"}\n'
        'columns:\n'
        '  - {column: "SM 0-30", variable: soil_moisture, depth: 0-30 cm, unit: "%"}\n'
        '  - {column: "SM 30-60", variable: soil_moisture, depth: 30-60 cm, unit: "%"}\n',
        encoding="utf-8",
    )  # fmt: skip


def write_key(path: Path, url: str) -> None:
    """A service account's key whose tokens this machine gives."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account", "project_id": "a-project", "private_key_id": "1", "private_key": key.decode(),
        "client_email": "loam@a-project.iam.gserviceaccount.com", "client_id": "1", "token_uri": f"{url}/token",
    }  # fmt: skip
    path.write_text(json.dumps(account), encoding="utf-8")


@dataclass
class Acquired:
    """A checkout whose run is done, and the server that it asked."""

    checkout: Any
    server: Loopback
    denied: str = ""  # what the first attempt said, which the server denied one request
    left: tuple[str, ...] = ()  # files of data that it left

    @property
    def folder(self) -> Path:
        return self.checkout.folder

    @property
    def results(self) -> Path:
        return self.folder / "results" / RUN

    def asked(self) -> int:
        """How many requests for pixels or tables the server has had."""
        return len(self.server.asked(PIXELS)) + len(self.server.asked(TABLES))

    def copy(self, folder: Path) -> Acquired:
        """The same in another folder, the files' times included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Acquired(dataclasses.replace(self.checkout, folder=folder), self.server)

    def samples(self, domain: str) -> pd.DataFrame:
        return read_table(self.results / "samples" / f"{domain}.parquet").set_index(["station", "date"])


def data_files(folder: Path) -> tuple[str, ...]:
    """Files under resources/ but for logs, benchmarks and what an attempt keeps for the next one."""
    found = (path.relative_to(folder) for path in (folder / "resources").rglob("*") if path.is_file())
    found = (path for path in found if path.parts[1] not in ("logs", "benchmarks"))
    return tuple(sorted(str(path) for path in found if not any(part.startswith(".") for part in path.parts)))


def jobs(result: Any) -> dict[str, int]:
    """Rule and number of jobs that a dry run lists."""
    assert result.returncode == 0, result.stdout + result.stderr
    found = dict(re.findall(r"^(\w+) +(\d+)$", result.stdout + result.stderr, flags=re.M))
    return {rule: int(count) for rule, count in found.items() if rule not in ("all", "total")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    loopback = Loopback()
    loopback.serve("/token", {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}, method="POST")
    folder = tmp_path_factory.mktemp("key")
    write_key(folder / "key.json", loopback.url)
    World(Engine(loopback, folder), date(2019, 11, 1), PUBLISHED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOAM_EARTHENGINE_URL", loopback.url)
        patch.setenv("EARTHENGINE_SERVICE_ACCOUNT_KEY", str(folder / "key.json"))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: nothing but this machine is reached
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield loopback
    loopback.close()


@pytest.fixture(scope="module")
def acquired(server, copy_project, project, tmp_path_factory) -> Acquired:
    """The run: an attempt at two maps, of which the server denies one; then all, to its end."""
    checkout = copy_project(project, tmp_path_factory.mktemp("acquired") / "loam", CONFIG)
    (checkout.folder / "data").mkdir()
    write_probes(checkout.folder / "data")
    server.fail(path=PIXELS, status=403, body=DENIED)
    denied = checkout.snakemake(*MAPS)
    assert denied.returncode != 0
    left = data_files(checkout.folder)
    result = checkout.snakemake()
    assert result.returncode == 0, result.stderr[-6000:]
    return Acquired(checkout, server, denied.stdout + denied.stderr, left)


def test_a_request_that_is_denied_ends_the_run_with_one_line_and_leaves_no_file(acquired):
    said = [line for line in acquired.denied.splitlines() if line.startswith("ERROR ")]
    told = {line.removesuffix("; waiting for the jobs that run") for line in said}
    assert len(told) == 1 and "Permission 'earthengine.computations.create' denied" in told.pop()
    assert "Traceback" not in acquired.denied
    maps = [file for file in acquired.left if file.endswith(".tif")]
    assert len(maps) == 1 and set(maps) < set(MAPS)


def test_nothing_is_asked_for_twice(acquired):
    assert len(acquired.server.asked(PIXELS)) == 1 + 5 + 2 * 2, "one denied; maps; months of the region"
    assert len(acquired.server.asked(TABLES)) == 5 + 2, "maps and months at stations"


def test_the_map_is_there_on_land_and_nowhere_else(acquired):
    with rasterio.open(acquired.results / "maps" / "2020-03-02" / "soil_moisture.tif") as raster:
        assert (raster.crs.to_epsg(), raster.shape, raster.res) == (28355, (20, 24), (80, 80))
        assert raster.bounds == tuple(BOUNDS)
        known = ~raster.read(1, masked=True).mask
    rows, cols = np.indices(known.shape)
    land = class_at(*place_of(rows, cols)) != 17
    assert 0.1 < land.mean() < 0.95
    np.testing.assert_array_equal(known, land)


@pytest.mark.parametrize("station", ["T1", "T2", "T3", "T4"])
def test_samples_of_the_region_have_the_values_of_their_pixel(acquired, station):
    place, samples = place_of(*PLACES[station]), acquired.samples("target").loc[station]
    assert list(samples.index) == list(pd.date_range(FIRST, LAST)), "every day of the period, and no other of the probe"
    check_samples(samples, place)
    read = {name: samples[f"landcover_{name}"].unique().tolist() for name in CLASSES.values()}
    assert read == {name: [float(name == CLASSES[int(class_at(*place))])] for name in CLASSES.values()}


@pytest.mark.parametrize("station", SOURCE)
def test_samples_of_the_source_domain_have_the_values_at_the_station(acquired, station):
    samples = acquired.samples("source").loc[f"OZNET_{station}"]
    assert list(samples.index) == list(pd.date_range("2020-02-12", "2020-02-29"))
    check_samples(samples, SOURCE[station])


def check_samples(samples: pd.DataFrame, place: tuple[float, float]) -> None:
    """Every feature of every row follows from place and day."""
    expected = {"elevation": map_value("elevation", 1, *place)}
    expected |= {f"{name}_{band}": map_value(name, band, *place) for name in SOIL.values() for band in range(1, 5)}
    for name, last in {"tmin": 0, "tmax": 0, "rain": 3, "sm_surface": 7, "sm_rootzone": 7}.items():
        for lag in range(last + 1):
            days = [(day - pd.Timedelta(days=lag)).date() for day in samples.index]
            expected[f"{name}_{lag}"] = [float(field_value(name, day, *place)) for day in days]
    for name, values in expected.items():
        np.testing.assert_allclose(samples[name], values, rtol=2e-4, atol=2e-4, err_msg=name)


def test_moisture_of_the_probes_is_that_of_the_day(acquired):
    times = pd.date_range("2020-02-29", periods=4, freq="6h")
    row = acquired.samples("target").loc["T2", "2020-02-29"]
    found = [row["surface"], row["subsurface"]]
    np.testing.assert_allclose(found, [np.mean(moisture(times, 1, depth)) for depth in (0.3, 0.6)], atol=2e-3)


def test_stations_that_the_map_does_not_hold_are_named_with_the_reason(acquired):
    dropped = pd.read_csv(acquired.results / "samples" / "dropped.csv").set_index("station")
    assert dropped.loc["Sea", "reason"] == "in the sea" and dropped.loc["Far", "reason"] == "outside the grid"
    assert set(acquired.samples("target").index.get_level_values("station")) == {"T1", "T2", "T3", "T4"}


def test_the_static_cube_has_slope_aspect_and_wetness(acquired):
    static = zarr.open_group(acquired.results / "covariates" / "static.zarr", mode="r")
    longitude, latitude = place_of(np.array([10, 10, 9]), np.array([8, 9, 8]))
    height = map_value("elevation", 1, longitude, latitude)
    east, north = (height[1] - height[0]) / 80, (height[2] - height[0]) / 80
    steep = np.hypot(east, north)
    found = [static[name][10, 8] for name in ("slope", "aspect_cos", "aspect_sin")]
    np.testing.assert_allclose(found, [np.degrees(np.arctan(steep)), -north / steep, -east / steep], rtol=5e-3)
    assert np.isfinite(static["wetness"][10, 8])


def test_the_manifest_has_every_day_that_was_asked_for(acquired):
    manifest = pd.read_csv(acquired.results / "acquire" / "manifest.csv", parse_dates=["date"])
    fields = manifest[~manifest["file"].str.contains("points")]
    for dataset in ("smap_l4", "era5_land"):
        days = fields[fields["file"].str.contains(dataset)].set_index("date")["state"]
        assert list(days.sort_index().index) == list(pd.date_range("2020-02-01", "2020-03-20"))
        late = days.index > pd.Timestamp(PUBLISHED)
        assert set(days[~late]) == {"complete"} and set(days[late]) == {"not_yet_published"}
    points = manifest[manifest["file"].str.contains("points")]
    assert set(points.groupby("file").size()) == {29} and set(points["state"]) == {"complete"}
    assert fields.groupby(fields["file"].str.contains("era5"))["provisional"].any().to_dict() == {
        False: False,
        True: True,
    }


def test_every_file_says_where_it_is_from_and_holds_no_secret(acquired):
    files = data_files(acquired.folder)
    told = [json.loads((acquired.folder / file).read_text()) for file in files if file.endswith(".provenance.json")]
    assert len(told) == len(files) / 2
    source = [record["source"] for record in told if not record["rule"].startswith("merge") and "source" in record]
    assert {record["back_end"] for record in source} == {"earthengine"}
    assert {record["dataset"] for record in source} == {"smap_l4", "era5_land", "slga", "glo30", "mcd12q1"}
    everything = [path for path in acquired.folder.rglob("*") if path.suffix in (".log", ".json", ".csv", ".html")]
    assert not [path for path in everything if "PRIVATE KEY" in path.read_text(encoding="utf-8", errors="replace")]


def test_a_second_run_does_nothing(acquired):
    result = acquired.checkout.snakemake("--dry-run")
    assert result.returncode == 0 and "Nothing to be done" in result.stdout + result.stderr


def test_a_later_day_fetches_the_open_month_and_no_other(acquired, tmp_path):
    run = acquired.copy(tmp_path / "loam")
    later = {**CONFIG, "acquire": {**CONFIG["acquire"], "as_of": "2020-03-24"}}
    before, manifest = contents(run.folder), f"results/{RUN}/acquire/manifest.csv"
    run.server.fail(path=PIXELS, status=403, body=DENIED, times=2)
    denied = run.checkout.snakemake(manifest, "--keep-going", config=later)
    assert denied.returncode != 0 and contents(run.folder) == before, "what was there stays"
    requests = run.asked()
    result = run.checkout.snakemake(manifest, config=later)
    assert result.returncode == 0, result.stderr[-4000:]
    assert run.asked() == requests + 2
    changed = {path for path, found in contents(run.folder).items() if before[path] != found}
    assert {Path(path).name for path in changed} == {"2020-03.nc", "2020-03.manifest.csv"} and len(changed) == 4
    again = run.checkout.snakemake(manifest, "--dry-run", config=later)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_change_of_code_runs_the_rules_again_and_asks_the_server_for_nothing(acquired, tmp_path):
    run = acquired.copy(tmp_path / "loam")
    with (run.folder / "workflow" / "lib" / "loam" / "acquire" / "http" / "retry.py").open(
        "a", encoding="utf-8"
    ) as file:
        file.write("\nCHANGED = True\n")
    planned = jobs(run.checkout.snakemake("--dry-run"))
    assert {rule: planned[rule] for rule in FETCHED} == FETCHED
    tables = [
        f"{name}/points/earthengine_{RUN}_source/{span}" for name, span in (("era5_land", "2020-02"), ("slga", "maps"))
    ]
    before, requests = contents(run.folder), len(run.server.requests)
    some = [MAPS[0], f"resources/smap_l4/{AREA}/2020-03.nc", *(f"resources/{file}.parquet" for file in tables)]
    result = run.checkout.snakemake(*some)
    assert result.returncode == 0, result.stderr[-4000:]
    assert len(re.findall(r"^(?:local)?rule fetch_", result.stdout + result.stderr, flags=re.M)) == 4
    assert len(run.server.requests) == requests and contents(run.folder) == before


def test_a_change_of_the_learning_rate_fetches_and_builds_nothing_before_training(acquired):
    changed = {**CONFIG, "training": {**CONFIG["training"], "learning_rate": 2.0e-4}}
    planned = jobs(acquired.checkout.snakemake("--dry-run", config=changed))
    assert "train_source" in planned and not set(planned) & {*FETCHED, "build_static", "build_dynamic", "build_samples"}


def contents(folder: Path) -> dict[str, bytes]:
    """The files of data by name, without their provenance."""
    return {file: (folder / file).read_bytes() for file in data_files(folder) if not file.endswith(".json")}
