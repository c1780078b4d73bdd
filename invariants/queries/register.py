"""The register for pages: what was wrong with the last reading of the files, and where an invariant's
life can go from here. Does not import the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

from invariants.models import (
    CatalogLoad,
    CoverageProof,
    Invariant,
    InvariantMove,
    InvariantVersion,
    OuCoverage,
)
from invariants.policies import life_cycle
from invariants.policies.life_cycle import Attached, Facts, Transition, Width
from invariants.queries.counts import Counts
from inventory import access
from inventory.models import OrganizationalUnit, OrgPolicy, PolicyAttachment

if TYPE_CHECKING:
    from inventory.access import AnyUser

_RIGHTS: Final = (life_cycle.MANAGE, life_cycle.ENFORCE)


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One thing to mend in the catalogue's files; `line` counts from 1."""

    file: str
    line: int
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Loading:
    """How the newest reading of the files went. `problems` are empty where it was taken in; else what
    was loaded at `loaded_at` holds on (None: nothing ever was)."""

    organization: str
    at: datetime
    loaded_at: datetime | None
    problems: tuple[ProblemRow, ...]
    counts: Mapping[str, int]

    @property
    def is_refused(self) -> bool:
        return bool(self.problems)


@dataclass(frozen=True, slots=True)
class MoveOption:
    """A step that the invariant's life could take. `is_mine`: whether the person has the right to take
    it, `can` whether it could be taken now. `why_not` says what stands in its way, "" where only
    reasons are still to be written; `results` are its gates."""

    state: str
    label: str
    verb: str
    is_forward: bool
    is_mine: bool
    can: bool
    why_not: str
    results: tuple[life_cycle.Result, ...]

    @property
    def to_waive(self) -> tuple[life_cycle.Result, ...]:
        return tuple(r for r in self.results if not r.passed and r.may_waive)


def loadings(user: "AnyUser") -> tuple[Loading, ...]:
    """The newest reading of each organisation's catalogue, for who sees everything (two queries)."""
    seen = CatalogLoad.objects.visible_to(user).select_related("organization")
    newest = seen.order_by("organization_id", "-pk").distinct("organization_id")
    loaded = dict(
        CatalogLoad.objects.visible_to(user)
        .filter(state=CatalogLoad.State.LOADED)
        .order_by("organization_id", "-pk")
        .distinct("organization_id")
        .values_list("organization_id", "at")
    )
    return tuple(
        Loading(
            organization=load.organization.label,
            at=load.at,
            loaded_at=loaded.get(load.organization_id),
            problems=tuple(ProblemRow(**problem) for problem in load.problems),
            counts=load.counts,
        )
        for load in newest
    )


def problems(user: "AnyUser") -> tuple[ProblemRow, ...]:
    """What keeps the catalogue's files from being taken in; empty where nothing does."""
    return tuple(problem for loading in loadings(user) for problem in loading.problems)


def last_load(user: "AnyUser") -> CatalogLoad | None:
    """The newest reading, taken in or refused; None where there is none, or none that one may see."""
    return CatalogLoad.objects.visible_to(user).order_by("-pk").first()


def may_move(user: "AnyUser") -> bool:
    """Whether the person takes any step at all: with one of the rights, and with all accounts in sight,
    since gates tell of all of them."""
    return bool(rights_of(user)) and access.scope_of(user).everything


def rights_of(user: "AnyUser") -> frozenset[str]:
    return frozenset(right for right in _RIGHTS if user.has_perm(right))


def moves(user: "AnyUser", invariant: Invariant) -> tuple[MoveOption, ...]:
    """The steps from where the invariant is, those forward first; empty for who takes none.

    Five queries.
    """
    if not may_move(user):
        return ()
    facts = facts_of(invariant)
    rights = rights_of(user)
    return tuple(_option(facts, step, rights) for step in life_cycle.steps(facts.state))


