"""Solidity structs as models: fields stand in the struct's order under Python's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator

from pyutils.models.base import FrozenModel
from pyutils.units import from_bytes32_text


class StructModel(FrozenModel):
    """A model whose fields are those of a Solidity struct, in its order; a test compares the two."""

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Return the model of a struct as the ABI decoder gives it, a sequence of members."""
        return cls(**dict(zip(cls.model_fields, row, strict=True)))

    def row(self) -> tuple[Any, ...]:
        """Return the members in the struct's order, as the ABI encoder takes them."""
        return tuple(_member(getattr(self, name)) for name in type(self).model_fields)


def _member(value: Any) -> Any:
    if isinstance(value, StructModel):
        return value.row()
    if isinstance(value, tuple):
        return tuple(_member(item) for item in value)
    return value


def _text(value: Any) -> Any:
    return from_bytes32_text(value) if isinstance(value, bytes) else value


def nested(model: type[StructModel]) -> BeforeValidator:
    """Return what makes a member of another struct, as the ABI decoder gives it, that struct's model."""
    return BeforeValidator(lambda value: model.from_row(value) if isinstance(value, list | tuple) else value)


Bytes32Text = Annotated[str, BeforeValidator(_text)]
"""A `bytes32` short string, read as text."""
