"""The level of one system, the dynamics of another.

How wet a place is on average and how its moisture moves about that average are two questions, and the system that
answers one best need not answer the other. The level is a station's mean prediction over the rows that both predict,
in one fold and layer; the dynamics are the deviations from it.
"""

from __future__ import annotations

import logging

import pandas as pd

from loam.config.systems import mixed
from loam.errors import TableError

STATION = ["protocol", "size", "draw", "fold", "station", "layer"]
ROW = [*STATION, "date"]

log = logging.getLogger("loam")


ORDER = ["both", "target", "none"]  # of the rival's scenarios: the one that read most comes first


def mix_level(
    network: pd.DataFrame, rivals: pd.DataFrame, *, rival: str, share: float, dynamics: float = 0.0
) -> pd.DataFrame:
    """A network's predictions with a rival's share in the level, and in the dynamics, as model ``<network>_mixed``.

    Args:
        network: predictions (schema PREDICTIONS) of a model and scenario.
        rivals: of a job's rivals; those of ``rival`` in scenario ``target`` lend a network of that scenario their
            level, else those in the scenario that read most.
        rival: its name.
        share: of the rival in the level.
        dynamics: of the rival in the dynamics.

    Raises:
        TableError: the rival predicts nothing here, or nothing that the network predicts.
    """
    level = rival_predictions(rivals, rival, network["scenario"].iloc[0])
    parts = with_level(network, level, share=share, dynamics_share=dynamics)
    return parts.assign(model=mixed(network["model"].iloc[0]))


def rival_predictions(rivals: pd.DataFrame, rival: str, scenario: str) -> pd.DataFrame:
    """Those of one rival in the scenario whose level it lends to a network of ``scenario``.

    Raises:
        TableError: it predicts nothing.
    """
    lent = rivals[rivals["model"] == rival]
    found = [name for name in ORDER if name in set(lent["scenario"])]
    if not found:
        raise TableError(
            f"{rival} predicts nothing", where="section 'level' of the config",
            fix="name another rival there, or mix and stack no model",
        )  # fmt: skip
    return lent[lent["scenario"] == (scenario if scenario == "target" and scenario in found else found[0])]


def with_level(
    dynamics: pd.DataFrame, level: pd.DataFrame, *, share: float, dynamics_share: float = 0.0
) -> pd.DataFrame:
    """Move each station's mean prediction towards that of another system, and the deviations from it likewise.

    Args:
        dynamics, level: predictions (schema PREDICTIONS) of one model and scenario each, of the same folds.
        share: of ``level`` in the mean, 0 to 1.
        dynamics_share: of ``level`` in the deviations from the mean, 0 to 1.

    Returns:
        ``dynamics`` where both predict, ``predicted`` moved and brought within 0 to 1, ``output`` what it was before
        that; ``rows`` is "all" where either was fitted on all. Members' spread and limits are of no meaning now: NaN.

    Raises:
        TableError: the two share no row, or differ in what was observed.
    """
    names = [" ".join(part[["model", "scenario"]].iloc[0]) if len(part) else "nothing" for part in (dynamics, level)]
    other = level.rename(columns={"predicted": "level", "observed": "seen", "rows": "fitted"})
    both = dynamics.merge(other[[*ROW, "level", "seen", "fitted"]], on=ROW, how="inner", validate="one_to_one")
    where = f"level of {names[1]} for {names[0]}"
    if both.empty:
        raise TableError("no row that both predict", where=where, fix="rerun both")
    if (differ := both["observed"] != both["seen"]).any():
        row = both[differ].iloc[0]
        raise TableError(
            f"station {row['station']} observed {row['observed']:g} and {row['seen']:g} on {row['date']:%Y-%m-%d}",
            where=where, fix="rerun both",
        )  # fmt: skip
    if lost := len(dynamics) - len(both):
        log.warning("%s: %d of %d rows are left out, which the former does not predict", where, lost, len(dynamics))
    means = both.groupby(STATION)[["predicted", "level"]].transform("mean")
    output = both["predicted"] + share * (means["level"] - means["predicted"])
    if dynamics_share:
        deviations = both[["predicted", "level"]] - means
        output += dynamics_share * (deviations["level"] - deviations["predicted"])
    outside = 100 * float(((output < 0) | (output > 1)).mean())
    log.info("%s: %d rows, share %g; %.2f %% lay outside 0 to 1 m3 m-3", where, len(both), share, outside)
    rows = both["rows"].where(both["fitted"] == "training", "all")
    unknown = dict.fromkeys(["spread", "lower", "upper"], float("nan"))
    return both.assign(output=output, predicted=output.clip(0, 1), rows=rows, **unknown)[[*dynamics.columns]]
