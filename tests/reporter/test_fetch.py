"""Nothing that a publisher gives is believed: it is bounded, hashed, and kept whole or not at all."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from pyutils.errors import LeafFileError
from pyutils.keccak import keccak256
from pyutils.meter import read_leaf_file
from pyutils.meter.page import read_page
from pyutils.operations.gpu_lists import gpu_tree
from pyutils.reporter.publishing.fetch import (
    CacheError,
    Fetcher,
    FetchLimits,
    NotPublishedError,
    PublisherError,
    PublisherUnreachableError,
)
from pyutils.reporter.publishing.publisher import publisher_routes
from pyutils.reporter.publishing.unpacking import Unpacker, UnpackingError
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import Server
from pyutils.units import LeaseId

from .shelf import GPU_IDS, LEASES, MemoryShelf
from .stage import FLEET, OPERATOR, STRANGER, report_file

TIGHT = FetchLimits(
    packed_bytes=2**20,
    leaf_file_bytes=2**22,
    page_bytes=2**22,
    gpu_list_bytes=2**20,
    json_bytes=2**16,
    read_s=2,
    whole_s=1,
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> MemoryShelf:
    return MemoryShelf.filled(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def url(shelf: MemoryShelf) -> Iterator[str]:
    with Server(web_app(publisher_routes(shelf))) as server:
        yield server.url


@pytest.fixture
def fetcher(url: str, tmp_path: Path) -> Fetcher:
    return Fetcher(url, tmp_path / "cache")


@contextmanager
def giving(answer: Callable[[str], Response], cache: Path) -> Iterator[Fetcher]:
    """Run a publisher that answers every path by `answer`, with tight limits for whoever asks it."""

    async def reply(request: Request) -> Response:
        return answer(request.url.path)

    with Server(web_app([Route("/{rest:path}", reply)])) as server:
        yield Fetcher(server.url, cache, TIGHT)


def kept(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def test_leaf_file__published__the_same_and_kept(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    data_hash = shelf.entries[-1].report_file.report.data_hash
    assert fetcher.leaf_file(data_hash) == read_leaf_file(shelf.leaf_file)
    assert (fetcher.leaf_files / shelf.leaf_file.name).read_bytes() == shelf.leaf_file.read_bytes()
    assert kept(fetcher.leaf_files) == [shelf.leaf_file.name]


def test_page__published__its_rows_and_kept(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    ref = shelf.page_refs[0]
    assert fetcher.page(ref.rows_hash) == read_page(shelf.page, ref.rows_hash)
    assert kept(fetcher.samples) == [shelf.page.name]


def test_gpu_list__published__its_ids_and_kept(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    assert fetcher.gpu_list(shelf.gpu_root) == GPU_IDS
    assert fetcher.gpu_lists.ids(shelf.gpu_root) == GPU_IDS
    assert kept(fetcher.gpu_lists.folder) == [shelf.gpu_list.name]


def test_files__kept_already__not_asked_for(fetcher: Fetcher, shelf: MemoryShelf, tmp_path: Path) -> None:
    ref, data_hash = shelf.page_refs[0], shelf.entries[-1].report_file.report.data_hash
    rows, leaf_file, ids = fetcher.page(ref.rows_hash), fetcher.leaf_file(data_hash), fetcher.gpu_list(shelf.gpu_root)
    alone = Fetcher("http://127.0.0.1:9", tmp_path / "cache")
    assert alone.page(ref.rows_hash) == rows
    assert alone.leaf_file(data_hash) == leaf_file
    assert alone.gpu_list(shelf.gpu_root) == ids


def test_files__rotted_on_disk__fetched_again(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    ref, data_hash = shelf.page_refs[0], shelf.entries[-1].report_file.report.data_hash
    for _ in range(2):
        assert fetcher.page(ref.rows_hash) == read_page(shelf.page, ref.rows_hash)
        assert fetcher.leaf_file(data_hash) == read_leaf_file(shelf.leaf_file)
        assert fetcher.gpu_list(shelf.gpu_root) == GPU_IDS
        (fetcher.samples / shelf.page.name).write_bytes(gzip.compress(b"GPU-0,1,1\n"))
        (fetcher.leaf_files / shelf.leaf_file.name).write_bytes(shelf.leaf_file.read_bytes()[:-9])
        (fetcher.gpu_lists.folder / shelf.gpu_list.name).write_text("GPU-x\n")


def test_entries__published__checked(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    assert fetcher.entries(FLEET, 2) == tuple(shelf.entries[:0:-1])
    assert fetcher.head(FLEET) == shelf.entries[-1]
    digest = shelf.entries[0].report_file.digest
    entry = fetcher.entry(FLEET, digest, shelf.page_refs[1].hour)
    assert entry.pages == tuple(shelf.page_refs[1:])
    with pytest.raises(NotPublishedError, match="it is not there"):
        fetcher.entry(FLEET, bytes(32))


def test_lease_proof__published__leads_to_the_root(fetcher: Fetcher, shelf: MemoryShelf) -> None:
    proof = fetcher.lease_proof(LeaseId(min(LEASES)))
    assert proof.holds()
    assert (proof.delivered_gpu_ms, proof.root) == (
        LEASES[min(LEASES)],
        shelf.entries[-1].report_file.report.lease_root,
    )


def test_fetch__nobody_there__one_line_without_secrets(tmp_path: Path) -> None:
    fetcher = Fetcher("http://user:secret@127.0.0.1:9/key", tmp_path)
    with pytest.raises(PublisherUnreachableError) as refused:
        fetcher.page(bytes(32))
    line = refused.value.line()
    assert line.startswith("publisher http://127.0.0.1:9: samples/0x0000")
    assert "secret" not in line
    assert "key" not in line
    assert kept(tmp_path) == []


def test_fetch__not_published__says_so(fetcher: Fetcher, tmp_path: Path) -> None:
    for ask in (fetcher.leaf_file, fetcher.page, fetcher.gpu_list):
        with pytest.raises(NotPublishedError, match="it is not there"):
            ask(bytes(32))
    assert kept(tmp_path) == []


ROWS = b"GPU-0,1700000000000,5\n"
BOMB = gzip.compress(bytes(2**26), 9)
EMPTY_MEMBERS = gzip.compress(b"", mtime=0) * 1_000 + gzip.compress(ROWS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"GPU-0,1700000000000,6\n"), "it has the hash 0x"),
        (BOMB, "unpacks to more than 4194304 bytes"),
        (EMPTY_MEMBERS, "bytes behind its end"),
        (gzip.compress(ROWS) + b"\0", "bytes behind its end"),
        (gzip.compress(ROWS)[:-4], "ends early"),
        (b"", "ends early"),
        (ROWS, "no gzip file"),
        (bytes(2**20 + 1), "no gzip file"),
        (gzip.compress(ROWS)[:10] + b"\xff" * 100, "no gzip file, or damaged"),
    ],
    ids=["other rows", "bomb", "members", "tail", "cut", "empty", "plain", "zeros", "damaged"],
)
def test_page__not_what_it_should_be__refused_and_not_kept(tmp_path: Path, body: bytes, reason: str) -> None:
    assert len(BOMB) < TIGHT.packed_bytes
    with giving(lambda _: Response(body), tmp_path) as fetcher, pytest.raises(PublisherError, match=reason) as refused:
        fetcher.page(keccak256(ROWS))
    assert not isinstance(refused.value, PublisherUnreachableError)
    assert refused.value.line().isprintable()
    assert kept(tmp_path) == []


def test_leaf_file__huge__cut_off_and_not_kept(tmp_path: Path) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield gzip.compress(b"", mtime=0)[:10]
        while sent < 2**30:
            sent += 2**16
            # Stored blocks: a valid stream that never ends and does not shrink.
            yield b"\x00\x00\x40\xff\xbf" + bytes(2**14)

    with (
        giving(lambda _: StreamingResponse(endless()), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="it is larger than 1048576 bytes"),
    ):
        fetcher.leaf_file(bytes(32))
    assert sent < 2**28, "it went on reading"
    assert kept(tmp_path) == []


def test_leaf_file__right_hash_and_malformed__refused(tmp_path: Path) -> None:
    data = b'{"kind":"header"}\n'
    with giving(lambda _: Response(gzip.compress(data)), tmp_path) as fetcher, pytest.raises(LeafFileError):
        fetcher.leaf_file(keccak256(data))


def test_leaf_file__gzip_bomb__refused(tmp_path: Path) -> None:
    with (
        giving(lambda _: Response(BOMB), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="unpacks to more than"),
    ):
        fetcher.leaf_file(keccak256(bytes(2**26)))
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"GPU-0\nGPU-1\n", "its GPUs have the root 0x"),
        (b"GPU-0\nGPU-0\n", "is in the list twice"),
        (b"", "the list of GPUs is empty"),
        (b"\xff\xfe", "it is not ASCII text"),
        (b"a b\n", "is no GPU id"),
        (b"x" * (2**20 + 1), "it is larger than 1048576 bytes"),
    ],
    ids=["other ids", "twice", "empty", "binary", "blank", "huge"],
)
def test_gpu_list__not_what_it_should_be__refused(tmp_path: Path, body: bytes, reason: str) -> None:
    with giving(lambda _: Response(body), tmp_path) as fetcher, pytest.raises(PublisherError, match=reason) as refused:
        fetcher.gpu_list(gpu_tree(["GPU-0"]).root)
    assert str(tmp_path) not in refused.value.line()
    assert kept(tmp_path) == []


def test_fetch__redirect__not_followed(tmp_path: Path) -> None:
    with (
        giving(lambda _: RedirectResponse("http://169.254.169.254/latest"), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="HTTP status 307"),
    ):
        fetcher.page(bytes(32))


def test_fetch__server_broken__unreachable(tmp_path: Path) -> None:
    with (
        giving(lambda _: Response(b"x", 502), tmp_path) as fetcher,
        pytest.raises(PublisherUnreachableError, match="HTTP status 502"),
    ):
        fetcher.page(bytes(32))


def test_fetch__compressed_on_the_way__not_unpacked_without_a_limit(tmp_path: Path) -> None:
    packed = gzip.compress(gzip.compress(ROWS))
    with (
        giving(lambda _: Response(packed, headers={"Content-Encoding": "gzip"}), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="it has the hash 0x"),
    ):
        fetcher.page(keccak256(ROWS))


def test_fetch__drop_by_drop__given_up(tmp_path: Path) -> None:
    def drip() -> Iterator[bytes]:
        for byte in gzip.compress(bytes(1000)) * 10:
            yield bytes([byte])
            time.sleep(0.2)

    with giving(lambda _: StreamingResponse(drip()), tmp_path) as fetcher:
        begin = time.monotonic()
        with pytest.raises(PublisherUnreachableError, match="takes over 1 s"):
            fetcher.page(bytes(32))
        assert time.monotonic() - begin < 5
    assert kept(tmp_path) == []


def test_fetch__broken_off__unreachable_and_not_kept(tmp_path: Path) -> None:
    packed = gzip.compress(ROWS)
    with (
        giving(lambda _: Response(packed[:5], headers={"Content-Length": "5"}), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="ends early"),
    ):
        fetcher.page(keccak256(ROWS))
    assert kept(tmp_path) == []


def test_fetch__folder_cannot_be_written__says_so(url: str, tmp_path: Path, shelf: MemoryShelf) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheError, match="cannot be written"):
        Fetcher(url, tmp_path / "cache").page(shelf.page_refs[0].rows_hash)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["report_file"]["report"].update(busy_gpu_ms=1),
        lambda told: told["report_file"]["report"].update(fleet_id=2),
        lambda told: told["signatures"][0].update(signer=STRANGER.address),
        lambda told: told["signatures"].append({**told["signatures"][0], "signature": "0x"}),
        lambda told: told["pages"].reverse(),
        lambda told: told.update(pages=None),
        lambda told: told.update(pages=[{"hour": 0, "rows_hash": "0x" + "00" * 32, "whole": True}]),
        lambda told: told.update(more=1),
        lambda told: told.clear(),
    ],
)
def test_entry__changed__refused(
    shelf: MemoryShelf, tmp_path: Path, change: Callable[[dict[str, object]], None]
) -> None:
    entry = shelf.entries[-1].model_copy(update={"pages": tuple(shelf.page_refs)})
    told = entry.model_dump(mode="json")
    change(told)
    with (
        giving(lambda _: Response(orjson.dumps(told)), tmp_path) as fetcher,
        pytest.raises(PublisherError) as refused,
    ):
        fetcher.entry(FLEET, entry.report_file.digest, 1)
    assert refused.value.line().isprintable()


def test_entry__of_another_report__refused(tmp_path: Path) -> None:
    other = report_file(busy_gpu_ms=2)
    told = {
        "report_file": other.model_dump(mode="json"),
        "signatures": [other.sign(OPERATOR).model_dump(mode="json")],
        "state": "MINED",
        "pages": [],
    }
    with (
        giving(lambda _: Response(orjson.dumps(told)), tmp_path) as fetcher,
        pytest.raises(PublisherError, match="it is another report"),
    ):
        fetcher.entry(FLEET, report_file().digest)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b"[" * 60_000, b'{"reports":[{}]}', b" " * (2**16 + 1)], ids=range(6)
)
def test_entries__garbage__refused(tmp_path: Path, body: bytes) -> None:
    with giving(lambda _: Response(body), tmp_path) as fetcher, pytest.raises(PublisherError) as refused:
        fetcher.entries(FLEET)
    assert refused.value.line().isprintable()


def test_lease_proof__of_more_than_the_root_says__refused(fetcher: Fetcher, tmp_path: Path) -> None:
    lease_id = LeaseId(min(LEASES))
    true = fetcher.lease_proof(lease_id)
    more = true.model_copy(update={"delivered_gpu_ms": true.delivered_gpu_ms + 1})
    other = fetcher.lease_proof(LeaseId(max(LEASES)))
    for lie in (more, other, true.model_copy(update={"proof": true.proof[1:]})):
        with (
            giving(lambda _, lie=lie: Response(lie.model_dump_json()), tmp_path) as liar,  # type: ignore[misc]
            pytest.raises(PublisherError, match="does not lead to its root"),
        ):
            liar.lease_proof(lease_id)


@pytest.mark.parametrize("size", [1, 7, 2**10, 2**16, 2**24])
def test_unpacker__in_chunks_of_any_size__same_hash(size: int) -> None:
    data = bytes(range(256)) * 20_000 + bytes(5_000_000)
    packed = gzip.compress(data)
    unpacker = Unpacker(len(data))
    for begin in range(0, len(packed), size):
        unpacker.feed(packed[begin : begin + size])
    assert unpacker.finish() == keccak256(data)
    tight = Unpacker(len(data) - 1)
    with pytest.raises(UnpackingError, match="unpacks to more than"):
        tight.feed(packed)
    assert tight.size < len(data) + 2**20
