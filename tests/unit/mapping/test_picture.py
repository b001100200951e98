"""The picture of a map: a scale bar of the right length, a colour for each reason of a gap, one scale for all days."""

from xml.etree import ElementTree as Xml

import draw_map as script
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import rasterio
from matplotlib.figure import Figure

from loam.io.schemas import ACCURACY, SCALES
from loam.io.tables import write_table
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.picture import draw_map, scale_length
from loam.mapping.scale import scales
from loam.mapping.trust import CLASSES, INCOMPLETE, with_gaps
from loam.raster.cog import open_map
from loam.raster.grid import grid_like
from loam.training.ranges import NO_VALUE, OUTSIDE, RANGE_BAND

from .conftest import write_tiff

FILES = {
    "scales": "scales.csv", "map_tags": "map.tif.aux.xml", "map_style": "map.qml", "trust_tags": "trust.tif.aux.xml",
    "trust_style": "trust.qml",
}  # fmt: skip
ROW = {"layer": "surface", "protocol": "leave_one_station_out", "model": "mlp", "scenario": "target", "stations": 3,
       "rival_model": "none", "rival_scenario": "none", "verdict": "no rival"}  # fmt: skip
LAYER = [{"name": "surface", "top_cm": 0, "bottom_cm": 5, "column": "sm"}]


@pytest.mark.parametrize(("width", "length"), [(20_000, 5000), (91_500, 20_000), (700, 100), (4_000_000, 1_000_000)])
def test_the_scale_bar_is_a_round_number_of_at_most_a_quarter(width, length):
    assert scale_length(width) == length


LIMITS = {"surface_mean": (0.1, 0.5), "surface_std": (0.0, 0.1)}


def write_map(folder, values, *, masked=False):
    """A one-layer map with these means [row, column]; the inputs of its first ten columns lie outside the range.

    The last five columns are no land; other pixels without a value lack an input. Masked: no value outside the range.
    """
    land = np.ones(values.shape, np.float32)
    land[:, -5:] = np.nan
    grid = grid_like(write_tiff(folder / "land.tif", land), 64)
    pixel = np.flatnonzero(np.isfinite(values) & np.isfinite(land))
    sides = pixel % values.shape[1] >= 10
    kept = pixel[sides] if masked else pixel
    with open_map(folder / "map.tif", grid, ["surface_mean", "surface_std"], {}, ENCODED["int16"]) as output:
        output.write(grid.tiles[0], kept, np.repeat(values.ravel()[kept, None], 2, axis=1))
    with open_map(folder / "trust.tif", grid, [RANGE_BAND], {}, FLAG) as output:
        given, told = with_gaps(grid, grid.tiles[0], pixel, sides)
        output.write(grid.tiles[0], given, told[:, None])
    return folder / "map.tif", folder / "trust.tif"


def draw(tmp_path, values, monkeypatch, told=(), **how):
    """The figure that is saved for a map with these means [row, column]."""
    figures, save = [], Figure.savefig

    def keep(figure, *arguments, **options):
        figures.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    draw_map(*write_map(tmp_path, values, **how), tmp_path / "map.png", LAYER, "test, 2022-08-15", LIMITS, told)
    return figures[0]


def shown(panel, row, column):
    """The colour of a pixel of a panel: that of its value, or of what lies behind."""
    behind, field = panel.images
    if field.get_array().mask[row, column]:
        return mpl.colors.to_hex(behind.get_array()[row, column]).upper()
    return mpl.colors.to_hex(field.to_rgba(field.get_array()[row, column])).upper()


def test_the_scale_bar_covers_as_many_pixels_as_it_says(tmp_path, monkeypatch):
    values = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    panel = draw(tmp_path, values, monkeypatch).axes[0]
    assert "1 km" in [text.get_text() for text in panel.texts]
    length = panel.lines[0].get_xdata()[1] * 60 * 80  # share of the panel's width, 60 pixels of 80 m
    assert length == pytest.approx(1000, rel=1e-3)


def test_a_pixel_without_moisture_has_the_colour_of_its_reason(tmp_path, monkeypatch):
    values = np.full((50, 60), 0.3, np.float32)
    values[10:20] = np.nan
    figure = draw(tmp_path, values, monkeypatch, masked=True)
    colours = {item.value: item.colour for item in CLASSES}
    for panel in figure.axes[:2]:
        assert shown(panel, 30, 3) == colours[OUTSIDE]
        assert shown(panel, 15, 30) == colours[INCOMPLETE]
        assert shown(panel, 30, 58) == colours[NO_VALUE]
        assert shown(panel, 30, 30) not in {*colours.values(), "#FFFFFF"}
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "surface (0-5 cm): moisture" in titles
    assert "surface (0-5 cm): spread of the members" in titles


