"""Fleets: enrolling, showing and running them."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import DURATION, TIME, format_duration, format_time
from pyutils.cli.session import Session, asks, reads, writes
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import ZERO_ADDRESS, Documents, FleetEnrolment, ShareTerms
from pyutils.operations import fleets, reports
from pyutils.operations.calls import send
from pyutils.operations.gpu_lists import gpu_leaf, gpu_tree, read_gpu_list
from pyutils.units import FleetId, GpuMs, TokenUnits, format_gpu_hours, parse_money, to_bytes32_text

FILE = click.Path(path_type=Path)
SHARE_DECIMALS = 18
BOARD_WATTS = {"H100-SXM5": 700, "H100-PCIE": 350, "H200": 700, "B200": 1_000}
"""Vendors' ratings, by the begin of the class."""


class PriceError(InputError):
    """A price cannot be."""

    remedy = "Give a price above zero and not below the fleet's floor"


@click.group()
def fleet() -> None:
    """Fleets: GPUs of one class at one site under one operator."""


@fleet.command("list")
@reads
def list_(session: Session, block: Block) -> None:
    """List all fleets."""
    views = fleets.list_fleets(session.system, block)

    def people() -> None:
        rows = []
        for view in views:
            token = session.system.token(view.fleet.settlement_token)
            rows.append(
                (
                    view.fleet_id,
                    view.fleet.gpu_class,
                    view.fleet.region,
                    view.fleet.status.name.lower(),
                    f"{view.leased_gpus} of {view.fleet.capacity}",
                    session.coins(view.price_per_gpu_hour, token) if view.price_per_gpu_hour else "–",
                    format_time(view.head.as_of),
                )
            )
        columns = ("#id", "class", "region", "status", "#leased", "#price per GPU-hour", "head as of")
        print_table(f"Fleets on {session.manifest.network}", columns, rows)

    session.show(views, people)


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def show(session: Session, block: Block, fleet_id: int) -> None:
    """Show one fleet: what it is, who runs it, and what its newest report says."""
    view = fleets.show(session.system, FleetId(fleet_id), block)
    token = session.system.token(view.fleet.settlement_token)

    def people() -> None:
        head = view.head
        facts = {
            "class, region": f"{view.fleet.gpu_class}, {view.fleet.region}",
            "status": view.fleet.status.name.lower() + (", suspended" if view.fleet.suspended else ""),
            "GPUs": f"{view.fleet.capacity}, {view.leased_gpus} of them leased",
            "growth asked for": view.fleet.requested_capacity or "–",
            "longest lease": format_duration(view.fleet.max_term),
            "samples every": format_duration(view.fleet.sample_cadence),
            "board power": f"{view.fleet.board_power_watts} W",
            "settles in": f"{token.symbol()} {token.address}",
            "price per GPU-hour": session.coins(view.price_per_gpu_hour, token),
            "floor": session.coins(view.fleet.price_floor, token),
            "in escrow": session.coins(view.escrow, token),
            "title's owner": view.owner,
            "controller": view.controller,
            "operator": view.fleet.operator,
            "shares": view.fleet.shares,
            "insured until": format_time(view.fleet.insurance_expiry),
            "reporter": view.reporter,
            "verifiers": f"{view.quorum} of {', '.join(view.verifiers) or 'none'}",
            "head as of": format_time(head.as_of),
            "available": f"{format_gpu_hours(GpuMs(head.available_gpu_ms))} GPU-hours",
            "busy": f"{format_gpu_hours(GpuMs(head.busy_gpu_ms))} GPU-hours",
            "energy": f"{head.energy_joules} J",
            "digest": f"0x{head.digest.hex()}",
        }
        print_facts(f"Fleet {fleet_id}", facts)

    session.show(view, people)


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def documents(session: Session, block: Block, fleet_id: int) -> None:
    """Show a fleet's documents, as ERC-7578 has them."""
    found = fleets.documents(session.system, FleetId(fleet_id), block)
    session.show(found, lambda: print_facts(f"Documents of fleet {fleet_id}", dict(found)))


