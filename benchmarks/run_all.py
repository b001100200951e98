"""Run every benchmark here and write docs/benchmarks.md: what, against what, on which commit and machine."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
NAMES = ["training", "mapping", "spline", "quality", "covariates", "sentinel1", "sentinel1_terrain"]


def processor() -> str:
    """The processor's name, and how many of its cores there are."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []  # fmt: skip
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def section(name: str, stamp: str) -> str:
    """One benchmark's heading, what its module says of it, where and when it ran, and the tables it printed."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    print(f"benchmarks/{name}.py ...", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks/{name}.py failed:\n{done.stderr}")
    text = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].strip()
    title, _, rest = text.partition("\n")
    body = "\n".join(line for line in rest.splitlines() if not line.startswith("    python"))
    tables = f"\n{done.stdout}".replace("\n## ", "\n### ").strip()
    return "\n\n".join([f"## {title.rstrip('.')}", body.strip(), f"`python benchmarks/{name}.py`, {stamp}:", tables])


def sections_there() -> dict[str, str]:
    """The sections of the page as it is, by the name of their benchmark."""
    if not PAGE.is_file():
        return {}
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    names = {re.search(r"`python benchmarks/(\w+)\.py`", part)[1]: part for part in parts}
    return {name: f"## {part.strip()}" for name, part in names.items()}


def main() -> None:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.strip()
    stamp = f"commit {commit}, {processor()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    kept = sections_there()
    for name in sys.argv[1:] or NAMES:
        kept[name] = section(name, stamp)
    parts = [
        "# Benchmarks",
        "Written by `make bench`; `python benchmarks/run_all.py <name>` renews one section. A number stands beside its "
        "rival's from the same run; times on a busy machine vary.",
        *(kept[name] for name in NAMES if name in kept),
    ]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
