"""The files of a STAC scene: each band fetched and checked, then all of them put in place and the item written.

What is fetched waits in a folder beside the scene until all is there, so that a scene that is fetched anew stays whole
until then, and a run that was stopped goes on where it was. The item keeps the catalogue's properties and, for each
band, what it says of scale, offset and nodata; addresses become those of the files beside it, without queries.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from odc.geo.geobox import GeoBox

from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Policy
from loam.acquire.http.session import fetch
from loam.acquire.scenes.stac_bands import fetch_part, fetch_whole
from loam.errors import AcquireError
from loam.io.atomic import write_text
from loam.io.provenance import hash_of_values, sha256_of_file
from loam.raster.grid import geobox_of, open_raster

log = logging.getLogger("loam")

_DROPPED = ("alternate", "file:local_path", "proj:bbox", "proj:geometry", "proj:centroid")


def fetch_assets(
    item: Mapping[str, Any], path: Path, keys: Mapping[str, Any], grid: GeoBox | None, policy: Policy
) -> list[str]:
    """Fetch the bands of an item to the folder of ``path``, and write the item to ``path``; names of the files.

    Args:
        item: of the catalogue.
        path: where the item goes.
        keys: of the catalogue (``assets``, ``optional``, ``rewrite``, ``sign``).
        grid: the run's grid, whose pixels alone are fetched; None for whole tiles.
        policy: how long to insist.

    Raises:
        AcquireError: the item lacks a band, or a server did not give it or gave another.
    """
    path = Path(path)
    chosen, sign = _chosen(item, keys), _signer(keys, policy)
    parts = path.with_name(f".{path.stem}.parts")
    pixels = None if grid is None else [str(grid.crs), list(grid.transform), list(grid.shape)]
    _begin(parts, hash_of_values([item["id"], item["properties"], pixels]))
    assets = {}
    for band, name in chosen.items():
        file = parts / f"{band}.tif"
        if not file.is_file():
            optional = band in keys.get("optional", ())
            url = sign(_rewritten(item["assets"][name]["href"], keys))
            if grid is None:
                fetch_whole(url, file, item, name, policy, may_be_empty=optional)
            else:
                fetch_part(url, file, item, name, grid, policy, may_be_empty=optional)
        assets[band] = _described(item["assets"][name], name, file)
    path.unlink(missing_ok=True)
    for band in assets:
        (parts / f"{band}.tif").replace(path.with_name(f"{band}.tif"))
    write_text(json.dumps(_beside(item, assets), indent=1), path)
    shutil.rmtree(parts)
    return [f"{band}.tif" for band in assets]


def assets_of(item: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, str | None]:
    """Name of the asset of each band; None where the item has none."""
    return {band: next((n for n in names if n in item["assets"]), None) for band, names in keys["assets"].items()}


def _chosen(item: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, str]:
    found = assets_of(item, keys)
    lacking = [band for band, name in found.items() if name is None]
    if needed := [band for band in lacking if band not in keys.get("optional", ())]:
        names = ", ".join(keys["assets"][band][0] for band in needed)
        raise AcquireError(
            f"the item has no {', '.join(needed)}", where=f"scene '{item['id']}'",
            expected=f"assets {names} among {', '.join(item['assets'])}",
        )  # fmt: skip
    if lacking:
        log.info("%s: has no %s", item["id"], ", ".join(lacking))
    return {band: name for band, name in found.items() if name is not None}


def _begin(parts: Path, request: str) -> None:
    """Keep what an interrupted run left of the same request, and nothing else."""
    note = parts / "request"
    if parts.is_dir() and not (note.is_file() and note.read_text(encoding="utf-8") == request):
        shutil.rmtree(parts)
    parts.mkdir(parents=True, exist_ok=True)
    write_text(request, note)


def _signer(keys: Mapping[str, Any], policy: Policy) -> Callable[[str], str]:
    """What makes an address that the server accepts; the address itself where access is open."""

    def sign(address: str) -> str:
        body = fetch(keys["sign"], params={"href": address}, policy=policy, what=redact(keys["sign"]))
        try:
            return str(json.loads(body)["href"])
        except (ValueError, KeyError, TypeError):
            raise AcquireError("gave no signed address", where=redact(keys["sign"])) from None

    return sign if keys.get("sign") else lambda address: address


def _rewritten(address: str, keys: Mapping[str, Any]) -> str:
    for begin, instead in keys.get("rewrite", {}).items():
        if address.startswith(begin):
            return instead + address.removeprefix(begin)
    return address


def _described(asset: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    """What the item beside the files says of a band."""
    kept = {key: value for key, value in asset.items() if key not in _DROPPED and not key.startswith("auth:")}
    with open_raster(file) as dataset:
        grid = geobox_of(dataset)
    transform = [float(value) for value in list(grid.transform)[:6]]
    return {
        **_without_queries(kept), "href": f"./{file.name}", "proj:shape": list(grid.shape), "proj:transform": transform,
        "file:size": file.stat().st_size, "file:checksum": f"1220{sha256_of_file(file)}", "loam:asset": name,
        "loam:source": redact(str(asset["href"])),
    }  # fmt: skip


def _beside(item: Mapping[str, Any], assets: Mapping[str, Any]) -> dict[str, Any]:
    links = [
        {"rel": "via" if link["rel"] == "self" else link["rel"], "href": link["href"]}
        for link in item.get("links", [])
        if link.get("rel") in ("self", "license", "derived_from")
    ]
    return {**_without_queries({**item, "links": links, "assets": {}}), "assets": dict(assets)}


def _without_queries(value: Any) -> Any:
    """``value`` without users and queries in its addresses: signatures are secrets."""
    if isinstance(value, Mapping):
        return {key: _without_queries(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_queries(entry) for entry in value]
    return redact(value) if isinstance(value, str) and "://" in value and " " not in value else value
