"""People's roles: which function is whose, and how long its calls must be announced."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from pyutils.contracts.base import function_shape

DAY_S: Final = 86_400


class Role(IntEnum):
    """Role ids in the `AccessManager`, as `Roles.sol` has them; `ADMIN` is OpenZeppelin's."""

    ADMIN = 0
    REGISTRAR = 1
    REGISTRAR_DELAYED = 2
    GUARDIAN = 3
    PARAMETERS = 4
    ARBITER = 5
    VERIFIER_ADMIN = 6
    RISK = 7
    ENFORCER = 8
    APPRAISER = 9


EXECUTION_DELAYS_S: Final[Mapping[Role, int]] = {
    Role.ADMIN: 7 * DAY_S,
    Role.REGISTRAR: 0,
    Role.REGISTRAR_DELAYED: 2 * DAY_S,
    Role.GUARDIAN: 0,
    Role.PARAMETERS: 2 * DAY_S,
    Role.ARBITER: 0,
    Role.VERIFIER_ADMIN: 2 * DAY_S,
    Role.RISK: 1 * DAY_S,
    Role.ENFORCER: 2 * DAY_S,
    Role.APPRAISER: 1 * DAY_S,
}
"""Default delay between announcing and making a call."""

GRANT_DELAY_S: Final = 2 * DAY_S
"""A new holder of a role waits so long, after the admin's own delay."""

ADMIN_GRANT_DELAY_S: Final = 7 * DAY_S
TARGET_ADMIN_DELAY_S: Final = 7 * DAY_S
"""Changing whose a function is waits so long."""

FUNCTIONS: Final[Mapping[str, Mapping[Role, tuple[str, ...]]]] = {
    "FleetRegistry": {
        Role.GUARDIAN: ("pause", "delistToken"),
        Role.PARAMETERS: ("unpause", "listToken"),
        Role.REGISTRAR: ("admitOperator", "dismissOperator", "admitLessee", "dismissLessee", "clearDoubleEnrolment"),
        Role.REGISTRAR_DELAYED: ("confirmGrowth", "lowerFloor"),
        Role.RISK: ("consentToFloor",),
    },
    "LeaseTerms": {Role.PARAMETERS: ("setTerms",)},
    "RevenueRouter": {Role.PARAMETERS: ("setProtocolFee", "setFeeRecipient")},
    "MeterOracle": {
        Role.PARAMETERS: ("setLiveness",),
        Role.VERIFIER_ADMIN: ("setVerifiers",),
        Role.ARBITER: ("rule", "restate"),
    },
    "TransferGate": {
        Role.REGISTRAR: ("setPermitted", "freeze"),
        Role.REGISTRAR_DELAYED: ("forceTransfer",),
        Role.ENFORCER: ("approveForcedTransfer",),
    },
    "LossFund": {Role.RISK: ("allow",)},
}
"""Every restricted function of the system, by contract and role."""

MARKET_FUNCTIONS: Final[Mapping[str, Mapping[Role, tuple[str, ...]]]] = {
    "Appraisal": {Role.APPRAISER: ("setPrice",)},
    "CollateralPrices": {Role.GUARDIAN: ("delist",), Role.PARAMETERS: ("list",)},
    "FleetCustody": {Role.RISK: ("consent", "returnTitle")},
    "FleetCredit": {
        Role.PARAMETERS: ("setCostRecipient",),
        Role.RISK: ("approve", "stepIn", "offerLot", "setCap", "setInsuredUntil"),
    },
    "CreditVault": {Role.RISK: ("setCap",)},
}
"""Every restricted function of a credit market. Paying, marking, curing, selling and redeeming are nobody's right."""

DELAYED_ROLES: Final = tuple(role for role, delay in EXECUTION_DELAYS_S.items() if delay and role is not Role.ADMIN)
"""Roles whose announced calls the guardian may cancel."""


def selectors(contract: str, role: Role) -> list[bytes]:
    """Return the selectors of a role's functions in a contract."""
    return [function_shape(contract, function).selector for function in functions_of(contract).get(role, ())]


def functions_of(contract: str) -> Mapping[Role, tuple[str, ...]]:
    """Return the restricted functions of a contract, by role; none where it has none."""
    return FUNCTIONS.get(contract) or MARKET_FUNCTIONS.get(contract) or {}
