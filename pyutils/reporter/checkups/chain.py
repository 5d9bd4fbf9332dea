"""Is the chain side of a reporter in order? Endpoints, clock, the fleet and who signs for it, and money."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pyutils.chain import DEV_CHAINS, RpcPolicy, connect, rpc
from pyutils.chain.provider import shown
from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.manifest import Manifest
from pyutils.models.fleet import FleetStatus
from pyutils.operations.calls import read
from pyutils.operations.doctor import LATE_S, Finding, note, well, wrong
from pyutils.operations.fleets import settlement_token
from pyutils.reporter.settings.costs import balance, report_cost
from pyutils.reporter.view import View
from pyutils.units import TokenUnits, format_money

_QUICK: Final = RpcPolicy(timeout_s=10.0, connect_timeout_s=5.0, rounds=1)
_LAG: Final = 16
"""Blocks that an endpoint may be behind the others."""
_FEW: Final = 12
_SOON: Final = 7 * 24
"""Reports that the gas account should pay for, as the alerts have it."""
_ETHER_DECIMALS: Final = 18


def endpoints(urls: Sequence[str], manifest: Manifest) -> Iterator[Finding]:
    """Yield how each RPC endpoint does, and whether enough of them agree."""
    names = _names(urls)
    heads: dict[str, int] = {}
    broken: dict[str, Finding] = {}
    finals: dict[str, str] = {}
    for name, url in names.items():
        web3 = connect([url], manifest.chain_id, _QUICK)
        try:
            heads[name] = int(_block(web3, "latest")["number"], 16)
            finals[name] = _final(web3)
        except GpuRwaError as error:
            broken[name] = note(f"endpoint {name}", error.line())
    newest = max(heads.values(), default=0)
    in_time = []
    for name in names:
        what = f"endpoint {name}"
        if name in broken:
            yield broken[name]
        elif newest - heads[name] > _LAG:
            yield note(what, f"is {newest - heads[name]} blocks behind", "Name another, or wait until it has caught up")
        else:
            in_time.append(name)
            yield well(what, f"chain {manifest.chain_id}, block {heads[name]}, {finals[name]}")
    yield _agreement([names[name] for name in in_time], len(names), manifest)


def _agreement(urls: Sequence[str], all_of_them: int, manifest: Manifest) -> Finding:
    needed = all_of_them // 2 + 1
    if len(urls) < needed:
        mend = "Mend those above, or name others with --rpc or GPURWA_RPC_URLS"
        return wrong("endpoints", f"{len(urls)} of {all_of_them} work, {needed} must agree", mend)
    seen = [connect([url], manifest.chain_id, _QUICK) for url in urls]
    try:
        # A few blocks back, where nodes that follow one chain say the same.
        common = max(0, min(int(_block(web3, "latest")["number"], 16) for web3 in seen) - _LAG)
        hashes = [_block(web3, hex(common))["hash"] for web3 in seen]
    except GpuRwaError as error:
        return wrong("endpoints", error.line())
    agree = max(hashes.count(one) for one in hashes)
    if agree < needed:
        mend = "Find out which of them is on another fork, and name another"
        return wrong("endpoints", f"at block {common} {agree} of {all_of_them} agree, {needed} must", mend)
    if all_of_them == 1 and manifest.chain_id not in DEV_CHAINS:
        return note("endpoints", "there is one, and nothing outvotes it where it lies", "Name three, of three keepers")
    return well("endpoints", f"{agree} of {all_of_them} agree at block {common}")


def clock(view: View, chain_id: int) -> Finding:
    """Return whether this machine's clock and the chain's are near to each other."""
    ahead = int(time.time()) - view.now
    said = f"this machine is {ahead} s ahead of the newest block" if ahead >= 0 else f"it is {-ahead} s behind"
    if abs(ahead) <= LATE_S or chain_id in DEV_CHAINS:
        return well("clock", said)
    return wrong("clock", said, "Set the clock by NTP; if it is right, the endpoints lag")


def fleet(system: System, view: View) -> Iterator[Finding]:
    """Yield whether the fleet and its operator may report."""
    told = view.fleet
    if told.status is not FleetStatus.LIVE:
        yield wrong("fleet", f"fleet {view.fleet_id} is {told.status.name.lower().replace('_', ' ')}")
    elif not told.commissioned_at:
        yield wrong("fleet", "it is not commissioned", "The registrar confirms it: `gpurwa admin confirm`")
    else:
        yield well("fleet", f"{told.capacity} GPUs, sampled every {told.sample_cadence} s")
    record = read("FleetRegistry", system.registry.address, "operatorRecord", told.operator, web3=system.web3)
    if any(record):
        yield well("operator", f"{told.operator} is admitted")
    else:
        mend = "The registrar admits it: `gpurwa admin admit operator`"
        yield wrong("operator", f"{told.operator} is not admitted", mend)


def reporter(view: View, account: str) -> Finding:
    """Return whether the chain names the attestation key."""
    if view.reporter == account:
        return well("reporter", f"{account} is the fleet's reporter")
    mend = f"`gpurwa fleet reporter {view.fleet_id} {account}` names the configured key"
    return wrong("reporter", f"the fleet's reporter is {view.reporter}, the configured key is {account}", mend)


def verifiers(view: View, configured: Sequence[str]) -> Iterator[Finding]:
    """Yield whether the verifiers that are asked can make a quorum."""
    if not view.quorum:
        mend = "The verifier admin appoints them: `gpurwa admin verifiers`; until then reports are posted alone"
        yield note("quorum", "the fleet has no verifiers", mend)
        return
    strangers = [one for one in configured if one not in view.verifiers]
    if strangers:
        mend = "Take it out of the configuration, or check its address"
        yield wrong("verifiers", f"{', '.join(strangers)} is no verifier of the fleet", mend)
    asked = len(set(configured) & set(view.verifiers))
    if asked < view.quorum:
        mend = "Name more [[verifiers]] in the configuration"
        yield wrong("quorum", f"{view.quorum} verifiers must sign, {asked} are configured", mend)
    elif not strangers:
        yield well("quorum", f"{view.quorum} of {len(view.verifiers)} verifiers must sign, {asked} are asked")


def gas(system: System, account: str, quorum: int) -> Finding:
    """Return for how many reports the gas account can pay."""
    has, cost = balance(system.web3, account), report_cost(system.web3, quorum)
    left = has // max(1, cost)
    ether = format_money(TokenUnits(has), _ETHER_DECIMALS, 4)
    said = f"{account} has {ether} ether, for {left} reports at the fees of now"
    mend = f"Send it {format_money(TokenUnits(30 * 24 * cost), _ETHER_DECIMALS, 4)} ether, for a month"
    if left < _FEW:
        return wrong("gas", said, mend)
    return well("gas", said) if left >= _SOON else note("gas", said, mend)


def bond(system: System, view: View) -> Finding:
    """Return whether the operator's bond holds what a lie would cost."""
    needed = system.bond.stake_requirement(view.fleet_id, view.block)
    held = system.bond.bond(view.fleet_id, view.fleet.operator, view.block)
    stands = held.lie_stake + held.free
    said = f"{_coins(system, view, stands)} stand against lies and for leases, {_coins(system, view, needed)} must"
    if stands >= needed:
        return well("bond", said)
    return wrong("bond", said, f"`gpurwa bond stake {view.fleet_id} AMOUNT`; until then nobody can open a lease")


