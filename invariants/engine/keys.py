"""Which keys of the context a policy reads: what an answer depends on."""

from collections.abc import Iterator

from invariants.engine.documents import Policy, Statement
from invariants.engine.templates import template


def keys_read(policy: Policy) -> tuple[str, ...]:
    """Return condition keys and variables, sorted, each once, as the policy first writes it.

    Placeholders that are no keys, such as ${Account}, are not among them.
    """
    found: dict[str, str] = {}
    for statement in policy.statements:
        for name in _named(statement, has_variables=policy.has_variables):
            found.setdefault(name.lower(), name)
    return tuple(found[key] for key in sorted(found))


def _named(statement: Statement, *, has_variables: bool) -> Iterator[str]:
    values = list(statement.resources.names) if statement.resources is not None else []
    for condition in statement.conditions:
        yield condition.key
        if condition.operator.base.takes_variables:
            values += condition.values
    for value in values:
        for variable in template(value, has_variables=has_variables).variables:
            if variable.is_key:
                yield variable.key
