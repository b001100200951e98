"""From the files of a domain's probes to daily moisture of the config's layers, station by station.

Readings are spooled to one temporary file a station first, because a format may give a station in pieces, interleaved
with others; from then on one station's readings are in memory at a time. In this order: units, calibration, quality
flags, daily means of the readings that no flag excludes, mean over the sensors at a depth; then, with the daily means
of all stations together, repeated depths and stations; then layers. Nothing is dropped silently: flags travel with the
values, and the report counts them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as pq

from loam.config.sections.probes import Calibration, ProbeFiles, Quality, StationMap
from loam.errors import TableError
from loam.io.atomic import atomic_path, scratch_beside
from loam.io.progress import counted
from loam.io.tables import check_table, write_table
from loam.probes.daily import SUMS, boundary_shift, daily_values, mean_over_sensors
from loam.probes.depth_layers import to_layers
from loam.probes.formats import open_probes, provider_flags
from loam.probes.impossible import cannot_be, without_impossible
from loam.probes.products import DAILY, DAY, LAYER, QC_REPORT, READING, STATION_SUMMARY
from loam.probes.quality.flags import Flag
from loam.probes.quality.limits import impossible, porosity_from_bulk_density
from loam.probes.quality.rain import daily_rain, nearest_rain
from loam.probes.quality.repeats import flag_repeats, repeated_depths, repeated_stations
from loam.probes.quality.station import flag_station
from loam.probes.reading_units import CANONICAL, GRAVIMETRIC, to_canonical
from loam.probes.readings import READINGS, Probes
from loam.probes.report import count_flags, in_order, log_report, place_of, warn_of_losses
from loam.probes.sensor_calibration import calibrate
from loam.probes.sent_again import sent_again
from loam.probes.station_facts import select_stations, summarise_stations
from loam.probes.station_maps import fill_from_maps

log = logging.getLogger("loam")

DEPTH = ["depth_from_cm", "depth_to_cm"]
SERIES = ["variable", "sensor", *DEPTH]
TEXT = ["station", "sensor", "variable", "unit", "flag"]
PIECE_ROWS = 250_000  # readings that are checked and spooled at a time


def prepare_domain(
    settings: ProbeFiles,
    *,
    layers: list[Mapping[str, Any]],
    day_boundary: str,
    minimum_share: float,
    quality: Quality,
    calibration: Calibration,
    maps: Sequence[StationMap],
    layer_share: float,
    smoothing: float,
    daily: Path,
    stations: Path,
    report: Path,
) -> None:
    """Read, check, harmonise and write the probes of a domain.

    Args:
        settings: where the domain's files are, and which stations of them are taken.
        layers: name, top_cm, bottom_cm.
        day_boundary: where a day begins; not used where values are daily already.
        minimum_share: of a day's readings that must be left for a daily mean.
        quality: of the quality control.
        calibration: of the domain's probes.
        maps: rasters that give what the stations lack.
        layer_share: of a layer's thickness that the day's sensors must stand for.
        smoothing: the spline's lambda.
        daily: Parquet to write, schema DAILY.
        stations: Parquet to write, schema STATION_SUMMARY.
        report: CSV to write, schema QC_REPORT.

    Raises:
        ConfigError, TableError: what the reader or a step refuses; no station has a value in any layer.
    """
    probes = open_probes(settings)
    chosen = fill_from_maps(select_stations(probes.stations, settings, where=probes.source), maps)
    log.info("%s: %d of %d stations, %s", probes.source, len(chosen), len(probes.stations), _resolution(probes))
    shift = None if probes.daily else boundary_shift(day_boundary)
    excluding = int(Flag.TOO_FEW_READINGS) | sum(int(Flag[name.upper()]) for name in set(quality.exclude))
    provider = provider_flags(settings)
    about, profiles, counts = chosen.set_index("station"), [], []
    daily.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(daily) as spool:
        pieces = _spool(probes, set(chosen["station"]), Path(spool))
        rain = _rain_near(pieces, chosen, probes, quality.rain_distance_km)
        for station, readings in counted(_by_station(pieces), "stations", total=len(pieces)):
            readings = _once(readings, daily=probes.daily)
            readings = without_impossible(to_canonical(readings, where=probes.source), SERIES)
            readings = _moisture(readings, about.loc[station], calibration)
            porosity = _porosity(about.loc[station])
            readings["qc"] = flag_station(
                readings,
                daily=probes.daily,
                porosity=porosity,
                quality=quality,
                provider=provider,
                rain=rain.get(station),
            )
            profile, found = _profile(readings, minimum_share, shift, excluding)
            profiles.append(profile)
            counts.append(found)
    if not profiles:
        raise TableError("no station has soil moisture", where=probes.source)
    profiles = pd.concat(profiles, ignore_index=True)
    if absent := sorted(set(chosen["station"]) - set(profiles["station"])):
        log.warning("no soil moisture of station %s", ", ".join(absent))
    profiles["qc"] |= _repeats(profiles)
    profiles["moisture"] = profiles["moisture"].mask((profiles["qc"] & excluding) != 0)
    counts += [_count(profile, DAY) for _, profile in profiles.groupby("station", sort=True)]
    harmonise = {"smoothing": smoothing, "minimum_share": layer_share}
    observed, found = _write_layers(profiles, layers, harmonise, daily)
    counts += found
    table = in_order(pd.concat(counts, ignore_index=True))
    write_table(table, report, QC_REPORT)
    write_table(summarise_stations(chosen, observed), stations, STATION_SUMMARY)
    log_report(table)
    warn_of_losses(table, quality.exclude)
    if observed.empty:
        raise TableError(
            f"no layer has a value at any of {profiles['station'].nunique()} stations", where=probes.source,
            fix=f"{report} tells why; see the config's layers and probes.quality",
        )  # fmt: skip


def _resolution(probes: Probes) -> str:
    return "daily values" if probes.daily else "sub-daily readings"


def _spool(probes: Probes, chosen: set[str], spool: Path) -> dict[str, list[Path]]:
    """The files, written to ``spool``, of each chosen station's readings."""
    pieces: dict[str, list[Path]] = {}
    for number, piece in enumerate(_joined(probes.readings, chosen)):
        piece = check_table(piece, READINGS, where=probes.source)
        path = spool / f"piece_{number}.parquet"
        piece.to_parquet(path, index=False)
        pieces.setdefault(piece["station"].iloc[0], []).append(path)
    return pieces


