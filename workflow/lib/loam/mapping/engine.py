"""The members of a model at pixels: mean and standard deviation a layer.

The coarse, modelled moisture is the same for all pixels of a 9 km cell, and so is everything that a network computes
from it alone: the recurrent part, and, because the first dense layer is linear in what it reads, that layer's share of
it. A network that has ``of_cell(sequence)`` and ``of_pixel(static, cell)`` is asked for the first once a cell; one that
has not reads the cell's sequence at each pixel. Dense networks, which most are, take blocks of pixels through all
members (``loam.mapping.dense_members``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn

from loam.covariates.read.tiles import Around, TileInputs
from loam.mapping.dense_members import DenseMembers
from loam.mapping.probes_of_day import Told
from loam.models.parts.dense import DenseNetwork
from loam.training.card import Members
from loam.training.extras import DOMAIN, scaled_neighbours
from loam.training.networks import NO_PATCH
from loam.training.predict import bounded
from loam.training.scaling import scaled

FEATURES = 256  # numbers that a pixel reads, of which so many pixels at a time are
CHUNK = {"cpu": 4096, "cuda": 2**18}  # pixels at a time: on a processor, activations stay in its cache
HELD = 2**24  # numbers that all members read of the cells of some pixels; more cells are taken in parts
NEURONS = 128  # that a cell gives a member, where its sequence is shorter


class Engine:
    """The members of a model, ready to map.

    Args:
        members: their networks, weights and scalers.
        device: where to compute.
    """

    def __init__(self, members: Members, device: torch.device | str) -> None:
        self.device = torch.device(device)
        found = [members.network_of(place) for place in range(len(members))]
        self.networks = [network.to(device) for network, _ in found]
        self.members = len(found)
        self._scaler = [scaler for _, scaler in found]
        self.card, self.layers = members.card, list(members.card["layers"])
        static, steps, variables = members.card["shape"]
        self.extras = list(members.card.get("extras", []))
        patch_steps, _, bands = members.card.get("patch", NO_PATCH)
        self._sizes = [static - len(self.extras), steps * variables, patch_steps * bands]
        parts = [torch.from_numpy(part).to(device) for part in members.scaler.parts]
        of_each = [part.split(self._sizes, 1) for part in parts]
        self._of_static = [part for part, _, _ in of_each]
        self._of_sequence = [sequence.unflatten(1, (steps, variables)) for _, sequence, _ in of_each]
        self._of_patch = [patch[:, None, None, None, :bands] for _, _, patch in of_each]
        self._reads_patches = bool(bands)
        self.filled = np.zeros(bands, np.int64)  # numbers of patches that are those of the middle pixel
        self._counting = Lock()
        self._one_scaler = all(bool(torch.equal(part, part[:1].expand_as(part))) for part in
                               [part.nan_to_num(-1.0) for part in parts])  # fmt: skip
        units = [member.get("unit", [1.0] * len(self.layers)) for member in members.card.get("members", [])]
        self._unit = units or [[1.0] * len(self.layers)] * self.members
        self._common: tuple[Tensor, Tensor] | None = None
        self._dense = self._dense_members(linear=len(parts) == 2)

    @property
    def reads_neighbours(self) -> bool:
        """Whether the networks read what the other probes of the day say."""
        return any(name != DOMAIN for name in self.extras)

    def predict(self, inputs: TileInputs, told: Told | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the members, m3 m-3, each [pixel, layer], float32.

        ``told``: what the probes of the day say at each pixel (``ProbesOfDay.at``), where the networks read it; None:
        none reports.

        The mean is kept within 0 to 1; the standard deviation is that of the members' outputs as they are, so that
        members which all leave the possible do not seem to agree. It is that of a sample (divided by members - 1), NaN
        with a single member.
        """
        return self.predict_checked(inputs, told)[:2]

    @torch.inference_mode()
    def predict_checked(
        self, inputs: TileInputs, told: Told | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What ``predict`` gives, and at which pixels a layer's mean was below 0 or above 1 before it became the bound.

        Returns:
            Mean and standard deviation, each [pixel, layer], float32, and [pixel], bool.
        """
        mean = torch.zeros(len(inputs.static), len(self.layers), dtype=torch.float64, device=self.device)
        squares = torch.zeros_like(mean)
        for places, outputs in self._outputs(inputs, told):
            said = outputs[..., : len(self.layers)].double()
            middle = said.mean(0)
            mean[places] = middle
            squares[places] = (said - middle).square_().sum(0)
        std = (squares / (len(self.networks) - 1)).sqrt() if len(self.networks) > 1 else squares.fill_(torch.nan)
        impossible = ((mean < 0) | (mean > 1)).any(dim=1)
        return bounded(mean).float().cpu().numpy(), std.float().cpu().numpy(), impossible.cpu().numpy()

    def _outputs(self, inputs: TileInputs, told: Told | None) -> Iterator[tuple[Tensor | slice, Tensor]]:
        """Places of some pixels, and the members' outputs there [member, pixel, output], until all are done."""
        most = max(1, HELD // (self.members * max(NEURONS, inputs.cells[:1].size)))
        if len(inputs.cells) <= most:
            static, cell, cells = (
                torch.as_tensor(part, device=self.device) for part in (inputs.static, inputs.cell, inputs.cells)
            )
            of_cells = [self._of_cells(network, self._scaled(cells, self._of_sequence, place))
                        for place, network in enumerate(self.networks)]  # fmt: skip
            if self._dense:
                yield from self._dense.outputs(self._differing(static, told), cell, of_cells)
            else:
                yield from self._by_member(inputs, static, cell, of_cells, told)
            return
        order = np.argsort(inputs.cell, kind="stable")
        for first in range(0, len(inputs.cells), most):  # where cells are as fine as pixels, or nearly
            there = order[slice(*np.searchsorted(inputs.cell, [first, first + most], sorter=order))]
            piece = replace(inputs, pixel=inputs.pixel[there], static=inputs.static[there],
                            cell=inputs.cell[there] - first, cells=inputs.cells[first : first + most])  # fmt: skip
            heard = None if told is None else (told[0][there], told[1][there])
            places = torch.from_numpy(there).to(self.device)
            for part, outputs in self._outputs(piece, heard):
                yield places[part], outputs

    def _differing(self, static: Tensor, told: Told | None) -> Tensor:
        """What dense networks read that differs between pixels, alike for all members: [pixel, input]."""
        pixels = self._shared(static)
        if not self.reads_neighbours:
            return pixels
        value, count = told or (np.zeros((len(static), len(self.layers))),) * 2
        heard = torch.from_numpy(scaled_neighbours(value, count, np.ones(len(self.layers))))
        return torch.cat([pixels, heard.to(pixels)], 1)

    def _dense_members(self, *, linear: bool) -> DenseMembers | None:
        """The members' dense layers where they are of that kind and differ in their scalers by what is linear alone."""
        dense = all(isinstance(network, DenseNetwork) for network in self.networks)
        if not dense or self._reads_patches or not (linear or self._one_scaler):
            return None
        count, told = self._sizes[0], len(self.extras) - (DOMAIN in self.extras)
        places = torch.tensor(self._scaler, device=self.device)
        factor = torch.ones(self.members, count, dtype=torch.float64, device=self.device)
        plus = torch.zeros_like(factor)
        if linear:
            mean, std = (part[places] for part in self._of_static)
            shift, scale = self._common = mean.mean(0), std.mean(0)
            factor, plus = scale / std, (shift - mean) / std
        one = torch.ones(self.members, len(self.extras) - told, dtype=torch.float64, device=self.device)
        unit = 1 / torch.tensor(self._unit, dtype=torch.float64, device=self.device)
        of_told = torch.cat([unit, torch.ones_like(unit)], 1)[:, :told]
        reads = [*range(count), *range(count + one.shape[1], count + len(self.extras))]
        offset = torch.cat([plus, one, torch.zeros_like(of_told)], 1)
        return DenseMembers(self.networks, reads, torch.cat([factor, of_told], 1), offset)

    def _shared(self, static: Tensor) -> Tensor:
        """Static features, scaled alike for all members."""
        if self._common is None:
            return self._scaled(static, self._of_static, 0)
        shift, scale = self._common
        return ((static.double() - shift) / scale).float()

    def _by_member(
        self, inputs: TileInputs, static: Tensor, cell: Tensor, of_cells: Sequence[Tensor], told: Told | None
    ) -> Iterator[tuple[slice, Tensor]]:
        """Outputs of networks of any kind."""
        for part in self._chunks(len(static), inputs.around):
            outputs = []
            for place, network in enumerate(self.networks):
                if place == 0 or not self._one_scaler:
                    scaled = self._scaled(static[part], self._of_static, place)
                read = self._with_extras(scaled, told, part, place) if self.extras else scaled
                patch = self._patch(inputs, part, place) if self._reads_patches else None
                outputs.append(self._of_pixels(network, read, of_cells[place][cell[part]], patch))
            yield part, torch.stack(outputs)

    def _scaled(self, values: Tensor, scaler: Sequence[Tensor], place: int) -> Tensor:
        return scaled(values.double(), *(part[self._scaler[place]] for part in scaler)).float()

    def _with_extras(self, scaled: Tensor, told: Told | None, part: slice, place: int) -> Tensor:
        """Scaled static features, and what stands behind them: the target domain, and the other probes of the day."""
        parts = [scaled]
        if DOMAIN in self.extras:
            parts.append(scaled.new_ones(len(scaled), 1))
        if self.reads_neighbours:
            value, count = (own[part] for own in told) if told else (np.zeros((len(scaled), len(self.layers))),) * 2
            parts.append(torch.from_numpy(scaled_neighbours(value, count, np.array(self._unit[place]))).to(scaled))
        return torch.cat(parts, 1)

    def _of_cells(self, network: nn.Module, sequence: Tensor) -> Tensor:
        """What pixels read of their cells: the network's ``of_cell``, or the scaled sequence itself."""
        if not hasattr(network, "of_cell") or self._reads_patches:
            return sequence
        return torch.cat([network.of_cell(sequence[part]) for part in self._chunks(len(sequence))])

    def _patch(self, inputs: TileInputs, part: slice, place: int) -> Tensor:
        """The scaled patches around some pixels."""
        found, filled = inputs.around.patches(inputs.pixel[part])
        if place == 0:
            with self._counting:
                self.filled += filled
        return self._scaled(torch.as_tensor(found, device=self.device), self._of_patch, place)

    def _of_pixels(self, network: nn.Module, static: Tensor, of_cell: Tensor, patch: Tensor | None) -> Tensor:
        """A network's outputs [pixel, output] from the pixels' own features and what they read of their cells."""
        if patch is not None:
            answer = network({"static": static, "sequence": of_cell, "patch": patch})
        elif hasattr(network, "of_cell"):
            answer = network.of_pixel(static, of_cell)
        else:
            answer = network({"static": static, "sequence": of_cell})
        return answer[:, -1]

    def _chunks(self, count: int, around: Around | None = None) -> list[slice]:
        """Pixels at a time; fewer where each has a patch."""
        size = CHUNK[self.device.type]
        if around is not None:
            size = min(size, max(1, size * FEATURES // (around.values[0, 0].size * around.size**2)))
        return [slice(first, first + size) for first in range(0, max(count, 1), size)]
