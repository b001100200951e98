import numpy as np
import pytest
from affine import Affine
from sentinel2_files import NORTH, WEST, box, mask_gml

from loam.errors import RasterError
from loam.sentinel2.polygons import inside, joined, read_polygons

TRANSFORM = Affine(20, 0, WEST, 0, -20, NORTH)


def drawn(text: str, *, touched: bool = False) -> np.ndarray:
    return inside(read_polygons(text.encode(), "mask.gml"), TRANSFORM, (8, 8), touched=touched)


def test_a_polygon_covers_the_pixels_inside_it():
    expected = np.zeros((8, 8), bool)
    expected[2:4, 1:6] = True
    assert (drawn(mask_gml(("OPAQUE", box(1, 2, 6, 4)))) == expected).all()


def test_a_hole_is_left_out():
    text = mask_gml(("OPAQUE", box(0, 0, 8, 8))).replace(
        "</gml:Polygon>", "<gml:interior>RING</gml:interior></gml:Polygon>"
    )
    ring = " ".join(f"{x} {y}" for x, y in box(2, 2, 4, 4))
    text = text.replace("RING", f'<gml:LinearRing><gml:posList srsDimension="2">{ring}</gml:posList></gml:LinearRing>')
    assert drawn(text).sum() == 64 - 4


def test_a_line_of_10_m_spoils_the_20_m_pixels_that_it_touches():
    line = mask_gml(("QT_DEFECTIVE_PIXELS", box(0, 2.1, 8, 2.4)))
    assert not drawn(line).any()
    assert drawn(line, touched=True)[2].all()


@pytest.mark.parametrize("kind", ["ANC_LOST", "ANC_DEG", "QT_PARTIALLY_CORRECTED_PIXELS"])
def test_kinds_that_leave_the_pixels_good_are_passed_over(kind):
    assert not drawn(mask_gml((kind, box(0, 0, 8, 8)), ("MSI_LOST", box(0, 0, 1, 1))))[1:, 1:].any()


def test_several_coordinates_a_vertex_are_cut_to_two():
    text = mask_gml(("OPAQUE", box(1, 2, 6, 4))).replace('srsDimension="2"', 'srsDimension="3"')
    text = text.replace(text.split('"3">')[1].split("<")[0], " ".join(f"{x} {y} 0" for x, y in box(1, 2, 6, 4)))
    assert drawn(text).sum() == 10


def test_a_mask_without_members_and_one_far_away_cover_nothing():
    assert not drawn(mask_gml()).any()
    assert not drawn(mask_gml(("OPAQUE", box(100, 100, 110, 110))), touched=True).any()


def test_polygons_of_several_masks_are_joined():
    parts = [read_polygons(mask_gml(("OPAQUE", box(k, 0, k + 1, 1))).encode(), "mask.gml") for k in range(3)]
    assert inside(joined(*parts), TRANSFORM, (8, 8), touched=False).sum() == 3


@pytest.mark.parametrize("ring", ["1 2 3", "a b", ""])
def test_a_broken_mask_is_named(ring):
    text = mask_gml(("OPAQUE", box(0, 0, 1, 1)))
    broken = text.replace(text.split('"2">')[1].split("<")[0], ring) if ring else text[:-20]
    with pytest.raises(RasterError, match=r"mask\.gml"):
        read_polygons(broken.encode(), "mask.gml")
