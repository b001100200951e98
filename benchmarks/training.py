"""Training of all folds by both engines against training them one by one with plain PyTorch, in one run.

    python benchmarks/training.py [--device cpu] [--threads 1] [--rows 22000] [--members 13 39]

One epoch of training and the validation after it, on random numbers in the sizes of the published set-up: 27 static
features, a sequence of 8 days x 3 variables, two layers, batches of 128. ``stacked`` and ``loop`` are the values of
``training.engine``: members side by side, or each by itself; the faster is a model's default. Plain PyTorch is
``nn.LSTM``, ``nn.Linear``, ``torch.optim.Adam`` and a loop over batches, with the data on the device and no loader. The
floor is the time that the matrix products alone take at the speed of a batched product (``torch.bmm``) of the LSTM's
sizes, measured here too.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from loam.config.models import network_of
from loam.covariates.features import FeatureSet, feature_set
from loam.models.parts.initial import draw_parameters
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows
from loam.training.device import describe, use_device
from loam.training.losses import concordance_loss
from loam.training.members import train_members
from loam.training.networks import build_networks
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings

SHAPE, LAYERS, BATCH = (27, 8, 3), 2, 128
HIDDEN, UNITS, DENSE = [128, 64, 32, 16], 64, 100
SETTINGS = {
    "mlp": {"hidden": HIDDEN, "output": "linear"},
    "lstm": {"units": UNITS, "dense": DENSE, "hidden": HIDDEN, "output": "linear"},
}
REPEATS = 3


class PlainNetwork(nn.Module):
    """The network as one would write it without loam."""

    def __init__(self, model: str) -> None:
        super().__init__()
        static, steps, variables = SHAPE
        self.lstm = nn.LSTM(variables, UNITS, bidirectional=True, batch_first=True) if model == "lstm" else None
        self.dense = nn.Linear(2 * UNITS, DENSE) if model == "lstm" else None
        widths = [static + (DENSE if model == "lstm" else steps * variables), *HIDDEN]
        layers = [[nn.Linear(*pair), nn.ReLU()] for pair in zip(widths[:-1], widths[1:], strict=True)]
        self.stack = nn.Sequential(*(part for layer in layers for part in layer), nn.Linear(HIDDEN[-1], LAYERS))

    def forward(self, static: Tensor, sequence: Tensor) -> Tensor:
        """Moisture [batch, layer]."""
        if self.lstm is None:
            return self.stack(torch.cat([sequence.flatten(1), static], 1))
        _, (states, _) = self.lstm(sequence)
        encoded = self.dense(torch.cat([states[0], states[1]], 1)).relu()
        return self.stack(torch.cat([encoded, static], 1))


def draw_windows(count: int, generator: np.random.Generator) -> Windows:
    """So many rows of random numbers, a few years of them at each station."""
    static, steps, variables = SHAPE
    stations = -(-count // 1_200)
    days = -(-count // stations) + steps - 1
    features, layers = features_of_benchmark(), [f"layer{number}" for number in range(LAYERS)]
    moisture = generator.uniform(0, 0.5, (1, stations, days, LAYERS))
    moisture[:, :, : steps - 1] = np.nan
    series = SampleSeries(
        [f"{number:04d}" for number in range(stations)], np.datetime64("2015-01-01") + np.arange(days),
        [feature.column for feature in features.static], generator.normal(size=(stations, static)),
        {f"v{number}": generator.normal(size=(stations, days)) for number in range(variables)}, layers, moisture,
        np.zeros(stations), np.zeros(stations),
    )  # fmt: skip
    return Windows(series, features, layers, "target")


def features_of_benchmark() -> FeatureSet:
    static, steps, variables = SHAPE
    return feature_set({
        "static": [f"s{number}" for number in range(static)], "daily": [], "classes": [], "day_of_year": False,
        "sequence": {"variables": [f"v{number}" for number in range(variables)], "lags": [0, steps - 1]},
    })  # fmt: skip


def plain_epoch(model: str, windows: Windows, split: Split, device: torch.device) -> Callable[[], None]:
    """One epoch of one member, one batch after the other."""
    columns = [windows.column(number, np.arange(len(windows))) for number in range(len(windows.features.all))]
    inputs, targets = (torch.from_numpy(part).float().to(device) for part in (np.stack(columns, 1), windows.observed))
    static, steps, variables = SHAPE
    sequence = inputs[:, static:].reshape(-1, steps, variables)
    network = PlainNetwork(model).to(device)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    training, validation = (torch.from_numpy(part).to(device) for part in (split.training, split.validation))

    def loss_of(index: Tensor) -> Tensor:
        observed = targets[index]
        return concordance_loss(network(inputs[index, :static], sequence[index]), observed, observed.isfinite())

    def run() -> None:
        for batch in training[torch.randperm(len(training), device=device)].split(BATCH):
            adam.zero_grad()
            loss_of(batch).backward()
            adam.step()
        with torch.no_grad():
            loss_of(validation).item()

    return run


def epoch_of(
    engine: str, model: str, windows: Windows, splits: list[Split], device: torch.device, threads: int
) -> Callable[[], None]:
    """One epoch of all members by an engine of loam."""
    (network,) = build_networks(network_of(model), SETTINGS[model], {}, SHAPE, LAYERS, "concordance")
    start = draw_parameters(network, range(len(splits)))
    width = len(windows.features.all)
    scaler = Scaler(np.zeros((len(splits), width)), np.ones((len(splits), width)))
    settings = TrainingSettings(1e-4, BATCH, epochs=1, patience=1, engine=engine)
    seeds = list(range(len(splits)))
    return lambda: train_members(
        network, start, windows, splits, seeds, scaler, settings, device=device, threads=threads
    )


def million_operations(model: str) -> float:
    """Additions and multiplications in the matrix products of one step of one member, forwards and backwards."""
    static, steps, variables = SHAPE
    encoded = DENSE if model == "lstm" else steps * variables
    widths = [encoded + static, *HIDDEN, LAYERS]
    weights = [pair[0] * pair[1] for pair in zip(widths[:-1], widths[1:], strict=True)]
    products = 3 * sum(weights) - (weights[0] if model == "mlp" else 0)  # the inputs themselves need no gradient
    if model == "lstm":
        recurrent, read = 2 * 4 * UNITS * UNITS, 2 * 4 * UNITS * (variables + 1)
        products += 3 * (steps - 1) * recurrent + 2 * steps * read + 3 * 2 * UNITS * DENSE
    return 2 * BATCH * products / 1e6


def seconds(run: Callable[[], None], device: torch.device) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return best


def operations_a_second(device: torch.device) -> float:
    """Million operations a second of a batched product of the LSTM's sizes, on one thread."""
    state, weight = (torch.randn(26, *size, device=device) for size in ((BATCH, UNITS), (UNITS, 4 * UNITS)))
    products = 100
    return products * 26 * 2 * BATCH * UNITS * 4 * UNITS / 1e6 / seconds(
        lambda: [torch.bmm(state, weight) for _ in range(products)], device
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "auto"])
    parser.add_argument("--threads", type=int, default=1, help="threads of either side")
    parser.add_argument("--rows", type=int, default=22_000, help="training rows of a member")
    parser.add_argument("--members", type=int, nargs="+", default=[13, 39])
    options = parser.parse_args()
    device = use_device(options.device, 1)
    generator = np.random.default_rng(0)
    windows = draw_windows(options.rows + 1_700, generator)  # one station validates
    speed = operations_a_second(device)
    print(f"{platform.processor() or platform.machine()}, {describe(device)}, {options.threads} thread(s), "
          f"PyTorch {torch.__version__}; batched product {speed / 1000:.0f} GFLOP/s on one thread\n")  # fmt: skip
    print("| model | members | training rows | plain PyTorch, ms a step | loop, ms a step | stacked, ms a step of one "
          "member | rows a second | plain / stacked | floor, ms |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    batches = -(-options.rows // BATCH)
    for model in SETTINGS:
        for members in options.members:
            orders = [generator.permutation(len(windows)) for _ in range(members)]
            splits = [Split(order[: options.rows], order[options.rows :][:1_700]) for order in orders]
            torch.set_num_threads(options.threads)
            alone = seconds(plain_epoch(model, windows, splits[0], device), device) / batches
            torch.set_num_threads(1)
            loop, together = (
                seconds(epoch_of(engine, model, windows, own, device, options.threads), device) / (batches * len(own))
                for engine, own in (("loop", splits[: options.threads]), ("stacked", splits))
            )
            floor = million_operations(model) / speed / options.threads
            print(f"| {model} | {members} | {options.rows} | {alone * 1000:.2f} | {loop * 1000:.2f} "
                  f"| {together * 1000:.2f} "
                  f"| {BATCH / together:.0f} | {alone / together:.1f} | {floor * 1000:.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
