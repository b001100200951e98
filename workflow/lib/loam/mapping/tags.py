"""What the files of a map say of themselves: run, day, model, software, licence, and what they were made from.

Nothing here changes from one job to the next: the same config, code and inputs give the same bytes. What may change
while the map stays, how far off it is, stands beside it (``loam.mapping.sidecar``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loam.config.code import release
from loam.config.protocols import ALL, SOURCE
from loam.io.provenance import hash_of_input, hash_of_values
from loam.mapping.sidecar import plain

DIGITS = 16  # hexadecimal, of a hash
NOT_CONFIG = {"threads"}


def map_tags(
    values: Mapping[str, Any], card: Mapping[str, Any], inputs: Iterable[Path], *, code: str
) -> dict[str, str]:
    """Tags of a day's files.

    Args:
        values: of the rule, with ``run``, ``date``, ``mapping.licence`` and ``data_licences`` (a line a dataset).
        card: of the model.
        inputs: files and stores that the map is made from.
        code: hash of the code that makes it.
    """
    licence, day = values["mapping"]["licence"] or "not stated", values["date"]
    config = {key: value for key, value in values.items() if key not in NOT_CONFIG}
    tags = {
        "run": values["run"], "model": card["model"], "scenario": card["scenario"], "trained_on": _stations_of(card),
        "software": f"loam {release()}", "code": code, "config_hash": hash_of_values(config),
        "created_from": _hashes(inputs), "licence": licence, "data_licences": _listed(values["data_licences"]),
        "TIFFTAG_SOFTWARE": f"loam {release()}", "TIFFTAG_COPYRIGHT": f"licence: {licence}",
        "TIFFTAG_DATETIME": f"{day.replace('-', ':')} 00:00:00",
    }  # fmt: skip
    return {name: plain(text) for name, text in tags.items()}


def _stations_of(card: Mapping[str, Any]) -> str:
    """Whose stations trained the members: ``all stations``, or those of each fold of a protocol."""
    protocol = card.get("protocol")
    if card["scenario"] == SOURCE:
        return "the source domain"
    return f"the folds of {protocol}" if protocol not in (None, ALL) else "all stations"


def tags_of_maps(values: Mapping[str, Any], maps: Sequence[Path], *, code: str, **about: str) -> dict[str, str]:
    """Tags of what is made from the maps of several days.

    Args:
        values: of the rule, with ``run`` and ``mapping.licence``.
        maps: that it is made from.
        code: hash of the code that makes it.
        about: ``day`` or ``period``.
    """
    licence = values["mapping"]["licence"] or "not stated"
    tags = {
        "run": values["run"], **about, "software": f"loam {release()}", "code": code, "first_map": maps[0].parent.name,
        "last_map": maps[-1].parent.name, "licence": licence, "TIFFTAG_SOFTWARE": f"loam {release()}",
        "TIFFTAG_COPYRIGHT": f"licence: {licence}",
    }  # fmt: skip
    return {name: plain(text) for name, text in tags.items()}


def _hashes(inputs: Iterable[Path]) -> str:
    return "; ".join(f"{path.name} {hash_of_input(path)[:DIGITS]}" for path in inputs)


def _listed(licences: Sequence[str]) -> str:
    return "; ".join(licences) or "not stated"
