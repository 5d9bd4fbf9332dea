"""Time travel on anvil: the demo lives through a trace by setting the time of the next block."""

from __future__ import annotations

from web3 import Web3

from pyutils.chain.rpc import RpcError, request
from pyutils.errors import ChainError


class ClockError(ChainError):
    """The node does not let its time be set, or not to this time."""

    remedy = "Only anvil's clock can be set, and only forward"


class AnvilClock:
    """The clock of an anvil."""

    def __init__(self, web3: Web3) -> None:
        self._web3 = web3

    def now(self) -> int:
        """Return the newest block's time."""
        return int(self._web3.eth.get_block("latest")["timestamp"])

    def set_next(self, timestamp: int) -> None:
        """Stamp the next block with exactly `timestamp`; it must be later than the newest."""
        self._call("evm_setNextBlockTimestamp", timestamp)

    def travel(self, timestamp: int) -> None:
        """Mine an empty block stamped `timestamp`, so that reads see that time too."""
        self.set_next(timestamp)
        self.mine()

    def advance(self, seconds: int) -> None:
        """Travel `seconds` into the future."""
        self.travel(self.now() + seconds)

    def mine(self) -> None:
        """Mine a block."""
        self._call("evm_mine")

    def _call(self, method: str, *params: int) -> None:
        try:
            request(self._web3, method, *params)
        except RpcError as error:
            raise ClockError(str(error)) from error
