"""The inputs of a domain on the device: kept once for all members, standardised for each when they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from loam.training.rows import Rows
from loam.training.scaling import Scaler

ROWS_AT_ONCE = 256  # rows of each member in one computation without gradients; bounds the memory
WHOLE = 32  # PyTorch's loops take so many numbers at a time, and may round those left over at the end differently


class ScaledInputs:
    """Inputs of a domain's rows, as each member sees them.

    Args:
        rows: the domain's rows.
        scaler: the members' scalers.
        device: where they are kept.
        dtype: of what is read; standardisation itself is done in float64.
    """

    def __init__(self, rows: Rows, scaler: Scaler, device: torch.device | str, dtype: torch.dtype) -> None:
        self.device, self.dtype, self.shape = torch.device(device), dtype, rows.shape
        self._inputs = torch.from_numpy(rows.inputs).to(device)
        self._mean, self._std = (torch.from_numpy(part).to(device).unsqueeze(1) for part in (scaler.mean, scaler.std))

    def read(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """``static`` [member, row, feature] and ``sequence`` [member, row, step, variable] of rows [member, row]."""
        static, steps, variables = self.shape
        values = self._inputs.index_select(0, index.flatten()).unflatten(0, index.shape)
        values = values.sub_(self._mean).div_(self._std).to(self.dtype)
        return values[..., :static], values[..., static:].unflatten(-1, (steps, variables))

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the members at ``places`` only."""
        self._mean, self._std = self._mean[places], self._std[places]


def batches_of(rows: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Each member's rows in batches of ``size``: positions [member, batch, row], and which of them are real.

    The last batches are filled up with the member's own first row, so that what fills them comes from no other station;
    all are filled up to a multiple of ``WHOLE`` rows.
    """
    batches = -(-max(len(own) for own in rows) // size)
    index = np.empty((len(rows), batches, -(-size // WHOLE) * WHOLE), np.int64)
    real = np.zeros(index.shape, bool)
    for member, own in enumerate(rows):
        index[member] = own[0]
        index[member, :, :size].flat[: len(own)] = own
        real[member, :, :size].flat[: len(own)] = True
    return index, real


@torch.no_grad()
def predict(run: Callable[[Tensor, Tensor], Tensor], inputs: ScaledInputs, rows: Sequence[np.ndarray]) -> list[Tensor]:
    """Each member's outputs [row, layer] for its ``rows``; ``run`` is given batches of one size for all members."""
    index = torch.from_numpy(batches_of(rows, ROWS_AT_ONCE)[0]).to(inputs.device)
    outputs = torch.cat([run(*inputs.read(batch)) for batch in index.unbind(1)], 1)
    return [own[: len(places)] for own, places in zip(outputs, rows, strict=True)]
