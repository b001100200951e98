"""Mapping: the engine, which reads coarse cells once, against every member's whole network at every pixel.

    python benchmarks/mapping.py [--members 39] [--threads 2] [--device cpu]

Both get the same random members and the same inputs in memory; reading and writing files is left out. The engine takes
tiles side by side, one a thread, as a map does. The rival runs `torch.nn.Module.forward` of each member on all features
of each pixel, its sequence included, in batches of 4,096, with as many threads; it is timed on a sample of the pixels.
The floor is the multiplications and additions that the engine needs (kFLOP a pixel and member) at the speed of plain
products of 4,096 x 128 by 128 x 64, one after another in each thread. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

import numpy as np
import torch

from loam.config.models import network_of
from loam.covariates.read.tiles import TileInputs
from loam.io.in_order import in_order
from loam.mapping.engine import Engine
from loam.models.parts.initial import draw_parameters
from loam.training.card import Members
from loam.training.networks import build_networks
from loam.training.scaling import Scaler

SAMPLE = slice(0, 20_000)  # pixels on which the rival is timed
PAPER = {"hidden": [128, 64, 32, 16], "output": "linear", "units": 64, "dense": 100}
OURS = {"hidden": [64, 64], "activation": "silu", "output": "linear"}
CASES = [  # name, model, settings, tiles of 512 x 512, shape, pixels of a 9 km cell's side
    ("lstm of the paper", "lstm", PAPER, 2, (24, 8, 2), 112.5), ("mlp of the paper", "mlp", PAPER, 2, (9, 0, 0), None),
    ("mlp of `ours`", "mlp", OURS, 2, (24, 8, 2), 112.5),
]  # fmt: skip
TILE = 512
BATCH = 4096


def draw_members(model: str, settings: dict, count: int, shape: tuple[int, int, int]) -> Members:
    networks = build_networks(network_of(model), settings, {}, shape, 2, "concordance")
    features = shape[0] + shape[1] * shape[2]
    scaler = Scaler(np.zeros((count, features)), np.ones((count, features)))
    card = {"model": model, "scenario": "transfer", "layers": ["surface", "subsurface"], "shape": list(shape)}
    return Members(networks, [draw_parameters(networks[0], range(count))], scaler, card)


def draw_inputs(rows: int, cols: int, shape: tuple[int, int, int], side: float | None) -> TileInputs:
    rng = np.random.default_rng(0)
    row, col = np.divmod(np.arange(rows * cols), cols)
    across = 1 if side is None else int(cols // side) + 1
    cell = (
        np.zeros(len(row), np.int64) if side is None else (row // side).astype(int) * across + (col // side).astype(int)
    )
    cells = rng.standard_normal((cell.max() + 1, *shape[1:])).astype(np.float32)
    return TileInputs(
        np.arange(rows * cols), rng.standard_normal((rows * cols, shape[0])).astype(np.float32), cell, cells
    )


@torch.inference_mode()
def plainly(members: Members, inputs: TileInputs, pixels: slice, device: torch.device) -> np.ndarray:
    outputs = []
    for place in range(len(members)):
        network = members.network_of(place)[0].to(device)
        static = torch.from_numpy(inputs.static[pixels]).to(device).split(BATCH)
        sequence = torch.from_numpy(inputs.cells[inputs.cell[pixels]]).to(device).split(BATCH)
        parts = [network({"static": own, "sequence": days})[:, -1] for own, days in zip(static, sequence, strict=True)]
        outputs.append(torch.cat(parts).cpu().numpy())
    return np.stack(outputs).mean(axis=0).clip(0, 1)


def rate_of_products(threads: int, device: torch.device) -> float:
    """Operations a second of plain matrix products, in as many threads as the engine has."""
    operands = [(torch.randn(BATCH, 128, device=device), torch.randn(128, 64, device=device)) for _ in range(threads)]

    def work(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
        for _ in range(200):
            pair[0] @ pair[1]

    spent = min(seconds_of(lambda: list(in_order(work, operands, threads)), device) for _ in range(5))
    return 2 * BATCH * 128 * 64 * 200 * threads / spent


def seconds_of(work, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=39)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    rate = rate_of_products(options.threads, device)
    print(f"{options.members} members, {device}, {options.threads} thread(s), {rate / 1e9:.0f} GFLOP/s, best of 3\n")
    print("| network | pixels | engine, s | pixels/s | plainly, s | ratio | floor, s | share | kFLOP |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, model, settings, count, shape, side in CASES:
        members = draw_members(model, settings, options.members, shape)
        tiles = [draw_inputs(TILE, TILE, shape, side)] * count
        engine, pixels = Engine(members, device), count * TILE * TILE

        def work(engine: Engine = engine, tiles: list[TileInputs] = tiles) -> list[tuple[np.ndarray, np.ndarray]]:
            return list(in_order(engine.predict, tiles, options.threads))

        torch.set_num_threads(1)
        ours = min(seconds_of(work, device) for _ in range(3))
        mean = work()[0][0][SAMPLE]
        torch.set_num_threads(options.threads)
        spent = min(
            seconds_of(lambda m=members, i=tiles[0]: plainly(m, i, SAMPLE, device), device) for _ in range(3)
        ) * pixels / SAMPLE.stop  # fmt: skip
        assert np.allclose(mean, plainly(members, tiles[0], SAMPLE, device), atol=1e-5)
        widths = [shape[0], *settings["hidden"], 2]
        operations = 2 * sum(a * b for a, b in zip(widths, widths[1:], strict=False))
        floor = operations * pixels * options.members / rate
        print(
            f"| {name} | {pixels:,} | {ours:.2f} | {pixels / ours:,.0f} | {spent:.1f} | {spent / ours:.1f} "
            f"| {floor:.2f} | {100 * floor / ours:.0f} % | {operations / 1000:.0f} |", flush=True
        )  # fmt: skip


if __name__ == "__main__":
    main()
