"""Where things are: one frozen value, read from `GPURWA_*` variables and overridden by flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pyutils.errors import SettingsError

ENV_PREFIX = "GPURWA_"


class Settings(BaseSettings):
    """Configuration of one process. Secrets are never in it, only paths to them."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    network: str = Field(default="devnet", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of the network, and so of its deployment record."""
    rpc_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """RPC endpoints in order of preference, separated by commas; empty means those of the network's record."""
    manifest: Path | None = None
    """Deployment record to use instead of the one shipped for the network."""
    keystore: Path | None = None
    """Keystore v3 file of the account that signs transactions."""
    reporter_keystore: Path | None = None
    """Keystore v3 file of the key that signs meter reports; another key than the one that pays gas."""
    password_file: Path | None = None
    """File whose first line opens the keystore; without it the password is prompted for."""
    database: str | None = None
    """URL of the event index; a SQLite file in the person's folder of the network by default."""
    out: Path = Path("out")
    """Folder for what commands write."""
    sourcify_url: str | None = None
    """Where a Sourcify's API begins; sourcify.dev by default."""
    etherscan_url: str | None = None
    """The one address of Etherscan's API, or of an API like it; api.etherscan.io by default."""
    blockscout_url: str | None = None
    """The address of a Blockscout's Etherscan-like API: each serves one chain."""
    traces: Path = Path("../shared/data")
    """Folder of recorded traces that tests and benchmarks read."""

    @field_validator("rpc_urls", mode="before")
    @classmethod
    def _split_urls(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(url.strip() for url in value.split(",") if url.strip())
        return value

    @field_validator("rpc_urls")
    @classmethod
    def _check_schemes(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("http://", "https://", "ws://", "wss://")) and not url.endswith(".ipc"):
                raise ValueError(f"{url!r} is neither an http(s) or ws(s) URL nor a path that ends in .ipc")
        return urls


def load_settings(**flags: Any) -> Settings:
    """Return the settings of the environment, overridden by every flag that is not None.

    Raises `SettingsError`, naming the variable, where a value cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(f"{ENV_PREFIX}{name.upper()}: {first['msg'].removeprefix('Value error, ')}") from error
