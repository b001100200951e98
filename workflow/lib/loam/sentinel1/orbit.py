"""The satellite's path: state vectors, annotated or from an orbit file, and polynomials through them for one take.

A take lasts some 25 s and state vectors stand every 10 s (1 s in IPF 2.36). A polynomial of degree 5 to 9 in each
Earth-fixed coordinate, fitted by least squares to the positions within a minute of the take, follows them to a fraction
of a millimetre, and, unlike Lagrange interpolation over eight points, stays smooth where vectors stand 1 s apart.
Degree 3 would err by metres. The lowest degree that brings the residual under a millimetre is taken.

Velocities have a polynomial of their own: in some products (IPF 3.31) they differ by 1 cm s-1 from how the positions
change, and the processor solved for zero Doppler with them (its geolocation points come back to 0.001 line).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from loam.acquire.scenes.no_orbit import asked_in_vain
from loam.acquire.scenes.satellites import ORBIT_FILES, PREFER
from loam.errors import RasterError
from loam.io.archives import is_strewn, open_zip, read_gzip, read_member
from loam.sentinel1.safe import Xml, seconds

log = logging.getLogger("loam")

MARGIN = 60.0  # s before and after the take whose state vectors take part
DEGREES = range(5, 10)
ENOUGH = 1e-3  # m
MOST_RESIDUAL = 1.0  # m, of a state vector between its neighbours
NEIGHBOURS = 6  # state vectors, three on each side, that a vector is interpolated from
KINDS = {code: kind for kind, code in ORBIT_FILES.items()}
OWN_ORBIT = "its places may be some metres off, which an orbit file puts right to 10 cm or better"


@dataclass(frozen=True)
class StateVectors:
    """Where the satellite was, Earth-fixed.

    Args:
        epoch: the time that ``time`` counts from, UTC.
        time: s since the epoch, increasing [vector].
        position: m [vector, 3].
        velocity: m s-1 [vector, 3].
        kind: ``annotated``, ``precise`` or ``restituted``.
    """

    epoch: np.datetime64
    time: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    kind: str


@dataclass(frozen=True)
class Orbit:
    """Polynomials for one take. Times are seconds since the vectors' epoch.

    Args:
        middle, scale: the polynomials' variable is (time - middle) / scale.
        positions: coefficients of the position, lowest degree first [degree, 3], m.
        velocities: coefficients of the velocity, likewise, m s-1.
        residual: largest distance of a fitted state vector from the polynomial, m.
        kind: of the state vectors.
    """

    middle: float
    scale: float
    positions: np.ndarray
    velocities: np.ndarray
    residual: float
    kind: str

    def position(self, time: np.ndarray) -> np.ndarray:
        """Position, m [..., 3], at times [...]."""
        return self._value(self.positions, time)

    def velocity(self, time: np.ndarray) -> np.ndarray:
        """Velocity, m s-1 [..., 3]."""
        return self._value(self.velocities, time)

    def _value(self, coefficients: np.ndarray, time: np.ndarray) -> np.ndarray:
        place = (np.asarray(time, float) - self.middle) / self.scale
        return np.moveaxis(np.polynomial.polynomial.polyval(place, coefficients), 0, -1)


def fit_orbit(vectors: StateVectors, start: float, stop: float, *, where: object = None) -> Orbit:
    """The polynomials for a take from ``start`` to ``stop`` (s since the vectors' epoch).

    Raises:
        RasterError: the vectors do not cover the take, or one of an orbit file does not lie on the path of the others.
    """
    time = vectors.time
    if len(time) < 4 or time[0] > start or time[-1] < stop:
        raise RasterError(
            "state vectors do not cover the take", where=where,
            expected=f"from {start:.1f} s to {stop:.1f} s of the day", fix="take the orbit file of the product's day",
        )  # fmt: skip
    near = (time >= start - MARGIN) & (time <= stop + MARGIN)
    if vectors.kind != "annotated":
        _check_path(vectors, near, where)
    time = time[near]
    middle, scale = float(time[0] + time[-1]) / 2, max(float(time[-1] - time[0]) / 2, 1.0)
    place = (time - middle) / scale
    positions, residual = _fitted(place, vectors.position[near])
    velocities, _ = _fitted(place, vectors.velocity[near])
    log.info("orbit: %d %s state vectors, largest residual %.2g m", len(time), vectors.kind, residual)
    return Orbit(middle, scale, positions, velocities, residual, vectors.kind)


def _check_path(vectors: StateVectors, near: np.ndarray, where: object) -> None:
    """Refuse a state vector near the take that lies more than ``MOST_RESIDUAL`` from where its neighbours put it.

    Each is interpolated from the positions around it, by a polynomial through them (Lagrange): on vectors 10 s apart
    that errs by less than a centimetre. A wrong vector spoils what its neighbours are compared with, too, but less
    than itself (by 3/4 or less), so the one that is farthest off is named.
    """
    time, off = vectors.time, np.zeros(len(vectors.time))
    if len(time) <= NEIGHBOURS:
        return
    inside = np.flatnonzero(near)
    if not len(inside):
        return
    half = NEIGHBOURS // 2  # a wrong vector just outside would show at those inside
    for place in range(max(int(inside[0]) - half, 0), min(int(inside[-1]) + half + 1, len(time))):
        first = min(max(place - half, 0), len(time) - NEIGHBOURS - 1)
        around = np.array([other for other in range(first, first + NEIGHBOURS + 1) if other != place])
        gap = time[place] - time[around]
        weights = np.array([
            np.prod(np.delete(gap, own) / (time[around[own]] - np.delete(time[around], own)))
            for own in range(NEIGHBOURS)
        ])  # fmt: skip
        distance = np.linalg.norm(weights @ vectors.position[around] - vectors.position[place])
        off[place] = distance / max(1.0, 1.01 * np.abs(weights).max())
    worst = int(np.argmax(off))
    if off[worst] > MOST_RESIDUAL or not np.isfinite(off).all():
        stamp = vectors.epoch + np.timedelta64(round(float(time[worst]) * 1e9), "ns")
        raise RasterError(
            f"state vector of {str(stamp)[:19]} is {off[worst]:.1f} m off the path of its neighbours", where=where,
            expected=f"no more than {MOST_RESIDUAL:g} m", fix="fetch the orbit file again",
        )  # fmt: skip


def _fitted(place: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """The polynomial of the lowest degree that is good enough, and its largest residual."""
    best = None
    for degree in DEGREES:
        if best is not None and degree > len(place) - 3:
            break  # too few vectors to tell the path from their noise
        coefficients = np.polynomial.polynomial.polyfit(place, values, min(degree, len(place) - 1))
        fitted = np.polynomial.polynomial.polyval(place, coefficients).T
        residual = float(np.linalg.norm(fitted - values, axis=1).max())
        if best is None or residual < best[1]:
            best = (coefficients, residual)
        if residual < ENOUGH:
            break
    return best


def read_orbit_file(path: str | Path, epoch: np.datetime64) -> StateVectors:
    """State vectors of a precise or restituted orbit file (EOF, may be packed), in seconds since ``epoch``.

    Raises:
        RasterError: it is no orbit file, or its vectors are not Earth-fixed and in UTC order.
    """
    return _state_vectors(_orbit_xml(path), epoch)


def _orbit_xml(path: str | Path) -> Xml:
    path = Path(path)
    try:
        return Xml(ElementTree.fromstring(_orbit_bytes(path)), str(path))
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise RasterError(
            f"cannot be read as an orbit file ({error})", where=path, expected="an EOF file", fix="fetch it again"
        ) from None


def _orbit_bytes(path: Path) -> bytes:
    if path.suffix == ".gz":
        return read_gzip(path, kind=RasterError)
    if path.suffix != ".zip":
        return path.read_bytes()
    with open_zip(path, kind=RasterError, expected="a zip of one EOF file") as archive:
        names = [name for name in archive.namelist() if name.endswith(".EOF") and not is_strewn(name)]
        if len(names) != 1:
            raise RasterError(f"holds {len(names)} EOF files", where=path, expected="a zip of one EOF file")
        return read_member(archive, names[0], kind=RasterError)


def _state_vectors(xml: Xml, epoch: np.datetime64) -> StateVectors:
    path = xml.where
    kind = KINDS.get(xml.text("Earth_Explorer_Header/Fixed_Header/File_Type"))
    frame = xml.text("Earth_Explorer_Header/Variable_Header/Ref_Frame")
    if kind is None or frame != "EARTH_FIXED":
        raise RasterError(
            f"is of another kind (frame {frame})", where=path, expected="AUX_POEORB or AUX_RESORB, EARTH_FIXED"
        )
    vectors = list(xml.all("Data_Block/List_of_OSVs/OSV"))
    times = np.array([vector.time("UTC") for vector in vectors], "datetime64[ns]")
    position, velocity = (
        np.array([[vector.number(prefix + axis) for axis in "XYZ"] for vector in vectors]) for prefix in ("", "V")
    )
    if len(times) < 2 or (np.diff(times) <= np.timedelta64(0)).any():
        raise RasterError("its state vectors are not in order of time", where=path)
    return StateVectors(np.datetime64(epoch, "ns"), seconds(times, epoch), position, velocity, kind)


def orbit_mission(path: str | Path) -> str:
    """The mission (``S1A``) of an orbit file, from its header.

    Raises:
        RasterError: it is no orbit file.
    """
    return _mission(_orbit_xml(path))


def _mission(xml: Xml) -> str:
    return xml.text("Earth_Explorer_Header/Fixed_Header/Mission").replace("Sentinel-", "S")


def choose_orbit(
    annotated: StateVectors,
    start: float,
    stop: float,
    *,
    files: Sequence[Path] = (),
    prefer: str = "best",
    mission: str = "",
    scene: object = None,
) -> Orbit:
    """The orbit of a take, from what there is.

    Args:
        annotated: the product's own state vectors.
        start, stop: the take, s since their epoch.
        files: orbit files at hand, or records that none is published (``loam.acquire.scenes.no_orbit``).
        prefer: ``precise``, ``restituted``, ``annotated`` take that kind only; ``best`` the precise one, else the
            restituted one, else the annotated one, with a warning.
        mission: the product's (``S1A``); a file of another satellite is an error.
        scene: what the product is called in messages.

    Raises:
        RasterError: no orbit of the kind covers the take.
    """
    found: dict[str, tuple[StateVectors, Path]] = {}
    why = "no orbit file covers it"
    if prefer != "annotated":
        for path in files:
            xml = _orbit_xml(path)
            if asked := asked_in_vain(xml.element):
                why = f"no orbit was published on {asked} ({path})"
                continue
            if mission and _mission(xml) != mission:
                raise RasterError(f"is an orbit of {_mission(xml)}", where=path, expected=f"one of {mission}")
            vectors = _state_vectors(xml, annotated.epoch)
            if vectors.time[0] > start or vectors.time[-1] < stop:
                message = "does not cover the take"
                if prefer == vectors.kind:
                    raise RasterError(
                        message, where=path, expected=f"{start:.1f} to {stop:.1f} s after {annotated.epoch}"
                    )
                log.warning("%s: %s; not used", path, message)
                continue
            found[vectors.kind] = (vectors, path)
    for kind in PREFER.get(prefer, ()):
        if kind in found:
            return fit_orbit(found[kind][0], start, stop, where=found[kind][1])
    if prefer in ("precise", "restituted"):
        raise RasterError(
            f"no {prefer} orbit file covers the take", where=scene or ", ".join(map(str, files)) or "orbits",
            fix="put it beside products of your own, or set sentinel1.orbit to best or annotated",
        )  # fmt: skip
    if prefer == "best":
        log.warning("%s: %s; its annotated orbit is used: %s", scene or "the take", why, OWN_ORBIT)
    return fit_orbit(annotated, start, stop, where="annotated state vectors")
