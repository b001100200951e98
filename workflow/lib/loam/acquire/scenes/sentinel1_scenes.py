"""Sentinel-1 ground range detected products, as delivered: listed by the Alaska Satellite Facility (ASF, through
asf_search and NASA's CMR) or the Copernicus Data Space (CDSE, through OData), and fetched as zipped SAFE.

Keys of the back end: ``provider`` (which one, unless ``acquire.sentinel1.provider`` says so), ``mode`` and, for each of
``providers``, ``search`` (address of the listing), ``login`` (address that gives tokens), ``trusted`` (domains that
tokens go to), ``terms`` (what to do when access is refused), ``product_type`` (its word for the product), for CDSE
``download`` (address of products) and ``repacks``: the archive is packed when it is asked for, so that size and MD5 of
the catalogue need not be those of what comes; where they are not, the CRC-32 of every member is checked instead.

Options (``acquire.sentinel1``): ``provider``, ``relative_orbits``, ``direction``, ``polarisations`` (default VV+VH).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import requests

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.http.content import describe, is_html
from loam.acquire.http.download import Fetched, download
from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Policy, failed_of_reply, retry, status_of
from loam.acquire.http.session import fetch, new_session
from loam.acquire.http.tokens import Bearer, DataspaceTokens, EarthdataTokens, Tokens
from loam.acquire.scenes.safe_archive import check_safe
from loam.acquire.scenes.scene_names import sentinel1_name
from loam.acquire.scenes.scene_table import in_form, meets, merge_scenes, no_scenes
from loam.acquire.source import Bounds, SceneSource
from loam.errors import AcquireError, ConfigError, CredentialError, TableError
from loam.io.progress import progress

log = logging.getLogger("loam")

TOKENS: Mapping[str, type[Tokens]] = {"asf": EarthdataTokens, "cdse": DataspaceTokens}
PAGE = 200  # products asked for at once


class Sentinel1Scenes(SceneSource):
    """Products of Sentinel-1 from ASF or CDSE."""

    policy = Policy(wall_clock_s=4 * 3600.0)

    def __init__(self, dataset: Dataset, access: Access) -> None:
        super().__init__(dataset, access)
        self.keys = dataset.back_end("direct")
        self.provider = access.choice.provider or self.keys["provider"]
        if self.provider not in self.keys["providers"]:
            raise ConfigError(
                f"no provider '{self.provider}'", where="config key 'acquire.sentinel1.provider'",
                expected=f"one of {', '.join(self.keys['providers'])}",
            )  # fmt: skip

    def clients(self) -> dict[str, str]:
        """The libraries that list and fetch."""
        names = ["requests", "asf_search"] if self.provider == "asf" else ["requests"]
        return {name: version(name) for name in names}

    def list_scenes(self, bounds: Bounds, first: date, last: date) -> pd.DataFrame:
        """The products that touch ``bounds`` from ``first`` to ``last``; of a take the newest processing."""
        keys = self.keys["providers"][self.provider]
        found = (self._listed_by_asf if self.provider == "asf" else self._listed_by_cdse)(keys, bounds, first, last)
        rows = pd.DataFrame(found)
        if len(rows):
            rows = in_form(rows.assign(dataset=self.dataset.name, back_end="direct").drop_duplicates("scene"))
            rows = rows[meets(rows, self.access.choice)]
            rows = rows[(rows["acquired"] >= first.isoformat()) & (rows["acquired"] < _after(last).isoformat())]
        log.info("%s: %d products of %s, %d wanted", self.provider, len(found), self.keys["mode"], len(rows))
        return merge_scenes(no_scenes(), rows) if len(rows) else no_scenes()

    def fetch_scene(self, scene: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Fetch the zipped product to ``path``, with its size, MD5 and content checked.

        Raises:
            CredentialError: no credentials, or refused; terms that are not accepted.
            AcquireError: the provider did not give the product, or gave another.
        """
        if not scene["url"]:
            raise AcquireError("the list has no address for it", where=scene["scene"], fix="run `snakemake scenes`")
        name = self._provider_of(scene)
        keys = self.keys["providers"][name]
        tokens = TOKENS[name](keys["login"], self.policy)
        note: dict[str, Any] = {"provider": name}

        def once(bar: Callable[[int], None]) -> Fetched:
            with new_session() as session:
                session.auth = Bearer(tokens.current, keys["trusted"])
                return download(
                    scene["url"], path, check=lambda file: note.update(_check(file, scene, keys.get("repacks", False))),
                    session=session, policy=self.policy, progress=bar, what=f"{scene['scene']} from {name}",
                    fix=keys["terms"],
                )  # fmt: skip

        tokens.current()  # says what lacks before anything is asked
        with progress(None if pd.isna(scene["bytes"]) else int(scene["bytes"]), scene["scene"]) as bar:
            try:
                fetched = once(bar.step)
            except CredentialError as error:
                if status_of(error) != 401 or not tokens.renew():
                    raise
                log.info("%s: the token is refused; asking for another", scene["scene"])
                fetched = once(bar.step)
        return {**note, "url": fetched.url}

    def _provider_of(self, scene: Mapping[str, Any]) -> str:
        """Who gave the scene's address, which need not be whom the config names by now."""
        cdse = self.keys["providers"].get("cdse", {}).get("download")
        return "cdse" if cdse and str(scene["url"]).startswith(cdse) else "asf"

    def _listed_by_asf(self, keys: Mapping[str, Any], bounds: Bounds, first: date, last: date) -> list[dict[str, Any]]:
        import asf_search

        asf_search.REPORT_ERRORS = False  # the library sends its users' searches to ASF when they fail
        session = _asf_session(keys["search"], self.policy)
        options = asf_search.ASFSearchOptions(
            host=urlsplit(keys["search"]).netloc, session=session, intersectsWith=_box(bounds),
            beamMode=self.keys["mode"],
            platform=["Sentinel-1A", "Sentinel-1B", "Sentinel-1C", "Sentinel-1D"], processingLevel=keys["product_type"],
            start=f"{first.isoformat()}T00:00:00Z", end=f"{_after(last).isoformat()}T00:00:00Z",
        )  # fmt: skip
        rows, complete = [], True
        for page in asf_search.search_generator(opts=options):
            rows += [_row_of_asf(product) for product in page]
            complete = page.searchComplete
        if not complete:
            raise AcquireError(f"the listing ended after {len(rows)} products", where=redact(keys["search"]))
        return rows

    def _listed_by_cdse(self, keys: Mapping[str, Any], bounds: Bounds, first: date, last: date) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for start, stop in _years(first, _after(last)):  # a listing ends after 10,000 products
            conditions = [
                "Collection/Name eq 'SENTINEL-1'",
                "Attributes/OData.CSC.StringAttribute/any(att:att/Name eq 'productType' and "
                f"att/OData.CSC.StringAttribute/Value eq '{keys['product_type']}')",
                f"OData.CSC.Intersects(area=geography'SRID=4326;{_box(bounds)}')",
                f"ContentDate/Start ge {start.isoformat()}T00:00:00.000Z",
                f"ContentDate/Start lt {stop.isoformat()}T00:00:00.000Z",
            ]
            url: str | None = keys["search"]
            params: dict[str, Any] | None = {
                "$filter": " and ".join(conditions), "$orderby": "ContentDate/Start asc", "$top": PAGE,
                "$expand": "Attributes",
            }  # fmt: skip
            while url:
                page = _object(fetch(url, params=params, policy=self.policy, what=redact(url)), url, "value")
                rows += [row for product in page["value"] if (row := _row_of_cdse(product, keys["download"]))]
                url, params = page.get("@odata.nextLink"), None
        return rows


