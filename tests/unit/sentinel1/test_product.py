"""A product as a whole: what it holds, and that its files belong together."""

import dataclasses

import numpy as np
import pytest
from sentinel1_files import Take, write_measurement, write_product, zip_product

from loam.errors import RasterError
from loam.sentinel1.measurement import open_measurement
from loam.sentinel1.product import open_product

TAKE = Take()


@pytest.mark.parametrize("zipped", [False, True])
def test_product_is_read_in_place_from_folder_and_zip(tmp_path, zipped):
    path = write_product(tmp_path, zipped=zipped, amplitude=lambda name, shape: np.full(shape, 7 + len(name), "u2"))
    product = open_product(path)
    assert (product.name, product.mission, product.mode) == (TAKE.name, "S1A", "IW")
    assert (product.processor, product.absolute_orbit, product.relative_orbit) == ((3, 31), 39156, 84)
    assert product.start == np.datetime64("2021-08-09T17:39:53.153776")
    assert sorted(product.channels) == ["vh", "vv"]
    channel = product.channel("vh")
    assert channel.calibration.polarisation == channel.noise.polarisation == channel.annotation.polarisation == "VH"
    with open_measurement(channel.measurement, channel.annotation) as measurement:
        np.testing.assert_array_equal(measurement.read(298, 2, 397, 3), np.full((2, 3), 9))


@pytest.mark.parametrize(
    ("mode", "mission", "polarisations"), [("EW", "S1B", ("hh", "hv")), ("S3", "S1C", ("vv",)), ("IW", "S1D", ("hh",))]
)
def test_other_modes_missions_and_polarisations_are_read(tmp_path, mode, mission, polarisations):
    take = Take(mode=mode, mission=mission, polarisations=polarisations, noise="stripmap", processor="003.90")
    product = open_product(write_product(tmp_path, take, amplitude=None))
    assert (product.mode, product.mission, tuple(product.channels)) == (mode, mission, polarisations)
    assert product.processor == (3, 90)


def test_missing_polarisation_is_an_error_that_says_what_is_there(product_path):
    with pytest.raises(RasterError, match=rf"{TAKE.name}\.SAFE: has no polarisation hh; expected vh or vv"):
        open_product(product_path).channel("hh")


def test_product_without_measurement_or_tables_is_read_and_says_so(tmp_path):
    path = write_product(
        tmp_path, zipped=True, amplitude=None, change={"calibration-.*-vh-|noise-.*-vv-": lambda _: ""}
    )
    product = open_product(path)
    assert product.channel("vv").measurement is None
    assert product.channel("vv").noise is None
    assert product.channel("vv").calibration is not None
    assert product.channel("vh").calibration is None


def test_relative_orbit_is_worked_out_where_the_manifest_lacks_it(tmp_path):
    change = {"manifest": lambda text: text.replace("relativeOrbitNumber", "nothing")}
    product = open_product(write_product(tmp_path, amplitude=None, change=change))
    assert product.relative_orbit == (39156 - 73) % 175 + 1


@pytest.mark.parametrize(
    ("pattern", "old", "new", "message"),
    [
        ("annotation/s1a.*-vv-", "<missionId>S1A", "<missionId>S1B", "annotation is of S1B at .*expected S1A at"),
        ("annotation/s1a.*-vv-", "FirstLineUtcTime>2021-08-09T17:39", "FirstLineUtcTime>2021-08-09T17:40",
         "annotation is of S1A at 2021-08-09T17:40:53; expected S1A at 2021-08-09T17:39:53"),
        ("annotation/s1a.*-vh-", f"<missionDataTakeId>{0x49F13}", "<missionDataTakeId>77",
         "belongs to another product"),
        ("calibration/cal.*-vv-", f"<missionDataTakeId>{0x49F13}", "<missionDataTakeId>77",
         "belongs to another product .S1A, data take 77, VV.; expected S1A, data take 302867, VV"),
        ("calibration/cal.*-vv-", "<polarisation>VV", "<polarisation>VH", "belongs to another product"),
        ("calibration/noise.*-vv-", f"<missionDataTakeId>{0x49F13}", "<missionDataTakeId>77",
         "belongs to another product"),
        ("manifest", "Sentinel-1 IPF", "Sentinel-1 EIP", "does not say the version of the processor"),
        ("manifest", 'version="003.31"', 'version="three"', "does not say the version of the processor"),
    ],
)  # fmt: skip
def test_files_of_another_product_are_refused_by_name(tmp_path, pattern, old, new, message):
    path = write_product(tmp_path, amplitude=None, change={pattern: lambda text: text.replace(old, new)})
    with pytest.raises(RasterError, match=message) as error:
        open_product(path)
    assert TAKE.name in str(error.value)


