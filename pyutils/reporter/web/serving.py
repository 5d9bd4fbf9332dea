"""A web service in a thread of this process, on a port of this machine."""

from __future__ import annotations

import errno
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from pyutils.errors import GpuRwaError, InputError

START_TIMEOUT_S: Final = 10.0
GRACE_S: Final = 3
"""Answers under way get so many seconds to end when a service stops."""
MAX_CONNECTIONS: Final = 256
"""Beyond so many at once the service answers 503, so that nobody can take all of a daemon's files and memory."""


class PortError(InputError):
    """A service cannot listen where it should."""

    remedy = "Name another address to listen at, or end what listens there"


class ServingError(GpuRwaError):
    """A service did not begin to answer."""

    remedy = "Read the log of this process"


class Server:
    """An ASGI application behind uvicorn. Leaving its `with` block stops it.

    Args:
        app: what answers.
        host: address to listen at; all of the machine's own where it is `0.0.0.0` or `::`.
        port: 0 lets the system choose.
        access_log: whether each request is logged.

    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, access_log: bool = False) -> None:
        self.host, self.port = host, port
        # Pinned, so that what happens to be installed beside us changes nothing.
        self._config = uvicorn.Config(
            app,
            log_config=None,
            log_level="info" if access_log else "warning",
            access_log=access_log,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the service answers, once it was started; `0.0.0.0` is shown as it was given."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def start(self) -> str:
        """Begin to answer and return the URL. Raises `PortError` where the port is taken, `ServingError` otherwise."""
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        server = uvicorn.Server(self._config)
        thread = threading.Thread(target=server.run, args=([listener],), name=f"serve-{self.port}", daemon=True)
        thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                server.should_exit = True
                raise ServingError(f"nothing answers at {self.url}")
            time.sleep(0.005)
        self._server, self._thread = server, thread
        return self.url

    def stop(self) -> None:
        """Stop answering, and return once requests under way ended or their grace is over. Idempotent."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.should_exit = True
        thread.join(GRACE_S + 2)
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def check_port(host: str, port: int) -> None:
    """Raise `PortError` where no service could listen there now."""
    _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 2**16:
        raise PortError(f"there is no port {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise PortError(f"port {port} of {host} {reason}") from error
