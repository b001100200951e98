"""The STAC catalogue of maps: valid without a network, and true to the files that it lists."""

import json

import numpy as np
import pystac
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from pystac.validation import validate_dict

from loam.config.map_bands import band_names
from loam.errors import RasterError
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.map_catalogue import bbox_of, footprint, item_of, write_catalogue, write_item
from loam.raster.cog import open_map
from loam.raster.grid import grid_like
from loam.training.ranges import RANGE_BAND

from .conftest import write_tiff

DAY = "2022-08-15"
TAGS = {
    "run": "small", "day": DAY, "model": "mlp_within", "scenario": "both", "members": 8, "trained_on": "all stations",
    "software": "loam 0.1.0", "created_from": "weights.safetensors 00ff", "licence": "CC-BY-4.0",
    "data_licences": "Soil: CC BY 4.0", "outside_training_range": "clip",
}  # fmt: skip
CITED = ["Jones et al. (2020) Soils of somewhere, doi 10.1234/abc-5.", "A map without a number"]


@pytest.fixture
def run(tmp_path):
    """A folder of maps with one day; the paths of its files."""
    day = tmp_path / "maps" / DAY
    day.mkdir(parents=True)
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((50, 60), np.float32)), 64)
    files = {"soil_moisture": day / "soil_moisture.tif", "trust": day / "trust.tif", "picture": day / "map.png"}
    with open_map(files["soil_moisture"], grid, band_names(["surface"]), TAGS, ENCODED["int16"]) as output:
        output.write(grid.tiles[0], np.arange(9), np.full((9, 6), 0.3))
    with open_map(files["trust"], grid, [RANGE_BAND], TAGS, FLAG) as output:
        output.write(grid.tiles[0], np.arange(9), np.ones((9, 1)))
    return tmp_path / "maps", files


def written(run, **options):
    folder, files = run
    write_item(item_of(files, CITED, "00:00+10:00", **options), folder / DAY / "item.json")
    write_catalogue("small", [folder / DAY / "item.json"], folder / "catalog.json")
    return folder


def test_catalogue_and_item_are_valid_stac_and_find_each_other(run):
    folder = written(run)
    for name in ("catalog.json", f"{DAY}/item.json"):
        told = json.loads((folder / name).read_text())
        assert validate_dict(told, extensions=[]), "against the schemas that pystac brings along"
        assert not any(link["href"].startswith("/") or "://" in link["href"] and link["rel"] != "cite-as"
                       for link in told["links"])  # fmt: skip
    catalogue = pystac.Catalog.from_file(str(folder / "catalog.json"))
    (item,) = catalogue.get_items()
    assert (item.id, item.get_parent().id, catalogue.id) == (f"small_{DAY}", "small", "small")
    assert all((folder / DAY / asset.href).is_file() for asset in item.assets.values() if "png" not in asset.href)


def test_an_item_tells_day_grid_bands_software_and_sources(run):
    item = pystac.Item.from_file(str(written(run) / DAY / "item.json"))
    assert item.common_metadata.start_datetime.isoformat() == "2022-08-14T14:00:00+00:00", "midnight ten hours ahead"
    projection = ProjectionExtension.ext(item)
    assert (projection.code, projection.shape) == ("EPSG:28355", [50, 60])
    assert projection.transform == [80.0, 0.0, 540_000.0, 0.0, -80.0, 5_360_000.0]
    map_of_day, trust = item.assets["soil_moisture"], item.assets["trust"]
    assert [band["name"] for band in map_of_day.extra_fields["bands"]] == band_names(["surface"])
    for band in RasterExtension.ext(map_of_day).bands:
        assert (band.scale, band.offset, band.nodata, band.data_type) == (0.001, 0.0, -32768, "int16")
        assert band.unit == "m3 m-3"
    (flag,) = RasterExtension.ext(trust).bands
    assert (flag.scale, flag.nodata, flag.data_type) == (None, 255, "uint8")
    properties = item.properties
    assert properties["processing:software"] == {"loam": "0.1.0"} and properties["license"] == "CC-BY-4.0"
    assert properties["loam:trained_on"] == "all stations"
    assert properties["sci:publications"] == [
        {"doi": "10.1234/abc-5", "citation": CITED[0]}, {"citation": CITED[1]}
    ]  # fmt: skip
    assert {"https://doi.org/10.1234/abc-5"} == {link.href for link in item.links if link.rel == "cite-as"}
    west, south, east, north = item.bbox
    assert 147.47 < west < east < 147.55 and -41.95 < south < north < -41.90


def test_a_licence_that_is_no_name_of_one_is_other_to_stac(run):
    folder, files = run
    item = item_of(files, [], "00:00+00:00")
    assert "sci:publications" not in item.properties
    with pytest.raises(RasterError, match="no such file"):
        item_of({**files, "soil_moisture": folder / "none.tif"}, [], "00:00+00:00")


def test_the_outline_of_a_grid_across_the_180th_meridian_has_two_parts():
    """A degree on either side of the meridian, on a grid in degrees and on one in metres (UTM 60, Fiji)."""
    degrees = footprint(GeoBox((10, 20), Affine(0.1, 0, 179.0, 0, -0.1, -17.0), "EPSG:4326"))
    assert degrees.geom_type == "MultiPolygon" and degrees.area == pytest.approx(2.0)
    assert bbox_of(degrees) == [179.0, -18.0, -179.0, -17.0]
    metres = footprint(GeoBox((100, 200), Affine(1000, 0, 720_000, 0, -1000, 8_100_000), "EPSG:32760"))
    west, _, east, _ = bbox_of(metres)
    assert metres.geom_type == "MultiPolygon" and 178 < west < 180 and -180 < east < -178
    assert all(-180 <= x <= 180 for x, _ in shapely.get_coordinates(metres))
    assert footprint(GeoBox((10, 10), Affine(0.1, 0, 147, 0, -0.1, -41), "EPSG:4326")).geom_type == "Polygon"
