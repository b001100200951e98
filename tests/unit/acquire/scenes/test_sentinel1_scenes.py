"""Sentinel-1 products through asf_search and the Copernicus Data Space: whole, or a clear error and no file."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import zipfile
from datetime import date
from urllib.parse import parse_qsl

import asf_search
import pandas as pd
import pytest

from loam.acquire.access import Access
from loam.acquire.canonical.origin import read_source
from loam.acquire.catalogue import dataset_of
from loam.acquire.http.retry import Policy
from loam.acquire.http.tokens import DataspaceTokens
from loam.acquire.scenes.safe_archive import check_safe
from loam.acquire.scenes.scene_files import fetch_listed
from loam.acquire.scenes.scene_table import SCENES, write_scenes
from loam.acquire.scenes.sentinel1_scenes import Sentinel1Scenes
from loam.config.sections.acquire import Sentinel1Scenes as Choice
from loam.errors import AcquireError, ConfigError, CredentialError

SCENE = "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030678_03840B_9F3C"
NEXT_SLICE = "S1A_IW_GRDH_1SDV_20200105T190337_20200105T190402_030678_03840B_11AA"
REPROCESSED = "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030678_03840B_0B0B"
SECOND = "S1B_IW_GRDH_1SDV_20200111T190230_20200111T190255_019782_025694_4C4C"
BOUNDS = (144.5, -43.7, 148.5, -40.5)
DAYS = (date(2020, 1, 1), date(2020, 1, 31))
QUICK = Policy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, wall_clock_s=20, timeout_s=0.4)


def safe_zip(scene: str = SCENE, *, without: str = "-", root: str | None = None) -> bytes:
    """A small product: what ``check_safe`` looks for, members named like ``without`` left out."""
    names = ["manifest.safe", "preview/quick-look.png"]
    for polarisation in ("vv", "vh"):
        stem = f"s1a-iw-grd-{polarisation}-20200105t190312-001"
        names += [f"annotation/{stem}.xml", f"measurement/{stem}.tiff"]
        names += [f"annotation/calibration/{kind}-{stem}.xml" for kind in ("calibration", "noise")]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            if without == "-" or without not in name:
                archive.writestr(f"{root or scene}.SAFE/{name}", '<?xml version="1.0"?><a/>' + name * 400)
    return buffer.getvalue()


PRODUCT = safe_zip()


def granule(scene: str, url: str, *, orbit: int = 54, version: str = "003.10", content: bytes = PRODUCT) -> dict:
    """A granule as CMR gives it (UMM-G), with what asf_search reads of a Sentinel-1 product."""
    ring = [(144.9, -42.0), (147.9, -41.5), (147.6, -40.0), (144.6, -40.5), (144.9, -42.0)]
    extra = {
        "PATH_NUMBER": orbit, "ASCENDING_DESCENDING": "ASCENDING", "PROCESSING_TYPE": "GRD_HD", "POLARIZATION": "VV+VH",
        "BYTES": len(content), "MD5SUM": hashlib.md5(content).hexdigest(), "BEAM_MODE_TYPE": "IW",
        "ASF_PLATFORM": f"Sentinel-{scene[1:3]}", "GROUP_ID": "G", "FRAME_NUMBER": 1068,
    }  # fmt: skip
    start, stop = (
        f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:15]}Z" for text in (scene[17:32], scene[33:48])
    )
    return {
        "meta": {"concept-id": f"G-{scene}", "native-id": scene, "provider-id": "ASF"},
        "umm": {
            "GranuleUR": f"{scene}-GRD_HD",
            "CollectionReference": {"ShortName": f"SENTINEL-{scene[1:3]}_DP_GRD_HIGH", "Version": "1"},
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": start, "EndingDateTime": stop}},
            "DataGranule": {
                "Identifiers": [{"IdentifierType": "ProducerGranuleId", "Identifier": scene}],
                "ProductionDateTime": start,
            },
            "Platforms": [{"ShortName": f"SENTINEL-{scene[1:3]}", "Instruments": [{"ShortName": "C-SAR"}]}],
            "PGEVersionClass": {"PGEVersion": version},
            "OrbitCalculatedSpatialDomains": [{"OrbitNumber": int(scene[49:55])}],
            "RelatedUrls": [{"Type": "GET DATA", "URL": url}],
            "AdditionalAttributes": [{"Name": name, "Values": [str(value)]} for name, value in extra.items()],
            "SpatialExtent": {
                "HorizontalSpatialDomain": {
                    "Geometry": {
                        "GPolygons": [{"Boundary": {"Points": [{"Longitude": x, "Latitude": y} for x, y in ring]}}]
                    }
                }
            },
        },
    }


def odata(scene: str, number: int, *, content: bytes = PRODUCT, version: str = "003.10", **changes) -> dict:
    """A product as the Copernicus Data Space lists it."""
    ring = [[144.9, -42.0], [147.9, -41.5], [147.6, -40.0], [144.6, -40.5], [144.9, -42.0]]
    said = {"relativeOrbitNumber": 54, "orbitDirection": "ASCENDING", "processorVersion": version}
    return {
        "Id": f"id-{number}", "Name": f"{scene}.SAFE", "ContentLength": len(content),
        "Checksum": [
            {"Algorithm": "MD5", "Value": hashlib.md5(content).hexdigest()}, {"Algorithm": "BLAKE3", "Value": "x"}
        ],
        "GeoFootprint": {"type": "Polygon", "coordinates": [ring]},
        "Attributes": [{"Name": name, "Value": value} for name, value in said.items()],
    } | changes  # fmt: skip


@pytest.fixture
def scenes(loopback, monkeypatch, no_credentials):
    """The two providers, both on this machine."""
    monkeypatch.setenv("EARTHDATA_TOKEN", "earth-secret")
    monkeypatch.setenv("CDSE_USERNAME", "me")
    monkeypatch.setenv("CDSE_PASSWORD", "hush-hush")
    given = dataset_of("sentinel1")
    keys = dict(given.back_end("direct"))
    asf = keys["providers"]["asf"] | {
        "search": loopback.url, "login": f"{loopback.url}/earth-login", "trusted": ["127.0.0.1"]
    }  # fmt: skip
    cdse = keys["providers"]["cdse"] | {
        "search": f"{loopback.url}/odata", "download": f"{loopback.url}/odata", "login": f"{loopback.url}/login",
        "trusted": ["127.0.0.1"],
    }  # fmt: skip
    keys["providers"] = {"asf": asf, "cdse": cdse}
    dataset = dataclasses.replace(given, back_ends={"direct": keys})

    def make(**options) -> Sentinel1Scenes:
        source = Sentinel1Scenes(dataset, Access(choice=Choice(dataset="sentinel1", back_end="direct", **options)))
        source.policy = QUICK
        return source

    return make


@pytest.fixture
def cmr(loopback, monkeypatch):
    """CMR's search, two granules a page."""
    monkeypatch.setattr(asf_search.constants.INTERNAL, "CMR_PAGE_SIZE", 2)

    def serve(*granules: dict) -> None:
        def answer(request):
            at = int(request.headers.get("cmr-search-after", "0"))
            page = list(granules[at : at + 2])
            headers = {"CMR-Search-After": str(at + len(page))} if page else {}
            return 200, {"hits": len(granules), "items": page}, headers

        loopback.serve("/search/granules.umm_json", answer, method="POST", ranges=False)

    return serve


