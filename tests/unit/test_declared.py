"""The declarations of variables: checked when they are read, found by the names that columns and covariates have."""

import numpy as np
import pandas as pd
import pytest

from loam.config.covariates import kind_of, known_at_points
from loam.errors import ConfigError, TableError
from loam.io.numbers import refuse_impossible
from loam.variables import covariate_of, declared, facts_of, kinds, native, observed, variable_of, variables


def test_every_declaration_says_what_it_is_where_it_comes_from_and_what_is_possible():
    for variable in variables().values():
        assert variable.title and (variable.classes or np.isfinite([variable.low, variable.high]).all()), variable.name
        assert variable.kind is None or variable.how or variable.layers or variable.derive == "age", variable.name
    assert {variable.kind for variable in variables().values()} == {None, *kinds()}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"unit": "m"}, "snow: no key 'unit'; expected one of because, between"),
        ({"units": "cm of snow"}, "snow: quantity cannot be None"),
        ({"range": [3, 0]}, r"snow: range cannot be \[3, 0\]"),
        ({"derive": "mean"}, "snow: derive cannot be mean"),
        ({"kind": "snow"}, "snow: kind cannot be snow"),
        ({"kind": "vegetation", "derive": "last_valid"}, "snow: look_back cannot be None"),
        ({"kind": "weather", "look_back": 3}, "snow: look_back cannot be 3"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_none(entry, message):
    with pytest.raises(ValueError, match=f"variables.yaml: {message}"):
        declared("snow", {"title": "snow", **entry})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("elevation", "terrain"), ("clay_4", "soil"), ("bulk_density_1", "soil"), ("landcover", "landcover"),
        ("landcover_share_IRRI", "landcover"), ("rain_30", "weather"), ("tmin", "weather"), ("vv", "sentinel1"),
        ("sm_rootzone", "coarse_moisture"), ("modis_ndvi_age", "vegetation"), ("ndwi", "sentinel2"),
    ],
)  # fmt: skip
def test_a_covariate_s_kind_follows_from_its_name(name, kind):
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    "name", ["clay", "clay_0", "clay_5", "tmin_30", "rain_x", "landcover_share", "silt_1", "humidity"]
)
def test_what_the_cube_has_not_is_named(name):
    assert covariate_of(name) is None
    with pytest.raises(ConfigError, match=f"the cube has no covariate '{name}'"):
        kind_of(name)


def test_what_needs_neighbours_or_a_processed_scene_is_not_known_at_points():
    assert [name for name in ("elevation", "slope", "wetness", "clay_1", "rain_30", "vv", "ndvi", "modis_ndvi")
            if known_at_points(name)] == ["elevation", "clay_1", "rain_30", "modis_ndvi"]  # fmt: skip


def test_a_data_set_s_variable_is_that_of_its_kind():
    assert native("vegetation", "ndvi").name == "modis_ndvi" and native("sentinel2", "ndvi").name == "ndvi"
    assert {item.kind for item in observed("sentinel1").values()} == {"sentinel1"}


def test_facts_are_what_changes_a_number_and_no_words():
    assert facts_of(["rain_30", "rain", "humidity"]) == {
        "rain": {"units": "mm d-1", "low": 0.0, "high": 1900.0, "reaches_in_years": 2, "kind": "weather",
                 "variable": "rain", "derive": "sum"},
    }  # fmt: skip


@pytest.mark.parametrize("marker", [-999.0, -9999.0, 1e20, 7999.0, -99.0])
@pytest.mark.parametrize(
    "name", ["sm_surface", "rain", "tmin", "clay_2", "slope", "aspect_cos", "wetness", "modis_ndvi", "elevation",
             "landcover_share_PAST", "sentinel1_age"],
)  # fmt: skip
def test_a_marker_among_the_values_of_a_column_names_row_and_column(tmp_path, name, marker):
    values = {"elevation": (20, 400), "rain": (0, 40), "tmin": (-3, 12), "clay_2": (8, 40), "slope": (0, 30)}
    low, high = values.get(name, (0.05, 0.4))
    column = pd.Series(np.append(np.linspace(low, high, 40), marker), index=range(2, 43), name=name)
    with pytest.raises(TableError, match=rf"t.csv, row 42: .*in column '{name}'") as error:
        refuse_impossible(column, tmp_path / "t.csv")
    assert f"{marker:g}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "base"), [("clay_2", "clay"), ("rain_90", "rain"), ("landcover_share_AGRI", "landcover_share")]
)
def test_a_column_is_held_against_the_variable_that_it_is_of(name, base):
    assert variable_of(name) is variables()[base]
