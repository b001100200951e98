"""What stands in and beside a map for other programs: tags, GDAL's categories, QGIS styles."""

import json
from xml.etree import ElementTree as Xml

import matplotlib as mpl
import numpy as np
import pytest
import rasterio

from loam.config.code import RELEASE, release
from loam.io.provenance import hash_of_values, sha256_of_file, write_provenance
from loam.mapping.contents import ENCODED
from loam.mapping.picture import MOISTURE
from loam.mapping.qgis import classes_style, ramp_style
from loam.mapping.sidecar import plain, sidecar
from loam.mapping.tags import map_tags
from loam.mapping.trust import CLASSES
from loam.raster.cog import open_map
from loam.raster.grid import grid_like

from .conftest import DAY, write_tiff

VALUES = {
    "run": "small", "date": DAY, "mapping": {"licence": "CC-BY-4.0", "outside": "mask"}, "threads": 2,
    "data_licences": ["SMAP L4: NASA open data", "Soil: CC BY 4.0"],
}  # fmt: skip
CARD = {"model": "lstm", "scenario": "transfer", "protocol": "k_fold"}


@pytest.fixture
def inputs(tmp_path):
    """A file, and a store whose hash stands in the record beside it."""
    weights, store = tmp_path / "weights.safetensors", tmp_path / "static.zarr"
    weights.write_bytes(b"weights")
    store.mkdir()
    (store / "zarr.json").write_text("{}")
    write_provenance([store], [], rule="build_static", code="c0de", values={})
    return [weights, store]


def test_a_map_says_run_day_model_software_licence_and_what_it_is_made_from(inputs):
    tags = map_tags(VALUES, CARD, inputs, code="feedfacecafebeef")
    stored = json.loads((inputs[1].parent / "static.zarr.provenance.json").read_text())["sha256"]
    assert tags == {
        "run": "small", "model": "lstm", "scenario": "transfer", "trained_on": "the folds of k_fold",
        "software": f"loam {release()}",
        "code": "feedfacecafebeef",
        "config_hash": hash_of_values({key: VALUES[key] for key in VALUES if key != "threads"}),
        "created_from": f"weights.safetensors {sha256_of_file(inputs[0])[:16]}; static.zarr {stored[:16]}",
        "licence": "CC-BY-4.0", "data_licences": "SMAP L4: NASA open data; Soil: CC BY 4.0",
        "TIFFTAG_SOFTWARE": f"loam {release()}", "TIFFTAG_COPYRIGHT": "licence: CC-BY-4.0",
        "TIFFTAG_DATETIME": "2022:08:15 00:00:00",
    }  # fmt: skip


def test_a_map_says_whose_stations_its_members_learned_from(inputs):
    cards = [CARD | more for more in ({"protocol": "all"}, {"scenario": "source", "protocol": None})]
    told = [map_tags(VALUES, card, inputs, code="c0de")["trained_on"] for card in cards]
    assert told == ["all stations", "the source domain"]


def test_a_licence_that_nobody_stated_is_told_as_such(inputs):
    values = VALUES | {"mapping": {"licence": None}, "data_licences": []}
    tags = map_tags(values, CARD, inputs, code="c0de")
    assert tags["licence"] == tags["data_licences"] == "not stated"
    assert tags["TIFFTAG_COPYRIGHT"] == "licence: not stated"


def test_the_number_of_threads_changes_no_tag(inputs):
    assert map_tags(VALUES, CARD, inputs, code="c0de") == map_tags(VALUES | {"threads": 9}, CARD, inputs, code="c0de")


def test_a_release_has_a_number_that_is_no_code():
    assert [part.isdigit() for part in release().split(".")] == [True] * 3
    assert RELEASE.suffix == ""


def test_gdal_shows_what_stands_beside_a_map_before_what_stands_in_it(tmp_path):
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((50, 60), np.float32)), 64)
    with open_map(
        tmp_path / "map.tif", grid, ["surface_mean"], {"accuracy": "elsewhere", "run": "small"}, ENCODED["int16"]
    ) as output:
        output.write(grid.tiles[0], np.arange(9), np.full((9, 1), 0.3))
    before = (tmp_path / "map.tif").read_bytes()
    (tmp_path / "map.tif.aux.xml").write_text(sidecar({"accuracy": "expect ±0.060 m³ m⁻³, 0–30 cm <& more>"}))
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.tags()["accuracy"] == "expect +-0.060 m3 m-3, 0-30 cm <& more>"
        assert dataset.tags()["run"] == "small"
    assert (tmp_path / "map.tif").read_bytes() == before


def test_the_categories_and_the_attribute_table_name_every_class():
    root = Xml.fromstring(sidecar({}, CLASSES))
    band = root.find("PAMRasterBand[@band='1']")
    named = {item.value: item.name for item in CLASSES}
    assert [category.text for category in band.find("CategoryNames")] == [named[value] for value in (0, 1, 2)]
    rows = {int(row[0].text): [cell.text for cell in row[1:]] for row in band.findall("GDALRasterAttributeTable/Row")}
    assert {value: row[0] for value, row in rows.items()} == named
    assert rows[0][1:] == [str(part) for part in bytes.fromhex(CLASSES[0].colour[1:])]


def test_a_tag_is_plain_text_of_one_alphabet():
    assert plain("±0.06 m³ m⁻³, 0–30 cm, −1") == "+-0.06 m3 m-3, 0-30 cm, -1"


def test_a_ramp_runs_evenly_from_limit_to_limit_in_the_colours_of_the_picture():
    style = Xml.fromstring(ramp_style(3, (0.05, 0.45), MOISTURE, "m3 m-3"))
    renderer = style.find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "3")
    items = renderer.findall("rastershader/colorrampshader/item")
    values = [float(item.get("value")) for item in items]
    assert values == pytest.approx(np.linspace(0.05, 0.45, len(items)))
    for place in (0, 10, 20):
        assert items[place].get("color") == mpl.colors.to_hex(MOISTURE(place / 20))


def test_the_style_of_classes_has_each_with_its_colour_and_name():
    entries = Xml.fromstring(classes_style(1, CLASSES)).findall("pipe/rasterrenderer/colorPalette/paletteEntry")
    assert [(int(entry.get("value")), entry.get("label"), entry.get("color")) for entry in entries] == [
        (item.value, item.name, item.colour) for item in CLASSES
    ]