def _joined(frames: Iterator[pd.DataFrame], chosen: set[str]) -> Iterator[pd.DataFrame]:
    """The chosen stations' frames, small ones of a station that follow each other as one: checks cost by the frame."""
    held: list[pd.DataFrame] = []
    for frame in frames:
        if frame.empty or frame["station"].iloc[0] not in chosen:
            continue
        same = bool(held) and held[0]["station"].iloc[0] == frame["station"].iloc[0]
        if held and not (same and sum(map(len, held)) + len(frame) <= PIECE_ROWS):
            yield pd.concat(held, ignore_index=True)
            held = []
        held.append(frame)
    if held:
        yield pd.concat(held, ignore_index=True)


def _rain_near(
    pieces: Mapping[str, list[Path]], stations: pd.DataFrame, probes: Probes, within_km: float
) -> dict[str, pd.Series]:
    """Daily rain of the nearest station that has rain, by station, for those that have none of their own."""
    rain = {}
    for station, paths in pieces.items():
        filters = [("variable", "==", "precipitation")]
        frame = pd.concat([pq.read_table(path, filters=filters).to_pandas() for path in paths], ignore_index=True)
        frame = to_canonical(frame, where=probes.source)
        frame["value"] = frame["value"].mask(cannot_be("precipitation", frame["value"].to_numpy(float)))
        sums = daily_rain(frame, daily=probes.daily)
        if len(sums):
            rain[station] = sums
    nearest = nearest_rain(stations, rain, within_km=within_km)
    for station, (other, distance) in nearest.items():
        log.info("station %s has no rain: that of %s, %.1f km away, tells what it should respond to", station, other,
                 distance)  # fmt: skip
    return {station: rain[other] for station, (other, _) in nearest.items()}