def _asf_session(search: str, policy: Policy) -> requests.Session:
    """A session of asf_search whose requests are asked again as the others are, and whose replies are looked at."""
    import asf_search

    class Session(asf_search.ASFSession):
        def post(self, url: str, **arguments: Any) -> requests.Response:
            address = search.rstrip("/") + urlsplit(url).path  # asf_search makes it from the host alone

            def once() -> requests.Response:
                reply = super(Session, self).post(address, **{**arguments, "timeout": policy.timeout_s})
                if reply.status_code >= 400:
                    raise failed_of_reply(reply)
                return reply

            reply = retry(once, policy, what=redact(address))
            _object(reply.content, address, "items")
            return reply

    return Session()


def _row_of_asf(product: Any) -> dict[str, Any]:
    said = product.properties
    scene = said.get("sceneName") or str(said["fileID"]).removesuffix("-GRD_HD")
    name = _name(scene)
    return {
        "scene": scene, "platform": name.mission, "acquired": name.start, "relative_orbit": said["pathNumber"],
        "direction": said["flightDirection"], "polarisations": name.polarisations,
        "version": said.get("pgeVersion") or "", "bytes": said["bytes"],
        "checksum": f"md5:{said['md5sum'].lower()}" if said.get("md5sum") else "",
        "url": said["url"], "footprint": product.geometry,
    }  # fmt: skip


