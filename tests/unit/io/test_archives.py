"""A member of a zip is unpacked whole and below its folder, or refused by its name."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from loam.errors import TableError
from loam.io.archives import is_strewn, open_zip, read_gzip, read_member, unpack_member, without_strewn


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def unpack(path: Path, name: str, folder: Path) -> Path:
    with open_zip(path) as archive:
        return unpack_member(archive, name, folder)


def test_a_member_comes_out_as_it_went_in(tmp_path):
    path = packed(tmp_path / "a.zip", {"b/c.txt": b"text" * 1000})
    out = unpack(path, "b/c.txt", tmp_path / "out")
    assert out == tmp_path / "out" / "b" / "c.txt" and out.read_bytes() == b"text" * 1000


def test_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("loam.io.archives.FREE", 2**20)
    path = packed(tmp_path / "bomb.zip", {"zeros.stm": bytes(2**23)})
    with pytest.raises(TableError, match=r"bomb.zip: zeros.stm: \d+ bytes would unpack to 8388608"):
        unpack(path, "zeros.stm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_member_that_leads_out_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"../../evil.txt": b"x"})
    with pytest.raises(TableError, match="leads out of the zip"):
        unpack(path, "../../evil.txt", tmp_path / "out")
    assert not list(tmp_path.glob("**/evil.txt"))


def test_an_encrypted_member_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"b.txt": b"text"})
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + place] |= 1
    path.write_bytes(raw)
    with pytest.raises(TableError, match="b.txt: is encrypted"):
        unpack(path, "b.txt", tmp_path / "out")


def test_damage_is_an_error_that_names_the_file(tmp_path):
    path = packed(tmp_path / "a.zip", {"b.txt": bytes(range(256)) * 40})
    raw = bytearray(path.read_bytes())
    raw[60] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(TableError, match="a.zip: b.txt: cannot be unpacked"):
        unpack(path, "b.txt", tmp_path / "out")
    (tmp_path / "c.zip").write_text("no zip")
    with pytest.raises(TableError, match="c.zip: is not a zip"):
        open_zip(tmp_path / "c.zip")


def test_a_bomb_is_refused_wherever_a_member_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("loam.io.archives.FREE", 2**20)
    path = packed(tmp_path / "bomb.zip", {"annotation.xml": bytes(2**23)})
    with open_zip(path) as archive, pytest.raises(TableError, match="annotation.xml: .* would unpack to 8388608"):
        read_member(archive, "annotation.xml")


def test_gzip_unpacks_to_no_more_than_its_bound(tmp_path, monkeypatch):
    path = tmp_path / "a.EOF.gz"
    path.write_bytes(gzip.compress(bytes(2**20)))
    assert read_gzip(path) == bytes(2**20)
    monkeypatch.setattr("loam.io.archives.FREE", 2**19)
    with pytest.raises(TableError, match="a.EOF.gz: unpacks to over 524288 bytes"):
        read_gzip(path)


def test_a_gzip_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.EOF.gz"
    path.write_bytes(gzip.compress(bytes(2**20))[:-9])
    with pytest.raises(TableError, match="a.EOF.gz: cannot be unpacked"):
        read_gzip(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_to_any_kind_of_packing_is_an_error_that_names_the_member(tmp_path, compression):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("b.txt", bytes(range(256)) * 40)
    sound, refused = path.read_bytes(), 0
    for place in range(35, 80):
        raw = bytearray(sound)
        raw[place] ^= 0xFF
        path.write_bytes(raw)
        with open_zip(path) as archive:
            try:
                assert read_member(archive, "b.txt") == bytes(range(256)) * 40
            except TableError as error:
                assert "a.zip: b.txt: cannot be unpacked" in str(error)
                refused += 1
    assert refused > 30


@pytest.mark.parametrize(
    "name", ["__MACOSX/a/b.csv", "a/._b.csv", ".DS_Store", "a/Thumbs.db", "desktop.ini", "~$table.xlsx", "A\\THUMBS.DB"]
)
def test_what_other_systems_strew_is_passed_over(name):
    assert is_strewn(name)


@pytest.mark.parametrize("name", ["a/b.csv", "thumbs.csv", "MACOSX/a.csv", ".hidden.csv", "a~b.csv"])
def test_what_people_name_is_not(name):
    assert not is_strewn(name)


def test_a_folder_above_does_not_count(tmp_path):
    folder = tmp_path / "__MACOSX" / "mine"
    assert without_strewn([folder / "a.csv", folder / "._a.csv"], folder) == [folder / "a.csv"]
