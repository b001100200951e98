"""Build the report: one self-contained page."""

import json

from loam.io.stage import Paths, Values, run_stage
from loam.config.protocols import default_protocol
from loam.evaluation.shown import shown, station_scores
from loam.io.atomic import write_text
from loam.io.schemas import ACCURACY, FOLDS, MAP_SCORES, MERGED, METRICS_TABLE, SUMMARY
from loam.io.tables import read_table
from loam.mapping.trust import share_inside
from loam.probes.products import QC_REPORT
from loam.report.page import build_page
from loam.report.summary_lines import summary_text
from loam.samples.rows import DROPPED


def stage(paths: Paths, values: Values) -> None:
    protocol, summary = default_protocol(values), read_table(paths["summary"], SUMMARY)
    metrics = station_scores(read_table(paths["metrics"], METRICS_TABLE), protocol)
    pictures = [path for path in paths["maps"] if path.suffix == ".png"]
    inside = {path.parent.name: share_inside(path) for path in paths["maps"] if path.suffix == ".tif"}
    scores = {path.parent.name: read_table(path, MAP_SCORES) for path in paths["maps"] if path.name == "score.csv"}
    known = [read_table(path, ACCURACY) for path in paths["maps"] if path.name == "accuracy.csv"]
    accuracy = [text for table in known for text in table["text"]]
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in dict.fromkeys(paths["cards"])]
    cards = [card for card in cards if card["protocol"] in (None, protocol)]
    page = build_page(
        predictions=shown(read_table(paths["predictions"], MERGED), protocol),
        metrics=metrics,
        summary=summary,
        folds=shown(read_table(paths["folds"], FOLDS), protocol),
        dropped=read_table(paths["dropped"], DROPPED),
        cards=cards,
        maps=pictures,
        inside=inside,
        scores=scores,
        products=[
            paths["dropped"], paths["folds"], *paths["cards"], paths["predictions"], paths["metrics"], paths["summary"],
            *paths["maps"],
        ],
        values=values,
        manifests=paths["manifests"],
        checked={path.parent.name: read_table(path, QC_REPORT) for path in paths["checked"]},
        accuracy=accuracy,
        chosen=next((path for path in paths["maps"] if path.name == "chosen.json"), None),
    )  # fmt: skip
    files = [
        ("Scores", paths["summary"]), ("Every held-out prediction", paths["predictions"]),
        *(("Map", path) for path in pictures), ("Report", paths["page"]),
    ]  # fmt: skip
    text = summary_text(metrics, summary, inside, scores, files, values, accuracy, cards)
    write_text(text, paths["text"])
    write_text(page, paths["page"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
