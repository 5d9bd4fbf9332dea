"""The chain: reaching a node, signing, sending in order, and saying why something was refused."""

from pyutils.chain.account import NoAccountError, open_signer
from pyutils.chain.agreement import AgreedBlock, Agreement, DisagreementError
from pyutils.chain.agreement_provider import agreed_web3
from pyutils.chain.clock import AnvilClock, ClockError
from pyutils.chain.errors import ChainProtocolError, RevertedError, UnknownRevertError, decode_revert
from pyutils.chain.fees import FeeCapError, LanePolicy
from pyutils.chain.inclusion import FailedOnChainError
from pyutils.chain.kms_signer import DerError, KmsError, KmsHookError, KmsSigner
from pyutils.chain.lane import Lane
from pyutils.chain.pool import InsufficientFundsError
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
from pyutils.chain.sent import (
    Form,
    LaneJournal,
    Progress,
    ReplacedError,
    SavedTransactionError,
    Sent,
    Stage,
    TransactionTimeoutError,
    UntrackedError,
)
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
    "AgreedBlock",
    "Agreement",
    "AnvilClock",
    "ChainProtocolError",
    "ClockError",
    "DerError",
    "DisagreementError",
    "FailedOnChainError",
    "FailoverProvider",
    "FeeCapError",
    "Form",
    "InsufficientFundsError",
    "KeystoreError",
    "KmsError",
    "KmsHookError",
    "KmsSigner",
    "Lane",
    "LaneJournal",
    "LanePolicy",
    "LocalSigner",
    "Log",
    "NoAccountError",
    "NoEndpointError",
    "NotADevChainError",
    "Progress",
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
    "SavedTransactionError",
    "Sent",
    "Signer",
    "SignerRefusedError",
    "SignerUnreachableError",
    "Stage",
    "TransactionError",
    "TransactionTimeoutError",
    "UnknownKeyError",
    "UnknownRevertError",
    "UntrackedError",
    "Web3Signer",
    "WrongChainError",
    "WrongSignatureError",
    "agreed_web3",
    "connect",
    "decode_revert",
    "dev_signer",
    "open_signer",
]
