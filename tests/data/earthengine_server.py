"""An Earth Engine on this machine, by the fixture ``engine``. The client of Google talks to it as to the real one.

    engine.bands["sm_surface_20200101"] = 0.25      # what a band's pixels are: a number, or a function of the grid
    engine.collections["NASA/..."] = [image("20200101_0000", "2020-01-01T00:00:00Z", ["sm_surface"]), ...]
    engine.features = lambda body, positions: [...]  # properties of the features of one page
    engine.source("smap_l4").read_fields(...)        # a Source whose connection is this server
    engine.pixels(), engine.tables(), engine.lists() # what was asked

The server does not evaluate expressions; what was asked is asserted on the expression itself (``Graph``).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import cache
from dataclasses import replace
from pathlib import Path
from typing import Any

import ee
import numpy as np
from google.auth.credentials import Credentials

from loam.acquire.access import Access
from loam.config.sections.acquire import EarthEngine
from loam.acquire.catalogue import dataset_of
from loam.acquire.earthengine.client import Client, connect
from loam.acquire.earthengine.ee_scenes import EarthEngineScenes
from loam.acquire.earthengine.ee_source import EarthEngineSource
from loam.acquire.http.retry import Policy

SHIPPED = Path(ee.__file__).parent / "tests"
POLICY = Policy(attempts=4, first_wait_s=0.01, longest_wait_s=0.02, wall_clock_s=30.0, timeout_s=0.5)
ACCESS = Access(EarthEngine(project="a-project", requests=2))


class Token(Credentials):
    """Credentials that are accepted until the server says otherwise."""

    def refresh(self, request: object) -> None:
        self.token = "a-token"

    @property
    def expired(self) -> bool:
        return False


class Graph:
    """A posted expression: constants, functions and ids in it."""

    def __init__(self, expression: dict[str, Any]) -> None:
        self.nodes = expression["values"]

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The arguments of each call of a function, constants resolved."""
        found: list[dict[str, Any]] = []
        self._walk(list(self.nodes.values()), name, found)
        return found

    def _walk(self, node: Any, name: str, found: list[dict[str, Any]]) -> None:
        if isinstance(node, list):
            for item in node:
                self._walk(item, name, found)
        elif isinstance(node, dict):
            call = node.get("functionInvocationValue")
            if isinstance(call, dict) and call.get("functionName") == name:
                found.append({key: self.value(item) for key, item in call.get("arguments", {}).items()})
            for item in node.values():
                self._walk(item, name, found)

    def value(self, node: Any) -> Any:
        """A node's constant; nodes that are computed stay as they are."""
        if "valueReference" in node:
            return self.value(self.nodes[node["valueReference"]])
        if "constantValue" in node:
            return node["constantValue"]
        if "arrayValue" in node:
            return [self.value(item) for item in node["arrayValue"]["values"]]
        if "dictionaryValue" in node:
            return {key: self.value(item) for key, item in node["dictionaryValue"]["values"].items()}
        return node

    def ids(self) -> set[str]:
        """All assets that are loaded."""
        calls = [*self.calls("Image.load"), *self.calls("ImageCollection.load")]
        return {call["id"] for call in calls}


