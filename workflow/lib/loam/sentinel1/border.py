"""The noisy border of an image: the first and last sample of each line, and line of each column, that can be trusted.

From IPF 2.90 on the processor sets the border to zero: what is zero from an image's side inwards is border, and a few
samples more, since resampling smeared the edge.

Before, the border holds small values (ESA MPC-0243, 4.7), and within 500 samples or lines of each side pixels are
judged as SNAP's RemoveGRDBorderNoise does: a pixel is bad whose amplitude is below 30, or below 0.5 once its noise is
taken off. SNAP drops every such pixel in that frame, dark ones inside the image too, and keeps every other, bright
speckle of the border too. Here the border ends, from the side inwards, at the first good pixel that begins
a neighbourhood of good ones; what lies further in is kept whatever its value. SNAP scales the noise of IPF before 2.50
by a constant; the limit of 30 does without. The co-polarised image (VV, HH) tells best, and its pixels say what is
border in the other polarisation too; where it holds nothing (0: a burst or an image that was lost), that one's own do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from loam.sentinel1.measurement import Measurement
from loam.sentinel1.noise import Noise

ZEROED_SINCE = (2, 90)  # IPF
WIDTH = 500  # samples and lines
LEAST_AMPLITUDE = 30  # DN
THRESHOLD = 0.5  # of the amplitude, its noise taken off
AHEAD = 16  # pixels from the first good one inwards
ENOUGH = 8  # of them that must be good
EROSION = 3  # samples and lines beyond the zeros
ROWS = 512  # lines, or columns, that are read at a time


@dataclass(frozen=True)
class Border:
    """Which part of an image is good: line and column limits, the first good one and the one after the last.

    Args:
        first_sample, last_sample: of each line [line].
        first_line, last_line: of each column [sample].
    """

    first_sample: np.ndarray
    last_sample: np.ndarray
    first_line: np.ndarray
    last_line: np.ndarray

    @property
    def empty(self) -> bool:
        """Whether nothing of the image is good."""
        return not (self.last_sample > self.first_sample).any() or not (self.last_line > self.first_line).any()

    def mask(self, first_line: int, lines: int, first_sample: int, samples: int) -> np.ndarray:
        """Which pixels of a window are border: bool [lines, samples]."""
        row = np.arange(first_line, first_line + lines)
        column = np.arange(first_sample, first_sample + samples)
        bad = column < self.first_sample[row, None]
        bad |= column >= self.last_sample[row, None]
        bad |= row[:, None] < self.first_line[column]
        bad |= row[:, None] >= self.last_line[column]
        return bad


@dataclass(frozen=True)
class Witness:
    """An image whose pixels tell the border.

    Args:
        measurement: the open image.
        noise: of the image; None where its product has none.
    """

    measurement: Measurement
    noise: Noise | None


def find_border(lines: int, samples: int, processor: tuple[int, int], witnesses: Sequence[Witness]) -> Border:
    """Find the border of an image, reading it, or its sides, once by blocks.

    Args:
        lines, samples: its size.
        processor: IPF version.
        witnesses: the images that tell it, of the same size; each pixel is judged by the first that holds something.
    """
    if processor >= ZEROED_SINCE:
        return _of_zeros(lines, samples, witnesses)
    return _of_noise(lines, samples, witnesses)


def _of_zeros(lines: int, samples: int, witnesses: Sequence[Witness]) -> Border:
    first, last = np.zeros(lines, np.int64), np.full(lines, samples, np.int64)
    for begin in range(0, lines, ROWS):
        window = (begin, min(ROWS, lines - begin), 0, samples)
        good = np.logical_or.reduce([witness.measurement.read(*window) > 0 for witness in witnesses])
        first[begin : begin + ROWS] = _bad_from_left(good, 1, 1)
        last[begin : begin + ROWS] -= _bad_from_left(good[:, ::-1], 1, 1)
    first, last = _eroded(first, last, samples)
    return Border(first, last, np.zeros(samples, np.int64), np.full(samples, lines, np.int64))


def _of_noise(lines: int, samples: int, witnesses: Sequence[Witness]) -> Border:
    first_sample, last_sample = np.zeros(lines, np.int64), np.full(lines, samples, np.int64)
    first_line, last_line = np.zeros(samples, np.int64), np.full(samples, lines, np.int64)
    width, height = min(WIDTH, samples), min(WIDTH, lines)

    def good(line: int, count: int, sample: int, length: int) -> np.ndarray:
        found, judged = np.zeros((count, length), bool), np.zeros((count, length), bool)
        for witness in witnesses:
            amplitude = witness.measurement.read(line, count, sample, length)
            held = (amplitude > 0) & ~judged
            found[held] = _above_noise(amplitude, line, sample, witness.noise)[held]
            judged |= held
        return found

    for begin in range(0, lines, ROWS):
        count = min(ROWS, lines - begin)
        first_sample[begin : begin + ROWS] = _bad_from_left(good(begin, count, 0, width), AHEAD, ENOUGH)
        right = good(begin, count, samples - width, width)
        last_sample[begin : begin + ROWS] -= _bad_from_left(right[:, ::-1], AHEAD, ENOUGH)
    for begin in range(0, samples, ROWS):
        count = min(ROWS, samples - begin)
        first_line[begin : begin + ROWS] = _bad_from_left(good(0, height, begin, count).T, AHEAD, ENOUGH)
        bottom = good(lines - height, height, begin, count)
        last_line[begin : begin + ROWS] -= _bad_from_left(bottom[::-1].T, AHEAD, ENOUGH)
    return Border(first_sample, last_sample, first_line, last_line)


def _above_noise(amplitude: np.ndarray, first_line: int, first_sample: int, noise: Noise | None) -> np.ndarray:
    power = amplitude.astype(np.float64) ** 2
    if noise is not None:
        line, sample = np.mgrid[
            first_line : first_line + amplitude.shape[0], first_sample : first_sample + amplitude.shape[1]
        ]
        power -= np.nan_to_num(noise.at(line, sample))
    return (amplitude >= LEAST_AMPLITUDE) & (power >= THRESHOLD**2)


@numba.njit(cache=True, nogil=True)
def _bad_from_left(good, ahead, enough):
    """How many columns of each row lie before the first good one that has ``enough`` good ones ``ahead``, itself too.

    Beyond the last column there is as much good as before it.
    """
    rows, columns = good.shape
    bad = np.empty(rows, np.int64)
    for row in range(rows):
        bad[row] = columns
        for column in range(columns):
            if not good[row, column]:
                continue
            count, end = 0, min(column + ahead, columns)
            for place in range(column, end):
                count += good[row, place]
            if count * ahead >= enough * (end - column):
                bad[row] = column
                break
    return bad


def _eroded(first: np.ndarray, last: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Limits moved inwards, in sample and line, where there is a border at all."""
    inner = np.where(first > 0, first + EROSION, 0)
    outer = np.where(last < samples, last - EROSION, samples)
    for step in range(1, EROSION + 1):
        for shift in (step, -step):
            inner = np.maximum(inner, _shifted(first, shift, 0))
            outer = np.minimum(outer, _shifted(last, shift, samples))
    return inner, np.maximum(outer, inner)


def _shifted(values: np.ndarray, step: int, filling: int) -> np.ndarray:
    moved = np.full_like(values, filling)
    if step > 0:
        moved[step:] = values[:-step]
    else:
        moved[:step] = values[-step:]
    return moved