@pytest.fixture
def catalogue(loopback):
    """The Data Space's catalogue, two products a page, and its login."""

    def serve(*products: dict) -> None:
        def answer(request):
            at = int(request.query.get("skip", ["0"])[0])
            page = {"value": list(products[at : at + 2])}
            if at + 2 < len(products):
                page["@odata.nextLink"] = f"{loopback.url}/odata?skip={at + 2}"
            return page

        loopback.serve("/odata", answer, ranges=False)

    tokens = iter(range(1, 20))
    loopback.serve(
        "/login", lambda _: {"access_token": f"token-{next(tokens)}", "expires_in": 600, "refresh_token": "again"},
        method="POST", ranges=False,
    )  # fmt: skip
    return serve


def row(source, name=SCENE):
    return source.list_scenes(BOUNDS, *DAYS).set_index("scene", drop=False).loc[name].to_dict()


class TestListingAtAsf:
    def test_products_become_rows_and_all_pages_are_read(self, scenes, cmr, loopback):
        cmr(*(granule(name, f"{loopback.url}/{name}.zip") for name in (SECOND, NEXT_SLICE, SCENE)))
        rows = scenes().list_scenes(BOUNDS, *DAYS)
        assert list(rows["scene"]) == [SCENE, NEXT_SLICE, SECOND], "by time"
        assert list(rows.columns) == list(SCENES.columns)
        first = rows.iloc[0]
        assert (first["platform"], first["acquired"]) == ("S1A", "2020-01-05T19:03:12.000Z")
        assert (first["relative_orbit"], first["direction"], first["polarisations"]) == (54, "ascending", "VV+VH")
        assert (first["bytes"], first["version"]) == (len(PRODUCT), "003.10")
        assert first["checksum"] == "md5:" + hashlib.md5(PRODUCT).hexdigest()
        assert first["footprint"].startswith("POLYGON ((144.6 -40.5, ")
        assert len(loopback.asked("/search/granules.umm_json")) == 2

    def test_the_search_asks_for_region_days_satellites_and_mode(self, scenes, cmr, loopback):
        cmr(granule(SCENE, f"{loopback.url}/a.zip"))
        scenes().list_scenes(BOUNDS, *DAYS)
        asked = parse_qsl(loopback.asked("/search/granules.umm_json")[0].body.decode())
        assert ("bounding_box", "144.5,-43.7,148.5,-40.5") in asked
        assert dict(asked)["temporal"].startswith("2020-01-01T00:00:00Z,2020-02-01T00:00:00Z")
        assert {f"SENTINEL-1{letter}_DP_GRD_HIGH" for letter in "ABCD"} <= {value for _, value in asked}
        assert ("attribute[]", "string,BEAM_MODE,IW") in asked

    def test_only_wanted_orbits_polarisations_and_days_stay(self, scenes, cmr, loopback):
        late = SCENE.replace("20200105", "20200201")
        single = NEXT_SLICE.replace("1SDV", "1SSV")
        cmr(
            *(
                granule(name, f"{loopback.url}/a", orbit=n)
                for name, n in ((SCENE, 54), (SECOND, 55), (late, 54), (single, 54))
            )
        )
        assert list(scenes(relative_orbits=[54]).list_scenes(BOUNDS, *DAYS)["scene"]) == [SCENE]
        either = scenes(relative_orbits=[54], polarisations=["VV"]).list_scenes(BOUNDS, *DAYS)
        assert set(either["scene"]) == {SCENE, single}
        both = scenes(relative_orbits=[54], polarisations=["VH", "VV"]).list_scenes(BOUNDS, *DAYS)
        assert list(both["scene"]) == [SCENE]

    def test_of_a_take_processed_twice_the_newest_is_listed(self, scenes, cmr, loopback):
        cmr(granule(SCENE, f"{loopback.url}/a"), granule(REPROCESSED, f"{loopback.url}/b", version="003.61"))
        assert list(scenes().list_scenes(BOUNDS, *DAYS)["scene"]) == [REPROCESSED]

    def test_nothing_found_is_an_empty_table(self, scenes, cmr):
        cmr()
        rows = scenes().list_scenes(BOUNDS, *DAYS)
        assert len(rows) == 0 and list(rows.columns) == list(SCENES.columns)

    @pytest.mark.parametrize(
        "fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"stall": True}, {"truncate": 50}]
    )
    def test_a_busy_server_is_asked_again(self, fault, scenes, cmr, loopback):
        cmr(granule(SCENE, f"{loopback.url}/a"))
        loopback.fail(path="/search/granules.umm_json", **fault)
        assert len(scenes().list_scenes(BOUNDS, *DAYS)) == 1

    def test_a_listing_that_ends_early_is_an_error(self, scenes, loopback):
        page = {"hits": 5, "items": [granule(SCENE, f"{loopback.url}/a")]}
        loopback.serve("/search/granules.umm_json", page, method="POST", ranges=False)
        with pytest.raises(AcquireError, match="ended after 1 products"):
            scenes().list_scenes(BOUNDS, *DAYS)

    def test_a_page_in_place_of_the_listing_is_an_error(self, scenes, cmr, loopback):
        cmr(granule(SCENE, f"{loopback.url}/a"))
        loopback.fail(html="Planned maintenance")
        with pytest.raises(AcquireError, match="Planned maintenance"):
            scenes().list_scenes(BOUNDS, *DAYS)

    def test_a_wrong_query_is_not_asked_again(self, scenes, cmr, loopback):
        cmr()
        loopback.fail(status=400, body={"errors": ["no such parameter"]})
        with pytest.raises(AcquireError, match="400"):
            scenes().list_scenes(BOUNDS, *DAYS)
        assert len(loopback.requests) == 1


