"""Stations are chosen by name and region; a wrong coordinate is told from a station elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from probe_settings import probes_at

from loam.errors import TableError
from loam.probes.products import STATION_SUMMARY
from loam.probes.readings import STATIONS
from loam.probes.station_facts import select_stations, summarise_stations

TASMANIA = [144, -44, 149, -40]


def stations(**places: tuple[float, float]) -> pd.DataFrame:
    frame = pd.DataFrame({"station": list(places)}).reindex(columns=list(STATIONS.columns))
    frame[["latitude", "longitude"]] = list(places.values())
    return STATIONS.validate(frame)


def chosen(table, **settings) -> list[str]:
    return select_stations(table, probes_at(**settings), where="sites.csv")["station"].tolist()


def test_names_are_patterns_with_case():
    table = stations(K1=(-35, 147), K10=(-35, 147.5), k2=(-35, 148), Y1=(-34, 146))
    assert chosen(table, include=["K*"]) == ["K1", "K10"]
    assert chosen(table, include=["K1", "Y?"]) == ["K1", "Y1"]
    assert chosen(table) == ["K1", "K10", "k2", "Y1"]


def test_the_western_limit_belongs_to_the_region_and_the_eastern_to_the_next():
    table = stations(a=(40, -100), b=(40, -99.9), c=(40, -100.1))
    assert chosen(table, bounds=[-100, 24, -66, 50]) == ["a", "b"]
    assert chosen(table, bounds=[-125, 24, -100, 50]) == ["c"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ((146.5, -42.0), "look swapped"),
        ((42.0, 146.5), "have the wrong sign"),
        ((-42.0, -146.5), "have the wrong sign"),
        ((95.0, 200.0), "are not on Earth"),
        ((np.nan, 146.5), "has no coordinates"),
    ],
)
def test_a_wrong_coordinate_is_refused_by_name(place, message):
    with pytest.raises(TableError, match=rf"sites.csv: .*station 'bad'.*{message}|sites.csv: station 'bad' {message}"):
        chosen(stations(good=(-42, 147), bad=place), bounds=TASMANIA)


def test_swapped_coordinates_off_the_scale_are_seen_without_a_region():
    with pytest.raises(TableError, match="latitude 146.5, longitude -42 of station 'a' look swapped"):
        chosen(stations(a=(146.5, -42)))


def test_a_station_elsewhere_is_left_out():
    assert chosen(stations(hobart=(-42.9, 147.3), sydney=(-33.9, 151.2)), bounds=TASMANIA) == ["hobart"]


def test_a_choice_that_leaves_nobody_is_refused():
    with pytest.raises(TableError, match=r"no station is left; expected names like Z\*.*the stations are a"):
        chosen(stations(a=(-42, 147)), include=["Z*"])


def test_days_are_counted_once_for_all_layers():
    days = pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-05"])
    table = summarise_stations(stations(a=(-42, 147), b=(-43, 147)), pd.DataFrame({"station": "a", "date": days}))
    STATION_SUMMARY.validate(table)
    assert table["days"].tolist() == [2, 0]
    assert table["last_day"].iloc[0] == pd.Timestamp("2020-01-05") and table["first_day"].isna().tolist() == [
        False,
        True,
    ]


def test_stations_at_one_place_or_of_nearly_one_name_are_noted():
    table = stations(a=(-42, 147), b=(-42, 147), c=(-43, 147), C=(-43.5, 147))
    notes = summarise_stations(table, pd.DataFrame({"station": [], "date": pd.to_datetime([])}))["note"].tolist()
    assert notes == ["same place as b", "same place as a", *(f"differs only in case or blanks from {n}" for n in "Cc")]