def _option(facts: Facts, step: Transition, rights: frozenset[str]) -> MoveOption:
    results = life_cycle.look(facts, step)
    blocked = [f"{r.name}: {r.found}" for r in results if not r.passed and not r.may_waive]
    if facts.is_gone:
        blocked.insert(0, "It is no longer in the catalogue.")
    if step.right not in rights:
        blocked.insert(0, "Your roles do not include the right to take this step.")
    return MoveOption(
        state=step.after,
        label=life_cycle.State(step.after).label,
        verb=step.verb,
        is_forward=bool(step.gates),
        is_mine=step.right in rights,
        can=life_cycle.can_move(facts, step.after, rights=rights),
        why_not=" ".join(blocked),
        results=results,
    )


def version_of_last_step(invariant: Invariant) -> int | None:
    """The number of the version that the last step was about; None where there was none."""
    last = InvariantMove.objects.filter(invariant=invariant).order_by("-at", "-pk")
    number: int | None = last.values_list("version__number", flat=True).first()
    return number


def facts_of(invariant: Invariant) -> Facts:
    """What the gates look at, of the whole organisation (four queries)."""
    version = current_version(invariant)
    content, reading = version.content, version.reading
    return Facts(
        state=invariant.state,
        is_gone=invariant.gone_at is not None,
        is_marked_draft=content["draft"],
        retired_because=content["retired"],
        lint=_broken_rules(reading),
        probes=_asked(reading["probes"]),
        golden=_asked(reading["golden"]),
        examples=tuple(version.source["examples"]),
        is_for_root=content["targets"]["root"],
        staging=life_cycle.staging_of(_attachments(invariant)),
        covered=_covered(invariant),
    )


def current_version(invariant: Invariant) -> InvariantVersion:
    return InvariantVersion.objects.get(invariant=invariant, replaced_at=None)


def _broken_rules(reading: Mapping[str, Any]) -> tuple[str, ...]:
    found = {
        line["rule"]
        for line in reading["lint"]
        if line["severity"] != "NOTICE" and not line["waived"]
    }
    return tuple(sorted(found))


def _asked(probes: Mapping[str, Any]) -> life_cycle.Asked:
    first = probes["failed"][0]["name"] if probes["failed"] else ""
    return life_cycle.Asked(probes["asked"], probes["failing"], probes["open"], first)


def _covered(invariant: Invariant) -> life_cycle.Covered | None:
    rows = OuCoverage.objects.filter(invariant=invariant, ou__parent=None).values()
    row = rows.order_by("pk").first()
    if row is None:
        return None
    counts = Counts.read(row)
    return life_cycle.Covered(counts.in_scope, counts.protected, counts.said)


def _attachments(invariant: Invariant) -> list[Attached]:
    """Where the policies that serve it, as evaluation found, are and were attached."""
    proofs = CoverageProof.objects.filter(invariant=invariant).values_list("policy", "evidence")
    pks = {policy for policy, _ in proofs if policy}
    ids = {serving[0] for _, evidence in proofs for serving in evidence.get("serves", ())}
    serving = OrgPolicy.objects.filter(
        Q(pk__in=pks) | Q(policy_id__in=ids), organization=invariant.organization_id
    )
    rows = PolicyAttachment.objects.filter(policy__in=serving, policy__is_aws_managed=False)
    names = _ous(invariant.organization_id)
    return [_attached(row, names) for row in rows.order_by("since", "pk")]


def _ous(organization_id: int) -> dict[str, tuple[str, str]]:
    """Label and role of each OU, by its id; the root has no label."""
    ous = OrganizationalUnit.objects.filter(organization=organization_id)
    return {
        ou_id: (label, role) for ou_id, label, role in ous.values_list("ou_id", "label", "role")
    }


def _attached(row: PolicyAttachment, ous: Mapping[str, tuple[str, str]]) -> Attached:
    label, role = ous.get(row.target_id, ("", ""))
    if row.target_kind == PolicyAttachment.Target.ROOT:
        return Attached(Width.ROOT, "the root", row.since)
    if row.target_kind == PolicyAttachment.Target.ACCOUNT:
        return Attached(Width.STAGING, f"account {row.target_id}", row.since)
    is_staging = role == OrganizationalUnit.Role.POLICY_STAGING
    width = Width.STAGING if is_staging else Width.OU
    return Attached(width, label or row.target_id, row.since)
