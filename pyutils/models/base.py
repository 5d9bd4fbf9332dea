"""What all models share: frozen, strict about types, hashes printed as hex."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


class FrozenModel(BaseModel):
    """A value: immutable, hashable, equal by content, no unknown fields, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _bytes_from_hex(value: Any) -> Any:
    if isinstance(value, str):
        if not value.startswith("0x"):
            raise ValueError("hex text starts with 0x")
        return bytes.fromhex(value[2:])
    return value


Bytes32 = Annotated[
    bytes,
    BeforeValidator(_bytes_from_hex),
    Field(min_length=32, max_length=32),
    PlainSerializer(lambda word: "0x" + word.hex(), return_type=str, when_used="json"),
]
"""A 32-byte word; `0x…` text is accepted, and written in JSON."""

HexBytes = Annotated[
    bytes,
    BeforeValidator(_bytes_from_hex),
    PlainSerializer(lambda data: "0x" + data.hex(), return_type=str, when_used="json"),
]
"""Bytes of any length; `0x…` text is accepted, and written in JSON."""

IN_UINT40: Any = Field(ge=0, lt=2**40)
"""Bounds a named integer: `Annotated[UnixSeconds, IN_UINT40]`. `Uint40` in its place would bound nothing."""

Uint40 = Annotated[int, IN_UINT40]
"""An integer that fits Solidity's `uint40`: times."""

IN_UINT64: Any = Field(ge=0, lt=2**64)
"""Bounds a named integer: `Annotated[GpuMs, IN_UINT64]`. `Uint64` in its place would bound nothing."""

Uint64 = Annotated[int, IN_UINT64]
"""An integer that fits Solidity's `uint64`: counters and ids."""