class TestListingAtTheDataSpace:
    def test_products_become_rows_and_all_pages_are_read(self, scenes, catalogue, loopback):
        catalogue(odata(SCENE, 1), odata(f"{SCENE}_COG", 2), odata(NEXT_SLICE, 3), odata(SECOND, 4))
        rows = scenes(provider="cdse").list_scenes(BOUNDS, *DAYS)
        assert list(rows["scene"]) == [SCENE, NEXT_SLICE, SECOND], "cloud-optimised copies are left out"
        assert rows.iloc[0]["url"] == f"{loopback.url}/odata(id-1)/$value"
        assert (rows.iloc[0]["relative_orbit"], rows.iloc[0]["version"]) == (54, "003.10")
        asked = loopback.asked("/odata")[0].query["$filter"][0]
        assert "Value eq 'IW_GRDH_1S'" in asked
        assert "POLYGON((144.5 -43.7,148.5 -43.7,148.5 -40.5,144.5 -40.5,144.5 -43.7))" in asked
        assert "ge 2020-01-01T" in asked and "lt 2020-02-01T" in asked

    def test_years_are_asked_for_one_by_one(self, scenes, catalogue, loopback):
        catalogue()
        assert len(scenes(provider="cdse").list_scenes(BOUNDS, date(2018, 6, 1), date(2020, 1, 31))) == 0
        days = [request.query["$filter"][0].split("Start ")[1:] for request in loopback.asked("/odata")]
        assert [(start[3:13], stop[3:13]) for start, stop in days] == [
            ("2018-06-01", "2019-01-01"), ("2019-01-01", "2020-01-01"), ("2020-01-01", "2020-02-01")
        ]  # fmt: skip

    def test_products_without_size_and_checksum_are_listed(self, scenes, catalogue):
        catalogue(odata(SCENE, 1, ContentLength=0, Checksum=[]))
        found = row(scenes(provider="cdse"))
        assert found["checksum"] == "" and pd.isna(found["bytes"])

    def test_json_of_another_kind_is_an_error(self, scenes, loopback):
        loopback.serve("/odata", {"detail": "no"}, ranges=False)
        with pytest.raises(AcquireError, match="without a list 'value'"):
            scenes(provider="cdse").list_scenes(BOUNDS, *DAYS)


