"""The custom errors of `FleetCredit` that its mirror raises."""

from __future__ import annotations

from pyutils.refusal import RefusalError


class UnknownLoanError(RefusalError):
    """There is no such loan."""

    fields = ("loanId",)


class WrongStateError(RefusalError):
    """The loan stands where this cannot be done."""

    fields = ("loanId", "state")


class NotBorrowerError(RefusalError):
    """Only the loan's borrower may do this."""

    fields = ("loanId", "caller")


class NotTitleOwnerError(RefusalError):
    """Only the owner of the fleet's title may borrow against it."""

    fields = ("fleetId", "caller")


class InvalidRequestError(RefusalError):
    """No loan is lent as it is asked for."""

    fields = ("field",)


class ApprovalExpiredError(RefusalError):
    """The approval is over."""

    fields = ("loanId", "expiry")


class NotInsuredError(RefusalError):
    """The insurance that the risk role has seen is over."""

    fields = ("loanId", "insuredUntil")


class InsuranceTooShortError(RefusalError):
    """A date that is drawn nearer leaves the loan's grace for other papers."""

    fields = ("loanId", "insuredUntil", "least")


class NoFreshReportError(RefusalError):
    """The fleet's report is too old to lend on."""

    fields = ("fleetId", "acceptedAt")


class FleetInUseError(RefusalError):
    """The fleet secures another loan."""

    fields = ("fleetId", "loanId")


class AboveCeilingError(RefusalError):
    """The risk role granted less."""

    fields = ("loanId", "asked", "ceiling")


class AboveLimitError(RefusalError):
    """The pledge carries less."""

    fields = ("loanId", "debt", "limit")


class CoverageTooLowError(RefusalError):
    """The pledge earns too little for the loan's service."""

    fields = ("loanId", "revenuePerMonth", "servicePerMonth", "coverageBps")


class CapExceededError(RefusalError):
    """More would be lent than a cap allows."""

    fields = ("kind", "key", "outstanding", "cap")


class NothingToRepayError(RefusalError):
    """Nothing is owed, or nothing offered."""

    fields = ("loanId",)


class NoEvidenceError(RefusalError):
    """Nothing is wrong with the loan."""

    fields = ("loanId",)


class StillWrongError(RefusalError):
    """Something is wrong with the loan."""

    fields = ("loanId", "evidence")


class NotMarkedError(RefusalError):
    """The loan is not written down."""

    fields = ("loanId",)


class NotBreachedError(RefusalError):
    """The loan is not in breach."""

    fields = ("loanId",)


class InBreachError(RefusalError):
    """Something is wrong with the loan on record: nothing of its pledge is free."""

    fields = ("loanId",)


class InsufficientPledgeError(RefusalError):
    """The loan pledged less; custody refuses it."""

    fields = ("loanId", "held", "asked")


class NotOfferedError(RefusalError):
    """The lot is gone, or not on offer."""

    fields = ("loanId",)


class PriceTooHighError(RefusalError):
    """The price is above what is owed, or above what the buyer accepts."""

    fields = ("loanId", "price", "limit")


class PriceTooLowError(RefusalError):
    """The vault carries the lot at more."""

    fields = ("loanId", "price", "least")


class CollateralLeftError(RefusalError):
    """Liquid collateral sells first."""

    fields = ("loanId", "amount")


class InvalidLoanAmountError(RefusalError):
    """Nothing, or more than there is."""

    fields = ("loanId", "amount")

    @classmethod
    def name(cls) -> str:
        """Return `InvalidAmount`, which other contracts say without facts."""
        return "InvalidAmount"


class InvalidLoanTermsError(RefusalError):
    """Under these terms a loan would be in breach as it is drawn, or its sums would not fit."""

    fields = ("field",)

    @classmethod
    def name(cls) -> str:
        """Return `InvalidTerms`, which other contracts say of other terms."""
        return "InvalidTerms"
