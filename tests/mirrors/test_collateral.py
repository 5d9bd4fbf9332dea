"""The mirror of CollateralPrices: a value rounded down, or the one reason for which there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.credit.collateral import (
    DecimalsChangedError,
    FeedSilentError,
    PriceFromTheFutureError,
    PriceJumpedError,
    PriceNotPositiveError,
    PriceOutOfBoundsError,
    PriceStaleError,
    Reading,
    Round,
    RoundIncompleteError,
    SequencerDownError,
    SequencerRestartedError,
    check_sequencer,
    checked_answer,
    collateral_value,
    sequencer_up_since,
    value_down,
)
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.appraisal import PriceFeed
from pyutils.refusal import RefusalError
from pyutils.units import EPOCH, UnixSeconds

NOW = UnixSeconds(1_800_000_000)
UNIT = 10**8
TOKEN = "0x" + "11" * 20
FEED = PriceFeed(
    feed=ZERO_ADDRESS,
    max_age=3_600,
    feed_decimals=8,
    token_decimals=8,
    most_jump_bps=5_000,
    least=1_000 * UNIT,
    most=1_000_000 * UNIT,
)
LATEST = Round(7, 60_000 * UNIT, NOW, NOW, 7)
BEFORE = Round(6, 60_000 * UNIT, NOW, NOW, 6)
READING = Reading(LATEST, BEFORE, 8)


def latest(**changes: Any) -> Reading:
    return replace(READING, latest=replace(LATEST, **changes))


def test_collateral_value__fresh_answer__is_price_times_amount() -> None:
    assert collateral_value(TOKEN, FEED, READING, 150_000_000, 6, NOW) == 90_000 * 10**6


@given(
    amount=st.integers(0, 2**96),
    answer=st.integers(1, 2**128 - 1),
    asset=st.sampled_from([6, 8, 18]),
    token=st.integers(0, 18),
    feed=st.integers(0, 18),
)
def test_value_rounds_down_by_less_than_one_unit(amount: int, answer: int, asset: int, token: int, feed: int) -> None:
    listing = FEED.model_copy(update={"token_decimals": token, "feed_decimals": feed})
    value = value_down(listing, answer, amount, asset)
    unit = 10 ** (token + feed)
    assert value * unit <= amount * answer * 10**asset < (value + 1) * unit


@pytest.mark.parametrize(
    ("reading", "refusal", "facts"),
    [
        (replace(READING, latest=None), FeedSilentError, (TOKEN,)),
        (latest(updated_at=0), RoundIncompleteError, (TOKEN, 7, 7)),
        (latest(answered_in=6), RoundIncompleteError, (TOKEN, 7, 6)),
        (latest(id=0, answered_in=0), RoundIncompleteError, (TOKEN, 0, 0)),
        (latest(answer=0), PriceNotPositiveError, (TOKEN, 0)),
        (latest(answer=-5), PriceNotPositiveError, (TOKEN, -5)),
        (latest(updated_at=NOW + 1), PriceFromTheFutureError, (TOKEN, NOW + 1)),
        (latest(updated_at=NOW - 3_601), PriceStaleError, (TOKEN, NOW - 3_601, 3_600)),
        (latest(answer=FEED.least - 1), PriceOutOfBoundsError, (TOKEN, FEED.least - 1, FEED.least, FEED.most)),
        (latest(answer=FEED.most + 1), PriceOutOfBoundsError, (TOKEN, FEED.most + 1, FEED.least, FEED.most)),
        (replace(READING, decimals=None), FeedSilentError, (TOKEN,)),
        (replace(READING, decimals=18), DecimalsChangedError, (TOKEN, 8, 18)),
        (latest(answer=600_000 * UNIT), PriceJumpedError, (TOKEN, 60_000 * UNIT, 600_000 * UNIT, 5_000)),
        (latest(answer=6_000 * UNIT), PriceJumpedError, (TOKEN, 60_000 * UNIT, 6_000 * UNIT, 5_000)),
    ],
)
def test_checked_answer__something_speaks_against_it__is_refused_with_the_facts(
    reading: Reading, refusal: type[RefusalError], facts: tuple[object, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        checked_answer(TOKEN, FEED, reading, NOW)
    assert tuple(refused.value.facts.values()) == facts


@pytest.mark.parametrize(
    "before", [None, replace(BEFORE, updated_at=EPOCH), replace(BEFORE, answer=0), replace(BEFORE, answer=-1)]
)
def test_checked_answer__no_answer_before__is_no_jump(before: Round | None) -> None:
    reading = replace(latest(answer=600_000 * UNIT), before=before)
    assert checked_answer(TOKEN, FEED, reading, NOW) == 600_000 * UNIT


@given(before=st.integers(1, 2**255 - 1), answer=st.integers(FEED.least, FEED.most), jump=st.integers(1, 2**16 - 1))
def test_answers_pass_within_a_jump_of_the_smaller_of_two_rounds(before: int, answer: int, jump: int) -> None:
    feed = FEED.model_copy(update={"most_jump_bps": jump})
    reading = replace(latest(answer=answer), before=replace(BEFORE, answer=before))
    if max(before, answer) * 10_000 <= min(before, answer) * (10_000 + jump):
        assert checked_answer(TOKEN, feed, reading, NOW) == answer
    else:
        with pytest.raises(PriceJumpedError):
            checked_answer(TOKEN, feed, reading, NOW)


@pytest.mark.parametrize(
    ("uptime", "since"),
    [
        (None, 0),
        (Round(1, 1, UnixSeconds(NOW - 9), NOW, 1), NOW - 9),
        (Round(1, 0, UnixSeconds(NOW + 1), NOW, 1), NOW + 1),
        (Round(1, 0, UnixSeconds(0), NOW, 1), 0),
    ],
)
def test_sequencer_up_since__down_or_silent__is_refused(uptime: Round | None, since: int) -> None:
    with pytest.raises(SequencerDownError) as refused:
        sequencer_up_since(uptime, NOW)
    assert refused.value.facts == {"since": since}


def test_check_sequencer__restarted__waits_an_hour() -> None:
    since = UnixSeconds(NOW - 3_599)
    uptime = Round(1, 0, since, since, 1)
    assert sequencer_up_since(uptime, NOW) == since
    with pytest.raises(SequencerRestartedError) as refused:
        check_sequencer(uptime, NOW)
    assert refused.value.facts == {"upSince": since, "until": NOW + 1}
    check_sequencer(uptime, UnixSeconds(NOW + 1))
