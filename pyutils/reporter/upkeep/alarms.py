"""Telling people what a machine cannot mend: in the log, and by a POST to an address of their choice."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
import orjson

from pyutils.chain.provider import shown

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 10.0


class Alarm(StrEnum):
    """What happened."""

    FOREIGN_REPORT = "foreign_report"
    """A report of the fleet that this daemon did not make."""
    DISPUTE = "dispute"
    """Somebody disputes a report of this daemon."""
    STRUCK = "struck"
    """The arbiter, or time, struck a report of this daemon."""
    REPORT_GIVEN_UP = "report_given_up"
    """A report was signed and will not become the head; the next one says what it said."""
    CLOCK_SKEW = "clock_skew"
    """The meter's clock and the chain's differ by more than is allowed."""


@dataclass
class Alarms:
    """Where alarms go; each is told once while this process lives."""

    url: str | None = None

    def __post_init__(self) -> None:
        self._told: set[tuple[Alarm, str]] = set()

    def tell(self, alarm: Alarm, key: str, text: str, facts: Mapping[str, Any]) -> bool:
        """Tell an alarm, once for each `key`. Returns whether it was new; an address that fails is logged."""
        if (alarm, key) in self._told:
            return False
        self._told.add((alarm, key))
        _LOG.error("ALARM %s: %s", alarm, text)
        if self.url is not None:
            body = orjson.dumps({"alarm": alarm, "text": text, **facts})
            try:
                headers = {"Content-Type": "application/json"}
                httpx.post(self.url, content=body, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                _LOG.error("the alarm did not reach %s: %s", shown(self.url), str(error) or type(error).__name__)
        return True