def _row_of_cdse(product: Mapping[str, Any], address: str) -> dict[str, Any] | None:
    """None for what is no plain product (the cloud-optimised variants are called ``..._COG.SAFE``)."""
    scene = str(product["Name"]).removesuffix(".SAFE")
    if scene.endswith("_COG"):
        return None
    name, said = _name(scene), {item["Name"]: item["Value"] for item in product.get("Attributes", [])}
    sums = {item.get("Algorithm"): item.get("Value") for item in product.get("Checksum") or []}
    return {
        "scene": scene, "platform": name.mission, "acquired": name.start, "polarisations": name.polarisations,
        "relative_orbit": said.get("relativeOrbitNumber"), "direction": said.get("orbitDirection", ""),
        "version": str(said.get("processorVersion", "")), "bytes": product.get("ContentLength") or None,
        "checksum": f"md5:{sums['MD5'].lower()}" if sums.get("MD5") else "",
        "url": f"{address}({product['Id']})/$value", "footprint": product.get("GeoFootprint"),
    }  # fmt: skip


def _name(scene: str) -> Any:
    try:
        return sentinel1_name(scene)
    except TableError as error:
        raise AcquireError(f"the listing holds {error.where}", expected="names of Sentinel-1 products") from None


def _check(file: Path, scene: Mapping[str, Any], repacks: bool) -> dict[str, str]:
    """Size, MD5 and content; what the provenance says of it."""
    differs = _differs(file, scene)
    if differs and not repacks:
        raise AcquireError(differs, where=file, expected="the product as it is listed", fix="run again")
    check_safe(file, scene["scene"], whole=bool(differs) or not scene["checksum"])
    if differs:
        log.info("%s: %s, packed anew by the provider; the CRC-32 of every member is right", scene["scene"], differs)
    return {"checked": "CRC-32 of every member" if differs or not scene["checksum"] else "MD5"}


def _differs(file: Path, scene: Mapping[str, Any]) -> str | None:
    """How size or MD5 differ from the list's; None if they agree or the list has none."""
    if not pd.isna(scene["bytes"]) and (size := file.stat().st_size) != int(scene["bytes"]):
        return f"has {size} bytes where {int(scene['bytes'])} are listed"
    kind, _, digest = str(scene["checksum"] or "").partition(":")
    if kind:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
        if found != digest:
            return f"has {kind.upper()} {found} where {digest} is listed"
    return None


def _object(body: bytes, url: str, key: str) -> dict[str, Any]:
    try:
        page = json.loads(body)
    except ValueError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get(key), list):
        said = describe(body[:4096]) if page is None or is_html(body[:4096]) else f"JSON without a list '{key}'"
        raise AcquireError(f"the server sent {said}", where=redact(url), expected="a page of a listing")
    return page


def _box(bounds: Bounds) -> str:
    west, south, east, north = (f"{limit:.6f}".rstrip("0").rstrip(".") for limit in bounds)
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return f"POLYGON(({','.join(f'{x} {y}' for x, y in corners)}))"


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _years(start: date, stop: date) -> Iterator[tuple[date, date]]:
    while start < stop:
        until = min(stop, date(start.year + 1, 1, 1))
        yield start, until
        start = until
