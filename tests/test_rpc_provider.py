"""Failover between real HTTP endpoints."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from web3.types import RPCEndpoint

from pyutils.anvil import Anvil
from pyutils.chain import (
    ChainProtocolError,
    FailoverProvider,
    NoEndpointError,
    RpcError,
    RpcPolicy,
    RpcUnreachableError,
    WrongChainError,
    connect,
    rpc,
)

QUICK = RpcPolicy(timeout_s=0.5, connect_timeout_s=0.5, rounds=2, pause_s=0.01, longest_pause_s=0.02)

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class Node:
    """An endpoint that answers as a test wants, and remembers what it was asked."""

    def __init__(self, url: str, asked: list[str]) -> None:
        self.url, self.asked = url, asked


@contextmanager
def node(answer: Answer) -> Iterator[Node]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["method"] if isinstance(body, dict) else "batch")
            status, result = answer(body)
            payload = result if isinstance(result, bytes) else json.dumps(result).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Node(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chain(chain_id: int, **results: Any) -> Answer:
    """Answer as a node of a chain."""

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        value = hex(chain_id) if body["method"] == "eth_chainId" else results.get(body["method"])
        return 200, {"jsonrpc": "2.0", "id": body["id"], "result": value}

    return answer


def nobody() -> str:
    """Return a URL on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def ask(provider: FailoverProvider, method: str = "eth_blockNumber") -> Any:
    return provider.make_request(RPCEndpoint(method), [])["result"]


