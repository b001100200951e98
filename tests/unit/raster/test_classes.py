"""Crosswalks know every class of their product, and say what it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from loam.errors import ConfigError, RasterError
from loam.raster.classes import CODES, NO_CLASS, OTHER, WATER, class_names, classes_told, crosswalk_of

EVERY = np.ones(1, bool)


@pytest.mark.parametrize(
    ("product", "count", "codes"),
    [
        ("clum", 197, {210: "SAVA", 320: "PAST", 330: "AGRI", 420: "IRRI", 220: "FORE", 311: "FORE", 439: "IRRI"}),
        ("mcd12q1", 17, {1: "FORE", 5: "FORE", 9: "SAVA", 10: "PAST", 12: "AGRI"}),
        ("corine", 44, {212: "IRRI", 213: "IRRI", 211: "AGRI", 231: "PAST", 312: "FORE", 323: "SAVA"}),
        ("worldcover", 11, {10: "FORE", 20: "SAVA", 30: "PAST", 40: "AGRI"}),
    ],
)
def test_a_product_has_all_of_its_classes(product, count, codes):
    crosswalk = crosswalk_of(product)
    assert (crosswalk.lookup > 0).sum() == count
    found = crosswalk.classes(np.array(list(codes)), np.ones(len(codes), bool), "file.tif")
    assert found.tolist() == [CODES[name] for name in codes.values()]


@pytest.mark.parametrize(("product", "code"), [("clum", 610), ("mcd12q1", 17), ("corine", 523), ("worldcover", 80)])
def test_water_is_water(product, code):
    assert crosswalk_of(product).classes(np.array([code]), EVERY, "file.tif")[0] == WATER


@pytest.mark.parametrize(("product", "code"), [("clum", 541), ("mcd12q1", 13), ("corine", 111), ("worldcover", 50)])
def test_towns_are_land_of_no_class(product, code):
    assert crosswalk_of(product).classes(np.array([code]), EVERY, "file.tif")[0] == OTHER


def test_a_product_says_which_classes_it_can_tell():
    assert classes_told("clum") == classes_told("corine") == ("PAST", "FORE", "AGRI", "SAVA", "IRRI")
    assert classes_told("worldcover") == classes_told("mcd12q1") == ("PAST", "FORE", "AGRI", "SAVA")


def test_an_unknown_code_names_itself_and_the_file():
    codes = np.array([[320, 655], [0, 320]])
    with pytest.raises(RasterError, match="cover.tif: land cover code 655 is not in the crosswalk of clum"):
        crosswalk_of("clum").classes(codes, codes > 0, "cover.tif")
    assert crosswalk_of("clum").classes(codes, codes == 320, "cover.tif").tolist() == [[1, NO_CLASS], [NO_CLASS, 1]]
    with pytest.raises(RasterError, match="code 99999 is not"):
        crosswalk_of("clum").classes(np.array([99999]), EVERY, "cover.tif")


def test_a_product_without_a_table_is_named():
    with pytest.raises(ConfigError, match="no crosswalk for land cover 'nlcd'; expected one of clum, corine"):
        crosswalk_of("nlcd")


def test_class_names_tell_none_from_other():
    assert class_names(np.array([1.0, 0.0, np.nan])).tolist() == ["PAST", "OTHER", None]
