"""All policies above an account together: what else stands in the way."""

from collections.abc import Iterable, Iterator, Mapping

from invariants import catalog, engine
from invariants.carving.asking import Asked
from invariants.carving.grounds import Ground
from invariants.engine import Layer, Outcome, Request

_TYPES = {Layer.SCP: catalog.SCP, Layer.RCP: catalog.RCP}


def still_denied(
    asked: Asked, requests: Iterable[Request], edited: Mapping[str, str]
) -> tuple[str, ...]:
    """A sentence for each policy that denies the requests of the scope even so.

    `edited` are the new texts, by the ids of the policies.
    """
    stacks: dict[tuple[Layer, str], engine.Stack | None] = {}
    found: dict[str, str] = {}
    for request in requests:
        for layer in Layer:
            account_id = engine.account_of(layer, request)
            if account_id is None or account_id not in asked.ground.places:
                continue
            key = (layer, account_id)
            if key not in stacks:
                stacks[key] = _stack(asked.ground, layer, account_id, edited)
            stack = stacks[key]
            if stack is None:
                found[str(layer)] = (
                    f"Not every policy above account {account_id} could be read: whether another one "
                    "denies the same is not known."
                )
                continue
            verdict = engine.evaluate(request, stack)
            if verdict.outcome is Outcome.DENIED:
                name = _name(asked.ground, verdict.policy)
                said = f"{name} ({verdict.sid})" if verdict.sid else name
                found.setdefault(
                    said,
                    f"{said} denies {request.action} in account {account_id} as well: the exception will "
                    "not help there unless that is excepted, too.",
                )
    return tuple(found.values())


def _stack(
    ground: Ground, layer: Layer, account_id: str, edited: Mapping[str, str]
) -> engine.Stack | None:
    """None where a text cannot be read, or none of the type is attached."""
    levels = list(_levels(ground, layer, account_id, edited))
    if any(level.has_unreadable for level in levels):
        return None
    return engine.compile_stack(layer, levels if any(one.policies for one in levels) else [])


def _levels(
    ground: Ground, layer: Layer, account_id: str, edited: Mapping[str, str]
) -> Iterator[engine.Level]:
    for place in ground.way(account_id):
        policies = ground.of_type(place, _TYPES[layer])
        if not policies and layer is Layer.RCP:
            continue
        attached = [
            engine.Attached(one.id, _parsed(edited.get(one.id) or one.text, one.type))
            for one in policies
        ]
        yield engine.Level(place, tuple(attached))


def _parsed(text: str, policy_type: str) -> engine.Policy | None:
    try:
        return engine.parse(text, grammar=catalog.grammar_of(policy_type)) if text else None
    except engine.PolicySyntaxError:
        return None


def _name(ground: Ground, policy_id: str | None) -> str:
    policy = ground.policies.get(policy_id or "")
    return policy.name if policy else "The allow list of a level"
