"""Bring OzNet moisture 2001-2011 and the AWRA-L stores into one table a domain."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import write_table
from loam.probes.oznet_awra import split_domains, station_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    """Read, mask, split and write; ``masked`` tells per station which readings were not used."""
    stores = {name: paths[name] for name in ("s0", "ss", "sd")}
    table, masked = station_table(paths["sites"], paths["shallow"], paths["middle"], paths["deep"], stores)
    log.info("masked readings: %s", masked.groupby(["layer", "reason"])["rows"].sum().to_dict())
    for domain, frame in zip(("source", "target"), split_domains(table), strict=True):
        log.info("%s: %d rows of %d stations", domain, len(frame), frame["station"].nunique())
        write_table(frame, paths[domain])
    write_table(masked, paths["masked"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
