"""A statement as tables for spreadsheets: amounts are integers in token units, times Unix seconds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from pyutils.models import FrozenModel
from pyutils.portfolio.costs import ShareCost, ShareMove
from pyutils.portfolio.exposure import Exposure
from pyutils.portfolio.incomes import Income, MonthlyIncome
from pyutils.portfolio.lending import Flow
from pyutils.portfolio.statement import Statement
from pyutils.portfolio.yields import ShareYield


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, each by the names of its columns."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]

    def csv(self) -> bytes:
        """Return it as CSV; without rows it has its header all the same."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()


def tables_of(statement: Statement) -> Mapping[str, Table]:
    """Return the tables of a statement by name."""
    return {
        "payments": Table(_names(Income), [asdict(one) for one in statement.incomes]),
        "income_by_month": Table(_names(MonthlyIncome), [asdict(one) for one in statement.monthly]),
        "share_moves": Table(
            ["fleet_id", "token", *ShareMove.model_fields],
            [
                {"fleet_id": cost.fleet_id, "token": cost.token} | _row(move)
                for cost in statement.costs
                for move in cost.moves
            ],
        ),
        "share_costs": _of(ShareCost, statement.costs, without=("moves", "origin")),
        "share_yields": _of(ShareYield, statement.yields),
        "exposure": _of(Exposure, statement.exposures),
        "lending": Table(
            ["token", *_names(Flow)],
            [{"token": one.token} | asdict(flow) for one in statement.lending for flow in one.flows],
        ),
    }


def _of(model: type[FrozenModel], rows: Iterable[FrozenModel], without: Sequence[str] = ()) -> Table:
    return Table([name for name in model.model_fields if name not in without], [_row(one) for one in rows])


def _row(one: FrozenModel) -> dict[str, Any]:
    row = one.model_dump(mode="json")
    return {name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in row.items()}


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]
