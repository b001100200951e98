"""The whole chain over one pass: what the GeoTIFF holds, and what happens when something lacks."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pyproj
import pytest
import rasterio
from sentinel1_files import Take, orbit_file_xml, state, write_product, zip_product
from sentinel1_landscapes import SETTINGS, Landscape, grey, later, level, shift_of

from loam.config.sections.sentinel1 import Speckle
from loam.errors import RasterError
from loam.raster.grid import read_grid, write_grid
from loam.sentinel1 import scene as scene_module
from loam.sentinel1.measurement import Measurement
from loam.sentinel1.pass_file import BANDS
from loam.sentinel1.product import open_product
from loam.sentinel1.scene import pieces_of, process_pass
from loam.sentinel1.validity import MISSING, Validity

NOISELESS = SETTINGS.model_copy(update={"thermal_noise": False})
SPECKLE = SETTINGS.model_copy(update={"speckle": Speckle()})
BOTH = {"vv": grey, "vh": lambda x, y: 0.2 * grey(x, y)}


def waves(x, y):
    return 0.1 * (1 + 0.5 * np.sin(x / 150) * np.cos(y / 190))


def east(x, y):
    return x > 300


@pytest.fixture(scope="module")
def land(tmp_path_factory):
    """A level landscape under a small image of both polarisations."""
    folder = tmp_path_factory.mktemp("scene")
    return Landscape.under(write_product(folder, amplitude=None), folder)


@pytest.fixture(scope="module")
def seen(land):
    return land.seen(BOTH, looks=4.4, thermal_noise=True)


def run(products, dem, grid, folder, settings=SETTINGS, **kwargs):
    """Bands, validity (int) and tags of a pass."""
    process_pass(products, dem, grid, folder / "pass.tif", settings, **kwargs)
    with rasterio.open(folder / "pass.tif") as dataset:
        bands = dataset.read()
        assert dataset.descriptions == BANDS
        return bands[:4], bands[4].astype(int), dataset.tags()


def test_a_pass_holds_backscatter_angles_and_flags_with_their_origin(land, seen, tmp_path):
    grid = land.grid(size=44)
    bands, validity, tags = run([seen], land.dem(), grid, tmp_path)
    inside = validity == 0
    assert 0.6 < inside.mean() < 0.95
    assert bands[0][inside].mean() == pytest.approx(0.1, rel=0.02)
    assert bands[1][inside].mean() == pytest.approx(0.02, rel=0.02)
    np.testing.assert_allclose(bands[2][inside], bands[3][inside], atol=0.02)  # level ground
    assert 25 < bands[3][inside].min() < bands[3][inside].max() < 40
    missing = (validity & int(MISSING)) > 0
    assert np.isnan(bands[:, missing]).all() and np.isfinite(bands[:, ~missing]).all()
    assert tags["platform"] == "S1A" and tags["relative_orbit"] == "84" and tags["orbit"] == "annotated"
    assert tags["orbit_pass"] == "descending" and tags["acquired"] == "2021-08-09T17:39:53"
    assert tags["products"] == seen.stem and tags["grid"] == grid.hash


@pytest.mark.parametrize("lacking", ["vv", "vh"])
def test_a_product_without_a_polarisation_leaves_its_band_empty(land, tmp_path, lacking):
    kept = "vh" if lacking == "vv" else "vv"
    product = land.seen({kept: grey}, name=f"only_{kept}")
    bands, validity, _ = run([product], land.dem(), land.grid(), tmp_path)
    inside = validity == 0
    assert inside.mean() > 0.9
    assert np.isnan(bands[BANDS.index(lacking)]).all()
    assert np.isfinite(bands[BANDS.index(kept)][inside]).all() and np.isfinite(bands[2][inside]).all()


def test_a_product_of_other_polarisations_is_named(tmp_path):
    template = write_product(tmp_path, Take(polarisations=("hh",)))
    landscape = Landscape.under(template, tmp_path)
    with pytest.raises(RasterError, match="neither VV nor VH"):
        run([template], landscape.dem(), landscape.grid(), tmp_path)


def test_a_zip_gives_the_same_as_the_folder_it_was_made_of(land, seen, tmp_path):
    shutil.copytree(seen, tmp_path / seen.name)
    packed = zip_product(tmp_path / seen.name)
    expected, _, _ = run([seen], land.dem(), land.grid(), tmp_path)
    (tmp_path / "zip").mkdir()
    found, _, _ = run([packed], land.dem(), land.grid(), tmp_path / "zip")
    np.testing.assert_array_equal(found, expected)
    assert [path.name for path in (tmp_path / "zip").iterdir()] == ["pass.tif"]  # nothing unpacked stays


def test_a_zip_without_measurement_is_named(land, tmp_path):
    template = tmp_path / land.template.name
    shutil.copytree(land.template, template)
    with pytest.raises(RasterError, match=r"\.zip: has no measurement of vv"):
        run([zip_product(template)], land.dem(), land.grid(), tmp_path)
    assert not (tmp_path / "pass.tif").exists()


def test_a_measurement_that_breaks_off_is_named_and_nothing_is_written(land, seen, tmp_path):
    broken = tmp_path / seen.name
    shutil.copytree(seen, broken)
    file = next((broken / "measurement").glob("*-vh-*.tiff"))
    file.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(RasterError, match="-vh-"):
        run([broken], land.dem(), land.grid(), tmp_path)
    assert not (tmp_path / "pass.tif").exists()


def test_one_and_two_threads_write_the_same_bytes(land, seen, tmp_path):
    grid = land.grid(step=4.0, size=600, tile=200)
    files = []
    for threads in (1, 2):
        run([seen], land.dem(), grid, tmp_path, SPECKLE, threads=threads)
        files.append((tmp_path / "pass.tif").read_bytes())
    assert len(pieces_of(grid)[0]) == 1
    assert files[0] == files[1]


def test_pieces_make_no_difference(land, seen, tmp_path, monkeypatch):
    """The same pass in one piece and in parts of 640 m, with the speckle filter, whose windows cross their borders."""
    grid = land.grid(step=40.0, size=48)
    whole, flags, _ = run([seen], land.dem(), grid, tmp_path, SPECKLE)
    monkeypatch.setattr(scene_module, "PIECE_METRES", 640.0 / 1.5)
    parts, flags_of_parts, _ = run([seen], land.dem(), grid, tmp_path, SPECKLE, threads=2)
    np.testing.assert_array_equal(flags, flags_of_parts)
    np.testing.assert_allclose(parts, whole, rtol=2e-3)


@pytest.mark.parametrize(("step", "size"), [(10.0, 300), (80.0, 36), (250.0, 12)])
def test_no_more_of_the_image_is_read_at_once_than_a_piece_needs(land, seen, tmp_path, monkeypatch, step, size):
    """So memory grows neither with the scene, nor with the grid, nor with its pixels."""
    windows, read = [], Measurement.read

    def counting(self, first_line, lines, first_sample, samples):
        windows.append((lines, samples))
        return read(self, first_line, lines, first_sample, samples)

    monkeypatch.setattr(scene_module, "PIECE_METRES", 800.0)
    monkeypatch.setattr(scene_module, "BLOCK", max(int(800 / step), 1) if step < 80 else 16)
    monkeypatch.setattr(Measurement, "read", counting)
    process_pass([seen], land.dem(), land.grid(step, size), tmp_path / "pass.tif", SPECKLE)
    pieces = [lines * samples for lines, samples in windows if 1 < lines < 299]
    assert len(pieces) > 8
    assert max(pieces) < 250**2  # of 300 x 400 in all


def test_a_scene_outside_the_grid_gives_an_empty_pass_and_a_line_in_the_log(land, seen, tmp_path, caplog):
    away = (50_000.0, 0.0)
    with caplog.at_level(logging.WARNING, "loam"):
        bands, validity, _ = run([seen], land.dem(shift=away), land.grid(shift=away), tmp_path)
    assert "does not reach the grid" in caplog.text
    assert np.isnan(bands).all() and (validity == int(Validity.OUTSIDE_SWATH)).all()


def test_an_elevation_model_elsewhere_is_named(land, seen, tmp_path):
    elsewhere = land.dem(shift=(200_000.0, 0.0))
    with pytest.raises(RasterError, match="holds no height where the pass meets the grid") as caught:
        run([seen], elsewhere, land.grid(), tmp_path)
    assert str(elsewhere) in str(caught.value)
    assert not (tmp_path / "pass.tif").exists()


def test_holes_of_the_elevation_model_are_flagged_and_logged(land, seen, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "loam"):
        bands, validity, _ = run([seen], land.dem(holes=east), land.grid(), tmp_path)
    x, _ = land.metres(*land.centres(land.grid().geobox.transform, 24))
    hole = (validity & int(Validity.NO_ELEVATION)) > 0
    assert hole[x > 400].all() and not hole[x < 200].any()
    assert np.isnan(bands[:, hole]).all()
    assert np.isfinite(bands[:, validity == 0]).all()
    assert f"no elevation at {hole.sum()} pixels" in caplog.text


def test_an_elevation_model_that_covers_a_part_gives_that_part(land, seen, tmp_path):
    bands, validity, _ = run([seen], land.dem(size=60, shift=(-900.0, 0.0)), land.grid(), tmp_path)
    x, _ = land.metres(*land.centres(land.grid().geobox.transform, 24))
    assert ((validity[x > 200] & int(Validity.NO_ELEVATION)) > 0).all()
    assert np.isfinite(bands[0][(x < -200) & (validity == 0)]).all() and (validity == 0).sum() > 100


def test_an_elevation_model_without_datum_is_named(land, seen, tmp_path):
    bare = tmp_path / "bare.tif"
    shutil.copy(land.dem(), bare)
    with rasterio.open(bare, "r+") as dataset:
        dataset.update_tags(vertical_datum="")
    with pytest.raises(RasterError, match=r"bare\.tif.*vertical datum"):
        run([seen], bare, land.grid(), tmp_path)


@pytest.mark.parametrize("prefer", ["best", "precise"])
def test_an_orbit_file_that_does_not_cover_the_take_is_named(land, seen, tmp_path, caplog, prefer):
    times = np.arange(-4000.0, -3800.0, 10.0)
    stamps = [Take().first_line + np.timedelta64(round(at * 1e9), "ns") for at in times]
    orbit = tmp_path / "other.EOF"
    orbit.write_text(orbit_file_xml(stamps, *state(times)))
    settings = SETTINGS.model_copy(update={"orbit": prefer})
    if prefer == "precise":
        with pytest.raises(RasterError, match=r"other\.EOF"):
            run([seen], land.dem(), land.grid(), tmp_path, settings, orbits=[orbit])
        return
    with caplog.at_level(logging.WARNING, "loam"):
        _, _, tags = run([seen], land.dem(), land.grid(), tmp_path, settings, orbits=[orbit])
    assert "other.EOF" in caplog.text and tags["orbit"] == "annotated"


def test_a_precise_orbit_is_taken_and_named(land, seen, tmp_path):
    times = np.arange(-200.0, 200.0, 10.0)
    stamps = [Take().first_line + np.timedelta64(round(at * 1e9), "ns") for at in times]
    orbit = tmp_path / "precise.EOF"
    orbit.write_text(orbit_file_xml(stamps, *state(times)))
    expected, _, _ = run([seen], land.dem(), land.grid(), tmp_path)
    best = SETTINGS.model_copy(update={"orbit": "best"})
    bands, _, tags = run([seen], land.dem(), land.grid(), tmp_path, best, orbits=[orbit])
    assert tags["orbit"] == "precise"
    np.testing.assert_allclose(bands[0], expected[0], rtol=1e-3)


def test_the_zeroed_border_of_an_image_is_flagged(land, tmp_path):
    product = land.seen({"vv": grey}, name="bordered", window=(0, 300, 120, 280))
    bands, validity, _ = run([product], land.dem(), land.grid(), tmp_path)
    border = (validity & int(Validity.BORDER)) > 0
    assert 0.1 < border.mean() < 0.4
    assert np.isnan(bands[:, border]).all()
    assert np.nanmin(bands[0]) > 0.09  # zeros have not darkened their neighbours


def test_what_is_darker_than_its_noise_is_flagged_and_kept_with_its_sign(land, tmp_path):
    """Backscatter of a twentieth of the noise: pixels scatter around it, many below zero, and their mean is right."""
    dark = land.seen({"vv": lambda x, y: 1.5e-4 + 0 * x}, looks=4.4, thermal_noise=True, name="dark")
    bands, validity, _ = run([dark], land.dem(), land.grid(step=20.0, size=90), tmp_path)
    there = np.isfinite(bands[0])
    assert ((validity[there] & int(Validity.NOISE_DOMINATED)) > 0).mean() > 0.95
    assert (bands[0][there] < 0).mean() > 0.2
    assert bands[0][there].mean() == pytest.approx(1.5e-4, rel=0.15)


def test_noise_that_is_left_in_flags_nothing_as_dominated_by_it(land, seen, tmp_path):
    _, validity, _ = run([seen], land.dem(), land.grid(), tmp_path, NOISELESS)
    assert not ((validity & int(Validity.NOISE_DOMINATED)) > 0).any()


def test_layover_and_shadow_are_flagged_and_their_backscatter_kept(land, tmp_path):
    steep = replace(land, folder=tmp_path, height=lambda x, y: 100 + np.maximum(400 - 2.0 * np.abs(x), 0))
    product = land.seen({"vv": grey}, name="steep")
    bands, validity, _ = run([product], steep.dem(), land.grid(), tmp_path)
    folded = (validity & int(Validity.LAYOVER)) > 0
    assert 0.02 < folded.mean() < 0.5
    assert np.isfinite(bands[0][folded & ((validity & int(MISSING)) == 0)]).all()


def test_pixels_that_are_not_land_are_not_computed(land, seen, tmp_path):
    mask = np.zeros((300, 300), bool)
    mask[140:150, 100:130] = True
    grid = land.grid(step=10.0, size=300, tile=64, land=mask)
    path = tmp_path / "grid.json"
    write_grid(grid, path)
    bands, validity, _ = run([seen], land.dem(), read_grid(path), tmp_path)
    assert np.isfinite(bands[0][mask]).all()
    assert np.isnan(bands[:, ~mask]).all() and (validity[~mask] == int(Validity.OUTSIDE_SWATH)).all()


def test_pieces_are_blocks_that_hold_land(land):
    mask = np.zeros((600, 600), bool)
    mask[300, 300] = True
    grid = land.grid(step=100.0, size=600, tile=50, land=mask)
    pieces, others = pieces_of(grid)
    assert [(each.row, each.col) for each in pieces] == [(256, 256)]
    assert sum(each.height * each.width for each in pieces + others) == 600 * 600


def grids_of(land):
    longitude, _ = pyproj.Transformer.from_crs(land.crs, "EPSG:4326", always_xy=True).transform(land.x, land.y)
    feet = f"+proj=tmerc +lat_0=44 +lon_0={longitude:.3f} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=us-ft +no_defs"
    return {"geographic": "EPSG:4326", "feet": pyproj.CRS(feet).to_wkt(), "Mercator": "EPSG:3857"}


@pytest.mark.parametrize("kind", ["geographic", "feet", "Mercator"])
def test_grids_of_any_kind_give_place_and_backscatter_back(land, tmp_path, kind):
    """The landscape is defined on a plane map; the grid is of another kind, or has other units."""
    product = land.seen({"vv": waves}, name=f"under_{kind}")
    other = Landscape.under(land.template, tmp_path, crs=grids_of(land)[kind])
    grid = other.grid(step=20.0, size=70)
    bands, validity, _ = run([product], land.dem(), grid, tmp_path, NOISELESS)
    transform = grid.geobox.transform
    column, row = np.meshgrid((np.arange(280) + 0.5) / 4, (np.arange(280) + 0.5) / 4)
    to_plane = pyproj.Transformer.from_crs(grids_of(land)[kind], land.crs, always_xy=True)
    truth = land.on_map(waves)(*to_plane.transform(*(transform @ (column, row))))
    truth = truth.reshape(70, 4, 70, 4).mean(axis=(1, 3))
    there = np.isfinite(bands[0])
    assert there.mean() > 0.9
    right, below, factor = shift_of(bands[0], truth)
    assert np.hypot(right, below) < 0.02
    assert factor == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("step", "size"), [(10.0, 120), (250.0, 8)])
def test_fine_and_coarse_grids_give_the_mean_backscatter_of_their_pixels(land, tmp_path, step, size):
    product = land.seen({"vv": waves}, name="waves")
    grid = land.grid(step, size)
    bands, validity, _ = run([product], land.dem(), grid, tmp_path, NOISELESS)
    there = validity == 0
    assert there.mean() > 0.8
    expected = land.mean(waves, grid, parts=25 if step > 100 else 2)
    np.testing.assert_allclose(bands[0][there], expected[there], rtol=0.02)


def test_adjacent_slices_are_mosaicked_without_a_seam(tmp_path):
    first = Take(polarisations=("vv",), lines=160)
    duration = first.lines * first.line_interval
    templates = [write_product(tmp_path / "a", first, amplitude=None)]
    with later(duration):
        second = replace(first, start=first.stamp(duration), data_take=first.data_take + 1)
        templates.append(write_product(tmp_path / "b", second, amplitude=None))
    middle = Landscape.under(templates[0], tmp_path)
    middle = replace(middle, y=middle.y - 80 * 10)
    products = [replace(middle, template=template).seen({"vv": waves}, name="slices") for template in templates]
    grid = middle.grid(step=40.0, size=50)
    bands, validity, tags = run(products[::-1], middle.dem(), grid, tmp_path, NOISELESS)
    assert tags["products"].split() == [product.stem for product in products]
    assert (validity == 0).mean() > 0.95
    there = np.isfinite(bands[0])
    np.testing.assert_allclose(bands[0][there], middle.mean(waves, grid)[there], rtol=0.03)
    alone, flags, _ = run(products[:1], middle.dem(), grid, tmp_path, NOISELESS)
    assert 0.3 < (flags == 0).mean() < 0.7


@pytest.mark.parametrize("lost", ["vv", "vh"])
def test_a_polarisation_that_one_slice_lost_does_not_take_the_other_along(tmp_path, caplog, lost):
    """The second slice holds zeros; the first lost a burst at its near side."""
    first = Take(lines=160)
    duration = first.lines * first.line_interval
    products = [plain_product(tmp_path / "a", first, lost, np.s_[60:100, :200])]
    with later(duration):
        second = replace(first, start=first.stamp(duration), data_take=first.data_take + 1)
        products.append(plain_product(tmp_path / "b", second, lost, np.s_[:]))
    land = Landscape.under(products[0], tmp_path)
    land = replace(land, y=land.y - 80 * 10)
    bands, validity, _ = run(products, land.dem(), land.grid(step=40.0, size=50), tmp_path, NOISELESS)
    assert f"{products[1].stem}: {lost.upper()} holds no measured amplitude; left out" in caplog.text
    assert f"{products[0].stem}: {lost.upper()} holds no amplitude in" in caplog.text
    inside = validity == 0
    assert inside.mean() > 0.95
    kept = "vh" if lost == "vv" else "vv"
    assert np.isfinite(bands[BANDS.index(kept)][inside]).all() and np.isfinite(bands[2:4, inside]).all()
    alone = np.isfinite(bands[BANDS.index(lost)])
    assert alone.sum() > 300 and not (alone & ~inside).any()
    whole, _, _ = run(
        [plain_product(tmp_path / "c", first)], land.dem(), land.grid(step=40.0, size=50), tmp_path, NOISELESS
    )
    of_first = np.isfinite(whole[0])
    assert 0.7 < alone.sum() / of_first.sum() < 0.9, "all of the first slice but the burst"


def plain_product(folder, take, lost=None, where=None):
    def amplitude(polarisation, shape):
        values = np.full(shape, 100, np.uint16)
        if polarisation == lost:
            values[where] = 0
        return values

    return write_product(folder, take, amplitude=amplitude)


def test_the_real_adjacent_slices_become_one_pass(real_products, tmp_path):
    """Germany, 2015: the seam lies in the middle of the grid."""
    templates = [real_products[f"2.36 {name} slice"] for name in ("first", "second")]
    second = Landscape.under(templates[1], tmp_path)
    annotation = open_product(templates[1]).channel("vv").annotation
    points = annotation.points
    start = np.flatnonzero(points.line == points.line.min())
    place = start[np.argmin(np.abs(points.sample[start] - annotation.samples / 2))]
    to_map = pyproj.Transformer.from_crs("EPSG:4326", second.crs, always_xy=True)
    x, y = to_map.transform(points.longitude[place], points.latitude[place])
    middle = replace(second, x=x, y=y, height=level)
    sample = int(points.sample[place]) - 400
    products = []
    for template, first_line in zip(templates, (None, 0), strict=True):
        lines = open_product(template).channel("vv").annotation.lines
        window = (lines - 700 if first_line is None else 0, 700, sample, 800)
        products.append(replace(middle, template=template).seen({"vv": waves}, window=window, name="slices"))
    grid = middle.grid(step=40.0, size=60)
    bands, validity, tags = run(products, middle.dem(), grid, tmp_path, SPECKLE)
    assert tags["relative_orbit"] == "117" and tags["orbit_pass"] == "ascending"
    there = np.isfinite(bands[0])
    assert there.mean() > 0.9
    expected = middle.mean(waves, grid)
    right, below, factor = shift_of(np.where(there, bands[0], np.nan), expected)
    assert np.hypot(right, below) * 40 < 2
    assert bands[0][there].mean() / expected[there].mean() == pytest.approx(1, abs=0.02)
