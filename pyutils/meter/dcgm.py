"""What dcgm-exporter calls things, and how it writes numbers: sentinels for what a board does not tell among them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from itertools import repeat
from operator import mul
from typing import Final

import orjson

from pyutils.errors import InputError
from pyutils.meter.rule import MAX_ENERGY_MJ
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

_INT32_BLANK: Final = 0x7FFFFFF0
_FP64_BLANK: Final = 2**47
_INT64_BLANK: Final = 0x7FFFFFFFFFFFFFF0
_CODES: Final = 16
"""Each kind of blank value has so many codes: not found, not supported, not permitted …"""
_BLANKS: Final = frozenset((*range(_INT32_BLANK, _INT32_BLANK + _CODES), *range(_FP64_BLANK, _FP64_BLANK + _CODES)))
"""The exporter itself leaves these out, of whatever type the metric is. Above them all lie the 64-bit ones."""
_MOST_TEXTS: Final = 200_000
_SHORT: Final = len("0.123456")
_SCALES: Final = {DUTY_METRIC: PPM // 100, SM_METRIC: PPM}


class UnknownDutyMetricError(InputError):
    """A metric is named that says nothing of how busy a board is."""

    remedy = f"Name one of {', '.join(_SCALES)}"

    def __init__(self, metric: str) -> None:
        super().__init__(f"{metric!r} is no duty metric")


class DutyTexts(dict[str, int]):
    """Duty in parts per million by its text, rounded down, `DROPPED` for what is no duty; fills itself when asked."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self._scale = scale

    def __missing__(self, text: str) -> int:
        value = _number(text)
        scaled = DROPPED if value is None else value * self._scale
        ppm = int(Decimal(scaled).to_integral_value(ROUND_FLOOR)) if 0 <= scaled <= PPM else DROPPED
        if len(self) >= _MOST_TEXTS:
            self.clear()
        self[text] = ppm
        return ppm

    def all_ppm(self, texts: Sequence[str]) -> list[int]:
        """Return the duty of each text."""
        # Percents are few texts, seen again and again; ratios are many.
        found = _short_ratios_ppm(texts) if self._scale == PPM else None
        return list(map(self.__getitem__, texts)) if found is None else found


def duty_texts(metric: str) -> DutyTexts:
    """Return what reads a duty metric's values. Raises `UnknownDutyMetricError`."""
    if metric not in _SCALES:
        raise UnknownDutyMetricError(metric)
    return DutyTexts(_SCALES[metric])


def energies_mj(texts: Sequence[str]) -> list[int]:
    """Return energy in millijoules of each text, rounded down, `DROPPED` for sentinels and what is no energy."""
    try:
        found = list(map(int, texts))
    except ValueError:
        found = [_energy_mj(text) for text in texts]
    if found and (min(found) < 0 or max(found) >= _INT64_BLANK or not _BLANKS.isdisjoint(found)):
        return [DROPPED if mj in _BLANKS or not 0 <= mj < _INT64_BLANK else mj for mj in found]
    return found


def _energy_mj(text: str) -> int:
    value = _number(text)
    return DROPPED if value is None or not 0 <= value <= MAX_ENERGY_MJ else int(value)


def _short_ratios_ppm(texts: Sequence[str]) -> list[int] | None:
    """Return ratios in parts per million, or None where one of them has more than six decimals, or is no number."""
    joined = ",".join(texts)
    if max(map(len, texts)) > _SHORT or "e" in joined or "E" in joined:
        return None
    try:
        ratios = orjson.loads(f"[{joined}]")
        # Whole parts per million: rounding finds them, whatever doubles made of the decimals.
        found = list(map(round, map(mul, ratios, repeat(float(PPM)))))
    except (orjson.JSONDecodeError, TypeError):
        return None
    if len(found) != len(texts) or min(found) < 0 or max(found) > PPM:
        return None
    return found


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
