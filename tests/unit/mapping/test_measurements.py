"""A user's measurements on the pixels of a map; what cannot be is refused by row, what is off the map is counted."""

import numpy as np
import pyproj
import pytest

from loam.errors import TableError
from loam.mapping.measurements import read_measurements
from loam.raster.grid import grid_like

from .conftest import CORNER

LAYERS = ["surface", "subsurface"]
HEADER = "station,x,y,date,layer,moisture\n"


def at(row, col):
    """Centre of a pixel in the grid's own coordinates."""
    return f"{CORNER[0] + 80 * (col + 0.5)},{CORNER[1] - 80 * (row + 0.5)}"


@pytest.fixture
def grid(region):
    return grid_like(region["land"], 32)


@pytest.fixture
def read(grid, tmp_path):
    def of(text):
        path = tmp_path / "measured.csv"
        path.write_text(text, encoding="utf-8")
        return read_measurements(path, LAYERS, grid)

    return of


def test_a_measurement_stands_on_its_pixel_whichever_way_its_place_is_written(read):
    x, y = map(float, at(7, 12).split(","))
    longitude, latitude = pyproj.Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True).transform(x, y)
    for text in (
        HEADER + f"pit,{x + 30},{y - 30},2022-08-10,surface,0.31\n",
        f"id,latitude,longitude,date,layer,moisture\npit,{latitude:.6f},{longitude:.6f},2022-08-10T09:30,surface,0.31\n",
    ):
        (row,) = read(text).itertuples(index=False)
        assert (row.row, row.col, row.layer, row.name) == (7, 12, "surface", "pit")
        assert f"{row.date:%Y-%m-%d}" == "2022-08-10" and row.measured == pytest.approx(0.31)


def test_a_gravimetric_sample_is_water_by_mass_times_bulk_density(read):
    (row,) = read(f"x,y,date,layer,gravimetric,bulk_density\n{at(3, 4)},2022-08-10,subsurface,0.2,1.4\n").itertuples()
    assert row.measured == pytest.approx(0.28) and row.name.startswith("540360 ")


def test_either_way_of_measuring_may_stand_in_one_table(read):
    header = "x,y,date,layer,moisture,gravimetric,bulk_density\n"
    found = read(header + f"{at(3, 4)},2022-08-10,surface,0.1,,\n{at(4, 4)},2022-08-10,surface,,0.2,1.5\n")
    assert found["measured"].tolist() == pytest.approx([0.1, 0.3])


def test_measurements_of_one_pixel_day_and_layer_are_averaged(read, caplog):
    caplog.set_level("INFO", "loam")
    rows = [f"a,{at(3, 4)},2022-08-10,surface,{value}\n" for value in (0.1, 0.2, 0.3)]
    found = read(HEADER + "".join(rows) + f"a,{at(3, 4)},2022-08-11,surface,0.5\n")
    assert found["measured"].tolist() == pytest.approx([0.2, 0.5])
    assert "2 measurements share pixel, day and layer with another" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            f"a,{at(3, 4)},2022-08-10,topsoil,0.3",
            "row 3: layer 'topsoil' is none of the run's; expected one of",
        ),
        (f"a,{at(3, 4)},2022-08-10,,0.3", "row 3: no layer"),
        (f"a,{at(3, 4)},2022-08-10,surface,31", "row 3: column 'moisture' is 31; expected m3 m-3.*divide by 100"),
        (f"a,{at(3, 4)},2022-08-10,surface,-0.1", "row 3: column 'moisture' is -0.1; expected m3 m-3"),
        (f"a,{at(3, 4)},2022-08-10,surface,", "row 3: no moisture"),
        (f"a,{at(3, 4)},2022-08-10,surface,wet", "row 3: 'wet' in column 'moisture' is not a number"),
        (f"a,{at(3, 4)},10/08/2022,surface,0.3", "row 3: '10/08/2022' is not a date"),
        ("a,,,2022-08-10,surface,0.3", "row 3: no x; expected a place for each row"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_number(read, row, message):
    with pytest.raises(TableError, match=f"measured.csv, {message}"):
        read(HEADER + f"a,{at(3, 4)},2022-08-09,surface,0.2\n{row}\n")


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("0.2,1400", "bulk_density is 1400; expected 0.05 to 2.2 g cm-3; 1500 kg m-3 are 1.5"),
        ("0.2,", "bulk_density is nan"),
        ("20,1.4", "gravimetric times bulk_density is 28; expected m3 m-3, from 0 to 1; gravimetric is g of water"),
    ],
)
def test_a_gravimetric_sample_that_cannot_be_is_refused(read, sample, message):
    with pytest.raises(TableError, match=f"measured.csv, row 2: {message}"):
        read(f"x,y,date,layer,gravimetric,bulk_density\n{at(3, 4)},2022-08-10,surface,{sample}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,date,layer,moisture\n1,2022-08-10,surface,0.3\n", r"no column longitude and latitude \(or x and y\)"),
        ("x,y,date\n1,2,2022-08-10\n", r"no column layer, moisture \(or gravimetric and bulk_density\)"),
        (HEADER, "the table has no rows"),
    ],
)
def test_a_table_that_lacks_something_says_what(read, text, message):
    with pytest.raises(TableError, match=message):
        read(text)


def test_a_file_that_is_not_there_is_named(grid, tmp_path):
    with pytest.raises(TableError, match="nowhere.csv: no such file"):
        read_measurements(tmp_path / "nowhere.csv", LAYERS, grid)


def test_places_off_the_map_are_counted_and_named_and_none_on_it_is_an_error(read, caplog):
    found = read(HEADER + f"here,{at(3, 4)},2022-08-10,surface,0.2\nfar,{at(-300, 4)},2022-08-10,surface,0.2\n")
    assert found["name"].tolist() == ["here"]
    assert "1 of 2 measurements lie off the map and are left out: far" in caplog.text
    with pytest.raises(TableError, match=r"no place lies on the map \(far\); expected x, y in coordinates of GDA94"):
        read(HEADER + f"far,{at(-300, 4)},2022-08-10,surface,0.2\n")


def test_swapped_coordinates_are_told(read):
    x, y = at(3, 4).split(",")
    with pytest.raises(TableError, match="row 2: x and y seem to be swapped: the other way round all places lie on"):
        read(HEADER + f"a,{y},{x},2022-08-10,surface,0.2\n")
    longitude, latitude = pyproj.Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True).transform(
        float(x), float(y)
    )
    for order in (f"{latitude},{longitude}",):
        with pytest.raises(TableError, match="row 2: longitude and latitude seem to be swapped.*swap them"):
            read(f"longitude,latitude,date,layer,moisture\n{order},2022-08-10,surface,0.2\n")


def test_order_of_the_rows_changes_nothing(read):
    rows = [f"s{number},{at(number, 4)},2022-08-1{number % 3},surface,0.{number + 1}\n" for number in range(6)]
    one, other = (read(HEADER + "".join(some)) for some in (rows, rows[::-1]))
    assert one.equals(other) and len(one) == 6 and np.isfinite(one["measured"]).all()
