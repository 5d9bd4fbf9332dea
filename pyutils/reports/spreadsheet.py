"""A statement as tables for spreadsheets: amounts are integers in token units, times Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from pyutils.portfolio.costs import ShareCost, ShareMove
from pyutils.portfolio.exposure import Exposure
from pyutils.portfolio.incomes import Income, MonthlyIncome
from pyutils.portfolio.lending import Flow
from pyutils.portfolio.statement import Statement
from pyutils.portfolio.yields import ShareYield


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of plain values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def sheets_of(statement: Statement) -> Mapping[str, Sheet]:
    """Return the tables of a statement by name."""
    moves = [
        (cost.fleet_id, cost.token, *_cells(move, ShareMove.model_fields))
        for cost in statement.costs
        for move in cost.moves
    ]
    flows = [(one.token, *_cells(flow, _names(Flow))) for one in statement.lending for flow in one.flows]
    costs = [name for name in ShareCost.model_fields if name not in ("moves", "origin")]
    return {
        "payments": _sheet(_names(Income), statement.incomes),
        "income_by_month": _sheet(_names(MonthlyIncome), statement.monthly),
        "share_moves": Sheet(["fleet_id", "token", *ShareMove.model_fields], moves),
        "share_costs": _sheet(costs, statement.costs),
        "share_yields": _sheet(ShareYield.model_fields, statement.yields),
        "exposure": _sheet(Exposure.model_fields, statement.exposures),
        "lending": Sheet(["token", *_names(Flow)], flows),
    }


def _sheet(columns: Iterable[str], rows: Iterable[object]) -> Sheet:
    names = list(columns)
    return Sheet(names, [_cells(one, names) for one in rows])


def _cells(one: object, names: Iterable[str]) -> list[Any]:
    return [_cell(getattr(one, name)) for name in names]


def _cell(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]
