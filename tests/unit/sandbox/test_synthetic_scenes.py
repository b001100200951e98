"""From settings to scenes: the list, and the scripts that make the products."""

import json
from datetime import date

import make_sandbox_scenes
import make_sandbox_sentinel1
import make_sandbox_sentinel2
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from odc.geo.crs import CRS

from loam.acquire.scenes.scene_names import sentinel1_name
from loam.acquire.scenes.scene_table import SCENES, read_scenes
from loam.config.read import checked
from loam.config.sections.sandbox import Scenes
from loam.errors import ConfigError
from loam.raster.grid import Grid, Tile
from loam.sandbox import gridded_scenes
from loam.sandbox.gridded_scenes import write_gridded
from loam.sandbox.land.cover_map import LANDCOVER
from loam.sandbox.optical.tile import cloud_cover_on
from loam.sandbox.radar.backscatter import land_backscatter
from loam.sandbox.radar.view import incidence_angles
from loam.sandbox.scene_rows import BACK_END, COLUMNS, takes_and_sights
from loam.sandbox.synthetic_scenes import day_of, ground_on, texture_of
from loam.sandbox.world import World
from loam.sandbox.world_settings import settings_of
from loam.sentinel1.mosaic import GIVEN, mosaic_pass
from loam.sentinel1.orbit import orbit_mission
from loam.sentinel1.product import open_product as open_radar
from loam.sentinel2.deliveries import open_product as open_optical

SCENES_TAKEN = {
    "sentinel1": {
        "period": ["2020-01-05", "2020-01-16"], "incidence": 38.0, "direction": "descending", "every": 2, "looks": 4.4,
        "gridded": False,
    },
    "sentinel2": {"period": ["2020-01-03", "2020-01-08"], "every_days": 5},
}  # fmt: skip
TAKEN = checked(Scenes, SCENES_TAKEN)
VALUES = {
    "run": "small",
    "seed": 3,
    "sandbox": {"rows": 48, "columns": 48, "spin_up_days": 10, "scenes": SCENES_TAKEN},
    "threads": 1,
}


def with_sandbox(**changed) -> dict:
    return {**VALUES, "sandbox": {**VALUES["sandbox"], **changed}}


def listed(folder, values=VALUES) -> pd.DataFrame:
    make_sandbox_scenes.stage({"scenes": folder / "scenes.csv"}, values)
    return read_scenes(folder / "scenes.csv")


def names_of(rows, dataset) -> list[str]:
    return list(rows.loc[rows["dataset"] == dataset, "scene"])


def test_the_list_is_one_of_scenes(tmp_path):
    rows = listed(tmp_path)
    assert list(rows.columns) == list(SCENES.columns) == list(COLUMNS)
    assert set(rows["back_end"]) == {BACK_END}
    assert set(rows["version"]) == {"003.71", "05.09"}
    radar = rows[rows["dataset"] == "sentinel1"]
    assert [sentinel1_name(name).start.isoformat()[:19] for name in radar["scene"]] == [
        acquired[:19] for acquired in radar["acquired"]
    ]
    assert list(radar["relative_orbit"]) == [
        take.name.relative_orbit for take in takes_and_sights(settings_of(3, VALUES["sandbox"]).geobox, TAKEN)[0]
    ]
    assert len(names_of(rows, "sentinel2")) == 2


def test_the_list_holds_for_every_seed(tmp_path):
    listed(tmp_path)
    text = (tmp_path / "scenes.csv").read_bytes()
    for values in (VALUES, {**VALUES, "seed": 4}, with_sandbox(domain_distance=0.0, spin_up_days=20, coast="island")):
        listed(tmp_path, values)
        assert (tmp_path / "scenes.csv").read_bytes() == text


def test_another_region_or_path_has_other_scenes(tmp_path):
    one = listed(tmp_path)
    moved = {**SCENES_TAKEN, "sentinel1": {**SCENES_TAKEN["sentinel1"], "incidence": 38.001}}
    region, path = (listed(tmp_path, with_sandbox(**changed)) for changed in ({"rows": 50}, {"scenes": moved}))
    assert not set(region["scene"]) & set(one["scene"])
    assert not set(names_of(path, "sentinel1")) & set(one["scene"])
    assert names_of(path, "sentinel2") == names_of(one, "sentinel2")


def test_a_longer_period_keeps_the_scenes_that_were_listed(tmp_path):
    longer = {**SCENES_TAKEN, "sentinel1": {**SCENES_TAKEN["sentinel1"], "period": ["2020-01-05", "2020-02-16"]}}
    one, more = listed(tmp_path), listed(tmp_path, with_sandbox(scenes=longer))
    assert set(one["scene"]) < set(more["scene"])


def test_either_satellite_may_lack(tmp_path):
    scenes = {**SCENES_TAKEN, "sentinel1": None}
    assert set(listed(tmp_path, with_sandbox(scenes=scenes))["dataset"]) == {"sentinel2"}


def test_products_are_made_as_listed(tmp_path):
    rows = listed(tmp_path)
    names = names_of(rows, "sentinel1")[:1]
    products, orbits = [tmp_path / f"{name}.zip" for name in names], [tmp_path / f"{name}.EOF" for name in names]
    optical = [tmp_path / name / f"{name}.json" for name in names_of(rows, "sentinel2")]
    make_sandbox_sentinel1.stage({"products": products, "orbits": orbits}, VALUES)
    make_sandbox_sentinel2.stage({"products": optical}, VALUES)
    product = open_radar(products[0])
    assert str(np.datetime64(product.start, "s")) == rows.set_index("scene")["acquired"][names[0]][:19]
    assert orbit_mission(orbits[0]) == product.mission == "S1A"
    items = [open_optical(path) for path in optical]
    assert [item.tile for item in items] == list(rows.loc[rows["dataset"] == "sentinel2", "tile"])
    assert not list(tmp_path.glob(".sandbox-*"))


