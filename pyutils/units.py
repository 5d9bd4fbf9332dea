"""Integers with names. Nothing is a float until it is printed, and printing here is exact too."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NewType

from pyutils.errors import InputError

TokenUnits = NewType("TokenUnits", int)
"""Money in the settlement token's smallest unit."""

GpuMs = NewType("GpuMs", int)
"""GPU-milliseconds: one GPU available (or busy, or delivered) for one millisecond; 3,600,000 make a GPU-hour."""

Wad = NewType("Wad", int)
"""A ratio scaled by 1e18."""

UnixSeconds = NewType("UnixSeconds", int)
"""A time in seconds since 1970-01-01 UTC, as blocks are stamped."""

UnixMs = NewType("UnixMs", int)
"""A time in milliseconds since 1970-01-01 UTC, as meters stamp samples."""

Ms = NewType("Ms", int)
"""A span of time in milliseconds."""

Ppm = NewType("Ppm", int)
"""A ratio in parts per million; a duty cycle of 100 % is 1,000,000."""

Joules = NewType("Joules", int)
"""Energy in joules."""

Watts = NewType("Watts", int)
"""Power in watts."""

ShareUnits = NewType("ShareUnits", int)
"""Fleet shares in their smallest unit; `SHARE_DECIMALS` of them follow the point."""

FleetId = NewType("FleetId", int)
"""Number of a fleet, and of its title, in FleetRegistry."""

LeaseId = NewType("LeaseId", int)
"""Number of a lease, and of its NFT, in LeaseBook."""

VaultShares = NewType("VaultShares", int)
"""Shares of a credit vault in their smallest unit; six more decimals than its settlement token."""

LoanId = NewType("LoanId", int)
"""Number of a loan in FleetCredit."""

Bps = NewType("Bps", int)
"""A ratio, or a rate a year, in basis points; 10,000 are the whole."""

ScaledInterest = NewType("ScaledInterest", int)
"""Interest in asset units × basis points × seconds: exact, however often it is counted."""

BlockNumber = NewType("BlockNumber", int)
"""Height of a block."""

WAD = Wad(10**18)
NO_MONEY = TokenUnits(0)
NO_GPU_TIME = GpuMs(0)
EPOCH = UnixSeconds(0)
"""What contracts keep for a moment that has not come."""
SHARE_DECIMALS = 18
MS_PER_SECOND = 1_000
MS_PER_HOUR = 3_600_000
SECONDS_PER_HOUR = 3_600
PPM = 1_000_000
BPS = 10_000

_PLAIN_DECIMAL = re.compile(r"[0-9][0-9_]*(\.[0-9]+)?")


class AmountError(InputError):
    """Text is no exact amount in the unit wanted."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r} {reason}", remedy="Write a plain number such as 1250 or 2.35")
        self.text, self.reason = text, reason


class Bytes32TextError(InputError):
    """Text does not fit a `bytes32` short string, or a word holds no such text."""

    def __init__(self, value: str | bytes, reason: str) -> None:
        shown = value if isinstance(value, str) else "0x" + value.hex()
        super().__init__(f"{shown!r} {reason}", remedy="Use 1 to 31 printable ASCII characters")
        self.value, self.reason = value, reason


def _parse_scaled(text: str, scale: int) -> int:
    """Return `text` × `scale` where that is a whole number. Never rounds."""
    clean = text.strip()
    if not _PLAIN_DECIMAL.fullmatch(clean):
        raise AmountError(text, "is not a plain decimal number")
    numerator, denominator = Decimal(clean).as_integer_ratio()
    scaled, rest = divmod(numerator * scale, denominator)
    if rest:
        raise AmountError(text, f"is finer than 1/{scale}, the smallest unit")
    return scaled


def format_fixed(value: int, decimals: int, places: int | None = None) -> str:
    """Return `value` ÷ 10**`decimals` as text, exactly; with `places`, cut towards zero to so many digits."""
    sign, whole = ("-", -value) if value < 0 else ("", value)
    units, fraction = divmod(whole, 10**decimals)
    digits = f"{fraction:0{decimals}d}" if decimals else ""
    if places is None:
        digits = digits.rstrip("0")
    else:
        digits = digits[:places].ljust(places, "0")
    return f"{sign}{units}.{digits}" if digits else f"{sign}{units}"


def format_money(amount: TokenUnits, decimals: int, places: int | None = None) -> str:
    """Return money for people: `format_money(2_350_000, 6)` is `"2.35"`. Exact unless `places` cuts it."""
    return format_fixed(amount, decimals, places)


def parse_money(text: str, decimals: int) -> TokenUnits:
    """Return the token units that `text` means. Raises `AmountError` where the token cannot express it."""
    return TokenUnits(_parse_scaled(text, 10**decimals))


def format_gpu_hours(time: GpuMs, places: int = 3) -> str:
    """Return GPU-hours for people, cut (never rounded up) to `places` digits."""
    return format_fixed(time * 10**places // MS_PER_HOUR, places, places)


def parse_gpu_hours(text: str) -> GpuMs:
    """Return the GPU-milliseconds that `text` GPU-hours mean. Raises `AmountError` below a millisecond."""
    return GpuMs(_parse_scaled(text, MS_PER_HOUR))


def format_bps(ratio: int) -> str:
    """Return basis points as percent, exactly: `format_bps(1_250)` is `"12.5 %"`."""
    return format_fixed(ratio, 2) + " %"


def parse_bps(text: str) -> Bps:
    """Return a ratio such as `0.125`, or `12.5%`, in basis points. Raises `AmountError` where it is finer."""
    clean = text.strip()
    if clean.endswith("%"):
        return Bps(_parse_scaled(clean[:-1].rstrip(), 100))
    return Bps(_parse_scaled(clean, BPS))


def format_wad_percent(ratio: Wad, places: int = 2) -> str:
    """Return a WAD ratio as percent, cut to `places` digits: `format_wad_percent(WAD // 8)` is `"12.50 %"`."""
    return format_fixed(ratio * 100, 18, places) + " %"


def parse_wad(text: str) -> Wad:
    """Return a ratio such as `0.05`, or `5%`, in WAD."""
    clean = text.strip()
    if clean.endswith("%"):
        return Wad(_parse_scaled(clean[:-1], 10**16))
    return Wad(_parse_scaled(clean, WAD))


def to_bytes32_text(text: str) -> bytes:
    """Return a short string such as `H100-SXM5-80GB` as the left-aligned `bytes32` that contracts hold."""
    if not 1 <= len(text) <= 31 or not (text.isascii() and text.isprintable()):
        raise Bytes32TextError(text, "is no short string")
    return text.encode("ascii").ljust(32, b"\0")


def from_bytes32_text(word: bytes) -> str:
    """Return the short string in a `bytes32`; `""` for the zero word. Raises `Bytes32TextError` for other bytes."""
    if len(word) != 32:
        raise Bytes32TextError(word, f"has {len(word)} bytes, not 32")
    text = word.rstrip(b"\0")
    if not text:
        return ""
    if not (text.isascii() and text.decode("ascii").isprintable()):
        raise Bytes32TextError(word, "is no short string")
    return text.decode("ascii")
