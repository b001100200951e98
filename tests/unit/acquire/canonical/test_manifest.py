from datetime import date

import pandas as pd
import pytest

from loam.acquire.canonical.manifest import (
    MANIFEST,
    build_manifest,
    check_manifest,
    is_empty,
    manifest_path,
    merge_manifests,
    read_manifest,
    state_of_day,
    write_manifest,
)
from loam.acquire.catalogue import Gap
from loam.errors import AcquireError, TableError

DAY = date(2022, 8, 10)
OUTAGE = Gap(date(2022, 8, 6), date(2022, 9, 20), "missing", "SMAP was in safe mode")
MODEL = Gap(date(2022, 8, 6), date(2022, 9, 20), "model_only", "no observations were assimilated")


def state(found, expected=8, published_until=date(2022, 12, 31), **more):
    return state_of_day(DAY, found=found, expected=expected, published_until=published_until, **more)


def test_a_day_with_all_its_fields_is_complete():
    assert state(8) == {
        "date": pd.Timestamp(DAY), "state": "complete", "provisional": False, "model_only": False, "detail": "",
    }  # fmt: skip


def test_a_day_with_some_fields_is_partial_and_says_how_many():
    row = state(5)
    assert row["state"] == "partial" and row["detail"] == "5 of 8 fields"
    row = state(9)  # a field that was published twice
    assert row["state"] == "complete" and row["detail"] == "9 of 8 fields"


def test_a_day_after_what_is_published_is_no_failure():
    row = state(0, published_until=date(2022, 8, 9))
    assert row["state"] == "not_yet_published" and row["detail"] == "published until 2022-08-09"
    assert state(3, published_until=date(2022, 8, 9))["state"] == "partial"


def test_a_known_gap_is_no_failure_and_goes_before_what_is_not_yet_published():
    assert state(0, known_gaps=[OUTAGE])["state"] == "known_gap"
    row = state(0, known_gaps=[OUTAGE], published_until=date(2022, 8, 1))
    assert row["state"] == "known_gap" and "safe mode" in row["detail"]
    assert state(8, known_gaps=[OUTAGE])["state"] == "complete"


def test_a_published_day_without_any_field_is_failed():
    assert state(0)["state"] == "failed"
    assert state(0, published_until=None)["state"] == "failed"
    assert state(0, published_until=DAY)["state"] == "failed"


def test_a_gap_that_is_model_only_marks_the_day_and_excuses_nothing():
    row = state(8, known_gaps=[MODEL])
    assert row["state"] == "complete" and row["model_only"] and "assimilated" in row["detail"]
    assert state(0, known_gaps=[MODEL])["state"] == "failed"
    other = state_of_day(date(2022, 9, 21), found=8, expected=8, known_gaps=[MODEL, OUTAGE])
    assert not other["model_only"] and other["detail"] == ""


def test_a_failure_that_is_known_is_named_whatever_came():
    row = state(8, failure="HTTP 503", known_gaps=[OUTAGE])
    assert (row["state"], row["detail"]) == ("failed", "HTTP 503")


def test_what_is_not_there_is_not_provisional():
    assert state(8, provisional=True)["provisional"]
    assert not state(0, provisional=True)["provisional"]


def test_a_manifest_goes_to_a_file_beside_the_data_and_back(tmp_path):
    path = tmp_path / "2022-08.nc"
    frame = build_manifest([state(8, provisional=True), state_of_day(date(2022, 8, 1), found=5, expected=8)])
    assert list(frame["date"].dt.day) == [1, 10]
    write_manifest(frame, path)
    assert manifest_path(path).name == "2022-08.manifest.csv"
    pd.testing.assert_frame_equal(read_manifest(path), frame)
    pd.testing.assert_frame_equal(read_manifest(manifest_path(path)), frame)
    assert read_manifest(path)["provisional"].tolist() == [False, True]


@pytest.mark.parametrize(
    "rows",
    [[], [state(8), state(8)], [{**state(8), "state": "lost"}], [{**state(8), "date": pd.NaT}]],
    ids=["no row", "a day twice", "unknown state", "no day"],
)
def test_a_manifest_that_says_nothing_or_too_much_is_refused(rows):
    with pytest.raises(TableError):
        build_manifest(rows)


def test_only_failure_stops_and_names_the_days_and_the_file():
    fine = [
        state_of_day(date(2022, 8, 1), found=8, expected=8),
        state_of_day(date(2022, 8, 2), found=3, expected=8),
        state(0, known_gaps=[OUTAGE]),
        state_of_day(date(2022, 8, 30), found=0, expected=8, published_until=date(2022, 8, 29)),
    ]
    check_manifest(build_manifest(fine), "2022-08.nc")
    broken = build_manifest([*fine, state_of_day(date(2022, 8, 3), found=0, expected=8, failure="HTTP 503")])
    with pytest.raises(AcquireError, match=r"^2022-08.nc: failed: 2022-08-03 \(HTTP 503\); run again"):
        check_manifest(broken, "2022-08.nc")


def test_many_failed_days_stay_one_line():
    days = [date(2022, 8, day) for day in range(1, 32)]
    with pytest.raises(AcquireError, match="2022-08-08 and 23 days more") as error:
        check_manifest(build_manifest([state_of_day(day, found=0, expected=1) for day in days]), "x")
    assert len(str(error.value)) < 300


def test_nothing_published_and_gaps_alone_make_an_empty_file():
    gap, late = state(0, known_gaps=[OUTAGE]), state_of_day(date(2023, 1, 1), found=0, expected=8, published_until=DAY)
    assert is_empty(build_manifest([gap, late]))
    assert not is_empty(build_manifest([gap, late, state_of_day(date(2022, 8, 1), found=1, expected=8)]))


def test_manifests_merge_with_the_file_that_each_row_is_of(tmp_path):
    for name, rows in {"2022-08": [state(8)], "2022-09": [state_of_day(date(2022, 9, 1), found=0, expected=8)]}.items():
        write_manifest(build_manifest(rows), tmp_path / f"{name}.nc")
    merged = merge_manifests(sorted(tmp_path.glob("*.manifest.csv")))
    assert merged["file"].tolist() == [str(tmp_path / "2022-08"), str(tmp_path / "2022-09")]
    assert list(merged.columns) == ["file", *MANIFEST.columns]
    with pytest.raises(AcquireError, match="failed: .*2022-09: 2022-09-01"):
        check_manifest(merged, "manifest.csv")
    assert list(merge_manifests([]).columns) == ["file", *MANIFEST.columns]
