"""The JSON schema of a catalogue file, for editors: completion, hints, a first check."""

from typing import Any

from pydantic import TypeAdapter

from invariants.catalog.records import Invariant

# Where a parameter may stand, the schema of the filled-in value would refuse the placeholder.
_PLACEHOLDER = {"type": "string", "pattern": r"\{\{\s*[a-z][a-z0-9_]*\s*\}\}"}


def file_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of one file: an invariant, or an override of one."""
    whole = TypeAdapter(Invariant).json_schema()
    definitions = whole.pop("$defs")
    properties = whole["properties"]
    change = {name: value for name, value in properties.items() if name != "id"}
    override = {
        "description": "Changes an invariant of an earlier folder, field by field.",
        "type": "object",
        "additionalProperties": False,
        "required": ["overrides", "because"],
        "properties": {
            "overrides": {"description": "Id of the invariant.", **properties["id"]},
            "because": {"description": "Why it is changed.", "type": "string", "minLength": 1},
            **change,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Invariant of a Parapet catalogue",
        "anyOf": [{"$ref": "#/$defs/Invariant"}, {"$ref": "#/$defs/Override"}],
        "$defs": {
            **{name: _open(value) for name, value in definitions.items()},
            "Invariant": _open(whole),
            "Override": _open(override),
        },
    }


def _open(schema: Any) -> Any:
    """Let a placeholder stand wherever a text with a pattern is asked for."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "pattern" not in schema:
        return {name: _open(item) for name, item in schema.items()}
    narrow = {name: item for name, item in schema.items() if name != "description"}
    described = {"description": schema["description"]} if "description" in schema else {}
    return {**described, "anyOf": [narrow, _PLACEHOLDER]}
