"""The policy language of AWS: what SCPs, RCPs and management policies say of a request or an account.

Pure: no Django, no boto, no clock. Three-valued: what is not known of a request is UNKNOWN, never taken
for absent, and a verdict names what is missing. A layer of policies never allows; at most it does not deny.

    policy = parse(text, grammar=Grammar.SCP)
    stack = compile_stack(Layer.SCP, [Level("r-1234", (Attached("FullAWSAccess", everything),)), ...])
    verdict = evaluate(Request("s3:DeleteBucket", "arn:aws:s3:::a", principal_of(role_arn)), stack)
    print(explain(verdict))
"""

from invariants.engine.conditions import ConditionFinding
from invariants.engine.documents import (
    OLD_VERSION,
    VERSION,
    Base,
    Condition,
    Effect,
    Names,
    Operator,
    Policy,
    PolicySyntaxError,
    Principals,
    Quantifier,
    Statement,
    operator,
)
from invariants.engine.exemptions import (
    RESOURCE_ACCOUNT,
    Exemption,
    Layer,
    Organization,
    RcpServices,
    Scope,
    account_of,
    rcp_services,
    scope,
)
from invariants.engine.explanation import explain
from invariants.engine.inheritance import Setting, effective_policy, parse_management
from invariants.engine.keys import keys_read
from invariants.engine.matching import PRINCIPAL, RESOURCE, statement_truth
from invariants.engine.parsing import Grammar, parse
from invariants.engine.printing import (
    canonical,
    canonical_management,
    document,
    fingerprint,
    minified,
    minified_size,
    print_policy,
)
from invariants.engine.requests import (
    ANONYMOUS,
    ANYONE,
    Principal,
    PrincipalType,
    Request,
    Situation,
    principal_of,
)
from invariants.engine.stacks import Attached, Level, Stack, compile_stack
from invariants.engine.states import (
    ABSENT,
    PRESENT_UNKNOWN,
    UNKNOWN_STATE,
    Absent,
    KeyState,
    OneOf,
    Present,
    PresentUnknown,
    Unknown,
    present,
)
from invariants.engine.templates import Template, Variable, template
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth
from invariants.engine.verdicts import Outcome, Reason, Verdict, evaluate, strictest

__all__ = [
    "ABSENT",
    "ANONYMOUS",
    "ANYONE",
    "FALSE",
    "OLD_VERSION",
    "PRESENT_UNKNOWN",
    "PRINCIPAL",
    "RESOURCE",
    "RESOURCE_ACCOUNT",
    "TRUE",
    "UNKNOWN",
    "UNKNOWN_STATE",
    "VERSION",
    "Absent",
    "Attached",
    "Base",
    "Condition",
    "ConditionFinding",
    "Effect",
    "Exemption",
    "Grammar",
    "KeyState",
    "Layer",
    "Level",
    "Names",
    "OneOf",
    "Operator",
    "Organization",
    "Outcome",
    "Policy",
    "PolicySyntaxError",
    "Present",
    "PresentUnknown",
    "Principal",
    "PrincipalType",
    "Principals",
    "Quantifier",
    "RcpServices",
    "Reason",
    "Request",
    "Scope",
    "Setting",
    "Situation",
    "Stack",
    "Statement",
    "Template",
    "Truth",
    "Unknown",
    "Variable",
    "Verdict",
    "account_of",
    "canonical",
    "canonical_management",
    "compile_stack",
    "document",
    "effective_policy",
    "evaluate",
    "explain",
    "fingerprint",
    "keys_read",
    "minified",
    "minified_size",
    "operator",
    "parse",
    "parse_management",
    "present",
    "principal_of",
    "print_policy",
    "rcp_services",
    "scope",
    "statement_truth",
    "strictest",
    "template",
]
