"""One self-contained HTML page about a run: what ran, how good it is, the map, and where every number comes from.

Pictures are embedded and nothing is loaded from elsewhere, so the file can be mailed, printed and archived as it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from loam.config.protocols import FLATTERS, default_protocol, told
from loam.evaluation.chosen import chosen_of
from loam.evaluation.shown import shown
from loam.io.provenance import hash_of_values, provenance_path
from loam.report.data import classes_not_told, datasets, days_that_came, not_credited
from loam.report.figures import draw_observed_predicted, draw_station_scores, png
from loam.report.finding import findings
from loam.report.held_out import about, beside
from loam.report.lost_stations import lost_rows
from loam.report.names import METRICS, systems_of
from loam.report.notices import notices, short_training
from loam.report.page_tables import Table, comparisons, dropped_rows, folds_table, map_scores, score_rows, training
from loam.report.words import MODELS, SCENARIOS, UNIT, UNITLESS, layer_name, percent, system_name

TEMPLATE = Path(__file__).with_name("page.html.jinja")
NOT_CONFIG = {"threads", "systems"}  # values of the job, not of the run
MEMBERS = {
    "all": "trained on all target stations (scores are those of networks that had held stations out)",
    "folds": "one for each fold of the scored protocol",
}
FITTED = "fitted to all rows of the run (scores are those of fits that had held stations out)"


def build_page(
    *,
    predictions: pd.DataFrame,
    metrics: pd.DataFrame,
    summary: pd.DataFrame,
    folds: pd.DataFrame,
    dropped: pd.DataFrame,
    cards: Sequence[Mapping[str, Any]],
    maps: Sequence[Path],
    inside: Mapping[str, float],
    scores: Mapping[str, pd.DataFrame],
    products: Sequence[Path],
    values: Mapping[str, Any],
    manifests: Sequence[Path] = (),
    checked: Mapping[str, pd.DataFrame] | None = None,
    accuracy: Sequence[str] = (),
    chosen: Path | None = None,
) -> str:
    """The page as HTML.

    Args:
        predictions: schema PREDICTIONS.
        metrics: schema METRICS_TABLE, of the protocol that is shown (``loam.evaluation.shown``); predictions and folds
            likewise.
        summary: schema SUMMARY, of every protocol.
        folds: schema FOLDS.
        dropped: rows of the samples that were kept and dropped.
        cards: card of each network and scenario; may be empty.
        maps: PNG of each mapped day, ``<date>/<file>.png``; may be empty.
        inside: share of the pixels within the range of the training data, of each mapped day.
        scores: of each mapped day against the truth, schema MAP_SCORES; may be empty.
        products: files whose provenance is listed, where there is a record beside them.
        values: the whole config, and ``systems`` that may map (``loam.config.mapped``).
        manifests: what came of the data that were fetched; may be empty.
        checked: the QC report of each domain whose moisture comes from probes, schema QC_REPORT.
        accuracy: how far off a map is, a line a layer (``loam.report.accuracy``).
        chosen: what ``loam.evaluation.best_system`` found; None where nothing had to be chosen.
    """
    config = {key: value for key, value in values.items() if key not in NOT_CONFIG}
    protocol, everything = default_protocol(config), summary
    summary = shown(summary, protocol)
    layers = [layer for layer in config["layers"] if layer["name"] in set(summary["layer"])]
    mapped, why = chosen_of(values["systems"], chosen)
    found = findings(metrics, layers, draws=config["evaluation"]["bootstrap"], seed=config["seed"])
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        run=config["run"],
        findings=found,
        comparisons=comparisons(found),
        facts=run_facts(config, predictions, dropped),
        layers=[_layer(layer, predictions, metrics, summary) for layer in layers],
        metrics=[name + ("" if metric in UNITLESS else f" ({UNIT})") for metric, name in METRICS.items()],
        has_same_day_mean="same_day_mean" in set(summary["model"]),
        has_coarse="coarse" in set(summary["model"]),
        draws=config["evaluation"]["bootstrap"],
        maps=[_map(path, inside, scores, layers) for path in maps],
        accuracy=accuracy,
        outside=config["mapping"]["outside"],
        map_members=FITTED if mapped["rival"] else MEMBERS[config["mapping"]["members"]],
        map_system=system_name((mapped["model"], mapped["scenario"])),
        map_by_members=not mapped["rival"],
        chosen=why,
        notices=notices(config, cards),
        datasets=datasets(config),
        not_credited=not_credited(config),
        not_told=classes_not_told(config),
        days=days_that_came(manifests),
        folds=folds_table(folds),
        held_out=about(protocol),
        protocols=beside(everything, layers),
        flatters=FLATTERS,
        dropped=dropped_rows(dropped),
        lost=lost_rows(checked or {}, dropped, config["probes"]["quality"]["exclude"]),
        training=training(cards) if cards else None,
        short_training=short_training(cards),
        provenance=provenance(products),
        config=json.dumps(config, indent=1, ensure_ascii=False),
        config_hash=hash_of_values(config),
    )


def _scenarios(training: Mapping[str, Any], model: str) -> list[str]:
    """Scenarios of a model, as the run settled them."""
    return (training.get(model) or {}).get("scenarios") or training["scenarios"]


def _how(training: Mapping[str, Any], model: str) -> str:
    """How a model is trained."""
    own = {**training, **(training.get(model) or {})}
    if own.get("steps"):
        batch = own["batch"]
        return (
            f"learning rate {own['learning_rate']:g}, {own['steps']} steps of {batch['stations']} stations with "
            f"{batch['rows']} rows each, {own['seeds']} networks a fold, loss {own['loss']}"
        )
    return (
        f"learning rate {own['learning_rate']:g}, batch {own['batch_size']}, at most {own['epochs']} epochs, patience "
        f"{own['patience']}"
    )


def run_facts(config: Mapping[str, Any], predictions: pd.DataFrame, dropped: pd.DataFrame) -> list[tuple[str, str]]:
    """What ran, as pairs of a term and its value."""
    chosen = config["training"]
    scenarios = {
        model: _listed(SCENARIOS.get(name, name) for name in _scenarios(chosen, model)) for model in chosen["models"]
    }
    rows = predictions[["station", "date"]].drop_duplicates()
    facts = [
        ("Networks", "; ".join(f"{MODELS.get(model, model)} ({named})" for model, named in scenarios.items())),
        ("Held out by", _listed(map(told, chosen["protocols"]))),
        ("Soil layers", "; ".join(layer_name(layer) for layer in config["layers"])),
        ("Target domain", f"{_stations(rows)}, {len(rows):,} station-days scored"),
        ("Target dates", f"{rows['date'].min():%Y-%m-%d} to {rows['date'].max():%Y-%m-%d}"),
    ]
    if {"domain", "station", "reason", "rows"} <= set(dropped.columns):
        source = dropped[(dropped["domain"] == "source") & (dropped["reason"] == "kept")]
        said = f"{_stations(source)}, {source['rows'].sum():,} station-days" if len(source) else "none"
        facts.append(("Source domain", said))
    validation = chosen["validation"]
    if any({"source", "transfer"} & set(_scenarios(chosen, model)) for model in chosen["models"]):
        facts.append(("Source training", _source_split(validation)))
    return [
        *facts,
        ("Held-out predictions", f"{len(predictions):,}"),
        *((f"Training of {MODELS.get(model, model)}", _how(chosen, model)) for model in chosen["models"]),
        ("Seed", str(config["seed"])),
    ]


def provenance(products: Sequence[Path]) -> Table:
    """The record beside each product: rule, code version, hash of its config values, hash of its bytes."""
    rows = []
    for path in products:
        record = provenance_path(path)
        if record.is_file():
            known = json.loads(record.read_text(encoding="utf-8"))
            written = known["written"].removesuffix("+00:00").replace("T", " ")
            rows.append([str(path), known["rule"], known["code"], known["config_hash"], known["sha256"][:12], written])
    return Table(["Product", "Rule", "Code version", "Config hash", "SHA-256, first 12", "Written (UTC)"], rows)


def embedded(picture: bytes) -> str:
    """A PNG as the address of an image that carries its own bytes."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _layer(
    layer: Mapping[str, Any], predictions: pd.DataFrame, metrics: pd.DataFrame, summary: pd.DataFrame
) -> dict[str, Any]:
    name = layer["name"]
    predictions, metrics, summary = (frame[frame["layer"] == name] for frame in (predictions, metrics, summary))
    systems = systems_of(summary)
    return {
        "key": name,
        "name": layer_name(layer),
        "rows": score_rows(summary),
        "stations": metrics["station"].nunique(),
        "systems": ", ".join(f"{system_name(system)}" for system in systems),
        "boxes": embedded(png(draw_station_scores(metrics, systems))),
        "scatter": embedded(png(draw_observed_predicted(predictions, systems))),
    }


def _map(
    picture: Path,
    inside: Mapping[str, float],
    scores: Mapping[str, pd.DataFrame],
    layers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    day = picture.parent.name
    return {
        "date": day,
        "picture": embedded(picture.read_bytes()),
        "inside": percent(inside[day]),
        "scores": [
            {"layer": layer_name(layer), "table": map_scores(scores[day], layer["name"])}
            for layer in layers
            if day in scores
        ],
    }


def _source_split(validation: Mapping[str, Any]) -> str:
    if validation["by"] == "stations":
        return f"{validation['station_share']:.0%} of the stations validate"
    first, second = (" to ".join(validation[key]) for key in ("training_dates", "validation_dates"))
    return f"{first}; validated on {second}"


def _stations(rows: pd.DataFrame) -> str:
    number_of = rows["station"].nunique()
    return f"{number_of} station{'' if number_of == 1 else 's'}"


def _listed(names: Any) -> str:
    return ", ".join(names)
