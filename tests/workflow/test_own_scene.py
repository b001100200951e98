"""From one Sentinel-1 product and an elevation model of one's own to samples, as docs/how-to says it."""

from __future__ import annotations

import re
import shutil
from datetime import date

import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from loopback_server import Loopback
from odc.geo.geobox import GeoBox
from own_scene import write_dem, write_orbit_file, write_scene
from pages import blocks, labelled_files, printed_commands, succeed

from loam.io.tables import read_table

PAGE = "docs/how-to/from-one-scene-and-a-dem.md"
PASS = "results/my_scene/sentinel1/2022-08-01_028_S1A.tif"
STATIONS = {"K1": (20, 12), "K2": (35, 40)}  # pixel: row, column
LAND = GeoBox((120, 120), Affine(40, 0, 539_600, 0, -40, 5_340_400), "EPSG:28355")  # of the landscape, round the grid
_ROW, _COLUMN = np.indices(LAND.shape)
ELEVATION = 300.0 + 120.0 * np.sin(_ROW / 11.0) * np.cos(_COLUMN / 9.0)
VV = np.where(_COLUMN < 60, 0.1, 0.05)  # west, east; VH is a fifth of it


def jobs(said: str) -> list[str]:
    """The rules of the jobs that started, or the rules that a dry run lists."""
    started = re.findall(r"^rule (\w+)[^\n]*: started$", said, flags=re.M)
    return sorted(started or set(re.findall(r"^(\w+) +\d+$", said, flags=re.M)) - {"total"})


class Scene:
    """A clone in which somebody followed the page."""

    def __init__(self, page: str, folder) -> None:
        self.page, self.folder, self.said = page, folder, {}
        self.config = {}
        for name, content in labelled_files(page).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
            self.config = yaml.safe_load(content)
        self.products = folder / "my_scene" / "products"
        self.take = write_scene(
            self.products, LAND, ELEVATION, {"vv": VV, "vh": VV / 5}, date(2022, 8, 1), looks=4.4
        )  # fmt: skip
        write_dem(folder / "my_scene" / "dem" / "elevation.tif", LAND, ELEVATION)
        self.code = blocks(page, "python")
        for command in printed_commands(page, sentences=False):
            self.said[command.split()[1]] = succeed([command], folder)

    def bands(self) -> tuple[np.ndarray, dict[str, str]]:
        with rasterio.open(self.folder / PASS) as file:
            return file.read(), file.tags()

    def write_config(self, name: str, **sections) -> str:
        (self.folder / name).write_text(yaml.safe_dump({**self.config, **sections}), encoding="utf-8")
        return f"--cores 1 --configfile {name}"


@pytest.fixture(scope="module")
def scene(project, copy_project, tmp_path_factory) -> Scene:
    page = (project / PAGE).read_text(encoding="utf-8")
    return Scene(page, copy_project(project, tmp_path_factory.mktemp("scene") / "clone", {}).folder)


def test_the_page_s_commands_make_what_they_say_and_nothing_else(scene):
    assert list(scene.said) == ["scenes", "sentinel1", "cube"]
    assert jobs(scene.said["scenes"]) == ["list_scenes"]
    assert jobs(scene.said["sentinel1"]) == ["build_grid", "fetch_maps", "process_sentinel1"]
    assert jobs(scene.said["cube"]) == ["build_dynamic", "build_static", "fetch_maps"]
    job, name = "process_sentinel1 my_scene 2022-08-01_028_S1A", scene.take.name.product
    assert f"WARNING {job}: {name}: no orbit file covers it" in scene.said["sentinel1"]


def test_the_page_s_code_reads_the_pass_and_the_cube(scene, monkeypatch):
    monkeypatch.chdir(scene.folder)
    names: dict = {}
    exec(scene.code[0], names)
    vv, validity = names["vv"], names["validity"]
    exec(scene.code[1], names)
    np.testing.assert_array_equal(names["vv"], np.where(validity == 0, vv, np.nan))


def test_backscatter_and_incidence_are_what_the_product_saw(scene):
    (vv, vh, local, ellipsoidal, validity), _ = scene.bands()
    assert (validity == 0).mean() > 0.99
    for band, truth in ((vv, 0.1), (vh, 0.02)):
        for part, factor in ((np.s_[:, 2:22], 1.0), (np.s_[:, 28:48], 0.5)):
            assert np.nanmean(band[part]) == pytest.approx(truth * factor, rel=0.02)
            assert np.nanstd(10 * np.log10(band[part])) < 0.35, "dB that speckle leaves"
    assert ellipsoidal.min() > 37 and ellipsoidal.max() < 39, "38 degrees were asked for, in the middle"
    steep = np.degrees(np.arctan(120 / 9 / 40))
    assert ellipsoidal.min() - steep < local.min() < 30 and 46 < local.max() < ellipsoidal.max() + steep


