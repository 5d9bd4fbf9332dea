"""Which command reaches which function of the contracts, and why some have none.

Views need no row: `gpurwa read` reaches every one of them. A test walks the ABIs and fails on a function without a row,
on a row without a function, and on a command that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYSTEM: Final = "only another contract of the system may call it"
WALLET: Final = "wallets and marketplaces do it; these commands let nobody spend more than one call pulls"
DEPLOYMENT: Final = "part of a deployment, which `gpurwa deploy` carries out step by step"
WIRING: Final = "changes whose a function is: a new version of the system is a new deployment"
GATE: Final = "only the transfer gate may call it"
CONSUMER: Final = "for contracts that book losses; no person may draw"

REASONS: Final = frozenset({SYSTEM, WALLET, DEPLOYMENT, WIRING, GATE, CONSUMER})

_SHARES: Final = {
    "approve": WALLET,
    "claim": "claim",
    "claimTitle": "claim",
    "collect": "shares collect",
    "moveTitle": SYSTEM,
    "permit": WALLET,
    "transfer": "shares transfer",
    "transferFrom": WALLET,
}

REACH: Final[Mapping[str, Mapping[str, str]]] = {
    "AccessManager": {
        "cancel": "admin cancel-call",
        "consumeScheduledOp": SYSTEM,
        "execute": "admin pause",
        "grantRole": "admin grant-role",
        "labelRole": DEPLOYMENT,
        "multicall": DEPLOYMENT,
        "renounceRole": "admin renounce-role",
        "revokeRole": "admin revoke-role",
        "schedule": "admin pause",
        "setGrantDelay": DEPLOYMENT,
        "setRoleAdmin": WIRING,
        "setRoleGuardian": DEPLOYMENT,
        "setTargetAdminDelay": DEPLOYMENT,
        "setTargetClosed": WIRING,
        "setTargetFunctionRole": DEPLOYMENT,
        "updateAuthority": WIRING,
    },
    "Create3Factory": {"deploy": "deploy"},
    "FixedPricing": {"setPrice": "fleet price"},
    "FleetRegistry": {
        "admitLessee": "admin admit",
        "admitOperator": "admin admit",
        "approve": WALLET,
        "clearDoubleEnrolment": "admin clear-double",
        "confirmGrowth": "admin confirm",
        "consentToFloor": "admin consent-floor",
        "delistToken": "admin delist-token",
        "dismissLessee": "admin dismiss",
        "dismissOperator": "admin dismiss",
        "enrol": "fleet enroll",
        "listToken": "admin list-token",
        "lowerFloor": "admin lower-floor",
        "pause": "admin pause",
        "proposeOperator": "fleet propose-operator",
        "proveDoubleEnrolment": "fleet prove-double",
        "replaceOperator": "fleet replace-operator",
        "requestGrowth": "fleet grow",
        "safeTransferFrom": WALLET,
        "seal": "deploy",
        "setApprovalForAll": WALLET,
        "setAuthority": SYSTEM,
        "setDocuments": "fleet set-documents",
        "setGpuRoot": "fleet replace-boards",
        "setInsurance": "fleet insure",
        "setPricing": "fleet pricing",
        "shrink": "fleet shrink",
        "transferFrom": "fleet transfer",
        "unpause": "admin unpause",
        "windDown": "fleet wind-down",
    },
    "FleetShareFactory": {"create": SYSTEM},
    "FleetShares": _SHARES,
    "GatedFleetShares": {**_SHARES, "forcedTransfer": GATE, "setFrozenTokens": GATE},
    "LeaseBook": {
        "approve": WALLET,
        "cancel": "lease cancel",
        "close": "lease close",
        "closeMutual": "lease close",
        "closeUnproved": "lease close",
        "endByLessee": "lease end",
        "endByOperator": "lease end",
        "grantAccess": "lease grant",
        "open": "lease open",
        "openWithPermit": "lease open",
        "payRouter": SYSTEM,
        "rekey": "lease rekey",
        "releaseCapacity": "lease release",
        "replaceGpus": "lease grant",
        "revokeMutual": "lease revoke-agreement",
        "safeTransferFrom": WALLET,
        "setApprovalForAll": WALLET,
        "setUser": "lease user",
        "settle": "settle",
        "settleMany": "settle",
        "transferFrom": "lease transfer",
        "withdraw": "withdraw",
    },
    "LeaseTerms": {"setAuthority": SYSTEM, "setTerms": "admin terms"},
    "LossFund": {
        "allow": "admin allow-losses",
        "collect": "bond collect-slashed",
        "cover": CONSUMER,
        "setAuthority": SYSTEM,
    },
    "MeterOracle": {
        "dispute": "report dispute",
        "expireDispute": "report expire-dispute",
        "post": "report post",
        "proveLie": "report prove-lie",
        "restate": "admin restate",
        "retireReporter": SYSTEM,
        "rule": "admin rule",
        "setAuthority": SYSTEM,
        "setLiveness": "admin liveness",
        "setReporter": "fleet reporter",
        "setVerifiers": "admin verifiers",
        "submit": "report submit",
        "submitWithoutOperator": "report submit",
        "touch": "report touch",
        "withdraw": "withdraw",
    },
    "OperatorBond": {
        "closeReservation": SYSTEM,
        "finishUnbonding": "bond withdraw",
        "reserve": SYSTEM,
        "seat": SYSTEM,
        "slashLie": SYSTEM,
        "stake": "bond stake",
        "takeOver": SYSTEM,
        "unbond": "bond unbond",
        "withdraw": "withdraw",
    },
    "RevenueRouter": {
        "collectShares": SYSTEM,
        "credit": SYSTEM,
        "lowerOperatingShare": "fleet operating-share",
        "register": SYSTEM,
        "route": "shares route",
        "setAuthority": SYSTEM,
        "setFeeRecipient": "admin fee-recipient",
        "setProtocolFee": "admin protocol-fee",
        "withdraw": "withdraw",
    },
    "TestStablecoin": {
        "approve": "lease open",
        "mint": "faucet",
        "permit": "lease open",
        "transfer": WALLET,
        "transferFrom": WALLET,
    },
    "TransferGate": {
        "approveForcedTransfer": "admin approve-forced",
        "forceTransfer": "admin force-transfer",
        "freeze": "admin freeze",
        "setAuthority": SYSTEM,
        "setPermitted": "admin holder",
    },
}
"""For each function that changes something, the command that reaches it, or the reason why there is none."""
