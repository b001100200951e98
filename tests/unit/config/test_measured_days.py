"""Days of a user's measurements on which a run can predict."""

import pytest

from loam.config.measured_days import measured_days


@pytest.fixture
def config(tmp_path):
    def of(text, **more):
        path = tmp_path / "measured.csv"
        path.write_text(text, encoding="utf-8-sig")
        return {
            "mapping": {"measurements": str(path), "dates": ["2022-08-10", "2022-08-15"]} | more,
            "samples": {"from": "table"}, "acquire": {"period": {"target": ["2022-08-01", "2022-08-31"]}},
        }  # fmt: skip

    return of


ROWS = "id, date,moisture\na,2022-08-20,0.1\nb,2022-08-12T10:00,0.1\nc,2022-07-01,0.1\nd,2022-08-12,0.1\ne,nonsense,0\n"


def test_days_up_to_the_last_that_is_mapped_whose_rasters_are_there(config):
    asked = []

    def there(day):
        asked.append(day)
        return day != "2022-07-01"

    assert measured_days(config(ROWS), there) == ["2022-08-12"]
    assert asked == ["2022-07-01", "2022-08-12"]


def test_from_a_cube_days_of_the_target_s_period(config):
    cube = config(ROWS) | {"samples": {"from": "cube"}}
    assert measured_days(cube, lambda day: False) == ["2022-08-12"]


@pytest.mark.parametrize("more", [{"measurements": None}, {"dates": []}, {"measurements": "nowhere.csv"}])
def test_without_a_table_or_a_map_there_are_none(config, more):
    assert measured_days(config(ROWS, **more), lambda day: True) == []


@pytest.mark.parametrize("text", ["", "id,moisture\na,0.1\n", "date\n\n"])
def test_a_table_without_dates_has_none(config, text):
    assert measured_days(config(text), lambda day: True) == []
