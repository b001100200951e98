"""The figures of the report: per-station scores and observed against predicted, after fig. 6-8 of Widyastuti et al.

Each function draws one figure for one layer. Colours can be told apart by the colour-blind (Okabe and Ito, 2008;
Crameri, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pandas as pd
from cmcrameri import cm
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from loam.evaluation.metrics import scores
from loam.report.names import COLOURS, METRICS, OTHER_COLOUR
from loam.report.words import UNIT, UNITLESS, System, number, system_name

STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#333333",
    "axes.titlesize": 9.5,
    "axes.unicode_minus": True,
}
BOX_METRICS = ["mae", "rmse", "r"]
PANELS_A_ROW = (5, 4, 3)  # the first of these that leaves the fewest panels empty
HEXAGONS = 45  # along the axis
DOTS_A_INCH = 150
DENSITY = ListedColormap(cm.lapaz_r(np.linspace(0.15, 1.0, 256)), name="density")  # without what white paper hides


def png(figure: Figure) -> bytes:
    """The figure as a PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_A_INCH, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def draw_station_scores(metrics: pd.DataFrame, systems: Sequence[System]) -> Figure:
    """Box plots over stations of MAE, RMSE and r, one row a model and scenario, one dot a station.

    A triangle at the right edge is a station whose error lies beyond it.

    Args:
        metrics: rows of one layer, schema METRICS_TABLE.
        systems: rows from the top down.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(10.5, 1.1 + 0.36 * len(systems)), layout="constrained")
        figure.get_layout_engine().set(wspace=0.04)
        panels = figure.subplots(1, len(BOX_METRICS), sharey=True)
        for axes, metric in zip(panels, BOX_METRICS, strict=True):
            edge = np.inf if metric in UNITLESS else _edge(metrics[metric])
            for row, system in enumerate(systems):
                _box(axes, row, _values(metrics, system, metric), COLOURS.get(system[0], OTHER_COLOUR), edge)
            axes.set_xlabel(METRICS[metric] + ("" if metric in UNITLESS else f"  ({UNIT})"))
            axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
            axes.set_axisbelow(True)
            axes.locator_params(axis="x", nbins=5)
            axes.tick_params(axis="y", length=0)
            if metric in UNITLESS:
                axes.set_xlim(right=1.02)
                axes.axvline(0, color="#999999", linewidth=0.8)
            else:
                axes.set_xlim(0, edge)
        for row in range(1, len(systems)):
            if _group(systems[row]) != _group(systems[row - 1]):
                for axes in panels:
                    axes.axhline(row - 0.5, color="#cccccc", linewidth=0.8)
        panels[0].set_yticks(range(len(systems)), [system_name(system) for system in systems])
        panels[0].set_ylim(len(systems) - 0.5, -0.5)
    return figure


def _box(axes: Axes, row: int, values: np.ndarray, colour: str, edge: float) -> None:
    if not len(values):
        return
    axes.boxplot(
        values, positions=[row], orientation="horizontal", widths=0.62, manage_ticks=False, patch_artist=True,
        showfliers=False, medianprops={"color": "black", "linewidth": 1.6}, zorder=2,
        boxprops={"facecolor": colour, "alpha": 0.45, "edgecolor": "#333333", "linewidth": 0.8},
        whiskerprops={"color": "#333333", "linewidth": 0.8}, capprops={"color": "#333333", "linewidth": 0.8},
    )  # fmt: skip
    offsets = 0.4 * (np.modf(np.arange(len(values)) * 0.6180339887)[0] - 0.5)  # spread, and the same at every run
    look = {"color": colour, "edgecolor": "#333333", "linewidth": 0.4, "zorder": 3}
    axes.scatter(values, row + offsets, s=9, **look)
    beyond = offsets[values > edge]
    axes.scatter(np.full(len(beyond), edge), row + beyond, s=26, marker=">", clip_on=False, **look)


def _edge(values: pd.Series) -> float:
    """The right end of an axis of errors: all stations, or twice what 19 of 20 stay below if that is less."""
    return max(0.001, float(min(1.05 * values.max(), 2 * values.quantile(0.95))))


def _group(system: System) -> str:
    model, scenario = system
    return model if scenario in ("both", "none") or model == "boosted_trees" else scenario


def _values(metrics: pd.DataFrame, system: System, metric: str) -> np.ndarray:
    rows = metrics[(metrics["model"] == system[0]) & (metrics["scenario"] == system[1])].sort_values("station")
    return rows[metric].dropna().to_numpy(float)


def draw_observed_predicted(predictions: pd.DataFrame, systems: Sequence[System]) -> Figure:
    """Density of predicted against observed moisture, one panel a model and scenario, with the pooled scores.

    Args:
        predictions: rows of one layer, schema PREDICTIONS.
        systems: panels from left to right, top to bottom.
    """
    low, high = _limits(predictions)
    columns = min(len(systems), min(PANELS_A_ROW, key=lambda count: -len(systems) % count))
    rows = -(-len(systems) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(max(2.1, 9.8 / columns) * columns + 0.8, 2.45 * rows + 0.4), layout="constrained")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        densities = []
        for axes, system in zip(panels.flat, systems, strict=False):
            mine = predictions[(predictions["model"] == system[0]) & (predictions["scenario"] == system[1])]
            densities.append(_density(axes, mine, low, high))
            axes.set_title(system_name(system), loc="left", fontsize=8.5)
            axes.locator_params(nbins=4)
            axes.label_outer()
        for place, axes in enumerate(panels.flat):
            axes.set_visible(place < len(systems))
            axes.tick_params(labelbottom=place + columns >= len(systems))
        norm = LogNorm(1, max(2, *(np.asarray(density.get_array()).max(initial=1) for density in densities)))
        for density in densities:
            density.set_norm(norm)
        bar = figure.colorbar(densities[0], ax=panels, shrink=min(1.0, 1.4 / rows), aspect=22, pad=0.015)
        bar.set_label("rows a hexagon")
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.outline.set_visible(False)
        figure.supxlabel(f"observed  ({UNIT})", fontsize=9, color="#333333")
        figure.supylabel(f"predicted  ({UNIT})", fontsize=9, color="#333333")
    return figure


def _density(axes: Axes, rows: pd.DataFrame, low: float, high: float):
    observed, predicted = rows["observed"].to_numpy(float), rows["predicted"].to_numpy(float)
    density = axes.hexbin(
        observed, predicted, gridsize=HEXAGONS, extent=(low, high, low, high), mincnt=1, cmap=DENSITY, linewidths=0.1
    )
    axes.plot([low, high], [low, high], color="#D55E00", linewidth=1.1)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    score = scores(observed, predicted)
    lines = [f"{METRICS[name]} {number(score[name], name)}" for name in BOX_METRICS]
    outside = int(np.sum((predicted < low) | (predicted > high)))
    if outside:
        lines.append(f"outside: {outside:,}")
    axes.text(
        0.04, 0.97, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=8, linespacing=1.25,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    return density


def _limits(predictions: pd.DataFrame) -> tuple[float, float]:
    """Limits of both axes: the observations, and the predictions as far as half the observed range beyond them."""
    observed, predicted = predictions["observed"], predictions["predicted"]
    margin = (observed.max() - observed.min()) / 2
    low = min(0.0, observed.min(), max(predicted.quantile(0.001), observed.min() - margin))
    high = max(observed.max(), min(predicted.quantile(0.999), observed.max() + margin))
    return float(np.floor(low * 20) / 20), float(np.ceil(high * 20 + 1e-9) / 20)
