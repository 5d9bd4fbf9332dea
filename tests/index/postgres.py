"""A PostgreSQL server of one's own: a new cluster in a temporary folder, behind a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S = 60.0
_USERS = ("postgres", "nobody")
"""Whom root becomes: the server refuses to run as root."""


class NoPostgresError(Exception):
    """There is no server to start."""


def binaries() -> Path:
    """Return the folder of the newest server. Raises `NoPostgresError`."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgresError("no PostgreSQL server: install Debian's `postgresql`")


@contextmanager
def cluster() -> Iterator[str]:
    """Run a server and give the URL of its database. Raises `NoPostgresError`."""
    folder = binaries()
    # Not below pytest's folder, which other users may not enter; and short, as a socket's name must be.
    home = Path(tempfile.mkdtemp(prefix="gpurwa-pg-", dir="/tmp"))
    who = _unprivileged()
    try:
        if who is not None:
            os.chown(home, who.pw_uid, who.pw_gid)
        user = {} if who is None else {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        data, log = home / "data", home / "log"
        made = [
            folder / "initdb",
            "-D",
            data,
            "-U",
            "gpurwa",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=home, timeout=_START_S, **user)  # type: ignore[call-overload]
        served = [folder / "postgres", "-D", data, "-k", home, "-c", "listen_addresses=", "-c", "fsync=off"]
        with log.open("wb") as output:
            server = subprocess.Popen(served, stdout=output, stderr=subprocess.STDOUT, cwd=home, **user)  # type: ignore[call-overload]
        try:
            _wait(folder, home, log)
            yield f"postgresql+psycopg://gpurwa@/postgres?host={home}"
        finally:
            # A fast shutdown: it does not wait for those who are connected.
            server.send_signal(signal.SIGINT)
            server.wait(_START_S)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _wait(folder: Path, home: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        asked = subprocess.run(
            [folder / "pg_isready", "-q", "-h", home], check=False, capture_output=True, timeout=_START_S
        )
        if asked.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"PostgreSQL did not start: {log.read_text()}")
