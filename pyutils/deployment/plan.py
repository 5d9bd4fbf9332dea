"""What a deployment will be, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pyutils.chain.signer import DEV_CHAINS, dev_signer
from pyutils.deployment.credit_plan import CreditPlan, TestCollateral
from pyutils.deployment.network import network_of
from pyutils.deployment.roles import EXECUTION_DELAYS_S, Role
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.manifest import NETWORK_NAME
from pyutils.models import ZERO_ADDRESS, Address, FrozenModel, SlaTier, Terms
from pyutils.units import WAD

HOUR_S: Final = 3_600
DAY_S: Final = 86_400

LIVENESS_S: Final = 2 * HOUR_S
"""How long a report may be disputed, on a chain that includes transactions directly."""

ROLLUP_LIVENESS_S: Final = 24 * HOUR_S
"""The same where a sequencer can delay inclusion."""

DEFAULT_TERMS: Final = Terms(
    tiers=(
        SlaTier(below_wad=99 * WAD // 100, credit_wad=2 * WAD // 100),
        SlaTier(below_wad=95 * WAD // 100, credit_wad=5 * WAD // 100),
        SlaTier(below_wad=90 * WAD // 100, credit_wad=10 * WAD // 100),
    ),
    reservation_wad=10 * WAD // 100,
    lessee_notice=DAY_S,
    operator_notice=DAY_S,
    compensation=DAY_S,
    report_interval=HOUR_S,
    proof_deadline=7 * DAY_S,
    max_standstill=30 * DAY_S,
    mutual_delay=2 * DAY_S,
)

DEV_ACCOUNTS: Final[Mapping[str, int]] = {
    "deployer": 0,
    "admin": 1,
    "registrar": 2,
    "guardian": 3,
    "parameters": 4,
    "arbiter": 5,
    "risk": 6,
    "enforcer": 7,
    "treasury": 8,
    "verifier-admin": 9,
    "operator-a": 10,
    "operator-b": 11,
    "reporter-a": 12,
    "reporter-b": 13,
    "verifier-1": 14,
    "verifier-2": 15,
    "verifier-3": 16,
    "lessee-1": 17,
    "lessee-2": 18,
    "lessee-3": 19,
    "lessee-4": 20,
    "lessee-5": 21,
    "investor-1": 22,
    "investor-2": 23,
    "investor-3": 24,
    "appraiser": 25,
    "lender-1": 26,
    "lender-2": 27,
    "bidder": 28,
    "keeper": 29,
}
"""Places of the roles' accounts in the development mnemonic."""

_DEV_HOLDERS: Final[Mapping[Role, str]] = {
    Role.ADMIN: "admin",
    Role.REGISTRAR: "registrar",
    Role.REGISTRAR_DELAYED: "registrar",
    Role.GUARDIAN: "guardian",
    Role.PARAMETERS: "parameters",
    Role.ARBITER: "arbiter",
    Role.VERIFIER_ADMIN: "verifier-admin",
    Role.RISK: "risk",
    Role.ENFORCER: "enforcer",
    Role.APPRAISER: "appraiser",
}


class PlanError(InputError):
    """A plan cannot be carried out as it stands."""

    remedy = "Mend the plan; nothing was sent"


class RoleGrant(FrozenModel):
    """A role, who holds it, and how long its calls must be announced."""

    role: Role
    holder: Address
    execution_delay_s: int = Field(ge=0, lt=2**32)


class TestCoin(FrozenModel):
    """A coin without value that the deployment brings along."""

    __test__ = False

    name: str = "Test Dollar"
    symbol: str = "TUSD"
    decimals: int = Field(default=6, ge=6, le=18)


Region = Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")]
"""ISO 3166-2: `DE-HE`."""