@fleet.command("set-documents")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("file", type=FILE)
@writes
def set_documents(session: Session, fleet_id: int, file: Path) -> None:
    """Set a fleet's documents from a JSON file, as `fleet documents --json` prints them. For its controller."""
    receipt = session.system.registry.set_documents(session.lane, FleetId(fleet_id), _documents(file))
    session.done(receipt, f"fleet {fleet_id} has other documents")


@fleet.command()
@click.option("--class", "gpu_class", required=True, help="GPU class, such as H100-SXM5-80GB.")
@click.option("--region", required=True, help="ISO 3166-2, such as DE-HE.")
@click.option("--gpus", type=FILE, required=True, help="File with one GPU id a line, as the meter names them.")
@click.option("--cadence", type=DURATION, required=True, help="Time between two samples of one GPU, such as 60s.")
@click.option("--floor", required=True, help="Least price per GPU-hour, in coins; only the registrar lowers it.")
@click.option("--price", help="Price per GPU-hour, in coins; may be set later by `fleet price`.")
@click.option(
    "--operating-share", type=click.IntRange(0, 10_000), default=2_000, show_default=True, help="Basis points."
)
@click.option("--max-term", type=DURATION, default="90d", show_default=True, help="Longest lease.")
@click.option("--watts", type=click.IntRange(1), help="The board's rating; known for common classes.")
@click.option("--shares", "supply", default="1000000", show_default=True, help="Whole supply of shares.")
@click.option("--name", help="Name of the shares; the class and region by default.")
@click.option("--symbol", default="FLEET", show_default=True, help="Symbol of the shares.")
@click.option("--gated", is_flag=True, help="Only permitted accounts may hold shares; for ever.")
@click.option("--custodian", default=ZERO_ADDRESS, help="Exempt from the gate.")
@click.option("--owner", help="Receives title and shares; the account that signs by default.")
@click.option("--token", help="Settlement token; the deployment's first by default.")
@click.option("--insured-until", type=TIME, required=True, help="End of the insurance.")
@click.option("--deed", type=FILE, required=True, help="Deed that ties title to lien register; its hash goes on chain.")
@click.option("--documents", "papers", type=FILE, help="JSON file of ERC-7578 documents.")
@writes
def enroll(
    session: Session,
    gpu_class: str,
    region: str,
    gpus: Path,
    cadence: int,
    floor: str,
    price: str | None,
    operating_share: int,
    max_term: int,
    watts: int | None,
    supply: str,
    name: str | None,
    symbol: str,
    gated: bool,
    custodian: str,
    owner: str | None,
    token: str | None,
    insured_until: int,
    deed: Path,
    papers: Path | None,
) -> None:
    """Enrol a fleet and create its shares. The signer, an admitted operator, becomes its operator.

    Nothing can be leased until the registrar confirmed the GPUs (`admin confirm`).
    """
    system = session.system
    coin = system.coin() if token is None else system.token(session.address(token))
    decimals = coin.decimals()
    cost = _price(price, decimals) if price is not None else None
    ids = read_gpu_list(gpus)
    owned_by = session.lane.address if owner is None else session.address(owner)
    rating = watts or next((rated for begin, rated in BOARD_WATTS.items() if gpu_class.upper().startswith(begin)), 0)
    if not rating:
        raise InputError(f"the board power of {gpu_class} is not known", remedy="Give it with --watts")
    if cost is not None and owned_by != session.lane.address:
        raise PriceError("only the title's owner sets a price", remedy="Leave --price out; the owner sets it later")
    enrolment = FleetEnrolment(
        owner=owned_by,
        gpu_class=to_bytes32_text(gpu_class),
        region=to_bytes32_text(region),
        board_power_watts=rating,
        sample_cadence=cadence,
        max_term=max_term,
        capacity=len(ids),
        gpu_root=gpu_tree(ids).root,
        settlement_token=coin.address,
        pricing=system.pricing.address,
        price_floor=_price(floor, decimals),
        operating_share_bps=operating_share,
        insurance_expiry=insured_until,
        deed_hash=keccak256(_bytes(deed)),
        documents=_documents(papers) if papers else Documents(),
        shares=ShareTerms(
            name=name or f"{gpu_class} {region}",
            symbol=symbol,
            supply=parse_money(supply, SHARE_DECIMALS),
            gated=gated,
            custodian=session.address(custodian),
        ),
    )
    fleet_id, receipt = fleets.enroll(system, session.lane, session.gpu_lists, enrolment, ids)
    if cost is not None:
        system.pricing.set_price(session.lane, fleet_id, cost)
    session.done(receipt, f"fleet {fleet_id} enrolled with {len(ids)} GPUs, to be confirmed", fleet=fleet_id)


