"""What operator and verifier daemons are made of alike: contracts over agreeing endpoints, keys, a lane, servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyutils.chain import DEV_CHAINS, Lane, LanePolicy, Signer, agreed_web3
from pyutils.chain.agreement import Agreement
from pyutils.contracts import System
from pyutils.manifest import Manifest
from pyutils.reporter.settings.config import RulesConfig
from pyutils.reporter.settings.keys import open_key
from pyutils.reporter.store.journal import StoreJournal
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.metrics import Metrics

__all__ = ["Chain", "listen_at", "open_key", "open_lane"]

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Chain:
    """A deployment over endpoints of which a majority must agree."""

    manifest: Manifest
    agreement: Agreement
    system: System
    _told_disagreements: Counter[str] = field(default_factory=Counter, repr=False)
    _told_failures: Counter[str] = field(default_factory=Counter, repr=False)

    @classmethod
    def over(cls, manifest: Manifest, urls: Sequence[str]) -> Chain:
        """Return the contracts of a deployment; nothing is asked yet."""
        agreement = Agreement(urls, manifest.chain_id)
        return cls(manifest, agreement, System.at(agreed_web3(agreement), manifest))

    def count_into(self, metrics: Metrics) -> None:
        """Tell how often each endpoint was outvoted or silent since the last time."""
        for counted, told, tell in (
            (self.agreement.disagreements, self._told_disagreements, metrics.disagreed),
            (self.agreement.failures, self._told_failures, metrics.failed),
        ):
            for url, count in counted.items():
                for _ in range(count - told[url]):
                    tell(url)
                told[url] = count


def open_lane(chain: Chain, gas: Signer, rules: RulesConfig, store: Store) -> tuple[Lane, StoreJournal]:
    """Return the lane of the account that pays, with all that it had sent before."""
    journal = StoreJournal(store, gas.address)
    policy = LanePolicy(
        max_fee_per_gas=rules.max_fee_gwei * GWEI,
        budget_wei=rules.budget_gwei * GWEI,
        confirmations=rules.confirmations,
        # A development chain calls blocks final that no reorg spares.
        finality=chain.manifest.chain_id not in DEV_CHAINS,
    )
    lane = Lane(chain.system.web3, gas, policy, journal)
    lane.resume(journal.sents())
    return lane, journal


def listen_at(endpoint: str) -> tuple[str, int]:
    """Return host and port of where a server listens."""
    host, _, port = endpoint.rpartition(":")
    return host, int(port)