def stake_to_post(system: System, view: View, account: str, post_alone: bool) -> Finding:
    """Return whether the gas account could put up the stake of a report that is posted alone."""
    if not post_alone:
        return well("stake", "reports are never posted alone")
    needed = system.bond.stake_requirement(view.fleet_id, view.block)
    has = settlement_token(system, view.fleet_id).balance_of(account)
    said = f"{account} holds {_coins(system, view, has)}, posting alone stakes {_coins(system, view, needed)}"
    if has >= needed:
        return well("stake", f"{said}, approved when it is needed")
    return note("stake", said, "Send it that much, or set rules.post_alone = false")


def _coins(system: System, view: View, amount: int) -> str:
    symbol = settlement_token(system, view.fleet_id).symbol()
    return f"{format_money(TokenUnits(amount), view.fleet.token_decimals)} {symbol}"


def _names(urls: Sequence[str]) -> dict[str, str]:
    """Return the endpoints by what may be shown of them, numbered where that is not enough to tell them apart."""
    names: dict[str, str] = {}
    for url in dict.fromkeys(urls):
        name = shown(url)
        names[name if name not in names else f"{name} ({len(names) + 1})"] = url
    return names


def _final(web3: Any) -> str:
    try:
        final = _block(web3, "finalized")
    except GpuRwaError:
        return "no finalized tag: blocks are final by depth"
    return f"finalized {int(final['number'], 16)}"


def _block(web3: Any, block: str) -> Any:
    found = rpc.request(web3, "eth_getBlockByNumber", block, False)
    if found is None:
        raise rpc.RpcError("eth_getBlockByNumber", f"there is no block {block}")
    return found
