"""What a station lacks, from the pixel of a map in its own coordinate reference system."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
from affine import Affine

from loam.config.sections.probes import StationMap
from loam.errors import RasterError
from loam.probes.readings import STATIONS
from loam.probes.station_maps import fill_from_maps

METRIC = "EPSG:28355"  # Map Grid of Australia, zone 55
WEST, NORTH, PIXEL = 500_000.0, 6_120_000.0, 1000.0


@pytest.fixture
def write(tmp_path):
    def write(*bands, nodata=-9999):
        data = np.stack([np.asarray(band) for band in bands])
        path = tmp_path / "map.tif"
        profile = {"crs": METRIC, "transform": Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH), "nodata": nodata}
        count, height, width = data.shape
        with rasterio.open(
            path, "w", driver="GTiff", dtype=data.dtype, count=count, height=height, width=width, **profile
        ) as dataset:
            dataset.write(data)
        return str(path)

    return write


def stations(*cells, **columns):
    """Stations 300 m from the centres of pixels (row, column), so that only the nearest centre is theirs."""
    x = [WEST + (col + 0.5) * PIXEL + 300 for _, col in cells]
    y = [NORTH - (row + 0.5) * PIXEL - 300 for row, _ in cells]
    longitude, latitude = pyproj.Transformer.from_crs(METRIC, "EPSG:4326", always_xy=True).transform(x, y)
    names = [f"S{number}" for number in range(len(cells))]
    table = pd.DataFrame({"station": names, "latitude": latitude, "longitude": longitude})
    return STATIONS.validate(table.reindex(columns=list(STATIONS.columns)).assign(**columns))


def test_a_missing_value_is_that_of_the_stations_pixel_and_a_given_one_stays(write):
    path = write(np.array([[1.1, 1.2], [1.3, 1.4]]))
    table = stations((0, 1), (1, 0), (1, 1), bulk_density=[np.nan, np.nan, 0.9])
    filled = fill_from_maps(table, [StationMap(column="bulk_density", file=str(path))])
    assert filled["bulk_density"].tolist() == [1.2, 1.3, 0.9]
    assert table["bulk_density"].isna().sum() == 2, "the table that was given is left as it is"


def test_codes_become_text_of_the_chosen_band(write):
    path = write(np.array([[7, 8]], dtype=np.int16), np.array([[3, 12]], dtype=np.int16))
    filled = fill_from_maps(stations((0, 0), (0, 1)), [StationMap(column="soil", file=str(path), band=2)])
    assert STATIONS.validate(filled)["soil"].tolist() == ["3", "12"]


def test_outside_and_on_nodata_a_station_stays_without_and_is_named(write, caplog):
    path = write(np.array([[0.4, -9999.0]]))
    with caplog.at_level(logging.WARNING, "loam"):
        filled = fill_from_maps(stations((0, 0), (0, 1), (5, 0)), [StationMap(column="porosity", file=str(path))])
    assert filled["porosity"].isna().tolist() == [False, True, True]
    assert "has no porosity at station S1, S2" in caplog.text


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"column": "bulk_density"}, "bulk_density 1350 at station 'S0'.*expected 0.02 to 2.65 g cm-3"),
        ({"column": "elevation", "band": 2}, "no band 2"),
        ({"column": "elevation", "file": "nowhere.tif"}, "nowhere.tif: no such file"),
    ],
)
def test_a_map_that_cannot_be_right_is_refused(write, item, says):
    path = write(np.array([[1350.0]]))
    with pytest.raises(RasterError, match=says):
        fill_from_maps(stations((0, 0)), [StationMap(**{"file": str(path), **item})])


def test_a_packed_map_in_another_unit_is_unpacked_and_converted(write):
    path = write(np.array([[1450, 1320]], dtype=np.int16))
    with rasterio.open(path, "r+") as dataset:
        dataset.units = ("kg m-3",)
    filled = fill_from_maps(stations((0, 0), (0, 1)), [StationMap(column="bulk_density", file=str(path))])
    assert filled["bulk_density"].tolist() == pytest.approx([1.45, 1.32])
    path = write(np.array([[145, 132]], dtype=np.int16))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.01,), (0.05,)
    filled = fill_from_maps(stations((0, 0), (0, 1)), [StationMap(column="bulk_density", file=str(path))])
    assert filled["bulk_density"].tolist() == pytest.approx([1.5, 1.37])


def test_a_unit_that_is_none_of_the_columns_is_refused(write):
    path = write(np.array([[1450, 1320]], dtype=np.int16))
    with rasterio.open(path, "r+") as dataset:
        dataset.units = ("furlong",)
    with pytest.raises(RasterError, match="map.tif: bulk_density has units 'furlong'"):
        fill_from_maps(stations((0, 0), (0, 1)), [StationMap(column="bulk_density", file=str(path))])