@pytest.mark.parametrize("masked", [False, True])
def test_values_outside_the_range_are_hatched_and_no_others(tmp_path, monkeypatch, masked):
    """Half a pixel beyond the tenth column, whose pixels' centres are from 0 to 9."""
    panel = draw(tmp_path, np.full((50, 60), 0.3, np.float32), monkeypatch, masked=masked).axes[0]
    hatched = [drawn for drawn in panel.collections if any(drawn.hatches)] if panel.collections else []
    assert len(hatched) == (not masked)
    for drawn in hatched:
        (outline,) = drawn.get_paths()
        assert outline.vertices[:, 0].min() == 0 and outline.vertices[:, 0].max() == 9.5


def test_a_map_without_any_value_says_so(tmp_path, monkeypatch):
    values = np.full((50, 60), np.nan, np.float32)
    figure = draw(tmp_path, values, monkeypatch)
    for panel in (figure.axes[0], panel_of_the_range(figure)):
        assert "no value" in [text.get_text() for text in panel.texts]


def panel_of_the_range(figure):
    (panel,) = (axes for axes in figure.axes if "training data" in axes.get_title(loc="left"))
    return panel


def test_the_legend_names_every_colour_and_its_share(tmp_path, monkeypatch):
    values = np.full((50, 60), 0.3, np.float32)
    values[:, 44:] = np.nan
    panel = panel_of_the_range(draw(tmp_path, values, monkeypatch))
    legend = panel.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "inside the range of the training data: 62 % of the land",
        "outside the range of the training data, hatched above where it has a value: 18 % of the land",
        "land where an input is missing: 20 % of the land",
        "outside the land mask",
    ]
    colours = [mpl.colors.to_hex(patch.get_facecolor()) for patch in legend.get_patches()]
    drawn = panel.images[0].get_array()
    assert colours == [mpl.colors.to_hex(drawn[30, column]) for column in (30, 3, 50, 58)]


def test_a_little_is_not_told_as_nothing(tmp_path, monkeypatch):
    values = np.full((50, 60), 0.3, np.float32)
    values[7, 20:30] = np.nan
    texts = [
        text.get_text() for text in panel_of_the_range(draw(tmp_path, values, monkeypatch)).get_legend().get_texts()
    ]
    assert texts[2] == "land where an input is missing: 0.36 % of the land"


def test_the_colours_are_those_of_the_run_whatever_a_day_holds(tmp_path, monkeypatch):
    wet = draw(tmp_path, np.full((50, 60), 0.45, np.float32), monkeypatch).axes
    assert wet[0].images[1].get_clim() == (0.1, 0.5) and wet[1].images[1].get_clim() == (0.0, 0.1)


def test_what_is_told_stands_above_the_panels_below_the_title(tmp_path, monkeypatch):
    told = ["surface: expect ±0.060 m³ m⁻³.", "long " * 60]
    figure = draw(tmp_path, np.full((50, 60), 0.3, np.float32), monkeypatch, told)
    texts = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    lines = {text: place for text, place in texts.items() if text.startswith("long")}
    assert len(lines) == 2 and all(len(line) <= 170 for line in lines)
    assert texts["test, 2022-08-15"] > texts[told[0]] > max(lines.values()) > 1


def test_the_script_draws_the_map_and_what_stands_beside_it(tmp_path):
    map_path, trust = write_map(tmp_path, np.random.default_rng(0).random((50, 60)).astype(np.float32))
    paths = {"map": map_path, "trust": trust, "picture": tmp_path / "map.png", "accuracy": tmp_path / "accuracy.csv"}
    paths |= {name: tmp_path / file for name, file in FILES.items()}
    text = "surface, 0–5 cm: expect ±0.060 m³ m⁻³"
    write_table(pd.DataFrame([{**ROW, "text": text}], columns=list(ACCURACY.columns)), paths["accuracy"], ACCURACY)
    write_table(scales(pd.DataFrame({"surface": [0.11, 0.42]}), ["surface"], {}), paths["scales"], SCALES)
    script.stage(paths, {"layers": LAYER, "run": "test", "date": "2022-08-15"})
    assert paths["picture"].read_bytes().startswith(b"\x89PNG")
    with rasterio.open(map_path) as dataset:
        told = "surface, 0-5 cm: expect +-0.060 m3 m-3"
        assert dataset.tags()["accuracy"] == dataset.tags()["accuracy_surface"] == told
        assert dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"].endswith(told)
    renderer = Xml.fromstring(paths["map_style"].read_text()).find("pipe/rasterrenderer")
    limits = [renderer.get(key) for key in ("band", "classificationMin", "classificationMax")]
    assert limits == ["1", "0.1", "0.45"]
    assert len(Xml.fromstring(paths["trust_style"].read_text()).findall(".//paletteEntry")) == 4
