"""From amplitudes to backscatter: (DN^2 - noise) / A^2, A interpolated in sample and line (ESA-EOPG-CSCOP-TN-0002).

Rows of A stand at azimuth times; lines stand at even times, so that linear in line is linear in time. The noise is
taken off before the division. What becomes negative stays so until pixels are averaged, since to cut it off would
raise the mean of what is dark (MPC-0392, 6.2). DN^2 is taken in float64: 65535^2 is too much for an int32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from loam.errors import RasterError
from loam.sentinel1.lookup import Rows, spread
from loam.sentinel1.noise import Noise, noise_of
from loam.sentinel1.product import Channel

QUANTITIES = ("sigma0", "beta0", "gamma0")


@dataclass(frozen=True)
class Calibration:
    """All that turns amplitudes of one image into backscatter.

    Args:
        scale: A of the wanted quantity.
        noise: None where it is not taken off.
    """

    scale: Rows
    noise: Noise | None

    def calibrate(self, amplitude: np.ndarray, first_line: int, first_sample: int) -> np.ndarray:
        """Backscatter, linear, of a window of amplitudes.

        Args:
            amplitude: DN, uint16 [line, sample].
            first_line, first_sample: where the window begins in the image.

        Returns:
            float32 [line, sample]; NaN where the amplitude is 0, which stands for no data.
        """
        lines = np.arange(first_line, first_line + amplitude.shape[0])
        scale_row, scale_weight = self.scale.weights(lines)
        if self.noise is None:
            empty = np.empty((0, 0), np.float32)
            nothing = (empty, np.zeros(len(lines), np.int64), np.zeros(len(lines)))
            blocks = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, len(lines))))
        else:
            nothing = (self.noise.rows.values, *self.noise.rows.weights(lines))
            blocks = self.noise.factors(lines)
        return _calibrate(amplitude, first_sample, self.scale.values, scale_row, scale_weight, *nothing, *blocks)

    def noise_equivalent(self, line: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """The backscatter that the noise looks like, linear, at broken lines and samples [...]; 0 where missing."""
        if self.noise is None:
            return np.zeros(np.shape(line))
        return np.nan_to_num(self.noise.at(line, sample)) / self.scale.at(line, sample).astype(np.float64) ** 2


def calibration_of(channel: Channel, quantity: str = "sigma0", *, thermal_noise: bool = True) -> Calibration:
    """What turns the amplitudes of ``channel`` into ``quantity``.

    Raises:
        RasterError: the product lacks a table that is needed.
    """
    samples = channel.annotation.samples
    if channel.calibration is None or (thermal_noise and channel.noise is None):
        lacking = "calibration" if channel.calibration is None else "noise"
        raise RasterError(
            f"polarisation {channel.polarisation} has no {lacking} table", where=channel.annotation.where,
            expected=f"annotation/calibration/{lacking}-*.xml", fix="fetch the product again",
        )  # fmt: skip
    table = channel.calibration
    values = {"sigma0": table.sigma0, "beta0": table.beta0, "gamma0": table.gamma}[quantity]
    scale = spread(table.line, table.pixel, values, samples, zero_is_missing=False)
    return Calibration(scale, noise_of(channel.noise, samples) if thermal_noise else None)


@numba.njit(cache=True, nogil=True)
def _calibrate(
    amplitude,
    first_sample,
    scale,
    scale_row,
    scale_weight,
    noise,
    noise_row,
    noise_weight,
    block_first,
    block_last,
    factor,
):
    lines, samples = amplitude.shape
    backscatter = np.empty((lines, samples), np.float32)
    last_scale, last_noise = scale.shape[0] - 1, noise.shape[0] - 1
    along = np.ones(samples)
    for line in range(lines):
        row, weight = scale_row[line], scale_weight[line]
        next_row = min(row + 1, last_scale)
        if last_noise >= 0:
            low = noise_row[line]
            high, share = min(low + 1, last_noise), noise_weight[line]
            along[:] = 1.0
            for block in range(len(block_first) - 1, -1, -1):  # the first one that holds a pixel is written last
                value = factor[block, line]
                if not np.isnan(value):
                    begin = max(block_first[block] - first_sample, 0)
                    end = min(block_last[block] - first_sample, samples)
                    for sample in range(begin, end):
                        along[sample] = value
        for sample in range(samples):
            number = amplitude[line, sample]
            if number == 0:
                backscatter[line, sample] = np.nan
                continue
            power = np.float64(number) * np.float64(number)
            column = first_sample + sample
            if last_noise >= 0:
                first, second = np.float64(noise[low, column]), np.float64(noise[high, column])
                if np.isnan(first):
                    first = second
                elif not np.isnan(second):
                    first += (second - first) * share
                if not np.isnan(first):
                    power -= first * along[sample]
            gain = np.float64(scale[row, column])
            gain += (np.float64(scale[next_row, column]) - gain) * weight
            backscatter[line, sample] = power / (gain * gain)
    return backscatter
