"""Calibration and noise tables of one image, in both forms that the noise has had.

Before IPF 2.90 the noise is given by range vectors alone, each with a list of pixels of its own; from 2.90 on by range
vectors times blocks in azimuth, one or more a swath, which need not cover the image (MPC-0392, DI-MPC-TN). Stripmap has
no blocks. Lines of the tables may lie beyond the image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from loam.errors import RasterError
from loam.sentinel1.safe import Xml, seconds


@dataclass(frozen=True)
class CalibrationTable:
    """Calibration vectors (ESA-EOPG-CSCOP-TN-0002).

    Args:
        where: the file, for messages.
        mission, data_take, polarisation: as annotated.
        time: azimuth time, s [vector].
        line: line [vector].
        pixel: samples of the nodes, [vector] of [node].
        sigma0, beta0, gamma: A of the vectors, [vector] of [node]; the quantity is DN^2 / A^2.
    """

    where: str
    mission: str
    data_take: int
    polarisation: str
    time: np.ndarray
    line: np.ndarray
    pixel: tuple[np.ndarray, ...]
    sigma0: tuple[np.ndarray, ...]
    beta0: tuple[np.ndarray, ...]
    gamma: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class AzimuthBlock:
    """Noise along azimuth in a block of the image; lines and samples count from 0, the last ones are inside.

    Args:
        swath: sub-swath (``IW1``).
        first_line, last_line, first_sample, last_sample: the block.
        line: lines of the nodes [node].
        value: the factor [node].
    """

    swath: str
    first_line: int
    last_line: int
    first_sample: int
    last_sample: int
    line: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class NoiseTable:
    """Thermal noise, as it adds to DN^2.

    Args:
        where: the file, for messages.
        mission, data_take, polarisation: as annotated.
        time: azimuth time of the range vectors, s [vector].
        line: their lines [vector].
        pixel, value: samples and noise of their nodes, [vector] of [node].
        blocks: along azimuth; none before IPF 2.90 and in stripmap.
    """

    where: str
    mission: str
    data_take: int
    polarisation: str
    time: np.ndarray
    line: np.ndarray
    pixel: tuple[np.ndarray, ...]
    value: tuple[np.ndarray, ...]
    blocks: tuple[AzimuthBlock, ...]


def read_calibration(xml: Xml, epoch: np.datetime64) -> CalibrationTable:
    """The calibration vectors of one image; times in seconds since ``epoch``.

    Raises:
        RasterError: none are there, or their lists are of unlike length.
    """
    vectors = _by_line(xml.all("calibrationVectorList/calibrationVector"))
    if not vectors:
        raise RasterError("has no calibration vectors", where=xml.where)
    pixel = tuple(vector.array("pixel") for vector in vectors)
    tables = {
        name: tuple(vector.array(tag) for vector in vectors)
        for name, tag in (("sigma0", "sigmaNought"), ("beta0", "betaNought"), ("gamma", "gamma"))
    }
    for name, rows in tables.items():
        _check_lengths(xml, pixel, rows, name)
        if any((row <= 0).any() for row in rows):
            raise RasterError(f"{name} holds a value that is not positive", where=xml.where)
    return CalibrationTable(*_heading(xml), _times(vectors, epoch), _lines(vectors), pixel, **tables)


def read_noise(xml: Xml, epoch: np.datetime64) -> NoiseTable:
    """The noise vectors of one image, in whichever form; times in seconds since ``epoch``.

    Raises:
        RasterError: none are there, or their lists are of unlike length.
    """
    new = xml.has("noiseRangeVectorList")
    vectors = _by_line(xml.all("noiseRangeVectorList/noiseRangeVector" if new else "noiseVectorList/noiseVector"))
    if not vectors:
        raise RasterError("has no noise vectors", where=xml.where)
    pixel = tuple(vector.array("pixel") for vector in vectors)
    value = tuple(vector.array("noiseRangeLut" if new else "noiseLut") for vector in vectors)
    _check_lengths(xml, pixel, value, "noise")
    blocks = tuple(_block(block) for block in xml.all("noiseAzimuthVectorList/noiseAzimuthVector"))
    return NoiseTable(*_heading(xml), _times(vectors, epoch), _lines(vectors), pixel, value, blocks)


def _by_line(vectors: Iterable[Xml]) -> list[Xml]:
    """Vectors in order of their lines, in which files need not hold them."""
    return sorted(vectors, key=lambda vector: vector.number("line"))


def _block(xml: Xml) -> AzimuthBlock:
    line, value = xml.array("line"), xml.array("noiseAzimuthLut")
    _check_lengths(xml, (line,), (value,), "azimuth noise")
    names = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
    if not xml.has("firstAzimuthLine"):  # one block for the whole image
        return AzimuthBlock("", 0, 2**31 - 1, 0, 2**31 - 1, line, value)
    return AzimuthBlock(xml.text("swath"), *(xml.count(name) for name in names), line, value)


def _heading(xml: Xml) -> tuple[str, str, int, str]:
    header = xml.find("adsHeader")
    return xml.where, header.text("missionId"), header.count("missionDataTakeId"), header.text("polarisation")


def _times(vectors: list[Xml], epoch: np.datetime64) -> np.ndarray:
    return np.array([float(seconds(vector.time("azimuthTime"), epoch)) for vector in vectors])


def _lines(vectors: list[Xml]) -> np.ndarray:
    return np.array([vector.number("line") for vector in vectors])


def _check_lengths(xml: Xml, first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...], name: str) -> None:
    for place, (nodes, values) in enumerate(zip(first, second, strict=True)):
        if len(nodes) != len(values) or not len(nodes):
            raise RasterError(
                f"{name} vector {place} has {len(nodes)} places and {len(values)} values", where=xml.where
            )
        if (np.diff(nodes) <= 0).any():
            raise RasterError(f"places of {name} vector {place} do not increase", where=xml.where)
