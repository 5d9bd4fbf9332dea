"""Carry a signed meter report to the connected chain: what the fleet's meters showed becomes its head."""

from pathlib import Path

import click
from ape.cli import account_option

from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.ape_system import system_on
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.operations.reports import submit

FILE = click.Path(path_type=Path, exists=True)


@click.command(cls=ScriptCommand)
@account_option()
@click.argument("report", type=FILE)
@click.argument("signatures", type=FILE, nargs=-1, required=True)
@RECORD
def cli(account, ecosystem, provider, report, signatures, record):
    """Submit REPORT with SIGNATURES of the reporter and a quorum of verifiers."""
    system = system_on(provider, record)
    lane = system.lane(ApeSigner(account, ecosystem))
    receipt = submit(system, lane, ReportFile.read(report), [SignatureFile.read(path) for path in signatures])
    click.echo(f"submitted in block {receipt.block_number}, {receipt.gas_used} gas")
