"""What members are held against in training: the observed moisture on the device, and the loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from loam.config.models import LOSSES
from loam.plugins import load
from loam.samples.windows import Windows
from loam.training.losses import LEAST, of_teachers
from loam.training.training_settings import TrainingSettings


class Targets:
    """Observed moisture on the device, NaN where not observed, and the loss against it."""

    def __init__(
        self, windows: Windows, settings: TrainingSettings, device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self._loss, self._least = load(LOSSES[settings.loss]), LEAST.get(settings.loss, 1)
        self._weights, self._every = windows.series.weights, settings.answers == "every"
        self._lags = windows.lags if self._every and len(windows.lags) else np.zeros(1, np.int64)
        self._position, self._observed = windows.position, np.isfinite(windows.moisture)
        self._moisture = torch.from_numpy(windows.moisture).to(device, dtype)
        self._rows, self._before = (
            torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in (windows.position, self._lags)
        )

    def enough(self, index: np.ndarray, real: np.ndarray) -> np.ndarray:
        """Which batches [...] have a loss: rows ``index`` [..., row] where ``real``."""
        counts = np.zeros((*index.shape[:-1], self._observed.shape[2]), np.int64)
        for teacher in self._observed:
            found = np.zeros_like(counts)
            for lag in self._lags:
                found += (teacher[self._position[index] - lag] & real[..., None]).sum(-2)
            counts = np.maximum(counts, found)
        return np.asarray((counts >= self._least).any(-1))

    def loss(self, predicted: Tensor, index: Tensor, real: Tensor) -> Tensor:
        """Loss [...] of ``predicted`` [..., row, step, output] for rows ``index`` [..., row] where ``real``."""
        if not self._every:
            predicted = predicted[..., -1:, :]
        place = (self._rows[index].unsqueeze(-1) - self._before).flatten(-2)  # [..., row step]
        observed = self._moisture.index_select(1, place.flatten()).unflatten(1, place.shape)
        exists = real.unsqueeze(-1).expand(*real.shape, len(self._before)).flatten(-2)
        known = observed.isfinite() & exists.unsqueeze(-1)
        return of_teachers(self._loss, predicted.flatten(-3, -2), observed, known, self._weights)
