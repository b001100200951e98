"""Units are told by the file and contradicted by its numbers."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from loam.acquire.catalogue import FILE, catalogue
from loam.acquire.catalogue import _dataset as dataset_from
from loam.door import Door
from loam.errors import RasterError
from loam.variables import native


def through(variable: str, units: str | None, *values: float) -> list[float]:
    door = Door(variable, units, "file.nc")
    out = door.pass_through(np.array(values), "2020-02-29")
    door.close()
    return [pytest.approx(value, rel=1e-5) for value in out.tolist()]


@pytest.mark.parametrize(
    ("variable", "units", "given", "expected"),
    [
        ("tmin", "K", 283.15, 10.0), ("tmin", "kelvin", 283.15, 10.0), ("tmax", "degC", 10.0, 10.0),
        ("tmax", "celsius", 10.0, 10.0), ("rain", "m", 0.012, 12.0), ("rain", "mm d-1", 12.0, 12.0),
        ("rain", "kg m-2 s-1", 1e-4, 8.64), ("sm_surface", "%", 31.0, 0.31), ("sm_surface", "m3/m3", 0.31, 0.31),
        ("sm_rootzone", "m^3 m^-3", 0.31, 0.31), ("clay_2", "g kg-1", 310.0, 31.0), ("clay", "1", 0.31, 31.0),
        ("bulk_density_1", "kg m-3", 1300.0, 1.3), ("elevation", "ft", 1000.0, 304.8), ("vv", "dB", -10.0, 0.1),
        ("vv", "1", 0.1, 0.1), ("local_incidence", "rad", 0.61, 34.950), ("ndvi", "1", 0.4, 0.4),
    ],
)  # fmt: skip
def test_units_that_the_file_names_are_converted(variable, units, given, expected):
    assert through(variable, units, given)[0].expected == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("variable", "units", "values"),
    [
        ("tmin", "degC", [281.0, 290.0]),  # kelvin
        ("tmin", "K", [8.0, 15.0]),  # degrees
        ("rain", "m", [12.0]),  # millimetres
        ("rain", "mm d-1", [-0.5]),
        ("sm_surface", "m3 m-3", [31.0]),  # percent
        ("sm_surface", "%", [0.2, 0.4]),  # a fraction
        ("clay_1", "%", [0.2, 0.4]),  # a fraction
        ("clay_1", "%", [200.0]),  # g kg-1
        ("bulk_density_1", "g cm-3", [1300.0]),
        ("vv", "1", [-12.0, -8.0]),  # decibels
        ("vv", "dB", [0.05, 0.2]),  # linear
        ("ndvi", "1", [4000.0]),  # scaled
        ("local_incidence", "degree", [0.5, 0.8]),  # radians
    ],
)  # fmt: skip
def test_numbers_that_contradict_their_units_stop_the_run(variable, units, values):
    with pytest.raises(RasterError, match=f"file.nc: .*{variable}.*expected"):
        through(variable, units, *values)


def test_the_file_the_variable_and_the_day_are_named():
    with pytest.raises(
        RasterError, match="file.nc: tmin is 281 to 290 degC at 2 places on 2020-02-29; expected -90 to 60"
    ):
        through("tmin", "degC", 281.0, 290.0, np.nan, 12.0)


def test_units_of_another_quantity_are_refused():
    with pytest.raises(RasterError, match="tmin has units 'mm'; expected degc, k, degf"):
        Door("tmin", "mm", "file.nc")


def test_units_that_are_not_named_are_said_and_checked(caplog):
    assert through("tmin", None, 11.0) == [11.0]
    assert "names no units; they are taken as degC" in caplog.text
    with pytest.raises(RasterError):
        through("tmin", None, 284.0)


def test_missing_values_pass_and_a_file_without_values_is_no_contradiction():
    door = Door("clay", "%", "file.tif")
    assert np.isnan(door.pass_through(np.array([np.nan]))).all()
    door.close()


def test_noise_that_was_taken_off_may_leave_power_below_zero():
    assert through("vh", "1", -0.002, 0.01) == [-0.002, 0.01]


def test_a_variable_that_is_not_known_passes():
    assert through("humidity", "%", 250.0) == [250.0]


def test_a_dataset_has_the_range_that_is_declared():
    """What is possible stands in one place; units are the same, so that one declaration reads both."""
    known = [
        (item, variable)
        for dataset in catalogue().values()
        for item in dataset.variables.values()
        if not item.classes and (variable := native(dataset.kind, item.name)) is not None
    ]
    assert len(known) > 20
    for item, variable in known:
        assert item.units == variable.units, item.name
        assert (variable.low, variable.high) == (item.low, item.high), item.name


@pytest.mark.parametrize(
    "wrong",
    [
        {"range": [0, 0.9]}, {"range": [0, 1.5], "because": "peat"}, {"because": "nothing"}, {"units": "%"},
    ],
)  # fmt: skip
def test_a_catalogue_that_says_again_what_is_declared_is_none(wrong):
    entry = yaml.safe_load(FILE.read_text(encoding="utf-8"))["smap_l4"]
    entry["variables"] = {"sm_surface": {"title": "moisture", **wrong}}
    with pytest.raises(ValueError, match=r"datasets.yaml: smap_l4: sm_surface: "):
        dataset_from("smap_l4", entry)


@pytest.mark.parametrize("code", [-99.9, -127.0, 7999.0])
def test_a_code_that_is_possible_as_a_height_stops_the_run_when_the_file_has_been_read(code):
    door = Door("elevation", "m", "dem.tif")
    door.pass_through(np.linspace(20, 640, 400, dtype=np.float32))
    door.pass_through(np.full(3, code, np.float32), "rows 5 to 9")
    with pytest.raises(RasterError, match=rf"dem.tif: elevation is {code:g} at 3 places \(rows 5 to 9\).*20 to 640"):
        door.close()


@pytest.mark.parametrize("code", [255.0, 999.0])
def test_a_code_that_is_possible_as_rain_does_so_too(code):
    door = Door("rain", "mm", "2020.nc")
    door.pass_through(np.append(np.linspace(0, 40, 300), code))
    with pytest.raises(RasterError, match=f"rain is {code:g} at 1 places"):
        door.close("2020-02-29")
