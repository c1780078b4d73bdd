"""Writes docs/performance.md from bench/results: every claim, its figure and its limit."""

import json
import shlex
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "bench" / "results"
PAGE: Final = ROOT / "docs" / "performance.md"
# In the order of the page: the script, and what it is about.
SECTIONS: Final = {
    "ingest": "Taking findings in",
    "import_memory": "Importing files of any size",
    "explorer": "The findings list, the overview and the scorecard",
    "rollup": "Rollups",
    "kpis": "KPIs of a day",
    "reviews": "The weekly review and scorecards of the past",
    "large_organization": "Collecting a large organisation",
    "engine": "Evaluating policies",
    "coverage": "Proving invariants in every account",
    "exceptions": "Exceptions and their findings",
}
HEAD: Final = """# Performance

Made by `make bench`; do not edit. Every claim is a ratio of two figures of one run on one machine,
so that it can be checked elsewhere. One section is one script of `bench/`, and stands here as it came
out, whether the claim held or not. Times are in seconds.
"""


def section(name: str, title: str) -> str:
    """Return what one script found in its newest run, or that there has been none."""
    path = RESULTS / f"{name}.json"
    command = f"python -m deploy.local.services --run -- python bench/{name}.py"
    if not path.exists():
        return f"## {title}\n\nNot measured here. `{command}` does it.\n"
    record = json.loads(path.read_text(encoding="utf-8"))
    command = " ".join([command, *map(shlex.quote, record.get("arguments", []))])
    took = f" within {_minutes(record['seconds'])}" if "seconds" in record else ""
    lines = [
        f"## {title}",
        "",
        f"`{command}`, on {record['machine']}; taken {record['taken']}{took}.",
        "",
        "| claim | measured | limit | holds |",
        "|---|---:|---:|---|",
    ]
    for claim in record["claims"]:
        sign = "at least" if claim["is_floor"] else "at most"
        holds = "yes" if claim["holds"] else "**no**"
        lines.append(
            f"| {claim['name']} | {claim['figure']:.2f} | {sign} {claim['limit']:g} | {holds} |"
        )
    lines += ["", "| figure | value |", "|---|---:|"]
    lines += [f"| {name} | {_text(value)} |" for name, value in flat(record["facts"])]
    return "\n".join(lines) + "\n"


def flat(facts: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Every figure with the names that lead to it."""
    found: list[tuple[str, Any]] = []
    for name, value in facts.items():
        way = f"{path}, {name}" if path else name
        found += flat(value, way) if isinstance(value, dict) else [(way, value)]
    return found


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def main() -> None:
    if strange := {path.stem for path in RESULTS.glob("*.json")} - SECTIONS.keys():
        raise SystemExit(f"No section of the page is named for {', '.join(sorted(strange))}")
    parts = [section(name, title) for name, title in SECTIONS.items()]
    PAGE.write_text("\n".join([HEAD, *parts]), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written: {len(parts)} sections")


if __name__ == "__main__":
    main()
