"""What roles set for new business, by commands; read from the chain afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyutils.contracts import System
from pyutils.devnet import account
from pyutils.operations.history import events
from pyutils.units import FleetId

from .shell import LiveFleet, Shell, twice

PARAMETERS = ("--account", "parameters")


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


def test_terms__from_what_a_quote_shows__new_leases_have_them(sh: Shell, fleet: LiveFleet, system: System) -> None:
    terms = sh.json("lease", "quote", fleet.fleet_id, "--gpus", 1, "--for", "8h")["terms"]
    sh.write("terms.json", json.dumps({**terms, "lessee_notice": 7_200}))
    before = system.lease_terms.current_terms_id()
    twice(sh, ("admin", "terms", "terms.json", *PARAMETERS))
    assert system.lease_terms.current_terms_id() == before + 1
    assert system.lease_terms.terms_of(before + 1).lessee_notice == 7_200
    assert system.lease_terms.terms_of(before).lessee_notice == 86_400
    sh.write("terms.json", json.dumps({**terms, "lessee_notice": "soon"}))
    assert "lessee_notice" in sh.refused("admin", "terms", "terms.json", *PARAMETERS)


def test_fees__rate_and_recipient__are_set_for_new_fleets(sh: Shell, fleet: LiveFleet, system: System) -> None:
    twice(sh, ("admin", "protocol-fee", 300, *PARAMETERS), ("admin", "fee-recipient", "investor-3", *PARAMETERS))
    assert system.router.protocol_fee_bps() == 300
    assert system.router.fee_recipient() == account("investor-3").address
    assert system.router.revenue(FleetId(fleet.fleet_id)).protocol_fee_bps != 300


def test_lower_floor__by_the_delayed_registrar__only_downwards(sh: Shell, fleet: LiveFleet, system: System) -> None:
    before = system.registry.fleet(FleetId(fleet.fleet_id)).price_floor
    twice(sh, ("admin", "lower-floor", fleet.fleet_id, "0.5", "--account", "registrar"))
    assert system.registry.fleet(FleetId(fleet.fleet_id)).price_floor == 500_000 < before
    sh("admin", "lower-floor", fleet.fleet_id, "0.75", "--account", "registrar")
    sh.clock.advance(2 * 86_400)
    assert "floor" in sh.refused("admin", "lower-floor", fleet.fleet_id, "0.75", "--account", "registrar")


def test_consent_floor__by_the_risk_role__is_on_chain(sh: Shell, fleet: LiveFleet, system: System) -> None:
    twice(sh, ("admin", "consent-floor", fleet.fleet_id, "0.5", "--account", "risk"))
    (event,) = events(system.registry, "ConsentToFloor", [], first=0)
    assert event.arguments == {"fleetId": fleet.fleet_id, "priceFloor": 500_000}


def test_dismiss__operator_and_lessee__are_no_longer_admitted(sh: Shell) -> None:
    for kind, who in (("operator", "operator-a"), ("lessee", "lessee-1")):
        sh("admin", "dismiss", kind, who, "--account", "registrar")
        assert sh.refused("admin", "dismiss", kind, who, "--account", "registrar")
    for kind, who in (("operator", "operator-a"), ("lessee", "lessee-1")):
        assert set(_read(sh, "FleetRegistry", f"{kind}Record", account(who).address).removeprefix("0x")) == {"0"}


def test_allow_losses__to_a_contract_alone__sets_its_allowance(sh: Shell, system: System) -> None:
    coin, booker = system.coin().address, system.router.address
    twice(sh, ("admin", "allow-losses", booker, coin, "25", "--account", "risk"))
    assert _read(sh, "LossFund", "allowance", booker, coin) == 25_000_000


def test_pricing__by_the_controller__is_asked_for_the_next_lease(sh: Shell, fleet: LiveFleet, system: System) -> None:
    chosen = system.lease_terms.address
    sh("fleet", "pricing", fleet.fleet_id, chosen, "--account", "operator-a")
    assert system.registry.fleet(FleetId(fleet.fleet_id)).pricing == chosen
    assert sh.refused("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1")


def _read(sh: Shell, contract: str, function: str, *arguments: object) -> Any:
    return sh.json("read", contract, function, *arguments)
