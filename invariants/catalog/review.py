"""Everything that can be said of a loaded catalogue without AWS: its lint and its probes."""

from collections.abc import Iterator
from dataclasses import dataclass

from invariants import engine, lint
from invariants.catalog.loading import Catalogue, Entry
from invariants.catalog.probing import Answer, run_probes, run_settings
from invariants.catalog.problems import Place
from invariants.catalog.requests import Surroundings, surroundings


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about one invariant. A notice of the linter does not stop anything."""

    invariant_id: str
    place: Place
    text: str
    is_serious: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.invariant_id}: {self.text}"


def review(catalogue: Catalogue) -> tuple[Remark, ...]:
    """Lint each policy, and ask each policy its own probes. Drafts and retired ones are left out."""
    guards = lint.guards_of(i.policy for i in catalogue if i.is_authorisation)
    around = surroundings(catalogue.parameters)
    return tuple(
        remark
        for entry in catalogue.entries.values()
        if not entry.invariant.draft and not entry.invariant.retired
        for remark in (*_lint(entry, guards), *_probes(entry, around))
    )


def _lint(entry: Entry, guards: lint.Guards) -> Iterator[Remark]:
    invariant = entry.invariant
    found = lint.lint(
        invariant.policy, invariant.type, guards=guards, waived=invariant.lint_waivers
    )
    for finding in found:
        is_serious = finding.rule.severity is not lint.Severity.NOTICE
        yield Remark(invariant.id, entry.place, str(finding), is_serious)


def _probes(entry: Entry, around: Surroundings) -> Iterator[Remark]:
    invariant = entry.invariant
    if not invariant.is_authorisation:
        for setting in run_settings(invariant):
            if setting.answer is not Answer.HOLDS:
                what = f'the policy sets "{setting.found}" at {setting.setting.path}'
                yield Remark(invariant.id, entry.place, what, True)
        return
    for result in run_probes(invariant, around):
        if result.answer is not Answer.HOLDS:
            wanted = "denied" if result.must_deny else "not denied"
            why = engine.explain(result.verdict)
            what = f'"{result.probe.name}" has to be {wanted}. {why}'
            yield Remark(invariant.id, entry.place, what, True)
