"""What fetching lacks before its first job starts: a project, credentials, a folder of one's own files.

Imported when the workflow is parsed: standard library and the catalogue only; no server is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loam.acquire.catalogue import dataset_of
from loam.acquire.http import credentials
from loam.errors import CredentialError
from loam.variables import kinds_of

Config = Mapping[str, Any]

LOGINS = {
    "earthengine": credentials.earthengine, "earthdata": credentials.earthdata, "asf": credentials.earthdata,
    "cds": credentials.cds, "tern": credentials.tern, "cdse": credentials.dataspace,
}  # fmt: skip
REGISTER = "https://console.cloud.google.com/earth-engine"


class Job(NamedTuple):
    """A planned job: its rule, its wildcards, and whether its outputs stand on disk (then it may ask nobody)."""

    rule: str
    wildcards: Mapping[str, str]
    made: bool = False


def planned_job(job: Any) -> Job:
    """What ``lacking`` looks at of a planned job of Snakemake."""
    return Job(job.rule.name, job.wildcards_dict, all(Path(str(path)).exists() for path in job.output))


def lacking(config: Config, jobs: Iterable[Job]) -> list[str]:
    """A line for each thing that ``jobs`` lack to ask their servers or to find the files of one's own."""
    hosts: Counter[str] = Counter()
    own: dict[str, None] = {}
    for job in jobs:
        if not job.made:
            own |= dict.fromkeys(_own(config, job))
            hosts.update(host for host in _hosts(config, job) if host in LOGINS)
    folders = {name: config["acquire"]["local"][name] for name in own}
    lines = [
        f"config key 'acquire.local.{name}': no folder {folder}; see docs/reference/local-files.md"
        for name, folder in folders.items()
        if not Path(folder).is_dir()
    ]
    if hosts["earthengine"] and not config["acquire"]["earthengine"]["project"]:
        count = hosts.pop("earthengine")
        lines.append(
            "config key 'acquire.earthengine.project': no Google Cloud project for Earth Engine; register one at "
            f"{REGISTER} and write its id there, like earthengine: {{project: ee-yourname}} "
            f"(docs/how-to/tasmania.md, step 1); {count} job{'' if count == 1 else 's'} ask Earth Engine"
        )
    said = dict.fromkeys(str(error) for host in hosts if (error := _refused(host)))
    return [*lines, *said]


def _own(config: Config, job: Job) -> list[str]:
    """The datasets that a job reads from folders of one's own."""
    if job.wildcards.get("back_end") == "local":
        return [job.wildcards["dataset"]]
    return [kind["dataset"] for kind in _listed(config, job) if kind["back_end"] == "local"]


def _listed(config: Config, job: Job) -> list[Config]:
    kinds = [config["acquire"][kind] for kind in kinds_of("scenes")] if job.rule == "list_scenes" else []
    return [kind for kind in kinds if kind]


def _hosts(config: Config, job: Job) -> list[str]:
    acquire, wildcards = config["acquire"], job.wildcards
    if "dataset" in wildcards and "back_end" in wildcards:
        return [dataset_of(wildcards["dataset"]).back_end(wildcards["back_end"])["host"]]
    if job.rule == "fetch_backscatter":
        return ["earthengine"]
    if any(kind["back_end"] == "earthengine" for kind in _listed(config, job)):
        return ["earthengine"]
    if job.rule == "fetch_sentinel1":
        chosen = acquire["sentinel1"]
        return [chosen.get("provider") or dataset_of(chosen["dataset"]).back_end("direct")["provider"]]
    return []


def _refused(host: str) -> CredentialError | None:
    try:
        LOGINS[host]()
    except CredentialError as error:
        return error
    return None
