"""Folds whose distances are those of the map: kNNDM (Linnenbrink, Mila, Ludwig and Meyer, 2024, doi
10.5194/gmd-17-5897-2024).

A pixel of a map lies so far from its nearest probe; a tested station should lie as far from its nearest training
station. Stations are clustered in many ways, the clusters are dealt into folds, and the folds are taken whose distances
to the nearest training station are closest to those from the map, by Wasserstein's distance. Where probes stand in
groups and the map lies between them, groups are held out whole; where they cover it evenly, folds are nearly random.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import wasserstein_distance

from loam.errors import TableError
from loam.protocols.fold import WHERE, Fold, Record
from loam.raster.great_circle import distances

LARGEST = 0.5  # share of the stations that a fold may test

log = logging.getLogger("loam")


def knndm(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each of ``folds`` parts of the stations is tested once, parted so that distances are those of the map.

    The map is a lattice of some ``points`` places in ``box`` (west, south, east, north, degrees; null: the box around
    the stations). Of the other parts one station, drawn, validates; the rest train.
    """
    folds = settings["folds"]
    record.demand_stations(max(3, folds))
    places = record.rows.groupby("station", sort=True)[["latitude", "longitude"]].mean()
    latitude, longitude = (places[name].to_numpy(float) for name in ("latitude", "longitude"))
    between = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
    lattice = lattice_of(latitude, longitude, settings["box"], settings["points"])
    of_map = distances(lattice[0][:, None], lattice[1][:, None], latitude[None], longitude[None]).min(1)
    part, gap = matched_parts(between, of_map, latitude, longitude, folds, record.generator)
    log.info(
        "knndm: nearest training station of a tested one %.3g km in the median, nearest station of the map %.3g km; "
        "the two distributions are %.3g km apart", np.median(to_nearest(between, part)), np.median(of_map), gap,
    )  # fmt: skip
    for number in range(folds):
        test = record.at(places.index[part == number].tolist())
        yield Fold(test, record.drawn(~test, f"part {number + 1} of the stations"))


def lattice_of(
    latitude: np.ndarray, longitude: np.ndarray, box: tuple[float, float, float, float] | None, points: int
) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude of at most ``points`` places at even spaces in a box, or in that around the stations."""
    west, south, east, north = box or (longitude.min(), latitude.min(), longitude.max(), latitude.max())
    width, height = (east - west) % 360 * np.cos(np.radians((south + north) / 2)), north - south
    across = int(np.clip(np.sqrt(points * width / height) if height > 0 else points, 1, points))
    middles = (np.arange(across) + 0.5) / across, (np.arange(points // across) + 0.5) / (points // across)
    east_of, north_of = np.meshgrid(west + middles[0] * ((east - west) % 360), south + middles[1] * height)
    return north_of.ravel(), east_of.ravel()


def to_nearest(between: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Distance of each station to the nearest of another part: [station], km, from those ``between`` all."""
    return np.where(part[:, None] == part[None], np.inf, between).min(1)


def matched_parts(
    between: np.ndarray,
    of_map: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    folds: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """The part of each station [station], from 0, and how far its distances lie from the map's (km).

    Candidates are a random deal and, for every number of clusters from that of the folds, the clusters of average
    linkage in their order along the first principal axis of the places, dealt in turn or cut into runs.

    Args:
        between: great-circle distances [station, station], km.
        of_map: distance of each place of the map to its nearest station [place], km.
        latitude, longitude: [station], degrees.
        folds: number of parts.
        generator: of the random deal.

    Raises:
        TableError: no way of parting leaves enough stations to train.
    """
    count = len(between)
    tree = linkage(squareform(between, checks=False), "average")
    along = _principal_axis(latitude, longitude)
    random = np.empty(count, int)
    random[generator.permutation(count)] = np.arange(count) % folds
    candidates = [random]
    for clusters in range(folds, count + 1):
        _, label = np.unique(fcluster(tree, clusters, "maxclust"), return_inverse=True)
        centre = np.bincount(label, along) / np.bincount(label)
        rank = np.empty(len(centre), int)
        rank[np.argsort(centre, kind="stable")] = np.arange(len(centre))
        behind = np.cumsum(np.bincount(rank[label]))  # stations up to and with each cluster along the axis
        candidates += [rank[label] % folds, ((behind - 1) * folds // count)[rank[label]]]
    best, least = None, np.inf
    for part in candidates:
        size = np.bincount(part, minlength=folds)
        if size.min() == 0 or size.max() > max(LARGEST * count, 1) or count - size.max() < 2:
            continue
        gap = float(wasserstein_distance(to_nearest(between, part), of_map))
        if gap < least:
            best, least = part, gap
    if best is None:
        raise TableError(
            f"{count} stations cannot be parted into {folds} folds that test at most {LARGEST:.0%} of them each",
            where=WHERE, fix="change training.protocol_settings.knndm.folds",
        )  # fmt: skip
    return best, least


def _principal_axis(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Place of each station along the axis on which they differ most [station], on the sphere of radius 1."""
    phi, theta = np.radians(latitude), np.radians(longitude)
    places = np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], 1)
    centred = places - places.mean(0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    return centred @ (axis * np.sign(axis[np.argmax(np.abs(axis))]))
