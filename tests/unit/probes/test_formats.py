"""What the config may say is what the library knows."""

from __future__ import annotations

import pytest
from probe_settings import probes_at

from loam.config.kinds import kind_of
from loam.config.sections.probes import Calibration, ProbeFiles, Quality
from loam.errors import ConfigError
from loam.probes.formats import FORMATS, open_probes, provider_flags
from loam.probes.probe_files import files_of_domain, files_of_format
from loam.probes.quality.flags import Flag
from loam.probes.sensor_calibration import RELATIONS


def choices(section, key) -> list[str]:
    kind = kind_of(section.model_fields[key])
    return list((kind.item or kind).choices)


def test_the_config_knows_every_format_relation_and_rule(default_config):
    assert choices(ProbeFiles, "format") == sorted(FORMATS)
    assert choices(Calibration, "relation") == list(RELATIONS)
    quality = default_config["probes"]["quality"]
    of_all_stations = {"exclude", "rain_distance_km"}
    by_domain = {"provider_good", "provider_bad"}
    assert Quality().plain() == quality and of_all_stations <= set(quality)
    assert by_domain <= set(ProbeFiles.model_fields)


def test_the_config_can_exclude_every_flag_of_a_reading_or_a_depths_day():
    of_layers = {Flag.TOO_FEW_READINGS, Flag.NOT_SPLINED, Flag.EXTRAPOLATED}
    assert set(choices(Quality, "exclude")) == {flag.name.lower() for flag in Flag if flag not in of_layers}


def test_an_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="'xls' is not one of awra, icos"):
        open_probes(probes_at("xls", path="x"))


def test_a_format_knows_its_good_flags_unless_the_config_says_otherwise():
    assert provider_flags(probes_at("ismn")) == (["G"], [])
    assert provider_flags(probes_at("ismn", provider_bad=["D01"])) == ([], ["D01"])
    assert provider_flags(probes_at("logger")) == ([], [])


def test_a_folder_is_all_files_in_it_and_what_a_rule_makes_is_left_alone(tmp_path):
    (tmp_path / "2020").mkdir()
    for name in ("2020/b.txt", "a.txt"):
        (tmp_path / name).write_text("x")
    settings = {"format": "uscrn", "path": str(tmp_path), "stations": "stations.csv"}
    inside = [str(tmp_path / "2020" / "b.txt"), str(tmp_path / "a.txt")]
    assert files_of_domain(settings) == [*inside, "stations.csv"]
    assert files_of_domain({"path": "results/x/loggers"}) == ["results/x/loggers"] and files_of_domain(None) == []
    assert files_of_domain(settings, [{"column": "soil", "file": "soil.tif"}]) == [*inside, "stations.csv", "soil.tif"]
    probes = {"source": settings, "target": {**settings, "format": "awra"}}
    assert files_of_format(probes, "uscrn") == inside and files_of_format(probes, "ismn") == []
