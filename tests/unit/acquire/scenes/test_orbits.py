"""Orbit files: the one that covers the take, checked, or a clear error and no file."""

from __future__ import annotations

import gzip
import logging
from datetime import datetime, timedelta

import numpy as np
import pytest

from loam.acquire.http.retry import Policy
from loam.acquire.scenes.orbits import check_orbit, clients, fetch_orbit
from loam.acquire.scenes.scene_names import sentinel1_name
from loam.errors import AcquireError, ConfigError, CredentialError

SCENE = "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030678_03840B_9F3C"
TAKE = sentinel1_name(SCENE)
QUICK = Policy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, wall_clock_s=20, timeout_s=0.4)
PRECISE = "S1A_OPER_AUX_POEORB_OPOD_20200125T120000_V20200104T225942_20200106T005942.EOF"
PRECISE_ANEW = "S1A_OPER_AUX_POEORB_OPOD_20210316T161714_V20200104T225942_20200106T005942.EOF"
RESTITUTED = "S1A_OPER_AUX_RESORB_OPOD_20200105T220000_V20200105T173000_20200105T204730.EOF"
TOO_SHORT = "S1A_OPER_AUX_RESORB_OPOD_20200105T203000_V20200105T154500_20200105T190400.EOF"
OTHERS = [
    "S1A_OPER_AUX_POEORB_OPOD_20200126T120000_V20200105T225942_20200107T005942.EOF",
    "S1B_OPER_AUX_POEORB_OPOD_20200125T120000_V20200104T225942_20200106T005942.EOF",
    "index.html",
]


def orbit_xml(
    name: str, *, step_s: float = 10.0, radius_m: float = 7.07e6, quality: str = "NOMINAL", **changes
) -> bytes:
    """An orbit file of the ten minutes around the take: a circle."""
    times = [TAKE.start - timedelta(minutes=5) + timedelta(seconds=step_s) * i for i in range(int(600 / step_s))]
    angles = np.linspace(0, 0.6, len(times))
    start, stop = (datetime.strptime(part, "%Y%m%dT%H%M%S") for part in name[:-4].split("_V")[1].split("_"))
    said = {
        "Mission": f"Sentinel-1{name[2]}", "File_Type": name[9:19], "Validity_Start": f"UTC={start.isoformat()}",
        "Validity_Stop": f"UTC={stop.isoformat()}", "Ref_Frame": "EARTH_FIXED", "count": str(len(times)),
    } | changes  # fmt: skip
    vectors = "".join(
        f"<OSV><UTC>UTC={time:%Y-%m-%dT%H:%M:%S.%f}</UTC><X>{radius_m * np.cos(a):f}</X><Y>{radius_m * np.sin(a):f}</Y>"
        f"<Z>0</Z><Quality>{quality}</Quality></OSV>"
        for time, a in zip(times, angles, strict=True)
    )
    head = "".join(f"<{tag}>{text}</{tag}>" for tag, text in said.items() if tag != "count")
    return (
        f'<?xml version="1.0"?>\n<Earth_Explorer_File><Earth_Explorer_Header>{head}</Earth_Explorer_Header><Data_Block>'
        f'<List_of_OSVs count="{said["count"]}">{vectors}</List_of_OSVs></Data_Block></Earth_Explorer_File>'
    ).encode()


@pytest.fixture
def bucket(loopback):
    """ASF's bucket: lists keys as S3 does, two a page."""

    def serve(*names: str, **contents: bytes) -> dict:
        keys = sorted(f"{name.split('_OPOD')[0][9:]}/{name}" if "_OPOD" in name else name for name in names)

        def listing(request):
            query = {key: values[0] for key, values in request.query.items()}
            after = query.get("continuation-token") or query.get("start-after", "")
            left = [key for key in keys if key.startswith(query["prefix"]) and key > after]
            page, more = left[:2], len(left) > 2
            rows = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in page)
            token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
            return (
                '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{rows}{token}</ListBucketResult>"
            )

        loopback.serve("/", listing, headers={"Content-Type": "application/xml"}, ranges=False)
        for key in keys:
            if "_OPOD" in key:
                loopback.serve(f"/{key}", contents.get(key.split("/")[1], orbit_xml(key.split("/")[1])))
        return {"orbits": {"asf": f"{loopback.url}/"}}

    return serve


def fetch(tmp_path, keys, prefer="best"):
    return fetch_orbit(SCENE, tmp_path / f"{SCENE}.EOF", prefer=prefer, keys=keys, policy=QUICK)


