"""Stations on a picture: their readings of the day in the map's colours, crosses, and names that cover nothing."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from loam.errors import TableError
from loam.mapping.picture import MOISTURE
from loam.mapping.station_markers import MOST_NAMED, draw_stations, readings_of_day


def samples(**more):
    table = {
        "station": ["b", "a", "a", "c"], "latitude": [-42.0, -41.0, -41.0, -43.0],
        "longitude": [147.0, 146.0, 146.0, 148.0],
        "date": pd.to_datetime(["2022-08-15", "2022-08-14", "2022-08-15", "2022-08-14"]),
        "surface": [0.3, 0.1, 0.2, 0.4], "subsurface": [np.nan, 0.1, 0.25, 0.4],
    }  # fmt: skip
    return pd.DataFrame(table | more)


def panel(side=200.0):
    figure = Figure(figsize=(4, 4), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))
    return axes


def test_every_station_has_a_row_and_the_readings_of_the_day():
    readings = readings_of_day(samples(), "2022-08-15", ["surface", "subsurface"])
    assert readings.index.tolist() == ["a", "b", "c"]
    assert readings.columns.tolist() == ["latitude", "longitude", "surface", "subsurface"]
    np.testing.assert_array_equal(readings["surface"], [0.2, 0.3, np.nan])
    np.testing.assert_array_equal(readings["subsurface"], [0.25, np.nan, np.nan])
    assert readings.loc["c", "latitude"] == -43.0


def test_a_day_without_any_reading_has_all_stations_and_no_values():
    readings = readings_of_day(samples(), "2021-01-01", ["surface"])
    assert len(readings) == 3 and readings["surface"].isna().all()


def test_samples_without_a_column_are_refused_by_its_name():
    with pytest.raises(TableError, match=r"target.parquet: no column 'latitude'"):
        readings_of_day(samples().drop(columns="latitude"), "2022-08-15", ["surface"], "target.parquet")


def test_a_reading_has_the_colour_that_the_map_has_for_it_and_no_reading_is_a_cross():
    axes = panel()
    places = np.array([20.0, 60.0, 100.0, 500.0, np.inf])
    draw_stations(axes, places, places, np.array([0.1, np.nan, 0.3, 0.3, 0.3]), MOISTURE, (0.1, 0.5))
    crosses, filled = axes.collections[1], axes.collections[-1]
    assert filled.get_offsets().tolist() == [[20, 20], [100, 100]]
    np.testing.assert_allclose(filled.to_rgba(filled.get_array()), MOISTURE([0.0, 0.5]), atol=0.01)
    assert crosses.get_offsets().tolist() == [[60, 60]]
    assert mpl.colors.to_hex(crosses.get_edgecolor()[0]) == "#000000"


def test_names_cover_no_marker_no_name_and_no_edge():
    axes, rng = panel(), np.random.default_rng(1)
    cols, rows = rng.uniform(5, 195, (2, MOST_NAMED))
    names = [f"station {number}" for number in range(MOST_NAMED)]
    draw_stations(axes, cols, rows, np.full(MOST_NAMED, 0.3), MOISTURE, (0.1, 0.5), names)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 5 < len(boxes) < MOST_NAMED
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
    points = axes.transData.transform(np.column_stack([cols, rows]))
    assert not any(box.contains(x, y) for box in boxes for x, y in points)
    assert all(box.x0 > -1 and box.y0 > -1 and box.x1 < 401 and box.y1 < 401 for box in boxes)


def test_a_name_goes_to_the_side_that_has_room():
    axes = panel()
    draw_stations(axes, np.array([195.0]), np.array([100.0]), np.array([0.3]), MOISTURE, (0.1, 0.5), ["a long name"])
    (text,) = axes.texts
    assert text.get_ha() == "right"


def test_more_stations_than_can_be_read_have_no_names():
    axes, count = panel(4000), MOST_NAMED + 1
    places = np.linspace(0, 3900, count)
    draw_stations(axes, places, places, np.full(count, 0.3), MOISTURE, (0.1, 0.5), ["a"] * count)
    assert not axes.texts and len(axes.collections[-1].get_offsets()) == count
