"""Days by month, season and year, and the record of a day."""

from loam.config.map_periods import period_of, periods_of, record_of


def test_december_is_of_the_next_year_s_summer():
    assert period_of("2021-12-31", "season") == period_of("2022-02-28", "season") == "2022-DJF"
    assert (period_of("2022-03-01", "season"), period_of("2022-03-01", "month")) == ("2022-MAM", "2022-03")


def test_days_stand_under_every_period_that_holds_them():
    found = periods_of(["2022-07-02", "2022-06-01", "2023-06-01"], ["month", "year"])
    assert found == {
        "2022-06": ["2022-06-01"], "2022-07": ["2022-07-02"], "2023-06": ["2023-06-01"],
        "2022": ["2022-06-01", "2022-07-02"], "2023": ["2023-06-01"],
    }  # fmt: skip
    assert periods_of(["2022-07-02"], []) == {}


def test_a_record_is_of_the_same_time_of_all_years_across_new_year_and_leap_days():
    days = ["2020-02-29", "2021-12-30", "2022-01-02", "2022-01-20", "2022-07-01", "2023-01-05"]
    assert record_of("2022-01-02", days, 5) == ["2021-12-30", "2022-01-02", "2023-01-05"]
    assert record_of("2020-02-29", days, 0) == ["2020-02-29"]
    assert record_of("2021-12-30", days, 6) == ["2021-12-30", "2022-01-02", "2023-01-05"]
