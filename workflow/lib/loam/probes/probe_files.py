"""Which files the probes of a domain are. Imported when the workflow is parsed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SOURCES = {
    "awra": "of https://github.com/awracms/awra_cms_older, docs/how-to/get-the-real-data.md",
    "icos": "a download of https://data.icos-cp.eu",
    "ismn": "a download of https://ismn.earth, free after registration, as the ZIP or unpacked",
    "logger": "your loggers' files as they were exported, docs/how-to/use-your-own-probes.md, step 1",
    "ozflux": "a download of https://data.ozflux.org.au",
    "oznet": "a download of https://www.oznet.org.au",
    "uscrn": "of https://www.ncei.noaa.gov/pub/data/uscrn/products, docs/how-to/get-the-real-data.md",
}
DESCRIPTION = "what is in the loggers' files, docs/how-to/use-your-own-probes.md, step 2"
STATIONS = "where the stations are, docs/how-to/use-your-own-probes.md, step 3"


def files_of_domain(settings: Mapping[str, Any] | None, maps: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The files behind ``path``, ``stations`` and ``description`` of a domain's settings, and of ``maps``.

    A folder gives all in it. A path that does not exist is given as it is, so that its absence is reported by its name;
    so is one that a rule makes (in ``results/`` or ``resources/``).
    """
    files: list[str] = []
    for key in ("path", "stations", "description"):
        if settings and (path := settings.get(key)):
            given = not path.startswith(("results/", "resources/")) and Path(path).is_dir()
            inside = sorted(str(file) for file in Path(path).rglob("*") if file.is_file()) if given else []
            files += inside or [path]
    files += [item["file"] for item in maps]
    return list(dict.fromkeys(files))


def probe_files(probes: Mapping[str, Any], domain: str) -> tuple[list[str], dict[str, str]]:
    """``files_of_domain`` of the section ``probes``, and what each path that it names is and where to get it."""
    settings = probes[domain] or {}
    about = {item["file"]: "of probes.maps" for item in probes["maps"]}
    for key, text in (("description", DESCRIPTION), ("stations", STATIONS), ("path", SOURCES.get(settings["format"]))):
        if settings.get(key):
            about[settings[key]] = f"probes.{domain}.{key}: {text}"
    return files_of_domain(settings, probes["maps"]), about


def files_of_format(probes: Mapping[str, Any], name: str) -> list[str]:
    """The files behind ``path`` of the domains whose probes are of a format, each once."""
    domains = [probes[domain] for domain in ("source", "target")]
    paths = [{"path": settings["path"]} for settings in domains if settings and settings["format"] == name]
    return list(dict.fromkeys(file for settings in paths for file in files_of_domain(settings)))
