"""Requests are as large as Earth Engine takes them, and together they are the whole."""

import io

import ee
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.earthengine.pixel_requests import BANDS, FLOOR, LIMIT, SIDE, blocks, read_pixels, size
from loam.errors import AcquireError

TASMANIA = (4400, 4050)


def grid(height, width):
    return GeoBox((height, width), Affine(80, 0, 500000, 0, -80, 5300000), "EPSG:28355")


def read(client, geobox, bands=("height",), dtype="float32", nodata=-9999):
    return read_pixels(
        client, ee.Image("CGIAR/SRTM90_V4"), list(bands), geobox, dtype=dtype, nodata=nodata, what="heights"
    )


def numbered(geobox):
    """Pixels whose value is their number on ``geobox``, whichever part is asked for."""

    def values(part, _):
        affine, (height, width) = part["affineTransform"], (part["dimensions"][k] for k in ("height", "width"))
        col, row = ~geobox.transform @ (affine["translateX"], affine["translateY"])
        return (row + np.arange(height))[:, None] * geobox.shape[1] + col + np.arange(width)

    return values


@pytest.mark.parametrize(
    ("shape", "bands", "itemsize"),
    [(TASMANIA, 4, 4), (TASMANIA, 1, 1), ((60, 50), 93, 4), ((3, 90_000), 1, 4), ((90, 70), 2500, 2)],
)  # fmt: skip
def test_blocks_cover_every_value_once_within_the_limits(shape, bands, itemsize):
    seen = np.zeros((bands, *shape), bool)
    for block in blocks(shape, bands, itemsize):
        part = seen[block.bands, block.rows, block.cols]
        assert not part.any()
        part[:] = True
        deep, height, width = block.shape
        assert size(deep, height, width, itemsize) <= LIMIT
        assert max(height, width) <= SIDE
        assert deep <= BANDS
    assert seen.all()


def test_nine_bands_of_a_tile_are_one_request_as_the_server_counts():
    assert size(9, 1024, 1024, 4) == 47_185_920
    assert len(blocks((1024, 1024), 9, 4)) == 1
    assert len(blocks((1024, 1024), 10, 4)) == 2


def test_the_request_names_grid_bands_and_missing_values(engine, graph):
    engine.dtype["height"] = "i2"
    read(engine.client(), grid(3, 2), ["height"], "int16", -32768)
    body = engine.pixels()[0]
    assert body["fileFormat"] == "NPY"
    assert body["bandIds"] == ["height"]
    assert body["grid"] == {
        "dimensions": {"width": 2, "height": 3}, "crsCode": "EPSG:28355",
        "affineTransform": {
            "scaleX": 80, "shearX": 0, "translateX": 500000, "shearY": 0, "scaleY": -80, "translateY": 5300000,
        },
    }  # fmt: skip
    (unmask,) = graph(body).calls("Image.unmask")
    assert unmask["sameFootprint"] is False
    assert graph(body).calls("Image.constant") == [{"value": -32768}]
    assert graph(body).calls("Image.toInt16")
    assert graph(body).ids() == {"CGIAR/SRTM90_V4"}


def test_a_crs_without_a_code_is_sent_as_text(engine):
    sinusoidal = GeoBox((2, 2), Affine(500, 0, 0, 0, -500, 0), "+proj=sinu +lon_0=0 +R=6371007.181 +units=m")
    read(engine.client(), sinusoidal)
    assert "Sinusoidal" in engine.pixels()[0]["grid"]["crsWkt"]


@pytest.mark.parametrize(
    "message",
    [
        "Total request size (56623104 bytes) must be less than or equal to 50331648 bytes.",
        "User memory limit exceeded.",
        "Request payload size exceeds the limit: 10485760 bytes.",
        "Computation timed out.",
    ],
)
def test_a_tile_that_is_too_large_is_halved_until_it_fits_and_nothing_is_lost(engine, message):
    geobox = grid(300, 200)
    engine.bands["height"] = numbered(geobox)
    engine.too_large = lambda size: message if size["width"] * size["height"] > 20_000 else None
    found = read(engine.client(), geobox)
    assert np.array_equal(found[0].ravel(), np.arange(300 * 200, dtype=np.float32))
    shapes = [tuple(body["grid"]["dimensions"].values()) for body in engine.pixels()]
    assert shapes == [(200, 300), (200, 150), (100, 150), (100, 150), (200, 150), (100, 150), (100, 150)]


def test_a_request_that_is_never_small_enough_ends(engine):
    engine.too_large = lambda _: "User memory limit exceeded."
    with pytest.raises(AcquireError, match=r"memory limit.*even for 50 x 50 pixels"):
        read(engine.client(), grid(100, 100))
    assert FLOOR == 64
    assert len(engine.pixels()) == 3


def test_many_blocks_are_put_where_they_belong(engine, monkeypatch):
    monkeypatch.setattr("loam.acquire.earthengine.pixel_requests.LIMIT", 5 * 1000)
    geobox = grid(70, 90)
    engine.bands["height"] = numbered(geobox)
    found = read(engine.client(), geobox)
    assert len(engine.pixels()) >= 7
    assert np.array_equal(found[0].ravel(), np.arange(70 * 90, dtype=np.float32))


def test_an_error_in_one_of_many_blocks_is_the_error_of_the_whole(engine, monkeypatch):
    monkeypatch.setattr("loam.acquire.earthengine.pixel_requests.LIMIT", 5 * 1000)
    client = engine.client()
    engine.fail(status=400, body={"error": {"message": "Image.load: no such band"}})
    with pytest.raises(AcquireError, match="no such band"):
        read(client, grid(70, 90))


def test_bands_come_in_the_order_asked_for(engine):
    engine.bands |= {"b": 2, "a": 1}
    found = read(engine.client(), grid(2, 2), ["b", "a"])
    assert found[:, 0, 0].tolist() == [2, 1]


def test_another_shape_is_an_error(engine):
    engine.bands["height"] = 1
    client = engine.client()
    engine.fail(wrong=_npy(np.zeros((2, 2), [("height", "f4")])))
    with pytest.raises(AcquireError, match=r"sent \(2, 2\) pixels; expected \(5, 4\)"):
        read(client, grid(4, 5))


def test_other_bands_are_an_error(engine):
    client = engine.client()
    engine.fail(wrong=_npy(np.zeros((4, 5), [("depth", "f4")])))
    with pytest.raises(AcquireError, match="bands depth; expected height"):
        read(client, grid(4, 5))


def test_another_type_is_an_error(engine):
    engine.dtype["height"] = "f8"
    with pytest.raises(AcquireError, match="type float64; expected float32"):
        read(engine.client(), grid(4, 5))


def _npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()
