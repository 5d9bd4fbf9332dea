"""`gpurwa fleet` on the GPUs of a fleet: which there are, more, fewer, others, and one that is in two fleets."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.parameters import FILE
from pyutils.cli.session import Session, asks, writes
from pyutils.errors import InputError
from pyutils.operations.calls import send
from pyutils.operations.custody import owner_contract
from pyutils.operations.gpu_lists import gpu_leaf, gpu_tree, read_gpu_list
from pyutils.units import FleetId


@click.command()
@click.argument("file", type=FILE)
@asks
def gpus(session: Session, file: Path) -> None:
    """File a list of GPUs that somebody else published, so that reports over it can be built and verified."""
    ids = read_gpu_list(file)
    root = session.gpu_lists.file(ids)
    session.show({"root": root, "gpus": ids}, lambda: click.echo(f"{len(ids)} GPUs with the root 0x{root.hex()}"))


@click.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="All GPUs that the fleet shall have, one id a line.")
@writes
def grow(session: Session, fleet_id: int, gpus: Path) -> None:
    """Ask for more GPUs; the registrar confirms. For the fleet's controller."""
    ids = read_gpu_list(gpus)
    root = session.gpu_lists.file(ids)
    receipt = session.system.registry.request_growth(session.lane, FleetId(fleet_id), len(ids), root)
    session.done(receipt, f"fleet {fleet_id} asks for {len(ids)} GPUs")


@click.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="The GPUs that stay, one id a line.")
@writes
def shrink(session: Session, fleet_id: int, gpus: Path) -> None:
    """Take GPUs out, never below what is leased. For the title's owner; in custody for its controller, with consent."""
    ids = read_gpu_list(gpus)
    root = session.gpu_lists.file(ids)
    owner = owner_contract(session.system, FleetId(fleet_id))
    receipt = send(session.lane, owner, "shrink", fleet_id, len(ids), root)
    session.done(receipt, f"fleet {fleet_id} has {len(ids)} GPUs")


@click.command("replace-boards")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="All GPUs after the exchange, as many as before.")
@writes
def replace_boards(session: Session, fleet_id: int, gpus: Path) -> None:
    """Exchange boards, as many as before. For the title's owner; in custody for its controller, with consent."""
    ids = read_gpu_list(gpus)
    capacity = session.system.registry.fleet(FleetId(fleet_id)).capacity
    if len(ids) != capacity:
        raise InputError(f"{len(ids)} GPUs are named, the fleet has {capacity}", remedy="Use `fleet grow` or `shrink`")
    owner = owner_contract(session.system, FleetId(fleet_id))
    receipt = send(session.lane, owner, "setGpuRoot", fleet_id, session.gpu_lists.file(ids))
    session.done(receipt, f"fleet {fleet_id} has other boards")


@click.command("prove-double")
@click.argument("gpu_id", metavar="GPU")
@click.argument("fleet_a", type=int)
@click.argument("fleet_b", type=int)
@writes
def prove_double(session: Session, gpu_id: str, fleet_a: int, fleet_b: int) -> None:
    """Prove that one GPU is in two fleets; both take no new business until the registrar decides. For anyone."""
    leaf = gpu_leaf(gpu_id)
    proofs = []
    for fleet_id in (fleet_a, fleet_b):
        ids = session.gpu_lists.ids(session.system.registry.fleet(FleetId(fleet_id)).gpu_root)
        tree = gpu_tree(ids)
        proofs.append(list(tree.proof(tree.index_of((leaf,)))))
    registry = session.system.registry
    receipt = send(session.lane, registry, "proveDoubleEnrolment", leaf, fleet_a, proofs[0], fleet_b, proofs[1])
    session.done(receipt, f"{gpu_id} is in fleets {fleet_a} and {fleet_b}; both are suspended")
