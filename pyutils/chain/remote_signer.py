"""Signing by a Web3Signer over the REST interface of its `eth1` mode: keys stay in a vault or a module.

The server hashes what it is given, so it is given preimages. Nothing that it answers is used before it recovers to the
account that was named: a server that swaps keys is found out here, not by the chain.
"""

from __future__ import annotations

import ssl
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.chain import transaction as transactions
from pyutils.chain.provider import shown
from pyutils.chain.public_key import PublicKeyError, address_of
from pyutils.eip712 import Signature, SignatureError
from pyutils.errors import InputError, SigningError
from pyutils.keccak import keccak256
from pyutils.models import parse_address

_REASONS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("could not read the request", "Check that the URL is a Web3Signer's in eth1 mode"),
    401: ("does not know this client", "Check the token file or the client certificate"),
    403: ("does not let this client sign", "Check the token file or the client certificate, and the signer's rules"),
    412: (
        "refused to sign: a rule or its slashing protection forbids it",
        "Read the signer's log before anything else",
    ),
}


class RemoteAccountError(InputError):
    """Text or files do not say which remote signer is meant, or how it is reached."""

    remedy = "Write https://HOST:PORT#0xADDRESS, with ?ca=FILE&cert=FILE&key=FILE&token=FILE before the # as needed"


class RemoteSignerError(SigningError):
    """A remote signer did not give a signature."""

    remedy = "Read the signer's log"


class SignerUnreachableError(RemoteSignerError):
    """A remote signer did not answer."""

    remedy = "Check that the signer runs, its URL, and the files of its TLS connection"


class UnknownKeyError(RemoteSignerError):
    """A remote signer does not hold the account's key."""

    remedy = "Load the key into the signer, or name an account that it holds"


class SignerRefusedError(RemoteSignerError):
    """A remote signer holds the key and did not sign."""


class WrongSignatureError(RemoteSignerError):
    """A remote signer answered with something else than the account's signature of what was asked."""

    remedy = "Trust the signer no longer until it is known why: what it gave was not used"


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """How a remote signer is reached. Secrets are in files; a token is read anew for each request, so it may rotate."""

    ca: Path | None = None
    """Certificates that the server's must chain to, PEM; the system's where there is none."""
    cert: Path | None = None
    """Certificate of this client, PEM."""
    key: Path | None = None
    """Key of this client's certificate, PEM; None where the certificate's file holds it."""
    token: Path | None = None
    """File whose first line is sent as a bearer token."""
    timeout_s: float = 20.0


class Web3Signer:
    """An account whose key a Web3Signer holds.

    Args:
        url: where the server listens, without a path.
        address: the account.
        access: files of the connection.

    """

    def __init__(self, url: str, address: str, access: RemoteAccess = RemoteAccess()) -> None:
        self.url = url.rstrip("/")
        self.address: ChecksumAddress = to_checksum_address(parse_address(address))
        self.access = access
        self._client = httpx.Client(verify=_trust(access), timeout=access.timeout_s)
        weakref.finalize(self, self._client.close)
        self._identifier: str | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the signer that `https://HOST:PORT?token=FILE#0xADDRESS` names. Raises `RemoteAccountError`."""
        parts = urlsplit(text)
        files = dict(parse_qsl(parts.query))
        unknown = sorted(files.keys() - {"ca", "cert", "key", "token"})
        if unknown or not parts.netloc:
            raise RemoteAccountError(f"{shown(text)}: {', '.join(unknown) or 'a host'} is not to be had here")
        access = RemoteAccess(**{name: Path(file) for name, file in files.items()})  # type: ignore[arg-type]
        try:
            address = parse_address(parts.fragment)
        except ValueError as error:
            raise RemoteAccountError(f"{shown(text)}: no account is named after #") from error
        return cls(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), address, access)

    def __repr__(self) -> str:
        return f"Web3Signer({shown(self.url)}, {self.address})"

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Return the raw signed transaction. Raises `RemoteSignerError`."""
        return transactions.sign(transaction, self.sign_preimage)

    def sign_preimage(self, preimage: bytes) -> Signature:
        """Return a signature over keccak256(preimage). Raises `RemoteSignerError`."""
        path = f"/api/v1/eth1/sign/{self._key()}"
        answer = self._ask("POST", path, {"data": "0x" + preimage.hex()}).text.strip().strip('"')
        try:
            data = bytes.fromhex(answer.removeprefix("0x"))
        except ValueError:
            data = b""
        if len(data) not in (64, 65):
            raise WrongSignatureError(f"{self._name} answered with something that is no signature")
        try:
            r, s = int.from_bytes(data[:32]), int.from_bytes(data[32:64])
            return Signature.recovered(r, s, keccak256(preimage), self.address)
        except SignatureError:
            raise WrongSignatureError(f"{self._name} did not sign with the key of {self.address}") from None

    @property
    def _name(self) -> str:
        return f"the signer at {shown(self.url)}"

    def _key(self) -> str:
        """Return the server's identifier of the key, its public key, looked up once among all that it lists."""
        with self._lock:
            if self._identifier is None:
                try:
                    listed = list(map(str, self._ask("GET", "/api/v1/eth1/publicKeys").json()))
                except (ValueError, TypeError):
                    raise WrongSignatureError(f"{self._name} does not list its keys") from None
                found = [text for text in listed if _account(text) == self.address]
                if not found:
                    raise UnknownKeyError(f"{self._name} holds {len(listed)} keys and not that of {self.address}")
                self._identifier = found[0]
            return self._identifier

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            response = self._client.request(method, self.url + path, json=body, headers=self._headers())
        except httpx.InvalidURL as error:
            raise RemoteAccountError(f"{self._name}: {error}") from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise SignerUnreachableError(f"{self._name} does not answer: {reason}") from error
        status = response.status_code
        if status == httpx.codes.NOT_FOUND and method == "POST":
            self._identifier = None
            raise UnknownKeyError(f"{self._name} no longer holds the key of {self.address}")
        if status != httpx.codes.OK:
            said, remedy = _REASONS.get(status, (f"answered with HTTP status {status}", SignerRefusedError.remedy))
            raise SignerRefusedError(f"{self._name} {said}", remedy=remedy)
        return response

    def _headers(self) -> dict[str, str]:
        if self.access.token is None:
            return {}
        try:
            token = next(iter(self.access.token.read_text("ascii").splitlines()), "").strip()
        except OSError as error:
            raise RemoteAccountError(f"token file {self.access.token} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            token = ""
        if not token.isprintable() or not token:
            raise RemoteAccountError(f"token file {self.access.token} holds no token in its first line")
        return {"Authorization": f"Bearer {token}"}


def _account(text: str) -> ChecksumAddress | None:
    """Return whose public key a server lists; None where it is none that signs on a chain."""
    try:
        return address_of(bytes.fromhex(text.removeprefix("0x")))
    except (ValueError, PublicKeyError):
        return None


def _trust(access: RemoteAccess) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.ca)
        if access.cert is not None:
            # A key with a password fails here: asking for it would hang a daemon.
            context.load_cert_chain(access.cert, access.key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        named = [str(file) for file in (access.ca, access.cert, access.key) if file is not None]
        raise RemoteAccountError(f"TLS files {', '.join(named)} cannot be used: {error.strerror or error}") from error
    return context
