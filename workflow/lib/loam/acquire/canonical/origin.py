"""Where a fetched file comes from: dataset, version, request and clients, in a JSON beside it; never a secret.

``loam.io.provenance`` adds what the rule was (code, config) and keeps this record as its entry ``source``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from loam.io.atomic import write_text
from loam.io.provenance import hash_of_values, provenance_path, sha256_of_file

_SECRET = re.compile(
    r"token|passw|secret|authori[sz]ation|credential|signature|cookie|apikey|(?<![a-z])(key|auth)s?(?![a-z])",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]*@")


class Times(Protocol):
    """What a fetch was, in time (``loam.acquire.http.download.Fetched`` is one)."""

    started: datetime
    finished: datetime


def write_source(
    path: Path,
    *,
    dataset: str,
    version: str,
    back_end: str,
    request: Mapping[str, Any],
    licence: str,
    citation: str,
    fetched: Times | tuple[datetime, datetime],
    clients: Mapping[str, str],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write ``<path>.provenance.json`` with its entry ``source``.

    Args:
        path: the file fetched.
        dataset: name in the catalogue.
        version: version of the dataset.
        back_end: ``earthengine``, ``direct`` or ``local``.
        request: what was asked for; plain values, the same for the same file. Its hash says whether a file is current.
        licence: of the dataset.
        citation: of the dataset.
        fetched: when it was begun and finished, UTC.
        clients: names and versions of the libraries that talked to the server.
        extra: more that is worth keeping.

    Raises:
        ValueError: a key of ``request``, ``clients`` or ``extra`` names a secret, or a value is an address with a user.
    """
    for part, values in (("request", request), ("clients", clients), ("extra", extra or {})):
        _refuse_secrets(values, part)
    started, finished = fetched if isinstance(fetched, tuple) else (fetched.started, fetched.finished)
    digest = sha256_of_file(path)
    source = {
        "dataset": dataset,
        "version": version,
        "back_end": back_end,
        "request": dict(request),
        "request_hash": hash_of_values(request),
        "started": _time(started),
        "finished": _time(finished),
        "clients": dict(clients),
        "bytes": Path(path).stat().st_size,
        "sha256": digest,
        "licence": licence,
        "citation": citation,
    }
    if both := source.keys() & (extra or {}).keys():
        raise ValueError(f"extra holds {', '.join(sorted(both))}, which the record has already")
    record = {"sha256": digest, "source": {**source, **(extra or {})}}
    write_text(json.dumps(record, indent=1, default=str), provenance_path(path))


def read_source(path: str | Path) -> dict[str, Any] | None:
    """The entry ``source`` of the provenance beside ``path``; None where there is none."""
    try:
        record = json.loads(provenance_path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record.get("source") if isinstance(record, dict) else None


def is_current(path: str | Path, request: Mapping[str, Any]) -> bool:
    """Whether ``path`` is there, unchanged since it was fetched, and was fetched by this very request."""
    source = read_source(path)
    if not Path(path).is_file() or not source or source.get("request_hash") != hash_of_values(request):
        return False
    return source.get("sha256") == sha256_of_file(path)


def _refuse_secrets(values: Any, where: str) -> None:
    if isinstance(values, Mapping):
        for name, value in values.items():
            if _SECRET.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))):
                raise ValueError(f"'{name}' in {where} may be a secret; secrets do not belong in a provenance")
            _refuse_secrets(value, where)
    elif isinstance(values, str):
        if _USER_IN_URL.search(values):
            raise ValueError(f"an address in {where} holds a user; secrets do not belong in a provenance")
    elif isinstance(values, Sequence):
        for value in values:
            _refuse_secrets(value, where)


def _time(when: datetime) -> str:
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.astimezone(UTC).isoformat(timespec="seconds")
