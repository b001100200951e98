"""A GeoTIFF in a ZIP archive: fetched once, pinned by its checksum, read in place."""

import hashlib
import io
import json
import logging
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.direct.pinned_archive import ArchiveSource, dataset_folder, read_dbase
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError, ConfigError, CredentialError
from loam.io.provenance import provenance_path

GRID = GeoBox((6, 6), Affine(100, 0, 1_200_000, 0, -100, -4_500_000), "EPSG:3577")
PLACE = from_origin(1_200_000, -4_500_000, 50, 50)
MEMBER = "clum_50m_2023_v2.tif"
QUICK = Policy(attempts=3, first_wait_s=0.001, longest_wait_s=0.01, wall_clock_s=20, timeout_s=1)


def raster(tmp_path, values):
    path, (height, width) = tmp_path / "r.tif", values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=values.dtype, crs="EPSG:3577",
        transform=PLACE, nodata=0,
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path.read_bytes()


def dbase(columns, rows):
    """A dBase III table; columns are (name, type, width)."""
    head = 32 + 32 * len(columns) + 1
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, 0) for name, kind, width in columns
    )
    body = b"".join(
        b" " + b"".join(str(value).rjust(width).encode() for value, (_, _, width) in zip(row, columns, strict=True))
        for row in rows
    )
    length = 1 + sum(width for _, _, width in columns)
    return struct.pack("<B3xIHH20x", 3, len(rows), head, length) + fields + b"\r" + body + b"\x1a"


def packed(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def codes(tmp_path):
    """ALUM codes, two pixels of one class to each half of the map."""
    values = np.full((12, 12), 543, np.int16)
    values[:, 6:] = 110
    values[0, 0] = 210
    values[6:, 6:] = 0
    return raster(tmp_path, values)


@pytest.fixture
def source_of(loopback, tmp_path):
    def make(sha256=None, path="/clum_50m_2023_v2.zip"):
        dataset = dataset_of("clum")
        keys = {**dataset.back_ends["direct"], "url": loopback.url + path, "sha256": sha256}
        workspace = tmp_path / "resources" / "clum" / "direct_0123" / ".clum.parts"
        source = ArchiveSource(replace(dataset, back_ends={"direct": keys}), Access(), workspace)
        source.policy = QUICK
        return source

    return make


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "resources" / "clum" / "clum_50m_2023_v2.zip"


def serve(loopback, members, **more):
    data = packed(members)
    loopback.serve("/clum_50m_2023_v2.zip", data, **more)
    return data


def test_the_raster_is_read_in_place_by_majority(loopback, source_of, codes, archive, files_in):
    serve(loopback, {f"clum/{MEMBER}": codes, "clum/readme.pdf": b"%PDF"})
    found = source_of().read_map("clum", GRID)
    assert found.shape == (1, 6, 6) and found.dtype.kind == "u"
    assert found[0, 0].tolist() == [543, 543, 543, 110, 110, 110]  # one pixel of 210 among three of 543 does not count
    assert found[0, 5].tolist() == [543, 543, 543, 0, 0, 0]
    assert not [name for name in files_in(archive.parent) if name.endswith(".tif")]


def test_a_raster_by_index_gets_the_codes_of_its_attribute_table(loopback, source_of, tmp_path):
    values = np.repeat([[1, 1, 2, 2]], 4, axis=0).astype(np.uint8)
    columns = [("VALUE", "N", 10), ("COUNT", "N", 10), ("LU_CODEV8", "C", 8)]
    table = dbase(columns, [(1, 8, "5.4.3"), (2, 8, "1.1.0"), (3, 0, "")])
    serve(loopback, {MEMBER: raster(tmp_path, values), f"{MEMBER}.vat.dbf": table})
    assert source_of().read_map("clum", GRID[:2, :2])[0].tolist() == [[543, 110], [543, 110]]


def test_a_value_that_the_table_lacks_is_an_error(loopback, source_of, tmp_path):
    table = dbase([("Value", "N", 10), ("LU_CODEV8N", "N", 10)], [(1, 543)])
    serve(loopback, {MEMBER: raster(tmp_path, np.full((4, 4), 7, np.uint8)), f"{MEMBER}.vat.dbf": table})
    with pytest.raises(AcquireError, match=rf"{MEMBER}: its table has no code for the values \[7\]"):
        source_of().read_map("clum", GRID[:2, :2])


def test_a_table_without_the_codes_is_an_error_that_names_its_columns(loopback, source_of, codes):
    table = dbase([("VALUE", "N", 10), ("RED", "N", 10)], [(1, 2)])
    serve(loopback, {MEMBER: codes, f"{MEMBER}.vat.dbf": table})
    with pytest.raises(AcquireError, match="has columns VALUE, RED; expected VALUE and one of LU_CODEV8N"):
        source_of().read_map("clum", GRID)


def test_the_archive_is_fetched_once_for_all_areas(loopback, source_of, codes, archive):
    serve(loopback, {MEMBER: codes})
    source = source_of()
    source.read_map("clum", GRID[:2])
    source.read_map("clum", GRID[2:])
    source_of().read_map("clum", GRID)
    assert archive.is_file() and len(loopback.asked("/clum_50m_2023_v2.zip")) == 1


def test_a_pinned_checksum_is_kept(loopback, source_of, codes, archive, caplog):
    data = serve(loopback, {MEMBER: codes})
    with caplog.at_level(logging.WARNING):
        source_of(hashlib.sha256(data).hexdigest()).read_map("clum", GRID)
    assert "on trust" not in caplog.text
    assert json.loads(provenance_path(archive).read_text())["source"]["pinned"] is True


def test_an_archive_with_another_checksum_is_refused_and_leaves_no_file(loopback, source_of, codes, archive):
    serve(loopback, {MEMBER: codes})
    with pytest.raises(AcquireError, match=f"expected {'0' * 64}"):
        source_of("0" * 64).read_map("clum", GRID)
    assert not archive.exists()


def test_without_a_checksum_the_first_archive_is_recorded_with_a_warning_how_to_pin_it(
    loopback, source_of, codes, archive, caplog
):
    digest = hashlib.sha256(serve(loopback, {MEMBER: codes})).hexdigest()
    with caplog.at_level(logging.WARNING):
        source_of().read_map("clum", GRID)
    assert f"set `sha256: {digest}` in datasets.yaml under clum" in caplog.text
    record = json.loads(provenance_path(archive).read_text())["source"]
    assert record["sha256"] == digest and record["pinned"] is False


def test_an_archive_changed_after_it_was_recorded_is_refused(loopback, source_of, codes, archive):
    serve(loopback, {MEMBER: codes})
    source_of().read_map("clum", GRID)
    archive.write_bytes(packed({MEMBER: codes, "more": b"1"}))
    with pytest.raises(AcquireError, match="not the archive that its provenance tells of"):
        source_of().read_map("clum", GRID)


def test_pinning_what_was_fetched_on_trust_does_not_fetch_again(loopback, source_of, codes):
    data = serve(loopback, {MEMBER: codes})
    source_of().read_map("clum", GRID)
    source_of(hashlib.sha256(data).hexdigest()).read_map("clum", GRID)
    assert len(loopback.asked("/clum_50m_2023_v2.zip")) == 1


def test_an_archive_placed_by_hand_is_taken_and_recorded(loopback, source_of, codes, archive, caplog):
    archive.parent.mkdir(parents=True)
    archive.write_bytes(packed({MEMBER: codes}))
    with caplog.at_level(logging.WARNING):
        assert source_of().read_map("clum", GRID)[0, 0, 0] == 543
    assert "on trust" in caplog.text and not loopback.requests
    assert json.loads(provenance_path(archive).read_text())["source"]["placed_by_hand"] is True


def test_a_stale_archive_gives_way_to_the_pinned_one(loopback, source_of, codes, archive):
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"old")
    data = serve(loopback, {MEMBER: codes})
    assert source_of(hashlib.sha256(data).hexdigest()).read_map("clum", GRID)[0, 0, 0] == 543


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate": 200}, {"reset": 100}]
)
def test_what_passes_is_fetched_again(loopback, source_of, codes, fault):
    serve(loopback, {MEMBER: codes})
    loopback.fail(**fault)
    assert source_of().read_map("clum", GRID)[0, 0, 0] == 543


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403}, CredentialError),
        ({"status": 404}, AcquireError),
        ({"html": "Request rejected"}, AcquireError),
        ({"wrong": b"II*\x00 not a zip"}, AcquireError),
        ({"truncate": 200}, AcquireError),
        ({"stall": "body"}, AcquireError),
    ],
    ids=str,
)
def test_what_stays_wrong_is_an_error_and_no_file(loopback, source_of, codes, archive, fault, error):
    serve(loopback, {MEMBER: codes}, ranges=False)
    loopback.fail(times=50, **fault)
    source = source_of()
    source.policy = replace(QUICK, attempts=1)
    with pytest.raises(error):
        source.read_map("clum", GRID)
    assert not archive.exists()


