"""The scenarios of Widyastuti et al.: trained on the source domain, on the target domain, and transfer; and both.

Transfer starts every fold from the source domain's network and fine-tunes it on the target's stations; the first hidden
layers stay as they were pretrained. ``both`` trains every fold on the source's rows and the target's together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import LeakageError
from loam.protocols.spans import KEY
from loam.samples.series import SampleSeries, join_series
from loam.samples.windows import Windows
from loam.training.card import Members
from loam.training.plan import Plan
from loam.training.scaling import fit_scaler
from loam.training.split import Split, split_source
from loam.training.train_networks import Result, train_networks


def train_source(plan: Plan, source: SampleSeries, validation: Mapping[str, Any]) -> Result:
    """One member on the source domain.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        validation: the config's ``training.validation``.
    """
    windows = plan.windows(source, "source")
    split = plan.split(split_source(windows.keys, plan.layers, validation, plan.seed))
    scaler = fit_scaler(windows, [split.training], plan.scaling)
    member = {"fold": 0, "size": 0, "draw": 1}
    about = {"protocol": None, "scaling": "source", "data": {"source": windows.hash}}
    return train_networks(plan, "source", windows, [split], [member], scaler, about)


def train_target(
    plan: Plan,
    target: SampleSeries,
    folds: pd.DataFrame,
    scaling: str,
    source: SampleSeries | None,
    validation: Mapping[str, Any],
) -> Result:
    """One member a fold, on the target domain alone.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``fold`` (each fold's own training rows) or ``source`` (the source domain's training rows).
        source: samples of the source domain, for ``scaling`` by it.
        validation: the config's ``training.validation``; tells the source domain's training rows.

    Raises:
        LeakageError: scaling by the source domain, and a target station is one of its stations.
    """
    windows = plan.windows(target, "target")
    splits = plan.split_folds(windows, folds)
    protocol = folds["protocol"].iloc[0]
    if scaling == "fold" or source is None:
        scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
        about = {"protocol": protocol, "scaling": scaling, "data": {"target": windows.hash}}
    else:
        others = plan.windows(source, "source")
        _refuse_shared_stations(set(others.stations), windows)
        training = split_source(others.keys, plan.layers, validation, plan.seed).training
        scaler = fit_scaler(others, [training], plan.scaling).of_members(len(splits))
        data = {"source": others.hash, "target": windows.hash}
        about = {"protocol": protocol, "scaling": scaling, "data": data}
    return train_networks(plan, "target", windows, splits, _members(folds), scaler, about)


def train_both(
    plan: Plan,
    source: SampleSeries,
    target: SampleSeries,
    folds: pd.DataFrame,
    validation: Mapping[str, Any],
    weights: Mapping[str, float],
) -> Result:
    """One member a fold, on the source domain's training rows and the fold's together.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        target: samples of the target domain.
        folds: schema FOLDS.
        validation: the config's ``training.validation``; tells the source domain's training rows.
        weights: of each domain in the loss.

    Raises:
        LeakageError: a target station is one of the source domain's.
    """
    alone, others = plan.windows(target, "target"), plan.windows(source, "source")
    _refuse_shared_stations(set(others.stations), alone)
    windows = plan.windows(join_series(source, target, weights), "source and target")
    place = pd.Series(np.arange(len(windows)), pd.MultiIndex.from_frame(windows.keys[["station", "date"]]))

    def moved(own: Windows, rows: np.ndarray) -> np.ndarray:
        return place[pd.MultiIndex.from_frame(own.keys.loc[rows, ["station", "date"]])].to_numpy(copy=True)

    more = moved(others, plan.split(split_source(others.keys, plan.layers, validation, plan.seed)).training)
    splits = [
        Split(
            np.concatenate([more, moved(alone, split.training)]),
            moved(alone, split.validation),
            moved(alone, split.test),
        )
        for split in plan.split_folds(alone, folds)
    ]
    scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
    data = {"source": others.hash, "target": alone.hash}
    about = {"protocol": folds["protocol"].iloc[0], "scaling": "fold", "data": data}
    return train_networks(plan, "both", windows, splits, _members(folds), scaler, about)


def fine_tune(plan: Plan, target: SampleSeries, folds: pd.DataFrame, scaling: str, pretrained: Members) -> Result:
    """One member a fold, from the source domain's network on, its first hidden layers frozen.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``source`` (the pretrained network's scaler, with which the frozen layers were trained) or ``fold``.
        pretrained: the member of scenario ``source``.

    Raises:
        ConfigError: the pretrained network has other features or layers.
        TableError: the pretrained network's card tells no range of its training data.
        LeakageError: a target station trained or validated the pretrained network.
    """
    pretrained.check(plan.features.columns, plan.layers)
    days = pretrained.card["members"][0]["days"]
    windows = plan.windows(target, "target")
    _refuse_shared_stations({*days["training"], *days.get("validation", {})}, windows)
    splits = plan.split_folds(windows, folds)
    if scaling == "fold":
        scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
    else:
        scaler = pretrained.scaler.of_members(len(splits))
    about = {
        "protocol": folds["protocol"].iloc[0],
        "scaling": scaling,
        "data": {**pretrained.card["data"], "target": windows.hash},
    }
    return train_networks(plan, "transfer", windows, splits, _members(folds), scaler, about, pretrained)


def _members(folds: pd.DataFrame) -> list[dict[str, Any]]:
    return folds[KEY].drop_duplicates().sort_values("fold").to_dict("records")


def _refuse_shared_stations(seen: set[str], windows: Windows) -> None:
    shared = sorted(seen & set(windows.stations))
    if shared:
        raise LeakageError(
            f"station {', '.join(shared)} is in the source domain too", where=windows.where,
            expected="stations that the source domain has not seen",
            fix="take it out of one of the two tables, or rename it if two stations share a name",
        )  # fmt: skip
