"""Level and spread of the moisture that a member trains on: what outputs are scaled by, and how errors weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from loam.samples.series import first_told
from loam.samples.windows import Windows
from loam.training.group import Weighing
from loam.training.losses import WITHIN
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings

LEAST_UNIT = 1e-3  # m3 m-3, of a layer that hardly varies


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
    """
    if settings.loss not in WITHIN:
        return Weighing()
    weight = torch.full((len(splits),), float(settings.level_weight), dtype=torch.float64)
    return Weighing(torch.from_numpy(unit), weight)
