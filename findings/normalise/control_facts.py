"""The file of facts about controls that no AWS API tells, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parents[1] / "data" / "control_areas.yaml"


@cache
def load() -> dict[str, Any]:
    """Return the whole of findings/data/control_areas.yaml; its head says what stands where."""
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded
