from dataclasses import replace

from memory_sources import dataset

from loam.acquire.access import Access
from loam.acquire.steps.fetched_parts import close_parts, open_parts, request_of

ENTRY = dataset()


def with_keys(**keys):
    return replace(ENTRY, back_ends={"direct": {**ENTRY.back_ends["direct"], **keys}})


def test_the_folder_keeps_parts_of_the_same_request_and_of_no_other(tmp_path):
    folder = open_parts(tmp_path / "a.tif", {"variable": "clay"})
    assert folder == tmp_path / ".a.parts"
    (folder / "tile").touch()
    assert (open_parts(tmp_path / "a.tif", {"variable": "clay"}) / "tile").exists()
    assert not (open_parts(tmp_path / "a.tif", {"variable": "soc"}) / "tile").exists()
    close_parts(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_note_is_emptied(tmp_path):
    (tmp_path / ".a.parts").mkdir()
    (tmp_path / ".a.parts" / "tile").touch()
    assert not (open_parts(tmp_path / "a.tif", {}) / "tile").exists()


def test_a_request_changes_with_what_the_back_end_is_asked_and_not_with_its_limiter():
    first = request_of(ENTRY, "direct", Access(), span="2020-01")
    assert request_of(with_keys(host="elsewhere"), "direct", Access(), span="2020-01") == first
    assert request_of(with_keys(bands={"rain": {"band": "r"}}), "direct", Access(), span="2020-01") != first
    assert request_of(ENTRY, "direct", Access(), span="2020-02") != first
    assert request_of(replace(ENTRY, version="2"), "direct", Access(), span="2020-01") != first


def test_a_request_of_local_files_changes_with_the_files(tmp_path):
    entry = replace(ENTRY, back_ends={"local": {"host": "files"}})
    access = Access(folders={"weather": str(tmp_path)})
    first = request_of(entry, "local", access)
    assert request_of(entry, "local", access) == first
    (tmp_path / "2020-01.nc").write_bytes(b"12")
    second = request_of(entry, "local", access)
    (tmp_path / "2020-01.nc").write_bytes(b"123")
    assert len({str(request) for request in (first, second, request_of(entry, "local", access))}) == 3
