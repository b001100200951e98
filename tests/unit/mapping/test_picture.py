"""The picture of a map: a scale bar of the right length, missing pixels grey, nothing to see said so."""

import draw_map as script
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from loam.grid import grid_like
from loam.mapping.cog import FLAG, open_map
from loam.mapping.picture import draw_map, scale_length
from loam.training.ranges import RANGE_BAND

from .conftest import write_tiff

LAYER = [{"name": "surface", "top_cm": 0, "bottom_cm": 5, "column": "sm"}]


@pytest.mark.parametrize(("width", "length"), [(20_000, 5000), (91_500, 20_000), (700, 100), (4_000_000, 1_000_000)])
def test_the_scale_bar_is_a_round_number_of_at_most_a_quarter(width, length):
    assert scale_length(width) == length


def write_map(folder, values):
    """A one-layer map with these means [row, column]; the inputs of its first ten columns lie outside the range."""
    grid = grid_like(write_tiff(folder / "land.tif", np.ones(values.shape, np.float32)), 64)
    pixel = np.flatnonzero(np.isfinite(values))
    with open_map(folder / "map.tif", grid, ["surface_mean", "surface_std"], {}) as output:
        output.write(grid.tiles[0], pixel, np.repeat(values.ravel()[pixel, None], 2, axis=1))
    with open_map(folder / "trust.tif", grid, [RANGE_BAND], {}, FLAG) as output:
        output.write(grid.tiles[0], pixel, (pixel % values.shape[1] >= 10)[:, None])
    return folder / "map.tif", folder / "trust.tif"


def draw(tmp_path, values, monkeypatch):
    """The figure that is saved for a map with these means [row, column]."""
    figures, save = [], Figure.savefig

    def keep(figure, *arguments, **options):
        figures.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    draw_map(*write_map(tmp_path, values), tmp_path / "map.png", LAYER, "test, 2022-08-15")
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
    figure = draw(tmp_path, values, monkeypatch)
    for panel in (figure.axes[0], panel_of_the_range(figure)):
        assert "no value" in [text.get_text() for text in panel.texts]


def panel_of_the_range(figure):
    (panel,) = (axes for axes in figure.axes if "training data" in axes.get_title(loc="left"))
    return panel


def test_pixels_outside_the_range_of_the_training_data_are_shown_and_counted(tmp_path, monkeypatch):
    values = np.full((50, 60), 0.3, np.float32)
    values[:, 50:] = np.nan
    panel = panel_of_the_range(draw(tmp_path, values, monkeypatch))
    shown = panel.images[0].get_array()
    assert (shown[:, :10] == 0).all() and (shown[:, 10:50] == 1).all() and shown.mask[:, 50:].all()
    legend = panel.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "inside: 80 % of the pixels",
        "outside: 20 % of the pixels",
    ]
    colours = [patch.get_facecolor() for patch in legend.get_patches()]
    assert colours == [panel.images[0].cmap(side) for side in (1, 0)]


def test_the_script_draws_the_map(tmp_path):
    map_path, trust = write_map(tmp_path, np.random.default_rng(0).random((50, 60)).astype(np.float32))
    paths = {"map": map_path, "trust": trust, "picture": tmp_path / "map.png"}
    script.stage(paths, {"layers": LAYER, "run": "test", "date": "2022-08-15"})
    assert paths["picture"].read_bytes().startswith(b"\x89PNG")


def test_what_lies_outside_the_range_of_the_training_data_does_not_take_the_colours(tmp_path, monkeypatch):
    values = np.tile(np.linspace(0.2, 0.4, 60, dtype=np.float32), (50, 1))
    values[:, :10] = 0.9  # the columns that are outside
    low, high = draw(tmp_path, values, monkeypatch).axes[0].images[0].get_clim()
    assert 0.2 <= low < 0.25 and 0.39 < high <= 0.405
