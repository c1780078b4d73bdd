"""The day that a request asks for."""

from inventory.api import parameters
from inventory.api.resources import Asked
from posture.forms import AsOfForm


def moment(asked: Asked) -> AsOfForm:
    """By the form of the pages.

    :raises BadParameters: there is nothing to tell of that day.
    """
    form = AsOfForm(asked.request.query_params, today=asked.today)
    if form.problem:
        raise parameters.bad("as_of", form.problem)
    return form
