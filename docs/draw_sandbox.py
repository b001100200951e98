"""Draw the pictures of docs/sandbox.md: the world of the default run, made anew from its seed.

    python docs/draw_sandbox.py [world] [days] [scenes] [weather]

Minutes on two cores; nothing of a run is read. Colours are Crameri's (2018, doi 10.5281/zenodo.1243862).
"""

from __future__ import annotations

import argparse
import io
import operator
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "lib"))

import matplotlib as mpl  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import rasterio  # noqa: E402
import yaml  # noqa: E402
from cmcrameri import cm  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.colors import Colormap, LightSource, ListedColormap, Normalize  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from PIL import Image  # noqa: E402

from loam.config.sections.sandbox import Scenes, Sentinel1Takes, Sentinel2Takes  # noqa: E402
from loam.config.sections.sentinel1 import Sentinel1  # noqa: E402
from loam.config.sections.sentinel2 import Sentinel2  # noqa: E402
from loam.config.settings import load_config  # noqa: E402
from loam.mapping.picture import MISSING, MOISTURE, UNITS  # noqa: E402
from loam.raster.grid import Tile, crs_of, grid_like, project  # noqa: E402
from loam.sandbox.instruments.coarse_moisture import DEPTHS, cell_truth, fields_found, observed  # noqa: E402
from loam.sandbox.instruments.delivery import deliver_maps  # noqa: E402
from loam.sandbox.instruments.logger_files import write_probes  # noqa: E402
from loam.sandbox.instruments.makes import MAKES, TIME_COLUMN, Make  # noqa: E402
from loam.sandbox.instruments.sites import days_between, target_sites  # noqa: E402
from loam.sandbox.land.cover_map import LANDCOVER  # noqa: E402
from loam.sandbox.optical.tile import cloud_cover_on  # noqa: E402
from loam.sandbox.scene_rows import takes_and_sights  # noqa: E402
from loam.sandbox.synthetic_scenes import ground_on, write_optical, write_radar  # noqa: E402
from loam.sandbox.world import World, depth_mean  # noqa: E402
from loam.sandbox.world_settings import settings_of  # noqa: E402
from loam.sentinel1.decibel import to_decibel  # noqa: E402
from loam.sentinel1.scene import process_pass  # noqa: E402
from loam.sentinel2.observe import observe  # noqa: E402

