"""LeaseTerms: what the two sides of a lease owe each other beside the rent."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.models import Terms


class LeaseTerms(Contract):
    """All versions of the terms."""

    NAME = "LeaseTerms"

    def set_terms(self, lane: Lane, terms: Terms) -> Receipt:
        """Set the terms of leases opened from now on."""
        return self._write(lane, "setTerms", terms.row())

    def terms_of(self, terms_id: int, block: Block = "latest") -> Terms:
        """Return a version."""
        return Terms.from_row(self._read("termsOf", terms_id, block=block))

    def current_terms_id(self, block: Block = "latest") -> int:
        """Return the version under which leases open now; 0 before the first."""
        return int(self._read("currentTermsId", block=block))
