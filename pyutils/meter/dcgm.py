"""What dcgm-exporter calls things, and how it writes numbers: sentinels for what a board does not tell among them."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final

from pyutils.units import PPM

DUTY_METRIC: Final = "DCGM_FI_DEV_GPU_UTIL"
"""Percent of the time since the last look during which a kernel ran."""
SM_METRIC: Final = "DCGM_FI_PROF_SM_ACTIVE"
"""Ratio of cycles in which a multiprocessor had a warp, mean over all of them."""
ENERGY_METRIC: Final = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
"""Millijoules since the driver was loaded."""
POWER_METRIC: Final = "DCGM_FI_DEV_POWER_USAGE"
"""Watts."""

DROPPED: Final = -1
"""What a text becomes that is no measurement."""

_FP64_BLANK: Final = Decimal(2**47)
_BLANKS: Final = 16
"""Each kind of blank value has so many codes: not found, not supported, not permitted …"""
_INT64_BLANK: Final = Decimal(2**62)
"""Blank integers lie at the top of their range, and as doubles are not told apart; no counter comes near."""
_MOST_TEXTS: Final = 200_000
_SCALES: Final = {DUTY_METRIC: PPM // 100, SM_METRIC: PPM}


class DutyTexts(dict[str, int]):
    """Duty in parts per million by its text, rounded down, `DROPPED` for what is no duty; fills itself when asked."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self._scale = scale

    def __missing__(self, text: str) -> int:
        value = _number(text)
        ppm = DROPPED if value is None else int((value * self._scale).to_integral_value(ROUND_FLOOR))
        if not 0 <= ppm <= PPM or (value is not None and value * self._scale > PPM):
            ppm = DROPPED
        if len(self) < _MOST_TEXTS:
            self[text] = ppm
        return ppm


class EnergyTexts(dict[str, int]):
    """Energy in millijoules by its text, rounded down, `DROPPED` for sentinels; keeps nothing, since counters grow."""

    def __missing__(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 15:
            energy = int(text)
            return energy if energy < 2**47 else self._rare(text)
        return self._rare(text)

    def _rare(self, text: str) -> int:
        value = _number(text)
        if value is None or value < 0 or value >= _INT64_BLANK or _FP64_BLANK <= value < _FP64_BLANK + _BLANKS:
            return DROPPED
        return int(value)


def duty_texts(metric: str) -> DutyTexts:
    """Return what reads a duty metric's values."""
    return DutyTexts(_SCALES[metric])


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
