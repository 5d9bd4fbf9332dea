"""The chain: reaching a node, signing, sending in order, and saying why something was refused."""

from pyutils.chain.clock import AnvilClock, ClockError
from pyutils.chain.errors import ChainProtocolError, RevertedError, UnknownRevertError, decode_revert
from pyutils.chain.lane import (
    FailedOnChainError,
    FeeCapError,
    Lane,
    LanePolicy,
    ReplacedError,
    Sent,
    TransactionTimeoutError,
)
from pyutils.chain.provider import (
    FailoverProvider,
    NoEndpointError,
    RpcPolicy,
    RpcUnreachableError,
    WrongChainError,
    connect,
)
from pyutils.chain.receipt import Log, Receipt
from pyutils.chain.rpc import RpcError
from pyutils.chain.signer import (
    DEV_CHAINS,
    KeystoreError,
    LocalSigner,
    NotADevChainError,
    Signer,
    dev_signer,
)

__all__ = [
    "DEV_CHAINS",
    "AnvilClock",
    "ChainProtocolError",
    "ClockError",
    "FailedOnChainError",
    "FailoverProvider",
    "FeeCapError",
    "KeystoreError",
    "Lane",
    "LanePolicy",
    "LocalSigner",
    "Log",
    "NoEndpointError",
    "NotADevChainError",
    "Receipt",
    "ReplacedError",
    "RevertedError",
    "RpcError",
    "RpcPolicy",
    "RpcUnreachableError",
    "Sent",
    "Signer",
    "TransactionTimeoutError",
    "UnknownRevertError",
    "WrongChainError",
    "connect",
    "decode_revert",
    "dev_signer",
]
