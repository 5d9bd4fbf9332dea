"""The custom errors of `CreditVault` that its mirror raises."""

from __future__ import annotations

from pyutils.refusal import RefusalError


class PausedError(RefusalError):
    """New business is paused."""


class CapExceededError(RefusalError):
    """The vault takes in no more."""

    fields = ("assets", "cap")


class ERC4626ExceededMaxMintError(RefusalError):
    """The vault has never more shares than epochs can count."""

    fields = ("receiver", "shares", "max")


class EntryClosedError(RefusalError):
    """The two values are too far apart to enter."""

    fields = ("conservative", "optimistic")


class InsufficientCashError(RefusalError):
    """The vault has not so much to lend."""

    fields = ("asked", "cash")


class EpochWaitingError(RefusalError):
    """Nothing is lent while a closed epoch waits."""

    fields = ("epoch",)


class NothingToServeError(RefusalError):
    """Nobody asks to redeem, or there is no cash."""


class EpochStillOpenError(RefusalError):
    """The oldest epoch's week is not over."""

    fields = ("epoch", "until")


class MarkTooYoungError(RefusalError):
    """No epoch is served in a mark's first days."""

    fields = ("until",)


class CutOffPassedError(RefusalError):
    """The week of the request is over: it cannot be cancelled any more."""

    fields = ("epoch",)


class ZeroSharesError(RefusalError):
    """Nothing would be minted or redeemed."""


class NotOperatorError(RefusalError):
    """Only the controller or its operator may do this."""

    fields = ("controller", "caller")


class NothingPendingError(RefusalError):
    """The controller has nothing to cancel or to take back."""

    fields = ("controller",)


class RequestExceedsClaimableError(RefusalError):
    """Less is claimable."""

    fields = ("controller", "asked", "claimable")


class AlreadyMarkedError(RefusalError):
    """The vault holds the loan's lot."""

    fields = ("loanId",)


class NotMarkedError(RefusalError):
    """The loan has no mark."""

    fields = ("loanId",)


class ERC20InsufficientAllowanceError(RefusalError):
    """The owner allows less."""

    fields = ("spender", "allowance", "needed")
