"""The picture of a map: scale and north, trust over every pixel and in the legend, stations, one scale for all days."""

from xml.etree import ElementTree as Xml

import draw_map as script
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.warp
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from loam.errors import ConfigError
from loam.io.schemas import ACCURACY, SCALES
from loam.io.tables import write_table
from loam.mapping import picture
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.map_furniture import scale_length
from loam.mapping.picture import draw_map, station_lines
from loam.mapping.pixel_trust import MISSING
from loam.mapping.scale import scales
from loam.mapping.trust import CLASSES, INCOMPLETE, TRUST_CLASSES, with_gaps
from loam.mapping.trust_pattern import INK
from loam.raster.cog import open_map
from loam.raster.grid import grid_like
from loam.training.ranges import NO_VALUE, OUTSIDE, RANGE_BAND
from loam.trust.pixel_reasons import AVOID, CAUTION, RELATIVE

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
READINGS = pd.DataFrame(
    {"latitude": [-41.922, -41.925, -10.0], "longitude": [147.49, 147.51, 100.0], "surface": [0.3, np.nan, 0.4]},
    index=["near", "silent", "far"],
)
ZOOM = [147.49, -41.925, 147.51, -41.915]


def write_map(folder, values, *, masked=False):
    """A one-layer map with these means [row, column]; the inputs of its first ten columns lie outside the range.

    Those are for relative use only, the next five for cautious use, the five after them not to be used. The last five
    columns are no land; other pixels without a value lack an input. Masked: no value outside the range.
    """
    land = np.ones(values.shape, np.float32)
    land[:, -5:] = np.nan
    grid = grid_like(write_tiff(folder / "land.tif", land), 512)
    pixel = np.flatnonzero(np.isfinite(values) & np.isfinite(land))
    column = pixel % values.shape[1]
    sides = (column >= 10).astype(np.uint8)
    classes = np.select([column < 10, column < 15, column < 20], [RELATIVE, CAUTION, AVOID], 0).astype(np.uint8)
    kept = pixel[sides == 1] if masked else pixel
    with open_map(folder / "map.tif", grid, ["surface_mean", "surface_std"], {}, ENCODED["int16"]) as output:
        output.write(grid.tiles[0], kept, np.repeat(values.ravel()[kept, None], 2, axis=1))
    with open_map(folder / "trust.tif", grid, [RANGE_BAND, "class"], {}, FLAG) as output:
        output.write(grid.tiles[0], *with_gaps(grid, grid.tiles[0], pixel, np.stack([sides, classes], 1), MISSING[:2]))
    return folder / "map.tif", folder / "trust.tif"


def draw(tmp_path, values, monkeypatch, told=(), zoom=None, readings=READINGS, **how):
    """The figure that would be saved for a map with these means [row, column]."""
    figures = []

    def keep(figure, path, **_):
        figures.append(figure)
        path.write_bytes(b"picture")

    monkeypatch.setattr(Figure, "savefig", keep)
    monkeypatch.setattr(picture, "FINE", 1)
    paths = *write_map(tmp_path, values, **how), tmp_path / "map.png"
    draw_map(*paths, LAYER, "test, 2022-08-15", LIMITS, readings, told, zoom)
    return figures[0]


def maps(figure):
    """The panels of moisture and spread, from the top."""
    return [axes for axes in figure.axes if axes.get_title(loc="left").startswith("surface")]


def texts_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def shown(panel, row, column):
    """The colour of a pixel of a panel: that of its value, or of what lies behind."""
    behind, field = panel.images[:2]
    if field.get_array().mask[row, column]:
        return mpl.colors.to_hex(behind.get_array()[row, column]).upper()
    return mpl.colors.to_hex(field.to_rgba(field.get_array()[row, column])).upper()


def full(value=0.3):
    return np.full((50, 60), value, np.float32)


def test_the_scale_bar_covers_as_many_pixels_as_it_says(tmp_path, monkeypatch):
    figure = draw(tmp_path, full(), monkeypatch)
    (foot,) = (axes for axes in figure.axes if "N" in [text.get_text() for text in axes.texts])
    assert "1 km" in [text.get_text() for text in foot.texts]
    ends = [patch.get_xy()[:, 0].max() for patch in foot.patches if isinstance(patch, Polygon)]
    length = ends[1] / foot.get_xlim()[1] * 60 * 80  # share of the panel's width, 60 pixels of 80 m
    assert length == pytest.approx(1000, rel=2e-3)


