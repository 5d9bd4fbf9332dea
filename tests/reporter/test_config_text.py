"""Configuration files that `init` writes: they say all that could be in them, and read back as what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.reporter.settings.config import OperatorConfig, VerifierConfig, read_config
from pyutils.reporter.settings.config_text import render

OPERATOR: dict[str, Any] = {
    "network": "devnet", "fleet": 1, "reporter": {"signer": "a"}, "gas": {"signer": "b"}, "meter": {"kind": "nvml"},
}  # fmt: skip
PEER = {"address": "0x" + "11" * 20, "url": "https://verifier.example"}
METERS: list[dict[str, Any]] = [
    {"kind": "nvml"},
    {"kind": "prometheus", "url": "http://prom", "matchers": 'a="b\\n"', "bearer_token_file": Path("/t o k e n")},
    {"kind": "trace", "file": Path("trace.csv")},
]


def written(config: OperatorConfig | VerifierConfig, folder: Path) -> Any:
    path = folder / "config.toml"
    path.write_text(render(config, "What this is.\nAnd more."), encoding="utf-8")
    return read_config(path, type(config))


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("verifiers", [(), (PEER,), (PEER, PEER | {"address": "0x" + "22" * 20})])
def test_render__any_reporter__reads_back_equal(
    tmp_path: Path, meter: dict[str, Any], verifiers: tuple[dict[str, str], ...]
) -> None:
    more = {"power": {"idle_watts": 100, "max_watts": 700}} if meter["kind"] == "trace" else {}
    rules = {"max_clock_skew_s": 0, "post_alone": False, "budget_gwei": 10**9}
    fields = OPERATOR | {"meter": meter, "verifiers": verifiers, "rules": rules} | more
    config = OperatorConfig.model_validate(fields)
    assert written(config, tmp_path) == config


def test_render__verifier_of_two_fleets__reads_back_equal(tmp_path: Path) -> None:
    fleets = tuple(
        {"fleet": number, "operator_url": "http://op", "meter": meter, "peers": (PEER,) * (number % 2),
         "power": {"idle_watts": 1, "max_watts": 2}}
        for number, meter in enumerate(METERS, start=1)
    )  # fmt: skip
    fields = {"network": "devnet", "verifier": {"signer": "a"}, "gas": {"signer": "b"}, "fleets": fleets}
    config = VerifierConfig.model_validate(fields)
    assert written(config, tmp_path) == config
    alone = VerifierConfig.model_validate({name: fields[name] for name in ("network", "verifier", "fleets")})
    assert written(alone, tmp_path) == alone


def test_render__nothing_set__shows_what_could_be(tmp_path: Path) -> None:
    text = render(OperatorConfig.model_validate(OPERATOR), "What this is.")
    for line in (
        "# What this is.", "# [power]", "# idle_watts = …", "# [[verifiers]]", "# address = …", "# password_file = …",
        "# alarm_url = …", "interval_s = 3600", "budget_gwei = 20_000_000", "post_alone = true", "[rules]", "[serve]",
        "# Where this daemon answers.", "# When reports are made, and what they may cost.",
    ):  # fmt: skip
        assert line in text.splitlines(), line
    assert all(len(line) <= 120 for line in text.splitlines())


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_render__any_text__reads_back_equal(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    signers = {"reporter": {"signer": text}, "gas": {"signer": text + "'"}}
    config = OperatorConfig.model_validate(OPERATOR | signers | {"network": text})
    assert written(config, tmp_path_factory.getbasetemp()) == config
