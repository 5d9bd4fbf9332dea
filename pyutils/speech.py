"""What other parties say, made fit for a terminal, a log or an error of ours."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 500
"""Characters kept of what another party says."""


def printable(text: str) -> str:
    """Return `text` as one line of at most `LONGEST` characters, control characters replaced by blanks."""
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(clean.split())[:LONGEST]
