"""The inputs of a domain on the device: its series scaled for each member, and what rows read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from loam.samples.windows import Windows
from loam.training.extras import Extras
from loam.training.scaling import Scaler, scaled

ROWS_AT_ONCE = 256  # rows of each member in one computation without gradients; bounds the memory
NUMBERS_AT_ONCE = 2**22  # of each member's patches, then
WHOLE = 32  # PyTorch's loops take so many numbers at a time, and may round those left over at the end differently

Inputs = Mapping[str, Tensor]


class ScaledInputs:
    """Inputs of a domain's rows, as each member sees them.

    A series is scaled once for all members that share a scaler, in float64; a row's window is gathered when it is read.

    Args:
        windows: the domain's rows.
        scaler: the members' scalers.
        device: where they are kept.
        dtype: of what is read.
        extras: inputs behind the features.
    """

    def __init__(
        self,
        windows: Windows,
        scaler: Scaler,
        device: torch.device | str,
        dtype: torch.dtype,
        extras: Extras = Extras(),  # noqa: B008 (frozen)
    ) -> None:
        self.device, self.dtype = torch.device(device), dtype
        _, first, which = np.unique(
            np.concatenate(scaler.parts, 1), axis=0, return_index=True, return_inverse=True, equal_nan=True
        )
        self._which = torch.from_numpy(which.reshape(-1)).to(device)
        scalers = scaler.take(first)
        static, fixed = len(windows.order), windows.of_station.shape[1]
        place = np.argsort(windows.order)  # of each column of the stations, then of the days, among the features
        parts = (
            (windows.of_station, place[:fixed]),
            (windows.of_day, place[fixed:]),
            (windows.of_step, np.arange(static, static + windows.of_step.shape[1])),
        )
        self._of_station, self._of_day, self._of_step = (
            torch.cat(
                [torch.from_numpy(scalers.apply(one, columns, values)).to(device, dtype) for one in range(len(first))]
            )
            for values, columns in parts
        )
        self._stations, self._positions = len(windows.of_station), len(windows.of_day)
        self._station, self._position, self._lags, self._order = (
            torch.from_numpy(np.ascontiguousarray(part)).to(device)
            for part in (windows.station, windows.position, windows.lags, windows.order)
        )
        self._in_order = bool((windows.order == np.arange(static)).all())
        self._domain = None if extras.domain is None else torch.from_numpy(extras.domain).to(device, dtype)
        self._neighbours, self._their = None, None
        if extras.neighbours is not None and extras.which is not None:
            self._neighbours = torch.from_numpy(extras.neighbours).to(device, dtype).flatten(0, 1)
            self._their = torch.from_numpy(extras.which).to(device)

        self._take_patches(windows, scalers)

    @property
    def reads_neighbours(self) -> bool:
        """Whether what the other probes say is among the inputs."""
        return self._neighbours is not None

    def read(self, index: Tensor, absent: Tensor | None = None) -> dict[str, Tensor]:
        """``static`` [member, row, feature] and ``sequence`` [member, row, step, variable] of rows [member, row]; where
        the network reads patches, ``patch`` [member, row, step, row of pixels, column, band].

        The inputs behind the features are the last of ``static``; at rows that are ``absent`` no other probe reports.
        """
        which = self._which.unsqueeze(1)
        station = self._station[index] + which * self._stations
        position = self._position[index] + which * self._positions
        static = torch.cat([_take(self._of_station, station), _take(self._of_day, position)], -1)
        if not self._in_order:
            static = static.index_select(-1, self._order)
        sequence = _take(self._of_step, position.unsqueeze(-1) - self._lags)
        if self._domain is not None:
            static = torch.cat([static, _take(self._domain, self._station[index]).unsqueeze(-1)], -1)
        if self._neighbours is not None and self._their is not None:
            told = _take(self._neighbours, self._position[index] + self._their.unsqueeze(1) * self._positions)
            if absent is not None:
                told = told.masked_fill(absent.unsqueeze(-1), 0.0)
            static = torch.cat([static, told], -1)
        inputs = {"static": static, "sequence": sequence}
        return {**inputs, "patch": self._patches_of(index)} if self._patches else inputs

    def along(self, member: int, station: int) -> dict[str, Tensor]:
        """A station's whole series: ``static`` [1, feature] and ``sequence`` [1, day, variable], NaN where missing."""
        which = self._which[member]
        static = self._of_station[station + which * self._stations]
        if not self._in_order:
            static = static.index_select(-1, self._order)
        days = self._positions // self._stations
        first = which * self._positions + station * days
        return {"static": static.unsqueeze(0), "sequence": self._of_step[first : first + days].unsqueeze(0)}

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the members at ``places`` only."""
        self._which = self._which[places]
        self._their = self._their[places] if self._their is not None else None

    def _take_patches(self, windows: Windows, scalers: Scaler) -> None:
        """Patches stay as they are, once for all scalers, and are scaled when they are read."""
        self._patches: list[Tensor] = []
        self.rows_at_once = ROWS_AT_ONCE
        if not (bands := len(windows.bands)):
            return
        steps = len(windows.lags)
        self._patches = [torch.from_numpy(part).to(self.device) for part in windows.around]
        self._bands = torch.from_numpy(windows.bands).to(self.device)
        numbers = [part[:, -steps * bands :][:, :bands].copy() for part in scalers.parts]
        self._of_band = [torch.from_numpy(part).to(self.device) for part in numbers]
        a_row = steps * bands * windows.features.size**2
        self.rows_at_once = min(ROWS_AT_ONCE, max(WHOLE, NUMBERS_AT_ONCE // a_row // WHOLE * WHOLE))

    def _patches_of(self, index: Tensor) -> Tensor:
        still, moving = self._patches
        found = _take(moving, self._position[index].unsqueeze(-1) - self._lags)
        fixed = _take(still, self._station[index]).unsqueeze(2).expand(-1, -1, len(self._lags), -1, -1, -1)
        scales = (part[self._which][:, None, None, None, None] for part in self._of_band)
        both = torch.cat([fixed, found], -1).index_select(-1, self._bands)
        return scaled(both.double(), *scales).to(self.dtype)


def batches_of(rows: Sequence[np.ndarray], size: int, whole: int = WHOLE) -> tuple[np.ndarray, np.ndarray]:
    """Each member's rows in batches of ``size``: positions [member, batch, row], and which of them are real.

    The last batches are filled up with the member's own first row, so that what fills them comes from no other station;
    all are filled up to a multiple of ``whole`` rows.
    """
    batches = -(-max(len(own) for own in rows) // size)
    index = np.empty((len(rows), batches, -(-size // whole) * whole), np.int64)
    real = np.zeros(index.shape, bool)
    for member, own in enumerate(rows):
        index[member] = own[0]
        index[member, :, :size].flat[: len(own)] = own
        real[member, :, :size].flat[: len(own)] = True
    return index, real


def _take(table: Tensor, index: Tensor) -> Tensor:
    return table.index_select(0, index.flatten()).unflatten(0, index.shape)