class TestChoice:
    def test_of_the_precise_orbits_that_cover_the_take_the_one_made_last_is_fetched(self, bucket, tmp_path):
        keys = bucket(PRECISE, PRECISE_ANEW, RESTITUTED, *OTHERS)
        note = fetch(tmp_path, keys)
        assert (note["kind"], note["file"], note["provider"]) == ("precise", PRECISE_ANEW, "asf")
        assert (tmp_path / f"{SCENE}.EOF").read_bytes() == orbit_xml(PRECISE_ANEW)

    def test_the_listing_is_read_to_its_end(self, bucket, loopback, tmp_path):
        later = [
            f"S1A_OPER_AUX_POEORB_OPOD_2020012{day}T120000_V2020010{day}T225942_2020010{day + 2}T005942.EOF"
            for day in range(5, 8)
        ]
        fetch(tmp_path, bucket(PRECISE, PRECISE_ANEW, *later))
        assert len(loopback.asked("/")) == 3
        assert loopback.requests[0].query["prefix"] == ["AUX_POEORB/S1A_OPER_AUX_POEORB_OPOD_"]

    def test_a_restituted_orbit_stands_in_where_no_precise_one_is_published(
        self, bucket, tmp_path, caplog, no_credentials
    ):
        with caplog.at_level(logging.WARNING, "loam"):
            note = fetch(tmp_path, bucket(RESTITUTED, TOO_SHORT, *OTHERS))
        assert (note["kind"], note["file"]) == ("restituted", RESTITUTED)
        assert "precise orbit is not published" in caplog.text

    def test_a_precise_orbit_that_is_asked_for_is_not_replaced(self, bucket, tmp_path, no_credentials):
        with pytest.raises(AcquireError, match="no precise orbit covers it.*20 days"):
            fetch(tmp_path, bucket(RESTITUTED), prefer="precise")
        assert not list(tmp_path.iterdir())

    def test_a_restituted_orbit_that_is_asked_for_is_taken_though_there_is_a_precise_one(self, bucket, tmp_path):
        assert fetch(tmp_path, bucket(PRECISE, RESTITUTED), prefer="restituted")["file"] == RESTITUTED

    def test_an_orbit_that_ends_within_a_minute_of_the_take_does_not_cover_it(self, bucket, tmp_path, no_credentials):
        with pytest.raises(AcquireError, match="no restituted orbit"):
            fetch(tmp_path, bucket(TOO_SHORT), prefer="restituted")

    def test_the_best_one_may_not_be_published_at_all(self, bucket, tmp_path, no_credentials):
        assert fetch(tmp_path, bucket(TOO_SHORT, *OTHERS)) is None
        assert not list(tmp_path.iterdir())

    def test_the_data_space_is_asked_where_asf_has_none(self, bucket, loopback, tmp_path, monkeypatch, no_credentials):
        keys = bucket(*OTHERS)
        monkeypatch.setenv("CDSE_USERNAME", "me")
        monkeypatch.setenv("CDSE_PASSWORD", "hush")
        loopback.serve("/odata", {"value": [{"Id": "1", "Name": PRECISE}, {"Id": "2", "Name": OTHERS[1]}]})
        loopback.serve("/login", {"access_token": "T", "expires_in": 600}, method="POST")
        loopback.serve("/odata(1)/$value", orbit_xml(PRECISE))
        keys["orbits"]["cdse"] = {"search": f"{loopback.url}/odata", "download": f"{loopback.url}/odata"}
        keys["providers"] = {"cdse": {"login": f"{loopback.url}/login", "trusted": ["127.0.0.1"]}}
        assert fetch(tmp_path, keys)["provider"] == "cdse"
        query = loopback.asked("/odata")[0].query["$filter"][0]
        assert "startswith(Name,'S1A')" in query and "ContentDate/Start lt 2020-01-05T19:02:12" in query
        assert "ContentDate/End gt 2020-01-05T19:04:37" in query
        assert loopback.asked("/odata(1)/$value")[0].headers["authorization"] == "Bearer T"
        assert "authorization" not in loopback.asked("/odata")[0].headers

    def test_the_data_space_is_asked_where_asf_does_not_answer(
        self, loopback, tmp_path, monkeypatch, no_credentials, caplog
    ):
        monkeypatch.setenv("CDSE_USERNAME", "me")
        monkeypatch.setenv("CDSE_PASSWORD", "hush")
        loopback.serve("/odata", {"value": [{"Id": "1", "Name": PRECISE}]})
        loopback.serve("/login", {"access_token": "T"}, method="POST")
        loopback.serve("/odata(1)/$value", orbit_xml(PRECISE))
        keys = {
            "orbits": {
                "asf": f"{loopback.url}/gone",
                "cdse": {"search": f"{loopback.url}/odata", "download": f"{loopback.url}/odata"},
            },
            "providers": {"cdse": {"login": f"{loopback.url}/login", "trusted": ["127.0.0.1"]}},
        }
        with caplog.at_level(logging.WARNING, "loam"):
            assert fetch(tmp_path, keys)["file"] == PRECISE
        assert "the next provider is asked" in caplog.text


