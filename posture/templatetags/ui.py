"""{% load ui %}: the small parts that pages are made of. Colour is never the only carrier of a meaning."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from posture import charts
from posture.assets import AREA_ICONS

register = template.Library()

Number = int | float | Decimal
DASH = "\N{EN DASH}"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Icon from the sprite, hidden from screen readers; sizes: "" 16 px, "s" 14 px, "l" 20 px."""
    return _drawing(name, css, static("build/icons.svg") if settings.DEBUG else _sprite())


@cache
def _sprite() -> str:
    # The name of a collected file hangs on its content, and costs more than the rest of an icon.
    return static("build/icons.svg")


@lru_cache(maxsize=1024)
def _drawing(name: str, css: str, sprite: str) -> SafeString:
    return format_html(
        '<svg class="i {}" aria-hidden="true"><use href="{}#i-{}"></use></svg>', css, sprite, name
    )


@register.simple_tag
@lru_cache(maxsize=20_000)
def address(name: str, argument: object = None) -> str:
    """An address as `url` gives it, but kept: reversing one costs more than a row of a table."""
    return reverse(name, args=None if argument is None else [argument])


@register.simple_tag
def facet_choices(facet: Any) -> SafeString:
    """The choices of a facet. In one go: as a template they cost more than the rows of the list."""
    kind = "radio" if facet.is_single else "checkbox"
    return format_html_join(
        "",
        '<label{}><input type="{}" class="cb" id="f-{}-{}" name="{}" value="{}"{}><span>{}</span>{}</label>',
        (
            (
                format_html(' class="ind{}"', choice.indent) if choice.indent else "",
                kind,
                facet.name,
                place,
                facet.name,
                choice.value,
                " checked" if choice.is_on else "",
                severity(choice.value) if facet.name == "severity" else choice.label,
                ""
                if choice.findings is None
                else format_html(' <span class="n">{}</span>', number(choice.findings)),
            )
            for place, choice in enumerate(facet.choices, start=1)
        ),
    )


@register.simple_tag
def letters(counted: Iterable[tuple[str, int]]) -> SafeString | str:
    """How many accounts have which letter, in a row of a table; a dash where there is none."""
    shown = [(letter.lower(), letter, number) for letter, number in counted if number]
    if not shown:
        return DASH
    return format_html(
        '<span class="letters" role="img" aria-label="{}">{}</span>',
        ", ".join(f"{number} {letter}" for _, letter, number in shown),
        format_html_join("", '<span class="g-{}" aria-hidden="true"><b>{}</b>{}</span>', shown),
    )


@register.simple_tag
def area_icon(code: str, css: str = "") -> SafeString:
    """Icon of a security area by its code, such as IDENTITY."""
    return icon(AREA_ICONS.get(str(code), "circle-dashed"), css)


@register.simple_tag
@lru_cache(maxsize=64, typed=True)
def severity(level: str | None) -> SafeString:
    """Severity by its code, such as CRITICAL: shape, colour and word."""
    if not level:
        return _no_data()
    name = str(level).lower()
    return format_html('<span class="sev {}">{}</span>', name, name.capitalize())


@register.simple_tag
@lru_cache(maxsize=64)
def grade(letter: str | None, css: str = "") -> SafeString:
    """Letter badge; None or "NR" is "not rated". Sizes: "" 22 px, "sm" 18 px, "xl" 40 px."""
    if letter in (None, "", "NR"):
        return format_html(
            '<span class="grade n {}" role="img" aria-label="not rated" title="Not rated">NR</span>',
            css,
        )
    return format_html(
        '<span class="grade {} {}" role="img" aria-label="grade {}">{}</span>',
        str(letter).lower(),
        css,
        letter,
        letter,
    )


# By type as well: 1 and 1.0 are equal, and are not written alike.
@register.simple_tag
@lru_cache(maxsize=4096, typed=True)
def delta(value: Number | None, good: str = "up", suffix: str = "") -> SafeString | str:
    """Change with an arrow; nothing at all without a value.

    :param good: the direction that is an improvement: "up", "down" or "none" (stays grey).
    """
    if value is None:
        return ""
    size = charts.value_text(value if value >= 0 else -value, suffix)
    direction = (
        "none" if not any(digit in "123456789" for digit in size) else "up" if value > 0 else "down"
    )
    if direction == "none":
        return format_html(
            '<span class="delta">{}<span class="vh">no change</span><span aria-hidden="true">0</span></span>',
            icon("minus"),
        )
    verdict = "" if good == "none" else "good" if direction == good else "badly"
    words = {"": "", "good": ", better", "badly": ", worse"}[verdict]
    return format_html(
        '<span class="delta {}">{}<span class="vh">{} </span>{}<span class="vh">{}</span></span>',
        verdict,
        icon(f"arrow-{direction}"),
        direction,
        size,
        words,
    )


