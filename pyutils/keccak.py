"""Keccak-256 as Ethereum uses it (not NIST's SHA3-256, which pads differently)."""

from __future__ import annotations

from typing import Protocol, TypeAlias, cast

import sha3  # type: ignore[import-untyped, unused-ignore]

Buffer: TypeAlias = bytes | bytearray | memoryview


class KeccakState(Protocol):
    """A running hash."""

    def update(self, data: Buffer, /) -> None:
        """Append `data`."""

    def digest(self) -> bytes:
        """Return the 32-byte hash of what was appended so far."""


class _Constructor(Protocol):
    def __call__(self, data: Buffer = ..., /) -> KeccakState: ...


new_keccak256 = cast("_Constructor", sha3.keccak_256)
"""Start a running hash; hot loops call it directly to save a Python frame."""


def keccak256(data: Buffer) -> bytes:
    """Return the 32-byte Keccak-256 hash of `data`."""
    return new_keccak256(data).digest()
