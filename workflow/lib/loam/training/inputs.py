"""The inputs of a domain on the device: kept once for all members, standardised for each when they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from loam.training.rows import Rows
from loam.training.scaling import Scaler

ROWS_AT_ONCE = 8192  # rows, over all members, of one computation without gradients; bounds the memory


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


def pad_rows(rows: Sequence[np.ndarray], multiple: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each member side by side, [member, row], and which of them are real.

    The shorter ones are filled up with their own first row, so that what fills them comes from no other station.
    """
    width = -(-max(len(own) for own in rows) // multiple) * multiple
    real = np.arange(width) < np.array([[len(own)] for own in rows])
    index = np.stack([np.concatenate([own, np.full(width - len(own), own[0])]) for own in rows])
    return index, real


@torch.no_grad()
def predict(run: Callable[[Tensor, Tensor], Tensor], inputs: ScaledInputs, index: np.ndarray) -> Tensor:
    """Outputs [member, row, layer] for rows ``index`` [member, row], computed in chunks."""
    chunk = max(1, ROWS_AT_ONCE // len(index))
    return torch.cat([run(*inputs.read(part)) for part in torch.from_numpy(index).to(inputs.device).split(chunk, 1)], 1)
