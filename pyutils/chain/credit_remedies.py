"""How to mend what the contracts of a credit market refused: as `REMEDIES`, of which these are a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_INTERNAL = "Only contracts of the market may call this; use the function that people call"
_PRICE_LATER = "Nothing is lent or sold by this price; wait for a sound one, repay and redeem meanwhile"
_PARAMETERS = "Mend the parameter named"
_STATUS = "Look at the sale (`gpurwa credit auction status`)"
_NOTHING_WRONG = "Nothing is left to do: nothing is wrong with the loan on record"
_CLAIMABLE = "Ask for at most what is claimable (`gpurwa vault status`)"
_ROOM = "Bring less, or wait until the vault takes more in (`gpurwa vault status`)"

CREDIT_REMEDIES: Final[Mapping[str, str]] = {
    # values and prices
    "AppraisalStale": "Let the appraiser set the price of this class again",
    "ClassNotPriced": "Let the appraiser set a price of this class first (`gpurwa credit price-class`)",
    "CollateralNotListed": "Pledge a token that is listed, or none",
    "DecimalsChanged": _PRICE_LATER,
    "FeedSilent": _PRICE_LATER,
    "InvalidFeed": "Mend the field named; the feed's present answer must pass",
    "InvalidParameter": _PARAMETERS,
    "NoDataPresent": "Let the test feed say a price first (`gpurwa credit test-price`)",
    "PriceFromTheFuture": _PRICE_LATER,
    "PriceJumped": "Wait for a further round, which confirms the new level; repay and redeem meanwhile",
    "PriceNotPositive": _PRICE_LATER,
    "PriceOutOfBounds": _PRICE_LATER,
    "PriceStale": _PRICE_LATER,
    "RoundIncomplete": _PRICE_LATER,
    "SequencerDown": "Wait until the chain's sequencer is up; repay and redeem meanwhile",
    "SequencerRestarted": "Wait until then: feeds need time to catch up; repay and redeem meanwhile",
    "StepTooLarge": "Move the price in smaller steps, at the pace that is allowed",
    "UpdatedTooSoon": "Wait until then and send it again",
    "WrongToken": "Use the market that lends what the fleet settles in",
    # custody
    "InsufficientPledge": "Ask for at most what the loan pledged (`gpurwa credit status`)",
    "NoConsent(bytes32)": "Let the risk role consent to exactly this act first (`gpurwa credit consent`)",
    "NotCredit": _INTERNAL,
    "NotHere": "Look who owns the title (`gpurwa fleet show`); it secures no loan here",
    "Pledged": "Pay the loan that it secures first",
    # the vault
    "AlreadyMarked": _INTERNAL,
    "AsynchronousOnly": "Nobody knows before an epoch is served: ask to redeem, and claim what was set aside",
    "CapExceeded(uint256,uint256)": _ROOM,
    "CutOffPassed": "The week of the request is over; it is served, or waits for cash",
    "ERC4626ExceededMaxDeposit": _ROOM,
    "ERC4626ExceededMaxMint": _ROOM,
    "ERC4626ExceededMaxRedeem": _CLAIMABLE,
    "ERC4626ExceededMaxWithdraw": _CLAIMABLE,
    "EntryClosed": "Wait until marks are cured or booked: entry is closed while the two values differ by more than 2 %",
    "EpochStillOpen": "Wait until the week is over and send it again",
    "EpochWaiting": "Let lenders who wait be served first (`gpurwa vault serve`)",
    "InsufficientCash": "Draw less, or wait until lenders or repayments bring cash",
    "MarkTooYoung": "Wait until the youngest mark is a week old; nobody leaves before it tells",
    "NotMarked": _NOTHING_WRONG,
    "NotOperator(address,address)": "Sign as the lender, or let it make you its operator (`gpurwa vault operator`)",
    "NothingPending(address)": "Nothing of this lender waits; was it served, or taken back?",
    "NothingToServe": "Nothing waits, or there is no cash: wait for requests, or for repayments",
    "RequestExceedsClaimable": _CLAIMABLE,
    "ZeroShares": "Ask for at least one share unit",
    # loans
    "AboveCeiling": "Draw at most what the risk role granted",
    "AboveLimit": "Borrow or take back less, or pledge more (`gpurwa credit pledge`)",
    "ApprovalExpired": "Let the risk role approve again, with a later end",
    "CapExceeded(bytes32,bytes32,uint256,uint256)": "Draw less, or let the risk role raise the cap",
    "CollateralLeft": "Buy the liquid collateral first; the vault takes a lot only without it",
    "CoverageTooLow": "Draw less or over more months, or pledge more shares",
    "FleetInUse": "Close the fleet's loan first; a fleet secures one at a time",
    "InBreach": "Cure the loan first: pay what is due and mend what is wrong (`gpurwa credit status`)",
    "InsuranceTooShort": "Give the date named, or a later one: the borrower has its grace to insure anew",
    "InvalidAmount(uint256,uint256)": "Give an amount above zero, and no more than there is",
    "InvalidRequest": "Mend the field named and ask again",
    "NoEvidence": "Nothing is wrong with the loan that the chain can prove",
    "NoFreshReport": "Wait for a report of the fleet that is not older than 48 hours",
    "NotAuction": _INTERNAL,
    "NotBorrower": "Sign as the loan's borrower",
    "NotInsured": "Renew the insurance and show it to the risk role (`gpurwa credit insured`)",
    "NotOffered": "Wait until the risk role offers the lot (`gpurwa credit offer`)",
    "NothingToReclaim": "Nothing is left to do: the pledge went back when the loan closed",
    "NothingToRepay": "Nothing is left to do: the loan owes nothing",
    "PriceTooHigh": "Allow at least the asking price",
    "PriceTooLow": "Offer the lot for at least what the vault carries it at",
    "StillWrong": "Mend what is named first: pay, pledge more, insure, or report",
    "UnknownLoan": "Look the loan up with `gpurwa credit list`",
    "WrongState": "Look how the loan stands (`gpurwa credit status`)",
    # sales
    "BelowMinimumFill": "Buy at least the amount named, or all that is left",
    "FloorNotReached": "Move the clock by `gpurwa credit auction touch` until it has run so long",
    "NotBreached": "Only a loan in breach is sold; give evidence first (`gpurwa credit mark`)",
    "NotForSale": _STATUS,
    "NothingLeft": _STATUS,
    "PriceAboveLimit": "Allow at least this price, or wait until it falls",
    "SaleNotStarted": "Start the sale first (`gpurwa credit auction start`)",
    "SaleRunning": "Nothing is left to do: the sale runs",
}
