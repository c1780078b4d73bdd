"""Counts over time as stacked columns."""

import math
from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.svg import NO_DATA, known, markup


def columns(
    series: Sequence[tuple[str, Sequence[int | None]]],
    labels: Sequence[str],
    *,
    name: str,
    height: int = 64,
) -> SafeString:
    """Stacked columns; series are (class, values by label), drawn from the bottom up.

    A label without any known value stays empty and says so; its known parts are drawn otherwise.
    """
    sums = [sum(known(values[i] for _, values in series)) for i in range(len(labels))]
    tallest = max(sums, default=0) or 1
    room, width = height - 18, 100 / max(len(labels), 1)
    every = max(1, math.ceil(len(labels) / 6))
    parts = [
        f'<svg class="chart cols" width="100%" height="{height}" role="img">',
        f"<title>{escape(_columns_sentence(labels, sums, name))}</title>",
    ]
    for index, label in enumerate(labels):
        stacked = [(tone, values[index]) for tone, values in series]
        parts.append(f'<g class="hit">{_column(stacked, index * width, width, room, tallest)}')
        parts.append(
            f'<rect class="hot" x="{index * width:.2f}%" width="{width:.2f}%" y="0" height="{room}">'
            f"<title>{escape(label)}: {escape(_column_text(stacked))}</title></rect></g>"
        )
        if index % every == 0:
            parts.append(
                f'<text class="ax m" x="{(index + 0.5) * width:.2f}%" y="{height - 3}">{escape(label)}</text>'
            )
    return markup([*parts, "</svg>"])


def _column(
    stacked: Sequence[tuple[str, int | None]], x: float, width: float, room: float, tallest: float
) -> str:
    y, parts = room, []
    for tone, value in stacked:
        if not value:
            continue
        tall = value / tallest * (room - 2)
        y -= tall
        parts.append(
            f'<rect class="f-{escape(tone)}" x="{x + width * 0.14:.2f}%" width="{width * 0.72:.2f}%" y="{y:.1f}" height="{max(tall - 1, 0.5):.1f}" rx="1"/>'
        )
    return "".join(parts)


def _column_text(stacked: Sequence[tuple[str, int | None]]) -> str:
    told = [f"{value:,} {tone}" for tone, value in reversed(stacked) if value is not None]
    return ", ".join(told) or NO_DATA


def _columns_sentence(labels: Sequence[str], sums: Sequence[float], name: str) -> str:
    if not labels:
        return f"{name}: {NO_DATA}"
    best = max(range(len(labels)), key=lambda index: sums[index])
    return f"{name}: {sums[-1]:,.0f} in {labels[-1]}, at most {sums[best]:,.0f} in {labels[best]}"