def test_a_pixel_without_moisture_has_the_colour_of_its_reason_and_no_pattern(tmp_path, monkeypatch):
    values = full()
    values[10:20] = np.nan
    panels = maps(draw(tmp_path, values, monkeypatch, masked=True))
    colours = {item.value: item.colour for item in CLASSES}
    assert len(panels) == 2
    for panel in panels:
        assert shown(panel, 30, 3) == colours[OUTSIDE]
        assert shown(panel, 15, 30) == colours[INCOMPLETE]
        assert shown(panel, 30, 58) == colours[NO_VALUE]
        assert shown(panel, 30, 30) not in {*colours.values(), "#FFFFFF"}
        faded = panel.images[2].get_array()[..., 3] > 0
        rows, cols = (np.arange(count) * pixels // count for count, pixels in zip(faded.shape, (50, 60), strict=True))
        assert not faded[np.ix_((rows >= 10) & (rows < 20), cols >= 0)].any() and not faded[:, cols < 10].any()


def test_every_class_has_its_pattern_over_its_pixels(tmp_path, monkeypatch):
    for panel in maps(draw(tmp_path, full(), monkeypatch)):
        pattern = panel.images[2].get_array()
        cols = np.arange(pattern.shape[1]) * 60 // pattern.shape[1]
        relative, caution, avoid, use = (
            pattern[:, (cols >= low) & (cols < high)] for low, high in ((0, 10), (10, 15), (15, 20), (20, 60))
        )
        ink = [(part == INK).all(axis=-1).mean() for part in (use, caution, relative, avoid)]
        assert 0 == ink[0] < ink[1] < ink[2] < ink[3]
        assert (relative[..., 3] > 100).all() and (avoid[..., 3] > 180).all()
        assert panel.images[2].get_extent() == panel.images[1].get_extent()


def test_a_map_without_any_value_says_so(tmp_path, monkeypatch):
    figure = draw(tmp_path, full(np.nan), monkeypatch)
    for panel in maps(figure):
        assert "no value" in [text.get_text() for text in panel.texts]
    assert "do not use: 100 % of the land" in texts_of(figure)


def test_the_legend_gives_each_class_its_share_of_the_land(tmp_path, monkeypatch):
    values = full()
    values[:, 44:] = np.nan
    texts = texts_of(draw(tmp_path, values, monkeypatch))
    for line in (
        "use: 44 % of the land", "caution: 9 % of the land",
        "relative only: changes in time may be used, the level not: 18 % of the land", "do not use: 29 % of the land",
        "land where an input is missing, no value: 20 % of the land, of “do not use”", "outside the land mask",
    ):  # fmt: skip
        assert line in texts
    assert not any("training data" in text for text in texts)


def test_what_is_masked_stands_in_the_legend(tmp_path, monkeypatch):
    texts = texts_of(draw(tmp_path, full(), monkeypatch, masked=True))
    assert "outside the range of the training data, no value: 18 % of the land" in texts


def test_a_little_is_not_told_as_nothing(tmp_path, monkeypatch):
    values = full()
    values[7, 20:30] = np.nan
    line = "land where an input is missing, no value: 0.36 % of the land, of “do not use”"
    assert line in texts_of(draw(tmp_path, values, monkeypatch))


def test_the_small_panel_has_the_colours_of_the_classes(tmp_path, monkeypatch):
    values = full()
    values[:, 44:] = np.nan
    figure = draw(tmp_path, values, monkeypatch)
    (panel,) = (axes for axes in figure.axes if axes.get_title(loc="left") == "how far to trust it")
    drawn = [mpl.colors.to_hex(panel.images[0].get_array()[30, column]).upper() for column in (30, 12, 3, 17, 58, 50)]
    assert drawn == [*(item.colour for item in TRUST_CLASSES), "#7F7F7F"]


def test_the_colours_are_those_of_the_run_whatever_a_day_holds(tmp_path, monkeypatch):
    panels = maps(draw(tmp_path, full(0.45), monkeypatch, zoom=ZOOM))
    assert [panel.images[1].get_clim() for panel in panels] == [(0.1, 0.5), (0.0, 0.1)] * 2


def test_stations_on_the_map_are_drawn_and_counted(tmp_path, monkeypatch):
    figure = draw(tmp_path, full(), monkeypatch)
    moisture, spread = maps(figure)
    (offset,) = moisture.collections[-1].get_offsets()
    transform = rasterio.open(tmp_path / "map.tif").transform
    x, y = rasterio.warp.transform("EPSG:4326", "EPSG:28355", [147.49], [-41.922])
    np.testing.assert_allclose(offset, np.array(~transform * (x[0], y[0])) - 0.5, atol=1e-3)
    assert moisture.collections[-1].get_clim() == (0.1, 0.5) and not spread.collections
    texts = texts_of(figure)
    assert "stations with a reading that day: 1 of 2, in the colours of the map" in texts
    assert "stations without one" in texts and {"near", "silent"} <= {*texts} and "far" not in texts


def test_a_map_without_a_station_says_so(tmp_path, monkeypatch):
    assert "no station lies on the map" in texts_of(draw(tmp_path, full(), monkeypatch, readings=READINGS.iloc[2:]))
    assert station_lines(READINGS.iloc[:0], ["surface"]) == [("", "no station lies on the map")]


def test_a_part_is_drawn_larger_and_its_box_on_the_whole(tmp_path, monkeypatch):
    panels = maps(draw(tmp_path, np.random.default_rng(0).random((50, 60)).astype(np.float32), monkeypatch, zoom=ZOOM))
    assert [panel.get_title(loc="left").endswith("the part in the box") for panel in panels] == [False] * 2 + [True] * 2
    for whole, part in (panels[::2], panels[1::2]):
        (box,) = whole.patches
        left, right, bottom, top = part.images[1].get_extent()
        assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (left, top, right - left, bottom - top)
        rows, cols = slice(int(top + 0.5), int(bottom + 0.5)), slice(int(left + 0.5), int(right + 0.5))
        np.testing.assert_array_equal(part.images[1].get_array(), whole.images[1].get_array()[rows, cols])
        assert part.images[1].get_array().shape < (50, 60)
        size, larger = whole.get_window_extent(), part.get_window_extent()
        assert larger.width / (right - left) > 1.5 * size.width / 60


def test_a_box_off_the_map_is_refused_and_no_picture_is_left(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"mapping.zoom.*lies off the map"):
        draw(tmp_path, full(), monkeypatch, zoom=[10, 40, 11, 41])
    assert not (tmp_path / "map.png").exists()


@pytest.mark.parametrize("shape", [(16, 16), (300, 20), (12, 400)])
def test_panels_keep_the_shape_of_the_ground_and_nothing_overlaps(tmp_path, monkeypatch, shape):
    figure = draw(tmp_path, np.full(shape, 0.3, np.float32), monkeypatch)
    boxes = [axes.get_window_extent() for axes in figure.axes if axes.get_label() != "<colorbar>"]
    panel = maps(figure)[0].get_window_extent()
    assert panel.height / panel.width == pytest.approx(shape[0] / shape[1], rel=0.01)
    shrunk = [mpl.transforms.Bbox([[box.x0 + 1, box.y0 + 1], [box.x1 - 1, box.y1 - 1]]) for box in boxes]
    assert not any(one.overlaps(other) for place, one in enumerate(shrunk) for other in shrunk[:place])


def test_what_is_told_stands_above_the_panels_below_the_title(tmp_path, monkeypatch):
    told = ["surface: expect ±0.060 m³ m⁻³.", "long " * 60]
    figure = draw(tmp_path, full(), monkeypatch, told)
    texts = {text.get_text(): text.get_position()[1] for text in figure.texts}
    lines = {text: place for text, place in texts.items() if text.startswith("long")}
    assert len(lines) == 2 and all(len(line) <= 170 for line in lines)
    assert texts["test, 2022-08-15"] > texts[told[0]] > max(lines.values()) > 1


def test_the_script_draws_the_map_and_what_stands_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "DPI", 40)
    map_path, trust = write_map(tmp_path, np.random.default_rng(0).random((50, 60)).astype(np.float32))
    paths = {"map": map_path, "trust": trust, "picture": tmp_path / "map.png", "accuracy": tmp_path / "accuracy.csv"}
    paths |= {name: tmp_path / file for name, file in FILES.items()}
    text = "surface, 0–5 cm: expect ±0.060 m³ m⁻³"
    write_table(pd.DataFrame([{**ROW, "text": text}], columns=list(ACCURACY.columns)), paths["accuracy"], ACCURACY)
    write_table(scales(pd.DataFrame({"surface": [0.11, 0.42]}), ["surface"], {}), paths["scales"], SCALES)
    table = READINGS.rename_axis("station").reset_index().assign(date=pd.Timestamp("2022-08-15"))
    table.to_parquet(tmp_path / "target.parquet")
    paths["target"] = tmp_path / "target.parquet"
    values = {"layers": LAYER, "run": "test", "date": "2022-08-15", "mapping": {"zoom": ZOOM}}
    script.stage(paths, values)
    assert paths["picture"].read_bytes().startswith(b"\x89PNG")
    with rasterio.open(map_path) as dataset:
        told = "surface, 0-5 cm: expect +-0.060 m3 m-3"
        assert dataset.tags()["accuracy"] == dataset.tags()["accuracy_surface"] == told
        assert dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"].endswith(told)
    renderer = Xml.fromstring(paths["map_style"].read_text()).find("pipe/rasterrenderer")
    limits = [renderer.get(key) for key in ("band", "classificationMin", "classificationMax")]
    assert limits == ["1", "0.1", "0.45"]
    style = Xml.fromstring(paths["trust_style"].read_text())
    assert style.find("pipe/rasterrenderer").get("band") == "2"
    assert [entry.get("color") for entry in style.iter("paletteEntry")] == [item.colour for item in TRUST_CLASSES]
