"""Publishing sources: what explorers ask for, and asking them to compile it and compare it with the chain."""

from pyutils.verification.errors import (
    AlreadyVerifiedError,
    ChainNotServedError,
    ExplorerRefusedError,
    ExplorerUnreachableError,
    MismatchError,
    NoKeyError,
    NotIndexedError,
    OtherSourcesError,
    RateLimitedError,
    StillPendingError,
    VerificationError,
    WrongKeyError,
)
from pyutils.verification.etherscan import Etherscan
from pyutils.verification.explorer import Explorer, Publication, Standing, publish
from pyutils.verification.files import write_submissions
from pyutils.verification.policy import PublishingPolicy
from pyutils.verification.services import Service, open_explorer
from pyutils.verification.shares import UnknownSharesError, shares_of
from pyutils.verification.sourcify import Sourcify
from pyutils.verification.submission import Submission, minimal_input, submissions

__all__ = [
    "AlreadyVerifiedError",
    "ChainNotServedError",
    "Etherscan",
    "Explorer",
    "ExplorerRefusedError",
    "ExplorerUnreachableError",
    "MismatchError",
    "NoKeyError",
    "NotIndexedError",
    "OtherSourcesError",
    "Publication",
    "PublishingPolicy",
    "RateLimitedError",
    "Service",
    "Sourcify",
    "Standing",
    "StillPendingError",
    "Submission",
    "UnknownSharesError",
    "VerificationError",
    "WrongKeyError",
    "minimal_input",
    "open_explorer",
    "publish",
    "shares_of",
    "submissions",
    "write_submissions",
]