# By type as well: a text that is safe and one that is not may be equal.
@register.simple_tag
@lru_cache(maxsize=4096, typed=True)
def pill(text: object, kind: str = "", icon_name: str = "") -> SafeString:
    """Label with an optional icon; kinds: ok warn bad acc out sq (square, monospaced), also combined."""
    drawing = icon(icon_name) if icon_name else ""
    return format_html('<span class="pill {}">{}{}</span>', kind, drawing, text)


@register.simple_tag
def heat(value: Number | None, href: str = "", label: str = "") -> SafeString:
    """Heat grid cell (a whole <td>) of a score 0-100, rounded down so that it never shows a better letter.

    :param href: makes the number a link; `label` is then its accessible name, such as "Identity, Media".
    """
    step = charts.heat_step(value)
    text = _no_data() if value is None else format_html("{}", int(value))
    if not href:
        return format_html('<td class="h h{}"><span>{}</span></td>', step, text)
    named = format_html('<span class="vh">{}: </span>', label) if label else ""
    return format_html('<td class="h h{}"><a href="{}">{}{}</a></td>', step, href, named, text)


def _no_data() -> SafeString:
    return format_html(
        '<span aria-hidden="true">{}</span><span class="vh">{}</span>', DASH, "no data"
    )


@register.filter
def score(value: Number | None) -> str:
    """A score with one decimal; a dash without data."""
    return DASH if value is None else charts.value_text(Decimal(str(value)))


@register.filter
def percent(value: Number | None) -> str:
    """A share as every page writes it: 97.5%, with one decimal; a dash without data."""
    return DASH if value is None else charts.value_text(Decimal(str(value)), "%")


@register.filter
def number(value: int | None) -> str:
    """A count, short from 10,000 on: 1,234, 98.2k, 4.21M; a dash without data."""
    if value is None:
        return DASH
    if abs(value) < 10_000:
        return f"{value:,}"
    # The borders are where rounding would print 1000k.
    if abs(value) < 999_950:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.2f}M"


@register.filter
def exact(value: int | None) -> str:
    """A count in full, with thousands separators; a dash without data."""
    return DASH if value is None else f"{value:,}"


@register.filter
def account_id(value: object) -> str:
    """Twelve digits in groups of four: 4471 8820 1936; anything else unchanged."""
    text = str(value)
    if len(text) == 12 and text.isdigit():
        return f"{text[:4]} {text[4:8]} {text[8:]}"
    return text


@register.filter
def initials(value: object) -> str:
    """Up to two capitals of a name, for the round badge: "Priya Raman" and "priya.raman" give PR."""
    words = str(value).replace(".", " ").replace("-", " ").replace("_", " ").split()
    return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper() or "?"


@register.simple_tag(takes_context=True)
def ago(context: Context, value: datetime | None) -> SafeString:
    """ "14 min ago" as <time> with the full UTC time as its title; reads `now` from the context."""
    return time_ago(value, context["now"])


@register.filter(name="ago")
def time_ago(value: datetime | None, now: datetime) -> SafeString:
    """Like {% ago %}, for where the time is at hand: {{ at|ago:now }}."""
    if value is None:
        return format_html("<span>{}</span>", "never")
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        value.strftime("%Y-%m-%dT%H:%M:%SZ"),
        value.strftime("%-d %b %Y, %H:%M:%S"),
        _distance((now - value).total_seconds()),
    )


def _distance(seconds: float) -> str:
    size = abs(seconds)
    if size < MINUTE:
        return "just now" if seconds >= 0 else "in a moment"
    if size < HOUR:
        text = f"{size // MINUTE:.0f} min"
    elif size < 2 * DAY:
        text = f"{size // HOUR:.0f} h"
    else:
        text = f"{size // DAY:.0f} days"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


@register.inclusion_tag("_components/nav_link.html", takes_context=True)
def nav_link(  # noqa: PLR0913 - written out in one template
    context: Context,
    key: str,
    view: str,
    text: str,
    icon_name: str,
    count: Any = None,
    hot: bool = False,
) -> dict[str, Any]:
    """Navigation entry, marked current when `nav` in the context is the key; absent without such a URL.

    Without `nav`, the entry whose view is shown is current.

    :param hot: the count is of what waits for somebody; zero is then not shown.
    """
    try:
        url = reverse(view)
    except NoReverseMatch:
        return {"url": None}
    match = getattr(context.get("request"), "resolver_match", None)
    shown = context.get("nav") or (key if match is not None and match.view_name == view else None)
    return {
        "url": url,
        "text": text,
        "icon_name": icon_name,
        "count": (count or None) if hot else count,
        "is_hot": hot,
        "is_current": shown == key,
    }
