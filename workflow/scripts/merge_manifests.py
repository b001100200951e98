"""Merge the manifests of all files of fields: what is there, day by day; failed days end the run here."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.canonical.manifest import check_manifest, merge_manifests
from loam.io.tables import write_table


def stage(paths: Paths, values: Values) -> None:
    """Check and write all rows."""
    merged = merge_manifests(paths["manifests"])
    check_manifest(merged, where=paths["manifest"])
    write_table(merged, paths["manifest"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
