"""Which exceptions answer for what is deployed, and what to say where none does."""

from invariants.evaluation.reconciliation.records import ASKED, Case
from invariants.policies.exceptions.fitting import Fit


def answers_for(case: Case, found: Fit) -> bool:
    """Whether the exception says all there is to say: it covers it, or it is the zombie."""
    if case.is_ended:
        return True
    return found is Fit.WITHIN and (case.is_live or case.request.implementer_id is not None)


def why_of(near: tuple[Fit, Case] | None) -> str:
    if near is None:
        return "No exception was ever asked for."
    found, case = near
    ref = case.request.ref
    if case.request.state in ASKED:
        return f"{ref} asks for it, and is not approved."
    if found is Fit.WIDER:
        return f"It is wider than {ref}, which was approved."
    return f"{ref} is approved, but nobody has said that they put it in place."


def remedy_of(near: tuple[Fit, Case] | None) -> str:
    if near is None:
        return "Request an exception for it, or take it out of the policy."
    found, case = near
    if case.request.state in ASKED:
        return "Take it out until it is approved, or have it granted as an emergency."
    if found is Fit.WIDER:
        return "Narrow the policy to what was approved, or ask for what is deployed."
    return "Say in the record who put it in place, with the pull request."
