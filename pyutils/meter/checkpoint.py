"""A fleet's meter on disk: what a restart needs, sealed by a hash and held against the rule before it is believed.

A checkpoint is a line that names the format, the Keccak-256 of the rest, and the rest: JSON, deflated.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import chain
from operator import lt
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, model_validator

from pyutils.errors import GpuRwaError
from pyutils.keccak import keccak256
from pyutils.models import Bytes32, Enrolment, FrozenModel, PowerModel
from pyutils.models.base import Uint40
from pyutils.models.meter import GpuId
from pyutils.units import MS_PER_SECOND, PPM

MAGIC: Final = b"gpu-rwa-fleet-meter/1\n"
MAX_BYTES: Final = 2**30
"""A checkpoint may unpack to so many bytes: the open hour of a hundred thousand GPUs at 15 s."""
_HASH_BYTES: Final = 32

Whole = Annotated[int, Field(ge=0)]
"""An integer of any size that is not negative; energy in nanojoules outgrows 64 bits."""


class CheckpointError(GpuRwaError):
    """A kept meter cannot be read."""

    remedy = "Restore the store from its newest copy, or build the meter again from the published samples"

    def __init__(self, reason: str) -> None:
        super().__init__(f"a meter's checkpoint cannot be used: {reason}")


class GpuState(FrozenModel):
    """One GPU's meter without the samples that are not closed yet; fields are `GpuMeter`'s and `Reading`'s."""

    gpu_id: GpuId
    since_ms: Whole
    until_ms: Whole
    opened_ms: Whole
    sealed_ms: Annotated[int, Field(ge=-1)]
    available_ms: Whole
    busy_ppm_ms: Whole
    energy_nj: Whole
    resets: Whole
    runs: tuple[tuple[Whole, Whole], ...]
    folded: Whole
    at_ms: tuple[Whole, ...]
    duty_ppm: tuple[Annotated[int, Field(ge=0, le=PPM)], ...]
    energy_mj: tuple[Whole, ...]
    closed_from_ms: Annotated[int, Field(ge=-1)]
    closed_count: Whole
    dropped_late: Whole
    dropped_duplicates: Whole

    @model_validator(mode="after")
    def _check(self) -> Self:
        bounds = tuple(chain.from_iterable(self.runs))
        counted_ms = min(self.until_ms, self.at_ms[self.folded]) if self.folded < len(self.at_ms) else -1
        told = (
            len(self.duty_ppm) == len(self.at_ms),
            len(self.energy_mj) in (0, len(self.at_ms)),
            self.folded < len(self.at_ms) or not (self.folded or self.runs),
            _rises(self.at_ms),
            _rises(bounds),
            not bounds or (self.since_ms <= bounds[0] and bounds[-1] <= counted_ms <= self.sealed_ms),
            sum(end - begin for begin, end in self.runs) == self.available_ms,
            self.busy_ppm_ms <= self.available_ms * PPM,
            self.sealed_ms >= 0 or not self.at_ms,
        )
        if not all(told):
            raise ValueError(f"GPU {self.gpu_id}: its samples and sums contradict each other")
        return self


class FleetState(FrozenModel):
    """A fleet's meter as of its last seal; fields are `FleetMeter`'s."""

    cadence_ms: Annotated[int, Field(gt=0)]
    power: PowerModel | None
    sealed: Uint40
    chain: Bytes32
    chained_hours: Whole
    enrolments: tuple[Enrolment, ...]
    gpus: tuple[GpuState, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if [one.gpu_id for one in self.enrolments] != [one.gpu_id for one in self.gpus]:
            raise ValueError("it meters other GPUs than are enrolled")
        if not _rises([one.gpu_id for one in self.gpus]):
            raise ValueError("its GPUs are out of order, or one is there twice")
        for one in self.gpus:
            if one.sealed_ms not in (-1, self.sealed * MS_PER_SECOND):
                raise ValueError(f"GPU {one.gpu_id} was sealed at another time than the fleet")
            if len(one.energy_mj) != (0 if self.power is not None else len(one.at_ms)):
                raise ValueError(f"GPU {one.gpu_id}: its samples have energy where it is derived, or none where not")
        return self


def pack(state: FleetState) -> bytes:
    """Return a checkpoint of a meter."""
    packed = zlib.compress(state.model_dump_json().encode("ascii"), 1)
    return MAGIC + keccak256(packed) + packed


def unpack(checkpoint: bytes) -> FleetState:
    """Return the meter in a checkpoint. Raises `CheckpointError` where a bit of it is another, or it cannot be."""
    if not checkpoint.startswith(MAGIC):
        raise CheckpointError(f"it does not begin with {MAGIC.decode('ascii').strip()}")
    begin = len(MAGIC) + _HASH_BYTES
    packed = checkpoint[begin:]
    if keccak256(packed) != checkpoint[len(MAGIC) : begin]:
        raise CheckpointError("it is damaged")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, MAX_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise CheckpointError(f"it unpacks to more than {MAX_BYTES} bytes, or ends early or late")
        return FleetState.model_validate_json(data)
    except zlib.error as error:
        raise CheckpointError("it does not unpack") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise CheckpointError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error


def _rises(values: Sequence[int] | Sequence[str]) -> bool:
    return all(map(lt, values, values[1:]))
