"""A report as its publisher lists it: what was signed, by whom, how far it got, and the pages of samples behind it."""

from __future__ import annotations

from typing import Literal

from pyutils.models import FrozenModel, PageRef
from pyutils.operations.report_files import ReportFile, SignatureFile


class ReportEntry(FrozenModel):
    """One published report."""

    format: Literal["gpu-rwa-report-entry/1"] = "gpu-rwa-report-entry/1"
    report_file: ReportFile
    signatures: tuple[SignatureFile, ...]
    """Those gathered so far, the proposer's among them."""
    state: str
    """How far it got: SIGNED, BROADCAST, MINED, FINAL …"""
    pages: tuple[PageRef, ...] | None = None
    """All pages that the report is built from, by hour; None where reports are listed."""


class ReportEntries(FrozenModel):
    """Reports of one fleet, newest first."""

    reports: tuple[ReportEntry, ...]
