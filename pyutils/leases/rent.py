"""Exact mirror of `RentLib`. Prices in token units per GPU-hour, delivery in GPU-milliseconds, times in seconds."""

from __future__ import annotations

from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, SECONDS_PER_HOUR, GpuMs, TokenUnits


def rent_down(price_per_gpu_hour: TokenUnits, delivered: GpuMs) -> TokenUnits:
    """Return rent in token units for `delivered`. Rounds down: no lessee pays for a fraction that was not delivered."""
    return TokenUnits(price_per_gpu_hour * delivered // MS_PER_HOUR)


def deposit_up(price_per_gpu_hour: TokenUnits, gpus: int, duration_s: int) -> TokenUnits:
    """Return the rent of `gpus` for `duration_s`. Rounds up: the deposit covers whatever can be delivered."""
    return TokenUnits(-(-price_per_gpu_hour * gpus * duration_s // SECONDS_PER_HOUR))


def deliverable(gpus: int, duration_s: int) -> GpuMs:
    """Return the most that `gpus` can deliver in `duration_s`. Exact."""
    return GpuMs(gpus * duration_s * MS_PER_SECOND)