IMAGES = ROOT / "docs" / "images"
THREADS = 2
HEAVIEST = 500_000  # bytes of a picture
SEA, LAKE = "#dbe6ee", "#7fa6c4"
COVERS = {  # name, colour
    "PAST": ("pasture", "#cfd98a"), "FORE": ("forest", "#3f6f4a"), "AGRI": ("crops", "#d9b44a"),
    "SAVA": ("savanna, moorland", "#b08968"), "IRRI": ("irrigated", "#2c7fb8"),
}  # fmt: skip
PEAT, SMALL = "#222222", 8
FAULTS = {"spike": "#d1495b", "stuck": "#edae49", "drift": "#9a6fb0", "frozen": "#30638e", "gap": "0.8"}
LOOKS = 4.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", help=f"of {', '.join(PICTURES)}; all if none is named")
    wanted = parser.parse_args().pictures or list(PICTURES)
    mpl.use("agg")
    plt.rcParams.update({"font.size": 9, "axes.titlesize": 9.5, "axes.titlelocation": "left"})
    config = load_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8")))
    world = World(settings_of(config["seed"], config["sandbox"]))
    IMAGES.mkdir(exist_ok=True)
    for name in wanted:
        figure = PICTURES[name](world, config)
        path = IMAGES / f"sandbox_{name}.png"
        _write(figure, path)
        plt.close(figure)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def draw_world(world: World, config: dict) -> plt.Figure:
    """Terrain with the probes, wetness index, land cover, and three maps of the soil."""
    static, stations = world.static(_whole(world)), world.stations
    figure, panels = _panels(world, 2, 3)
    shaded = LightSource(azdeg=315, altdeg=45).shade(
        np.nan_to_num(static["elevation"]), cm.bamako_r, vert_exag=1.5, dx=80, dy=80, blend_mode="soft",
        vmin=0, vmax=float(np.nanmax(static["elevation"])),
    )  # fmt: skip
    shaded[static["water"] == 2] = mpl.colors.to_rgba(SEA)
    panel = panels[0, 0]
    panel.imshow(shaded, extent=_extent(world), interpolation="nearest")
    _bar(panel, mpl.cm.ScalarMappable(Normalize(0, np.nanmax(static["elevation"])), cm.bamako_r), "m")
    x, y = _kilometres(world, stations["col"].to_numpy() + 0.5, stations["row"].to_numpy() + 0.5)
    panel.plot(x, y, "o", markersize=4, markerfacecolor="white", markeredgecolor="#c1272d", markeredgewidth=1.2)
    panel.set_title(f"Elevation, and the {len(stations)} probes")

    _field(panels[0, 1], world, static["wetness"], cm.oslo_r, (5.5, 15), "", "Topographic wetness index", "max")
    _draw_cover(panels[0, 2], world, static["landcover"])
    clay, carbon, water = static["clay"][0], static["soc"][0], static["awc"][0]
    _field(panels[1, 0], world, clay, cm.bilbao, _range(clay), "%", "Clay 0-5 cm", "both")
    _field(panels[1, 1], world, carbon, cm.lajolla_r, (0, 12), "%", "Organic carbon 0-5 cm", "max")
    _field(
        panels[1, 2], world, water, cm.davos_r, _range(water), "% of volume", "Available water capacity 0-5 cm", "both"
    )
    for panel in panels.ravel():
        _draw_water(panel, world, static["water"])
    peat = np.where(static["water"] == 2, 0, static["peat"])
    for panel in panels[1]:
        panel.contour(peat, levels=[0.5], colors=PEAT, linewidths=0.8, extent=_extent(world), origin="upper")
    panels[1, 1].text(
        0.03, 0.5, "peat country:\nabove 20 %", transform=panels[1, 1].transAxes, color="white", fontsize=SMALL,
        fontweight="bold", va="center", bbox={"facecolor": "0.15", "alpha": 0.6, "edgecolor": "none", "pad": 2},
    )  # fmt: skip
    _draw_scale(panels[1, 0])
    return figure


def draw_days(world: World, config: dict) -> plt.Figure:
    """The driest and the wettest day of the period: the truth, and what the modelled moisture makes of it."""
    found: dict[str, tuple[float, date, np.ndarray]] = {}
    days = days_between(world.settings.first_day, world.settings.last_day)
    for day in world.run(days, _whole(world), THREADS):
        surface = depth_mean(day.moisture, 0, 30)
        mean = float(np.nanmean(surface))
        for name, beats in (("driest", operator.lt), ("wettest", operator.gt)):
            if name not in found or beats(mean, found[name][0]):
                found[name] = mean, day.day, surface
    chosen = sorted(day for _, day, _ in found.values())
    coarse = _coarse(world, chosen)
    water = world.static(_whole(world))["water"]
    limits = (0.10, 0.60)
    figure, panels = _panels(world, 2, 3, bars=False)
    for row, (name, (_, day, truth)) in zip(panels, found.items(), strict=True):
        seen = {variable: fields[chosen.index(day)] for variable, fields in coarse.items()}
        titles = ["truth 0-30 cm", *(f"coarse moisture {DEPTHS[of][0]}-{DEPTHS[of][1]} cm" for of in seen)]
        for panel, field, title in zip(row, [truth, *seen.values()], titles, strict=True):
            held = np.where(water > 0, np.nan, field)
            mean = np.nanmean(held)
            image = _field(panel, world, held, MOISTURE, limits, None, f"{title}, mean {mean:.2f}", "")
            _draw_water(panel, world, np.minimum(2 * water, 2))
        row[0].set_ylabel(f"the {name} day, {day.day} {day:%B %Y}", fontsize=10)
    bar = figure.colorbar(image, ax=panels, fraction=0.025, pad=0.015, extend="both")
    bar.set_label(f"moisture, {UNITS}")
    _draw_scale(panels[1, 0])
    return figure


