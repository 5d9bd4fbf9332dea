"""What a deployment has signed, on disk before a node hears of it, so that one that was killed goes on where it was.

The chain says what is done; the journal says what is on its way and by which transaction each step was done. Its lock
keeps a second process of this folder out. Both files are gone once the deployment is complete.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from pyutils.chain import Sent
from pyutils.durable import UnwritableFileError, write_whole
from pyutils.errors import ContractError, InputError
from pyutils.models import Address, FrozenModel
from pyutils.models.base import Bytes32, HexBytes
from pyutils.toml_file import first_fault


class JournalError(InputError):
    """A journal is not of this deployment, or cannot be read."""

    remedy = "Go on with what it was begun with, or move the journal away: what is on chain is found without it"


class DeploymentBusyError(ContractError):
    """Another process carries the same deployment out."""

    remedy = "Wait until it is done; if it is stopped, the same command goes on from there"


class SavedForm(FrozenModel):
    """A signed transaction."""

    call: str
    raw: HexBytes


class Attempt(FrozenModel):
    """A nonce that was used for a step."""

    nonce: int
    forms: tuple[SavedForm, ...]
    """While it is on its way; empty once it is settled, or was refused."""
    transactions: tuple[Bytes32, ...]
    """Hashes of all its forms."""
    is_spent: bool = False
    """Whether it is settled: one of its forms, or a stranger's transaction, is in for good."""


class Origin(FrozenModel):
    """What a journal belongs to."""

    chain_id: int
    genesis: Bytes32
    """Hash of block 0: a development chain begins anew under the same id."""
    deployer: Address
    plan_hash: Bytes32


class Pages(FrozenModel):
    """What a journal's file holds."""

    schema_version: Literal[1] = 1
    origin: Origin
    attempts: Mapping[str, tuple[Attempt, ...]] = {}
    """By step."""


class DeploymentJournal:
    """A `LaneJournal` of one deployment. Without a file it lives in memory and keeps nobody out.

    Attributes:
        step: what the next transaction is for.

    """

    def __init__(self, origin: Origin, path: Path | None = None) -> None:
        """Take the lock and read what is there. Raises `DeploymentBusyError`, `JournalError`, `UnwritableFileError`."""
        self.path, self.step = path, ""
        self._spent: set[int] = set()
        self._lock = None if path is None else DeploymentLock(path.with_suffix(".lock"))
        try:
            self._pages = _read(path, origin) if path is not None and path.exists() else Pages(origin=origin)
        except BaseException:
            self.close()
            raise

    def save(self, sent: Sent) -> None:
        """Put all forms of a nonce on disk, as forms of the present step."""
        forms = tuple(SavedForm(call=form.call, raw=form.raw) for form in sent.forms)
        attempt = Attempt(nonce=sent.nonce, forms=forms, transactions=tuple(sent.hashes))
        step = self.step_of(sent.nonce) or self.step
        others = [one for one in self._pages.attempts.get(step, ()) if one.nonce != sent.nonce]
        self._write(step, (*others, attempt))

    def spend(self, nonce: int) -> None:
        """Know, when `forget` comes, that a nonce is settled and was not only refused."""
        self._spent.add(nonce)

    def forget(self, nonce: int) -> None:
        """Note that a nonce is on its way no longer; the hashes of its forms stay."""
        step = self.step_of(nonce)
        if step is not None:
            attempts = self._pages.attempts[step]
            changes = {"forms": (), "is_spent": nonce in self._spent}
            after = (one.model_copy(update=changes) if one.nonce == nonce else one for one in attempts)
            self._write(step, tuple(after))

    def sents(self) -> dict[str, Sent]:
        """Return what is on its way, by step, for `Lane.resume`."""
        return {
            step: Sent.restored([(form.call, form.raw) for form in one.forms])
            for step, attempts in self._pages.attempts.items()
            for one in attempts
            if one.forms
        }

    def transactions(self, step: str) -> tuple[bytes, ...]:
        """Return the hashes of everything that was ever signed for a step, newest first."""
        attempts = self._pages.attempts.get(step, ())
        return tuple(digest for one in reversed(attempts) for digest in reversed(one.transactions))

    @property
    def settled(self) -> int:
        """Return the nonce after the highest one that is settled; 0 where none is."""
        found = (one.nonce + 1 for attempts in self._pages.attempts.values() for one in attempts if one.is_spent)
        return max(found, default=0)

    def finish(self) -> None:
        """Remove the journal and its lock: the deployment's record says all from now on."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.remove()

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def step_of(self, nonce: int) -> str | None:
        """Return the step for which a nonce is on its way."""
        for step, attempts in self._pages.attempts.items():
            if any(one.nonce == nonce and one.forms for one in attempts):
                return step
        return None

    def _write(self, step: str, attempts: tuple[Attempt, ...]) -> None:
        pages = self._pages.model_copy(update={"attempts": {**self._pages.attempts, step: attempts}})
        if self.path is not None:
            write_whole(self.path, pages.model_dump_json(indent=2).encode() + b"\n")
        self._pages = pages


class DeploymentLock:
    """A file that one process holds; it says who."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = self._taken()
        except OSError as error:
            raise UnwritableFileError(path, error) from error
        while os.fstat(self._fd).st_nlink == 0:
            # Its holder removed it between our opening and our locking: this one nobody else would see.
            os.close(self._fd)
            self._fd = self._taken()
        os.ftruncate(self._fd, 0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.pwrite(self._fd, f"process {os.getpid()} on {socket.gethostname()} since {since}\n".encode(), 0)

    def _taken(self) -> int:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 1_000, 0).decode("utf-8", "replace").strip() or "another process"
            os.close(descriptor)
            raise DeploymentBusyError(f"{self.path.stem} is being deployed already, by {holder}") from error
        return descriptor

    def remove(self) -> None:
        """Remove the file, while it is still held, and let go."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go. The file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _read(path: Path, origin: Origin) -> Pages:
    try:
        pages = Pages.model_validate_json(path.read_bytes())
    except OSError as error:
        raise JournalError(f"journal {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        place, reason = first_fault(error)
        raise JournalError(f"journal {path}: {'.'.join(map(str, place)) or 'the file'}: {reason}") from error
    differences = {
        "chain_id": f"is of chain {pages.origin.chain_id}",
        "genesis": "is of another chain with this id",
        "deployer": f"is of the deployer {pages.origin.deployer}, not of {origin.deployer}",
        "plan_hash": "was begun with another plan",
    }
    for field, said in differences.items():
        if getattr(pages.origin, field) != getattr(origin, field):
            raise JournalError(f"journal {path} {said}")
    return pages
