import itertools
import json
import threading

import numpy as np
import pytest
import rasterio
from memory_sources import CLASSES, CLAY, MemoryMaps, dataset, map_values
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.origin import is_current
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetched_parts import open_parts, parts_folder
from loam.errors import AcquireError, ConfigError

GRID = GeoBox.from_bbox((500000, 5200000, 504000, 5203600), "EPSG:32755", resolution=80)  # 45 x 50: 3 x 4 tiles of 16
SOIL = dataset("soil_made_up", CLAY, kind="soil", form="maps")
COVER = dataset("cover_made_up", CLASSES, kind="landcover", form="maps", nodata=0)
REQUEST = {"dataset": "soil_made_up", "variable": "clay"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "resources" / "clay.tif"


def source(path, entry=SOIL, request=REQUEST, kind=MemoryMaps, **answers):
    return kind(entry, open_parts(path, request), **answers)


def test_tiles_join_to_the_map_that_one_reply_would_have_been(path):
    fetch_map(source(path), "clay", GRID, path, REQUEST)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), map_values(CLAY["clay"], GRID))
        assert file.descriptions == ("0-5", "5-15") and file.units == ("%", "%")
        assert (file.nodata, file.dtypes[0], file.block_shapes[0]) == (-9999, "float32", (512, 512))
        assert file.transform == GRID.transform and file.crs.to_epsg() == 32755
        assert file.profile["compress"] == "deflate"


def test_what_it_is_stands_beside_it_and_the_parts_are_gone(path, files_in):
    fetch_map(source(path), "clay", GRID, path, REQUEST)
    assert files_in(path.parent) == ["clay.tif", "clay.tif.provenance.json"]
    record = json.loads((path.parent / "clay.tif.provenance.json").read_text())["source"]
    assert record["clients"] == {"memory": "1"} and record["tiles"] == 12 and record["licence"] == "free"
    assert is_current(path, REQUEST) and not is_current(path, {**REQUEST, "variable": "soc"})


def test_missing_pixels_are_nodata_and_an_elevation_names_its_datum(path):
    entry = dataset("dem", CLAY, form="maps", kind="terrain", vertical_datum="EGM2008")

    def with_sea(geobox):
        values = map_values(CLAY["clay"], geobox)
        values[:, :, :8] = np.nan
        return values

    fetch_map(source(path, entry, every=with_sea), "clay", GRID, path, REQUEST)
    with rasterio.open(path) as file:
        assert (file.read(1)[:, :8] == -9999).all() and (file.read(1)[:, 8:16] != -9999).all()
        assert file.tags()["vertical_datum"] == "EGM2008"


def test_classes_stay_whole_numbers(path):
    fetch_map(source(path, COVER), "cover", GRID, path, REQUEST)
    with rasterio.open(path) as file:
        assert file.dtypes == ("uint8",) and file.nodata == 0
        assert np.array_equal(file.read(), map_values(CLASSES["cover"], GRID))


def test_a_tile_at_sea_is_no_error_but_a_map_without_any_value_is(path, files_in):
    def sea_in_the_west(geobox):
        values = map_values(CLAY["clay"], geobox)
        return np.full_like(values, np.nan) if geobox.transform.c == 500000 else values

    fetch_map(source(path, every=sea_in_the_west), "clay", GRID, path, REQUEST)
    path.unlink()

    def nothing(geobox):
        return np.full((2, *geobox.shape), np.nan, np.float32)

    with pytest.raises(AcquireError, match="every pixel of band 0-5 is missing.*covers the region") as raised:
        fetch_map(source(path, every=nothing), "clay", GRID, path, REQUEST)
    assert str(path) in str(raised.value)
    assert [name for name in files_in(path.parent) if name.endswith(".tif")] == []


class BreaksAfter(MemoryMaps):
    """The server is gone after five tiles."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.number = itertools.count()

    def read_map(self, variable, geobox):
        if next(self.number) >= 5:
            raise AcquireError("the connection failed", where="loopback")
        return super().read_map(variable, geobox)


def test_a_rerun_asks_only_for_the_tiles_that_lack(path):
    broken = source(path, kind=BreaksAfter)
    with pytest.raises(AcquireError, match="the connection failed"):
        fetch_map(broken, "clay", GRID, path, REQUEST)
    assert not path.exists()
    again = source(path)
    fetch_map(again, "clay", GRID, path, REQUEST)
    assert len(again.asked) == 7 and not set(again.asked) & set(broken.asked)
    whole = path.with_name("whole.tif")
    fetch_map(source(whole), "clay", GRID, whole, REQUEST)
    assert path.read_bytes() == whole.read_bytes()


def test_another_request_does_not_take_the_tiles_of_the_first(path):
    with pytest.raises(AcquireError):
        fetch_map(source(path, kind=BreaksAfter), "clay", GRID, path, REQUEST)
    other = {**REQUEST, "version": "2"}
    again = source(path, request=other)
    fetch_map(again, "clay", GRID, path, other)
    assert len(again.asked) == 12


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"<html>", lambda data: b""])
def test_a_damaged_tile_is_fetched_again(path, damage):
    with pytest.raises(AcquireError):
        fetch_map(source(path, kind=BreaksAfter), "clay", GRID, path, REQUEST)
    tile = sorted((parts_folder(path) / "tiles").iterdir())[2]
    tile.write_bytes(damage(tile.read_bytes()))
    again = source(path)
    fetch_map(again, "clay", GRID, path, REQUEST)
    assert len(again.asked) == 8
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), map_values(CLAY["clay"], GRID))


def test_a_tile_with_an_impossible_value_ends_the_map_and_names_it(path, files_in):
    def in_thousandths(geobox):
        return map_values(CLAY["clay"], geobox) * 10 + 100

    with pytest.raises(AcquireError, match="soil_made_up from direct, clay, tile at row 0, column 0.*per thousand"):
        fetch_map(source(path, every=in_thousandths), "clay", GRID, path, REQUEST)
    assert [name for name in files_in(path.parent) if name.endswith(".tif")] == []


class TwoAtOnce(MemoryMaps):
    """Answers only when two tiles are asked for at the same time."""

    concurrent = 2

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gate = threading.Barrier(2, timeout=5)

    def read_map(self, variable, geobox):
        self.gate.wait()
        return super().read_map(variable, geobox)


def test_tiles_are_asked_for_side_by_side_where_the_source_allows(path):
    fetch_map(source(path, kind=TwoAtOnce), "clay", GRID, path, REQUEST)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), map_values(CLAY["clay"], GRID))


class BreaksSideBySide(BreaksAfter):
    concurrent = 3


def test_an_error_side_by_side_is_the_first_tiles_error_and_no_file(path):
    broken = source(path, kind=BreaksSideBySide)
    with pytest.raises(AcquireError, match="the connection failed"):
        fetch_map(broken, "clay", GRID, path, REQUEST)
    assert not path.exists() and len(list((parts_folder(path) / "tiles").glob("*.tif"))) == 5


def test_an_unknown_variable_is_named_with_those_there_are(path):
    with pytest.raises(ConfigError, match="no variable 'silt'; expected one of clay"):
        fetch_map(source(path), "silt", GRID, path, REQUEST)
