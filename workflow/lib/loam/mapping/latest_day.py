"""The latest day that can be mapped: what ``snakemake today`` maps. Read when the workflow is parsed.

Where a run acquires its fields it is the as-of day less the longest latency among the datasets that the features are
made from, or earlier where their manifests on disk say that days were not yet published when they were last asked for:
a provider that is later than usual fails the first attempt of a morning, and the next takes the last day that is there.
Where files of one's own serve a map (``{date}`` in their names), it is the last day of which all of them are there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from glob import escape, glob
from pathlib import Path
from typing import Any

from loam.acquire.acquire_plan import fields_files, period_of
from loam.acquire.catalogue import dataset_of
from loam.acquire.file_spans import as_of
from loam.config.covariates import covariate_names, kind_of
from loam.config.parts import origin
from loam.config.raster_days import windows_of
from loam.covariates.read.day_files import files_of_day
from loam.errors import ConfigError
from loam.variables import kinds_of

DAY = r"\d{4}-\d{2}-\d{2}"


def latest_day(config: Mapping[str, Any]) -> str:
    """The day, YYYY-MM-DD.

    Raises:
        ConfigError: the run maps nothing, or no day's inputs are there.
    """
    if origin(config, "target") == "cube":
        return _latest_of_fields(config).isoformat()
    return _latest_of_files(config)


def files_of_today(config: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """The ``files`` of the latest day's folder; no score, as no truth of today is known."""
    folder = f"results/{config['run']}/maps/{latest_day(config)}"
    return [f"{folder}/{file}" for file in files if file != "score.csv"]


def _latest_of_fields(config: Mapping[str, Any]) -> date:
    read = {kind_of(name) for name in covariate_names(config["features"])}
    kinds = [kind for kind in kinds_of("fields") if kind in read and config["acquire"][kind]]
    first, last = period_of(config, "target")
    latency = max((dataset_of(config["acquire"][kind]["dataset"]).latency_days for kind in kinds), default=0)
    latest = min(last, as_of(config) - timedelta(days=latency))
    late = {day for kind in kinds for day in _late_days(fields_files(config, kind, first, last))}
    while latest in late:
        latest -= timedelta(days=1)
    if latest < first:
        raise ConfigError(
            f"no day from {first} on is published yet", where="config key 'acquire.period.target'",
            expected=f"a first day before {as_of(config)} less a latency of {latency} days",
        )  # fmt: skip
    return latest


def _late_days(files: list[str]) -> set[date]:
    """Days that were asked for and not yet published, by the manifests beside ``files``."""
    late = set()
    for file in files:
        manifest = Path(file.rsplit(".", 1)[0] + ".manifest.csv")
        if manifest.is_file():
            with manifest.open(encoding="utf-8", newline="") as rows:
                late |= {date.fromisoformat(row["date"]) for row in csv.DictReader(rows)
                         if row.get("state") == "not_yet_published"}  # fmt: skip
    return late


def _latest_of_files(config: Mapping[str, Any]) -> str:
    inputs, features = config["mapping"]["inputs"], config["features"]
    daily = [item for item in inputs if windows_of(item, features)]
    held = sorted({str(item["date"]) for item in daily if item.get("date")})
    named = [item for item in daily if "{date}" in item["file"]]
    if len(held) == 1:
        return held[0]
    if held or not named:
        raise ConfigError(
            "no day to map can be told from the files", where="config key 'mapping.inputs'",
            expected="files of daily features with {date} in their names",
            fix="name the days in mapping.dates and run without `today`",
        )  # fmt: skip
    days = set.intersection(*(_days_there(item["file"]) for item in named))
    for day in sorted(days, reverse=True):
        if all(Path(file).exists() for file in files_of_day(named, features, day)):
            return day
    raise ConfigError(
        "there is no day with every file", where="config key 'mapping.inputs'",
        expected=" and ".join(item["file"] for item in named),
    )  # fmt: skip


def _days_there(template: str) -> set[str]:
    """Days of the files that a name with ``{date}`` stands for."""
    parts = re.split(r"\{(date|year|month)\}", template)
    words, fixed = parts[1::2], parts[::2]
    pattern, shape = re.escape(fixed[0]), escape(fixed[0])
    for word, after in zip(words, fixed[1:], strict=True):
        pattern += (f"(?P<day>{DAY})" if "(?P<day>" not in pattern else "(?P=day)") if word == "date" else r"\d+"
        pattern, shape = pattern + re.escape(after), shape + "*" + escape(after)
    paths = glob(shape)  # noqa: PTH207 (a pattern over folders too)
    return {match["day"] for path in paths if (match := re.fullmatch(pattern, path))}
