"""The one kind of error after which a reporter signs nothing more until a person has looked."""

from __future__ import annotations

from pyutils.errors import SigningError


class UnsafeToSignError(SigningError):
    """Whatever is signed next might contradict what the key signed before."""
