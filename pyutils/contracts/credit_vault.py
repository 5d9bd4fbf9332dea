"""CreditVault: what do lenders own?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.models import Epoch, VaultBook
from pyutils.units import TokenUnits, UnixSeconds, VaultShares

REQUEST_ID = 0
"""A controller has one pending position."""


class CreditVault(Contract):
    """The lenders' vault of one settlement token."""

    NAME = "CreditVault"

    # entry

    def deposit(self, lane: Lane, assets: TokenUnits, receiver: str) -> Receipt:
        """Deposit at the optimistic value."""
        return self._write(lane, "deposit", assets, receiver)

    # exit

    def request_redeem(self, lane: Lane, shares: VaultShares, controller: str) -> Receipt:
        """Escrow the signer's shares in this week's epoch."""
        return self._write(lane, "requestRedeem", shares, controller, lane.address)

    def cancel_redeem_request(self, lane: Lane, controller: str) -> Receipt:
        """Take a request back before its epoch's cut-off."""
        return self._write(lane, "cancelRedeemRequest", REQUEST_ID, controller)

    def claim_cancel(self, lane: Lane, receiver: str, controller: str) -> Receipt:
        """Claim the shares of a request that was taken back."""
        return self._write(lane, "claimCancelRedeemRequest", REQUEST_ID, receiver, controller)

    def serve(self, lane: Lane) -> Receipt:
        """Price the oldest closed epoch and set aside what cash allows."""
        return self._write(lane, "serve")

    def redeem(self, lane: Lane, shares: VaultShares, receiver: str, controller: str) -> Receipt:
        """Claim the assets that were set aside for served shares."""
        return self._write(lane, "redeem", shares, receiver, controller)

    # reads

    def balance_of(self, account: str, block: Block = "latest") -> VaultShares:
        """Return the shares of `account`."""
        return VaultShares(self._read("balanceOf", account, block=block))

    def total_supply(self, block: Block = "latest") -> VaultShares:
        """Return all shares, escrowed ones included."""
        return VaultShares(self._read("totalSupply", block=block))

    def decimals(self, block: Block = "latest") -> int:
        """Return the digits after the point of a share."""
        return int(self._read("decimals", block=block))

    def symbol(self, block: Block = "latest") -> str:
        """Return the shares' ticker."""
        return str(self._read("symbol", block=block))

    def conservative_assets(self, block: Block = "latest") -> TokenUnits:
        """Return the value at which lenders leave."""
        return TokenUnits(self._read("conservativeAssets", block=block))

    def optimistic_assets(self, block: Block = "latest") -> TokenUnits:
        """Return the value at which lenders enter."""
        return TokenUnits(self._read("optimisticAssets", block=block))

    def convert_to_assets(self, shares: VaultShares, block: Block = "latest") -> TokenUnits:
        """Return what shares are worth, conservatively."""
        return TokenUnits(self._read("convertToAssets", shares, block=block))

    def preview_deposit(self, assets: TokenUnits, block: Block = "latest") -> VaultShares:
        """Return the shares that a deposit would bring now."""
        return VaultShares(self._read("previewDeposit", assets, block=block))

    def max_deposit(self, receiver: str, block: Block = "latest") -> TokenUnits:
        """Return the most that may be deposited now; nothing while entry is closed."""
        return TokenUnits(self._read("maxDeposit", receiver, block=block))

    def pending_redeem_request(self, controller: str, block: Block = "latest") -> VaultShares:
        """Return the shares in epochs that are not served yet."""
        return VaultShares(self._read("pendingRedeemRequest", REQUEST_ID, controller, block=block))

    def claimable_redeem_request(self, controller: str, block: Block = "latest") -> VaultShares:
        """Return the shares that were served and not claimed."""
        return VaultShares(self._read("claimableRedeemRequest", REQUEST_ID, controller, block=block))

    def max_withdraw(self, controller: str, block: Block = "latest") -> TokenUnits:
        """Return the assets that a controller may claim."""
        return TokenUnits(self._read("maxWithdraw", controller, block=block))

    def claimable_cancel(self, controller: str, block: Block = "latest") -> VaultShares:
        """Return the shares of a request that was taken back and not claimed."""
        return VaultShares(self._read("claimableCancelRedeemRequest", REQUEST_ID, controller, block=block))

    def epoch_of(self, controller: str, block: Block = "latest") -> int:
        """Return the epoch in which a controller's requests wait; zero where none do."""
        return int(self._read("epochOf", controller, block=block))

    def book(self, block: Block = "latest") -> VaultBook:
        """Return what the vault holds."""
        return VaultBook.from_row(self._read("book", block=block))

    def epoch(self, number: int, block: Block = "latest") -> Epoch:
        """Return one week's requests."""
        return Epoch.from_row(self._read("epoch", number, block=block))

    def current_epoch(self, block: Block = "latest") -> int:
        """Return the epoch that requests join now."""
        return int(self._read("currentEpoch", block=block))

    def oldest_epoch(self, block: Block = "latest") -> int | None:
        """Return the oldest epoch with requests that are not served, None where there is none."""
        return int(self._read("oldestEpoch", block=block)) or None

    def serving_from(self, block: Block = "latest") -> UnixSeconds:
        """Return until when no epoch is served because of a young mark."""
        return UnixSeconds(self._read("servingFrom", block=block))

    def lendable(self, block: Block = "latest") -> TokenUnits:
        """Return cash that may be lent now."""
        return TokenUnits(self._read("lendable", block=block))

    def cap(self, block: Block = "latest") -> TokenUnits:
        """Return the most that the vault takes in."""
        return TokenUnits(self._read("cap", block=block))
