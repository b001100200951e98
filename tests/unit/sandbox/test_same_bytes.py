"""The same seed gives the same bytes, of every kind of file that the sandbox writes; another seed, other ones.

Times in provenance excepted. What is made again is made by two threads.
"""

import make_sandbox_fields
import make_sandbox_maps
import make_sandbox_network
import make_sandbox_point_fields
import make_sandbox_point_maps
import make_sandbox_probes
import make_sandbox_scenes
import make_sandbox_sentinel1
import make_sandbox_sentinel2
import make_sandbox_truth
import pandas as pd
import pytest

from loam.config.read import checked
from loam.config.sections.sandbox import Scenes
from loam.sandbox.scene_rows import takes_and_sights
from loam.sandbox.world_settings import settings_of

SCENES = {
    "sentinel1": {
        "period": ["2021-06-05", "2021-06-05"], "incidence": 38, "direction": "descending", "every": 1, "looks": 4.4,
        "gridded": False,
    },
    "sentinel2": {"period": ["2021-06-03", "2021-06-03"], "every_days": 5},
}  # fmt: skip
SANDBOX = {
    "rows": 60, "columns": 60, "corner": [540_000, 5_360_000], "coast": "corner", "spin_up_days": 3,
    "period": {"source": ["2019-06-01", "2019-06-30"], "target": ["2021-06-01", "2021-06-30"]},
    "drought_year": None, "wet_year": None, "target_stations": 4, "source_stations": 4, "long_records": 1,
    "domain_distance": 1.0, "scenes": SCENES,
}  # fmt: skip
GRID = {"crs": "EPSG:28355", "bounds": [540_000, 5_355_200, 544_800, 5_360_000], "resolution": 80}
KINDS = ["sandbox_moisture", "sandbox_weather"]
MAPS = {
    "sandbox_soil": ["awc", "bulk_density", "clay", "soc"], "sandbox_terrain": ["elevation"],
    "sandbox_landcover": ["sandbox_landcover"],
}  # fmt: skip
TAKES, SIGHTS = takes_and_sights(settings_of(0, SANDBOX).geobox, checked(Scenes, SCENES))


def maps(folder, values):
    wanted = [{"dataset": name, "variable": one, "grid": GRID} for name, found in MAPS.items() for one in found]
    paths = [folder / item["dataset"] / f"{item['variable']}.tif" for item in wanted]
    make_sandbox_maps.stage({"maps": paths}, {**values, "maps": wanted})


def months(folder, values, month):
    fields = [{"dataset": name, "spans": [month], "states": ["final"]} for name in KINDS]
    files = [folder / name / f"{month}" for name in KINDS]
    return {**values, "fields": fields, "grid": GRID}, files


def fields(folder, values):
    values, files = months(folder, values, "2021-06")
    paths = {"fields": [file.with_suffix(".nc") for file in files],
             "manifests": [file.with_suffix(".manifest.csv") for file in files]}  # fmt: skip
    make_sandbox_fields.stage(paths, values)


def stations(folder):
    path = folder.parent / "stations.parquet"
    names = [f"SANDBOX_S0{number}" for number in (1, 2, 3, 4)]
    pd.DataFrame({"station": names, "latitude": -40.0, "longitude": 147.0}).to_parquet(path)
    return path


def point_fields(folder, values):
    values, files = months(folder, values, "2019-06")
    paths = {"points": [file.with_suffix(".parquet") for file in files],
             "manifests": [file.with_suffix(".manifest.csv") for file in files]}  # fmt: skip
    make_sandbox_point_fields.stage({"stations": stations(folder), **paths}, values)


def point_maps(folder, values):
    wanted = [{"dataset": name, "variables": found} for name, found in MAPS.items()]
    paths = {"stations": stations(folder), "points": [folder / f"{item['dataset']}.parquet" for item in wanted]}
    make_sandbox_point_maps.stage(paths, {**values, "maps": wanted, "grid": GRID})


def probes(folder, values):
    names = {"files": "files", "description": "description.yaml", "stations": "stations.csv", "faults": "faults.csv"}
    make_sandbox_probes.stage({name: folder / file for name, file in names.items()}, values)


def network(folder, values):
    make_sandbox_network.stage({"download": folder / "download"}, values)


def truth(folder, values):
    make_sandbox_truth.stage(
        {"truth": folder / "truth.nc"}, {**values, "mapping": {"dates": ["2021-06-02", "2021-06-09"]}}
    )  # fmt: skip


def scenes(folder, values):
    make_sandbox_scenes.stage({"scenes": folder / "scenes.csv"}, values)


def sentinel1(folder, values):
    name = TAKES[0].name.product
    make_sandbox_sentinel1.stage({"products": [folder / f"{name}.zip"], "orbits": [folder / f"{name}.EOF"]}, values)


def sentinel2(folder, values):
    name = SIGHTS[0].name
    make_sandbox_sentinel2.stage({"products": [folder / name / f"{name}.json"]}, values)


WRITERS = [maps, fields, point_maps, point_fields, probes, network, truth, scenes, sentinel1, sentinel2]
# Written of the settings alone, whatever the seed
SEEDLESS = {"scenes.csv", f"{TAKES[0].name.product}.EOF", "description.yaml"}


def written(writer, folder, seed, threads=1):
    """Bytes by path inside the folder."""
    place = folder / "files"
    place.mkdir(parents=True)
    writer(place, {"run": "same", "seed": seed, "sandbox": SANDBOX, "threads": threads})
    files = (path for path in place.rglob("*") if path.is_file() and not path.name.endswith(".provenance.json"))
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """What each writer writes, all made before any is made again, so that clocks go on in between."""
    return {writer: written(writer, tmp_path_factory.mktemp(writer.__name__), 6) for writer in WRITERS}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_seed_is_the_same_bytes(first, writer, tmp_path):
    again = written(writer, tmp_path, 6, threads=2)
    assert again and again.keys() == first[writer].keys()
    assert [name for name, content in again.items() if content != first[writer][name]] == []


@pytest.mark.parametrize("writer", WRITERS)
def test_another_seed_is_another_world(first, writer, tmp_path):
    other = written(writer, tmp_path, 7)
    same = {name.rsplit("/", 1)[-1] for name, content in other.items() if content == first[writer].get(name)}
    assert {name for name in same if not name.endswith(".manifest.csv")} <= SEEDLESS
