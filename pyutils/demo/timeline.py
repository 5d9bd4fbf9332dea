"""What happens, in lines that a person can follow, on the trace's own clock."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from pyutils.units import UnixSeconds

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened."""

    at: UnixSeconds
    text: str


class Timeline:
    """Keeps what happened and, given a console, prints it at once."""

    def __init__(self, first: UnixSeconds, console: Console | None = None) -> None:
        self.first = first
        self.console = console
        self.entries: list[Entry] = []

    def heading(self, text: str) -> None:
        """Begin a part of the story."""
        if self.console is not None:
            self.console.print()
            self.console.print(f"[bold]{escape(text)}[/bold]", highlight=False, soft_wrap=True)

    def tell(self, at: UnixSeconds, text: str) -> None:
        """Say that something happened."""
        self.entries.append(Entry(at, text))
        if self.console is not None:
            self.console.print(
                f"[dim]{offset(at - self.first):>12}[/dim]  {escape(text)}", highlight=False, soft_wrap=True
            )


def offset(seconds: int) -> str:
    """Return a time relative to the trace's begin: `+05:20:10`, `-31d 00:00:00`."""
    sign, rest = ("-", -seconds) if seconds < 0 else ("+", seconds)
    days, rest = divmod(rest, _DAY_S)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{sign}{days}d {clock}" if days else f"{sign}{clock}"
