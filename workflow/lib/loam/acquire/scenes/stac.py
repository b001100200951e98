"""Sentinel-2 level 2A scenes from a STAC catalogue: listed with pystac-client, fetched whole or cut to the run's grid.

A scene is a folder: one GeoTIFF a band, numbers as delivered (neither scale nor offset applied), and the catalogue's
item with its properties, written last, as the sign that all is there. Of a cut scene odc-stac reads only the pixels of
the band's own grid that the run's grid needs, so that nothing is resampled.

Keys of the back end: ``catalogue`` (which one, unless ``acquire.sentinel2.catalogue`` says so) and ``catalogues``, for
each ``url``, ``collections``, ``assets`` (band: names that the asset can have), ``optional`` (bands that a scene may
lack), ``rewrite`` (beginning of an address: what to ask instead) and ``sign`` (address that signs addresses).

Options (``acquire.sentinel2``): ``catalogue``, ``cloud_cover`` (%, scenes with more are left out), ``crop``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.http.content import json_object
from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Policy, failed_of_reply, retry
from loam.acquire.http.session import fetch, new_session
from loam.acquire.region import geobox_of_run
from loam.acquire.scenes.scene_table import in_form, meets, merge_scenes, no_scenes
from loam.acquire.scenes.stac_files import assets_of, fetch_assets
from loam.acquire.source import Bounds, SceneSource
from loam.errors import AcquireError, ConfigError

log = logging.getLogger("loam")

PAGE = 100  # items asked for at once
_TILE = re.compile(r"(?:^|[_T-])(\d{2}[C-X][A-Z]{2})(?:_|$)")


class StacScenes(SceneSource):
    """Scenes of Sentinel-2 from a STAC catalogue."""

    policy = Policy(wall_clock_s=4 * 3600.0)

    def __init__(self, dataset: Dataset, access: Access) -> None:
        super().__init__(dataset, access)
        self.keys = dataset.back_end("direct")
        self.name = access.choice.catalogue or self.keys["catalogue"]
        if self.name not in self.keys["catalogues"]:
            raise ConfigError(
                f"no catalogue '{self.name}'", where="config key 'acquire.sentinel2.catalogue'",
                expected=f"one of {', '.join(self.keys['catalogues'])}",
            )  # fmt: skip

    def clients(self) -> dict[str, str]:
        """The libraries that list and fetch."""
        names = ["pystac-client", "requests", *(["odc-stac", "rasterio"] if self.access.choice.crop else [])]
        return {name: version(name) for name in names}

    def list_scenes(self, bounds: Bounds, first: date, last: date) -> pd.DataFrame:
        """The scenes that touch ``bounds`` from ``first`` to ``last``; of a take the newest processing."""
        keys = self.keys["catalogues"][self.name]
        items = _search(keys, bounds, first, last, self.policy)
        rows = pd.DataFrame([_row(item, keys) for item in items])
        if len(rows):
            rows = in_form(rows.assign(dataset=self.dataset.name, back_end="direct").drop_duplicates("scene"))
            rows = rows[meets(rows, self.access.choice)]
        log.info("%s: %d scenes, %d wanted", self.name, len(items), len(rows))
        return merge_scenes(no_scenes(), rows) if len(rows) else no_scenes()

    def fetch_scene(self, scene: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Fetch the scene's bands beside ``path``, and its item to ``path`` when all are there.

        Raises:
            CredentialError: access is refused.
            AcquireError: the catalogue does not have the scene, or a band is not what the item promises.
        """
        url, name = str(scene["url"]), self._catalogue_of(scene)
        body = fetch(url, policy=self.policy, what=redact(url))
        item = json_object(body, url, "STAC as JSON")
        if item.get("type") != "Feature" or not isinstance(item.get("assets"), dict):
            raise AcquireError("the server sent no STAC item", where=redact(url), expected=scene["scene"])
        if _name(item) != scene["scene"]:
            raise AcquireError(f"the item is {_name(item)}", where=redact(url), expected=scene["scene"])
        grid = geobox_of_run(self.access.grid) if self.access.choice.crop else None
        files = fetch_assets(item, path, self.keys["catalogues"][name], grid, self.policy)
        return {"catalogue": name, "url": redact(url), "crop": grid is not None, "files": files}

    def _catalogue_of(self, scene: Mapping[str, Any]) -> str:
        """Which catalogue gave the scene's address, which need not be the one that the config names by now."""
        for name, keys in self.keys["catalogues"].items():
            if any(str(scene["url"]).startswith(_items(keys, collection)) for collection in keys["collections"]):
                return name
        raise ConfigError(
            f"no catalogue has {redact(str(scene['url']))}", where=f"scene '{scene['scene']}'",
            expected=f"one of {', '.join(self.keys['catalogues'])}", fix="run `snakemake scenes`",
        )  # fmt: skip


