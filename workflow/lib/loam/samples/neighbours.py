"""What the other probes of the day say: the weighted mean of their anomalies, never the station's own.

A probe tells about its neighbours how far the day is from usual rather than how wet the place is: stations differ in
their level by soil and sensor, so a station's anomaly, its moisture minus its own mean, is what is passed on, weighted
by inverse distance (Shepard, 1968). Nothing but training rows is read, so that a station that a fold holds out, and
the one that validates, tell nothing to anyone on any day.
"""

from __future__ import annotations

import numpy as np

from loam.raster.great_circle import distances


def same_day_anomaly(
    moisture: np.ndarray,
    training: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    *,
    power: float = 2.0,
    floor_km: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The anomaly of the day at each station, from the others that report.

    Args:
        moisture: [station, day, layer] m3 m-3, NaN where not observed.
        training: [station, day] bool, what may be read.
        latitude, longitude: [station] degrees.
        power: of the distance by which weights fall.
        floor_km: distance below which weights rise no further, km.

    Returns:
        Anomaly [station, day, layer], m3 m-3, 0 where no other station reports; and how many do, of the same shape.
    """
    anomaly, reported = station_anomalies(moisture, training)
    weights = inverse_distance(latitude, longitude, latitude, longitude, power=power, floor_km=floor_km)
    np.fill_diagonal(weights, 0.0)
    return weighted_mean(weights, anomaly, reported)


def anomalies_at(
    latitude: np.ndarray,
    longitude: np.ndarray,
    anomaly: np.ndarray,
    reported: np.ndarray,
    latitudes: np.ndarray,
    longitudes: np.ndarray,
    *,
    power: float = 2.0,
    floor_km: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The anomaly of the day at places that are no station: pixels of a map.

    Args:
        latitude, longitude: [place] degrees.
        anomaly, reported: [station, day, layer] of ``station_anomalies``, or some days of them.
        latitudes, longitudes: of the stations [station], degrees.
        power, floor_km: as in ``same_day_anomaly``.

    Returns:
        Anomaly [place, day, layer] and how many stations report, as ``same_day_anomaly`` gives them at a station that
        does not train.
    """
    weights = inverse_distance(latitude, longitude, latitudes, longitudes, power=power, floor_km=floor_km)
    return weighted_mean(weights, anomaly, reported)


def station_anomalies(moisture: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moisture minus the station's own mean over its training days, a layer at a time.

    Args:
        moisture: [station, day, layer] m3 m-3, NaN where not observed.
        training: [station, day] bool.

    Returns:
        Anomaly [station, day, layer], 0 outside the training days and where nothing was observed; and bool
        [station, day, layer], whether there is one.
    """
    reported = training[:, :, None] & ~np.isnan(moisture)
    read = np.where(reported, moisture, 0.0)
    mean = read.sum(axis=1) / np.maximum(reported.sum(axis=1), 1)
    return np.where(reported, read - mean[:, None], 0.0), reported


def inverse_distance(
    latitude: np.ndarray,
    longitude: np.ndarray,
    latitudes: np.ndarray,
    longitudes: np.ndarray,
    *,
    power: float,
    floor_km: float,
) -> np.ndarray:
    """Weights [place, station] of stations at places: 1 / max(great-circle distance in km, floor)^power."""
    away = distances(latitude[:, None], longitude[:, None], latitudes[None], longitudes[None])
    return np.maximum(away, floor_km) ** -power


def weighted_mean(weights: np.ndarray, anomaly: np.ndarray, reported: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the stations that report, and how many with a weight do.

    Args:
        weights: [place, station], 0 for a station that tells this place nothing.
        anomaly, reported: [station, day, layer].

    Returns:
        Mean and count [place, day, layer]; 0 where nobody reports.
    """
    stations, *shape = anomaly.shape
    flat = reported.reshape(stations, -1).astype(float)
    count = ((weights > 0).astype(float) @ flat).astype(int)
    told = weights @ flat
    mean = np.divide(weights @ anomaly.reshape(stations, -1), told, out=np.zeros_like(told), where=count > 0)
    return mean.reshape(-1, *shape), count.reshape(-1, *shape)
