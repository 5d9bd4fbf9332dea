"""One account's positions in a thousand fleets: a lens that travels in the call, beside plain web3.py, read by read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from stopwatch import Figure, best_of, show
from web3 import HTTPProvider, Web3

from pyutils import artifacts, devnet
from pyutils.anvil import Anvil
from pyutils.chain import AnvilClock, connect, rpc
from pyutils.contracts import FleetShares, System
from pyutils.deployment import Plan, deploy_system
from pyutils.models import Documents, FleetEnrolment, ShareTerms
from pyutils.portfolio import read_fleets, read_position
from pyutils.units import to_bytes32_text

FLEETS = 1_000
LEAST_TIMES = 100
"""How much faster the lens must be."""
GAS = 4_000_000
"""More than any transaction here takes."""
A_BLOCK = 6
"""Of them fit into a block."""
REVENUE = 1_000_000
"""Given to the shareholders of each fleet, so that there is something to claim: one coin."""

Row = tuple[int, ...]


def fill(system: System, operator: str) -> None:
    """Enrol the fleets, whose shares and titles are the operator's, and let each earn something."""
    web3, coin, sent = system.web3, system.coin(), list[str]()

    def send(contract: Any, function: str, *arguments: object) -> None:
        data = "0x" + contract.call_data(function, *arguments).hex()
        message = {"from": operator, "to": contract.address, "data": data, "gas": hex(GAS)}
        rpc.request(web3, "eth_sendTransaction", message)
        sent.append(function)
        if len(sent) % A_BLOCK == 0:
            rpc.request(web3, "evm_mine")

    word = to_bytes32_text("papers")
    enrolment = FleetEnrolment(
        owner=operator, gpu_class=word, region=word, board_power_watts=700, sample_cadence=60, max_term=86_400,
        capacity=8, gpu_root=word, settlement_token=coin.address, pricing=system.pricing.address, price_floor=1,
        operating_share_bps=0, insurance_expiry=2**40 - 1, deed_hash=word, documents=Documents(),
        shares=ShareTerms(name="Fleet", symbol="FLEET", supply=10**24),
    )  # fmt: skip
    system.registry.admit_operator(system.lane(devnet.account("registrar")), operator, word)
    rpc.request(web3, "evm_setAutomine", False)
    send(coin, "mint", operator, REVENUE * FLEETS)
    send(coin, "approve", system.router.address, REVENUE * FLEETS)
    for number in range(1, FLEETS + 1):
        send(system.registry, "enrol", enrolment.row())
        send(system.router, "distribute", number, REVENUE)
    rpc.request(web3, "evm_mine")
    for view in read_fleets(system):
        send(FleetShares(web3, view.row.fleet.shares), "collect")
    rpc.request(web3, "evm_mine")
    rpc.request(web3, "evm_setAutomine", True)
    AnvilClock(web3).advance(2 * 86_400)


def one_by_one(url: str, system: System, account: str) -> tuple[Row, ...]:
    """Read the same positions as people do who have no lens: a contract object and a call for each amount."""
    web3 = Web3(HTTPProvider(url))
    block = web3.eth.block_number

    def contract(name: str, address: str) -> Any:
        return web3.eth.contract(web3.to_checksum_address(address), abi=artifacts.load(name).abi)

    def read(function: Any) -> Any:
        return function.call(block_identifier=block)

    registry = contract("FleetRegistry", system.registry.address)
    bond = contract("OperatorBond", system.bond.address)
    factory = web3.eth.contract(abi=artifacts.load("FleetShares").abi)
    rows = []
    for fleet_id in range(1, read(registry.functions.fleetCount()) + 1):
        shares = factory(web3.to_checksum_address(read(registry.functions.fleet(fleet_id))[16]))
        held, supply = read(shares.functions.balanceOf(account)), read(shares.functions.totalSupply())
        row = fleet_id, held, supply, read(shares.functions.claimable(account))
        title = (0, 0)
        if read(registry.functions.ownerOf(fleet_id)) == account:
            title = read(shares.functions.boundShares()), read(shares.functions.claimableByTitle())
        rows.append((*row, *title, sum(read(bond.functions.bond(fleet_id, account)))))
    return tuple(rows)


def by_lens(system: System, account: str) -> tuple[Row, ...]:
    """Read everything that the account has, wherever it is."""
    found = read_position(system, account)
    titles = {one.fleet_id: one for one in found.titles}
    bonds = {one.fleet_id: sum(one.bond.row()) for one in found.bonds}
    return tuple(
        (
            *(one.fleet_id, one.shares, one.supply, one.claimable),
            *(titles[one.fleet_id].bound_shares, titles[one.fleet_id].claimable),
            bonds.get(one.fleet_id, 0),
        )
        for one in found.shares
    )


def count_calls(system: System, job: Callable[[], object]) -> int:
    """Return how many requests a job makes of the node."""
    provider: Any = system.web3.provider
    ask, asked = provider.make_request, []
    provider.make_request = lambda method, params: (asked.append(method), ask(method, params))[1]
    try:
        job()
    finally:
        provider.make_request = ask
    return len(asked)


def main() -> None:
    """Read a thousand positions both ways, compare what they say, and fail where the lens is not fast enough."""
    account = devnet.account("operator-a").address
    with tempfile.TemporaryDirectory() as folder:
        # Only the newest state is read; anvil would write the older ones, each with a thousand fleets, to disk.
        arguments = ("--accounts", str(devnet.ACCOUNTS), "--prune-history")
        with Anvil.start(Path(folder) / "anvil.log", arguments=arguments) as chain:
            web3 = connect([chain.url], devnet.CHAIN_ID)
            manifest = deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3)
            system = System.at(web3, manifest)
            fill(system, account)
            by_hand: list[tuple[Row, ...]] = []
            slow = best_of(1, lambda: by_hand.append(one_by_one(chain.url, system, account)))
            quick = best_of(5, lambda: by_lens(system, account))
            if by_lens(system, account) != by_hand[0] or len(by_hand[0]) != FLEETS:
                raise SystemExit("positions: the two ways read different amounts")
            asked = count_calls(system, lambda: by_lens(system, account))
            nobody = devnet.account("investor-3").address
            empty = best_of(5, lambda: read_position(system, nobody))
    show(
        f"Positions of one account in {FLEETS:,} fleets: shares, claimables, titles, bonds; {asked} requests by lens",
        [
            Figure("lens", FLEETS, "positions", quick),
            Figure("lens, of an account without any", FLEETS, "fleets", empty),
            Figure("plain web3.py, one by one", FLEETS, "positions", slow),
        ],
    )
    if slow < LEAST_TIMES * quick:
        raise SystemExit(f"positions: the lens is {slow / quick:.0f} times as fast, not {LEAST_TIMES}")
    Console().print(f"The lens is {slow / quick:.0f} times as fast.")


if __name__ == "__main__":
    main()
