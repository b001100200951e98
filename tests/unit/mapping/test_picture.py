"""The picture of a map: a scale bar of the right length, missing pixels grey, nothing to see said so."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from loam.grid import grid_like
from loam.mapping.cog import open_map
from loam.mapping.picture import draw_map, scale_length

from .conftest import write_tiff

LAYER = [{"name": "surface", "top_cm": 0, "bottom_cm": 5, "column": "sm"}]


@pytest.mark.parametrize(("width", "length"), [(20_000, 5000), (91_500, 20_000), (700, 100), (4_000_000, 1_000_000)])
def test_the_scale_bar_is_a_round_number_of_at_most_a_quarter(width, length):
    assert scale_length(width) == length


def draw(tmp_path, values, monkeypatch):
    """The figure that is saved for a one-layer map with these means [row, column]."""
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones(values.shape, np.float32)), 64)
    with open_map(tmp_path / "map.tif", grid, ["surface_mean", "surface_std"], {}) as output:
        pixel = np.flatnonzero(np.isfinite(values))
        output.write(grid.tiles[0], pixel, np.repeat(values.ravel()[pixel, None], 2, axis=1))
    figures, save = [], Figure.savefig

    def keep(figure, *arguments, **options):
        figures.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    draw_map(tmp_path / "map.tif", tmp_path / "map.png", LAYER, "test, 2022-08-15")
    return figures[0]


def test_the_scale_bar_covers_as_many_pixels_as_it_says(tmp_path, monkeypatch):
    values = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    panel = draw(tmp_path, values, monkeypatch).axes[0]
    assert "1 km" in [text.get_text() for text in panel.texts]
    length = panel.lines[0].get_xdata()[1] * 60 * 80  # share of the panel's width, 60 pixels of 80 m
    assert length == pytest.approx(1000, rel=1e-3)


def test_missing_pixels_are_grey_and_panels_are_named(tmp_path, monkeypatch):
    values = np.full((50, 60), 0.3, np.float32)
    values[10:20] = np.nan
    figure = draw(tmp_path, values, monkeypatch)
    panel = figure.axes[0]
    assert panel.images[0].get_array().mask[10:20].all()
    assert not panel.images[0].get_array().mask[20:].any()
    assert panel.get_facecolor() == mpl.colors.to_rgba("0.78")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "surface (0-5 cm): moisture" in titles
    assert "surface (0-5 cm): spread of the members" in titles


def test_a_map_without_any_value_says_so(tmp_path, monkeypatch):
    values = np.full((50, 60), np.nan, np.float32)
    panel = draw(tmp_path, values, monkeypatch).axes[0]
    assert "no value" in [text.get_text() for text in panel.texts]
