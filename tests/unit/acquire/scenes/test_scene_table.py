"""The table of scenes: the same scenes are the same bytes, and a listing adds without doubling."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
from shapely.geometry import box

from loam.acquire.scenes.scene_names import scene_rows, sentinel1_name
from loam.acquire.scenes.scene_table import (
    SCENES,
    footprint_text,
    in_form,
    iso_time,
    merge_scenes,
    no_scenes,
    read_scenes,
    write_scenes,
)
from loam.errors import TableError

EARLY = "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030678_03840B_9F3C"
NEXT_SLICE = "S1A_IW_GRDH_1SDV_20200105T190337_20200105T190402_030678_03840B_11AA"
REPROCESSED = "S1A_IW_GRDH_1SDV_20200105T190311_20200105T190337_030678_03840B_0B0B"


def radar(scene: str = EARLY, **changes) -> dict:
    name = sentinel1_name(scene)
    return {
        "scene": scene, "dataset": "sentinel1", "back_end": "direct", "platform": name.mission, "acquired": name.start,
        "relative_orbit": 54, "direction": "ascending", "polarisations": name.polarisations, "version": "003.10",
        "bytes": 900_000_000, "checksum": "md5:" + "0" * 32, "url": f"https://data.example/{scene}.zip",
        "footprint": box(146.0, -43.0, 148.5, -41.0),
    } | changes  # fmt: skip


def optical(scene: str = "S2A_55GDN_20200105_0_L2A", **changes) -> dict:
    return {
        "scene": scene, "dataset": "sentinel2", "back_end": "direct", "platform": "S2A",
        "acquired": "2020-01-05T00:02:41.5Z", "tile": "55GDN", "cloud_cover": 12.3456789, "version": "02.13",
        "footprint": box(146.0, -43.0, 147.2, -42.0),
    } | changes  # fmt: skip


def table(*rows: dict) -> pd.DataFrame:
    return in_form(pd.DataFrame(list(rows)))


class TestFile:
    def test_order_of_rows_and_columns_does_not_change_the_bytes(self, tmp_path):
        rows = [radar(), radar(NEXT_SLICE), optical()]
        write_scenes(pd.DataFrame(rows), tmp_path / "one.csv")
        write_scenes(pd.DataFrame(rows[::-1])[sorted(optical() | radar())], tmp_path / "two.csv")
        assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()

    def test_what_is_read_and_written_again_is_the_same_bytes(self, tmp_path):
        write_scenes(table(radar(), optical(bytes=None)), tmp_path / "one.csv")
        write_scenes(read_scenes(tmp_path / "one.csv"), tmp_path / "two.csv")
        assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()

    def test_types_survive_the_file(self, tmp_path):
        write_scenes(table(radar(), optical()), tmp_path / "scenes.csv")
        first, second = read_scenes(tmp_path / "scenes.csv").to_dict("records")
        assert first["relative_orbit"] == 54 and first["bytes"] == 900_000_000
        assert first["tile"] == "" and pd.isna(second["relative_orbit"])
        assert second["version"] == "02.13", "a processing baseline is text, not the number 2.13"
        assert second["acquired"] == "2020-01-05T00:02:41.500Z"

    def test_a_list_without_scenes_can_be_written_and_read(self, tmp_path):
        write_scenes(no_scenes(), tmp_path / "scenes.csv")
        assert len(read_scenes(tmp_path / "scenes.csv")) == 0
        assert scene_rows(tmp_path / "scenes.csv", "sentinel1") == []

    @pytest.mark.parametrize(
        "change",
        [
            {"url": "https://user:secret@data.example/x.zip"},
            {"url": "https://data.example/x.zip?token=secret"},
            {"scene": "../" + EARLY},
            {"relative_orbit": 176},
            {"direction": "north"},
            {"checksum": "9F3C"},
        ],
    )
    def test_a_row_that_does_not_fit_is_refused(self, change, tmp_path):
        with pytest.raises(TableError, match=next(iter(change))):
            write_scenes(pd.DataFrame([optical(**change)]), tmp_path / "scenes.csv")
        assert not list(tmp_path.iterdir())

    def test_the_same_scene_twice_is_refused(self):
        with pytest.raises(TableError):
            table(optical(), optical())


class TestNames:
    def test_names_are_those_of_one_dataset_in_the_order_of_time(self, tmp_path):
        write_scenes(table(optical(), radar(NEXT_SLICE), radar()), tmp_path / "scenes.csv")
        radars, optical_ones = (scene_rows(tmp_path / "scenes.csv", name) for name in ("sentinel1", "sentinel2"))
        assert [row["scene"] for row in radars] == [EARLY, NEXT_SLICE]
        assert [row["scene"] for row in optical_ones] == ["S2A_55GDN_20200105_0_L2A"]

    def test_before_the_first_listing_there_are_none(self, tmp_path):
        assert scene_rows(tmp_path / "none.csv", "sentinel1") == []

    def test_another_table_is_refused(self, tmp_path):
        (tmp_path / "other.csv").write_text("station,date\nA,2020-01-01\n")
        with pytest.raises(TableError, match="snakemake scenes"):
            scene_rows(tmp_path / "other.csv", "sentinel1")

    def test_parsing_the_workflow_loads_no_heavy_library(self):
        code = "import sys, loam.acquire.scenes.scene_names; print(*{'pandas', 'numpy', 'shapely'} & set(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": "workflow/lib"}
        )
        assert done.stdout.split() == [], done.stderr

    def test_a_sentinel1_name_says_when_and_how(self):
        name = sentinel1_name(EARLY + ".SAFE")
        assert (name.mission, name.mode, name.product, name.polarisations) == ("S1A", "IW", "GRDH", "VV+VH")
        assert (name.start, (name.stop - name.start).total_seconds()) == (
            datetime(2020, 1, 5, 19, 3, 12, tzinfo=UTC),
            25,
        )
        assert (name.orbit, name.datatake, name.id) == (30678, "03840B", "9F3C")

    def test_another_name_is_refused(self):
        with pytest.raises(TableError, match="S2A_55GDN"):
            sentinel1_name("S2A_55GDN_20200105_0_L2A")


class TestMerge:
    def test_a_rerun_with_the_same_listing_changes_nothing(self):
        rows = table(radar(), radar(NEXT_SLICE), optical())
        pd.testing.assert_frame_equal(merge_scenes(rows, rows), rows)

    def test_rows_that_exist_stay_and_new_ones_are_added(self):
        merged = merge_scenes(table(radar()), table(optical()))
        assert list(merged["scene"]) == [EARLY, "S2A_55GDN_20200105_0_L2A"]

    def test_either_list_may_be_empty(self):
        rows = table(radar())
        pd.testing.assert_frame_equal(merge_scenes(no_scenes(), rows), rows)
        pd.testing.assert_frame_equal(merge_scenes(rows, no_scenes()), rows)
        assert len(merge_scenes(no_scenes(), no_scenes())) == 0

    def test_slices_of_one_datatake_are_not_the_same_take(self):
        assert len(merge_scenes(no_scenes(), table(radar(), radar(NEXT_SLICE)))) == 2

    @pytest.mark.parametrize("old_first", [True, False])
    def test_of_a_sentinel1_take_the_newest_processor_stays(self, old_first, caplog):
        old, new = table(radar()), table(radar(REPROCESSED, version="003.61"))
        with caplog.at_level(logging.INFO, "loam"):
            merged = merge_scenes(old, new) if old_first else merge_scenes(new, old)
        assert list(merged["scene"]) == [REPROCESSED]
        assert EARLY in caplog.text and "003.61" in caplog.text

    def test_without_versions_the_one_that_is_still_listed_stays(self):
        old, new = radar(version=""), radar(REPROCESSED, version="")
        assert list(merge_scenes(table(old), table(new))["scene"]) == [REPROCESSED]
        assert list(merge_scenes(table(old), table(old, new))["scene"]) == [EARLY]

    @pytest.mark.parametrize(
        ("versions", "stays"), [(("02.13", "05.00"), 1), (("05.10", "05.09"), 0), (("", "N0204"), 1)]
    )
    def test_of_a_tile_and_time_the_newest_baseline_stays(self, versions, stays):
        names = ["S2A_55GDN_20200105_0_L2A", "S2A_55GDN_20200105_1_L2A"]
        times = ["2020-01-05T00:02:41.5Z", "2020-01-05T00:02:43Z"]
        rows = [optical(*[n], version=v, acquired=t) for n, v, t in zip(names, versions, times, strict=True)]
        assert list(merge_scenes(table(rows[0]), table(rows[1]))["scene"]) == [names[stays]]

    def test_versions_of_two_providers_are_not_compared(self):
        old = optical(version="05.10", url="https://earth.example/items/a")
        new = optical("ga_s2am_ard_3-2-1_55GDN_2020-01-05_final", version="3.2.1", url="https://dea.example/items/a")
        assert list(merge_scenes(table(old), table(new))["scene"]) == [new["scene"]]

    def test_parts_of_a_tile_in_two_data_strips_both_stay(self):
        north, south = box(146, -42.4, 147.2, -42), box(146, -43, 147.2, -42.39)
        rows = [optical(footprint=north), optical("S2A_55GDN_20200105_1_L2A", footprint=south)]
        assert len(merge_scenes(no_scenes(), table(*rows))) == 2

    def test_overpasses_of_other_days_tiles_and_satellites_all_stay(self):
        rows = [
            optical(),
            optical("a", acquired="2020-01-15T00:02:41Z"),
            optical("b", tile="55GDP"),
            optical("c", platform="S2B"),
        ]
        assert len(merge_scenes(no_scenes(), table(*rows))) == 4


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [
            1578164561345,
            "2020-01-04T19:02:41.345Z",
            "2020-01-05T05:02:41.345+10:00",
            "2020-01-04 19:02:41.345",
            datetime(2020, 1, 4, 19, 2, 41, 345999, tzinfo=UTC),
            pd.Timestamp("2020-01-04T19:02:41.345678901Z"),
        ],
    )
    def test_times_are_utc_to_the_millisecond(self, value):
        assert iso_time(value) == "2020-01-04T19:02:41.345Z"

    @pytest.mark.parametrize("value", ["", None, "yesterday-ish"])
    def test_what_is_no_time_is_refused(self, value):
        with pytest.raises(TableError, match="acquired"):
            iso_time(value)

    def test_a_footprint_does_not_depend_on_where_its_ring_begins(self):
        ring = [[146, -43, 0], [146, -42, 0], [147.0000004, -42, 0], [147, -43, 0], [146, -43, 0]]
        one = footprint_text({"type": "Polygon", "coordinates": [ring]})
        two = footprint_text("POLYGON ((147 -42, 146 -42, 146 -43, 147 -43, 147 -42))")
        assert one == two == footprint_text(one)

    def test_a_point_is_no_footprint(self):
        with pytest.raises(TableError, match="footprint"):
            footprint_text("POINT (1 2)")

    def test_the_columns_are_those_of_the_contract(self):
        expected = (
            "scene dataset back_end platform acquired relative_orbit direction tile polarisations cloud_cover version "
            "bytes checksum url footprint"
        )
        assert list(SCENES.columns) == expected.split()
