"""Everybody may see files, reports and proofs, and nothing beside them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pyutils.reporter.publishing.publisher import publisher_routes
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server

from .shelf import LEASES, MemoryShelf, bare_get


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> MemoryShelf:
    return MemoryShelf.filled(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def url(shelf: MemoryShelf) -> Iterator[str]:
    with Server(web_app(publisher_routes(shelf))) as server:
        yield server.url


def test_leaf_file__its_hash__the_file_for_ever(shelf: MemoryShelf, url: str) -> None:
    path = shelf.leaf_file
    answer = httpx.get(f"{url}/leaf_files/{path.name}")
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{path.name.split(".")[0]}"'


def test_leaf_file__known_already__not_sent(shelf: MemoryShelf, url: str) -> None:
    where = f"{url}/leaf_files/{shelf.leaf_file.name}"
    tag = httpx.head(where).headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = httpx.get(where, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert httpx.get(where, headers={"If-None-Match": '"0x00"'}).status_code == 200


def test_leaf_file__range__that_part(shelf: MemoryShelf, url: str) -> None:
    where = f"{url}/leaf_files/{shelf.leaf_file.name}"
    answer = httpx.get(where, headers={"Range": "bytes=10-19"})
    assert answer.status_code == 206
    assert answer.content == shelf.leaf_file.read_bytes()[10:20]
    assert httpx.get(where, headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize("what", ["leaf_file", "page", "gpu_list"])
def test_file__head_request__same_headers_and_no_body(shelf: MemoryShelf, url: str, what: str) -> None:
    path: Path = getattr(shelf, what)
    where = f"{url}/{path.parent.name}/{path.name}"
    got, told = httpx.get(where), httpx.head(where)
    assert got.content == path.read_bytes()
    assert (told.status_code, told.content) == (200, b"")
    for name in ("content-length", "etag", "content-type", "accept-ranges"):
        assert told.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/leaf_files/../secret.txt",
        "/leaf_files/..%2Fsecret.txt",
        "/leaf_files/%2e%2e/secret.txt",
        "/gpus/..%5csecret.txt",
        "/gpus/%00.txt",
        "//secret.txt",
        "/samples/0x" + "0" * 64,
        "/samples/0x" + "0" * 64 + ".csv.gz",
        "/samples/0x" + "0" * 64 + ".csv.gz%0a",
        "/samples/0x" + "A" * 64 + ".csv.gz",
        "/samples/0x" + "0" * 64 + ".jsonl.gz",
        "/leaf_files/",
        "/secret.txt",
    ],
)
def test_file__any_other_name__not_found(url: str, path: str) -> None:
    status, body = bare_get(urlsplit(url).port or 0, path)
    assert status == 404
    assert b"secret words" not in body
    assert body.startswith(b'{"error":')


def test_reports__limit__newest_first(shelf: MemoryShelf, url: str) -> None:
    told = httpx.get(f"{url}/fleets/1/reports?limit=2").json()["reports"]
    times = [one["report_file"]["report"]["as_of"] for one in told]
    assert times == sorted((entry.report_file.report.as_of for entry in shelf.entries), reverse=True)[:2]
    assert [one["pages"] for one in told] == [None, None]
    assert httpx.get(f"{url}/fleets/2/reports").json() == {"reports": []}


@pytest.mark.parametrize("limit", ["-1", "1001", "x", "", "1e2", "9" * 5000], ids=range(6))
def test_reports__odd_limit__bad_request(url: str, limit: str) -> None:
    answer = httpx.get(f"{url}/fleets/1/reports?limit={limit}")
    assert (answer.status_code, answer.json()) == (400, {"error": "limit is a number from 0 to 1000"})


def test_report__from_an_hour__its_later_pages(shelf: MemoryShelf, url: str) -> None:
    entry = shelf.entries[-1]
    where = f"{url}/fleets/1/reports/0x{entry.report_file.digest.hex()}"
    hours = [page["hour"] for page in httpx.get(where).json()["pages"]]
    assert hours == [page.hour for page in shelf.page_refs]
    later = httpx.get(where, params={"from_hour": hours[1]}).json()["pages"]
    assert [page["hour"] for page in later] == hours[1:]
    assert httpx.get(where.replace("/fleets/1/", "/fleets/2/")).status_code == 404
    assert httpx.get(where, params={"from_hour": 2**32}).status_code == 400


def test_head__known__the_entry(shelf: MemoryShelf, url: str) -> None:
    assert httpx.get(f"{url}/fleets/1/head").json() == shelf.entries[-1].model_dump(mode="json")
    answer = httpx.get(f"{url}/fleets/2/head")
    assert (answer.status_code, answer.json()) == (404, {"error": "fleet 2 has no head here"})


def test_lease_proof__of_the_head__leads_to_its_root(shelf: MemoryShelf, url: str) -> None:
    for lease_id, delivered in LEASES.items():
        told = httpx.get(f"{url}/leases/{lease_id}/proof").json()
        assert told["delivered_gpu_ms"] == delivered
        assert told["root"] == "0x" + shelf.entries[-1].report_file.report.lease_root.hex()
        assert told["digest"] == "0x" + shelf.entries[-1].report_file.digest.hex()
    unknown = httpx.get(f"{url}/leases/{(1 << 32) + 99}/proof")
    assert (unknown.status_code, unknown.json()) == (404, {"error": f"the head does not list lease {(1 << 32) + 99}"})
    assert httpx.get(f"{url}/leases/5/proof").status_code == 404


def test_lease_proof__leaf_file_gone__not_now_without_paths(tmp_path: Path) -> None:
    shelf = MemoryShelf.filled(tmp_path)
    shelf.leaf_file.unlink()
    with Server(web_app(publisher_routes(shelf))) as server:
        answer = httpx.get(f"{server.url}/leases/{min(LEASES)}/proof")
    assert answer.status_code == 503
    assert answer.json() == {"error": "not available now", "code": "LeafFileError"}


def test_lease_proof__leaf_file_of_another_root__not_shown(tmp_path: Path) -> None:
    shelf = MemoryShelf.filled(tmp_path)
    lines = gzip.decompress(shelf.leaf_file.read_bytes())
    told = f'"delivered_gpu_ms":{LEASES[min(LEASES)]}'.encode()
    assert told in lines
    shelf.leaf_file.write_bytes(gzip.compress(lines.replace(told, b'"delivered_gpu_ms":1')))
    with Server(web_app(publisher_routes(shelf))) as server:
        assert httpx.get(f"{server.url}/leases/{min(LEASES)}/proof").status_code == 503


def test_dossier__of_a_report__all_that_a_dispute_needs(shelf: MemoryShelf, url: str) -> None:
    entry = shelf.entries[-1]
    told = httpx.get(f"{url}/disputes/0x{entry.report_file.digest.hex()}").json()
    assert told["report_file"] == entry.report_file.model_dump(mode="json")
    assert told["signatures"] == [one.model_dump(mode="json") for one in entry.signatures]
    files = [told["leaf_file"], *(page["file"] for page in told["pages"])]
    assert [httpx.get(f"{url}/{file}").status_code for file in files] == [200] * len(files)
    assert httpx.get(f"{url}/disputes/0x{'00' * 32}").status_code == 404
    assert httpx.get(f"{url}/disputes/x").status_code == 404


def test_about__anybody__what_answers_here(url: str) -> None:
    assert httpx.get(url).json()["service"] == "gpu-rwa publisher"
