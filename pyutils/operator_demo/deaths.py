"""What a reporter that was killed left behind, read from its store before it starts again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyutils.operator_demo.kills import Kill
from pyutils.reporter.store.records import State
from pyutils.reporter.store.view import look_into

_LEFT: Final = {
    None: "nothing of it on disk",
    State.COLLECTED: "its samples are kept",
    State.BUILT: "built, not promised",
    State.SIGNED: "promised, not sent",
    State.BROADCAST: "saved, not sent",
    State.MINED: "noted as the head",
    State.FINAL: "noted as final",
}


@dataclass(frozen=True, slots=True)
class Death:
    """A reporter that was killed on its way with a report."""

    kill: Kill
    signal: int
    state: State | None
    """How far the report was on disk; None where nothing of it was."""
    promised: bytes | None
    """The digest that was promised for the moment."""
    was_head: bool
    """Whether the report was the head on chain already."""

    @property
    def left(self) -> str:
        """What was in flight, in words."""
        if self.state is State.BROADCAST and self.was_head:
            return "sent, in a block"
        return _LEFT[self.state]


def short(digest: bytes) -> str:
    """Return the beginning of a digest, by which people tell them apart."""
    return f"0x{digest[:4].hex()}…"


def examine(kill: Kill, status: int, store: Path, head_as_of: int) -> Death:
    """Return what is to be said of a reporter that ended with a status, given its store and its fleet's head."""
    with look_into(store) as reader:
        record = reader.record(kill.fleet_id, kill.as_of)
        promised = reader.promised(kill.fleet_id, kill.as_of)
    state = None if record is None else record.state
    return Death(kill, max(0, -status), state, promised, head_as_of == kill.as_of)