def test_an_archive_without_the_raster_is_refused_by_what_it_holds(loopback, source_of, codes, archive):
    serve(loopback, {"clum_50m_2018.tif": codes})
    with pytest.raises(AcquireError, match="the archive holds clum_50m_2018.tif"):
        source_of().read_map("clum", GRID)
    assert not archive.exists()


def test_a_member_that_is_no_raster_is_an_error(loopback, source_of):
    serve(loopback, {MEMBER: b"nothing of the kind"})
    with pytest.raises(AcquireError, match=f"{MEMBER} cannot be read"):
        source_of().read_map("clum", GRID)


def test_a_checksum_that_is_none_is_a_config_error(source_of):
    with pytest.raises(ConfigError, match="is not a SHA-256"):
        source_of("abc").read_map("clum", GRID)


def test_a_table_cut_short_cannot_be_read():
    table = dbase([("VALUE", "N", 10)], [(1,), (2,)])
    assert read_dbase(table, "t") == {"VALUE": ["1", "2"]}
    with pytest.raises(AcquireError, match="cannot be read as a dBase table"):
        read_dbase(table[:-8], "t")


def test_the_archive_lies_where_all_areas_of_the_dataset_meet(tmp_path):
    inside = tmp_path / "resources" / "clum" / "points" / "direct_run_target" / ".maps.parts"
    assert dataset_folder(inside, "clum") == tmp_path / "resources" / "clum"
    assert dataset_folder(tmp_path, "clum") == tmp_path
