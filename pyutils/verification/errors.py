"""Why an explorer did not verify a contract.

What concerns one contract is a `ContractRefusedError`: the next one may fare better. Everything else stops the run.
"""

from __future__ import annotations

from pyutils.errors import GpuRwaError, InputError


class VerificationError(GpuRwaError):
    """An explorer does not serve us."""


class ExplorerUnreachableError(VerificationError):
    """An explorer does not answer, or answers with something that is no answer."""

    remedy = "Check its URL, or try again later: what is verified is not sent again"


class RateLimitedError(VerificationError):
    """An explorer takes no more requests for now."""

    remedy = "Give the same command again later: what is verified is not sent again"


class WrongKeyError(VerificationError):
    """An explorer does not accept the API key."""


class ChainNotServedError(VerificationError):
    """An explorer does not serve the chain."""

    remedy = "Ask another explorer: --to sourcify, etherscan or blockscout"


class NoKeyError(InputError):
    """An explorer asks for an API key, and there is none."""


class ExplorerUrlError(InputError):
    """An explorer's URL cannot be used."""

    remedy = "Give the URL of its API, with https://"


class OtherSourcesError(InputError):
    """A deployment was made from other sources than this package has."""

    remedy = "Verify it with the version of the package that deployed it"


class ContractRefusedError(VerificationError):
    """An explorer did not verify one contract."""


class AlreadyVerifiedError(ContractRefusedError):
    """An explorer verified a contract before; no error to whoever asked it to."""


class MismatchError(ContractRefusedError):
    """What an explorer compiled is not what stands on the chain."""

    remedy = "Compare the chain with the package first: `gpurwa deployments check`"


class NotIndexedError(ContractRefusedError):
    """An explorer does not know the contract yet."""

    remedy = "Wait until the explorer has seen its block, and give the same command again"


class StillPendingError(ContractRefusedError):
    """An explorer has taken a contract and not decided yet."""

    remedy = "Give the same command again later: it asks how the contract stands before it sends anything"


class ExplorerRefusedError(ContractRefusedError):
    """An explorer refused a contract for a reason of its own."""

    remedy = "Its own words say why; the files that `gpurwa verify` writes can be given to it by hand"
