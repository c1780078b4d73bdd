"""What a class of app.css comes to on paper: presentation attributes in the colours of the light theme.

PDF and e-mail know no stylesheet. The hex values are the tokens of app.css; a test compares them.
"""

from collections.abc import Mapping
from typing import Final

SURFACE: Final = "#ffffff"
TOKENS: Final[Mapping[str, str]] = {
    "surface": SURFACE,
    "line": "#e2e4e8",
    "line-2": "#ced2d8",
    "ink": "#171a24",
    "ink-2": "#464a56",
    "ink-3": "#636772",
    "accent": "#464ed2",
    "crit": "#ab0034",
    "high": "#e76220",
    "med": "#efba41",
    "low": "#7eadce",
    "info": "#cdd1d9",
    "ok": "#008e95",
    "ok-ink": "#005d68",
    "warn": "#e69825",
    "warn-ink": "#7f4a00",
}
# The token of each tone of a sparkline; a tone that is not here stays grey.
SPARK_TONES: Final[Mapping[str, str]] = {
    "accent": "accent",
    "ok": "ok",
    "warn": "high",
    "bad": "crit",
}
# The nine heat steps on a white surface; step 0 is hatched.
HEAT: Final = (
    "#f68c78",
    "#ffb59e",
    "#ffd2b9",
    "#fde7cb",
    "#f8f4e3",
    "#e3f0f1",
    "#d0e6e7",
    "#b9d9db",
    "#9dcbcd",
)


def _fill(token: str, opacity: str = "") -> dict[str, str]:
    fill = {"fill": TOKENS[token]}
    return fill | {"fill-opacity": opacity} if opacity else fill


def _stroke(token: str, width: str = "1", **more: str) -> dict[str, str]:
    extra = {name.replace("_", "-"): value for name, value in more.items()}
    return {"fill": "none", "stroke": TOKENS[token], "stroke-width": width} | extra


def _spark(tone: str, token: str) -> dict[str, dict[str, str]]:
    return {
        f"spark-ln{tone}": _stroke(token, "1.5", stroke_linejoin="round", stroke_linecap="round"),
        f"spark-fill{tone}": _fill(token, "0.11"),
        f"spark-end{tone}": _fill(token),
        f"spark-lone{tone}": _fill(token),
    }


INKS: Final[Mapping[str, Mapping[str, str]]] = {
    # texts
    "ax": _fill("ink-3") | {"font-size": "11"},
    "lab": _fill("ink") | {"font-size": "11", "font-weight": "600"},
    "sm": _fill("ink-3") | {"font-size": "10"},
    "on": {"fill": SURFACE, "font-size": "10.5", "font-weight": "600"},
    "dk": _fill("ink") | {"font-size": "10.5", "font-weight": "600"},
    "in": _fill("ink") | {"font-size": "10.5", "font-weight": "600"},
    "goalt": _fill("ok-ink") | {"font-size": "11", "font-weight": "600"},
    # only about size and place on a page
    "nm": {},
    "dense": {},
    "s": {},
    "m": {"text-anchor": "middle"},
    "e": {"text-anchor": "end"},
    # lines
    "grid": _stroke("line", stroke_dasharray="1 3", stroke_linecap="round"),
    "zero": _stroke("ink-3"),
    "link": _stroke("ink-3", stroke_dasharray="2 2"),
    "goal": _stroke("ok", "1.25", stroke_dasharray="4 3"),
    "mean": _stroke("ink-3"),
    "limit": _stroke("ink-3", stroke_dasharray="5 4"),
    "sla": _stroke("high", "1.5", stroke_dasharray="6 3"),
    "half": _stroke("ink-3", stroke_dasharray="2 3"),
    "ln": _stroke("accent", "2", stroke_linejoin="round", stroke_linecap="round"),
    "net": _stroke("ink", "1.75", stroke_linejoin="round", stroke_linecap="round"),
    "sg": _stroke("ink", "1.75"),
    "break": {"fill": SURFACE, "stroke": TOKENS["ink-3"], "stroke-width": "1"},
    # areas and marks
    "area": _fill("accent", "0.09"),
    "band": _fill("ink", "0.055"),
    "dot": _fill("accent") | {"stroke": SURFACE, "stroke-width": "1.5"},
    "ndot": _fill("ink") | {"stroke": SURFACE, "stroke-width": "1.5"},
    "mk": _fill("ok") | {"stroke": SURFACE, "stroke-width": "1"},
    "trk": _fill("ink", "0.07"),
    "gap": {"fill": SURFACE},
    "none": {"fill": "url(#p-unk)", "stroke": TOKENS["line-2"]},
    # bars
    "f-total": _fill("ink-3", "0.55"),
    "f-up": _fill("ok"),
    "f-down": _fill("crit"),
    "f-bar": _fill("accent"),
    "f-critical": _fill("crit"),
    "f-high": _fill("high"),
    "f-medium": _fill("med"),
    "f-low": _fill("low"),
    "f-informational": _fill("info"),
    "f-opened": _fill("accent"),
    "f-reopened": {"fill": "url(#p-re)"},
    "f-entries": _fill("accent", "0.22") | {"stroke": TOKENS["accent"], "stroke-width": "1"},
    "f-closed": _fill("ok", "0.6"),
    "f-pile": _fill("accent", "0.22") | {"stroke": TOKENS["accent"], "stroke-width": "1"},
    "f-intime": _fill("ok", "0.42"),
    "f-late": {"fill": "url(#p-late)"},
    "f-open": _fill("crit"),
    "g-a": _fill("ok", "0.4"),
    "g-b": _fill("ok", "0.2"),
    "g-c": _fill("warn", "0.3"),
    "g-d": _fill("high", "0.35"),
    "g-f": _fill("crit", "0.3"),
    "g-nr": {"fill": "url(#p-unk)", "stroke": TOKENS["line-2"]},
    # a sparkline without a tone, and in each of its tones
    **_spark("", "ink-3"),
    **{
        name: ink
        for tone, token in SPARK_TONES.items()
        for name, ink in _spark(f"-{tone}", token).items()
    },
    "spark-goal": _stroke("ok", stroke_dasharray="2 2"),
    "spark-none": _stroke("line-2", "1.5", stroke_dasharray="2 4", stroke_linecap="round"),
    "spark-sg": _stroke("ink", "1.25"),
    # a small bar
    "mbar-trk": _fill("ink", "0.08"),
    "mbar-accent": _fill("accent"),
    "mbar-mark": _fill("ink"),
    **{f"h{step}": {"fill": colour} for step, colour in enumerate(HEAT, start=1)},
    "h0": {"fill": "url(#p-unk)", "stroke": TOKENS["line-2"]},
}


def _hatch(name: str, ground: str, line: str, width: str) -> str:
    return (
        f'<pattern id="p-{name}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="5" height="5" fill="{ground}"/>'
        f'<path d="M0 0V5" stroke="{line}" stroke-width="{width}"/></pattern>'
    )


# On a page these come once, from _components/patterns.html.
PATTERNS: Final = (
    "<defs>"
    + _hatch("unk", SURFACE, TOKENS["line-2"], "4")
    + _hatch("re", "#dfe0f8", TOKENS["accent"], "3")
    + _hatch("late", "#fae5c8", TOKENS["warn"], "4")
    + "</defs>"
)


def attributes(css: str) -> str:
    """The presentation attributes of some classes, the last one winning.

    :raises KeyError: a class that has no colour on paper; better than a black shape.
    """
    merged: dict[str, str] = {}
    for name in css.split():
        merged |= INKS[name]
    return "".join(f' {key}="{value}"' for key, value in merged.items())