class TestFaults:
    @pytest.mark.parametrize(
        "fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"stall": True}, {"truncate": 200}]
    )
    def test_listing_and_file_are_asked_again(self, fault, bucket, loopback, tmp_path):
        keys = bucket(PRECISE)
        loopback.fail(path="/", **fault)
        loopback.fail(path=f"/AUX_POEORB/{PRECISE}", **fault)
        fetch(tmp_path, keys)
        assert [path.name for path in tmp_path.iterdir()] == [f"{SCENE}.EOF"]

    @pytest.mark.parametrize("path", ["/", f"/AUX_POEORB/{PRECISE}"])
    def test_a_page_in_place_of_listing_or_file_is_an_error(self, path, bucket, loopback, tmp_path, no_credentials):
        keys = bucket(PRECISE)
        loopback.fail(path=path, html="We will be back soon")
        with pytest.raises(AcquireError, match="We will be back soon"):
            fetch(tmp_path, keys)
        assert not list(tmp_path.iterdir())

    def test_a_server_that_stays_away_is_an_error_and_not_a_missing_orbit(
        self, bucket, loopback, tmp_path, no_credentials
    ):
        keys = bucket(PRECISE, RESTITUTED)
        loopback.fail(path="/", times=3, status=503)
        with pytest.raises(AcquireError, match="503"):
            fetch(tmp_path, keys)

    def test_a_listing_that_breaks_off_does_not_say_that_there_is_no_orbit(self, loopback, tmp_path, no_credentials):
        page = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated></ListBucketResult>'
        loopback.serve("/", page, headers={"Content-Type": "application/xml"}, ranges=False)
        with pytest.raises(AcquireError, match="the listing breaks off"):
            fetch(tmp_path, {"orbits": {"asf": f"{loopback.url}/"}})

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (orbit_xml(PRECISE, Mission="Sentinel-1B"), "Mission is 'Sentinel-1B'"),
            (orbit_xml(PRECISE, File_Type="AUX_RESORB"), "File_Type"),
            (orbit_xml(PRECISE, Ref_Frame="INERTIAL"), "EARTH_FIXED"),
            (orbit_xml(PRECISE, Validity_Stop="UTC=2020-01-05T19:04:00"), "is valid from"),
            (orbit_xml(PRECISE, Validity_Start="soon"), "'soon'"),
            (orbit_xml(PRECISE, count="61"), "expected as it says: 61"),
            (orbit_xml(PRECISE, step_s=20), "gap"),
            (orbit_xml(PRECISE, radius_m=7.07e3), "not in Sentinel-1's orbit"),
            (orbit_xml(PRECISE)[:-400], "XML"),
        ],
    )
    def test_a_file_that_is_not_the_orbit_of_the_take_is_refused(self, content, says, bucket, tmp_path, no_credentials):
        with pytest.raises(AcquireError, match=says):
            fetch(tmp_path, bucket(PRECISE, **{PRECISE: content}))
        assert not list(tmp_path.iterdir())

    def test_state_vectors_that_are_not_nominal_are_told(self, bucket, tmp_path, caplog):
        with caplog.at_level(logging.WARNING, "loam"):
            fetch(tmp_path, bucket(PRECISE, **{PRECISE: orbit_xml(PRECISE, quality="DEGRADED")}))
        assert "DEGRADED" in caplog.text


class TestReal:
    def test_real_orbit_files_cover_takes_inside_them_and_no_others(self, shared_data, tmp_path):
        folder = shared_data / "sentinel" / "orbits"
        restituted = next(folder.glob("*RESORB*V20230823T141024*"))
        inside = "S1A_IW_GRDH_1SDV_20230823T153000_20230823T153025_050004_060000_AAAA"
        check_orbit(restituted, sentinel1_name(inside), "restituted")
        with pytest.raises(AcquireError, match="is valid from"):
            check_orbit(restituted, sentinel1_name(inside.replace("T1530", "T1727")), "restituted")
        precise = tmp_path / "precise.EOF"
        precise.write_bytes(gzip.decompress(next(folder.glob("*20191231T225942*.gz")).read_bytes()))
        check_orbit(precise, sentinel1_name(inside.replace("20230823", "20200101")), "precise")
        with pytest.raises(AcquireError, match="File_Type"):
            check_orbit(precise, sentinel1_name(inside.replace("20230823", "20200101")), "restituted")


def test_the_clients_are_named_with_their_versions():
    assert set(clients()) == {"requests", "sentineleof"}


def test_credentials_that_are_refused_are_an_error(bucket, loopback, tmp_path, monkeypatch, no_credentials):
    monkeypatch.setenv("CDSE_USERNAME", "me")
    monkeypatch.setenv("CDSE_PASSWORD", "hush")
    keys = bucket(*OTHERS)
    loopback.serve("/odata", {"value": [{"Id": "1", "Name": PRECISE}]})
    loopback.serve("/login", {"error": "invalid_grant"}, method="POST", status=401)
    keys["orbits"]["cdse"] = {"search": f"{loopback.url}/odata", "download": f"{loopback.url}/odata"}
    keys["providers"] = {"cdse": {"login": f"{loopback.url}/login", "trusted": ["127.0.0.1"]}}
    with pytest.raises(CredentialError, match="CDSE_USERNAME") as caught:
        fetch(tmp_path, keys)
    assert "hush" not in str(caught.value)


def test_an_unknown_preference_is_told():
    with pytest.raises(ConfigError, match="fastest"):
        fetch_orbit(SCENE, None, prefer="fastest")
