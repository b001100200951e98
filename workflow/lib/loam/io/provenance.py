"""Where a product comes from: the code version, the config values and the input hashes, in a JSON beside the file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loam.io.atomic import write_text
from loam.plugins import loaded_plugins


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of all files in a folder, as 64 hex digits."""
    path = Path(path)
    if path.is_file():
        return sha256_of_file(path)
    digest = hashlib.sha256()
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        digest.update(f"{file.relative_to(path)}:{sha256_of_file(file)};".encode())
    return digest.hexdigest()


def sha256_of_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_of_values(values: Any) -> str:
    """First 16 hex digits of the SHA-256 of ``values`` written as canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def provenance_path(path: str | Path) -> Path:
    """The JSON that stands beside a product: ``<file>.provenance.json``."""
    path = Path(path)
    return path.with_name(path.name + ".provenance.json")


def read_provenance(path: str | Path) -> dict[str, Any] | None:
    """The record beside a product; None where there is none, an empty one where it cannot be read."""
    try:
        record = json.loads(provenance_path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def appearance(path: str | Path) -> list[int | str]:
    """What to look at before hashing: bytes and time of the last change (ns) of a file, or of all in a folder.

    Of a store of the workflow's own, which holds thousands of files, the hash in the record beside it.
    """
    path = Path(path)
    if path.is_dir():
        if recorded := _recorded_hash(path):
            return [recorded]
        inside = [_size_and_time(item) for item in sorted(path.rglob("*")) if item.is_file()]
        return [sum(size for size, _ in inside), max((time for _, time in inside), default=0)]
    return list(_size_and_time(path))


def _size_and_time(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:  # opened, because a network's file system may answer stat() from memory
        found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def write_provenance(
    outputs: Iterable[Path],
    inputs: Iterable[Path],
    *,
    rule: str,
    code: str,
    values: Mapping[str, Any],
    seen: Mapping[str, list[int | str]] | None = None,
) -> None:
    """Write ``<output>.provenance.json`` beside each output, a file or a folder.

    A record that is there already and belongs to these very bytes keeps its entry ``source``: what a fetched file was
    fetched from (``loam.acquire.canonical.origin``).

    Args:
        outputs: the products.
        inputs: what they were made from.
        rule: its name.
        code: hash of the code.
        values: what of the config the rule reads.
        seen: how each input looked (``appearance``) when the job began to read.
    """
    record = {
        "rule": rule,
        "code": code,
        "plugins": loaded_plugins(),
        "config_hash": hash_of_values(values),
        "config": dict(values),
        "inputs": {str(path): hash_of_input(path) for path in inputs if Path(path).exists()},
        "seen": dict(seen or {}),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    for output in outputs:
        if Path(output).exists():
            digest = sha256_of(output)
            own = {**record, "sha256": digest, **_source(output, digest)}
            write_text(json.dumps(own, indent=1, default=str), provenance_path(output))


def hash_of_input(path: str | Path) -> str:
    """A file's hash; a folder's as it was recorded when it was written, since stores are large."""
    path = Path(path)
    return (path.is_dir() and _recorded_hash(path)) or sha256_of(path)


def _recorded_hash(folder: Path) -> str | None:
    return (read_provenance(folder) or {}).get("sha256")


def _source(path: Path, digest: str) -> dict[str, Any]:
    record = read_provenance(path) or {}
    return {"source": record["source"]} if record.get("sha256") == digest and "source" in record else {}