class Plan(FrozenModel):
    """Parameters, roles, tokens and terms of one deployment."""

    chain_id: int = Field(gt=0)
    network: str = Field(pattern=NETWORK_NAME)
    deployer: Address | None = None
    """From whose address all others follow; whoever signs, unless named."""
    regions: tuple[Region, ...] = ()
    """Where fleets are meant to stand: for the registrar and readers, no contract refuses another."""
    grants: tuple[RoleGrant, ...]
    fee_recipient: Address
    protocol_fee_bps: int = Field(ge=0, le=1_000)
    liveness_s: int = Field(ge=HOUR_S // 2, le=7 * DAY_S)
    sequencer_feed: Address = ZERO_ADDRESS
    tokens: tuple[Address, ...] = ()
    """Settlement tokens that are there already."""
    test_coin: TestCoin | None = None
    terms: Terms = DEFAULT_TERMS
    credit: tuple[CreditPlan, ...] = (CreditPlan(),)
    """Credit markets, at most one for each settlement token; none where empty."""
    test_collateral: TestCollateral | None = None
    """Listed in every market."""

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        missing = [role.name for role in Role if all(grant.role is not role for grant in self.grants)]
        if missing:
            raise ValueError(f"nobody holds {', '.join(missing)}")
        longest = max(grant.execution_delay_s for grant in self.grants)
        if any(grant.execution_delay_s < longest for grant in self.grants if grant.role is Role.ADMIN):
            raise ValueError("the admin's delay must be the longest of all")
        if len({(grant.role, grant.holder) for grant in self.grants}) < len(self.grants):
            raise ValueError("a role is granted to one account twice")
        if not self.tokens and self.test_coin is None:
            raise ValueError("there is no settlement token")
        self._check_markets()
        return self

    def _check_markets(self) -> None:
        first = None if self.test_coin is not None else self.tokens[0]
        lent = [first if market.token is None else market.token for market in self.credit]
        if len(set(lent)) < len(lent):
            raise ValueError("there are two credit markets of one token")
        unknown = [token for token in lent if token is not None and token not in self.tokens]
        if unknown:
            raise ValueError(f"a credit market lends {unknown[0]}, which is no settlement token of the plan")

    def by(self, deployer: str) -> Self:
        """Return the plan with its deployer named, as its hash in journal and record has it."""
        return self.model_copy(update={"deployer": deployer})

    @classmethod
    def default(cls, chain_id: int, holders: Mapping[Role, str] | None = None, **changes: object) -> Self:
        """Return the plan with the defaults of the design.

        Args:
            chain_id: the chain; development chains get the well-known accounts as holders, and a test coin.
            holders: who holds each role, on any other chain.
            changes: other fields than the defaults.

        Raises:
            PlanError: the chain is real and nobody is named.

        """
        if holders is None:
            if chain_id not in DEV_CHAINS:
                raise PlanError(
                    f"chain {chain_id} is no development chain, and nobody is named to hold the roles",
                    remedy="Name the holder of each role",
                )
            holders = {role: dev_signer(chain_id, DEV_ACCOUNTS[name]).address for role, name in _DEV_HOLDERS.items()}
            changes.setdefault("fee_recipient", dev_signer(chain_id, DEV_ACCOUNTS["treasury"]).address)
            changes.setdefault("network", "devnet")
        if not changes.get("tokens"):
            changes.setdefault("test_coin", TestCoin())
            changes.setdefault("test_collateral", TestCollateral())
        network = network_of(chain_id)
        feed = network.sequencer_feed if network is not None else None
        fields: dict[str, object] = {
            "chain_id": chain_id,
            "network": f"chain-{chain_id}",
            "grants": tuple(
                RoleGrant(role=role, holder=holder, execution_delay_s=EXECUTION_DELAYS_S[role])
                for role, holder in holders.items()
            ),
            "fee_recipient": holders.get(Role.ADMIN, ZERO_ADDRESS),
            "protocol_fee_bps": 100,
            "liveness_s": ROLLUP_LIVENESS_S if network is not None and network.rollup else LIVENESS_S,
            "sequencer_feed": feed.address if feed is not None else ZERO_ADDRESS,
        }
        return cls.model_validate(fields | changes)


def plan_hash(plan: Plan) -> bytes:
    """Return keccak256 of a plan's canonical JSON: keys sorted, no spaces, ASCII alone."""
    document = plan.model_dump(mode="json")
    return keccak256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii"))
