"""All that one account has, a thousand things, from a synced index of a million events; beside web3.py on the node.

Shares of 400 fleets, 300 titles and 300 leases are the account's; all other events are other people's. The baseline
asks the node for the account's share transfers alone, fleet by fleet, as people do who have no index.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from stopwatch import Figure, best_of, show
from web3 import HTTPProvider, Web3

from pyutils import artifacts, devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.deployment import Plan, deploy_system
from pyutils.errors import GpuRwaError
from pyutils.index import Store, open_index, sync
from pyutils.index.source import bulk_source
from pyutils.portfolio.indexed import indexed_holdings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from index.emitter import MadeLog, emit, put_emitters
from index.histories import addresses_of, log_of

EVENTS = 1_000_000
FLEETS, TITLES, LEASES = 400, 300, 300
SETTLEMENTS = 10
"""Of each of the account's leases."""
A_BLOCK = 2_000
RUNS = 5
MOST_SECONDS = 0.3
WEB3_FLEETS = 40
"""The baseline reads so many fleets."""
ACCOUNT = "0x00000000000000000000000000000000000A11CE"


def shares_of(fleet_id: int) -> str:
    """Return where a fleet's shares stand."""
    return f"0x{0x5AAE << 120 | fleet_id:040x}"


def lives(dice: random.Random, at: dict[str, str]) -> Iterator[MadeLog]:
    """Yield a million events, the account's among them."""
    nobody, stranger = "0x" + "00" * 20, "0x" + "0b" * 20
    mine: list[MadeLog] = []
    begin: list[MadeLog] = []
    for number in range(1, FLEETS + 1):
        shares = shares_of(number)
        begin.append(
            log_of(dice, "FleetShareFactory.CreateShares", at["FleetShareFactory"], fleetId=number, shares=shares)
        )
        begin.append(log_of(dice, "FleetRegistry.Enrol", at["FleetRegistry"], fleetId=number, shares=shares))
        to_account: dict[str, Any] = {"from": stranger, "to": ACCOUNT, "value": 10**18 * number}
        mine.append(log_of(dice, "FleetShares.Transfer", shares, **to_account))
        if number <= TITLES:
            given: dict[str, Any] = {"from": nobody, "to": ACCOUNT, "id": number}
            mine.append(log_of(dice, "FleetRegistry.Transfer", at["FleetRegistry"], **given))
    for number in range(1, LEASES + 1):
        lease = (number % FLEETS + 1) << 32 | number
        opened: dict[str, Any] = {"from": nobody, "to": ACCOUNT, "id": lease}
        mine.append(log_of(dice, "LeaseBook.Transfer", at["LeaseBook"], **opened))
        mine.append(log_of(dice, "LeaseBook.Open", at["LeaseBook"], leaseId=lease, lessee=ACCOUNT, deposit=10**9))
        mine += [
            log_of(dice, "LeaseBook.Settle", at["LeaseBook"], leaseId=lease, rent=10**6) for _ in range(SETTLEMENTS)
        ]
    yield from begin
    strangers = [f"0x{dice.getrandbits(160):040x}" for _ in range(500)]
    every = (EVENTS - len(begin)) // len(mine)
    made = len(begin)
    noise = [log for _ in range(50) for log in _noise(dice, at, strangers)]
    while made < EVENTS:
        if made % every == 0 and mine:
            yield mine.pop(0)
        else:
            yield noise[made % len(noise)]
        made += 1
    yield from mine


def _noise(dice: random.Random, at: dict[str, str], strangers: list[str]) -> list[MadeLog]:
    ends: dict[str, Any] = {"from": dice.choice(strangers), "to": dice.choice(strangers), "value": 1}
    lease = dice.randrange(1, FLEETS) << 32 | dice.randrange(1_000, 10_000)
    return [
        *(log_of(dice, "CreditVault.Transfer", at["CreditVault"], **ends) for _ in range(20)),
        *(log_of(dice, "LeaseBook.Settle", at["LeaseBook"], leaseId=lease, rent=1) for _ in range(20)),
        *(log_of(dice, "FleetShares.Transfer", shares_of(dice.randrange(1, 6)), **ends) for _ in range(5)),
    ]


def by_web3(url: str, first: int) -> int:
    """Read the account's transfers of some fleets' shares by web3.py; return how many there are."""
    web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 300}))
    found = 0
    for number in range(1, WEB3_FLEETS + 1):
        shares = web3.eth.contract(web3.to_checksum_address(shares_of(number)), abi=artifacts.load("FleetShares").abi)
        for end in ("from", "to"):
            wanted = {end: web3.to_checksum_address(ACCOUNT)}
            found += len(shares.events.Transfer().get_logs(from_block=first, argument_filters=wanted))
    return found


def main() -> None:
    """Make the chain and its index, then ask."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ("--accounts", str(devnet.ACCOUNTS), "--auto-impersonate", "--gas-limit", str(10**11))
        with Anvil.start(folder / "anvil.log", arguments=(*options, "--prune-history")) as anvil:
            web3 = connect([anvil.url], devnet.CHAIN_ID)
            manifest = deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3)
            put_emitters(web3, [*addresses_of(manifest).values(), *map(shares_of, range(1, FLEETS + 1))])
            sender = rpc.request(web3, "eth_accounts")[0]
            rpc.request(web3, "evm_setAutomine", False)
            first = int(rpc.request(web3, "eth_blockNumber"), 16)
            block: list[MadeLog] = []
            for log in lives(random.Random(1), addresses_of(manifest)):
                block.append(log)
                if len(block) == A_BLOCK:
                    emit(web3, sender, sorted(block, key=lambda one: one.address))
                    rpc.request(web3, "evm_mine")
                    block = []
            emit(web3, sender, block)
            rpc.request(web3, "evm_mine")
            database = f"sqlite:///{folder / 'index.sqlite'}"
            state = sync(Store.at(database, writes=True), bulk_source([anvil.url], manifest.chain_id), manifest).state
            with open_index(database, manifest) as index:
                found = indexed_holdings(index, ACCOUNT)
                seconds = best_of(RUNS, lambda: indexed_holdings(index, ACCOUNT))
            expected = FLEETS + TITLES + LEASES
            if found.items != expected or state.events < EVENTS:
                raise SystemExit(f"holdings: {found.items} of {expected} things in {state.events} events")
            plain = best_of(1, lambda: by_web3(anvil.url, first))
    rows = [
        Figure("holdings from the index", found.items, "things", seconds),
        Figure("web3.py from the node, shares alone", WEB3_FLEETS, "things", plain),
    ]
    show(f"One account in {state.events:,} events", rows)
    Console().print(f"{found.items:,} things in {1000 * seconds:,.0f} ms")
    if seconds > MOST_SECONDS:
        raise SystemExit(f"holdings: {1000 * MOST_SECONDS:,.0f} ms are wanted")


if __name__ == "__main__":
    try:
        main()
    except GpuRwaError as error:
        raise SystemExit(f"holdings: {error.line()}") from None
