"""One exception tree: every error names its facts, says what happened in one line, and how to mend it.

::

    GpuRwaError                    exit status 1
    ├── InputError                 exit status 2: what the user gave cannot be used
    │   ├── TraceError             a file of meter samples
    │   ├── LeafFileError          a published leaf file that is malformed or does not verify
    │   ├── UnknownLeafError       a lease that a tree does not hold
    │   ├── UnknownNetworkError    a network without a deployment record
    │   ├── ManifestError          a deployment record that cannot be used
    │   ├── PlanError              a deployment plan that cannot be carried out
    │   └── SettingsError          the environment or a flag holds nonsense
    ├── ToolchainError             anvil, solc, node or artifacts cannot be had
    ├── SigningError               a keystore or signer refuses
    ├── ChainError                 an RPC endpoint, a transaction or a receipt
    │   ├── RpcUnreachableError    no endpoint answers
    │   └── WrongChainError        an endpoint serves another chain
    ├── ContractError              a contract refused the call
    │   ├── RevertedError          with a custom error, decoded, its arguments and a remedy
    │   └── DeploymentError        what is on chain is not what the plan says
    └── VerificationError          an explorer did not verify a contract's sources

Modules add their own leaves beside the code that raises them, below one of these families.
"""

from __future__ import annotations

from typing import ClassVar


class GpuRwaError(Exception):
    """Root of every error that this package raises on purpose.

    Args:
        message: what happened, in one line, without a full stop at the end.
        remedy: how to mend it, in one line; the class's own `remedy` where none is given.

    """

    exit_status: ClassVar[int] = 1
    """Status with which a command ends: 1 where the world refused, 2 where the user's input cannot be used."""

    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        self.message = " ".join(message.split())
        super().__init__(self.message)
        if remedy is not None:
            self.remedy = remedy

    def line(self) -> str:
        """Return message and remedy as the one line that a terminal shows."""
        return f"{self.message}. {self.remedy}" if self.remedy else self.message


class InputError(GpuRwaError):
    """What the user gave cannot be used; nothing was changed."""

    exit_status = 2


class TraceError(InputError):
    """A file of meter samples cannot be used."""

    remedy = "Columns are timestamp_s,pod,gpu_duty_cycle_percent, one row per sample, sorted by time"

    def __init__(self, path: str, reason: str, line: int | None = None, *, remedy: str | None = None) -> None:
        where = path if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {reason}", remedy=remedy)
        self.path, self.reason, self.line_number = path, reason, line


class LeafFileError(InputError):
    """A published leaf file is malformed, or does not say what its hash or its samples say."""

    remedy = "Fetch the file again from its publisher; if it still differs, do not sign or settle by it"

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(f"leaf file: {reason}" if line is None else f"leaf file, line {line}: {reason}")
        self.reason, self.line_number = reason, line


class UnknownLeafError(InputError):
    """A Merkle tree does not hold the leaf asked for."""

    remedy = "Ask for a leaf that the root commits to; a report holds exactly the leases granted and not closed"

    def __init__(self, leaf: object) -> None:
        super().__init__(f"the tree holds no leaf {leaf!r}")
        self.leaf = leaf


class SettingsError(InputError):
    """The environment or a flag holds a value that cannot be used."""

    remedy = "Mend the variable or flag named"


class ToolchainError(GpuRwaError):
    """A tool or a compiled artifact cannot be had."""

    remedy = "Run `make setup`"


class SigningError(GpuRwaError):
    """A keystore cannot be opened, or a signer refuses."""


class ChainError(GpuRwaError):
    """An RPC endpoint, a transaction or a receipt failed."""


class ContractError(GpuRwaError):
    """A contract refused the call; subclasses and attributes carry its custom error."""
