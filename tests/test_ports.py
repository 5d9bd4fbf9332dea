"""Free ports of this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pyutils import ports
from pyutils.ports import NoFreePortError, free_port


def test_free_port__any__can_be_listened_at_and_is_not_an_outgoing_connections() -> None:
    told = Path("/proc/sys/net/ipv4/ip_local_port_range")
    outgoing = int(told.read_text().split()[0]) if told.exists() else 32_768
    for _ in range(20):
        port = free_port()
        assert port < outgoing
        socket.create_server(("127.0.0.1", port)).close()


def test_free_port__all_taken__is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "CANDIDATES", range(port, port + 1))
        monkeypatch.setattr(ports, "TRIES", 1)
        with pytest.raises(NoFreePortError, match="1 ports of this machine were tried"):
            free_port()
