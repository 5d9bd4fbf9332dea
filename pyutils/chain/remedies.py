"""How to mend what a contract refused: one line for each custom error, by name or, where names clash, by signature.

A test walks all ABIs and fails on an error without a remedy, and on a remedy without an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyutils.chain.credit_remedies import CREDIT_REMEDIES

_RETRY_LATER = "Wait until then and send it again"
_INTERNAL = "Only contracts of the system may call this; use the function that people call"
_FLEET_ID = "Look the fleet up with `gpurwa fleet list`"
_LEASE_ID = "Look the lease up with `gpurwa positions`"
_FRESH_PROOF = "Build the proof again from the leaf file of the fleet's head"
_DEPLOYMENT = "Deploy again from unchanged artifacts and check the plan"
_AS_CONTROLLER = "Sign as the fleet's controller, the owner of its title or whom its custodian names"
_AS_TITLE_OWNER = "Sign as the owner of the fleet's title"
_AS_OPERATOR = "Sign as the fleet's operator"
_AS_OWNER = "Sign as the token's owner, or let it approve you"
_REAL_ADDRESS = "Give another address; the zero address cannot hold anything"
_TOO_LARGE = "Use a smaller number"
_SIGN_AGAIN = "Sign again, over the digest that the contract shows"
_SCHEDULE = "Schedule the call, wait for the role's delay and execute it"
_AS_ROLE = "Sign as a holder of the role that may call this (`gpurwa roles`)"

REMEDIES: Final[Mapping[str, str]] = {
    **CREDIT_REMEDIES,
    # people's roles
    "AccessManagedInvalidAuthority": _DEPLOYMENT,
    "AccessManagedRequiredDelay": _SCHEDULE,
    "AccessManagedUnauthorized": _AS_ROLE,
    "AccessManagerAlreadyScheduled": "Wait for the scheduled call, or cancel it first",
    "AccessManagerBadConfirmation": "Renounce a role as the account that holds it",
    "AccessManagerExpired": "Schedule the call again; it can be executed for a week after its delay",
    "AccessManagerInvalidInitialAdmin": _REAL_ADDRESS,
    "AccessManagerLockedFunction": "This function's role is fixed and cannot be changed",
    "AccessManagerLockedRole": "The admin and the public role cannot be changed like this",
    "AccessManagerNotReady": "Wait for the role's delay to pass and execute the call again",
    "AccessManagerNotScheduled": _SCHEDULE,
    "AccessManagerUnauthorizedAccount": _AS_ROLE,
    "AccessManagerUnauthorizedCall": _AS_ROLE,
    "AccessManagerUnauthorizedCancel": "Cancel as the account that scheduled the call, or as its role's guardian",
    "AccessManagerUnauthorizedConsume": _INTERNAL,
    # deployment
    "AlreadySealed": "Nothing is left to do: business is open",
    "CodeMismatch": _DEPLOYMENT,
    "Create2EmptyBytecode": _DEPLOYMENT,
    "Create3EmptyBytecode": _DEPLOYMENT,
    "DeploymentFailed": "The call ran out of gas while it stored code; give it more",
    "FailedDeployment": "The salt was used or the constructor refused; deploy again, it goes on where it stopped",
    "InsufficientBalance": "Send the ether that the call needs",
    "NotSealed": "Finish the deployment: run `gpurwa deploy` again",
    "NotSealer": "Seal with the account that deployed the system",
    # fleets
    "CapacityLeased": "Wait until leases end, or shrink by less",
    "FleetNotLive": "The fleet is wound down; use a live one",
    "FleetSuspended": "Let the registrar decide the double enrolment first",
    "GrowthChanged": "Confirm exactly the capacity and GPU root that were requested",
    "InvalidCapacity": "Give a capacity that grows where it should grow and shrinks where it should shrink",
    "InvalidEnrolment": "Mend the field named and enrol again",
    "InvalidFloor": "Give a floor above zero and below the present one",
    "InvalidHash": "Give the hash of a document; it cannot be zero",
    "InvalidProof(uint256,bytes32)": "Prove the GPU id against the fleet's present GPU root",
    "InvalidTime": "Ask for a time between enrolment and now",
    "InvalidToken": "Use an ERC-20 with 6 to 18 decimals",
    "NoConsent": "Let the risk role consent to this floor first",
    "NoGrowthRequested": "Request the growth as the fleet's controller first",
    "NoOperatorProposed": "Propose the new operator first",
    "NotAdmitted": "Let the registrar admit the account first (`gpurwa admin admit`)",
    "NotController": _AS_CONTROLLER,
    "NotSuspended": "The fleet is not suspended; nothing is to be cleared",
    "NotTitleOwner": _AS_TITLE_OWNER,
    "NoticeRunning": _RETRY_LATER,
    "Paused": "Wait until new business is open again; settling, claiming and reporting go on meanwhile",
    "SameFleet": "Name two different fleets",
    "TokenNotListed": "Use a listed settlement token (`gpurwa admin list-token`)",
    "UnknownFleet": _FLEET_ID,
    # reports
    "AvailableAboveCapacity": "Count again: the fleet cannot be available for longer than its capacity allows",
    "BusyAboveAvailable": "Count again: busy time cannot exceed available time",
    "CounterFell": "Counters are cumulative; only a restatement by arbiter and quorum may lower one",
    "DisputeIsOpen": "Wait for the arbiter's ruling, or report with a quorum",
    "DuplicateVerifier": "Give each verifier's signature once, in the order of their indices",
    "ECDSAInvalidSignature": _SIGN_AGAIN,
    "ECDSAInvalidSignatureLength": _SIGN_AGAIN,
    "ECDSAInvalidSignatureS": _SIGN_AGAIN,
    "EmptyInterval": "Ask again when a report has covered some time",
    "EnergyAboveBoardPower": "Check the energy counters and the boards' rated power",
    "FromTheFuture": "Report only up to the last block's time; check the clock",
    "InvalidLiveness": "Give a liveness within the bounds named",
    "InvalidQuorum": "Give a quorum from 1 to the number of verifiers",
    "InvalidReporter": "Give a new key, of no other operator; neither it nor you may verify for the fleet",
    "InvalidVerifiers": "Give 1 to 32 different verifiers, none of them the operator, in rising order",
    "KeyNoLongerAnswers": "The key was retired too long ago; nothing can be slashed",
    "LieAlreadyProved": "Nothing is left to do: this contradiction was proved before",
    "NoContradiction": "Give two reports of one fleet and time whose counters or roots differ",
    "NoDispute": "There is no open dispute to decide",
    "NoReport": "Wait for the fleet's first report",
    "NotAdvancing": "Report a time later than the head's",
    "NotReporter": "Sign with the fleet's reporter key, over the digest that the oracle shows",
    "NotVerifier": "Sign with the verifier's key that stands at this index",
    "NothingPending": "There is no pending report to dispute",
    "OperatorNotSilent": "Verifiers may report alone only when no head advanced for 24 hours",
    "PendingExists": "Wait for the pending report's liveness, or report with a quorum",
    "QuorumNotReached": "Collect more verifiers' signatures",
    "RulingStillOpen": _RETRY_LATER,
    "StaleReport": "Wait for a fresh report of the fleet, or allow a greater age",
    "UnknownVerifier": "Look the fleet's verifiers and their indices up (`gpurwa fleet show`)",
    "WrongParent": "Build the report on the fleet's present head and sign again",
    # leases
    "AlreadyEnding": "Nothing is left to do: the lease ends early already",
    "AlreadyGranted": "Nothing is left to do: access was granted; end the lease early instead",
    "AlreadyReleased": "Nothing is left to do: the capacity was released",
    "CannotCancelBefore": "Cancel as the lease's owner, or wait until then",
    "CapacityExceeded": "Lease fewer GPUs, or wait until others are released",
    "HeadCovers": "Close with the head's proof instead of by signatures",
    "HeadTooOld": "Wait for a report at or after the time named",
    "InvalidAccessKey": "Give an X25519 public key, not zero",
    "InvalidDelivery": "Agree on a delivery between the bounds named",
    "InvalidDuration": "Give a duration within the bounds named, in seconds",
    "InvalidGpuRoot": "Give the root of the GPU ids that serve the lease, not zero",
    "InvalidGpus": "Lease at least one GPU",
    "InvalidProof(uint256,uint256)": _FRESH_PROOF,
    "InvalidSignature()": _SIGN_AGAIN,
    "InvalidSignature": "Collect the signature of the account named, over the present nonce",
    "LeaseClosed": "Nothing is left to do: the lease is closed",
    "LeaseEnded": "The lease has ended; close it",
    "LeaseNotEnded": _RETRY_LATER,
    "MutualTooEarly": _RETRY_LATER,
    "NotApprovedBy": "Open the lease in your own name, or let its owner approve you for all",
    "NotGranted": "Let the operator grant access first",
    "NotLessee": "Sign as the lease's owner or user",
    "NotOperator": _AS_OPERATOR,
    "PriceAboveMaximum": "Ask for the price again and allow at least as much",
    "PriceBelowFloor": "Ask at least the fleet's floor; only the registrar lowers it",
    "ProofDeadlineRunning": "Close with a proof, or wait until the proof deadline has passed",
    "UnknownLease": _LEASE_ID,
    "WrongFleet": "Settle leases of one fleet at a time",
    "NoPrice": "Let the fleet's controller set a price first",
    "InvalidTerms": "Mend the term named",
    "NoTerms": "Finish the deployment: it sets the first terms",
    # money
    "AllowanceExceeded": "Let the risk role allow more",
    "BondTooSmall": "Stake at least the difference (`gpurwa bond stake`)",
    "ERC20InsufficientAllowance": "Approve the contract for at least what is needed",
    "ERC20InsufficientBalance": "Get more of the token; a test coin comes from `gpurwa faucet`",
    "ERC20InvalidApprover": _REAL_ADDRESS,
    "ERC20InvalidReceiver": _REAL_ADDRESS,
    "ERC20InvalidSender": _REAL_ADDRESS,
    "ERC20InvalidSpender": _REAL_ADDRESS,
    "ERC2612ExpiredSignature": "Sign a new permit with a later deadline",
    "ERC2612InvalidSigner": "Sign the permit with the owner's key, over its present nonce",
    "ERC7943CannotReceive": "Let the registrar permit the receiver first",
    "ERC7943CannotSend": "Let the registrar permit the sender first",
    "ERC7943CannotTransfer": "Let the registrar permit both sides first",
    "ERC7943InsufficientUnfrozenBalance": "Move no more than what is not frozen",
    "ForcedTransferNotApproved": "Let the enforcer approve exactly this transfer first",
    "FundExceeded": "Collect what the fund is owed first, or draw less",
    "InvalidAccountNonce": "Sign again with the account's present nonce",
    "InvalidAmount": "Give an amount above zero",
    "InvalidReceiver": "Give another receiver, neither zero nor the paying contract",
    "InvalidRecipient": _REAL_ADDRESS,
    "InvalidShare": "Give a share of at most the limit named, in basis points",
    "NothingOwed": "Nothing is owed to this account; was it withdrawn, or is it another token?",
    "NothingToClaim": "Nothing accrued yet; revenue of a day is released during the next",
    "NothingUnbonding": "Start to unbond first",
    "SafeERC20FailedOperation": "Check balance and allowance; the token refused without a reason",
    "StillUnbonding": _RETRY_LATER,
    "TransferFellShort": "Use a token that takes no fee on transfer and does not rebase",
    # titles and lease tokens
    "AccountBalanceOverflow": "Use another account: this one holds too many tokens",
    "BalanceQueryForZeroAddress": _REAL_ADDRESS,
    "NotOwnerNorApproved": _AS_OWNER,
    "TokenAlreadyExists": "The token exists; use its id",
    "TokenDoesNotExist": "Look the id up; nobody holds a token of this number",
    "TransferFromIncorrectOwner": "Transfer from the token's present owner",
    "TransferToNonERC721ReceiverImplementer": "Send to an account that takes ERC-721 tokens, or use a plain transfer",
    "TransferToZeroAddress": _REAL_ADDRESS,
    # rights between contracts, and what the libraries refuse
    "AddressEmptyCode": "Name a contract; there is no code at this address",
    "FailedCall": "The inner call failed without a reason; try it alone to see why",
    "InvalidShortString": _TOO_LARGE,
    "NotAContract": "Name a contract; there is no code at this address",
    "NotGate": _INTERNAL,
    "NotLeaseBook": _INTERNAL,
    "NotOracle": _INTERNAL,
    "NotRegistry": _INTERNAL,
    "NotRouter": _INTERNAL,
    "NotShares": _INTERNAL,
    "ReentrancyGuardReentrantCall": "Call again in a transaction of its own; a token called back into the contract",
    "SafeCastOverflowedUintDowncast": _TOO_LARGE,
    "StringTooLong": "Use a name of at most 31 bytes",
    # lenses, which travel in the call that asks them
    "Answer": "Ask by `pyutils.portfolio`, which reads the answer that stands in this error",
    "NotCreated": "Ask with the lens that comes with the package; a node with a low gas cap needs a higher one",
    # the language itself
    "Error": "Read the reason that the contract gave",
    "Panic": "This is a fault of the contract or of an absurd number; report it with the call",
}


def remedy_of(name: str, signature: str) -> str | None:
    """Return how to mend the error, or None where the table does not know it."""
    return REMEDIES.get(signature) or REMEDIES.get(name)
