"""A service runs in a thread, on a port that is free, and ends when it is told to."""

from __future__ import annotations

import logging
import socket
import threading
import time

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pyutils.errors import GpuRwaError
from pyutils.reporter.web.answers import web_app
from pyutils.reporter.web.serving import GRACE_S, PortError, Server


async def hello(_: Request) -> Response:
    return Response("hello")


APP = web_app([Route("/", hello)])


def test_start__any_port__answers_until_it_stops() -> None:
    server = Server(APP)
    url = server.start()
    assert url == server.url == f"http://127.0.0.1:{server.port}"
    assert httpx.get(url).text == "hello"
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_start__port_taken__one_line() -> None:
    with Server(APP) as first, pytest.raises(PortError) as refused:
        Server(APP, port=first.port).start()
    assert str(refused.value) == f"port {first.port} of 127.0.0.1 is taken"
    assert refused.value.exit_status == 2


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 65_536), ("127.0.0.1", -1), ("203.0.113.7", 0), ("no.such.", 0)]
)
def test_start__no_such_place__one_line(host: str, port: int) -> None:
    with pytest.raises(PortError) as refused:
        Server(APP, host, port).start()
    assert refused.value.line().isprintable()


def test_start__same_port_after_a_stop__listens_again() -> None:
    with Server(APP) as first:
        assert httpx.get(first.url).text == "hello"
    with Server(APP, port=first.port) as second:
        assert httpx.get(second.url).text == "hello"


def test_start__ipv6__answers() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = Server(APP, "::1")
    try:
        url = server.start()
    except PortError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    try:
        assert url == f"http://[::1]:{server.port}"
        assert httpx.get(url).text == "hello"
    finally:
        server.stop()


def test_stop__an_answer_that_never_ends__returns_after_its_grace() -> None:
    begun, end = threading.Event(), threading.Event()

    def hang(_: Request) -> Response:
        begun.set()
        end.wait(30)
        return Response()

    server = Server(web_app([Route("/", hang)]))
    url = server.start()
    lost: list[Exception] = []

    def ask() -> None:
        try:
            httpx.get(url, timeout=20)
        except httpx.HTTPError as error:
            lost.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(5)
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < GRACE_S + 4
    end.set()
    asking.join(20)
    assert not asking.is_alive()


def test_access_log__asked_for__each_request(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        with Server(APP) as quiet:
            httpx.get(f"{quiet.url}/?token=1")
        assert "token" not in "".join(record.getMessage() for record in caplog.records if "uvicorn" in record.name)


def test_web_app__own_error__logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Request) -> Response:
        raise GpuRwaError("the store at /secret/path is locked")

    with Server(web_app([Route("/", fail)])) as server:
        answer = httpx.get(server.url)
    assert (answer.status_code, answer.json()) == (503, {"error": "not available now", "code": "GpuRwaError"})
    assert answer.headers["retry-after"] == "30"
    assert "GET /: the store at /secret/path is locked" in caplog.text


def test_answers__server__names_no_software() -> None:
    with Server(APP) as server:
        assert "server" not in httpx.get(server.url).headers