class TestFetching:
    @pytest.fixture
    def product(self, scenes, cmr, loopback):
        """A scene listed by ASF, and its row."""
        cmr(granule(SCENE, f"{loopback.url}/GRD_HD/{SCENE}.zip"))
        loopback.serve(f"/GRD_HD/{SCENE}.zip", PRODUCT)
        source = scenes()
        return source, row(source)

    def test_the_product_comes_whole_with_the_token(self, product, loopback, tmp_path, files_in):
        source, scene = product
        note = source.fetch_scene(scene, tmp_path / f"{SCENE}.zip")
        assert (tmp_path / f"{SCENE}.zip").read_bytes() == PRODUCT
        assert files_in(tmp_path) == [f"{SCENE}.zip"]
        assert (note["provider"], note["checked"]) == ("asf", "MD5")
        assert loopback.asked(f"/GRD_HD/{SCENE}.zip")[0].headers["authorization"] == "Bearer earth-secret"

    def test_the_token_goes_no_further_than_the_provider(self, product, loopback, tmp_path):
        source, scene = product
        loopback.serve("/signed.zip", PRODUCT)
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", redirect=f"{loopback.other_url}/signed.zip?X-Amz-Signature=s3cret")
        note = source.fetch_scene(scene, tmp_path / "a.zip")
        assert "authorization" not in loopback.asked("/signed.zip")[0].headers
        assert "s3cret" not in str(note)

    def test_redirects_within_the_provider_keep_the_token(self, product, loopback, tmp_path):
        source, scene = product
        loopback.serve("/egress.zip", PRODUCT)
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", redirect=f"{loopback.url}/egress.zip")
        source.fetch_scene(scene, tmp_path / "a.zip")
        assert loopback.asked("/egress.zip")[0].headers["authorization"] == "Bearer earth-secret"

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 429, "headers": {"Retry-After": "0"}},
            {"status": 503},
            {"stall": "body"},
            {"truncate": 9000},
            {"reset": 9000},
        ],
    )
    def test_what_was_interrupted_is_continued(self, fault, product, loopback, tmp_path, files_in):
        source, scene = product
        path = f"/GRD_HD/{SCENE}.zip"
        loopback.fail(path=path, **fault)
        source.fetch_scene(scene, tmp_path / f"{SCENE}.zip")
        assert files_in(tmp_path) == [f"{SCENE}.zip"]
        if "status" not in fault:
            assert loopback.asked(path)[-1].headers["range"].startswith("bytes=")

    def test_a_server_that_goes_away_half_way_is_continued_by_the_next_run(self, product, loopback, tmp_path, files_in):
        source, scene = product
        path = f"/GRD_HD/{SCENE}.zip"
        loopback.fail(path=path, truncate=9000)
        loopback.fail(path=path, times=2, status=503)
        with pytest.raises(AcquireError, match="503"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert not (tmp_path / "a.zip").exists()
        source.fetch_scene(scene, tmp_path / "a.zip")
        assert loopback.asked(path)[-1].headers["range"] == "bytes=9000-"
        assert files_in(tmp_path) == ["a.zip"]

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (safe_zip(without="measurement"), r"lacks measurement/\*-vv-"),
            (safe_zip(without="calibration-s1a-iw-grd-vh"), r"lacks annotation/calibration/calibration-\*-vh-"),
            (safe_zip(without="manifest"), "no manifest.safe"),
            (safe_zip(root=NEXT_SLICE), NEXT_SLICE),
            (b"PK\x03\x04" + b"x" * 500, "ZIP"),
        ],
        ids=["no measurement", "no calibration", "no manifest", "another product", "no archive"],
    )
    def test_an_archive_that_is_not_the_product_is_refused(self, content, says, scenes, cmr, loopback, tmp_path):
        cmr(granule(SCENE, f"{loopback.url}/a.zip", content=content))
        loopback.serve("/a.zip", content)
        source = scenes()
        with pytest.raises(AcquireError, match=says):
            source.fetch_scene(row(source), tmp_path / "a.zip")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(("content", "says"), [(PRODUCT + b" ", "bytes where"), (PRODUCT[:-1] + b"!", "MD5")])
    def test_size_and_md5_are_those_of_the_listing(self, content, says, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", wrong=content)
        with pytest.raises(AcquireError, match=says):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert not list(tmp_path.iterdir())

    def test_a_login_page_with_status_200_asks_for_credentials(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", html="Earthdata Login")
        with pytest.raises(CredentialError, match="Earthdata Login"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert not list(tmp_path.iterdir())

    def test_terms_that_are_not_accepted_are_told_in_one_line(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", status=403, body={"message": "EULA required"})
        with pytest.raises(CredentialError, match="urs.earthdata.nasa.gov/profile") as caught:
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert "\n" not in str(caught.value) and "earth-secret" not in str(caught.value)
        assert len(loopback.asked(f"/GRD_HD/{SCENE}.zip")) == 1, "403 is not asked again"

    def test_without_credentials_nothing_is_asked(self, product, loopback, tmp_path, monkeypatch):
        source, scene = product
        monkeypatch.delenv("EARTHDATA_TOKEN")
        before = len(loopback.requests)
        with pytest.raises(CredentialError, match="EARTHDATA_TOKEN"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert len(loopback.requests) == before

    def test_a_token_of_the_users_own_that_has_expired_is_told(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path=f"/GRD_HD/{SCENE}.zip", status=401)
        with pytest.raises(CredentialError, match="401"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert len(loopback.asked(f"/GRD_HD/{SCENE}.zip")) == 1

    def test_user_and_password_give_a_token(self, product, loopback, tmp_path, monkeypatch):
        source, scene = product
        monkeypatch.delenv("EARTHDATA_TOKEN")
        monkeypatch.setenv("EARTHDATA_USERNAME", "me")
        monkeypatch.setenv("EARTHDATA_PASSWORD", "hush-hush")
        loopback.serve("/earth-login", {"access_token": "made"}, method="POST", ranges=False)
        source.fetch_scene(scene, tmp_path / "a.zip")
        assert loopback.asked("/earth-login")[0].headers["authorization"].startswith("Basic ")
        assert loopback.asked(f"/GRD_HD/{SCENE}.zip")[0].headers["authorization"] == "Bearer made"


class TestFetchingFromTheDataSpace:
    @pytest.fixture
    def product(self, scenes, catalogue, loopback):
        catalogue(odata(SCENE, 1))
        loopback.serve("/odata(id-1)/$value", PRODUCT)
        source = scenes(provider="cdse")
        return source, row(source)

    def test_an_expired_token_is_renewed_once(self, product, loopback, tmp_path, caplog):
        source, scene = product
        loopback.fail(path="/odata(id-1)/$value", status=401)
        with caplog.at_level(logging.DEBUG, "loam"):
            note = source.fetch_scene(scene, tmp_path / f"{SCENE}.zip")
        used = [request.headers["authorization"] for request in loopback.asked("/odata(id-1)/$value")]
        assert used == ["Bearer token-1", "Bearer token-2"]
        assert note["provider"] == "cdse" and (tmp_path / f"{SCENE}.zip").read_bytes() == PRODUCT
        assert not any(word in caplog.text for word in ("token-1", "token-2", "hush-hush", "again\n"))

    def test_a_token_that_is_refused_again_is_an_error(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path="/odata(id-1)/$value", times=9, status=401)
        with pytest.raises(CredentialError, match="401"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert len(loopback.asked("/odata(id-1)/$value")) == 2
        assert not list(tmp_path.iterdir())

    def test_wrong_passwords_are_told_without_being_shown(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path="/login", status=401, body={"error": "invalid_grant"})
        with pytest.raises(CredentialError, match="CDSE_USERNAME") as caught:
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert "hush" not in str(caught.value)

    def test_terms_that_are_not_accepted_are_told(self, product, loopback, tmp_path):
        source, scene = product
        loopback.fail(path="/odata(id-1)/$value", status=403, body={"detail": "terms"})
        with pytest.raises(CredentialError, match="terms of use"):
            source.fetch_scene(scene, tmp_path / "a.zip")

    def test_an_archive_packed_anew_is_checked_member_by_member(self, product, loopback, tmp_path, caplog):
        source, scene = product
        repacked = io.BytesIO(PRODUCT)
        with zipfile.ZipFile(repacked, "a") as archive:
            archive.comment = b"packed when asked for"
        loopback.fail(path="/odata(id-1)/$value", wrong=repacked.getvalue())
        with caplog.at_level(logging.INFO, "loam"):
            note = source.fetch_scene(scene, tmp_path / "a.zip")
        assert note["checked"] == "CRC-32 of every member" and "packed anew" in caplog.text

    def test_a_damaged_member_is_found_where_the_md5_cannot_tell(self, product, loopback, tmp_path):
        source, scene = product
        damaged = PRODUCT.replace(b"measurement/s1a-iw-grd-vv-20200105t190312-001.tiffmeas", b"?" * 54)
        loopback.fail(path="/odata(id-1)/$value", wrong=damaged)
        with pytest.raises(AcquireError, match="Bad CRC-32"):
            source.fetch_scene(scene, tmp_path / "a.zip")
        assert not list(tmp_path.iterdir())

    def test_a_row_keeps_its_provider_when_the_config_names_another(self, product, scenes, tmp_path):
        _, scene = product
        assert scenes(provider="asf").fetch_scene(scene, tmp_path / "a.zip")["provider"] == "cdse"


class TestTokens:
    def test_a_token_is_continued_with_the_refresh_token_before_it_expires(self, loopback, catalogue, monkeypatch):
        monkeypatch.setenv("CDSE_USERNAME", "me")
        monkeypatch.setenv("CDSE_PASSWORD", "hush")
        now = [0.0]
        tokens = DataspaceTokens(f"{loopback.url}/login", QUICK, clock=lambda: now[0])
        assert tokens.current() == tokens.current()
        now[0] = 580.0
        assert tokens.current().reveal() == "token-2"
        forms = [dict(parse_qsl(request.body.decode())) for request in loopback.asked("/login")]
        assert [form["grant_type"] for form in forms] == ["password", "refresh_token"]

    def test_an_expired_refresh_token_logs_in_again(self, loopback, catalogue, monkeypatch):
        monkeypatch.setenv("CDSE_USERNAME", "me")
        monkeypatch.setenv("CDSE_PASSWORD", "hush")
        now = [0.0]
        tokens = DataspaceTokens(f"{loopback.url}/login", QUICK, clock=lambda: now[0])
        tokens.current()
        now[0] = 5000.0
        loopback.fail(path="/login", status=400, body={"error": "invalid_grant"})
        assert tokens.current().reveal() == "token-2"
        assert b"grant_type=password" in loopback.asked("/login")[-1].body


def test_the_run_fetches_a_listed_product_once(scenes, cmr, loopback, tmp_path, monkeypatch):
    cmr(granule(SCENE, f"{loopback.url}/a.zip"))
    loopback.serve("/a.zip", PRODUCT)
    write_scenes(scenes().list_scenes(BOUNDS, *DAYS), tmp_path / "scenes.csv")
    monkeypatch.setattr("loam.acquire.scenes.scene_files.open_scenes", lambda *_: scenes())
    product = tmp_path / f"{SCENE}.zip"
    for _ in range(2):
        access = Access(choice=Choice(dataset="sentinel1", back_end="direct"))
        fetch_listed(tmp_path / "scenes.csv", SCENE, access, product)
    assert len(loopback.asked("/a.zip")) == 1
    source = read_source(product)
    assert source["product"] == {"provider": "asf", "checked": "MD5", "url": f"{loopback.url}/a.zip"}
    assert source["clients"].keys() == {"requests", "asf_search"} and source["version"] == "003.10"


def test_an_unknown_provider_is_told(scenes):
    with pytest.raises(ConfigError, match="asf, cdse"):
        scenes(provider="scihub")


def test_a_real_product_without_measurement_is_refused(shared_data):
    product = next((shared_data / "sentinel" / "grd").glob("S1A_IW_GRDH_1SDV_20150203T043109*_FEC3.zip"))
    with pytest.raises(AcquireError, match="measurement"):
        check_safe(product, product.stem)
