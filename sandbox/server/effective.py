"""The effective policy of a target: management policies laid over each other down the tree.

Rules: Organizations user guide, "Inheritance operators". `@@assign` replaces what is above, `@@append` adds to a list, `@@remove`
takes from a list; `@@operators_allowed_for_child_policies` says what a lower policy may use.
"""

import json
from typing import Any

_ALLOWED = "@@operators_allowed_for_child_policies"
_EVERYTHING = "@@all"


def effective_content(contents: list[str]) -> str:
    """Merge policy documents, uppermost first, into the effective document without operators."""
    tree: dict[str, Any] = {}
    for content in contents:
        _lay(tree, json.loads(content), {_EVERYTHING})
    return json.dumps(_plain(tree), separators=(",", ":"))


def _lay(tree: dict[str, Any], document: dict[str, Any], allowed: set[str]) -> None:
    allowed = set(tree.get(_ALLOWED, allowed))
    if any(name in document for name in ("@@assign", "@@append", "@@remove")):
        _operate(tree, document, allowed)
    for name, value in document.items():
        if isinstance(value, dict):
            _lay(tree.setdefault(name, {}), value, allowed)
    if _ALLOWED in document:
        tree[_ALLOWED] = document[_ALLOWED]


def _operate(tree: dict[str, Any], document: dict[str, Any], allowed: set[str]) -> None:
    def may(operator: str) -> bool:
        return operator in document and bool(allowed & {operator, _EVERYTHING})

    if may("@@assign"):
        tree["@@value"] = document["@@assign"]
    if may("@@append"):
        present = _as_list(tree.get("@@value", []))
        fresh = [item for item in _as_list(document["@@append"]) if item not in present]
        tree["@@value"] = [*present, *fresh]
    if may("@@remove"):
        gone = _as_list(document["@@remove"])
        tree["@@value"] = [item for item in _as_list(tree.get("@@value", [])) if item not in gone]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(tree: dict[str, Any]) -> Any:
    if "@@value" in tree:
        return tree["@@value"]
    return {name: _plain(value) for name, value in tree.items() if isinstance(value, dict)}
