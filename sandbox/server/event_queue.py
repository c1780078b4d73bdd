"""EventBridge and the queue behind it: what Security Hub announces goes to SQS in the security account.

One rule of the aggregation Region sends both kinds of event on; rules in every account send the calls that a policy denied.
moto keeps the queue, so that any client can work with it.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sandbox.history import denials
from sandbox.model import Document, Org
from sandbox.moments import seconds_of
from sandbox.server.moto_side import MotoSide
from sandbox.server.security_hub.findings_v2 import ocsf_of
from sandbox.server.world import Moment

QUEUE_NAME = "parapet-findings"
VISIBILITY_SECONDS = 120
IMPORTED = "Security Hub Findings - Imported"
IMPORTED_V2 = "Findings Imported V2"
# A version of the organisation after a long pause must not fill the queue with what everybody has read already.
_MOST_CHANGES = 1000


class EventQueue:
    """Sends an envelope for each changed finding, as both generations of Security Hub write it."""

    def __init__(self, org: Org, moto: MotoSide, *, real_time: Callable[[], datetime]) -> None:
        self._org = org
        self._account_id = org.security_account_id
        self._region = org.home_region
        self._moto = moto
        self._real_time = real_time
        self._guard = threading.Lock()
        self._is_made = False
        self._seconds = 0
        self._denials_until: int | None = None

    def url(self, endpoint: str) -> str:
        """Name the queue as its clients do."""
        return f"{endpoint}/{self._account_id}/{QUEUE_NAME}"

    def make(self) -> None:
        """Make the queue where it is not there yet; waits for moto."""
        with self._guard:
            if not self._is_made:
                attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
                self._ask("CreateQueue", {"QueueName": QUEUE_NAME, "Attributes": attributes})
                self._is_made = True

    def announce(self, moment: Moment, rows: Sequence[int], *, is_past: bool = False) -> int:
        """Send the events of these findings and tell how many; `is_past`: at the organisation's own time.

        That time stands still, and two changes of one finding do not happen at once: each takes a second.
        """
        with self._guard:
            self._seconds += is_past
            past = moment.now + timedelta(seconds=self._seconds)
        at = past if is_past else self._real_time()
        bodies = [
            json.dumps(event, separators=(",", ":"))
            for row in rows[:_MOST_CHANGES]
            for event in envelopes(moment, row, at=at)
        ]
        self.send(bodies)
        return len(bodies)

    def announce_denials(self, moment: Moment) -> int:
        """Send the calls that were denied since the last time, and tell how many; nothing the first time."""
        until = seconds_of(moment.now)
        with self._guard:
            since, self._denials_until = self._denials_until, until
        return self.send_denials(until if since is None else since, until)

    def send_denials(self, since: int, until: int) -> int:
        """Send the calls that were denied from a moment on and before another, and tell how many."""
        found = denials.records(self._org, since, until)[-_MOST_CHANGES:]
        bodies = [json.dumps(denials.envelope(one), separators=(",", ":")) for one in found]
        if bodies:
            self.send(bodies)
        return len(bodies)

    def send(self, bodies: Iterable[str]) -> None:
        """Put messages into the queue, in their order."""
        self.make()
        self._moto.put(bodies, queue=QUEUE_NAME, account_id=self._account_id, region=self._region)

    def empty(self) -> None:
        """Throw all messages away, those in somebody's hands as well."""
        # Somebody may have deleted it, and making it is harmless where it is there.
        self._is_made = False
        self.make()
        self._ask("DeleteQueue", {"QueueUrl": self.url("http://sqs")})
        self._is_made = False
        self.make()

    def _ask(self, operation: str, params: Document) -> None:
        self._moto.ask(
            "sqs",
            f"AmazonSQS.{operation}",
            params,
            account_id=self._account_id,
            region=self._region,
        )


def envelopes(moment: Moment, row: int, *, at: datetime) -> Iterator[Document]:
    """Write the EventBridge events of one finding: ASFF, and OCSF."""
    asff, ocsf = moment.findings.rows[row].document, ocsf_of(moment, row)
    name = f"{asff['ProductArn']}/{asff['Id']}"
    for detail_type, resource, finding in (
        (IMPORTED, name, asff),
        (IMPORTED_V2, ocsf["metadata"]["uid"], ocsf),
    ):
        yield {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": detail_type,
            "source": "aws.securityhub",
            "account": moment.org.security_account_id,
            "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": moment.org.home_region,
            "resources": [resource],
            "detail": {"findings": [finding]},
        }
