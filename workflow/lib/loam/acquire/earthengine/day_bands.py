"""One band a variable and day, as an Earth Engine expression: what a month of fields, or of values at stations, is.

A day is one in UTC, and holds the images that begin in it. Statistics of several images (mean of 3-hourly moisture, sum
of hourly rain) are taken over those that are there, pixel by pixel; a sum or an extreme of an incomplete day says
nothing of the day, so such a day has no band.

Keys read from datasets.yaml, under ``earthengine``:
  collection, collections, splices  one collection; several whose images lie beside each other in time (Terra and Aqua);
                                    several with the first and last day that each is used for
  bands.<variable>                  ``band``; ``statistic`` (mean, sum, min, max); or ``overpasses``, bands whose mean
                                    is taken, each where its flag (``flags``) is one of ``good``
                                    ``scale``, ``offset``, ``clip_below`` to the canonical units; ``dtype`` of transport
                                    ``valid``, the lowest and highest number that is a value and no fill; ``summed``
                                    where it is a sum over the days of a composite
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ee

from loam.acquire.catalogue import Dataset
from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.listing import Listed, Native, list_images, native_grid
from loam.acquire.source import Bounds
from loam.errors import AcquireError, ConfigError

log = logging.getLogger("loam")

STATISTICS = ("mean", "sum", "min", "max")
WHOLE_DAY = ("sum", "min", "max")  # of an incomplete day they say nothing


@dataclass(frozen=True)
class Splice:
    """A collection and the days that it is used for."""

    collection: str
    first: date = date.min
    last: date = date.max

    def days(self, days: Sequence[date]) -> list[date]:
        """Those of ``days`` that it is used for."""
        return [day for day in days if self.first <= day <= self.last]


@dataclass(frozen=True)
class Month:
    """The images of some days.

    Args:
        days: the days asked for.
        images: the images of each day that has any, with the collection that holds them.
        found: fields of each of ``days``.
        published_until: the last day that the provider has published, None if it cannot be known.
        native: the cells that cover the region, with one to spare.
    """

    days: tuple[date, ...]
    images: Mapping[date, tuple[str, tuple[Listed, ...]]]
    found: tuple[int, ...]
    published_until: date | None
    native: Native


def list_days(client: Client, dataset: Dataset, keys: Mapping[str, Any], days: Sequence[date], bounds: Bounds) -> Month:
    """What the dataset's collections hold of ``days``.

    Raises:
        CredentialError, AcquireError: the server refuses, or does not have a collection.
    """
    days = sorted(days)
    images: dict[date, tuple[str, tuple[Listed, ...]]] = {}
    for splice in splices_of(keys):
        wanted = splice.days(days)
        if not wanted:
            continue
        for image in list_images(client, splice.collection, wanted[0], wanted[-1]):
            if image.day in wanted:
                _, before = images.get(image.day, ("", ()))
                images[image.day] = (splice.collection, (*before, image))
    each = max(len(item.get("overpasses", [""])) for item in keys["bands"].values())
    found = tuple(each * len(images[day][1]) if day in images else 0 for day in days)
    native = _native(client, dataset, keys, days, images, bounds)
    log.info(
        "%s: %d of %d days have images, %d images",
        dataset.name, len(images), len(days), sum(len(listed) for _, listed in images.values()),
    )  # fmt: skip
    return Month(tuple(days), images, found, _published_until(client, keys, days, images), native)


def days_of_composite(dataset: Dataset, day: date) -> int:
    """Days that the field of ``day`` is of: composites begin anew on 1 January, and the last of a year is shorter."""
    return min(max(1, dataset.step_hours // 24), (date(day.year, 12, 31) - day).days + 1)


def band_name(variable: str, day: date) -> str:
    """``sm_surface_20200131``."""
    return f"{variable}_{day:%Y%m%d}"


def day_bands(dataset: Dataset, keys: Mapping[str, Any], variable: str, month: Month) -> dict[str, ee.Image]:
    """The expression of each day that has one: name of the band -> image of this one band."""
    if variable not in keys["bands"]:
        raise ConfigError(
            f"'{variable}' is not on Earth Engine", where=f"dataset '{dataset.name}'",
            expected=f"one of {', '.join(keys['bands'])}",
        )  # fmt: skip
    item, bands = keys["bands"][variable], {}
    statistic = item.get("statistic", "mean")
    for day, (collection, listed) in sorted(month.images.items()):
        if statistic in WHOLE_DAY and len(listed) < dataset.fields_a_day:
            log.info(
                "%s: %s has %d of %d images, so no %s", dataset.name, day, len(listed), dataset.fields_a_day, variable
            )
            continue
        if dataset.step_hours > 24:  # composites: the image itself, by its id
            image = _mean([ee.Image(one.id).select([item["band"]]) for one in listed])
        else:
            whole = ee.ImageCollection(collection).filterDate(day.isoformat(), (day + timedelta(days=1)).isoformat())
            image = (
                _overpasses(whole, item) if "overpasses" in item else getattr(whole.select([item["band"]]), statistic)()
            )
        name = band_name(variable, day)
        bands[name] = image.rename([name])
    return bands


def stacked(bands: Mapping[str, ee.Image]) -> ee.Image:
    """One image of all bands; a flat list, where ``ee.Image.cat`` nests a level for each."""
    images = list(bands.values())
    return images[0] if len(images) == 1 else ee.ImageCollection.fromImages(images).toBands().rename(list(bands))


def splices_of(keys: Mapping[str, Any]) -> list[Splice]:
    """The collections and the days that each is used for."""
    if "splices" in keys:
        return [Splice(**splice) for splice in keys["splices"]]
    return [Splice(collection) for collection in keys.get("collections", [keys.get("collection")])]


def _overpasses(whole: ee.ImageCollection, item: Mapping[str, Any]) -> ee.Image:
    """The mean of the overpasses whose flag is good."""
    good, parts = list(item["good"]), []
    for band, flag in zip(item["overpasses"], item["flags"], strict=True):
        usable = whole.map(
            lambda image, band=band, flag=flag: (
                ee.Image(image)
                .select([band])
                .updateMask(ee.Image(image).select([flag]).remap(good, [1] * len(good), 0))
                .rename(["overpass"])
            )
        )
        parts.append(usable)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    return merged.mean()


def _mean(images: list[ee.Image]) -> ee.Image:
    return images[0] if len(images) == 1 else ee.ImageCollection(images).mean()


def _native(
    client: Client,
    dataset: Dataset,
    keys: Mapping[str, Any],
    days: Sequence[date],
    images: Mapping[date, tuple[str, tuple[Listed, ...]]],
    bounds: Bounds,
) -> Native:
    """The cells of the images; where there are none in these days, those of any image of the collection."""
    item = next(iter(keys["bands"].values()))
    band = item["overpasses"][0] if "overpasses" in item else item["band"]
    firsts: dict[str, Listed] = {}
    for collection, listed in images.values():
        firsts.setdefault(collection, listed[0])
    if not firsts:
        collection = next(
            splice.collection for splice in splices_of(keys) if splice.days(days) or splice.last == date.max
        )
        for image in list_images(client, collection, most=1):
            firsts[collection] = image
    if not firsts:
        raise AcquireError(
            "no image is listed", where=f"Earth Engine collection {collection}", expected="at least one",
            fix=f"see whether the provider has withdrawn it, and choose another back end for '{dataset.name}'",
        )  # fmt: skip
    grids = {collection: native_grid(image, band) for collection, image in firsts.items()}
    first, *others = grids.values()
    if any(other.geobox != first.geobox for other in others):
        log.warning("%s: its collections lie on different grids; all days are read on that of the first", dataset.name)
    return first.cover(bounds, where=f"dataset '{dataset.name}' on Earth Engine")


def _published_until(
    client: Client, keys: Mapping[str, Any], days: Sequence[date], images: Mapping[date, Any]
) -> date | None:
    """The last of ``days`` if it, or a later one, is there; else the last day that is."""
    if not days:
        return None
    if max(days) in images:
        return max(days)
    later = max(days) + timedelta(days=1)
    current = [splice for splice in splices_of(keys) if splice.last >= max(days)]
    if any(list_images(client, splice.collection, later, most=1) for splice in current):
        return max(days)
    return max(images, default=min(days) - timedelta(days=1))
