"""Training of all folds by both engines against training them one by one with plain PyTorch, in one run.

    python benchmarks/training.py [--device cpu] [--threads 1] [--steps 40] [--members 13 52]

Steps of training, with their part of the validation after each epoch, on random numbers in the sizes of the published
set-up: 22,000 rows of 27 static features and a sequence of 8 days x 3 variables, two layers. ``mlp`` and ``lstm`` are
the paper's, in batches of 128; ``mlp_within`` and ``mlp_neighbours`` recipe ``ours``: batches of 8 stations x 16 rows,
the loss within stations, 13 folds of 4 seeds side by side. ``stacked`` and ``loop`` are the values of
``training.engine``: members side by side, or each by itself. Plain PyTorch is ``nn.LSTM``, ``nn.Linear``,
``torch.optim`` and a loop over batches: from tensors that lie on the device, and from a ``DataLoader``, which puts each
batch together row by row. The floor is the time that the matrix products alone take at the speed of a batched product
(``torch.bmm``) of the LSTM's sizes, measured here too. With one thread times are those of the processor, which other
programs on a busy machine disturb less.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from loam.config.models import network_of
from loam.config.recipes import MADE
from loam.covariates.features import FeatureSet, feature_set
from loam.models.parts.initial import draw_parameters
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows
from loam.training.batches import StationBatches
from loam.training.device import describe, use_device
from loam.training.extras import Extras
from loam.training.group import Weighing
from loam.training.levels import moisture_of, output_scale
from loam.training.losses import concordance_loss, within_station
from loam.training.members import train_members
from loam.training.networks import build_networks
from loam.training.scaling import Scaler
from loam.training.schedules import factor_of
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings

SHAPE, LAYERS, BATCH, ROWS, VALIDATION = (27, 8, 3), 2, 128, 22_000, 1_700
HIDDEN, UNITS, DENSE = [128, 64, 32, 16], 64, 100
OURS = MADE["mlp_within"]
REPEATS, WHOLE, LOADED = 2, 500, 20  # WHOLE: steps of a whole training of recipe ours; LOADED: steps by a DataLoader


@dataclass(frozen=True)
class Model:
    """What is trained: of which recipe, and how many inputs stand behind the features."""

    network: str
    settings: dict[str, Any]
    ours: bool = False
    extras: int = 0

    @property
    def hidden(self) -> list[int]:
        """Neurons of the dense layers."""
        return self.settings["hidden"]


WITHIN = {name: OURS[name] for name in ("hidden", "activation", "output")}
MODELS = {
    "mlp": Model("mlp", {"hidden": HIDDEN, "output": "linear"}),
    "lstm": Model("lstm", {"units": UNITS, "dense": DENSE, "hidden": HIDDEN, "output": "linear"}),
    "mlp_within": Model("mlp", WITHIN, ours=True, extras=1),  # the domain
    "mlp_neighbours": Model("mlp", WITHIN, ours=True, extras=1 + 2 * LAYERS),  # and the other probes
}
COSINE = {"name": "cosine", "warm_up": 0.1, "least": 0.0}


class PlainNetwork(nn.Module):
    """The network as one would write it without loam."""

    def __init__(self, model: Model, scale: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__()
        static, steps, variables = SHAPE
        recurrent = model.network == "lstm"
        self.lstm = nn.LSTM(variables, UNITS, bidirectional=True, batch_first=True) if recurrent else None
        self.dense = nn.Linear(2 * UNITS, DENSE) if recurrent else None
        widths = [static + model.extras + (DENSE if recurrent else steps * variables), *model.hidden]
        follows = nn.SiLU if model.ours else nn.ReLU
        layers = [[nn.Linear(*pair), follows()] for pair in zip(widths[:-1], widths[1:], strict=True)]
        self.stack = nn.Sequential(*(part for layer in layers for part in layer), nn.Linear(widths[-1], LAYERS))
        self.shift, self.scale = (torch.from_numpy(part).float() if model.ours else None for part in scale)

    def forward(self, static: Tensor, sequence: Tensor) -> Tensor:
        """Moisture [batch, layer]."""
        if self.lstm is None:
            answer = self.stack(torch.cat([sequence.flatten(1), static], 1))
            return answer if self.scale is None else answer * self.scale + self.shift
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


def plain_steps(
    model: Model, windows: Windows, split: Split, device: torch.device, *, loader: bool
) -> Callable[[], None]:
    """One epoch of one member, one batch after the other; batches come from a ``loader``, or from tensors."""
    generator = np.random.default_rng(0)
    columns = [windows.column(number, np.arange(len(windows))) for number in range(len(windows.features.all))]
    more = [generator.normal(size=len(windows)) for _ in range(model.extras)]
    static, steps, variables = SHAPE
    fixed, sequence, targets = (
        torch.from_numpy(np.ascontiguousarray(part)).float().to(device)
        for part in (np.stack([*columns[:static], *more], 1), np.stack(columns[static:], 1), windows.observed)
    )
    sequence = sequence.reshape(-1, steps, variables)
    moisture = moisture_of(windows, split.training)
    network = PlainNetwork(model, moisture).to(device)
    unit, of_station = torch.from_numpy(moisture[1]).float().to(device), torch.arange(BATCH, device=device) // 16
    optimiser, schedule = _plain_optimiser(model, network)
    by_station = StationBatches(windows, split.training, OURS["batch"])
    validation = torch.from_numpy(split.validation).to(device)
    rows = TensorDataset(fixed.cpu(), sequence.cpu(), targets.cpu())

    def loss_of(static: Tensor, sequence: Tensor, observed: Tensor) -> Tensor:
        predicted, known = network(static, sequence), observed.isfinite()
        if not model.ours:
            return concordance_loss(predicted, observed, known)
        scaled = (predicted / unit, observed / unit, known)
        return within_station(*scaled, of_station=of_station[: len(observed)], level_weight=OURS["level_weight"])

    def batches() -> Iterator[tuple[Tensor, ...]]:
        if model.ours:
            drawn = by_station.draw(generator, len(split.training) // BATCH)
        else:
            drawn = generator.permutation(split.training)[: len(split.training) // BATCH * BATCH].reshape(-1, BATCH)
        if loader:
            yield from DataLoader(rows, batch_sampler=drawn[:LOADED].tolist())
        for index in () if loader else torch.from_numpy(drawn).to(device):
            yield fixed[index], sequence[index], targets[index]

    def run() -> None:
        for batch in batches():
            optimiser.zero_grad()
            loss_of(*(part.to(device) for part in batch)).backward()
            optimiser.step()
            schedule.step()
        if len(validation) and not loader:
            with torch.no_grad():
                loss_of(fixed[validation], sequence[validation], targets[validation]).item()

    return run


def _plain_optimiser(model: Model, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
    if not model.ours:
        adam: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
        return adam, torch.optim.lr_scheduler.ConstantLR(adam, 1.0)
    parts = [[own for own in network.parameters() if (own.dim() > 1) is weight] for weight in (True, False)]
    groups = [{"params": own, "weight_decay": decay} for own, decay in zip(parts, (OURS["decay"], 0.0), strict=True)]
    adam = torch.optim.AdamW(groups, lr=OURS["learning_rate"], betas=tuple(OURS["betas"]))
    return adam, torch.optim.lr_scheduler.LambdaLR(adam, lambda step: factor_of(COSINE, step, WHOLE))


def steps_of(
    engine: str, model: Model, windows: Windows, splits: list[Split], device: torch.device, threads: int
) -> Callable[[], None]:
    """One epoch of all members by an engine of loam."""
    static, steps, variables = SHAPE
    loss = "within_station" if model.ours else "concordance"
    shape = (static + model.extras, steps, variables)
    (network,) = build_networks(network_of(model.network), model.settings, {}, shape, LAYERS, loss)
    moisture = [moisture_of(windows, split.training) for split in splits]
    start = draw_parameters(network, range(len(splits))) | output_scale(network, moisture)
    width, count = len(windows.features.all), len(splits)
    scaler = Scaler(np.zeros((count, width)), np.ones((count, width)))
    settings, extras, weighing = (
        TrainingSettings(1e-4, BATCH, epochs=1, patience=1, engine=engine),
        Extras(),
        Weighing(),
    )
    if model.ours:
        settings = TrainingSettings(
            OURS["learning_rate"], BATCH, epochs=1, patience=1, engine=engine, loss=loss, batch=OURS["batch"],
            steps=len(splits[0].training) // BATCH, betas=OURS["betas"], decay=OURS["decay"], schedule=COSINE,
            stop={"stop": "last", "epochs": 1}, validation="none", absent=0.1 if model.extras > 1 else 0.0,
        )  # fmt: skip
        table = np.random.default_rng(0).normal(size=(1, len(windows.of_day), 2 * LAYERS)).astype(np.float32)
        told = (table, np.zeros(count, np.int64)) if model.extras > 1 else (None, None)
        extras = Extras(np.ones(len(windows.of_station)), *told)
        unit = torch.from_numpy(np.stack([std for _, std in moisture]))
        weighing = Weighing(unit, torch.full((count,), OURS["level_weight"], dtype=torch.float64))
    return lambda: train_members(
        network, start, windows, splits, list(range(count)), scaler, settings, device=device, threads=threads,
        extras=extras, weighing=weighing,
    )  # fmt: skip


def million_operations(model: Model) -> float:
    """Additions and multiplications in the matrix products of one step of one member, forwards and backwards."""
    static, steps, variables = SHAPE
    recurrent = model.network == "lstm"
    encoded = DENSE if recurrent else steps * variables
    widths = [encoded + static + model.extras, *model.hidden, LAYERS]
    weights = [pair[0] * pair[1] for pair in zip(widths[:-1], widths[1:], strict=True)]
    products = 3 * sum(weights) - (0 if recurrent else weights[0])  # the inputs themselves need no gradient
    if recurrent:
        between, read = 2 * 4 * UNITS * UNITS, 2 * 4 * UNITS * (variables + 1)
        products += 3 * (steps - 1) * between + 2 * steps * read + 3 * 2 * UNITS * DENSE
    return 2 * BATCH * products / 1e6


def seconds(run: Callable[[], object], device: torch.device, threads: int = 1) -> float:
    """The least of some runs; of the processor where one thread of it does all."""
    clock = time.process_time if device.type == "cpu" and threads == 1 else time.perf_counter
    best = float("inf")
    for _ in range(REPEATS):
        began = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, clock() - began)
    return best


def operations_a_second(device: torch.device, dtype: torch.dtype) -> float:
    """Million operations a second of a batched product of the LSTM's sizes, on one thread."""
    state, weight = (torch.randn(26, *size, device=device).to(dtype) for size in ((BATCH, UNITS), (UNITS, 4 * UNITS)))
    products = 20
    return products * 26 * 2 * BATCH * UNITS * 4 * UNITS / 1e6 / seconds(
        lambda: [torch.bmm(state, weight) for _ in range(products)], device
    )  # fmt: skip