def draw_scenes(world: World, config: dict) -> plt.Figure:
    """A pass of Sentinel-1 and a day of Sentinel-2, each from its product through its chain, and the truth of a day."""
    year, seed = world.settings.last_day.year, world.settings.seed
    period = [f"{year}-12-01", f"{year}-12-31"]  # a dry month, when what is irrigated stands out
    radar = Sentinel1Takes(period=period, incidence=38.0, direction="descending", every=1, looks=LOOKS)
    scenes = Scenes(sentinel1=radar, sentinel2=Sentinel2Takes(period=period, every_days=5))
    takes, sights = takes_and_sights(world.geobox, scenes)
    take, sight = takes[0], min(sights, key=lambda sight: abs(cloud_cover_on(seed, sight.time.date()) - 25))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        box, dem = world.geobox.extent.boundingbox, folder / "elevation.tif"
        grid = {"crs": "EPSG:28355", "bounds": [box.left, box.bottom, box.right, box.top], "resolution": 80}
        deliver_maps(world.settings, [{"dataset": "sandbox_terrain", "variable": "elevation", "grid": grid}], [dem])
        grid = grid_like(dem, 512)
        product, item = folder / f"{take.name.product}.zip", folder / sight.name / f"{sight.name}.json"
        write_radar(world, {product: take}, {}, looks=LOOKS, threads=THREADS)
        write_optical(world, {item: sight}, THREADS)
        process_pass([product], dem, grid, folder / "sentinel1.tif", Sentinel1(), threads=THREADS)
        observe([item], grid, folder / "sentinel2.tif", Sentinel2())
        with rasterio.open(folder / "sentinel1.tif") as dataset:
            radar = dict(zip(dataset.descriptions, dataset.read(), strict=True))
        with rasterio.open(folder / "sentinel2.tif") as dataset:
            optical = dict(zip(dataset.descriptions, dataset.read(), strict=True))
    day = date.fromisoformat(take.name.product[17:25])
    truth = ground_on(world, [day], THREADS).moisture[0]
    water = world.static(_whole(world))["water"]
    figure, panels = _panels(world, 2, 2)
    when = f"{day.day} {day:%B %Y}"
    for panel, name in zip(panels[0], ("vv", "vh"), strict=True):
        decibel = to_decibel(np.where(radar[name] > 0, radar[name], np.nan))
        title = f"Sentinel-1 {name.upper()} after the chain, {take.frame.seen.direction}, {when}"
        _field(panel, world, decibel, cm.grayC, _range(decibel), "dB", title, "both")
    title = f"Sentinel-2 NDVI, clouds and shadows masked, {sight.time.day} {sight.time:%B %Y}"
    _field(panels[1, 0], world, optical["ndvi"], cm.bamako_r, (0.1, 0.9), "", title, "")
    _field(panels[1, 1], world, truth, MOISTURE, _range(truth), UNITS, f"True moisture 0-5 cm, {when}", "both")
    _draw_water(panels[1, 1], world, np.minimum(2 * water, 2))
    _draw_scale(panels[1, 0])
    return figure


