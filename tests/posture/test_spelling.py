"""Percentages are written alike everywhere: 95%, as on the charts."""

import ast
import re
from decimal import Decimal
from pathlib import Path

import pytest

from posture.templatetags import ui

ROOT = Path(__file__).resolve().parents[2]
# A number, or what a template or an f-string puts there, and a blank before the sign.
TEXT = re.compile(r"(?:[0-9]|\}\}|\{% endif %\})(?: |\u00a0|\u202f|&nbsp;)%(?![}(\w])")
TEMPLATES = sorted(
    path
    for folder in (ROOT / "templates", ROOT / "posture" / "reports")
    for path in folder.rglob("*")
    if path.suffix in {".html", ".txt", ".typ"}
)
CODE = sorted(
    path
    for app in ("posture", "findings", "inventory", "invariants")
    for path in (ROOT / app).rglob("*.py")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Decimal("97.5"), "97.5%"), (100, "100.0%"), (Decimal("99.96"), "100.0%"), (None, ui.DASH)],
)
def test_a_share_has_its_sign_right_behind_it_and_a_dash_without_data(value, shown):
    assert ui.percent(value) == shown


def test_no_template_writes_a_blank_before_the_sign():
    assert TEMPLATES
    found = {str(path.relative_to(ROOT)) for path in TEMPLATES if TEXT.search(path.read_text())}
    assert not found, f"Write 95% (the filter `percent`) in {', '.join(sorted(found))}."


def test_no_card_of_a_kpi_does():
    text = (ROOT / "posture" / "kpis" / "kpis.yaml").read_text()
    assert not TEXT.search(text)


def test_no_text_in_the_code_does():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in CODE
        for line in _blanks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"Write 95% in {', '.join(found)}."


def _blanks(tree):
    """Lines with a text that has a number, or a value put in, and a blank before the sign."""
    pieces = {
        id(piece)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for piece in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            in_text = id(node) in pieces and re.match(r" %(?:[ .,;:)]|$)", node.value)
            if in_text or re.search(r"[0-9] %(?:[ .,;:)\"]|$)", node.value):
                yield node.lineno
