"""Orbits of Sentinel-1: the file of state vectors (EOF) that covers a take, found by name and checked by content.

Precise orbits (AUX_POEORB, 5 cm) appear about 20 days after the take, restituted ones (AUX_RESORB, 10 cm) after some
hours (GMES-GSEG-EOPG-FS-10-0075). The name of a file tells which satellite and time it covers and when it was made; of
those that cover the take with a margin the one made last counts, as precise orbits have been computed anew. Names are
read with sentineleof; its own clients know neither time limits nor retries, so the listings are asked here.

Read from the catalogue: ``sentinel1``, back end ``direct``, ``orbits``: ``asf`` (address of its open bucket) and, asked
where that has none and there are credentials for the file itself, ``cdse`` (``search``, ``download``).
"""

from __future__ import annotations

import json
import logging
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from loam.acquire.catalogue import dataset_of
from loam.acquire.http import credentials
from loam.acquire.http.content import describe
from loam.acquire.http.download import download
from loam.acquire.http.redact import redact
from loam.acquire.http.retry import Policy
from loam.acquire.http.session import fetch, new_session
from loam.acquire.http.tokens import Bearer, DataspaceTokens
from loam.acquire.scenes.satellites import ORBIT_FILES, PREFER
from loam.acquire.scenes.scene_names import Sentinel1Name, sentinel1_name
from loam.errors import AcquireError, ConfigError, CredentialError

log = logging.getLogger("loam")

MARGIN = timedelta(seconds=60)
RESTITUTED_WITHIN = timedelta(days=10)  # a restituted orbit is made no later than so after the take
STEP_S = 10.0  # between state vectors
HEIGHTS_M = (7.0e6, 7.15e6)  # distances from the Earth's centre that a state vector can have
_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class Listed:
    """A file that a provider lists."""

    provider: str
    name: str
    url: str


def clients() -> dict[str, str]:
    """Names and versions of the libraries that talk to the servers, for the provenance."""
    return {name: version(name) for name in ("requests", "sentineleof")}


def fetch_orbit(
    scene: str | Mapping[str, Any],
    path: Path,
    *,
    prefer: str = "best",
    keys: Mapping[str, Any] | None = None,
    policy: Policy | None = None,
) -> dict[str, Any] | None:
    """Fetch the orbit file that covers a scene to ``path``; what the provenance should add (``kind``, ``file``, ...).

    None, and no file, where the best one is asked for and every provider that is asked answers that it has none.

    Args:
        scene: name of the product, or its row in the table of scenes.
        path: where the file goes.
        prefer: ``precise``, ``restituted``, or ``best``: the precise one, or the restituted one while there is none.
        keys: the catalogue's entry of the back end; ``sentinel1.direct`` if not given.
        policy: how long to insist.

    Raises:
        AcquireError: a single kind is asked for and not published, no provider answers, or the file is not what its
            name says.
    """
    if prefer not in PREFER:
        raise ConfigError(
            f"no orbit '{prefer}'", where="config key 'sentinel1.orbit'", expected=f"one of {', '.join(PREFER)}"
        )
    name = sentinel1_name(scene if isinstance(scene, str) else scene["scene"])
    where = scene if isinstance(scene, str) else scene["scene"]
    keys, policy = keys or dataset_of("sentinel1").back_end("direct"), policy or Policy()
    for kind in PREFER[prefer]:
        found = _find(name, kind, keys, policy)
        if found is None:
            log.info("%s: no %s orbit is published yet", where, kind)
            continue
        if kind == "restituted" and prefer == "best":
            log.warning("%s: the precise orbit is not published; the restituted one is used", where)
        session = new_session()
        if found.provider == "cdse":
            login = keys["providers"]["cdse"]
            session.auth = Bearer(DataspaceTokens(login["login"], policy).current, login["trusted"])
        with session:
            download(
                found.url, path, check=lambda file, kind=kind: check_orbit(file, name, kind), session=session,
                policy=policy, what=f"{kind} orbit of {where}",
            )  # fmt: skip
        return {"kind": kind, "file": found.name, "provider": found.provider, "url": redact(found.url)}
    if prefer == "best":
        return None
    raise AcquireError(
        f"no {prefer} orbit covers it", where=where,
        expected=f"{name.mission} from {name.start - MARGIN:%Y-%m-%d %H:%M:%S} to {name.stop + MARGIN:%H:%M:%S} UTC",
        fix="precise orbits appear after about 20 days, restituted ones after some hours: run again then, or set "
        "sentinel1.orbit to best",
    )  # fmt: skip


