"""Audit the run for leakage: what was held out is in no fit, scaler, neighbours' mean, validation or pretraining."""

import json
import logging

from loam.io.stage import Paths, Values, run_stage
from loam.config.systems import reads_probes_of_the_day
from loam.covariates.features import feature_set
from loam.evaluation.audit import (
    WARNING,
    check_neighbours,
    check_repeats,
    check_rows,
    refuse_failed,
    table_of,
)
from loam.evaluation.audit_scalers import check_scalers
from loam.evaluation.audit_warnings import another_value_a_station, check_features, check_period, identifying
from loam.io.schemas import AUDIT, FOLDS, MERGED
from loam.io.tables import read_table, write_table
from loam.rivals.features_left_out import check_scores_without, suspects

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    folds, predictions = read_table(paths["folds"], FOLDS), read_table(paths["predictions"], MERGED)
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in dict.fromkeys(paths["cards"])]
    samples = {domain: read_table(paths[domain]) for domain in ("source", "target") if paths[domain]}
    target, layers = samples["target"], [layer["name"] for layer in values["layers"]]
    told = {card["model"] for card in cards if any("neighbours" in name for name in card.get("extras", []))}
    told |= {model for model in predictions["model"].unique() if reads_probes_of_the_day(model)}
    reading = set(predictions.loc[predictions["model"].isin(told), "protocol"])
    features = feature_set(values["features"])
    daily = [one.column for one in features.all if one.kind in ("daily", "sequence")]
    static, read = values["features"]["static"], [name for name in features.columns if name in target]
    left_out = suspects([*identifying(target, static, daily)], another_value_a_station(target, static))
    draws, seed = values["evaluation"]["bootstrap"], values["seed"]
    table = table_of(
        [
            *check_rows(folds, cards, target),
            *check_scalers(cards, samples),
            *check_repeats(folds, cards, samples, layers),
            *check_neighbours(folds, reading, target, layers),
            *check_features(target, static, daily),
            *check_scores_without(
                target, folds, read, left_out, layers, draws=draws, seed=seed, threads=values["threads"]
            ),
            *check_period(predictions, draws=draws, seed=seed),
        ]
    )
    for row in table.itertuples():
        log.info("%s, %s: %s", row.check, row.result, row.detail)
    refuse_failed(table)
    for check, warned in table[table["result"] == WARNING].groupby("check", sort=False)["detail"]:
        more = f"; {len(warned) - 1} more in evaluation/audit.csv" if len(warned) > 1 else ""
        log.warning("leakage audit, %s: %s%s", check, warned.iloc[0], more)
    write_table(table, paths["audit"], AUDIT)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
