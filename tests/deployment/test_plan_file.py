"""A plan's file: what it comes to, and one line for each fault, with file, entry and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyutils.deployment import Plan, Role, plan_hash
from pyutils.deployment.blueprint import draw
from pyutils.deployment.network import UnknownChainError, load_networks
from pyutils.deployment.outline import Kind, outline
from pyutils.deployment.plan import DEFAULT_TERMS
from pyutils.deployment.plan_file import Draft, FileError, example_plan, example_text, find_plan, plan_path
from pyutils.deployment.roles import EXECUTION_DELAYS_S
from pyutils.errors import InputError

from .practice import NETWORK, networks_text, plan_text, signer_of

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"


def read(folder: Path, text: str) -> Draft:
    (folder / "networks.toml").write_text(networks_text())
    file = folder / "plan.toml"
    file.write_text(text)
    draft = find_plan("", file, folder)
    assert draft is not None
    return draft


def test_example__base_sepolia__is_the_default_plan_with_the_stablecoin_of_the_chain() -> None:
    draft = example_plan("base-sepolia")

    assert draft.is_example
    assert draft.plan.chain_id == 84532
    assert draft.plan.tokens == (USDC,)
    assert draft.decimals == {USDC: 6}
    assert draft.plan.terms == DEFAULT_TERMS
    assert draft.plan.liveness_s == 86_400
    assert {grant.role: grant.execution_delay_s for grant in draft.plan.grants} == EXECUTION_DELAYS_S
    assert {grant.role: grant.holder for grant in draft.plan.grants} == {
        grant.role: grant.holder for grant in Plan.default(31337).grants
    }


@pytest.mark.parametrize("network", [name for name, one in load_networks().items() if not one.mainnet and one.tokens])
def test_example__every_testnet__can_be_drawn_without_an_endpoint(network: str) -> None:
    draft = example_plan(network)
    assert draft.plan.deployer is not None
    steps = outline(draft.plan, draw(draft.plan, draft.plan.deployer, draft.decimals))
    assert all(step.gas > 0 for step in steps)
    assert [step.kind for step in steps].count(Kind.CONTRACT) == 19


def test_plan_hash__same_plan__same_hash_and_another_one_for_each_change() -> None:
    plan = example_plan("sepolia").plan
    assert plan_hash(plan) == plan_hash(example_plan("sepolia").plan)
    changes: list[dict[str, Any]] = [
        {"regions": ("FR-IDF",)},
        {"protocol_fee_bps": 99},
        {"deployer": signer_of("x").address},
    ]
    assert len({plan_hash(plan), *(plan_hash(plan.model_copy(update=change)) for change in changes)}) == 4


def test_find_plan__own_one__wins_and_is_found_by_the_network_s_name(tmp_path: Path) -> None:
    (tmp_path / "networks.toml").write_text(networks_text())
    assert find_plan(NETWORK, folder=tmp_path) is None
    plan_path(NETWORK, tmp_path).write_text(plan_text())

    draft = find_plan(NETWORK, folder=tmp_path)

    assert draft is not None
    assert draft.source == str(plan_path(NETWORK, tmp_path))
    assert draft.plan.deployer is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('network = "practice"', 'network = "nowhere"', "nothing is known of a network 'nowhere'"),
        ('network = "practice"', "", "network: name the chain"),
        ("protocol_bps = 100", "protocol_bps = 1_001", "fees.protocol_bps: Input should be less than or equal to 1000"),
        ("protocol_bps = 100", 'protocol_bps = "1 %"', "fees.protocol_bps: Input should be a valid integer"),
        ("[roles.risk]", "[roles.risks]", "roles.risks: there is no such role, only admin, registrar"),
        (
            f'holders = ["{signer_of("risk").address}"]',
            "holders = []",
            "roles.risk.holders: Tuple should have",
        ),
        (signer_of("risk").address, "0x" + "00" * 20, "roles.risk.holders: nobody can act for the zero address"),
        (signer_of("risk").address, "0x1234", "roles.risk.holders.0: '0x1234' is no address of 20 bytes"),
        (signer_of("risk").address, signer_of("risk").address.swapcase(), "roles.risk.holders.0: "),
        ("delay_s = 604_800", "delay_s = 1", "the admin's delay must be the longest of all"),
        ('regions = ["DE-HE", "US-TX"]', 'regions = ["Hesse"]', "regions.0: String should match pattern"),
        ('regions = ["DE-HE", "US-TX"]', 'tokens = ["EURC"]', "tokens.0: 'EURC' is not known on Practice"),
        ("vault_cap = 10_000_000", "vault_cap = -1", "credit.0.vault_cap: Input should be greater than or equal to 0"),
        ("vault_cap = 10_000_000", "vault_cup = 1", "credit.0.vault_cup: Extra inputs are not permitted"),
        ('"H100-SXM5-80GB" = 25_000', f'"{"H" * 32}" = 1', "credit.0.class_prices.0.gpu_class: String should have at"),
        (
            "vault_cap = 10_000_000",
            'collaterals = [{ token = "BTC", feed = "BTC", max_age_s = 1, least = 1, most = 2 }]',
            "credit.0.collaterals.0.token: no token of 'BTC' is confirmed for Practice; give an address",
        ),
        ("# liveness_s = 86_400", "liveness_s = 0", "liveness_s: Input should be greater than or equal to 1800"),
        ("reservation_bps = 1_000", "reservation_bps = 10_001", "terms.reservation_bps: Input should be less than"),
        ("[fees]", "[fees", "is not TOML"),
    ],
)
def test_plan__a_fault__is_one_line_with_file_entry_and_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, plan_text(changes={old: new}))
    line = refused.value.line()
    assert said in line
    assert "\n" not in line
    assert refused.value.remedy
    if not isinstance(refused.value, UnknownChainError):
        assert line.startswith(f"{tmp_path / 'plan.toml'}: ") or f"{tmp_path / 'plan.toml'} is not TOML" in line


def test_plan__no_file__is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        find_plan("", tmp_path / "none.toml", tmp_path)


def test_plan__rollup_with_money_and_no_known_feed__is_asked_for_it() -> None:
    with pytest.raises(FileError, match=r"oracle\.sequencer_feed: name the uptime feed of Base"):
        example_plan("base")


def test_plan__collateral_by_symbol__is_priced_by_the_feed_that_is_known(tmp_path: Path) -> None:
    listing = f'collaterals = [{{ token = "{USDC}", feed = "BTC", max_age_s = 1, least = 1, most = 2 }}]'
    text = example_text("sepolia").replace("vault_cap = 10_000_000", listing)
    (tmp_path / "plan.toml").write_text(text)
    draft = find_plan("", tmp_path / "plan.toml", tmp_path)
    assert draft is not None
    assert draft.plan.credit[0].collaterals[0].feed == "0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"


def test_example_text__another_network__names_it() -> None:
    assert 'network = "op-sepolia"' in example_text("op-sepolia")


def test_plan__two_holders_of_a_role__both_get_it(tmp_path: Path) -> None:
    first, second = signer_of("guardian").address, signer_of("other guardian").address
    draft = read(tmp_path, plan_text(changes={f'["{first}"]': f'["{first}", "{second}"]'}))
    assert [grant.holder for grant in draft.plan.grants if grant.role is Role.GUARDIAN] == [first, second]
