"""The command `gpurwa`: thin commands over library functions of the same names."""

from __future__ import annotations

from pyutils.cli.root import cli, main

__all__ = ["cli", "main"]
