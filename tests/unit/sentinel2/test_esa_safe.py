import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sentinel2_files import mask_gml, write_safe, zipped

from loam.errors import RasterError
from loam.sentinel2.deliveries import open_product

REAL = "sentinel/s2_metadata/tests/data-files"


def filled(folder: Path, name: str, destination: Path) -> Path:
    """A real product's metadata with a raster under every name that they list."""
    safe = destination / name
    shutil.copytree(folder / name, safe, copy_function=shutil.copyfile)
    for path in [safe, *safe.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    text = next(safe.glob("MTD_MSI*.xml")).read_text()
    for part in text.split("<IMAGE_FILE>")[1:]:
        path = safe / f"{part.split('<')[0]}.jp2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return safe


@pytest.mark.parametrize(
    ("name", "level", "tile", "crs", "baseline", "offset"),
    [
        ("S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248", "L1C", "46RER", "EPSG:32646", (3, 1), 0),
        ("S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825", "L2A", "01KAB", "EPSG:32701", (5, 9), -0.1),
        ("S2B_MSIL2A_20191228T210519_N0212_R071_T01CCV_20201003T104658", "L2A", "01CCV", "EPSG:32701", (2, 12), 0),
    ],
)
def test_real_metadata_give_the_offset_exactly_when_they_name_it(
    shared_data, tmp_path, name, level, tile, crs, baseline, offset
):
    product = open_product(filled(shared_data / REAL, f"{name}.SAFE", tmp_path))
    assert (product.name, product.level, product.tile, product.crs) == (name, level, tile, crs)
    assert product.baseline == baseline
    for band in ("B04", "B8A", "B12"):
        assert product.bands[band].scale == pytest.approx(1e-4)
        assert product.bands[band].offset == pytest.approx(offset)
    assert ("_20m" in product.bands["B04"].raster) == (level == "L2A")
    assert (product.classes is not None) == (level == "L2A")


def test_real_granule_metadata_give_time_and_place(shared_data, tmp_path):
    name = "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE"
    product = open_product(filled(shared_data / REAL, name, tmp_path))
    assert product.time.replace(microsecond=0) == datetime(2021, 9, 8, 4, 40, 48, tzinfo=UTC)
    assert list(product.bounds.values()) == [(499980, 3100020 - 109800, 499980 + 109800, 3100020)]


def test_metadata_of_another_real_product_are_refused(shared_data, tmp_path):
    old = filled(shared_data / REAL, "S2B_MSIL2A_20191228T210519_N0212_R071_T01CCV_20201003T104658.SAFE", tmp_path)
    new = shared_data / REAL / "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE"
    shutil.copyfile(new / "MTD_MSIL2A.xml", old / "MTD_MSIL2A.xml")
    with pytest.raises(RasterError, match=r"MTD_MSIL2A\.xml: is the metadata of another product"):
        open_product(old)


def test_a_zip_is_read_in_place(tmp_path):
    safe = write_safe(tmp_path, masks={"MSK_CLDPRB_20m.jp2": np.zeros((30, 30), np.uint8)})
    whole, packed = open_product(safe), open_product(zipped(safe))
    assert packed.bands["B04"].raster.startswith("/vsizip/")
    assert (packed.name, packed.tile, packed.time, packed.baseline) == (
        whole.name, whole.tile, whole.time, whole.baseline,
    )  # fmt: skip
    assert packed.bands["B12"].offset == whole.bands["B12"].offset == pytest.approx(-0.1)
    assert packed.cloud_probability.endswith("QI_DATA/MSK_CLDPRB_20m.jp2")


def test_a_folder_around_a_product_or_its_metadata_file_open_it_too(tmp_path):
    safe = write_safe(tmp_path)
    assert open_product(tmp_path).name == open_product(safe / "MTD_MSIL2A.xml").name == open_product(safe).name


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_zip_is_named(tmp_path, share):
    path = zipped(write_safe(tmp_path))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RasterError, match=f"{path.name}: is not a zip that can be read.*download it again"):
        open_product(path)


def test_a_zip_whose_metadata_are_damaged_is_named(tmp_path):
    path = zipped(write_safe(tmp_path))
    with zipfile.ZipFile(path) as archive:
        entry = next(entry for entry in archive.infolist() if entry.filename.endswith("MTD_MSIL2A.xml"))
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RasterError, match=path.name):
        open_product(path)


@pytest.mark.parametrize("band", ["B04", "B8A", "B12", "SCL"])
def test_a_missing_band_is_named(tmp_path, band):
    safe = write_safe(tmp_path)
    next(safe.rglob(f"*_{band}_20m.jp2")).unlink()
    with pytest.raises(RasterError, match=f"{safe.name}: missing {band} at 20 m"):
        open_product(safe)


