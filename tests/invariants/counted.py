"""Proofs, coverage and denials for tests, written straight into the tables."""

import hashlib
import json
from datetime import timedelta

from invariants.ingest import trail
from invariants.models import Coverage, CoverageProof, Denial, TakenEvent, TrailFeed
from tests import factories as make

NOW = make.NOW


def proof(invariant, *, state="ENFORCED", evidence=None):
    held = evidence or {}
    digest = hashlib.sha256(json.dumps([state, held], sort_keys=True).encode()).digest()
    return CoverageProof.objects.get_or_create(
        invariant=invariant,
        digest=digest,
        defaults={"state": state, "reason": "It holds.", "evidence": held},
    )[0]


def covered(invariant, account, *, state="ENFORCED", since=NOW - timedelta(days=30), evidence=None):
    return Coverage.objects.create(
        invariant=invariant,
        account=account,
        state=state,
        proof=proof(invariant, state=state, evidence=evidence),
        since=since,
    )


def taken(*records, kind=TrailFeed.Kind.FILES, now=NOW):
    return trail.take(make.organization(), records, kind=kind, keep_days=200, now=now)


def forget():
    """As if no event had ever come in."""
    for model in (Denial, TakenEvent, TrailFeed):
        model.objects.all().delete()