def test_an_orbit_beside_the_product_is_taken_and_samples_read_the_cube(scene):
    """The pass is made again, and what follows; the list of scenes, the elevation model and the grid stay."""
    before, tags = scene.bands()
    assert tags["orbit"] == "annotated"
    write_orbit_file(scene.take, scene.products)
    probes = scene.folder / "my_scene" / "probes"
    probes.mkdir()
    to_degrees = LAND.crs.transformer_to_crs("EPSG:4326", always_xy=True)
    rows = ["station,latitude,longitude"]
    for name, (row, column) in STATIONS.items():
        (probes / f"{name}_a.csv").write_text("Day,SM,Deep\n2022-08-01,0.20,0.30\n2022-08-02,0.21,0.30\n")
        x, y = to_degrees(540_000 + 80 * (column + 0.5), 5_340_000 - 80 * (row + 0.5))
        rows.append(f"{name},{y:.7f},{x:.7f}")
    (scene.folder / "my_scene" / "stations.csv").write_text("\n".join(rows) + "\n")
    (scene.folder / "my_scene" / "probes.yaml").write_text(
        'station: {from: file name, pattern: "(?P<station>[^_]+)_.*"}\n'
        'time: {column: Day, format: "%Y-%m-%d"}\ndaily: true\ncolumns:\n'
        "  - {column: SM, variable: soil_moisture, depth: 0-30 cm, unit: m3/m3}\n"
        "  - {column: Deep, variable: soil_moisture, depth: 30-60 cm, unit: m3/m3}\n"
    )
    files = {"format": "logger", "path": "my_scene/probes", "description": "my_scene/probes.yaml",
             "stations": "my_scene/stations.csv"}  # fmt: skip
    daily = [{"name": name, "lags": [0, 0]} for name in ("vv", "vh", "local_incidence", "sentinel1_age")]
    sections = {
        "probes": {"target": files},
        "features": {"static": ["elevation"], "daily": daily, "sequence": {"variables": []}, "classes": []},
    }
    target = f"results/my_scene/samples/target.parquet {scene.write_config('samples.yaml', **sections)}"
    said = succeed([f"snakemake {target}"], scene.folder)
    assert jobs(said) == ["build_dynamic", "build_dynamic", "build_samples", "prepare_probes", "process_sentinel1"]
    after, tags = scene.bands()
    assert tags["orbit"] == "precise" and "annotated orbit" not in said
    np.testing.assert_allclose(after, before, rtol=0.01)
    samples = read_table(scene.folder / "results/my_scene/samples/target.parquet").set_index("station")
    for name, (row, column) in STATIONS.items():
        own = samples.loc[name]
        assert own["date"].dt.strftime("%Y-%m-%d").tolist() == ["2022-08-01", "2022-08-02"]
        assert own["sentinel1_age_0"].tolist() == [0, 1] and own["surface"].tolist() == pytest.approx([0.20, 0.21])
        for band, feature in zip(after, ("vv", "vh", "local_incidence"), strict=False):
            assert own[f"{feature}_0"].tolist() == [band[row, column]] * 2
    unfiltered = scene.write_config("none.yaml", **sections, sentinel1={"speckle": {"filter": "none"}})
    planned = jobs(succeed([f"snakemake results/my_scene/samples/target.parquet -n {unfiltered}"], scene.folder))
    assert planned == ["build_dynamic", "build_samples", "process_sentinel1"]


def test_a_fetched_scene_whose_orbit_is_not_published_is_processed_and_the_orbit_asked_for_again_on_demand(
    scene, tmp_path, monkeypatch
):
    folder = tmp_path / "clone"
    shutil.copytree(scene.folder, folder)
    for name in ("CDSE_USERNAME", "CDSE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    name, server = scene.take.name.product, Loopback()
    listing = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>{}</ListBucketResult>'
    server.serve("/", listing.format(""), headers={"Content-Type": "application/xml"}, ranges=False)
    catalogue = folder / "workflow/lib/loam/acquire/datasets.yaml"
    catalogue.write_text(catalogue.read_text().replace("https://s1-orbits.s3.amazonaws.com", f"{server.url}/"))
    listed = (folder / "resources/scenes/my_scene.csv").read_text().replace(",local,", ",direct,")
    (folder / "resources/scenes/fetched.csv").write_text(listed)
    (folder / "resources/sentinel1").mkdir()
    shutil.move(folder / f"my_scene/products/{name}.zip", folder / f"resources/sentinel1/{name}.zip")
    acquire = scene.config["acquire"] | {"sentinel1": {"dataset": "sentinel1", "back_end": "direct"}}
    (folder / "fetched.yaml").write_text(yaml.safe_dump({**scene.config, "run": "fetched", "acquire": acquire}))
    command = "snakemake sentinel1 --cores 1 --configfile fetched.yaml"
    said = succeed([command], folder)
    assert jobs(said) == ["build_grid", "fetch_orbit", "process_sentinel1"]
    assert f"WARNING fetch_orbit {name}: {name}: no orbit is published on" in said
    assert re.search(rf"WARNING process_sentinel1 .* {name}: no orbit was published on .*; its annotated", said)
    with rasterio.open(folder / "results/fetched/sentinel1/2022-08-01_028_S1A.tif") as file:
        assert file.tags()["orbit"] == "annotated"
    again = re.search(r"`(-R [^`]*)`", scene.page)[1]
    assert jobs(succeed([f"{command} -n {again}"], folder)) == ["fetch_orbit", "process_sentinel1", "sentinel1"]
    server.close()
