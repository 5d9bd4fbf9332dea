"""The wrappers: every call is in the ABI, and a fleet's whole life goes through them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from web3 import Web3

from pyutils import contracts, models
from pyutils.admin import RoleCall, call_at_once, execute, schedule
from pyutils.chain import AnvilClock, Lane, Receipt
from pyutils.contracts import ArgumentError, Contract, FleetRegistry, NoContractError, System
from pyutils.contracts.base import encode_call, function_shape
from pyutils.devnet import account
from pyutils.eip712 import meter_report_hash
from pyutils.keccak import keccak256
from pyutils.merkle import StandardMerkleTree, lease_tree
from pyutils.models import ZERO_ADDRESS, FleetEnrolment, LeaseLeaf, MeterReport, ShareTerms
from pyutils.units import FleetId, GpuMs, Joules, TokenUnits, UnixSeconds, to_bytes32_text

WRAPPERS = [item for name in contracts.__all__ if isinstance(item := getattr(contracts, name), type)]
PRICE = TokenUnits(2_500_000)
HOUR = 3_600


@pytest.mark.parametrize("file", sorted(Path(contracts.__file__).parent.glob("*.py")), ids=lambda file: file.stem)
def test_wrappers__every_function_called__is_in_the_abi(file: Path) -> None:
    text = file.read_text()
    calls = re.findall(r'self\.(?:_read|_read_address|_write|call_data)\((?:lane, )?"(\w+)"', text)
    name = re.search(r'NAME = "(\w+)"', text)
    owners = [name.group(1)] if name else ["FleetCredit", "LeaseBook", "MeterOracle", "OperatorBond", "RevenueRouter"]
    for owner in owners:
        for call in calls:
            assert function_shape(owner, call).name == call


def test_wrappers__exported__have_a_contract_each() -> None:
    names = [item.NAME for item in WRAPPERS if issubclass(item, Contract) and item is not Contract]
    assert len(names) == len(set(names)) == 19


def test_encode_call__argument_out_of_range__is_refused_before_the_chain() -> None:
    with pytest.raises(ArgumentError, match="confirmGrowth"):
        encode_call("FleetRegistry", "confirmGrowth", 1, 2**32, b"\0" * 32)


def test_read__no_code_at_the_address__is_said(web3: Web3) -> None:
    with pytest.raises(NoContractError, match="answers like no FleetRegistry"):
        FleetRegistry(web3, "0x" + "12" * 20).fleet_count()


def delayed(system: System, lane: Lane, clock: AnvilClock, contract: Contract, function: str, *args: object) -> Receipt:
    """Make a call of a role with a delay."""
    call = RoleCall(contract, function, args)
    assert call_at_once(system.authority, lane, call) is None
    clock.travel(schedule(system.authority, lane, call).ready_at)
    return execute(system.authority, lane, call)


def test_wrappers__a_fleet_s_life__every_coin_is_accounted_for(system: System, web3: Web3) -> None:
    clock, coin = AnvilClock(web3), system.coin()
    operator, lessee, reporter = (system.lane(account(name)) for name in ("operator-a", "lessee-1", "reporter-a"))
    verifiers = sorted((account(f"verifier-{place}") for place in (1, 2)), key=lambda signer: int(signer.address, 16))
    registrar, verifier_admin = system.lane(account("registrar")), system.lane(account("verifier-admin"))
    gpu_root = StandardMerkleTree.of([(bytes([place]) * 32,) for place in (1, 2, 3, 4)], ["bytes32"]).root

    system.registry.admit_operator(registrar, operator.address, b"\1" * 32)
    system.registry.admit_lessee(registrar, lessee.address, b"\2" * 32)
    fleet_id, _ = system.registry.enrol(
        operator,
        FleetEnrolment(
            owner=operator.address,
            gpu_class=to_bytes32_text("H100-SXM5-80GB"),
            region=to_bytes32_text("DE-HE"),
            board_power_watts=700,
            sample_cadence=60,
            max_term=90 * 86_400,
            capacity=4,
            gpu_root=gpu_root,
            settlement_token=coin.address,
            pricing=system.pricing.address,
            price_floor=1_000_000,
            operating_share_bps=2_000,
            insurance_expiry=clock.now() + 365 * 86_400,
            deed_hash=b"\3" * 32,
            documents=documents(),
            shares=ShareTerms(name="Fleet One", symbol="ONE", supply=10**24, gated=False, custodian=ZERO_ADDRESS),
        ),
    )
    delayed(system, registrar, clock, system.registry, "confirmGrowth", fleet_id, 4, gpu_root)
    addresses = [signer.address for signer in verifiers]
    delayed(system, verifier_admin, clock, system.oracle, "setVerifiers", fleet_id, addresses, 2)
    system.oracle.set_reporter(operator, fleet_id, reporter.address)
    system.pricing.set_price(operator, fleet_id, PRICE)
    for lane in (operator, lessee):
        coin.mint(lane, lane.address, TokenUnits(10**12))
    coin.approve(operator, system.bond.address, TokenUnits(10**12))
    system.bond.stake(operator, fleet_id, operator.address, TokenUnits(5_000 * 10**6))
    coin.approve(lessee, system.lease_book.address, TokenUnits(10**12))

    lease_id, _ = system.lease_book.open(
        lessee, fleet_id, gpus=2, duration_s=2 * HOUR, max_price=PRICE, access_key=b"\4" * 32
    )
    granted = clock.now() + 10
    clock.set_next(granted)
    system.lease_book.grant_access(operator, lease_id, gpu_root, b"sealed")
    deposit = system.lease_book.lease(lease_id).deposit
    assert deposit == 2 * 2 * PRICE

    clock.travel(granted + 2 * HOUR + 60)
    leaf = LeaseLeaf(lease_id=lease_id, delivered_gpu_ms=GpuMs(2 * 2 * HOUR * 1_000 * 995 // 1_000))
    tree = lease_tree([leaf])
    report = MeterReport(
        fleet_id=fleet_id,
        as_of=UnixSeconds(granted + 2 * HOUR),
        available_gpu_ms=leaf.delivered_gpu_ms,
        busy_gpu_ms=GpuMs(0),
        energy_joules=Joules(1),
        lease_root=tree.root,
        data_hash=b"\5" * 32,
        previous_digest=b"\0" * 32,
    )
    preimage = system.oracle.domain(operator.chain_id).preimage(meter_report_hash(report))
    signatures = {place: signer.sign_preimage(preimage) for place, signer in enumerate(verifiers)}
    system.oracle.submit(operator, report, reporter.signer.sign_preimage(preimage), signatures)
    assert system.oracle.head(fleet_id).digest == keccak256(preimage)
    assert system.oracle.verify_lease(lease_id, leaf.delivered_gpu_ms, tree.proof(0))

    system.lease_book.settle_many(operator, fleet_id, tree.multiproof([0]))
    system.lease_book.close(lessee, leaf, tree.proof(0))
    lease = system.lease_book.lease(lease_id)
    rent = PRICE * leaf.delivered_gpu_ms // (HOUR * 1_000)
    assert (lease.closed, lease.paid, lease.refunded, lease.held) == (True, rent, deposit - rent, 0)
    system.lease_book.withdraw(lessee, coin.address, lessee.address)
    assert coin.balance_of(lessee.address) == 10**12 - rent

    shares = system.shares(fleet_id)
    shares.collect(operator)
    revenue = system.router.revenue(fleet_id)
    assert revenue.routed == rent == revenue.protocol_fee + revenue.operating + revenue.shares
    assert shares.unreleased() == revenue.shares
    clock.advance(2 * 86_400)
    claimable = shares.claimable(operator.address), shares.claimable_by_title()
    # At most one unit of dust per holder, the title being one.
    assert 0 <= revenue.shares - sum(claimable) <= len(claimable)
    shares.claim(operator, NOWHERE)
    shares.claim_title(operator, NOWHERE)
    assert coin.balance_of(NOWHERE) == sum(claimable)
    assert system.registry.fleet(fleet_id).gpu_class == "H100-SXM5-80GB"
    assert system.registry.documents(fleet_id) == documents()
    assert system.registry.fleet_count() == FleetId(1)


NOWHERE = "0x" + "00" * 19 + "99"


def documents() -> models.Documents:
    return models.Documents(
        token_issuer="Issuer", jurisdiction="DE", declared_value=models.DeclaredValue(currency="EUR", value=5)
    )
