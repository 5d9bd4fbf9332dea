"""Models of structs: the fields of Solidity's, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from pyutils import artifacts, models
from pyutils.models import Address, FrozenModel, StructModel

STRUCTS: dict[str, type[FrozenModel]] = {
    "Fleet": models.Fleet,
    "Enrolment": models.FleetEnrolment,
    "ShareTerms": models.ShareTerms,
    "Properties": models.Documents,
    "Amount": models.DeclaredValue,
    "Lease": models.Lease,
    "Terms": models.Terms,
    "Tier": models.SlaTier,
    "Head": models.Head,
    "Pending": models.Pending,
    "Dispute": models.Dispute,
    "Bond": models.Bond,
    "Revenue": models.Revenue,
    "Report": models.MeterReport,
}


def _structs(entries: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in entries:
        if entry.get("components"):
            name = entry["internalType"].removeprefix("struct ").rpartition(".")[2].partition("[")[0]
            yield name, tuple(item["name"] for item in entry["components"])
            yield from _structs(entry["components"])


def test_struct_models__every_field__is_solidity_s_in_its_order() -> None:
    found = {
        name: fields
        for contract in artifacts.names()
        for entry in artifacts.load(contract).abi
        for name, fields in _structs([*entry.get("inputs", ()), *entry.get("outputs", ())])
    }
    for name, model in STRUCTS.items():
        snake = tuple(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower() for field in found[name])
        assert tuple(model.model_fields) == snake, name


def test_struct_models__every_one_exported__is_compared() -> None:
    exported = [getattr(models, name) for name in models.__all__]
    named = {item for item in exported if isinstance(item, type) and issubclass(item, StructModel)} - {StructModel}
    assert named <= set(STRUCTS.values())


class Holder(FrozenModel):
    address: Address


def test_address__any_case__is_checksummed() -> None:
    text = "0x90f79bf6eb2c4f870365e785982e1f101e93b906"
    assert Holder(address=text).address == "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", "90F79bf6EB2c4f870365E785982E1f101E93b90", "0x90F79bf6EB2c4f870365E785982E1f101E93b90g"]
)
def test_address__no_address__is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="no address"):
        Holder(address=text)


def test_address__one_letter_in_the_wrong_case__is_refused() -> None:
    with pytest.raises(ValidationError, match="wrong checksum"):
        Holder(address="0x90f79bf6EB2c4f870365E785982E1f101E93b906")
