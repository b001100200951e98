"""Run every benchmark here and write docs/benchmarks.md: what, against what, on which commit and machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
NAMES = ["training", "mapping", "spline", "quality"]


def processor() -> str:
    """The processor's name, and how many of its cores there are."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []  # fmt: skip
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def section(name: str) -> list[str]:
    """One benchmark's heading, what its module says of it, and the table it printed."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    print(f"benchmarks/{name}.py ...", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks/{name}.py failed:\n{done.stderr}")
    text = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].strip()
    title, _, rest = text.partition("\n")
    body = "\n".join(line for line in rest.splitlines() if not line.startswith("    python"))
    return [f"## {title.rstrip('.')}", body.strip(), f"`python benchmarks/{name}.py`:", done.stdout.strip()]


def main() -> None:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.strip()
    parts = [
        "# Benchmarks",
        "Written by `make bench`. A number stands beside its rival's from the same run; times on a busy machine vary.",
        f"Commit {commit}, {processor()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}.",
    ]
    for name in sys.argv[1:] or NAMES:
        parts += section(name)
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