def draw_weather(world: World, config: dict) -> plt.Figure:
    """Rain and moisture at one probe over the years, and another probe's raw file beside the truth."""
    settings = world.settings
    days = days_between(settings.first_day, settings.last_day)
    sites = target_sites(world, THREADS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_probes(
            settings.seed, sites, folder=folder, description=folder / "files.yaml", stations=folder / "stations.csv",
            faults=folder / "faults.csv",
        )  # fmt: skip
        planted = pd.read_csv(folder / "faults.csv", parse_dates=["first", "last"])
        sides = [(planted.loc[planted["station"] == site.name, "fault"].nunique(), len(site.days)) for site in sites]
        number = max((place for place in range(len(sites)) if MAKES[place % len(MAKES)].unit != "mm"),
                     key=lambda place: sides[place])  # fmt: skip
        faulty, make = sites[number], MAKES[number % len(MAKES)]
        raw = _raw(folder, faulty.name, make)
    planted = planted[(planted["station"] == faulty.name) & (planted["depth_from_cm"] <= make.depths[0][0])]
    stations = world.stations
    ours = max((site for site in sites if site.landcover == "PAST"), key=lambda site: len(site.days))
    at = stations[stations["station"] == ours.name]
    rows, cols = at["row"].to_numpy(), at["col"].to_numpy()
    rain = world.weather_at(days, rows, cols)["rain"][:, 0]
    moisture = np.stack([day.moisture[:, 0] for day in world.run_points(days, rows, cols)], axis=1)
    times = pd.DatetimeIndex(days)

    figure, panels = plt.subplots(4, 1, figsize=(11, 9.5), layout="constrained", height_ratios=[1, 1.3, 1.5, 1.3])
    panel = panels[0]
    panel.bar(times, rain, width=1.0, color="#30638e")
    panel.set(ylabel="rain, mm d$^{-1}$", title=f"Rain at probe {ours.name} (pasture)")
    for year in range(settings.first_day.year, settings.last_day.year + 1):
        kind = {settings.drought_year: " (drought year)", settings.wet_year: " (wet year)"}.get(year, "")
        total = rain[times.year == year].sum()
        panel.text(pd.Timestamp(year, 7, 1), 0.93, f"{year}{kind}: {total:.0f} mm", ha="center", va="top",
                   transform=panel.get_xaxis_transform())  # fmt: skip
    panel = panels[1]
    for (top, bottom), colour in (((0, 5), "#c9a66b"), ((0, 30), "#8c510a"), ((30, 60), "#01665e")):
        panel.plot(times, depth_mean(moisture, top, bottom), color=colour, linewidth=0.8 if bottom == 5 else 1.3,
                   label=f"{top}-{bottom} cm")  # fmt: skip
    panel.set(ylabel=UNITS, title="True moisture there", ylim=(0, 0.05 + float(np.nanmax(moisture))))
    panel.legend(ncol=3, frameon=False, loc="upper left", fontsize=SMALL)
    for panel in panels[:2]:
        panel.set_xlim(times[0], times[-1] + pd.Timedelta(days=1))
        for year in range(settings.first_day.year + 1, settings.last_day.year + 1):
            panel.axvline(pd.Timestamp(year, 1, 1), color="0.75", linewidth=0.8, zorder=0)

    depth, truth = make.depths[0], pd.Series(faulty.at_depth(*make.depths[0]), faulty.days + pd.Timedelta(hours=12))
    often = raw.index[raw["often"]]
    spikes = planted.loc[planted["fault"] == "spike", "first"]
    middle = spikes[(spikes >= often[0]) & (spikes <= often[-1])].iloc[0] if len(spikes) else often[len(often) // 2]
    zoom = (max(middle - pd.Timedelta(days=12), often[0]), min(middle + pd.Timedelta(days=18), often[-1]))
    for panel, (first, last) in zip(panels[2:], [(faulty.days[0], faulty.days[-1]), zoom], strict=True):
        _draw_faults(panel, planted, (first, last))
        part = raw[first:last]
        panel.plot(truth[first:last].index, truth[first:last], color="black", linewidth=1.1)
        panel.plot(part.index, part["moisture"], ".", markersize=2.5, color="#2a9d8f")
        panel.set(ylabel=UNITS, xlim=(first, last))
    low, high = float(min(truth.min(), raw["moisture"].min())), float(max(truth.max(), raw["moisture"].max()))
    for panel in panels[2:]:
        panel.set_ylim(low - 0.02, high + 0.08)
    name = {"IRRI": "irrigated"}.get(faulty.landcover, COVERS[faulty.landcover][0])
    panels[2].set_title(
        f"Raw files of probe {faulty.name} ({name}), make '{make.name}', sensor at {depth[0]:g} cm, uncalibrated: "
        "daily means and a stretch of readings"
    )
    panels[3].set_title(f"A part of that stretch: a reading every {make.minutes} minutes")
    _explain(panels[2], [kind for kind in FAULTS if kind in set(planted["fault"])])
    return figure


def _write(figure: plt.Figure, path: Path) -> None:
    """As a PNG, of 256 colours where it would be too heavy for a page of pictures."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=105, bbox_inches="tight", pad_inches=0.08, pil_kwargs={"optimize": True})
    if len(drawn.getvalue()) <= HEAVIEST:
        path.write_bytes(drawn.getvalue())
    else:
        Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


PICTURES = {"world": draw_world, "days": draw_days, "scenes": draw_scenes, "weather": draw_weather}


def _coarse(world: World, days: Sequence[date]) -> dict[str, np.ndarray]:
    """What is published of the cells on ``days``, laid on the region's pixels: [day, row, column] of each variable."""
    truth, seed = cell_truth(world, days, THREADS), world.settings.seed
    rows, cols = np.indices(world.geobox.shape)
    x, y = world.geobox.transform @ (cols + 0.5, rows + 0.5)
    across, down = ~truth.cells.transform @ project(x, y, crs_of(world.geobox), crs_of(truth.cells))
    place = np.floor(down).astype(int), np.floor(across).astype(int)
    out = {}
    for name, values in zip(DEPTHS, truth.values, strict=True):
        seen = observed(
            seed, name, values.reshape(len(days), -1), days, truth.numbers.ravel(), fields_found(seed, days),
            regional=world.settings.domain_distance,
        )  # fmt: skip
        out[name] = seen.reshape(values.shape)[:, *place]
    return out


def _raw(folder: Path, station: str, make: Make) -> pd.DataFrame:
    """What a probe's two files have of its uppermost sensor, m3 m-3, and whether it is of the file of many readings."""
    parts = []
    for daily, suffix in ((True, "daily"), (False, f"{make.minutes}min")):
        path = folder / f"{station}_{make.name}_{suffix}.csv"
        table = pd.read_csv(path, header=1, skiprows=[2], na_values="NAN", index_col=TIME_COLUMN, parse_dates=True)
        values = table[make.columns(daily=daily)[0]] * (0.01 if make.unit == "%" else 1.0)
        parts.append(pd.DataFrame({"moisture": values, "often": not daily}))
    return pd.concat(parts).sort_index()


def _draw_faults(panel: Axes, planted: pd.DataFrame, within: tuple[pd.Timestamp, pd.Timestamp]) -> None:
    """Faults as bands, and spikes as marks along the lower edge."""
    for fault in planted.itertuples():
        colour = FAULTS[fault.fault]
        if fault.last < within[0] or fault.first > within[1]:
            continue
        if fault.fault == "spike":
            panel.plot(fault.first, 0.03, "^", color=colour, transform=panel.get_xaxis_transform(), markersize=5)
        else:
            panel.axvspan(fault.first, fault.last + timedelta(days=1), color=colour, alpha=0.55, linewidth=0)


def _explain(panel: Axes, faults: Sequence[str]) -> None:
    """The legend of the raw files."""
    handles = [
        Line2D([], [], color="black", linewidth=1.1, label="truth, mean of the day"),
        Line2D([], [], color="#2a9d8f", marker=".", linestyle="none", label="as the file has it"),
    ]
    for fault in faults:
        if fault == "spike":
            handles.append(Line2D([], [], color=FAULTS[fault], marker="^", markersize=5, linestyle="none", label=fault))
        else:
            handles.append(Patch(color=FAULTS[fault], alpha=0.55, linewidth=0, label=fault))
    panel.legend(handles=handles, ncol=len(handles), frameon=False, loc="upper left", fontsize=SMALL)


def _draw_cover(panel: Axes, world: World, landcover: np.ndarray) -> None:
    colours = ListedColormap([COVERS[name][1] for name in LANDCOVER])
    held = np.ma.masked_equal(landcover, 0)
    panel.imshow(
        held, cmap=colours, vmin=0.5, vmax=len(LANDCOVER) + 0.5, extent=_extent(world), interpolation="nearest"
    )
    panel.set_title("Land cover")
    patches = [Patch(color=colour, label=name) for name, colour in COVERS.values()]
    patches += [Patch(color=LAKE, label="lake"), Patch(color=SEA, label="sea")]
    panel.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=SMALL,
                 handlelength=1, handleheight=1)  # fmt: skip


def _field(
    panel: Axes, world: World, field: np.ndarray, colours: Colormap, limits: tuple[float, float], unit: str | None,
    title: str, extend: str,
) -> mpl.cm.ScalarMappable:  # fmt: skip
    """A field with its title, and its colour bar unless ``unit`` is None."""
    image = panel.imshow(
        np.ma.masked_invalid(field), cmap=colours, vmin=limits[0], vmax=limits[1], extent=_extent(world),
        interpolation="nearest",
    )  # fmt: skip
    panel.set_facecolor(MISSING)
    panel.set_title(title)
    if unit is not None:
        _bar(panel, image, unit, extend or "neither")
    return image


def _bar(panel: Axes, image: mpl.cm.ScalarMappable, unit: str, extend: str = "neither") -> None:
    bar = panel.figure.colorbar(image, cax=panel.inset_axes((1.02, 0, 0.035, 1)), extend=extend)
    bar.set_label(unit, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def _draw_water(panel: Axes, world: World, water: np.ndarray) -> None:
    panel.imshow(np.ma.masked_equal(water, 0), cmap=ListedColormap([LAKE, SEA]), vmin=0.5, vmax=2.5,
                 extent=_extent(world), interpolation="nearest")  # fmt: skip


def _draw_scale(panel: Axes) -> None:
    """A bar of 5 km below the panel's lower left corner."""
    left, right = panel.get_xlim()
    share = 5.0 / (right - left)
    panel.plot([0, share], [-0.035] * 2, transform=panel.transAxes, color="black", linewidth=3, clip_on=False,
               solid_capstyle="butt")  # fmt: skip
    panel.text(share + 0.02, -0.035, "5 km", transform=panel.transAxes, va="center", fontsize=SMALL)


def _panels(world: World, rows: int, columns: int, bars: bool = True) -> tuple[plt.Figure, np.ndarray]:
    height, width = world.geobox.shape
    side = 3.5 if columns == 3 else 4.4
    figure, panels = plt.subplots(
        rows,
        columns,
        layout="constrained",
        figsize=(columns * (side + 0.65 * bars) + 0.8, rows * side * height / width),
    )
    for panel in panels.ravel():
        panel.set(xticks=[], yticks=[])
    return figure, panels


def _range(field: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(field, [2, 98])
    return float(low), float(high)


def _whole(world: World) -> Tile:
    return Tile(0, 0, *world.geobox.shape)


def _extent(world: World) -> tuple[float, float, float, float]:
    """Of the region, in km from its south-western corner."""
    height, width = world.geobox.shape
    return 0.0, width * 0.08, 0.0, height * 0.08


def _kilometres(world: World, cols: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return cols * 0.08, (world.geobox.shape[0] - rows) * 0.08


if __name__ == "__main__":
    main()
