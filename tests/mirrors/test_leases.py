"""The mirrors of RentLib, LeaseTerms and one lease: what DESIGN promises of rent, deposits, credits and notice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.deployment.plan import DEFAULT_TERMS
from pyutils.leases import (
    InvalidTermsError,
    LeaseModel,
    at_closing,
    check_terms,
    deliverable,
    deposit_up,
    lessee_end_s,
    operator_end_s,
    rent_down,
    reservation_up,
    sla_credit_wad,
)
from pyutils.leases.refusals import AlreadyEndingError, LeaseEndedError
from pyutils.models.lease import EndedBy, SlaTier, Terms
from pyutils.units import MS_PER_HOUR, WAD, GpuMs, LeaseId, TokenUnits, UnixSeconds, Wad

T0 = 1_800_000_000
PRICES = st.one_of(st.integers(1, 50), st.integers(1, 2**72 - 1))
GPUS = st.integers(1, 10_000)
DURATIONS = st.integers(3_600, 180 * 86_400)


def lease(
    price: int = 2_000_000, gpus: int = 8, duration_s: int = 10 * 86_400, *, of_record: bool = True
) -> LeaseModel:
    return LeaseModel(
        lease_id=LeaseId((7 << 32) + 1),
        owner="lessee",
        gpus=gpus,
        price_per_gpu_hour=TokenUnits(price),
        duration_s=duration_s,
        terms_id=1,
        terms=DEFAULT_TERMS,
        of_record=of_record,
        opened_at=UnixSeconds(T0 - 60),
        granted_at=UnixSeconds(T0),
    )


def at(seconds: int) -> UnixSeconds:
    return UnixSeconds(T0 + seconds)


def test_rent_down__one_gpu_hour__is_the_price() -> None:
    assert rent_down(TokenUnits(2_350_000), GpuMs(MS_PER_HOUR)) == 2_350_000


def test_rent_down__a_fraction_of_a_unit__is_not_paid() -> None:
    assert rent_down(TokenUnits(1), GpuMs(MS_PER_HOUR - 1)) == 0


def test_deposit_up__a_fraction_of_a_unit__is_prepaid_whole() -> None:
    assert deposit_up(TokenUnits(1), 1, 3_601) == 2


@given(price=PRICES, gpus=GPUS, duration=DURATIONS)
def test_deposit_covers_whatever_can_be_delivered(price: int, gpus: int, duration: int) -> None:
    deposit = deposit_up(TokenUnits(price), gpus, duration)
    most = rent_down(TokenUnits(price), deliverable(gpus, duration))
    assert most <= deposit <= most + 1


@given(price=PRICES, gpus=GPUS, duration=DURATIONS, part=st.integers(0, 300), hours=st.integers(0, 5_000))
def test_settling_twice_equals_settling_once(price: int, gpus: int, duration: int, part: int, hours: int) -> None:
    once = lease(price, gpus, duration)
    leaf = GpuMs(deliverable(gpus, duration) * part // 256)
    first = once.settle(leaf, at(hours * 3_600))
    view = once.view()

    again = once.settle(leaf, at(hours * 3_600))

    assert (again.rent, again.counted) == (0, 0)
    assert once.view() == view
    assert first.rent == view.paid


@given(
    price=PRICES,
    gpus=GPUS,
    parts=st.lists(st.integers(0, 256), min_size=1, max_size=100),
    every=st.integers(1, 7_200),
)
def test_a_hundred_small_settlements_pay_exactly_what_one_large_one_does(
    price: int, gpus: int, parts: list[int], every: int
) -> None:
    small, large = lease(price, gpus, 100 * 7_200), lease(price, gpus, 100 * 7_200)
    delivered = paid = 0
    for n, part in enumerate(parts):
        delivered += gpus * every * 1_000 * part // 256
        paid += small.settle(GpuMs(delivered), at((n + 1) * every)).rent

    one = large.settle(GpuMs(delivered), at(len(parts) * every)).rent

    assert paid == one == rent_down(TokenUnits(price), GpuMs(delivered))


@given(
    price=PRICES,
    leaves=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(-10, 5_000_000)), max_size=20),
    end_at=st.integers(0, 9 * 86_400),
    by=st.sampled_from(list(EndedBy)),
)
def test_deposit_is_paid_fee_refunded_or_held_always(
    price: int, leaves: list[tuple[int, int]], end_at: int, by: EndedBy
) -> None:
    one = lease(price)
    before = 0
    if by is not EndedBy.NOBODY:
        one.shorten(by, 7_200, at(end_at))
        one.fee = one.lessee_fee(at(end_at)) if by is EndedBy.LESSEE else TokenUnits(0)
    for leaf, as_of in leaves:
        one.settle(GpuMs(leaf), at(as_of))
        view = one.view()
        assert view.deposit == view.paid + view.fee + view.refunded + view.held
        assert view.held >= 0
        assert view.paid >= before
        assert view.delivered_gpu_ms <= deliverable(one.gpus, one.term_s)
        before = view.paid
    one.closed = True
    view = one.view()
    assert view.deposit == view.paid + view.fee + view.refunded
    assert view.held == 0


def test_settle__leaf_below_what_is_credited__pays_nothing_and_reverts_nothing() -> None:
    one = lease()
    one.settle(GpuMs(5 * MS_PER_HOUR), at(7_200))
    view = one.view()

    assert one.settle(GpuMs(MS_PER_HOUR), at(10_800)).rent == 0
    assert one.view() == view


def test_settle__leaf_above_what_the_gpus_could_give__credits_what_they_could() -> None:
    one = lease()
    one.settle(GpuMs(2**64 - 1), at(3_600))
    assert one.delivered == 8 * MS_PER_HOUR


def test_settle__head_before_the_grant__pays_nothing() -> None:
    one = lease()
    assert one.settle(GpuMs(MS_PER_HOUR), at(0)).rent == 0
    assert one.settled_as_of == 0


def test_settle__head_after_the_end__credits_until_the_end() -> None:
    one = lease(duration_s=3_600)
    one.settle(GpuMs(2**64 - 1), at(86_400))
    assert (one.delivered, one.settled_as_of) == (8 * MS_PER_HOUR, T0 + 3_600)


@pytest.mark.parametrize(("hours", "counted_parts"), [(48, 1), (96, 2), (192, 4)])
def test_settlement_of_more_than_48_hours_counts_pro_rata(hours: int, counted_parts: int) -> None:
    settled = lease().settle(GpuMs(2**64 - 1), at(hours * 3_600))
    assert settled.rent == 2_000_000 * 8 * hours
    assert settled.counted == settled.rent // counted_parts


def test_settlement_of_one_second_over_48_hours_rounds_evidence_down() -> None:
    settled = lease(price=1_000_003).settle(GpuMs(2**64 - 1), at(172_801))
    assert settled.counted == settled.rent * 172_800 // 172_801 < settled.rent


def test_rent_from_a_lessee_not_of_record_is_no_evidence() -> None:
    settled = lease(of_record=False).settle(GpuMs(MS_PER_HOUR), at(3_600))
    assert settled.rent > 0
    assert settled.counted == 0


def test_lessee_fee__first_hour_after_the_grant__is_nothing() -> None:
    one = lease()
    one.shorten(EndedBy.LESSEE, 7_200, at(3_600))
    assert one.lessee_fee(at(3_600)) == 0
    assert one.lessee_fee(at(3_601)) == 2_000_000 * 8 * 24


@given(price=PRICES, gpus=GPUS, duration=st.integers(14_400, 180 * 86_400), end=st.integers(3_601, 180 * 86_400))
def test_notice_never_exceeds_what_is_held_beyond_what_can_still_be_delivered(
    price: int, gpus: int, duration: int, end: int
) -> None:
    one = lease(price, gpus, duration)
    try:
        one.shorten(EndedBy.LESSEE, 7_200, at(end))
    except LeaseEndedError:
        assert end + 7_200 >= duration
        return
    one.fee = one.lessee_fee(at(end))
    one.settle(GpuMs(2**64 - 1), at(duration))
    assert 0 <= one.fee <= rent_down(one.price_per_gpu_hour, deliverable(gpus, 86_400))
    assert one.rest >= 0


def test_shorten__ended_before__refuses() -> None:
    one = lease()
    one.shorten(EndedBy.OPERATOR, 86_400, at(60))
    with pytest.raises(AlreadyEndingError):
        one.shorten(EndedBy.LESSEE, 7_200, at(61))


def test_shorten__taking_effect_at_the_agreed_end__refuses() -> None:
    one = lease(duration_s=86_400)
    with pytest.raises(LeaseEndedError):
        one.shorten(EndedBy.LESSEE, 7_200, at(86_400 - 7_200))
    one.shorten(EndedBy.LESSEE, 7_200, at(86_400 - 7_201))
    assert one.end == at(86_399)


def test_cancel_fee__within_the_first_hour__is_one_hours_rent() -> None:
    one = lease()
    assert one.cancel_fee(UnixSeconds(one.opened_at + 3_599)) == 16_000_000
    assert one.cancel_fee(UnixSeconds(one.opened_at + 3_600)) == 0


@given(price=PRICES, gpus=GPUS, duration=DURATIONS)
def test_cancel_fee_never_exceeds_the_deposit(price: int, gpus: int, duration: int) -> None:
    one = lease(price, gpus, duration)
    assert one.cancel_fee(one.opened_at) <= one.deposit


@given(
    deposit=st.integers(0, 2**96),
    availability=st.integers(0, WAD),
    rent=st.integers(0, 2**90),
    by_operator=st.booleans(),
    reservation=st.integers(10 * WAD // 100, WAD),
)
def test_credit_and_compensation_together_never_exceed_the_leases_own_reservation(
    deposit: int, availability: int, rent: int, by_operator: bool, reservation: int
) -> None:
    terms = DEFAULT_TERMS.model_copy(update={"reservation_wad": reservation})
    closing = at_closing(terms, TokenUnits(deposit), Wad(availability), TokenUnits(rent), ended_by_operator=by_operator)
    assert closing.reservation == reservation_up(terms, TokenUnits(deposit))
    assert 0 <= closing.sla_credit + closing.compensation <= closing.reservation
    assert by_operator or closing.compensation == 0


@pytest.mark.parametrize(
    ("availability_percent_10", "credit_percent"),
    [(1_000, 0), (990, 0), (989, 2), (950, 2), (949, 5), (900, 5), (899, 10), (0, 10)],
)
def test_sla_credit__by_availability__is_the_tiers(availability_percent_10: int, credit_percent: int) -> None:
    availability = Wad(availability_percent_10 * WAD // 1_000)
    assert sla_credit_wad(DEFAULT_TERMS, availability) == credit_percent * WAD // 100


def test_availability__unproved_delivery__counts_as_none() -> None:
    one = lease(duration_s=7_200)
    one.settle(GpuMs(2**64 - 1), at(3_600))
    assert one.availability_wad == WAD // 2


def test_early_ends__take_effect_two_report_intervals_later_at_least() -> None:
    assert lessee_end_s(DEFAULT_TERMS) == 7_200
    assert operator_end_s(DEFAULT_TERMS) == 86_400
    assert operator_end_s(DEFAULT_TERMS.model_copy(update={"operator_notice": 60})) == 7_200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reservation_wad": WAD + 1}, "reservationWad"),
        ({"reservation_wad": WAD // 20}, "creditWad"),
        ({"tiers": tuple(SlaTier(below_wad=WAD // 2, credit_wad=0) for _ in range(3))}, "belowWad"),
        ({"lessee_notice": 30 * 86_400 + 1}, "lesseeNotice"),
        ({"operator_notice": 30 * 86_400 + 1}, "operatorNotice"),
        ({"compensation": 30 * 86_400 + 1}, "compensation"),
        ({"report_interval": 0}, "reportInterval"),
        ({"report_interval": 86_401}, "reportInterval"),
        ({"proof_deadline": 86_399}, "proofDeadline"),
        ({"max_standstill": 90 * 86_400 + 1}, "maxStandstill"),
        ({"mutual_delay": 86_399}, "mutualDelay"),
        ({"mutual_delay": 7 * 86_400 + 1}, "mutualDelay"),
    ],
)
def test_check_terms__one_field_out_of_range__names_it(change: dict[str, object], field: str) -> None:
    terms: Terms = DEFAULT_TERMS.model_copy(update=change)
    with pytest.raises(InvalidTermsError) as refused:
        check_terms(terms)
    assert refused.value.facts == {"field": field}


def test_check_terms__defaults__pass() -> None:
    check_terms(DEFAULT_TERMS)


def test_lease_model__copy__keeps_the_shortened_term() -> None:
    one = lease()
    one.shorten(EndedBy.LESSEE, 7_200, at(60))
    assert replace(one).end == one.end
