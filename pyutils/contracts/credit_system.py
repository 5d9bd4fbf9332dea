"""All contracts of one credit market, ready to be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from web3 import Web3

from pyutils.contracts.appraisal import Appraisal
from pyutils.contracts.collateral_auction import CollateralAuction
from pyutils.contracts.collateral_prices import CollateralPrices
from pyutils.contracts.credit_vault import CreditVault
from pyutils.contracts.fleet_credit import FleetCredit
from pyutils.contracts.fleet_custody import FleetCustody
from pyutils.contracts.loan_health import LoanHealth
from pyutils.contracts.stablecoin import Stablecoin
from pyutils.manifest import CreditMarket


@dataclass(frozen=True, slots=True)
class CreditSystem:
    """One wrapper for each contract that lends a settlement token."""

    token: Stablecoin
    """The settlement token that is lent."""
    credit: FleetCredit
    health: LoanHealth
    vault: CreditVault
    auction: CollateralAuction
    custody: FleetCustody
    appraisal: Appraisal
    prices: CollateralPrices

    @classmethod
    def at(cls, web3: Web3, market: CreditMarket) -> Self:
        """Return the contracts that a deployment record names. Raises `UnknownContractError` where one is missing."""
        address = market.address
        return cls(
            Stablecoin(web3, market.token),
            FleetCredit(web3, address("FleetCredit")),
            LoanHealth(web3, address("LoanHealth")),
            CreditVault(web3, address("CreditVault")),
            CollateralAuction(web3, address("CollateralAuction")),
            FleetCustody(web3, address("FleetCustody")),
            Appraisal(web3, address("Appraisal")),
            CollateralPrices(web3, address("CollateralPrices")),
        )