def check_orbit(path: Path, take: Sentinel1Name, kind: str) -> None:
    """Check an orbit file: satellite, kind, validity, and state vectors every 10 s over the take and its margin.

    Raises:
        AcquireError: it is not the orbit of the take.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        with path.open("rb") as file:
            head = file.read(4096)
        raise AcquireError(f"is {describe(head)} ({error})", where=path, expected="an orbit file (XML)") from None
    said = {tag: root.findtext(f".//{tag}", "").strip() for tag in ("Mission", "File_Type", "Ref_Frame")}
    wanted = {
        "Mission": take.mission.replace("S1", "Sentinel-1"), "File_Type": ORBIT_FILES[kind], "Ref_Frame": "EARTH_FIXED"
    }  # fmt: skip
    for tag, expected in wanted.items():
        if said[tag] != expected:
            raise AcquireError(f"{tag} is '{said[tag]}'", where=path, expected=expected)
    start, stop = _time(root, "Validity_Start", path), _time(root, "Validity_Stop", path)
    if start > take.start - MARGIN or stop < take.stop + MARGIN:
        raise AcquireError(
            f"is valid from {start:%Y-%m-%d %H:%M:%S} to {stop:%Y-%m-%d %H:%M:%S}", where=path,
            expected=f"{take.start - MARGIN:%Y-%m-%d %H:%M:%S} to {take.stop + MARGIN:%H:%M:%S}",
        )  # fmt: skip
    _check_vectors(root, take, path)


def _check_vectors(root: ElementTree.Element, take: Sentinel1Name, path: Path) -> None:
    listed = root.find(".//List_of_OSVs")
    vectors = [] if listed is None else listed.findall("OSV")
    if listed is None or not vectors or str(len(vectors)) != listed.get("count"):
        count = "none" if listed is None else listed.get("count")
        raise AcquireError(f"holds {len(vectors)} state vectors", where=path, expected=f"as it says: {count}")
    try:
        times = np.array([np.datetime64(vector.findtext("UTC", "").removeprefix("UTC="), "us") for vector in vectors])
        first, last = (
            np.datetime64(time.replace(tzinfo=None), "us") for time in (take.start - MARGIN, take.stop + MARGIN)
        )
        near = slice(max(0, np.searchsorted(times, first) - 1), np.searchsorted(times, last) + 1)
        places = np.array([[float(vector.findtext(axis, "nan")) for axis in "XYZ"] for vector in vectors[near]])
    except ValueError as error:
        raise AcquireError(f"state vectors cannot be read ({error})", where=path) from None
    gaps = np.diff(times[near]) / np.timedelta64(1, "s")
    if (
        not len(gaps)
        or times[near][0] > first
        or times[near][-1] < last
        or (gaps <= 0).any()
        or gaps.max() > STEP_S + 0.5
    ):
        raise AcquireError("state vectors have a gap at the take", where=path, expected=f"one every {STEP_S:g} s")
    distance = np.linalg.norm(places, axis=1)
    if not ((distance > HEIGHTS_M[0]) & (distance < HEIGHTS_M[1])).all():
        raise AcquireError("state vectors are not in Sentinel-1's orbit", where=path, expected="distances of 7,070 km")
    quality = {vector.findtext("Quality", "NOMINAL") for vector in vectors[near]}
    if quality != {"NOMINAL"}:
        log.warning("%s: state vectors at the take are of quality %s", path.name, ", ".join(sorted(quality)))


def _time(root: ElementTree.Element, tag: str, path: Path) -> datetime:
    text = root.findtext(f".//{tag}", "").removeprefix("UTC=")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise AcquireError(f"{tag} is '{text}'", where=path, expected="a time in UTC") from None


def _find(take: Sentinel1Name, kind: str, keys: Mapping[str, Any], policy: Policy) -> Listed | None:
    """The file of a kind made last among those that cover the take, at the first provider that has one."""
    failed: AcquireError | None = None
    for provider, address in keys["orbits"].items():
        if provider == "cdse" and not _has_dataspace():
            continue
        listing = {"asf": _listed_by_asf, "cdse": _listed_by_cdse}[provider]
        try:
            covering = [item for item in listing(take, kind, address, policy) if _covers(item.name, take, kind)]
        except AcquireError as error:
            log.warning("orbits of %s: %s; the next provider is asked", provider, error)
            failed = failed or error
            continue
        if covering:
            return max(covering, key=lambda item: (_orbit(item.name).created_time, item.name))
    if failed is not None:
        raise failed
    return None


def _has_dataspace() -> bool:
    try:
        credentials.dataspace()
    except CredentialError as error:
        log.info("orbits of cdse: not asked: %s", error)
        return False
    return True


def _orbit(name: str) -> Any:
    from eof.products import SentinelOrbit

    return SentinelOrbit(name)


def _covers(name: str, take: Sentinel1Name, kind: str) -> bool:
    try:
        orbit = _orbit(name)
    except ValueError:
        return False
    start, stop = (time.replace(tzinfo=UTC) for time in (orbit.start_time, orbit.stop_time))
    covered = start <= take.start - MARGIN and stop >= take.stop + MARGIN
    return covered and orbit.mission == take.mission and orbit.orbit_type == kind


def _listed_by_asf(take: Sentinel1Name, kind: str, address: str, policy: Policy) -> Iterator[Listed]:
    """Files made since the take, by the bucket's names, which begin with the satellite and the time of making."""
    prefix = f"{ORBIT_FILES[kind]}/{take.mission}_OPER_{ORBIT_FILES[kind]}_OPOD_"
    latest = f"{prefix}{take.stop + RESTITUTED_WITHIN:%Y%m%d}" if kind == "restituted" else None
    params = {"list-type": "2", "prefix": prefix, "start-after": f"{prefix}{take.start:%Y%m%dT%H%M%S}"}
    while True:
        body = fetch(address, params=params, policy=policy, what=f"list of {kind} orbits")
        try:
            page = ElementTree.fromstring(body)
        except ElementTree.ParseError:
            page = None
        if page is None or page.tag != f"{_S3}ListBucketResult":
            raise AcquireError(f"the server sent {describe(body[:4096])}", where=redact(address), expected="a listing")
        names = [item.text or "" for item in page.iterfind(f"{_S3}Contents/{_S3}Key")]
        yield from (Listed("asf", key.rpartition("/")[2], f"{address.rstrip('/')}/{key}") for key in names)
        token = page.findtext(f"{_S3}NextContinuationToken")
        if page.findtext(f"{_S3}IsTruncated") != "true" or (latest and names and names[-1] > latest):
            return
        if not token:
            raise AcquireError("the listing breaks off", where=redact(address), expected="a token for its next page")
        params = {"list-type": "2", "prefix": prefix, "continuation-token": token}


def _listed_by_cdse(take: Sentinel1Name, kind: str, address: Mapping[str, str], policy: Policy) -> Iterator[Listed]:
    conditions = [
        f"startswith(Name,'{take.mission}')", f"contains(Name,'{ORBIT_FILES[kind]}')",
        f"ContentDate/Start lt {take.start - MARGIN:%Y-%m-%dT%H:%M:%S.000Z}",
        f"ContentDate/End gt {take.stop + MARGIN:%Y-%m-%dT%H:%M:%S.000Z}",
    ]  # fmt: skip
    params = {"$filter": " and ".join(conditions), "$orderby": "ContentDate/Start asc", "$top": "20"}
    body = fetch(address["search"], params=params, policy=policy, what=f"list of {kind} orbits")
    try:
        found = [(item["Id"], item["Name"]) for item in json.loads(body)["value"]]
    except (ValueError, KeyError, TypeError):
        raise AcquireError(
            f"the server sent {describe(body[:4096])}", where=redact(address["search"]), expected="a listing"
        ) from None
    return iter([Listed("cdse", name, f"{address['download']}({key})/$value") for key, name in found])
