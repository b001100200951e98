"""Dense networks of many members over the pixels of a tile, so that activations never leave the processor's cache.

Pixels are taken in the order of the coarse cell that they read, a thousand at a time, and all members see them
before the next come. What a linear scaler does is folded into the first weights: with z = (x - c) / d, alike for all
members,

    W ((x - mean) / std) = (W d / std) z + W ((c - mean) / std)

and so are inputs that are the same at every pixel (the domain), and the cell's part of the first layer, which is one
vector for all pixels of a cell: none of them costs anything a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from loam.models.parts.dense import DenseNetwork

BLOCK = {"cpu": 1024, "cuda": 2**18}  # pixels at a time: on a processor, 128 neurons of each lie in half a megabyte
FEW = 512  # pixels a cell below which cells are not taken one by one


class DenseMembers:
    """The members' dense layers, ready for products with blocks of pixels.

    Args:
        networks: of the members.
        reads: places, among what the networks read of a pixel, of the inputs that differ between pixels.
        factor: [member, input that differs], float64: what a member multiplies each of them with.
        offset: [member, input], float64: what it adds to each input of a pixel.
    """

    def __init__(self, networks: Sequence[DenseNetwork], reads: Sequence[int], factor: Tensor, offset: Tensor) -> None:
        self.networks = networks
        self._first: list[Tensor] = []
        self._start: list[Tensor] = []
        for network, times, plus in zip(networks, factor, offset, strict=True):
            weight = network.hidden[0].weight[:, network.encoded :].double()
            self._first.append((weight[:, list(reads)] * times).float().T.contiguous())
            self._start.append((weight @ plus).float())
        later = [[*network.hidden[1:], network.output] for network in networks]
        self._later = [[(layer.weight.T.contiguous(), layer.bias) for layer in layers] for layers in later]

    def outputs(self, pixels: Tensor, cell: Tensor, of_cells: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of pixels: their places [pixel], and what the members say of them [member, pixel, output].

        Args:
            pixels: the inputs that differ [pixel, input].
            cell: which of the cells each pixel reads [pixel].
            of_cells: of each member, its network's ``of_cell`` [cell, neuron].
        """
        starts = [plus + part for plus, part in zip(self._start, of_cells, strict=True)]
        size, cells = BLOCK[pixels.device.type], len(of_cells[0])
        order, ends = torch.arange(len(pixels), device=pixels.device), [len(pixels)]
        alone = cells == 1 or len(pixels) >= FEW * cells
        if cells > 1 and alone:
            order = cell.argsort(stable=True)
            ends = cell.bincount(minlength=cells).cumsum(0).tolist()
            pixels = pixels[order]
        for place, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
            for begin in range(first, end, size):
                part = slice(begin, min(begin + size, end))
                which = place if alone else cell[part]
                yield order[part], torch.stack([
                    self._member(number, pixels[part], start[which]) for number, start in enumerate(starts)
                ])  # fmt: skip

    def _member(self, number: int, pixels: Tensor, start: Tensor) -> Tensor:
        network = self.networks[number]
        active = functional.silu if network.silu else functional.relu
        state = torch.addmm(start, pixels, self._first[number])
        for weight, bias in self._later[number]:
            state = torch.addmm(bias, active(state, inplace=True), weight)
        return network.finished(state)
