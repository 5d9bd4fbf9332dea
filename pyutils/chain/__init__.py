"""The chain: reaching a node, signing, sending in order, and saying why something was refused."""

from pyutils.chain.account import NoAccountError, open_signer
from pyutils.chain.clock import AnvilClock, ClockError
from pyutils.chain.errors import ChainProtocolError, RevertedError, UnknownRevertError, decode_revert
from pyutils.chain.kms_signer import DerError, KmsError, KmsHookError, KmsSigner
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
from pyutils.chain.public_key import PublicKeyError
from pyutils.chain.receipt import Log, Receipt
from pyutils.chain.remote_signer import (
    RemoteAccess,
    RemoteAccountError,
    RemoteSignerError,
    SignerRefusedError,
    SignerUnreachableError,
    UnknownKeyError,
    Web3Signer,
    WrongSignatureError,
)
from pyutils.chain.rpc import RpcError
from pyutils.chain.signer import (
    DEV_CHAINS,
    KeystoreError,
    LocalSigner,
    NotADevChainError,
    Signer,
    dev_signer,
)
from pyutils.chain.transaction import TransactionError

__all__ = [
    "DEV_CHAINS",
    "AnvilClock",
    "ChainProtocolError",
    "ClockError",
    "DerError",
    "FailedOnChainError",
    "FailoverProvider",
    "FeeCapError",
    "KeystoreError",
    "KmsError",
    "KmsHookError",
    "KmsSigner",
    "Lane",
    "LanePolicy",
    "LocalSigner",
    "Log",
    "NoAccountError",
    "NoEndpointError",
    "NotADevChainError",
    "PublicKeyError",
    "Receipt",
    "RemoteAccess",
    "RemoteAccountError",
    "RemoteSignerError",
    "ReplacedError",
    "RevertedError",
    "RpcError",
    "RpcPolicy",
    "RpcUnreachableError",
    "Sent",
    "Signer",
    "SignerRefusedError",
    "SignerUnreachableError",
    "TransactionError",
    "TransactionTimeoutError",
    "UnknownKeyError",
    "UnknownRevertError",
    "Web3Signer",
    "WrongChainError",
    "WrongSignatureError",
    "connect",
    "decode_revert",
    "dev_signer",
    "open_signer",
]
