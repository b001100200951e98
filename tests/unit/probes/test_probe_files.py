"""The files that a domain's probes are read from, and what is said of those that lack."""

from loam.config.kinds import kind_of
from loam.config.sections.probes import ProbeFiles
from loam.probes.probe_files import SOURCES, probe_files


def test_each_path_of_a_domain_says_its_key_and_where_to_get_it(tmp_path):
    target = {"format": "logger", "path": "mine/files", "description": "mine/d.yaml", "stations": "mine/s.csv"}
    files, about = probe_files({"source": None, "target": target, "maps": [{"file": "soil.tif"}]}, "target")
    assert files == ["mine/files", "mine/s.csv", "mine/d.yaml", "soil.tif"]
    assert about["mine/files"].startswith("probes.target.path: your loggers' files")
    assert about["mine/s.csv"].startswith("probes.target.stations: ") and "step 3" in about["mine/s.csv"]
    assert about["mine/d.yaml"].startswith("probes.target.description: ") and "step 2" in about["mine/d.yaml"]
    assert about["soil.tif"] == "of probes.maps"


def test_every_format_says_where_its_files_come_from():
    formats = kind_of(ProbeFiles.model_fields["format"]).choices
    assert set(SOURCES) == set(formats)
    for name in formats:
        _, about = probe_files({"source": {"format": name, "path": "gone"}, "maps": []}, "source")
        assert about["gone"] == f"probes.source.path: {SOURCES[name]}"
