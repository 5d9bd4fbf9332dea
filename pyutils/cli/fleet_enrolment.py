"""`gpurwa fleet enroll`, and what it shares with later changes: prices, documents and deeds."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.parameters import DURATION, FILE, TIME
from pyutils.cli.session import Session, writes
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import ZERO_ADDRESS, Documents, FleetEnrolment, ShareTerms
from pyutils.operations import fleets
from pyutils.operations.gpu_lists import gpu_tree, read_gpu_list
from pyutils.units import SHARE_DECIMALS, TokenUnits, parse_money, to_bytes32_text

BOARD_WATTS = {"H100-SXM5": 700, "H100-PCIE": 350, "H200": 700, "B200": 1_000}
"""Vendors' ratings, by the begin of the class."""


class PriceError(InputError):
    """A price cannot be."""

    remedy = "Give a price above zero and not below the fleet's floor"


@click.command()
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
    cost = parse_price(price, decimals) if price is not None else None
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
        price_floor=parse_price(floor, decimals),
        operating_share_bps=operating_share,
        insurance_expiry=insured_until,
        deed_hash=hash_deed(deed),
        documents=read_documents(papers) if papers else Documents(),
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


def parse_price(text: str, decimals: int) -> TokenUnits:
    """Return the units of a price in coins. Raises `PriceError` where it is 0."""
    cost = parse_money(text, decimals)
    if not cost:
        raise PriceError("a price of 0")
    return cost


def read_documents(file: Path) -> Documents:
    """Return the ERC-7578 documents in a JSON file. Raises `InputError`."""
    try:
        return Documents.model_validate_json(_bytes(file))
    except ValueError as error:
        raise InputError(
            f"{file} holds no ERC-7578 documents", remedy="Write what `gpurwa fleet documents --json` prints"
        ) from error


def hash_deed(file: Path) -> bytes:
    """Return the hash of a deed, which goes on chain instead of it. Raises `InputError`."""
    return keccak256(_bytes(file))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", remedy="Check the path") from error