def _search(keys: Mapping[str, Any], bounds: Bounds, first: date, last: date, policy: Policy) -> list[dict[str, Any]]:
    """The items of a catalogue, all pages."""
    from pystac_client import Client
    from pystac_client.exceptions import APIError

    where = redact(keys["url"])
    try:
        client = Client.open(keys["url"], stac_io=_requests_of_stac(policy))
        search = client.search(
            collections=keys["collections"], bbox=bounds, limit=PAGE,
            datetime=f"{first.isoformat()}T00:00:00Z/{last.isoformat()}T23:59:59Z",
        )  # fmt: skip
        return list(search.items_as_dicts())
    except (APIError, NotImplementedError, KeyError, TypeError) as error:
        raise AcquireError(f"is no STAC catalogue to search ({error})", where=where) from None


def _requests_of_stac(policy: Policy) -> Any:
    """What pystac-client reads with: our retries, and replies that are looked at."""
    from pystac_client.stac_api_io import StacApiIO

    class Requests(StacApiIO):
        def request(
            self,
            href: str,
            method: str | None = None,
            headers: dict[str, str] | None = None,
            parameters: dict[str, Any] | None = None,
        ) -> str:
            def once() -> bytes:
                with new_session() as session:
                    given = {"json": parameters} if method == "POST" else {"params": parameters}
                    reply = session.request(method or "GET", href, headers=headers, timeout=policy.timeout_s, **given)
                    if reply.status_code >= 400:
                        raise failed_of_reply(reply)
                    return reply.content

            body = retry(once, policy, what=redact(href))
            json_object(body, href, "STAC as JSON")
            return body.decode()

    return Requests()


def _row(item: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    said = item["properties"]
    platform = re.search(r"2([a-d])$", str(said.get("platform", "")).lower())
    sizes = [item["assets"][name].get("file:size") for name in assets_of(item, keys).values() if name]
    address = f"{_items(keys, item['collection'])}{item['id']}"
    orbit = re.search(
        r"_R(\d{3})_", " ".join(str(said.get(key, "")) for key in ("s2:product_uri", "sentinel:product_name"))
    )
    return {
        "scene": _name(item), "platform": f"S2{platform[1].upper()}" if platform else "", "acquired": said["datetime"],
        "relative_orbit": said.get("sat:relative_orbit") or (int(orbit[1]) if orbit else None),
        "direction": said.get("sat:orbit_state", ""), "tile": _tile(item), "cloud_cover": said.get("eo:cloud_cover"),
        "version": _version(said), "bytes": sum(sizes) if sizes and all(sizes) else None, "url": address,
        "footprint": item.get("geometry"),
    }  # fmt: skip


def _items(keys: Mapping[str, Any], collection: str) -> str:
    return f"{keys['url'].rstrip('/')}/collections/{collection}/items/"


def _name(item: Mapping[str, Any]) -> str:
    """The item's id; its title where the id is a mere number (Digital Earth Australia)."""
    name, title = str(item["id"]), str(item["properties"].get("title", ""))
    return title if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name) and title else name


def _tile(item: Mapping[str, Any]) -> str:
    said = item["properties"]
    for text in (
        *(str(said.get(key, "")) for key in ("grid:code", "s2:mgrs_tile", "odc:region_code")),
        str(item["id"]),
    ):
        if found := _TILE.search(str(text)):
            return found[1]
    return ""


def _version(said: Mapping[str, Any]) -> str:
    keys = ("s2:processing_baseline", "processing:version", "odc:dataset_version")
    return next((str(said[key]) for key in keys if said.get(key)), "")