@fleet.command()
@click.argument("file", type=FILE)
@asks
def gpus(session: Session, file: Path) -> None:
    """File a list of GPUs that somebody else published, so that reports over it can be built and verified."""
    ids = read_gpu_list(file)
    root = session.gpu_lists.file(ids)
    session.show({"root": root, "gpus": ids}, lambda: click.echo(f"{len(ids)} GPUs with the root 0x{root.hex()}"))


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("price")
@writes
def price(session: Session, fleet_id: int, price: str) -> None:
    """Set the price per GPU-hour, in coins, of leases opened from now on. For the fleet's controller."""
    token = fleets.settlement_token(session.system, FleetId(fleet_id))
    cost = _price(price, token.decimals())
    receipt = session.system.pricing.set_price(session.lane, FleetId(fleet_id), cost)
    session.done(receipt, f"fleet {fleet_id} costs {session.coins(cost, token)} per GPU-hour")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("contract")
@writes
def pricing(session: Session, fleet_id: int, contract: str) -> None:
    """Choose the contract that quotes the next lease. For the fleet's controller."""
    receipt = send(session.lane, session.system.registry, "setPricing", fleet_id, session.address(contract))
    session.done(receipt, f"{contract} quotes leases of fleet {fleet_id}")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="All GPUs that the fleet shall have, one id a line.")
@writes
def grow(session: Session, fleet_id: int, gpus: Path) -> None:
    """Ask for more GPUs; the registrar confirms. For the fleet's controller."""
    ids = read_gpu_list(gpus)
    root = session.gpu_lists.file(ids)
    receipt = session.system.registry.request_growth(session.lane, FleetId(fleet_id), len(ids), root)
    session.done(receipt, f"fleet {fleet_id} asks for {len(ids)} GPUs")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="The GPUs that stay, one id a line.")
@writes
def shrink(session: Session, fleet_id: int, gpus: Path) -> None:
    """Take GPUs out, never below what is leased. For the title's owner."""
    ids = read_gpu_list(gpus)
    root = session.gpu_lists.file(ids)
    receipt = send(session.lane, session.system.registry, "shrink", fleet_id, len(ids), root)
    session.done(receipt, f"fleet {fleet_id} has {len(ids)} GPUs")


@fleet.command("replace-boards")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="All GPUs after the exchange, as many as before.")
@writes
def replace_boards(session: Session, fleet_id: int, gpus: Path) -> None:
    """Exchange boards without changing their number. For the title's owner."""
    ids = read_gpu_list(gpus)
    capacity = session.system.registry.fleet(FleetId(fleet_id)).capacity
    if len(ids) != capacity:
        raise InputError(f"{len(ids)} GPUs are named, the fleet has {capacity}", remedy="Use `fleet grow` or `shrink`")
    receipt = send(session.lane, session.system.registry, "setGpuRoot", fleet_id, session.gpu_lists.file(ids))
    session.done(receipt, f"fleet {fleet_id} has other boards")