def test_how_cloudy_an_item_is_follows_from_the_world(tmp_path):
    name = names_of(listed(tmp_path), "sentinel2")[0]
    covers = []
    for seed in (3, 4):
        path = tmp_path / str(seed) / f"{name}.json"
        make_sandbox_sentinel2.stage({"products": [path]}, {**VALUES, "seed": seed})
        covers.append(json.loads(path.read_text())["properties"]["eo:cloud_cover"])
    assert covers == [cloud_cover_on(seed, date(2020, 1, 3)) for seed in (3, 4)]
    assert covers[0] != covers[1]


@pytest.mark.parametrize("dataset", ["sentinel1", "sentinel2"])
def test_a_list_of_other_settings_is_refused(tmp_path, dataset):
    name = names_of(listed(tmp_path, with_sandbox(rows=50)), dataset)[0]
    for values in (VALUES, with_sandbox(scenes={**SCENES_TAKEN, dataset: None})):
        with pytest.raises(ConfigError) as refused:
            if dataset == "sentinel1":
                paths = {"products": [tmp_path / f"{name}.zip"], "orbits": [tmp_path / f"{name}.EOF"]}
                make_sandbox_sentinel1.stage(paths, values)
            else:
                make_sandbox_sentinel2.stage({"products": [tmp_path / name / f"{name}.json"]}, values)
        assert str(refused.value).startswith("the list of scenes: ")
        assert name in str(refused.value) and "`snakemake --cores 1 -F scenes`" in str(refused.value)


def test_gridded_backscatter_is_that_of_the_products_land(tmp_path, monkeypatch):
    world = World(settings_of(3, VALUES["sandbox"]))
    takes, _ = takes_and_sights(world.geobox, TAKEN)
    path, other = tmp_path / "whole.tif", tmp_path / "parts.tif"
    speckled, again_speckled = tmp_path / "speckled.tif", tmp_path / "speckled_parts.tif"
    write_gridded(world, {path: takes[0]}, looks=np.inf)
    write_gridded(world, {speckled: takes[0]}, looks=4.4)
    monkeypatch.setattr(gridded_scenes, "BLOCK", 20)
    write_gridded(world, {other: takes[0]}, looks=np.inf)
    write_gridded(world, {again_speckled: takes[0]}, looks=4.4)
    with rasterio.open(path) as whole, rasterio.open(other) as parts:
        assert whole.descriptions == GIVEN
        values, again = whole.read(), parts.read()
    assert np.isfinite(values).all()
    assert values[0] == pytest.approx(again[0], rel=1e-3)
    with rasterio.open(speckled) as whole, rasterio.open(again_speckled) as parts:
        ratio, other_ratio = whole.read(1) / values[0], parts.read(1) / again[0]
    assert ratio == pytest.approx(other_ratio, rel=1e-3), "each pixel has its own speckle, whatever the blocks"
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert ratio.std() == pytest.approx(1 / np.sqrt(4.4 * 64), rel=0.15)
    ground = ground_on(world, [day_of(takes[0].frame.seen.time)])
    local, ellipsoidal = incidence_angles(takes[0].frame.orbit, takes[0].frame.seen, world.geobox, ground.elevation)
    texture = texture_of(3, *np.indices(world.geobox.shape))
    truth = land_backscatter("vv", ground.moisture[0], ground.leaves[0], ground.landcover, LANDCOVER, local, texture)
    assert values[0] == pytest.approx(truth, rel=1e-3)
    assert values[2] == pytest.approx(ellipsoidal, abs=1e-3)


def test_gridded_backscatter_becomes_a_pass_as_earth_engines_does(tmp_path):
    values = with_sandbox(scenes={**SCENES_TAKEN, "sentinel1": {**SCENES_TAKEN["sentinel1"], "gridded": True}})
    geobox = settings_of(3, values["sandbox"]).geobox
    name = names_of(listed(tmp_path, values), "sentinel1")[0]
    scene, dem, passed = tmp_path / f"{name}.tif", tmp_path / "dem.tif", tmp_path / "pass.tif"
    whole = Tile(0, 0, 48, 48)
    make_sandbox_sentinel1.stage({"products": [scene], "orbits": []}, values)
    profile = {"driver": "GTiff", "count": 1, "height": geobox.shape[0], "width": geobox.shape[1],
               "crs": geobox.crs.to_wkt(), "transform": geobox.transform}  # fmt: skip
    with rasterio.open(dem, "w", dtype="float32", **profile) as dataset:
        dataset.write(np.nan_to_num(World(settings_of(3, values["sandbox"])).static(whole)["elevation"]), 1)
    grid = Grid(geobox, dem, 48, (whole,))
    mosaic_pass([scene], dem, grid, passed)
    with rasterio.open(scene) as given, rasterio.open(passed) as dataset:
        bands = dict(zip(dataset.descriptions, dataset.read(), strict=True))
        np.testing.assert_allclose(bands["vv"], given.read(1), rtol=1e-6)
    assert np.isfinite(bands["local_incidence"]).mean() > 0.9


@pytest.mark.parametrize("dataset", ["sentinel1", "sentinel2"])
def test_scenes_lie_over_the_region(tmp_path, dataset):
    rows = listed(tmp_path)
    region = settings_of(3, VALUES["sandbox"]).geobox.extent.to_crs(CRS("EPSG:4326")).geom
    for footprint in rows.loc[rows["dataset"] == dataset, "footprint"]:
        assert shapely.from_wkt(footprint).buffer(1e-4).contains(region)