def test_polarisations_of_two_takes_are_refused(tmp_path):
    """All files of VH are of another take, and agree with each other."""
    change = {"-vh-": lambda text: text.replace(f"<missionDataTakeId>{0x49F13}", "<missionDataTakeId>77")}
    path = write_product(tmp_path, amplitude=None, change=change)
    with pytest.raises(RasterError, match=r"-v[hv]-.*is of another take than .*-v[hv]-"):
        open_product(path)


def test_name_is_compared_across_a_full_minute(tmp_path):
    take = dataclasses.replace(TAKE, start="2021-08-09T17:59:59.999990")
    path = write_product(tmp_path, take, amplitude=None)
    renamed = path.rename(path.with_name(path.name.replace("T175959", "T180000", 1)))
    assert open_product(renamed).mission == "S1A"


@pytest.mark.parametrize("name", ["scene.SAFE", "copy of a product"])
def test_folder_may_have_another_name(tmp_path, name):
    path = write_product(tmp_path, amplitude=None)
    assert open_product(path.rename(tmp_path / name)).name == name.removesuffix(".SAFE")


def test_folder_without_annotation_is_refused(tmp_path):
    (tmp_path / "manifest.safe").write_text("<a/>")
    with pytest.raises(RasterError, match="holds no annotation of a ground range product"):
        open_product(tmp_path)


def test_zip_without_manifest_is_refused(tmp_path):
    path = write_product(tmp_path, zipped=True, amplitude=None, change={"manifest": lambda _: ""})
    with pytest.raises(RasterError, match=rf"{path.name}: holds no manifest\.safe"):
        open_product(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kept", [100, 0.5, 0.99])
def test_truncated_measurement_is_refused_by_name(tmp_path, zipped, kept):
    path = write_product(tmp_path)
    file = path / "measurement" / TAKE.file("vv", "tiff")
    data = file.read_bytes()
    file.write_bytes(data[: kept if kept > 1 else int(len(data) * kept)])
    path = zip_product(path) if zipped else path
    with pytest.raises(RasterError, match=rf"{file.name}: .*cannot be read .*fetch the product again"):
        open_product(path)


def test_measurement_of_another_size_or_type_is_refused_by_name(tmp_path):
    path = write_product(tmp_path)
    file = path / "measurement" / TAKE.file("vv", "tiff")
    write_measurement(file, np.ones((300, 399), np.uint16))
    with pytest.raises(RasterError, match=rf"{file.name}: is 300 x 399; expected 300 x 400, as annotated"):
        open_product(path)
    write_measurement(file, np.ones((300, 400), np.float32))
    with pytest.raises(RasterError, match=rf"{file.name}: holds 1 bands of float32; expected one of uint16"):
        open_product(path)


def test_window_of_a_measurement_is_read_alone(product_path):
    channel = open_product(product_path).channel("vv")
    with open_measurement(channel.measurement, channel.annotation) as measurement:
        whole = measurement.read(0, 300, 0, 400)
        np.testing.assert_array_equal(measurement.read(17, 40, 33, 50), whole[17:57, 33:83])
    assert whole.dtype == np.uint16


@pytest.mark.parametrize(
    ("name", "processor", "relative", "channels"),
    [
        ("2.36", (2, 36), 7, "vh vv"), ("2.70", (2, 70), 7, "vh vv"), ("2.36 first slice", (2, 36), 117, "vh vv"),
        ("3.31", (3, 31), 59, "vv"), ("3.40", (3, 40), 22, "vv"),
    ],
)  # fmt: skip
def test_real_products_are_read(real_products, name, processor, relative, channels):
    product = open_product(real_products[name])
    assert product.processor == processor
    assert product.relative_orbit == relative
    assert " ".join(sorted(product.channels)) == channels
    assert (product.channel("vv").measurement is not None) == (name == "3.40")
