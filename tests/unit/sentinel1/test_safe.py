"""A product's files, in a folder or a zip, and numbers from XML."""

import hashlib
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
from sentinel1_files import Take, write_product, zip_product
from zip_files import encrypt

from loam.errors import RasterError
from loam.sentinel1.product import check_listed
from loam.sentinel1.safe import Xml, open_safe, seconds


def xml(text: str) -> Xml:
    return Xml(ElementTree.fromstring(text), "a.xml")


@pytest.mark.parametrize("zipped", [False, True])
def test_folder_and_zip_hold_the_same_files(tmp_path, zipped):
    safe = open_safe(write_product(tmp_path, Take(polarisations=("vv",)), zipped=zipped, amplitude=None))
    file = Take(polarisations=("vv",)).file("vv")
    assert safe.name == Take(polarisations=("vv",)).name
    assert safe.files == (
        f"annotation/calibration/calibration-{file}", f"annotation/calibration/noise-{file}", f"annotation/{file}",
        "manifest.safe",
    )  # fmt: skip
    assert safe.xml(f"annotation/{file}").text("adsHeader/missionId") == "S1A"
    assert str(safe.path) in safe.where(file)


def test_zip_may_hold_the_product_in_a_folder(tmp_path):
    path = write_product(tmp_path, amplitude=None)
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as archive:
        for item in path.rglob("*"):
            archive.write(item, f"data/{path.name}/{item.relative_to(path)}")
    safe = open_safe(tmp_path / "deep.zip")
    assert safe.name == path.stem
    assert "manifest.safe" in safe.files


def test_zip_of_two_products_is_refused_not_half_read(tmp_path):
    first = write_product(tmp_path, amplitude=None)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in (first.name, "S1B_other.SAFE"):
            archive.write(first / "manifest.safe", f"{name}/manifest.safe")
    with pytest.raises(RasterError, match=r"two\.zip: holds 2 \.SAFE folders"):
        open_safe(tmp_path / "two.zip")


def test_what_is_no_product_is_refused(tmp_path):
    with pytest.raises(RasterError, match=r"absent\.zip: no such product"):
        open_safe(tmp_path / "absent.zip")
    with pytest.raises(RasterError, match=r"holds no manifest\.safe"):
        open_safe(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(RasterError, match=r"a\.zip: holds no \.SAFE folder"):
        open_safe(tmp_path / "a.zip")


def test_truncated_zip_is_refused_by_name(tmp_path):
    path = write_product(tmp_path, zipped=True)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(RasterError, match=rf"{path.name}: is not a zip that can be read.*download it again"):
        open_safe(path)


def test_damaged_member_of_a_zip_is_named(tmp_path):
    folder = write_product(tmp_path, amplitude=None)
    path = zip_product(folder)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{folder.name}/manifest.safe")
    data = bytearray(path.read_bytes())
    start = member.header_offset + 30 + len(member.filename)
    data[start + 5 : start + 60] = bytes(55)
    path.write_bytes(data)
    with pytest.raises(RasterError, match=r"manifest\.safe: cannot be unpacked"):
        open_safe(path).xml("manifest.safe")


def test_xml_cut_short_is_refused_by_name(tmp_path):
    path = write_product(tmp_path, amplitude=None, change={"manifest": lambda text: text[:-40]})
    with pytest.raises(RasterError, match=r"manifest\.safe: is no XML"):
        open_safe(path).xml("manifest.safe")


def test_what_lacks_in_xml_is_named():
    with pytest.raises(RasterError, match=r"a\.xml: has no element 'b/c'"):
        xml("<a><b/></a>").text("b/c")


@pytest.mark.parametrize("text", ["many", "", "nan", "inf"])
def test_a_number_that_is_none_is_refused(text):
    with pytest.raises(RasterError, match="'b' is no number"):
        xml(f"<a><b>{text}</b></a>").number("b")


def test_list_shorter_than_its_count_is_refused():
    np.testing.assert_array_equal(xml('<a><b count="3">1 2 3</b></a>').array("b"), [1, 2, 3])
    with pytest.raises(RasterError, match="'b' holds 2 numbers; expected 3"):
        xml('<a><b count="3">1 2</b></a>').array("b")
    with pytest.raises(RasterError, match="no number"):
        xml('<a><b count="2">1 x</b></a>').array("b")


def test_times_keep_their_microseconds_across_midnight():
    root = xml("<a><b>2021-08-10T00:00:00.000001</b><c>UTC=2021-08-09T23:59:59.999999</c><d>noon</d></a>")
    epoch = np.datetime64("2021-08-09", "ns")
    assert seconds(root.time("b"), epoch) - seconds(root.time("c"), epoch) == pytest.approx(2e-6, abs=1e-9)
    with pytest.raises(RasterError, match="'d' is no time"):
        root.time("d")


def test_an_encrypted_file_of_a_zip_is_refused_by_its_name(tmp_path):
    path = write_product(tmp_path, Take(polarisations=("vv",)), zipped=True, amplitude=None)
    safe = open_safe(path)
    encrypt(safe.path, f"{safe.root}manifest.safe")
    with pytest.raises(RasterError, match=r"manifest.safe: is encrypted"):
        open_safe(safe.path).text("manifest.safe")


def listed_manifest(safe, files):
    """The product's manifest, with some files listed and their MD5 as they are now."""
    objects = "".join(
        f'<dataObject><byteStream><fileLocation href="./{name}"/><checksum checksumName="MD5">'
        f"{hashlib.md5((safe / name).read_bytes()).hexdigest()}</checksum></byteStream></dataObject>"
        for name in files
    )
    manifest = safe / "manifest.safe"
    manifest.write_text(manifest.read_text().replace("</xfdu:XFDU>", f"{objects}</xfdu:XFDU>"))


@pytest.mark.parametrize("zipped", [False, True])
def test_xml_that_differs_from_the_manifest_is_refused(tmp_path, zipped):
    take = Take(polarisations=("vv",))
    path = write_product(tmp_path, take, amplitude=None)
    file = f"annotation/{take.file('vv')}"
    listed_manifest(path, [file])
    assert open_safe(path).xml(file).text("adsHeader/missionId") == "S1A"
    (path / file).write_text((path / file).read_text().replace("S1A", "S1B"))
    with pytest.raises(RasterError, match=r"vv.*\.xml: is not the file that the manifest lists \(MD5\)"):
        open_safe(zip_product(path) if zipped else path).xml(file)


def test_polarisation_that_the_manifest_lists_and_that_is_not_there_is_refused(tmp_path):
    path = write_product(tmp_path, amplitude=None)
    file = f"annotation/{Take().file('vh')}"
    listed_manifest(path, [file])
    (path / file).unlink()
    check_listed(open_safe(path), ["vv"])
    with pytest.raises(RasterError, match="lacks annotation/.*-vh-.*, which its manifest lists"):
        check_listed(open_safe(path), ["vv", "vh"])
