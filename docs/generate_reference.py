"""Write docs/reference/config.md from the configuration's schema and defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "config.md"


def reference() -> str:
    schema = yaml.safe_load((ROOT / "config" / "schema.yaml").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    lines = [
        "# Configuration",
        "",
        "Every key, its type, its value in the default run (`config/config.yaml`) and what it does. This page is",
        "generated from `config/schema.yaml` by `python docs/generate_reference.py`; any other key is an error.",
        "",
    ]
    for name, part in schema["properties"].items():
        lines += [f"## {name}", "", part["description"], ""]
        rows = list(_rows(part, defaults[name], name, schema["$defs"]))
        if rows:
            lines += ["| key | type | default | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _rows(part: dict[str, Any], default: Any, path: str, definitions: dict[str, Any]):
    is_list = part.get("type") == "array"
    inner = part.get("items", {}) if is_list else part
    if "properties" not in inner:
        yield _row(path, part, default, definitions)
    for name, child in inner.get("properties", {}).items():
        key = f"{path}[].{name}" if is_list else f"{path}.{name}"
        below = default.get(name) if isinstance(default, dict) else None
        child = {**definitions.get(child.get("$ref", "").rsplit("/", 1)[-1], {}), **child}
        if "properties" in child or "properties" in child.get("items", {}):
            yield f"| `{key}` | {_type(child, definitions)} | | {child['description']} |"
            yield from _rows(child, below, key, definitions)
        else:
            yield _row(key, child, below, definitions)


def _row(key: str, part: dict[str, Any], default: Any, definitions: dict[str, Any]) -> str:
    shown = "" if default is None else f"`{json.dumps(default, default=str)}`"
    return f"| `{key}` | {_type(part, definitions)} | {shown} | {part.get('description', '')} |"


def _type(part: dict[str, Any], definitions: dict[str, Any]) -> str:
    names = {"date": "day", "dates": "[day, day]", "lags": "[first, last]"}
    if (name := part.get("$ref", "").rsplit("/", 1)[-1]) in names:
        return names[name]
    if "enum" in part:
        return " \\| ".join(f"`{value}`" for value in part["enum"])
    kind = part["type"]
    if isinstance(kind, list):
        return " or ".join({"object": "mapping"}.get(name, name) for name in kind)
    if kind == "array":
        return f"list of {_type(part['items'], definitions)}"
    return {"object": "mapping"}.get(kind, kind)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
