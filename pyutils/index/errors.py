"""What can be wrong with an index, each in one line with what to do."""

from __future__ import annotations

from pyutils.errors import ChainError, GpuRwaError, InputError


class IndexingError(GpuRwaError):
    """The index cannot be used, or did not take what was to be written; nothing of it is written then."""

    remedy = "Mend what is named and try again; what was committed before stands"


class NoIndexError(InputError):
    """There is no index at a URL."""

    remedy = "Make it with `gpurwa index sync`, or name another with --database or GPURWA_DATABASE"


class DatabaseUrlError(InputError):
    """A URL names no database that can be used."""

    remedy = "Write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"


class OtherIndexError(InputError):
    """The index is of another deployment, or was made with other tables."""

    remedy = "Name another database; an index is made anew from the chain with `gpurwa index sync`"


class UnknownEventNameError(InputError):
    """No contract of ours has this event, or the event no such argument."""

    remedy = "Write CONTRACT.Event and arguments as the ABI names them; `docs/event-index.md` says what is kept"


class UnindexedContractError(InputError):
    """The index follows no such contract."""

    remedy = "Check the address and the network; a fleet's shares are followed once their creation is in the index"


class BehindError(IndexingError):
    """The index does not reach as far as was asked."""

    remedy = "Bring it up to date with `gpurwa index sync`"

    def __init__(self, asked: int, block: int | None) -> None:
        held = "is empty" if block is None else f"ends at block {block}"
        super().__init__(f"block {asked} is asked for and the index {held}")
        self.asked, self.block = asked, block


class NothingYetError(InputError):
    """Up to the block that was asked for nothing had happened."""

    remedy = "Ask for the block of the deployment or a later one"


class IndexBusyError(IndexingError):
    """Another sync writes to the index."""

    remedy = "Let it go on, or stop it first; one sync at a time writes to an index, any number of readers read"


class DatabaseError(IndexingError):
    """The database refused: it is locked, full, damaged or gone."""


class UnindexableLogError(ChainError):
    """A node gave a log that no contract of ours can have emitted."""

    remedy = "Compare with another endpoint (--rpc); where all say the same, use the version that deployed the contract"


class LyingNodeError(ChainError):
    """A node's answers contradict one another, or what was asked."""

    remedy = "Name another endpoint with --rpc; nothing of this range was written"


class PrunedHistoryError(ChainError):
    """A node no longer has the logs of old blocks."""

    remedy = "Name an endpoint that keeps all history with --rpc; where it was interrupted, the sync goes on"


class FinalizedReorgError(ChainError):
    """A block that was final is another one now."""

    remedy = "Find out which endpoint is wrong (--rpc names another); on a development chain start a new index"
