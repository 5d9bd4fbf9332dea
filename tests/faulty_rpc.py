"""An RPC endpoint that misbehaves on purpose: a real HTTP server in front of a real node, with faults by method.

::

    with FaultyRpc(anvil.url) as endpoint:
        endpoint.fault("eth_call", result("0x"))             # lies until healed
        endpoint.fault("eth_sendRawTransaction", lost, times=1)  # sends it on, and breaks off before it answers
        endpoint.fault("*", status(429))                     # every method that has no fault of its own
        endpoint.lag(20)                                     # as if it had not seen the last 20 blocks
        endpoint.limit(10)                                   # answers so many questions a second, and 429 to others
        endpoint.heal()
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

Body = dict[str, Any]
Reply = tuple[int, bytes] | None
"""HTTP status and payload; None breaks the connection off."""
Forward = Callable[[Body], Body]
Fault = Callable[[Body, Forward], Reply]

_BLOCK_AT = {
    "eth_getBlockByNumber": 0,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_call": 1,
}


def said(body: Body, **members: Any) -> Reply:
    return 200, json.dumps({"jsonrpc": "2.0", "id": body.get("id"), **members}).encode()


def status(code: int) -> Fault:
    """Answer with an HTTP status alone."""

    def fault(body: Body, forward: Forward) -> Reply:
        return code, b""

    return fault


def garbage(payload: bytes = b"<html>nothing here</html>") -> Fault:
    """Answer with what is no JSON-RPC."""

    def fault(body: Body, forward: Forward) -> Reply:
        return 200, payload

    return fault


def result(value: Any) -> Fault:
    """Lie: answer with this, whatever was asked."""

    def fault(body: Body, forward: Forward) -> Reply:
        return said(body, result=value)

    return fault


def error(message: str, code: int = -32000, data: Any = None) -> Fault:
    """Refuse in a node's words."""
    told = {"code": code, "message": message} | ({} if data is None else {"data": data})

    def fault(body: Body, forward: Forward) -> Reply:
        return said(body, error=told)

    return fault


def altered(change: Callable[[Any], Any]) -> Fault:
    """Lie a little: answer with the node's result, changed."""

    def fault(body: Body, forward: Forward) -> Reply:
        answer = forward(body)
        return said(body, result=change(answer["result"])) if "result" in answer else said(body, error=answer["error"])

    return fault


def hang(seconds: float) -> Fault:
    """Answer rightly, but only after a while."""

    def fault(body: Body, forward: Forward) -> Reply:
        threading.Event().wait(seconds)
        return 200, json.dumps(forward(body)).encode()

    return fault


def for_block(tag: str, fault: Fault) -> Fault:
    """Misbehave where the first parameter is this block."""

    def chosen(body: Body, forward: Forward) -> Reply:
        return fault(body, forward) if body["params"][0] == tag else (200, json.dumps(forward(body)).encode())

    return chosen


def as_block(number: str) -> Fault:
    """Answer with another block."""
    return lambda body, forward: (200, json.dumps(forward({**body, "params": [number, False]})).encode())


def dropped(body: Body, forward: Forward) -> Reply:
    """Break off before the node hears of it."""
    return None


def lost(body: Body, forward: Forward) -> Reply:
    """Break off after the node did what was asked."""
    forward(body)
    return None


class FaultyRpc:
    """The endpoint. Serves while its `with` block runs."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.url = ""
        self.asked: deque[str] = deque(maxlen=10_000)
        """Methods, in the order in which they came."""
        self._faults: dict[str, tuple[Fault, float]] = {}
        self._lag = 0
        self._limit = 0
        self._served: deque[float] = deque()
        self._client = httpx.Client(timeout=30)
        self._lock = threading.Lock()

    def fault(self, method: str, fault: Fault, *, times: float = float("inf")) -> None:
        """Misbehave when `method` is asked for, `*` being all others, for so many times."""
        self._faults[method] = fault, times

    def lag(self, blocks: int) -> None:
        """Pretend that the last `blocks` blocks are not there."""
        self._lag = blocks

    def limit(self, calls_per_second: int) -> None:
        """Answer no more than so many questions within any second."""
        self._limit = calls_per_second

    def heal(self) -> None:
        """Pass everything on again."""
        self._faults.clear()
        self._lag = self._limit = 0

    def __enter__(self) -> Self:
        rpc = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = rpc._reply(body)
                if reply is None:
                    self.close_connection = True
                    return
                code, payload = reply
                self.send_response(code)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            """Closing waits for what is on its way to the node: sent on later, it would fall into the next test."""
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Keep quiet: a client that timed out is gone when the answer comes."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    def _reply(self, body: Body | list[Body]) -> Reply:
        if isinstance(body, list):
            return self._replies(body)
        method = body["method"]
        self.asked.append(method)
        if self._is_too_much():
            return 429, b""
        fault = self._due(method)
        if fault is not None:
            return fault(body, self._forward)
        return 200, json.dumps(self._forward(body)).encode()

    def _replies(self, bodies: list[Body]) -> Reply:
        """Answer a list: one question that is not answered with JSON spoils all."""
        answers = []
        for body in bodies:
            reply = self._reply(body)
            if reply is None or reply[0] != httpx.codes.OK:
                return reply
            answers.append(reply[1])
        return 200, b"[" + b",".join(answers) + b"]"

    def _is_too_much(self) -> bool:
        with self._lock:
            now = time.monotonic()
            while self._served and self._served[0] <= now - 1:
                self._served.popleft()
            if self._limit and len(self._served) >= self._limit:
                return True
            self._served.append(now)
        return False

    def _due(self, method: str) -> Fault | None:
        with self._lock:
            for name in (method, "*"):
                if name in self._faults:
                    fault, left = self._faults[name]
                    if left <= 1:
                        del self._faults[name]
                    else:
                        self._faults[name] = fault, left - 1
                    return fault
        return None

    def _forward(self, body: Body) -> Body:
        if not self._lag:
            return self._post(body)
        head = int(self._post({**body, "method": "eth_blockNumber", "params": []})["result"], 16) - self._lag
        if body["method"] == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": body["id"], "result": hex(head)}
        place = _BLOCK_AT.get(body["method"])
        if place is not None:
            block = body["params"][place]
            if block in ("latest", "pending"):
                params = [*body["params"][:place], hex(head), *body["params"][place + 1 :]]
                return self._post({**body, "params": params})
            if block.startswith("0x") and int(block, 16) > head:
                missing = {"result": None} if place == 0 else {"error": {"code": -32000, "message": "header not found"}}
                return {"jsonrpc": "2.0", "id": body["id"], **missing}
        answer = self._post(body)
        if body["method"] == "eth_getTransactionReceipt" and answer.get("result"):
            return answer if int(answer["result"]["blockNumber"], 16) <= head else {**answer, "result": None}
        return answer

    def _post(self, body: Body) -> Body:
        answer: Body = self._client.post(self.node, json=body).json()
        return answer
