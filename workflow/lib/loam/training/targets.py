"""What members are held against in training: the observed moisture on the device, and the loss."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from loam.config.models import LOSSES
from loam.plugins import load
from loam.samples.windows import Windows
from loam.training.losses import LEAST, OUTPUTS, WITHIN, Loss, of_teachers
from loam.training.training_settings import TrainingSettings


class Targets:
    """Observed moisture on the device, NaN where not observed, and the loss against it."""

    def __init__(
        self, windows: Windows, settings: TrainingSettings, device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self._loss, self._least = load(LOSSES[settings.loss]), LEAST.get(settings.loss, 1)
        self.windows = windows
        self._two = OUTPUTS.get(settings.loss, 1) == 2
        batch = settings.batch if settings.loss in WITHIN and settings.batch else {"rows": 0, "stations": 0}
        self._within, self._stations = batch["rows"], batch["stations"]
        self._weights, self._every = windows.series.weights, settings.answers == "every"
        self._lags = windows.lags if self._every and len(windows.lags) else np.zeros(1, np.int64)
        self._position, self._answered = windows.position, _answered(np.isfinite(windows.moisture), self._lags)
        self._moisture = torch.from_numpy(windows.moisture).to(device, dtype)
        self._rows, self._before = (
            torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in (windows.position, self._lags)
        )
        self._station = torch.from_numpy(windows.station).to(device)

    def enough(self, index: np.ndarray, real: np.ndarray) -> np.ndarray:
        """Which batches [...] have a loss: rows ``index`` [..., row] where ``real``."""
        counts = [(answered[self._position[index]] * real[..., None]).sum(-2) for answered in self._answered]
        return np.asarray((np.max(counts, axis=0) >= self._least).any(-1))

    def loss(
        self,
        predicted: Tensor,
        index: Tensor,
        real: Tensor,
        unit: Tensor | None = None,
        level_weight: Tensor | None = None,
    ) -> Tensor:
        """Loss [...] of ``predicted`` [..., row, step, output] for rows ``index`` [..., row] where ``real``.

        Args:
            predicted, index, real: as said.
            unit: [..., layer], m3 m-3: errors are measured in it; None: in m3 m-3.
            level_weight: [...], of losses within stations.
        """
        if not self._every:
            predicted = predicted[..., -1:, :]
        place = (self._rows[index].unsqueeze(-1) - self._before).flatten(-2)  # [..., row step]
        observed = self._moisture.index_select(1, place.flatten()).unflatten(1, place.shape)
        exists = real.unsqueeze(-1).expand(*real.shape, len(self._before)).flatten(-2)
        known = observed.isfinite() & exists.unsqueeze(-1)
        predicted = predicted.flatten(-3, -2)
        if unit is not None:
            unit = unit.unsqueeze(-2)
            observed = observed / unit
            mean, *logarithm = predicted.chunk(2, -1) if self._two else (predicted,)
            predicted = torch.cat([mean / unit, *(part - 2 * unit.log() for part in logarithm)], -1)
        return of_teachers(self._loss_of(index, level_weight), predicted, observed, known, self._weights)

    def _loss_of(self, index: Tensor, level_weight: Tensor | None) -> Loss:
        """The loss of rows ``index``; within stations, told which rows are of one station."""
        if not self._within:
            return self._loss
        if index.dim() == 1:  # rows that validate
            number = torch.unique(self._station[index], return_inverse=True)[1]
        else:  # a batch by stations, and what fills it up
            number = torch.arange(index.shape[-1], device=index.device) // self._within
            number = number.clamp(max=self._stations - 1)
        number = number.repeat_interleave(len(self._before))
        weight = 0.0 if level_weight is None else level_weight
        return partial(self._loss, of_station=number, level_weight=weight)


def _answered(observed: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Of how many of the days that the answers of a row at each position are of there is moisture.

    Args:
        observed: [teacher, station day, layer], bool.
        lags: days before the row's day of each answer, oldest first, as far apart from each other.

    Returns:
        [teacher, station day, layer], of rows all of whose days are the station's.
    """
    if len(lags) == 1:
        return _before(observed, int(lags[0]))
    step = int(lags[0] - lags[1])
    up_to = observed.astype(np.int32)
    for first in range(step):
        up_to[:, first::step] = up_to[:, first::step].cumsum(1)
    return _before(up_to, int(lags[-1])) - _before(up_to, int(lags[0]) + step)


def _before(values: np.ndarray, lag: int) -> np.ndarray:
    """Values [teacher, position, layer] of ``lag`` positions before; 0 before the first."""
    moved = np.zeros_like(values)
    moved[:, lag:] = values[:, : max(values.shape[1] - lag, 0)]
    return moved
