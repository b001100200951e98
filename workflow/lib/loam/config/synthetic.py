"""Whether a run's world is synthetic: what of its data the sandbox makes. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loam.config.parts import probe_domains
from loam.config.sandbox import BACK_END, PROBES
from loam.variables import kinds as kinds_of_data


def made_and_real(config: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What of a run's data the sandbox makes, and what comes from elsewhere.

    Args:
        config: as ``load_config`` returns it.

    Returns:
        Two lists of kinds of data (keys of section ``acquire``) and of ``probes``, ``tables`` and ``comparison``.
    """
    acquire, samples = config["acquire"], config["samples"]
    kinds = [kind for kind in kinds_of_data() if acquire[kind]]
    made = [kind for kind in kinds if acquire[kind]["back_end"] == BACK_END]
    real = [kind for kind in kinds if kind not in made]
    if any(item["back_end"] != BACK_END for item in acquire["compare"]):
        real.append("comparison")
    if samples["source"] or samples["target"]:
        real.append("tables")
    for domain in probe_domains(config):
        own = config["probes"][domain]["path"] == PROBES[domain]["path"].replace("{run}", config["run"])
        (made if own else real).append("probes")
    return list(dict.fromkeys(made)), list(dict.fromkeys(real))
