"""Exact mirror of `CollateralPrices`: what liquid collateral is worth, or why that cannot be told."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.models.appraisal import PriceFeed
from pyutils.refusal import RefusalError
from pyutils.units import BPS, EPOCH, TokenUnits, UnixSeconds

GRACE_S = 3_600
"""For so long after a restart of an L2's sequencer nothing is valued."""


class FeedSilentError(RefusalError):
    """The feed reverted, or its answer is not one."""

    fields = ("token",)


class PriceNotPositiveError(RefusalError):
    """The feed's answer is no price."""

    fields = ("token", "answer")


class PriceStaleError(RefusalError):
    """The feed's answer is too old."""

    fields = ("token", "updatedAt", "maxAge")


class PriceFromTheFutureError(RefusalError):
    """The feed's answer is stamped ahead of the block."""

    fields = ("token", "updatedAt")


class RoundIncompleteError(RefusalError):
    """The feed's newest round is not complete."""

    fields = ("token", "roundId", "answeredInRound")


class PriceOutOfBoundsError(RefusalError):
    """The feed's answer lies where no price is believed."""

    fields = ("token", "answer", "least", "most")


class PriceJumpedError(RefusalError):
    """The feed's answer lies too far from the one before it; a further round confirms the new level."""

    fields = ("token", "before", "answer", "mostJumpBps")


class DecimalsChangedError(RefusalError):
    """The feed answers in another unit than listed."""

    fields = ("token", "expected", "found")


class SequencerDownError(RefusalError):
    """The L2's sequencer is down, or its feed is silent."""

    fields = ("since",)


class SequencerRestartedError(RefusalError):
    """The L2's sequencer is up again, and not for long enough."""

    fields = ("upSince", "until")


@dataclass(frozen=True, slots=True)
class Round:
    """A round of a feed as it was read."""

    id: int
    answer: int
    started_at: UnixSeconds
    updated_at: UnixSeconds
    answered_in: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a feed says; `None` where it does not."""

    latest: Round | None
    before: Round | None
    """The round before the newest."""
    decimals: int | None


def collateral_value(
    token: str, feed: PriceFeed, reading: Reading, amount: int, asset_decimals: int, now: UnixSeconds
) -> TokenUnits:
    """Return the value of `amount` units of `token`; raises as `checked_answer` does."""
    return value_down(feed, checked_answer(token, feed, reading, now), amount, asset_decimals)


def value_down(feed: PriceFeed, answer: int, amount: int, asset_decimals: int) -> TokenUnits:
    """Return `amount` units of a token × `answer`, in units of the settlement token. Rounds down, for lenders."""
    unit: int = 10 ** (feed.token_decimals + feed.feed_decimals)
    return TokenUnits(amount * answer * 10**asset_decimals // unit)


def most_value(feed: PriceFeed, amount: int, asset_decimals: int) -> TokenUnits:
    """Return the value of `amount` units of a token at the greatest answer that would be believed. Rounds up."""
    unit: int = 10 ** (feed.token_decimals + feed.feed_decimals)
    return TokenUnits(-(-amount * feed.most * 10**asset_decimals // unit))


def checked_answer(token: str, feed: PriceFeed, reading: Reading, now: UnixSeconds) -> int:
    """Return the newest answer in the feed's own units once nothing speaks against it; raises what does."""
    latest = reading.latest
    if latest is None:
        raise FeedSilentError(token)
    if latest.id == 0 or latest.updated_at == EPOCH or latest.answered_in < latest.id:
        raise RoundIncompleteError(token, latest.id, latest.answered_in)
    if latest.answer <= 0:
        raise PriceNotPositiveError(token, latest.answer)
    if latest.updated_at > now:
        raise PriceFromTheFutureError(token, latest.updated_at)
    if now - latest.updated_at > feed.max_age:
        raise PriceStaleError(token, latest.updated_at, feed.max_age)
    if not feed.least <= latest.answer <= feed.most:
        raise PriceOutOfBoundsError(token, latest.answer, feed.least, feed.most)
    if reading.decimals is None:
        raise FeedSilentError(token)
    if reading.decimals != feed.feed_decimals:
        raise DecimalsChangedError(token, feed.feed_decimals, reading.decimals)
    before = reading.before
    if before is not None and before.updated_at != EPOCH and before.answer > 0:
        smaller = min(before.answer, latest.answer)
        if abs(latest.answer - before.answer) * BPS > smaller * feed.most_jump_bps:
            raise PriceJumpedError(token, before.answer, latest.answer, feed.most_jump_bps)
    return latest.answer


def sequencer_up_since(uptime: Round | None, now: UnixSeconds) -> UnixSeconds:
    """Return since when an L2's sequencer has been up, by its feed's newest round. Raises `SequencerDownError`."""
    since = EPOCH if uptime is None else uptime.started_at
    if uptime is None or uptime.answer != 0 or not EPOCH < since <= now:
        raise SequencerDownError(since)
    return since


def check_sequencer(uptime: Round | None, now: UnixSeconds) -> None:
    """Raise where an L2's sequencer is down, or has just restarted: then nothing is valued."""
    since = sequencer_up_since(uptime, now)
    if now < since + GRACE_S:
        raise SequencerRestartedError(since, since + GRACE_S)