def _by_station(pieces: Mapping[str, list[Path]]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each station's readings, sorted by sensor and time; a piece is on disk until its station's turn."""
    for station in sorted(pieces):
        tables = [pq.read_table(path, read_dictionary=TEXT) for path in pieces[station]]
        frame = arrow.concat_tables(tables).unify_dictionaries().to_pandas()  # text as categories: little memory
        for path in pieces[station]:
            path.unlink()
        if (frame["variable"] == "soil_moisture").any():
            yield station, frame.sort_values(["variable", "sensor", *DEPTH, "time"], ignore_index=True)


def _once(readings: pd.DataFrame, *, daily: bool) -> pd.DataFrame:
    """A station's readings without those that were sent again within seconds."""
    again = np.zeros(len(readings), bool) if daily else sent_again(readings, SERIES, but=SUMS)
    if not again.any():
        return readings
    log.info(
        "station %s: %d of %d readings were sent again and count once", readings["station"].iloc[0], again.sum(),
        len(readings),
    )  # fmt: skip
    return readings[~again].reset_index(drop=True)


def _moisture(readings: pd.DataFrame, station: pd.Series, calibration: Calibration) -> pd.DataFrame:
    """Readings with all soil moisture in m3 m-3: calibrated, gravimetric moisture by the bulk density."""
    moisture = readings["variable"] == "soil_moisture"
    value = readings["value"].to_numpy(float, copy=True)
    for name in readings.loc[moisture, "unit"].unique():
        rows = (moisture & (readings["unit"] == name)).to_numpy()
        relation = "gravimetric" if name == GRAVIMETRIC else calibration.relation
        coefficients = {} if name == GRAVIMETRIC else calibration.coefficients
        if name not in (GRAVIMETRIC, CANONICAL["soil_moisture"]) and relation == "none":
            raise TableError(
                f"values in '{name}' are no moisture", where=f"station '{station.name}'",
                fix="choose a relation in probes.calibration",
            )  # fmt: skip
        value[rows] = calibrate(
            value[rows], relation=relation, coefficients=coefficients, bulk_density=station["bulk_density"],
            where=f"station '{station.name}'",
        )  # fmt: skip
    unit = readings["variable"].map(CANONICAL).astype("category")
    return readings.assign(value=value, unit=unit)


def _porosity(station: pd.Series) -> float:
    given = station["porosity"]
    return float(porosity_from_bulk_density(station["bulk_density"])) if pd.isna(given) else float(given)


def _profile(
    readings: pd.DataFrame, minimum_share: float, shift: np.timedelta64 | None, excluding: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A station's daily means a depth (station first), and the report's rows for its readings."""
    readings = readings[readings["variable"] == "soil_moisture"]
    excluded = (readings["qc"].to_numpy(np.int64) & excluding) != 0
    excluded |= impossible(readings["value"].to_numpy(float))  # whatever quality.exclude leaves in
    days = daily_values(readings, excluded, minimum_share=minimum_share, shift=shift)
    profile = mean_over_sensors(days)
    profile.insert(0, "station", readings["station"].iloc[0])
    return profile, _count(readings, READING, excluded)


def _count(table: pd.DataFrame, counted: str, excluded: np.ndarray | None = None) -> pd.DataFrame:
    """Rows of the report; ``table`` has readings of sensors, days of depths, or days of layers."""
    if counted == LAYER:
        table = table.rename(columns={"layer": "place"})
    else:
        tops, bottoms = (pd.factorize(table[name]) for name in DEPTH)
        codes, pairs = pd.factorize(tops[0] * len(bottoms[1]) + bottoms[0])
        depths = zip(tops[1][pairs // len(bottoms[1])], bottoms[1][pairs % len(bottoms[1])], strict=True)
        table = table.assign(place=pd.Categorical.from_codes(codes, [place_of(*depth) for depth in depths]))
    time, value = ("time", "value") if counted == READING else ("date", "moisture")
    excluded = table[value].isna().to_numpy() if excluded is None else excluded
    keys = ["station", "place", "sensor"] if counted == READING else ["station", "place"]
    return count_flags(table, counted=counted, keys=keys, time=time, value=value, excluded=excluded)


def _repeats(profiles: pd.DataFrame) -> np.ndarray:
    """[row] REPEATS_DEPTH and REPEATS_STATION of all stations' daily means."""
    depths, stations = repeated_depths(profiles), repeated_stations(profiles)
    for row in depths.itertuples():
        log.warning(
            "station %s: %s repeats %s on %d days, %s to %s%s", row.station,
            place_of(row.depth_from_cm, row.depth_to_cm), place_of(row.original_from_cm, row.original_to_cm),
            row.days, row.first.date(), row.last.date(),
            "" if row.certain else " (or the reverse)",
        )  # fmt: skip
    for row in stations.itertuples():
        log.warning(
            "station %s repeats station %s at %s on %d days, %s to %s", row.station, row.original,
            place_of(row.depth_from_cm, row.depth_to_cm), row.days, row.first.date(), row.last.date(),
        )  # fmt: skip
    return flag_repeats(profiles, depths, stations)


def _write_layers(
    profiles: pd.DataFrame, layers: list[Mapping[str, Any]], harmonise: Mapping[str, float], daily: Path
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Write the layers of all stations; give (station, date) of the rows with moisture, and the report's rows."""
    observed, counts = [], []
    schema = arrow.schema(
        [("station", arrow.string()), ("date", arrow.timestamp("ns")), ("layer", arrow.string()),
         ("moisture", arrow.float64()), ("n_readings", arrow.int64()), ("qc", arrow.int64())]
    )  # fmt: skip
    with atomic_path(daily) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for station, profile in profiles.groupby("station", sort=True):
            table = to_layers(profile, layers, **harmonise, where=f"station '{station}'")
            table.insert(0, "station", station)
            table = check_table(table, DAILY, where=daily)
            writer.write_table(arrow.Table.from_pandas(table, schema=schema, preserve_index=False))
            counts.append(_count(table, LAYER))
            observed.append(table.loc[table["moisture"].notna(), ["station", "date"]])
    return pd.concat(observed, ignore_index=True), counts
