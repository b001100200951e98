"""Figures show the numbers they are given."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from PIL import Image

from loam.evaluation.metrics import mae
from loam.report.figures import draw_observed_predicted, draw_station_scores, png
from loam.report.names import systems_of
from loam.report.words import number


@pytest.fixture
def surface(make_run):
    networks = [(model, scenario) for scenario in ("source", "target", "transfer") for model in ("mlp", "lstm")]
    trees = [("boosted_trees", "target"), ("boosted_trees", "both")]
    systems = [*networks, *trees, ("coarse", "none"), ("same_day_mean", "none")]
    run = make_run(layers=("surface",), systems=systems)
    return run["predictions"], run["metrics"]


def rows_of(frame, system):
    return frame[(frame["model"] == system[0]) & (frame["scenario"] == system[1])]


def test_each_box_shows_the_stations_of_its_model_and_scenario(surface):
    _, metrics = surface
    systems = systems_of(metrics)
    figure = draw_station_scores(metrics, systems)
    for axes, metric in zip(figure.axes, ["mae", "rmse", "r"], strict=True):
        dots = [artist.get_offsets() for artist in axes.collections if isinstance(artist, PathCollection)]
        assert len(dots) == 2 * len(systems)  # stations, and those beyond the edge
        for system, drawn in zip(systems, dots[::2], strict=True):
            expected = rows_of(metrics, system).sort_values("station")[metric]
            assert drawn[:, 0].tolist() == pytest.approx(expected.tolist())
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:2] == ["MLP, source only", "LSTM, source only"]


def test_a_station_without_a_correlation_has_no_dot(surface):
    _, metrics = surface
    metrics.loc[metrics.index[0], "r"] = np.nan
    figure = draw_station_scores(metrics, [("mlp", "source")])
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [4, 4, 3]


def test_a_station_far_off_is_marked_at_the_edge_and_does_not_squeeze_the_boxes(surface):
    _, metrics = surface
    metrics.loc[metrics.index[0], "mae"] = 5.0
    axes = draw_station_scores(metrics, [("mlp", "source")]).axes[0]
    edge = axes.get_xlim()[1]
    assert edge < 1.0
    assert axes.collections[1].get_offsets()[:, 0].tolist() == [edge]


def test_a_model_without_any_defined_score_leaves_its_row_empty(surface):
    _, metrics = surface
    metrics["r"], metrics["mae"] = np.nan, 0.0
    assert png(draw_station_scores(metrics, systems_of(metrics))).startswith(b"\x89PNG")


def test_each_panel_counts_every_row_and_prints_the_pooled_scores(surface):
    predictions, _ = surface
    systems = systems_of(predictions)
    figure = draw_observed_predicted(predictions, systems)
    for system, axes in zip(systems, figure.axes, strict=False):
        rows = rows_of(predictions, system)
        (hexagons,) = (artist for artist in axes.collections if isinstance(artist, PolyCollection))
        low, high = axes.get_ylim()
        assert hexagons.get_array().sum() == rows["predicted"].between(low, high).sum()
        text = axes.texts[0].get_text()
        pooled = mae(rows["observed"].to_numpy(), rows["predicted"].to_numpy())
        assert text.startswith(f"MAE {number(pooled, 'mae')}\n")


def test_a_prediction_beyond_all_bounds_is_counted_and_does_not_squeeze_the_panel(surface):
    predictions, _ = surface
    rows = rows_of(predictions, ("mlp", "target"))
    rows = rows.loc[rows.index.repeat(10)]
    rows.iloc[0, rows.columns.get_loc("predicted")] = 1e6
    axes = draw_observed_predicted(rows, [("mlp", "target")]).axes[0]
    assert axes.get_ylim()[1] < 1
    assert int(axes.texts[0].get_text().rpartition("outside: ")[2]) >= 1


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_models_can_be_drawn(surface, count):
    predictions, metrics = surface
    systems = systems_of(predictions)[:count]
    for picture in (draw_observed_predicted(predictions, systems), draw_station_scores(metrics, systems)):
        size = Image.open(BytesIO(png(picture))).size
        assert size[0] > size[1] / 2


def test_the_same_numbers_give_the_same_picture(surface):
    _, metrics = surface
    systems = systems_of(metrics)
    assert png(draw_station_scores(metrics, systems)) == png(draw_station_scores(metrics, systems))
