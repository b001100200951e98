"""The slices of a pass: in order, each once, of one pass."""

import logging
from dataclasses import replace

import pytest
from sentinel1_files import Take, write_product

from loam.errors import RasterError
from loam.sentinel1.product import open_product
from loam.sentinel1.slices import slices_of

FIRST = Take(polarisations=("vv",), lines=80, samples=100)


def made(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    return open_product(write_product(folder, replace(FIRST, **changes), amplitude=None))


def test_slices_come_in_order_of_time(tmp_path):
    first, second = made(tmp_path / "a"), made(tmp_path / "b", start="2021-08-09T17:39:53.273776")
    assert slices_of([second, first]) == [first, second]


def test_of_two_products_of_the_same_slice_the_newer_processor_counts(tmp_path, caplog):
    old, new = made(tmp_path / "a", processor="002.36"), made(tmp_path / "b", processor="003.40")
    with caplog.at_level(logging.WARNING, "loam"):
        assert slices_of([new, old]) == slices_of([old, new]) == [new]
    assert "shows the same" in caplog.text and old.name in caplog.text


def test_slices_on_both_sides_of_the_equator_are_one_pass(tmp_path):
    """The relative orbit counts on where a satellite crosses the equator northwards, the take does not."""
    first = made(tmp_path / "a")
    second = made(tmp_path / "b", start="2021-08-09T17:39:53.273776", relative_orbit=85, absolute_orbit=39157)
    assert slices_of([first, second]) == [first, second]


@pytest.mark.parametrize(
    "changes",
    [
        {"mission": "S1B"},
        {"data_take": 7, "relative_orbit": 9},
        {"start": "2021-08-21T17:39:53.153776", "data_take": 7},
        {"start": "2021-08-09T18:39:53.153776"},
    ],
    ids=["other satellite", "other orbit", "other day", "an hour later"],
)
def test_a_product_of_another_pass_is_named(tmp_path, changes):
    first, other = made(tmp_path / "a"), made(tmp_path / "b", **changes)
    with pytest.raises(RasterError, match="another pass"):
        slices_of([first, other])


def test_the_two_real_slices_are_one_pass(real_products):
    first, second = (open_product(real_products[f"2.36 {name} slice"]) for name in ("first", "second"))
    assert slices_of([second, first]) == [first, second]


def test_the_real_take_that_was_processed_twice_counts_once(real_products):
    old, new = open_product(real_products["2.36"]), open_product(real_products["2.70"])
    assert slices_of([old, new]) == [new]