def test_failover__first_is_down__second_answers_and_is_kept() -> None:
    with node(chain(5, eth_blockNumber="0x7")) as second:
        provider = FailoverProvider([nobody(), second.url], 5, QUICK)
        assert ask(provider) == "0x7"
        assert provider.url == second.url
        assert ask(provider) == "0x7"
        assert second.asked == ["eth_chainId", "eth_blockNumber", "eth_blockNumber"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_failover__first_is_overloaded__second_answers(status: int) -> None:
    with node(lambda _: (status, b"busy")) as first, node(chain(5, eth_blockNumber="0x8")) as second:
        assert ask(FailoverProvider([first.url, second.url], 5, QUICK)) == "0x8"
        assert first.asked == ["eth_chainId"]


def test_failover__first_is_too_slow__second_answers() -> None:
    release = threading.Event()

    def slow(body: dict[str, Any]) -> tuple[int, Any]:
        release.wait(5)
        return chain(5)(body)

    with node(slow) as first, node(chain(5, eth_blockNumber="0x9")) as second:
        assert ask(FailoverProvider([first.url, second.url], 5, QUICK)) == "0x9"
        release.set()


def test_failover__first_recovers__is_asked_again_when_the_second_fails() -> None:
    broken = threading.Event()
    broken.set()

    def moody(body: dict[str, Any]) -> tuple[int, Any]:
        return (503, b"") if broken.is_set() else chain(5, eth_blockNumber="0x1")(body)

    with node(moody) as first:
        with node(chain(5, eth_blockNumber="0x2")) as second:
            provider = FailoverProvider([first.url, second.url], 5, QUICK)
            assert ask(provider) == "0x2"
        broken.clear()
        assert ask(provider) == "0x1"


def test_failover__a_moment_of_trouble__is_waited_out() -> None:
    answers = iter([(429, b""), (200, None), (200, None)])

    def recovering(body: dict[str, Any]) -> tuple[int, Any]:
        status, _ = next(answers)
        return (status, b"") if status != 200 else chain(5, eth_blockNumber="0x3")(body)

    with node(recovering) as only:
        assert ask(FailoverProvider([only.url], 5, QUICK)) == "0x3"


def test_failover__nobody_answers__one_error_names_all() -> None:
    urls = [nobody(), nobody()]
    with node(lambda _: (503, b"")) as broken, pytest.raises(RpcUnreachableError) as failed:
        ask(FailoverProvider([*urls, broken.url], 5, QUICK))
    assert [url for url, _ in failed.value.tried] == [*urls, broken.url]
    assert all(url in str(failed.value) for url in urls)
    assert "HTTP status 503" in str(failed.value)
    assert failed.value.exit_status == 1


DEEP = b'{"jsonrpc":"2.0","id":1,"result":' + b'{"a":' * 600 + b"1" + b"}" * 601
"""Not too deep for a parser, and too deep for all that reads what it made."""


@pytest.mark.parametrize(
    "answer", [b"<html>", b"\xff\xfe\x00", b"[" * 100_000, DEEP], ids=["HTML", "bytes", "nested", "deep"]
)
def test_failover__answer_is_no_json__next_is_asked(answer: bytes) -> None:
    with node(lambda _: (200, answer)) as first, node(chain(5, eth_blockNumber="0x4")) as second:
        assert ask(FailoverProvider([first.url, second.url], 5, QUICK)) == "0x4"


def test_failover__forbidden__is_said_at_once() -> None:
    with node(lambda _: (403, b"")) as first, node(chain(5)) as second:
        with pytest.raises(ChainProtocolError, match="403"):
            ask(FailoverProvider([first.url, second.url], 5, QUICK))
        assert second.asked == []


def test_failover__an_error_inside_an_answer__is_the_answer() -> None:
    def refusing(body: dict[str, Any]) -> tuple[int, Any]:
        if body["method"] == "eth_chainId":
            return chain(5)(body)
        return 200, {"jsonrpc": "2.0", "id": body["id"], "error": {"code": 3, "message": "reverted", "data": "0x"}}

    with node(refusing) as first, node(chain(5)) as second:
        web3 = connect([first.url, second.url], 5, QUICK)
        with pytest.raises(RpcError, match="eth_gasPrice: reverted") as failed:
            rpc.request(web3, "eth_gasPrice")
        assert (failed.value.code, failed.value.data) == (3, "0x")
        assert second.asked == []


def test_failover__wrong_chain__is_refused_before_anything_is_asked() -> None:
    with node(chain(6)) as other:
        with pytest.raises(WrongChainError, match="serves chain 6, not 5"):
            ask(FailoverProvider([other.url], 5, QUICK))
        assert other.asked == ["eth_chainId"]


def test_failover__second_endpoint_of_another_chain__is_refused() -> None:
    with node(lambda _: (503, b"")) as first, node(chain(6)) as second, pytest.raises(WrongChainError):
        ask(FailoverProvider([first.url, second.url], 5, QUICK))


def test_failover__no_chain_named__the_first_decides_for_all() -> None:
    with node(chain(6)) as second:
        with node(chain(5, eth_blockNumber="0x1")) as first:
            provider = FailoverProvider([first.url, second.url], policy=QUICK)
            assert ask(provider) == "0x1"
        with pytest.raises(WrongChainError, match="serves chain 6, not 5"):
            ask(provider)


def test_failover__a_node_that_does_not_know_its_chain__is_named() -> None:
    wanting = pytest.raises(ChainProtocolError, match="does not say which chain")
    with node(lambda body: (200, {"id": body["id"], "result": None})) as odd, wanting:
        ask(FailoverProvider([odd.url], 5, QUICK))


def test_failover__no_url__is_an_input_error() -> None:
    with pytest.raises(NoEndpointError):
        FailoverProvider([])


def test_failover__batch__comes_back_in_the_order_asked(anvil: Anvil) -> None:
    provider = FailoverProvider([nobody(), anvil.url], 31337, QUICK)
    asked: list[tuple[RPCEndpoint, Any]] = [
        (RPCEndpoint("eth_chainId"), []),
        (RPCEndpoint("net_version"), []),
        (RPCEndpoint("eth_chainId"), []),
    ]
    answers = provider.make_batch_request(asked)
    assert isinstance(answers, list)
    assert [answer["result"] for answer in answers] == ["0x7a69", "31337", "0x7a69"]


def test_connect__anvil__web3_reads_through_it(anvil: Anvil) -> None:
    web3 = connect([nobody(), anvil.url], 31337, QUICK)
    assert web3.eth.chain_id == 31337
    assert web3.eth.get_block(0)["number"] == 0


def test_failover__url_with_a_key__never_shows_it() -> None:
    with node(lambda _: (403, b"")) as guarded, pytest.raises(ChainProtocolError) as refused:
        ask(FailoverProvider([f"{guarded.url}/v2/secret?token=secret"], 5, QUICK))
    down = nobody().replace("//", "//user:secret@")
    with pytest.raises(RpcUnreachableError) as failed:
        ask(FailoverProvider([f"{down}/secret"], 5, QUICK))
    assert "secret" not in refused.value.line() + failed.value.line()
