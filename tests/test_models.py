"""Models of structs: the fields of Solidity's, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import ValidationError

from pyutils import artifacts, models
from pyutils.meter.leaf_file import Header as LeafFileHeader
from pyutils.models import Address, FrozenModel, StructModel
from pyutils.portfolio import bond, fleet, lease, lender, loan, share
from pyutils.reporter.store import history

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
    "Asking": models.Asking,
    "AuctionParameters": models.AuctionParameters,
    "ClassPrice": models.ClassPrice,
    "Epoch": models.Epoch,
    "FleetValue": models.FleetValue,
    "Health": models.Health,
    "HealthParameters": models.HealthParameters,
    "Instalment": models.Instalment,
    "Limits": models.Limits,
    "Loan": models.Loan,
    "LoanRequest": models.LoanRequest,
    "LoanTerms": models.LoanTerms,
    "Pledge": models.Pledge,
    "PriceFeed": models.PriceFeed,
    "Sale": models.Sale,
    "VaultBook": models.VaultBook,
    "BondRow": bond.BondPosition,
    "FleetLoan": fleet.FleetLoan,
    "FleetMarket": fleet.FleetMarket,
    "FleetRow": fleet.FleetRow,
    "LastInterval": fleet.LastInterval,
    "LeaseRow": lease.LeasePosition,
    "LenderRow": lender.VaultPosition,
    "LoanRow": loan.LoanPosition,
    "ShareRow": share.SharePosition,
    "TitleRow": share.TitlePosition,
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


NUMBERS: list[tuple[type[FrozenModel], dict[str, Any]]] = [
    (models.Enrolment, {"gpu_id": "a", "since": 1, "until": 2}),
    (models.Allocation, {"lease_id": 1, "gpu_id": "a", "start": 1, "end": 2}),
    (models.GpuCounters, {"gpu_id": "a", "available_ms": 1, "busy_ms": 1, "energy_joules": 1, "resets": 0}),
    (models.LeaseLeaf, {"lease_id": 1, "delivered_gpu_ms": 1}),
    (
        models.MeterReport,
        {
            "fleet_id": 1,
            "as_of": 1,
            "available_gpu_ms": 1,
            "busy_gpu_ms": 1,
            "energy_joules": 1,
            "lease_root": bytes(32),
            "data_hash": bytes(32),
            "previous_digest": bytes(32),
        },
    ),
]


@pytest.mark.parametrize(("model", "fields"), NUMBERS, ids=lambda value: getattr(value, "__name__", ""))
def test_meter_models__numbers_that_solidity_cannot_hold__are_refused(
    model: type[FrozenModel], fields: dict[str, Any]
) -> None:
    model.model_validate(fields)
    for name, value in fields.items():
        if isinstance(value, int):
            for wrong in (-1, 2**64):
                with pytest.raises(ValidationError):
                    model.model_validate(fields | {name: wrong})


def _metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for argument in get_args(annotation):
        yield from _metadata(argument)


def test_models__named_integers__are_bounded_by_fields_and_not_by_types() -> None:
    """`Annotated[GpuMs, Uint64]` reads like a bound, and pydantic passes over it."""
    models_of_package = [model for model in _below(FrozenModel) if model.__module__.startswith("pyutils.")]
    assert {history.History, LeafFileHeader, models.MeterReport} <= set(models_of_package)
    for model in models_of_package:
        for name, annotation in get_type_hints(model, include_extras=True).items():
            types = [one for one in _metadata(annotation) if get_origin(one) is Annotated]
            assert not types, f"{model.__name__}.{name}: {types} bounds nothing"


def _below(model: type[FrozenModel]) -> Iterator[type[FrozenModel]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)
