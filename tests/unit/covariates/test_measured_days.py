"""Days of a user's measurements on which a run can predict."""

import pytest

from loam.covariates.measured_days import measured_days, measured_inputs

FEATURES = {"static": ["clay"], "daily": [{"name": "rain", "lags": [0, 1]}], "classes": [], "day_of_year": False,
            "sequence": {"variables": [], "lags": [0, 0], "every": 1}}  # fmt: skip


@pytest.fixture
def config(tmp_path):
    """With rasters of 11 and 12 August."""
    for day in (11, 12):
        (tmp_path / f"rain_2022-08-{day}.tif").touch()

    def of(text, **more):
        path = tmp_path / "measured.csv"
        path.write_text(text, encoding="utf-8-sig")
        rain = {"feature": "rain", "file": str(tmp_path / "rain_{date}.tif")}
        return {
            "mapping": {"measurements": str(path), "dates": ["2022-08-10", "2022-08-15"], "inputs": [rain]} | more,
            "samples": {"from": "table"}, "acquire": {"period": {"target": ["2022-08-01", "2022-08-31"]}},
            "features": FEATURES,
        }  # fmt: skip

    return of


ROWS = "id, date,moisture\na,2022-08-20,0.1\nb,2022-08-12T10:00,0.1\nc,2022-07-01,0.1\nd,2022-08-12,0.1\ne,nonsense,0\n"


def test_days_up_to_the_last_that_is_mapped_whose_rasters_are_there(config, tmp_path):
    rows = ROWS + "f,2022-08-13,0.1\ng,2022-08-11,0.2\n"
    assert measured_days(config(rows)) == ["2022-08-12"], "the rain of 11 August's day before is not there"
    found = measured_inputs(config(rows))
    assert [name.rsplit("/", 1)[1] for name in found["rasters"]] == ["rain_2022-08-12.tif", "rain_2022-08-11.tif"]
    assert found["months"] == []


def test_from_a_cube_days_of_the_target_s_period(config):
    rows = ROWS + "f,2022-08-03,0.1\n"
    assert measured_days(config(rows) | {"samples": {"from": "cube"}}) == ["2022-08-03", "2022-08-12"]


@pytest.mark.parametrize("more", [{"measurements": None}, {"dates": []}, {"measurements": "nowhere.csv"}])
def test_without_a_table_or_a_map_there_are_none(config, more):
    assert measured_days(config(ROWS, **more)) == []


@pytest.mark.parametrize("text", ["", "id,moisture\na,0.1\n", "date\n\n"])
def test_a_table_without_dates_has_none(config, text):
    assert measured_days(config(text)) == []