def load_of_machine() -> str:
    """What else the machine does: the load of the last minute."""
    return f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "auto"])
    parser.add_argument("--threads", type=int, default=1, help="threads of either side")
    parser.add_argument("--steps", type=int, default=40, help="that are timed, of one epoch")
    parser.add_argument("--members", type=int, nargs="+", default=[13, 52])
    options = parser.parse_args()
    device, load = use_device(options.device, 1), load_of_machine()
    generator = np.random.default_rng(0)
    windows = draw_windows(ROWS + VALIDATION, generator)
    single, half = (operations_a_second(device, dtype) for dtype in (torch.float32, torch.bfloat16))
    print(f"{platform.processor() or platform.machine()}, {describe(device)}, {options.threads} thread(s), "
          f"PyTorch {torch.__version__}{load}; batched product on one thread {single / 1000:.0f} GFLOP/s in float32, "
          f"{half / 1000:.0f} in bfloat16 ({half / single:.2f} times)\n")  # fmt: skip
    print("| model | members | DataLoader, ms a step | tensors, ms a step | loop, ms a step | stacked, ms a step of "
          "one member | DataLoader / stacked | tensors / stacked | floor, ms | floor / stacked | all members, "
          f"{WHOLE} steps, s | one by one from tensors, s |\n|{'---|' * 12}")  # fmt: skip
    rows, validating = options.steps * BATCH, round(options.steps * BATCH * VALIDATION / ROWS)
    for name, model in MODELS.items():
        for members in options.members:
            orders = [generator.permutation(len(windows)) for _ in range(members)]
            validating_rows = 0 if model.ours else validating
            splits = [Split(order[:rows], order[rows:][:validating_rows]) for order in orders]
            torch.set_num_threads(options.threads)
            loaded, alone = (
                seconds(plain_steps(model, windows, splits[0], device, loader=loader), device, options.threads) / steps
                for loader, steps in ((True, min(options.steps, LOADED)), (False, options.steps))
            )
            torch.set_num_threads(1)
            loop, together = (
                seconds(steps_of(engine, model, windows, own, device, options.threads), device, options.threads)
                / (options.steps * len(own))
                for engine, own in (("loop", splits[: options.threads]), ("stacked", splits))
            )
            floor = million_operations(model) / single / options.threads
            print(f"| {name} | {members} | {loaded * 1000:.2f} | {alone * 1000:.2f} | {loop * 1000:.2f} "
                  f"| {together * 1000:.2f} | {loaded / together:.1f} | {alone / together:.1f} | {floor * 1000:.2f} "
                  f"| {floor / together:.2f} | {together * members * WHOLE:.1f} | {alone * members * WHOLE:.1f} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
