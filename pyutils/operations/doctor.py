"""Is everything in order? Tools, node, deployment record against code on chain, roles and clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyutils import toolchain
from pyutils.chain import DEV_CHAINS, rpc
from pyutils.contracts import System
from pyutils.deployment.roles import Role
from pyutils.deployment.runtime_code import code_hash
from pyutils.errors import ContractError, GpuRwaError
from pyutils.operations.history import block_time
from pyutils.operations.roles import read_access

LATE_S = 900
"""A node whose newest block is older than this lags, or its chain stands still."""


class UnhealthyError(ContractError):
    """Something is wrong with a deployment."""

    remedy = "Mend what is listed above"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    said: str
    is_needed: bool = True
    """Whether the commands need it; tools of developers are not."""


def well(what: str, said: str) -> Finding:
    """Return that a thing is in order."""
    return Finding(what, is_well=True, said=said)


def wrong(what: str, said: str, mend: str = "") -> Finding:
    """Return that a thing that is needed is not in order, and how to mend it."""
    return Finding(what, is_well=False, said=f"{said}. {mend}" if mend else said)


def note(what: str, said: str, mend: str = "") -> Finding:
    """Return that a thing is not as it should be, and can be done without."""
    return Finding(what, is_well=False, said=f"{said}. {mend}" if mend else said, is_needed=False)


def doctor(connect: Callable[[], System]) -> Iterator[Finding]:
    """Yield what was found, thing by thing; it goes on where one is not well, as far as that makes sense."""
    for tool in ("anvil", "solc"):
        yield _look(tool, {"anvil": toolchain.anvil, "solc": toolchain.solc}[tool], is_needed=False)
    try:
        system = connect()
        found = rpc.chain_id(system.web3)
    except GpuRwaError as error:
        yield Finding("network", is_well=False, said=error.line())
        return
    manifest = system.manifest
    yield Finding("network", is_well=True, said=f"{manifest.network}, chain {found}")
    yield Finding("record", manifest.complete, "complete" if manifest.complete else "the deployment is not finished")
    wrong = [
        name
        for name, contract in sorted(manifest.everything)
        if code_hash(rpc.code_at(system.web3, contract.address)) != contract.code_hash
    ]
    said = (
        f"{', '.join(wrong)} have other code than recorded"
        if wrong
        else f"{len(list(manifest.everything))} as recorded"
    )
    yield Finding("contracts", not wrong, said)
    if wrong:
        return
    yield Finding("business", system.registry.is_sealed(), "open" if system.registry.is_sealed() else "never opened")
    paused = system.registry.is_paused()
    yield Finding("pause", not paused, "new business is stopped" if paused else "not paused", is_needed=False)
    access = read_access(system)
    held = {role.role_id for role in access.roles if role.holders}
    empty = [role.name.lower() for role in Role if int(role) not in held]
    yield Finding("roles", not empty, f"nobody is {', '.join(empty)}" if empty else f"{len(held)} held")
    has = [role.name for role in access.roles if any(one.account == manifest.deployer for one in role.holders)]
    yield Finding("deployer", not has, f"still holds {', '.join(has)}" if has else "holds no role")
    yield _clock(system)


def _look(what: str, look: Callable[[], object], *, is_needed: bool) -> Finding:
    try:
        return Finding(what, is_well=True, said=str(look()), is_needed=is_needed)
    except GpuRwaError as error:
        return Finding(what, is_well=False, said=error.line(), is_needed=is_needed)


def _clock(system: System) -> Finding:
    behind = int(time.time()) - block_time(system.web3, "latest")
    said = f"the newest block is {behind} s old" if behind >= 0 else f"the newest block is {-behind} s ahead"
    # A development chain's time is set by whoever replays a trace.
    return Finding("clock", abs(behind) <= LATE_S or system.manifest.chain_id in DEV_CHAINS, said)
