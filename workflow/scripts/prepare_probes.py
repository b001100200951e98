"""Turn the probe files of a domain into daily moisture of the layers, a station table and a QC report."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.probes import Probes
from loam.probes.prepare import prepare_domain


def stage(paths: Paths, values: Values) -> None:
    """Read, convert, flag, average, harmonise and write one domain."""
    probes, domain = picked(Probes, values["probes"]), values["domain"]
    prepare_domain(
        getattr(probes, domain),
        layers=values["layers"],
        day_boundary=values["day_boundary"],
        minimum_share=probes.minimum_share,
        quality=probes.quality,
        calibration=getattr(probes.calibration, domain),
        maps=probes.maps,
        layer_share=probes.layer_share,
        smoothing=probes.smoothing,
        daily=paths["daily"],
        stations=paths["stations"],
        report=paths["report"],
    )


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
