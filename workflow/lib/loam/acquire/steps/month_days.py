"""Which days a file of fields holds, what each of them is (the manifest), and what is kept of a month between attempts.

Three absences are told apart: a day that the provider has not published yet, a known gap, and a failure, which is a day
without any field although the provider has published it or later ones. Only a failure stops a run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from loam.acquire.canonical.manifest import build_manifest, state_of_day
from loam.acquire.catalogue import Dataset, Gap
from loam.acquire.file_spans import asked_on, days_of
from loam.acquire.source import Fields
from loam.errors import AcquireError, ConfigError, LoamError, naming
from loam.io.atomic import atomic_path
from loam.io.netcdf import open_netcdf

log = logging.getLogger("loam")


def days_to_fetch(dataset: Dataset, span: str, state: str) -> list[date]:
    """The days that the file of a month or year holds: all of them, none later than the day an open one is asked on.

    Of a dataset whose fields are several days apart (composites), those days only; they are counted from 1 January.

    Args:
        dataset: the entry of the catalogue.
        span: ``2020-01`` or ``2020``.
        state: ``final``, ``provisional`` or ``open 2020-01-20``.

    Raises:
        ConfigError: no day is left.
    """
    last = asked_on(state) or date.max
    step = max(1, dataset.step_hours // 24)
    days = [day for day in days_of(span) if day <= last and (day.timetuple().tm_yday - 1) % step == 0]
    if not days:
        raise ConfigError(
            f"none of its days has come by {last}", where=f"dataset '{dataset.name}', {span}",
            fix="end acquire.period earlier, or set acquire.as_of later",
        )  # fmt: skip
    return days


def months_of(days: Sequence[date]) -> list[list[date]]:
    """``days`` month by month: what is asked for at once."""
    return [list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month))]


def manifest_of(dataset: Dataset, days: Sequence[date], months: Sequence[Fields], state: str) -> pd.DataFrame:
    """The manifest: what each day is.

    Where the provider does not tell until when it has published, a final month counts as published; another one until
    the last day that has a field.

    Args:
        dataset: the entry of the catalogue.
        days: all of them.
        months: what came, in the order of the days; of ``data`` only ``time`` is read.
        state: as of ``days_to_fetch``.
    """
    found = np.concatenate([month.found for month in months])
    provisional = frozenset().union(*(month.provisional for month in months))
    told = [month.published_until for month in months if month.published_until is not None]
    seen = [day for day, count in zip(days, found, strict=True) if count]
    if told:
        until = max([*told, *seen])
    elif state == "final":
        until = None
    else:
        until = max(seen, default=days[0] - timedelta(days=1))
    gaps = [
        Gap(date.min, dataset.start - timedelta(days=1), "missing", "before the record begins"),
        *dataset.known_gaps,
    ]
    rows = [
        state_of_day(
            day, found=int(count), expected=dataset.fields_a_day, published_until=until, known_gaps=gaps,
            provisional=day in provisional,
        )
        for day, count in zip(days, found, strict=True)
    ]  # fmt: skip
    manifest = build_manifest(rows)
    _report(dataset, manifest, asked_on(state) or days[-1])
    return manifest


def counts_of(manifest: pd.DataFrame) -> dict[str, int]:
    """How many days are in each state."""
    return {str(state): int(count) for state, count in manifest["state"].value_counts().items()}


def kept_fields(path: Path, fetch: Callable[[], Fields], check: Callable[[Fields], Fields]) -> Fields:
    """What ``fetch`` gives, or gave in an earlier attempt and left at ``path``; checked either way.

    The caller removes the file when days in it failed, so that the next attempt asks for them again.
    """
    if path.exists():
        try:
            return check(_read(path))
        except LoamError as error:
            log.warning("%s is fetched again (%s)", path.name, error)
            path.unlink()
    fields = check(fetch())
    with atomic_path(path) as temporary:
        _write(fields, temporary)
    return fields


def without_values(fields: Fields) -> Fields:
    """``fields`` with ``time`` alone: enough for the manifest, and no memory."""
    return replace(fields, data=fields.data[["time"]].load())


def open_fields(path: Path) -> xr.Dataset:
    """The values kept at ``path``, read when they are used; the caller closes it."""
    return xr.open_dataset(path, engine="netcdf4", cache=False, decode_timedelta=False).drop_vars("found")


def flags_of_days(dataset: Dataset, manifest: pd.DataFrame, found: np.ndarray) -> Iterator[tuple[str, np.ndarray, str]]:
    """Name, values [day] and meaning of what the days' fields are like, for a product of coarse moisture."""
    if dataset.kind == "coarse_moisture":
        yield "n_fields", found.astype(np.int16), f"number of fields of the day, of {dataset.fields_a_day}"
    if any(gap.effect == "model_only" for gap in dataset.known_gaps):
        yield "model_only", manifest["model_only"].to_numpy(np.int8), "1 where no satellite data entered the model"


def may_be_empty(dataset: Dataset, back_end: str) -> bool:
    """Whether a field can lack in a whole region: where flags screen what a satellite retrieved, it can."""
    bands = dataset.back_end(back_end).get("bands", {}).values()
    return any({"flag", "flags"} & set(band) for band in bands if isinstance(band, dict))


def _write(fields: Fields, path: Path) -> None:
    data = fields.data.assign(found=("time", np.asarray(fields.found, np.int32)))
    data.attrs |= {
        "provisional": json.dumps(sorted(day.isoformat() for day in fields.provisional)),
        "published_until": fields.published_until.isoformat() if fields.published_until else "",
    }
    data.to_netcdf(
        path, engine="netcdf4", encoding={name: {"zlib": True, "complevel": 1} for name in fields.data.data_vars}
    )


def _read(path: Path) -> Fields:
    with open_netcdf(path, kind=AcquireError) as file, naming(AcquireError, "holds no fields", where=path):
        data = file.load()
        provisional = frozenset(date.fromisoformat(text) for text in json.loads(data.attrs.pop("provisional")))
        until = data.attrs.pop("published_until")
        found = data["found"].to_numpy()
        return Fields(data.drop_vars("found"), found, provisional, date.fromisoformat(until) if until else None)


def _report(dataset: Dataset, manifest: pd.DataFrame, on: date) -> None:
    log.info("%s: %s", dataset.name, ", ".join(f"{n} days {state}" for state, n in counts_of(manifest).items()))
    late = manifest[
        (manifest["state"] == "not_yet_published")
        & (manifest["date"] < pd.Timestamp(on - timedelta(days=dataset.latency_days)))
    ]
    if len(late):
        log.warning(
            "%s: %d days from %s are not published yet, though the provider normally does within %d days",
            dataset.name, len(late), f"{late['date'].min():%Y-%m-%d}", dataset.latency_days,
        )  # fmt: skip
