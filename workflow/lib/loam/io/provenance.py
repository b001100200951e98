"""Where a product comes from: the code version, the config values and the input hashes, in a JSON beside the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loam.io.atomic import write_text


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


def write_provenance(
    outputs: Iterable[Path], inputs: Iterable[Path], *, rule: str, code: str, values: Mapping[str, Any]
) -> None:
    """Write ``<output>.provenance.json`` beside each output that is a file."""
    record = {
        "rule": rule,
        "code": code,
        "config_hash": hash_of_values(values),
        "config": dict(values),
        "inputs": {str(path): sha256_of_file(path) for path in inputs if Path(path).is_file()},
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    for output in outputs:
        if Path(output).is_file():
            record["sha256"] = sha256_of_file(output)
            write_text(json.dumps(record, indent=1, default=str), provenance_path(output))
