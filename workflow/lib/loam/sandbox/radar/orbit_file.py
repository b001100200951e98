"""The orbit of a synthetic take as a file of its own, as the mission's precise orbits are delivered.

Layout: Sentinels POD Service File Format Specifications (GMES-GSEG-EOPG-FS-10-0075): an EOF file of Earth-fixed state
vectors every 10 s, each with its time in TAI, UTC and UT1. A real file spans a day; this one spans the take and ten
minutes around. The synthetic Earth turns with UTC, so that UT1 is UTC.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loam.io.atomic import write_text
from loam.sandbox.radar.frame import Frame
from loam.sandbox.radar.radar_orbit import utc

FILE_TYPE, DESCRIPTION = "AUX_POEORB", "Precise Orbit Ephemerides (POE) Orbit File"
DELAY = np.timedelta64(20, "D")  # after the last vector until the file is made
STEP, MARGIN = 10.0, 600.0  # s
LEAP_SECONDS = {"2012-07-01": 35, "2015-07-01": 36, "2017-01-01": 37}  # first day (UTC): TAI - UTC, s


def orbit_file(frame: Frame, platform: str) -> str:
    """The text of a precise orbit file.

    Args:
        frame: of the take.
        platform: ``S1A``.
    """
    first, last = (np.floor(time / STEP) * STEP for time in (frame.start - MARGIN, frame.stop + MARGIN + STEP))
    times = np.arange(first, last + STEP / 2, STEP)
    start, stop, made = (_iso(time, "s") for time in (utc(first), utc(last), utc(last) + DELAY))
    name = f"{platform}_OPER_{FILE_TYPE}_OPOD_{_short(made)}_V{_short(start)}_{_short(stop)}"
    vectors = "".join(
        _vector(frame, float(time), place, speed)
        for time, place, speed in zip(times, frame.orbit.position(times), frame.orbit.velocity(times), strict=True)
    )
    return f"""<?xml version="1.0"?>
<Earth_Explorer_File>
  <Earth_Explorer_Header>
    <Fixed_Header>
      <File_Name>{name}</File_Name>
      <File_Description>{DESCRIPTION}</File_Description>
      <Notes></Notes>
      <Mission>{platform.replace("S", "Sentinel-")}</Mission>
      <File_Class>OPER</File_Class>
      <File_Type>{FILE_TYPE}</File_Type>
      <Validity_Period>
        <Validity_Start>UTC={start}</Validity_Start>
        <Validity_Stop>UTC={stop}</Validity_Stop>
      </Validity_Period>
      <File_Version>0001</File_Version>
      <Source>
        <System>OPOD</System>
        <Creator>OPOD</Creator>
        <Creator_Version>1.0.0</Creator_Version>
        <Creation_Date>UTC={made}</Creation_Date>
      </Source>
    </Fixed_Header>
    <Variable_Header>
      <Ref_Frame>EARTH_FIXED</Ref_Frame>
      <Time_Reference>UTC</Time_Reference>
    </Variable_Header>
  </Earth_Explorer_Header>
  <Data_Block type="xml">
    <List_of_OSVs count="{len(times)}">
{vectors}    </List_of_OSVs>
  </Data_Block>
</Earth_Explorer_File>
"""


def write_orbit(frame: Frame, platform: str, path: Path) -> None:
    """Write ``orbit_file`` to ``path``."""
    write_text(orbit_file(frame, platform), path)


def _vector(frame: Frame, time: float, place: np.ndarray, speed: np.ndarray) -> str:
    when = utc(time)
    atomic = when + np.timedelta64(_leap_seconds(when), "s")
    lines = [
        f"<TAI>TAI={_iso(atomic, 'us')}</TAI>", f"<UTC>UTC={_iso(when, 'us')}</UTC>",
        f"<UT1>UT1={_iso(when, 'us')}</UT1>", f"<Absolute_Orbit>+{frame.orbit.number(time):05d}</Absolute_Orbit>",
        *(f'<{axis} unit="m">{value:.6f}</{axis}>' for axis, value in zip("XYZ", place, strict=True)),
        *(f'<V{axis} unit="m/s">{value:.6f}</V{axis}>' for axis, value in zip("XYZ", speed, strict=True)),
        "<Quality>NOMINAL</Quality>",
    ]  # fmt: skip
    body = "".join(f"        {line}\n" for line in lines)
    return f"      <OSV>\n{body}      </OSV>\n"


def _leap_seconds(when: np.datetime64) -> int:
    return [seconds for first, seconds in LEAP_SECONDS.items() if when >= np.datetime64(first)][-1]


def _iso(when: np.datetime64, unit: str) -> str:
    return str(when.astype(f"datetime64[{unit}]"))


def _short(text: str) -> str:
    return text.replace("-", "").replace(":", "")