def test_a_product_without_metadata_is_named(tmp_path):
    safe = write_safe(tmp_path)
    (safe / "MTD_MSIL2A.xml").unlink()
    with pytest.raises(RasterError, match=f"{safe.name}: no metadata"):
        open_product(safe)
    with pytest.raises(RasterError, match="no such product"):
        open_product(tmp_path / "elsewhere.SAFE")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Level-2A</PROC", "Level-3A</PROC", "unknown processing level 'Level-3A'"),
        ("05.09</PROC", "five</PROC", "'five' is not a processing baseline"),
        ("<PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>", "", "no PROCESSING_BASELINE"),
        ("</n1:General_Info>", "", "metadata cannot be read"),
        ('band_id="3"', 'band_id="33"', "are no numbers"),
        (">10000<", ">many<", "are no numbers"),
        ("2023-01-05T00:01:21.000Z", "yesterday", "'yesterday' is not a time"),
        ("<IMAGE_FILE>GRANULE/L2A_T55GEN", "<IMAGE_FILE>GRANULE/L2A_T56GEN", "metadata of another product"),
        ("_T55GEN_20230105T000121.SAFE", "_T56HKJ_20230105T000121.SAFE", "metadata of another product"),
        ("<IMAGE_FILE>", "<IMAGE_ID>", "metadata cannot be read"),
        ("IMAGE_FILE", "IMAGE_ID", "0 granules"),
    ],
)
def test_metadata_that_cannot_be_used_are_named(tmp_path, old, new, message):
    safe = write_safe(tmp_path)
    path = safe / "MTD_MSIL2A.xml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RasterError, match=message) as error:
        open_product(safe)
    assert str(path) in str(error.value)


def test_a_granule_description_of_another_tile_is_refused(tmp_path):
    safe = write_safe(tmp_path)
    granule = next((safe / "GRANULE").iterdir())
    (granule / "MTD_TL.xml").write_text("<Tile><TILE_ID>S2A_OPER_MSI_L2A_TL_A039000_T56HKJ_N05.09</TILE_ID></Tile>")
    with pytest.raises(RasterError, match=r"MTD_TL\.xml: is the metadata of another tile"):
        open_product(safe)


@pytest.mark.parametrize(("baseline", "offset", "applied"), [("05.09", None, 0.0), ("02.12", -1000, -0.1)])
def test_metadata_that_contradict_their_baseline_are_followed_and_logged(tmp_path, caplog, baseline, offset, applied):
    product = open_product(write_safe(tmp_path, baseline=baseline, offset=offset))
    assert product.bands["B04"].offset == pytest.approx(applied)
    assert "contradict each other" in caplog.text


@pytest.mark.parametrize(("baseline", "offset"), [("04.00", -1000), ("03.01", None)])
def test_metadata_that_fit_their_baseline_are_not_remarked_on(tmp_path, caplog, baseline, offset):
    open_product(write_safe(tmp_path, baseline=baseline, offset=offset))
    assert "contradict" not in caplog.text


def test_masks_are_found_by_their_older_and_newer_names(tmp_path):
    pixels = np.zeros((30, 30), np.uint8)
    new = {"MSK_CLDPRB_20m.jp2": pixels, "MSK_SNWPRB_20m.jp2": pixels, "MSK_QUALIT_B8A.jp2": pixels}
    old = {
        "L2A_T55GEN_20170105T000121_CLD_20m.jp2": pixels, "L2A_T55GEN_20170105T000121_SNW_20m.jp2": pixels,
        "MSK_DEFECT_B04.gml": mask_gml(("QT_DEFECTIVE_PIXELS", [(0, 0), (0, 9), (9, 9), (0, 0)])),
        "MSK_DEFECT_B05.gml": mask_gml(("QT_DEFECTIVE_PIXELS", [(0, 0), (0, 9), (9, 9), (0, 0)])),
    }  # fmt: skip
    newer = open_product(write_safe(tmp_path / "new", masks=new))
    older = open_product(write_safe(tmp_path / "old", masks=old, baseline="02.04", offset=None))
    assert newer.cloud_probability and newer.snow_probability and list(newer.quality) == ["B8A"]
    assert older.cloud_probability and older.snow_probability and not older.quality
    assert len(older.defect_areas.rings) == 1  # of the index bands only


def test_bands_of_a_level_1c_product_have_no_resolution_in_their_name(tmp_path):
    product = open_product(write_safe(tmp_path, level="1C"))
    assert product.level == "L1C"
    assert product.classes is None
    assert product.bands["B04"].offset == pytest.approx(-0.1)
