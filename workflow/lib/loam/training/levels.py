"""Level and spread of the moisture that a member trains on: what outputs are scaled by, and how errors weigh."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from loam.errors import TableError
from loam.samples.series import first_told
from loam.samples.windows import Windows
from loam.training.group import Weighing
from loam.training.losses import WITHIN
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings
from loam.training.variances import fit_variances

log = logging.getLogger("loam")

LEAST_UNIT = 1e-3  # m3 m-3, of a layer that hardly varies
PARTS = 5  # of the stations, each left out once, for residuals at stations that a fit has not met


def moisture_of(windows: Windows, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [layer] of the moisture of training rows, m3 m-3: both domains weigh alike, in the
    mean of their means and the root of the mean of their variances.
    """
    observed = first_told(windows.moisture[:, windows.position[training]])
    of_target = windows.of_target[windows.station[training]]
    parts = [part for part in (observed[~of_target], observed[of_target]) if np.isfinite(part).any()]
    known = [np.isfinite(part).sum(0) for part in parts]
    total = [np.nansum(part, 0) / np.maximum(count, 1) for part, count in zip(parts, known, strict=True)]
    square = [
        np.nansum(np.square(part - mean), 0) / np.maximum(count, 1)
        for part, mean, count in zip(parts, total, known, strict=True)
    ]
    told = np.stack(known) > 0
    mean = np.where(told, np.stack(total), 0.0).sum(0) / told.sum(0)
    variance = np.where(told, np.stack(square), 0.0).sum(0) / told.sum(0)
    return mean, np.maximum(np.sqrt(variance), LEAST_UNIT)


def output_scale(network: nn.Module, moisture: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Tensor]:
    """The buffers ``output_shift`` and ``output_scale`` [member, output] of a network that has them, else none.

    A network that also tells the logarithm of a variance has that shifted by the logarithm of the unit's square.
    """
    buffers = dict(network.named_buffers())
    if "output_scale" not in buffers:
        return {}
    mean, std = (np.stack(part) for part in zip(*moisture, strict=True))
    if buffers["output_scale"].shape[-1] == 2 * mean.shape[1]:
        mean, std = np.concatenate([mean, 2 * np.log(std)], 1), np.concatenate([std, np.ones_like(std)], 1)
    return {"output_shift": torch.from_numpy(mean).float(), "output_scale": torch.from_numpy(std).float()}


def weighing_of(
    settings: TrainingSettings, windows: Windows, splits: Sequence[Split], unit: np.ndarray, scaler: Scaler
) -> Weighing:
    """How errors weigh in a loss within stations: in units of the moisture's standard deviation ``unit`` [member,
    layer], the level by ``level_weight``; as they are in other losses.

    Raises:
        TableError: a layer has two values at no station of a member's training rows.
    """
    if settings.loss not in WITHIN:
        return Weighing()
    days = [_days_of_stations(windows, split.training) for split in splits]
    told = {(int((own > 0).any(1).sum()), int((own.max(1) == 1).sum())) for own in days}
    for stations, lone in sorted(told):
        if lone:
            log.warning(
                "%d of %d training stations have one value a layer: they tell their level alone", lone, stations
            )
    weights = [
        settings.level_weight if isinstance(settings.level_weight, float | int)
        else level_weight(windows, split.training, scaler, place, settings.rows_of_station)
        for place, split in enumerate(splits)
    ]  # fmt: skip
    if settings.level_weight == "reml":
        log.info("level weight by REML: %s", ", ".join(f"{weight:.4f}" for weight in weights))
    return Weighing(torch.from_numpy(unit), torch.tensor(weights, dtype=torch.float64))


def level_weight(windows: Windows, training: np.ndarray, scaler: Scaler, place: int, rows: int) -> float:
    """The weight of a station's mean error that makes the loss the likelihood of a random intercept, by REML.

    A station whose level is known as if from n independent days has a mean error that counts r = W / (W + n B) of what
    a day's deviation does (W: variance within, B: between). A batch has ``rows`` of its days, whose mean error
    also holds a part 1 / rows of the deviations, so that the loss's weight is r (rows - 1) / (rows - r)
    (docs/explanation/within-station.md). Mean over layers.

    Args:
        windows: the rows.
        training: positions of a member's training rows.
        scaler: the members' scalers.
        place: of the member's.
        rows: of a station in a batch.
    """
    observed = first_told(windows.moisture[:, windows.position[training]])
    static, steps, variables = windows.features.shape
    numbers = range(static + steps * variables)
    inputs = np.stack([windows.column(number, training) for number in numbers], 1)
    inputs = scaler.apply(place, np.array(numbers), inputs)
    station, day, found = windows.station[training], windows.day[training], []
    for values in observed.T:
        known = np.isfinite(values)
        if len(np.unique(station[known])) < 2:
            found.append(1.0)  # of one station nothing says how levels differ
            continue
        residuals = residuals_at_new_stations(inputs[known], values[known], station[known])
        share = fit_variances(residuals, station[known], day[known]).share_of_days()
        found.append(share * (rows - 1) / (rows - share) if rows > 1 else share)
    return float(np.mean(found))


def residuals_at_new_stations(inputs: np.ndarray, moisture: np.ndarray, station: np.ndarray) -> np.ndarray:
    """Observed less predicted [row] of a ridge regression that has not met the row's station.

    Stations weigh alike and are left out in ``PARTS`` parts; the penalty of the squared coefficients is one station's
    weight.

    Args:
        inputs: [row, feature], scaled.
        moisture: [row].
        station: [row], of at least two.
    """
    number = np.unique(station, return_inverse=True)[1]
    weight = np.sqrt(1 / np.bincount(number))[number, None]
    design = np.concatenate([np.ones((len(inputs), 1)), inputs], 1) * weight
    response, part = moisture * weight[:, 0], number % PARTS
    penalty = np.eye(design.shape[1])
    penalty[0, 0] = 1e-9  # none of the mean
    residuals = np.empty(len(moisture))
    for left in np.unique(part):
        kept = design[part != left]
        coefficients = np.linalg.solve(kept.T @ kept + penalty, kept.T @ response[part != left])
        residuals[part == left] = (response - design @ coefficients)[part == left] / weight[part == left, 0]
    return residuals


def _days_of_stations(windows: Windows, training: np.ndarray) -> np.ndarray:
    """How many values a station [station, layer] has among a member's training rows.

    Raises:
        TableError: no station has two of a layer.
    """
    known = np.isfinite(first_told(windows.moisture[:, windows.position[training]]))
    station, stations = windows.station[training], len(windows.series.stations)
    count = np.stack([np.bincount(station[own], minlength=stations) for own in known.T], 1)
    for layer, most in zip(windows.layers, count.max(0), strict=True):
        if most < 2:
            raise TableError(
                f"no training station has two values of layer '{layer}', so that none tells its dynamics",
                where=windows.where, fix="leave the layer out, or train with another loss than within_station",
            )  # fmt: skip
    return count
