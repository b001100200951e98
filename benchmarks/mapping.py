"""Mapping: the engine, which reads coarse cells once, against every member's whole network at every pixel.

    python benchmarks/mapping.py [--members 12] [--device cpu]

Both get the same random members and the same inputs in memory; reading and writing files is left out. The rival runs
`torch.nn.Module.forward` of each member on all features of each pixel, its sequence included, in batches of 4,096; it
is timed on a sample of the pixels. The floor is the multiplications and additions that the engine needs (kFLOP a pixel
and member) at the speed of a plain matrix product. Prints a Markdown table.
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
from loam.mapping.engine import Engine
from loam.models.parts.initial import draw_parameters
from loam.training.card import Members
from loam.training.networks import build_networks
from loam.training.scaling import Scaler

SAMPLE = slice(0, 20_000)  # pixels on which the rival is timed
SETTINGS = {"hidden": [128, 64, 32, 16], "output": "linear", "units": 64, "dense": 100}
CASES = [("lstm", 500, 500, (24, 8, 2), 112.5), ("mlp", 1000, 1000, (9, 0, 0), None)]  # pixels of a 9 km cell's side
BATCH = 4096


def draw_members(model: str, count: int, shape: tuple[int, int, int]) -> Members:
    networks = build_networks(network_of(model), SETTINGS, {}, shape, 2, "concordance")
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


def floor_seconds(shape: tuple[int, int, int], pixels: int, members: int, device: torch.device) -> tuple[float, float]:
    """Operations of a pixel and member in kFLOP, and the time that all need at the speed of a plain product."""
    widths = [shape[0], *SETTINGS["hidden"], 2]
    operations = 2 * sum(a * b for a, b in zip(widths, widths[1:], strict=False))
    left, right = torch.randn(BATCH, 128, device=device), torch.randn(128, 64, device=device)
    rate = max(
        2 * BATCH * 128 * 64 * 20 / seconds_of(lambda: [left @ right for _ in range(20)], device) for _ in range(5)
    )
    return operations / 1000, operations * pixels * members / rate


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
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    print(f"{options.members} members, {device}, {options.threads} thread(s), best of 3\n")
    print("| model | pixels | engine, s | pixels/s | every member at every pixel, s | ratio | floor, s | kFLOP |")
    print("|---|---|---|---|---|---|---|---|")
    for model, rows, cols, shape, side in CASES:
        members, inputs = draw_members(model, options.members, shape), draw_inputs(rows, cols, shape, side)
        engine, pixels = Engine(members, device), rows * cols
        ours = min(seconds_of(lambda e=engine, i=inputs: e.predict(i), device) for _ in range(3))
        mean = engine.predict(inputs)[0][SAMPLE]
        spent = min(
            seconds_of(lambda m=members, i=inputs: plainly(m, i, SAMPLE, device), device) for _ in range(3)
        ) * pixels / SAMPLE.stop  # fmt: skip
        assert np.allclose(mean, plainly(members, inputs, SAMPLE, device), atol=1e-4)
        kflop, floor = floor_seconds(shape, pixels, options.members, device)
        print(
            f"| {model} | {pixels:,} | {ours:.2f} | {pixels / ours:,.0f} | {spent:.1f} | {spent / ours:.1f} "
            f"| {floor:.2f} | {kflop:.0f} |"
        )


if __name__ == "__main__":
    main()