@fleet.command("wind-down")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def wind_down(session: Session, fleet_id: int) -> None:
    """End a fleet with nothing leased, for ever. For the title's owner."""
    session.confirm(f"End fleet {fleet_id} for ever")
    session.done(send(session.lane, session.system.registry, "windDown", fleet_id), f"fleet {fleet_id} is wound down")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--insured-until", type=TIME, required=True, help="End of the insurance.")
@click.option("--deed", type=FILE, required=True, help="Deed that ties title to lien register; its hash goes on chain.")
@writes
def insure(session: Session, fleet_id: int, insured_until: int, deed: Path) -> None:
    """Set the end of the insurance and the deed. For the fleet's controller."""
    deed_hash = keccak256(_bytes(deed))
    receipt = send(session.lane, session.system.registry, "setInsurance", fleet_id, insured_until, deed_hash)
    session.done(receipt, f"fleet {fleet_id} is insured until {format_time(insured_until)}")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("account_of_key", metavar="REPORTER")
@writes
def reporter(session: Session, fleet_id: int, account_of_key: str) -> None:
    """Set the key that signs the fleet's reports. For its operator."""
    key = session.address(account_of_key)
    receipt = session.system.oracle.set_reporter(session.lane, FleetId(fleet_id), key)
    session.done(receipt, f"{key} reports for fleet {fleet_id}")


@fleet.command("propose-operator")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("operator")
@writes
def propose_operator(session: Session, fleet_id: int, operator: str) -> None:
    """Give the operator at least 7 days' notice for another; the zero address withdraws it. For the controller."""
    receipt = send(session.lane, session.system.registry, "proposeOperator", fleet_id, session.address(operator))
    session.done(receipt, f"{operator} shall run fleet {fleet_id}")


@fleet.command("replace-operator")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def replace_operator(session: Session, fleet_id: int) -> None:
    """Complete a change of operator after its notice, once the new bond covers every lease. For anyone."""
    receipt = send(session.lane, session.system.registry, "replaceOperator", fleet_id)
    session.done(receipt, f"fleet {fleet_id} has another operator")


@fleet.command("operating-share")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("basis_points", type=click.IntRange(0, 10_000))
@writes
def operating_share(session: Session, fleet_id: int, basis_points: int) -> None:
    """Lower the operator's part of the rent; it never rises again. For the fleet's controller."""
    receipt = send(session.lane, session.system.router, "lowerOperatingShare", fleet_id, basis_points)
    session.done(receipt, f"the operating share of fleet {fleet_id} is {basis_points} basis points")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("to")
@writes
def transfer(session: Session, fleet_id: int, to: str) -> None:
    """Hand the title on, and with it the shares bound to it. For the title's owner."""
    receiver = session.address(to)
    session.confirm(f"Hand the title of fleet {fleet_id} to {receiver}")
    receipt = send(
        session.lane,
        session.system.registry,
        "transferFrom",
        session.lane.address,
        receiver,
        fleet_id,
    )
    session.done(receipt, f"the title of fleet {fleet_id} is {receiver}'s")


@fleet.command("prove-double")
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


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def head(session: Session, block: Block, fleet_id: int) -> None:
    """Show the report that is the fleet's head, with the hash of its leaf file."""
    report = reports.head_report(session.system, FleetId(fleet_id), block)

    def people() -> None:
        rows = {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in report}
        print_facts(f"Head of fleet {fleet_id}", rows)

    session.show(report, people)


def _price(text: str, decimals: int) -> TokenUnits:
    cost = parse_money(text, decimals)
    if not cost:
        raise PriceError("a price of 0")
    return cost


def _documents(file: Path) -> Documents:
    try:
        return Documents.model_validate_json(_bytes(file))
    except ValueError as error:
        raise InputError(
            f"{file} holds no ERC-7578 documents", remedy="Write what `gpurwa fleet documents --json` prints"
        ) from error


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", remedy="Check the path") from error
