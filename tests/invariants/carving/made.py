"""A small organisation for the edits of policies, and what is asked in it."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from invariants import carving, catalog, engine
from invariants.carving import ACCOUNT, OU, ROOT, Asked, Ground, Place, Scope, Standing, Way
from invariants.carving.telling import printed
from invariants.catalog import SCP

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
UNTIL = "2027-01-15T23:00:00Z"
ORG, PAYER = "o-exampleorg1", "999900001111"
SHOP, BANK = "111122223333", "222233334444"
PARTNER = f"arn:aws:iam::{SHOP}:role/AcmeMetricsReader"
STRANGER = "arn:aws:iam::987654321098:role/AcmeMetricsReader"
REGION = "ap-southeast-2"
EVERYTHING = Standing(
    "p-FullAWSAccess",
    "FullAWSAccess",
    SCP,
    printed(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
    ),
    is_kept_by_aws=True,
)


@cache
def catalogue():
    return catalog.load()


def ground(*policies, attached=None):
    """The payer at the root; Shop and Bank in Workloads; an empty OU of exceptions."""
    places = (
        Place("r-ab12", "Root", ROOT, None, "", "Root"),
        Place("ou-work", "Workloads", OU, "r-ab12", "WORKLOADS", "Workloads"),
        Place("ou-exc", "Exceptions", OU, "r-ab12", "EXCEPTIONS", "Exceptions"),
        Place(PAYER, "Payer", ACCOUNT, "r-ab12"),
        Place(SHOP, "Shop", ACCOUNT, "ou-work"),
        Place(BANK, "Bank", ACCOUNT, "ou-work"),
    )
    where = {"ou-work": tuple(one.id for one in policies)} if attached is None else attached
    whole = {one.id: (EVERYTHING.id, *where.get(one.id, ())) for one in places}
    by_id = {one.id: one for one in (EVERYTHING, *policies)}
    return Ground(ORG, PAYER, {one.id: one for one in places}, by_id, whole)


def standing(key, *, document=None, policy_id=""):
    """The invariant's own text as a policy of AWS, or another in its stead."""
    record = catalogue()[key]
    text = printed(record.policy if document is None else document)
    return Standing(policy_id or f"p-{key}", key, record.type, text, record.statement.sentence)


def scope(**changes):
    values = {"accounts": (SHOP,), "members": frozenset({SHOP}), "until": UNTIL}
    return Scope(**(values | changes))


def asked(key, way, named=None, *, on=None, **changes):
    """An exception from the invariant, whose own text stands in AWS unless `on` is another ground."""
    record = catalogue()[key]
    policy = standing(key)
    statements = record.policy.get("Statement", ()) if record.is_authorisation else [0]
    serving = {policy.id: frozenset(range(len(statements)))}
    values = {
        "ref": "EX-0042",
        "way": Way(way),
        "scope": named or scope(principals=(PARTNER,)),
        "record": record,
        "serving": serving,
        "ground": on or ground(policy),
        "parameters": catalogue().parameters,
        "now": NOW,
    }
    return Asked(**(values | changes))


def put_in_place(one, edit):
    """The same request with the edited texts in AWS, as a merge brings them there."""
    texts = {change.policy_id: change.after for change in edit.changes}
    policies = {
        key: replace(policy, text=texts.get(key, policy.text))
        for key, policy in one.ground.policies.items()
    }
    serving = {key: serving_in(texts.get(key), numbers) for key, numbers in one.serving.items()}
    return replace(one, ground=replace(one.ground, policies=policies), serving=serving)


def serving_in(text, numbers):
    """All Denies, since a policy here holds one invariant alone."""
    if text is None:
        return numbers
    found = engine.parse(text).statements
    return frozenset(n for n, one in enumerate(found) if one.effect.value == "Deny")


def kept(edit):
    """What a record keeps of the edit that was approved."""
    return carving.Kept(
        {change.policy_id: change.pieces for change in edit.changes if change.pieces},
        edit.moved_from,
    )
