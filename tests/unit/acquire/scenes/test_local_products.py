"""Products of one's own are listed by their names and read where they lie."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sentinel2_files import write_safe, zipped

from loam.acquire.access import Access
from loam.acquire.own_files import folder_of
from loam.acquire.scenes.local_products import orbits_in, product_path, products_in
from loam.acquire.scenes.satellites import relative_orbit
from loam.acquire.scenes.scene_table import merge_scenes, no_scenes
from loam.acquire.sources import open_scenes
from loam.errors import ConfigError, TableError

PERIOD = date(2022, 1, 1), date(2023, 12, 31)
S1 = "S1A_IW_GRDH_1SDV_20220801T191602_20220801T191627_044375_056AB9_9F10"


def listed(folder: Path, dataset: str = "sentinel2"):
    source = open_scenes(dataset, "local", Access(folders={dataset: str(folder)}))
    return merge_scenes(no_scenes(), source.list_scenes((0, 0, 1, 1), *PERIOD))


def test_folders_and_zips_are_listed_by_what_their_names_say(tmp_path):
    first = write_safe(tmp_path)
    second = write_safe(tmp_path / "other", time="2023-01-10T00:01:21.000Z", tile="55GDN")
    zipped(second).rename(tmp_path / f"{second.stem}.zip")
    (tmp_path / "notes.txt").write_text("mine")
    rows = listed(tmp_path)
    assert rows["scene"].tolist() == [first.stem, second.stem]
    assert rows["tile"].tolist() == ["55GEN", "55GDN"] and rows["version"].tolist() == ["05.09"] * 2
    assert rows["acquired"].tolist() == ["2023-01-05T00:01:21.000Z", "2023-01-10T00:01:21.000Z"]
    assert set(rows["back_end"]) == {"local"} and rows["relative_orbit"].tolist() == [130, 130]
    assert product_path(tmp_path, first.stem) == str(first)
    assert product_path(tmp_path, second.stem) == str(tmp_path / f"{second.stem}.zip")


def test_of_both_levels_of_a_take_the_surface_reflectance_is_listed(tmp_path):
    write_safe(tmp_path, level="1C")
    assert listed(tmp_path)["scene"].str.contains("MSIL1C").all()
    write_safe(tmp_path)
    assert listed(tmp_path)["scene"].str.contains("MSIL2A").tolist() == [True]


def test_days_outside_the_period_are_not_listed(tmp_path):
    write_safe(tmp_path, time="2021-12-31T23:59:00.000Z")
    assert products_in(tmp_path, "sentinel2", *PERIOD) == []


def test_a_sentinel1_product_has_the_relative_orbit_of_its_absolute_one(tmp_path):
    (tmp_path / f"{S1}.zip").write_bytes(b"PK")
    (tmp_path / f"{S1.replace('S1A', 'S1B')}.SAFE").mkdir()
    rows = listed(tmp_path, "sentinel1").set_index("platform")
    assert rows["relative_orbit"].to_dict() == {"S1A": 28, "S1B": 74}
    assert rows.loc["S1A", "polarisations"] == "VV+VH" and rows.loc["S1A", "acquired"] == "2022-08-01T19:16:02.000Z"


def test_sentinel1c_has_other_relative_orbits_since_it_was_moved():
    assert relative_orbit("S1C", 8018) == (8018 - 172) % 175 + 1
    assert relative_orbit("S1C", 8019) == (8019 - 99) % 175 + 1


PRECISE = "S1A_OPER_AUX_POEORB_OPOD_{made}T120000_V20220731T225942_20220802T005942"


def test_orbit_files_that_cover_a_scene_are_found_beside_it_the_newest_last(tmp_path):
    kept = [
        f"{PRECISE.format(made='20220821')}.EOF.gz", f"{PRECISE.format(made='20230101')}.EOF",
        "S1A_OPER_AUX_RESORB_OPOD_20220801T220000_V20220801T174500_20220801T210000.EOF.zip", f"{S1}.EOF",
    ]  # fmt: skip
    others = [
        PRECISE.format(made="20220821").replace("S1A", "S1B") + ".EOF",
        "S1A_OPER_AUX_POEORB_OPOD_20220822T120000_V20220801T225942_20220803T005942.EOF",
        "S1A_OPER_AUX_PREORB_OPOD_20220801T000000_V20220801T000000_20220801T235900.EOF", f"._{S1}.EOF",
        f"{S1.replace('044375', '044376')}.EOF", f"{S1}.zip",
    ]  # fmt: skip
    for name in (*kept, *others):
        (tmp_path / name).write_text("an orbit")
    assert [Path(path).name for path in orbits_in(tmp_path, S1)] == [kept[3], *kept[:3]]


def test_an_orbit_file_that_somebody_renamed_is_refused(tmp_path):
    (tmp_path / "precise.EOF").write_text("an orbit")
    with pytest.raises(TableError, match=r"precise\.EOF: its name does not say which satellite and time it covers"):
        orbits_in(tmp_path, S1)


def test_a_product_that_is_there_twice_is_refused(tmp_path):
    safe = write_safe(tmp_path)
    zipped(safe)
    with pytest.raises(TableError, match=f"{safe.stem}.SAFE and {safe.stem}.zip; leave one"):
        product_path(tmp_path, safe.stem)


@pytest.mark.parametrize(("name", "says"), [("S2A_mine.zip", "no name of a Sentinel-2"), ("a.zip", "holds no product")])
def test_a_folder_of_other_things_is_refused(tmp_path, name, says):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(TableError, match=says):
        products_in(tmp_path, "sentinel2", *PERIOD)


def test_the_folder_must_be_named_and_there(tmp_path):
    with pytest.raises(ConfigError, match="acquire.local.sentinel2': no folder is given"):
        folder_of({}, "sentinel2")
    with pytest.raises(ConfigError, match="there is no folder"):
        folder_of({"sentinel2": str(tmp_path / "no")}, "sentinel2")
