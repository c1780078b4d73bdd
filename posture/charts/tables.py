"""The table behind each chart over time ("Show as table"), for people who do not see the drawing."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.points import Point, PointLike, change_text
from posture.charts.svg import markup, value_text


def chart_table(
    points: Iterable[PointLike],
    *,
    caption: str,
    head: str = "Week",
    value: str = "Value",
    unit: str = "",
) -> SafeString:
    """The rows of a trend behind "Show as table", newest first."""
    rows = [Point(*point) for point in points]
    has_notes = any(row.note for row in rows)
    changes = ["", *(change_text(pair, 1) for pair in pairwise(rows))]
    body = [
        [row.label, value_text(row.value, unit), change, *([row.note] if has_notes else [])]
        for row, change in zip(rows, changes, strict=False)
    ]
    return data_table(
        [head, value, "Change", *(["Note"] if has_notes else [])], body[::-1], caption
    )


def columns_table(
    series: Sequence[tuple[str, Sequence[int | None]]],
    labels: Sequence[str],
    *,
    caption: str,
    head: str = "Week",
) -> SafeString:
    """The rows of stacked columns behind "Show as table", newest first, top series first."""
    shown = list(reversed(series))
    body = [
        [label, *(value_text(values[i]) for _, values in shown)] for i, label in enumerate(labels)
    ]
    return data_table([head, *(name.capitalize() for name, _ in shown)], body[::-1], caption)


def data_table(
    heads: Sequence[str], body: Iterable[Sequence[str]], caption: str, *, texts: Sequence[str] = ()
) -> SafeString:
    """Rows of texts behind "Show as table"; the first column names the row, others hold figures.

    :param texts: the columns that hold words instead, besides "Note".
    """
    wordy = {"Note", *texts}

    def cell(index: int, text: str) -> str:
        if index == 0:
            return f'<th scope="row">{escape(text)}</th>'
        return f'<td class="{"w" if heads[index] in wordy else "num"}">{escape(text)}</td>'

    num = ' class="num"'
    header = "".join(
        f'<th scope="col"{num if index and text not in wordy else ""}>{escape(text)}</th>'
        for index, text in enumerate(heads)
    )
    lines = "".join(
        f"<tr>{''.join(cell(i, text) for i, text in enumerate(row))}</tr>" for row in body
    )
    return markup(
        [
            '<details class="as-table noprint"><summary>Show as table</summary>',
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}, as a table"><table class="tbl dense">',
            f'<caption class="vh">{escape(caption)}</caption><thead><tr>{header}</tr></thead><tbody>{lines}</tbody></table></div></details>',
        ]
    )
