"""Packages that some commands alone need: they come with the package's extras."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyutils.errors import ToolchainError


class MissingExtraError(ToolchainError):
    """What a command needs beside the package itself is not installed."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import within this what needs an extra. Raises `MissingExtraError` where that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the Python package {error.name} is not installed",
            remedy=f"Install it with its extra: pip install 'gpu-rwa[{name}]'",
        ) from error
