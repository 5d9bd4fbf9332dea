"""One contract to be, before it has code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyutils.contracts.base import encode_constructor
from pyutils.deployment.runtime_code import code_hash, runtime_code


@dataclass(frozen=True, slots=True)
class Part:
    """A contract to be: its address, what creates it, and the code that it will have."""

    name: str
    """What the record calls it: a test collateral is a `TestStablecoin` under another name."""
    artifact: str
    """What it was compiled as."""
    address: str
    salt: bytes
    arguments: tuple[Any, ...]
    creation_code: bytes
    code_hash: bytes

    @classmethod
    def of(
        cls,
        name: str,
        address: str,
        salt: bytes,
        arguments: tuple[Any, ...],
        immutables: Mapping[str, int | bytes],
        *,
        artifact: str | None = None,
    ) -> Part:
        """Return a part with the code of `artifact`, by default of `name`; immutables that it lacks are ignored."""
        compiled = artifact or name
        creation = encode_constructor(compiled, arguments)
        return cls(name, compiled, address, salt, arguments, creation, code_hash(runtime_code(compiled, immutables)))
