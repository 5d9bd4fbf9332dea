"""Figures of a portfolio page. Colours of text, lines and paper are the page's, so that light and dark are its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import plotly.graph_objects as go  # type: ignore[import-untyped]

from pyutils.models import Lease
from pyutils.portfolio.fleet_history import Interval, Waterfall
from pyutils.portfolio.incomes import Income
from pyutils.portfolio.lending import Lending
from pyutils.portfolio.loan_tracks import LoanTrack
from pyutils.portfolio.steps import Steps
from pyutils.reports.heat import HeatMap
from pyutils.units import MS_PER_HOUR, LeaseId, UnixSeconds

# Okabe and Ito's palette, which people with any colour vision tell apart; each is legible on white and on near black.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
RED: Final = "#D55E00"
SKY: Final = "#56B4E9"
GREY: Final = "#8A8A8A"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GREY)

HEIGHT: Final = 320
FEW_DAYS: Final = 45
"""So many columns of a heat map have gaps between them."""
JOULES_PER_KWH: Final = 3_600_000


def heat_figure(heat: HeatMap, name: str) -> go.Figure:
    """Return a ratio by day and hour, as percent."""
    gap = 1 if len(heat.days) <= FEW_DAYS else 0
    figure = go.Figure(
        go.Heatmap(
            x=list(heat.days),
            y=[f"{hour:02d}:00" for hour in range(len(heat.values))],
            z=[[None if value is None else 100 * value for value in row] for row in heat.values],
            zmin=0,
            zmax=100,
            colorscale="Cividis",
            colorbar={"title": {"text": "%"}, "thickness": 12},
            hovertemplate="%{x|%Y-%m-%d} %{y} UTC<br>" + name + " %{z:.1f} %<extra></extra>",
            xgap=gap,
            ygap=gap,
        )
    )
    figure.update_yaxes(autorange="reversed", dtick=4)
    figure.update_xaxes(type="date", tickformat="%d %b")
    return _styled(figure)


def leased_figure(leased: Steps, installed: Steps, intervals: Sequence[Interval], until: UnixSeconds) -> go.Figure:
    """Return leased over installed GPUs until a moment, and busy over available ones between reports, in percent."""
    figure = go.Figure()
    moments = sorted({at for at, _ in (*leased.steps, *installed.steps)} | {until})
    shown = [(at, leased.count_at(at), installed.count_at(at)) for at in moments]
    figure.add_scatter(
        x=[_moment(at) for at, *_ in shown],
        y=[100 * count / capacity if capacity else None for _, count, capacity in shown],
        customdata=[f"{count} of {capacity} GPUs" for _, count, capacity in shown],
        name="leased",
        mode="lines",
        line={"shape": "hv", "color": BLUE},
        fill="tozeroy",
        fillcolor=_clear(BLUE),
        hovertemplate="%{x}<br>%{y:.1f} %, %{customdata}<extra></extra>",
    )
    ends = [(at, one) for one in intervals if one.available_gpu_ms for at in (one.begin, one.end)]
    figure.add_scatter(
        x=[_moment(at) for at, _ in ends],
        y=[100 * one.busy_gpu_ms / one.available_gpu_ms for _, one in ends],
        name="busy of available",
        mode="lines",
        line={"color": ORANGE},
        hovertemplate="%{x}<br>%{y:.1f} % busy<extra></extra>",
    )
    figure.update_yaxes(title="%", range=[0, 105])
    figure.update_xaxes(type="date")
    return _styled(figure)


def energy_figure(intervals: Sequence[Interval]) -> go.Figure:
    """Return mean power between reports, whose area is energy, and joules per busy GPU-hour."""
    figure = go.Figure()
    figure.add_bar(
        x=[_moment((one.begin + one.end) // 2) for one in intervals],
        y=[one.energy_joules / (one.end - one.begin) / 1_000 for one in intervals],
        width=[1_000 * (one.end - one.begin) for one in intervals],
        customdata=[one.energy_joules / JOULES_PER_KWH for one in intervals],
        name="mean kW",
        marker_color=GREEN,
        hovertemplate="%{x}<br>%{y:.3f} kW, %{customdata:.2f} kWh<extra></extra>",
    )
    busy = [one for one in intervals if one.busy_gpu_ms]
    figure.add_scatter(
        x=[_moment((one.begin + one.end) // 2) for one in busy],
        y=[one.energy_joules * MS_PER_HOUR / one.busy_gpu_ms / 1_000 for one in busy],
        name="kJ per busy GPU-hour",
        yaxis="y2",
        mode="markers",
        marker={"color": ORANGE, "size": 7},
        hovertemplate="%{x}<br>%{y:,.0f} kJ per busy GPU-hour<extra></extra>",
    )
    figure.update_layout(
        yaxis={"title": "kW", "rangemode": "tozero"},
        yaxis2={
            "title": "kJ per busy GPU-hour",
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            "zeroline": False,
        },
    )
    return _styled(figure)


def waterfall_figure(waterfall: Waterfall, unit: int, symbol: str) -> go.Figure:
    """Return where prepaid money went, as a Sankey diagram.

    Args:
        waterfall: amounts in token units.
        unit: token units of one coin.
        symbol: the coin's.

    """
    names = ["deposits", "earned", "refunded", "held", "not routed yet", "protocol", "operating", "shares", "paid in"]
    flows = [
        (0, 1, waterfall.earned, BLUE),
        (0, 2, waterfall.refunded, GREY),
        (0, 3, waterfall.held, SKY),
        (1, 4, waterfall.unrouted, SKY),
        (1, 5, waterfall.protocol_fee, PURPLE),
        (1, 6, waterfall.operating, ORANGE),
        (1, 7, waterfall.shares - waterfall.distributed, GREEN),
        (8, 7, waterfall.distributed, GREEN),
    ]
    shown = [flow for flow in flows if flow[2] > 0]
    used = sorted({place for source, target, *_ in shown for place in (source, target)})
    places = {place: index for index, place in enumerate(used)}
    figure = go.Figure(
        go.Sankey(
            node={"label": [names[place] for place in used], "color": GREY, "pad": 24, "thickness": 14},
            link={
                "source": [places[flow[0]] for flow in shown],
                "target": [places[flow[1]] for flow in shown],
                "value": [flow[2] / unit for flow in shown],
                "color": [_clear(flow[3]) for flow in shown],
            },
            valueformat=",.2f",
            valuesuffix=f" {symbol}",
        )
    )
    return _styled(figure)


def lease_figure(leases: Iterable[tuple[LeaseId, Lease]], now: UnixSeconds) -> go.Figure:
    """Return leases as bars in time: granted until the effective end, bright as far as delivery is credited."""
    rows = [(lease_id, lease) for lease_id, lease in leases if lease.granted_at]
    figure = go.Figure()
    ends: tuple[tuple[str, str, float, Callable[[Lease], int]], ...] = (
        ("agreed", _clear(GREY), 0.8, lambda lease: lease.granted_at + lease.duration),
        ("until its end", SKY, 0.5, lambda lease: lease.end),
        ("settled", BLUE, 0.25, lambda lease: max(lease.settled_as_of, lease.granted_at)),
    )
    for name, color, width, end in ends:
        figure.add_bar(
            y=[f"{lease_id & 0xFFFFFFFF}: {lease.gpus} GPU" for lease_id, lease in rows],
            x=[1_000 * (end(lease) - lease.granted_at) for _, lease in rows],
            base=[_moment(lease.granted_at) for _, lease in rows],
            orientation="h",
            name=name,
            marker_color=color,
            width=width,
            hovertemplate=[
                f"lease {lease_id}<br>{name} until {_moment(end(lease)):%Y-%m-%d %H:%M} UTC"
                f"<br>delivered {lease.delivered_gpu_ms / MS_PER_HOUR:.2f} GPU-hours<extra></extra>"
                for lease_id, lease in rows
            ],
        )
    figure.update_layout(barmode="overlay", height=max(HEIGHT, 90 + 28 * len(rows)))
    figure.update_xaxes(type="date")
    if rows and now <= max(one.granted_at + one.duration for _, one in rows):
        figure.add_vline(x=1_000 * now, line={"color": RED, "dash": "dot"})
    figure.update_yaxes(autorange="reversed")
    return _styled(figure)


def income_figure(incomes: Sequence[Income], now: UnixSeconds, unit: int, symbol: str) -> go.Figure:
    """Return payments added up over time, by source, until now."""
    figure = go.Figure()
    for place, source in enumerate(dict.fromkeys(one.source for one in incomes)):
        total, xs, ys = 0, [], []
        for one in incomes:
            if one.source == source:
                total += one.amount
                xs.append(_moment(one.at))
                ys.append(total / unit)
        xs.append(_moment(now))
        ys.append(total / unit)
        figure.add_scatter(
            x=xs,
            y=ys,
            name=source,
            mode="lines+markers",
            line={"shape": "hv", "color": PALETTE[place % len(PALETTE)]},
            hovertemplate="%{x}<br>%{y:,.2f} " + symbol + "<extra>" + source + "</extra>",
        )
    figure.update_yaxes(title=symbol, rangemode="tozero")
    return _styled(figure)


def loan_figure(track: LoanTrack, unit: int, symbol: str) -> go.Figure:
    """Return principal as it was to fall, and as it fell."""
    figure = go.Figure()
    for name, line, color, dash in (
        ("scheduled", track.scheduled, GREY, "dot"),
        ("actual", track.actual, BLUE, "solid"),
    ):
        figure.add_scatter(
            x=[_moment(one.at) for one in line],
            y=[one.principal / unit for one in line],
            name=name,
            mode="lines+markers",
            line={"shape": "hv", "color": color, "dash": dash},
            hovertemplate="%{x}<br>%{y:,.2f} " + symbol + "<extra>" + name + "</extra>",
        )
    figure.update_yaxes(title=symbol, rangemode="tozero")
    return _styled(figure)


def lending_figure(lending: Lending, now: UnixSeconds, unit: int, symbol: str) -> go.Figure:
    """Return what was paid in and not taken out again over time, beside what it is worth now."""
    figure, left = go.Figure(), 0
    xs, ys = [], []
    for flow in lending.flows:
        left -= flow.amount
        xs.append(_moment(flow.at))
        ys.append(left / unit)
    figure.add_scatter(
        x=[*xs, _moment(now)],
        y=[*ys, left / unit],
        name="paid in, less taken out",
        mode="lines+markers",
        line={"shape": "hv", "color": BLUE},
        hovertemplate="%{x}<br>%{y:,.2f} " + symbol + "<extra></extra>",
    )
    figure.add_scatter(
        x=[_moment(now)],
        y=[lending.worth / unit],
        name="worth now",
        mode="markers",
        marker={"color": GREEN, "size": 11, "symbol": "diamond"},
        hovertemplate="%{x}<br>worth %{y:,.2f} " + symbol + "<extra></extra>",
    )
    figure.update_yaxes(title=symbol)
    return _styled(figure)


def _styled(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        margin={"l": 64, "r": 24, "t": 56 if len(figure.data) > 1 else 16, "b": 48},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )
    if figure.layout.height is None:
        figure.update_layout(height=HEIGHT)
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _clear(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.45)"


def to_html(figure: go.Figure, name: str) -> str:
    """Return a figure as the part of a page that has Plotly's script already."""
    html: Any = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config={"displayModeBar": False, "responsive": True, "staticPlot": False},
    )
    return str(html)
