"""What others hear of exceptions without being known here."""

from typing import Final

from django.dispatch import Signal

# Sent for each event that is written, inside its transaction: `sender` is ExceptionRequest, `request` the
# record as it is after the event, `event` the ExceptionEvent. A receiver that raises undoes the step, so
# that nothing happens of which nobody is told; what it writes is undone with it where the step fails.
happened: Final = Signal()