def image(
    name: str,
    start: str | None,
    bands: list[str],
    *,
    collection: str = "",
    grid: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    geometry: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An entry of a listing."""
    grid = grid or degrees(-180, 84, 0.1, 3600, 1680)
    return {
        "type": "IMAGE", "id": f"{collection}/{name}" if collection else name, "name": f"projects/x/assets/{name}",
        "bands": [{"id": band, "dataType": {"precision": "FLOAT"}, "grid": grid} for band in bands],
        "properties": properties or {}, **({"startTime": start} if start else {}),
        **({"geometry": geometry} if geometry else {}), "sizeBytes": "1000",
    }  # fmt: skip


def degrees(west: float, north: float, size: float, width: int, height: int) -> dict[str, Any]:
    """A grid of longitude and latitude as Earth Engine describes it; what is zero is left out."""
    return {
        "crsCode": "EPSG:4326", "dimensions": {"width": width, "height": height},
        "affineTransform": {"scaleX": size, "translateX": west, "scaleY": -size, "translateY": north},
    }  # fmt: skip


class Engine:
    """The server."""

    def __init__(self, loopback: Any, folder: Path) -> None:
        self.loopback, self.folder = loopback, folder
        self.bands: dict[str, Any] = {}
        self.collections: dict[str, list[dict[str, Any]]] = {}
        self.features: Callable[[dict[str, Any], list[int]], list[dict[str, Any]]] = lambda body, positions: []
        self.page = 1000
        self.nothing_there = False  # whether a listing by place finds nothing
        self.dtype: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.too_large: Callable[[dict[str, Any]], str | None] = lambda grid: None
        loopback.serve("/$discovery/rest", _document())
        loopback.serve("/v1/projects/*/algorithms", _algorithms(), ranges=False)
        loopback.serve("/deprecated.json", {"links": []})
        loopback.serve("/v1/projects/*/assets/*", self._asset)
        loopback.serve("/v1/projects/*:listAssets", self._list)
        loopback.serve("/v1/projects/*/image:computePixels", self._pixels, method="POST", ranges=False)
        loopback.serve("/v1/projects/*/table:computeFeatures", self._features, method="POST", ranges=False)

    def client(self, **given: Any) -> Client:
        """A connection."""
        given = {"url": self.loopback.url, "credentials": Token(), "policy": POLICY, "chosen": ACCESS.earthengine, **given}
        return connect(**given)

    def source(self, dataset: str, **access: Any) -> EarthEngineSource:
        """A dataset whose connection is this server."""
        return EarthEngineSource(dataset_of(dataset), replace(ACCESS, **access), self.folder, self.client())

    def scenes(self, dataset: str, **access: Any) -> EarthEngineScenes:
        """Scenes whose connection is this server."""
        return EarthEngineScenes(dataset_of(dataset), replace(ACCESS, **access), self.client())

    def pixels(self) -> list[dict[str, Any]]:
        """The bodies of all requests for pixels."""
        return [request.json() for request in self.loopback.asked("*:computePixels")]

    def tables(self) -> list[dict[str, Any]]:
        """The bodies of all requests for features."""
        return [request.json() for request in self.loopback.asked("*:computeFeatures")]

    def lists(self) -> list[dict[str, list[str]]]:
        """Collection and query of all listings."""
        return [
            {"collection": re.search(r"/assets/(.*):listAssets", request.path)[1], **request.query}
            for request in self.loopback.asked("*:listAssets")
        ]

    def fail(self, path: str = "/v1/projects/a-project/image:computePixels", **fault: Any) -> None:
        """Let the next request for pixels fail."""
        self.loopback.fail(path=path, **fault)

    def _list(self, request: Any) -> Any:
        collection = re.search(r"/assets/(.*):listAssets", request.path)[1]
        found = self.collections.get(collection)
        if found is None:
            return 404, {"error": {"code": 404, "message": f"Asset '{collection}' not found."}}
        start = int(request.query.get("pageToken", ["0"])[0])
        size = min(self.page, int(request.query.get("pageSize", ["1000"])[0]))
        found = [entry for entry in found if _fits(entry, request.query.get("filter", [""])[0])]
        if self.nothing_there and "intersects" in request.query.get("filter", [""])[0]:
            found = []
        more = {"nextPageToken": str(start + size)} if start + size < len(found) else {}
        return {"assets": found[start : start + size], **more}

    def _asset(self, request: Any) -> Any:
        name = request.path.split("/assets/")[1]
        for entry in self.collections.get(name.rpartition("/")[0], []):
            if entry["id"] == name:
                return entry
        return 404, {"error": {"code": 404, "message": f"Asset '{name}' not found."}}

    def _pixels(self, request: Any) -> Any:
        body = request.json()
        if message := self.too_large(body["grid"]["dimensions"]):
            return 400, {"error": {"code": 400, "message": message}}
        grid = body["grid"]
        shape = grid["dimensions"]["height"], grid["dimensions"]["width"]
        names = body["bandIds"]
        values = np.zeros(shape, [(name, self.dtype.get(name, self.dtype.get("*", "f4"))) for name in names])
        for name in names:
            given = self.bands.get(name, self.bands.get("*", 0))
            values[name] = given(grid, name) if callable(given) else given
        file = io.BytesIO()
        np.save(file, values)
        return 200, file.getvalue(), self.headers

    def _features(self, request: Any) -> Any:
        body = request.json()
        text = json.dumps(body["expression"])
        positions = sorted({int(found) for found in re.findall(r'"position": (?:{"constantValue": )?(\d+)', text)})
        found = self.features(body, positions)
        start = int(body.get("pageToken", 0))
        more = {"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {}
        features = [{"type": "Feature", "geometry": None, "properties": one} for one in found]
        return {"type": "FeatureCollection", "features": features[start : start + self.page], **more}


@cache
def _document() -> dict[str, Any]:
    """The description of the interface that the client ships for its own tests, brought up to its version."""
    document = json.loads((SHIPPED / "cloud_api_discovery_document.json").read_text().replace("v1alpha", "v1"))
    listing = document["resources"]["projects"]["resources"]["assets"]["methods"]["listAssets"]["parameters"]
    listing |= {name: {"location": "query", "type": "string"} for name in ("filter", "view")}
    return document


@cache
def _algorithms() -> bytes:
    """Of the functions that the client ships for its own tests, those that are called here."""
    shipped = json.loads((SHIPPED / "algorithms.json").read_text())
    kinds = r"Image|ImageCollection|Collection|reduce|Reducer|Filter|DateRange|Projection|Feature\w*|Geometry\w*"
    kept = [one for one in shipped["algorithms"] if re.match(rf"algorithms/({kinds})\b", one["name"])]
    return json.dumps({"algorithms": kept}).encode()


def _fits(entry: dict[str, Any], text: str) -> bool:
    """The server's filters, as far as they are used."""
    if (found := re.search(r'startTime >= "([^"]+)"', text)) and entry.get("startTime", "") < found[1]:
        return False
    end = entry.get("endTime", entry.get("startTime", ""))
    if (found := re.search(r'endTime < "([^"]+)"', text)) and not end < found[1]:
        return False
    return all(
        entry["properties"].get(name) == value for name, value in re.findall(r'properties\.(\w+) = "([^"]+)"', text)
    )
