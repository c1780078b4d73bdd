"""One AWS service in one account and Region: calls, pages, and errors in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from inventory.aws import errors, permissions, translation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import ServiceModel

_TOKENS = ("NextToken", "nextToken")
# What says "nothing" by an answer without a field. A cut one looks the same and loses nothing:
# messages that were received and never deleted come again.
_MAY_BE_EMPTY = frozenset({("sqs", "receive_message")})


class Maker(Protocol):
    """What a client needs of the door."""

    def model_of(self, service: str) -> ServiceModel:
        """Return botocore's description of a service."""

    def ask(
        self, client: Client, operation: str, params: dict[str, Any], *, fresh: bool
    ) -> dict[str, Any]:
        """Return botocore's answer to one call as the client's role; `fresh` = with new credentials."""

    def is_offered(self, service: str, region: str) -> bool:
        """Say whether AWS has the service in the Region."""


class Client:
    """A service as one role sees it. Answers are AWS's own JSON, hence Any."""

    def __init__(
        self, door: Maker, service: str, *, role_arn: str | None, account_id: str, region: str
    ) -> None:
        self.service = service
        self.role_arn = role_arn
        self.account_id = account_id
        self.region = region
        self._door = door

    @property
    def is_offered(self) -> bool:
        """Say whether AWS has this service in this Region, as far as botocore knows."""
        return self._door.is_offered(self.service, self.region)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer to one call (`operation` in snake case), without its metadata.

        :raises SourceError: any of the family
        """
        try:
            try:
                return self._answer(operation, params)
            except ClientError as e:
                if self.role_arn is None or not translation.is_expired(e):
                    raise
            # Expired ahead of its time (a clock, a revoked session): once more, freshly assumed.
            return self._answer(operation, params, fresh=True)
        except (BotoCoreError, ClientError, ResponseParserError) as e:
            raise self._translated(e, operation) from e

    def pages(self, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield each page of a list call, until AWS gives no more token.

        A page may be empty and still have a token. The token itself is left in the page.

        :raises SourceError: any of the family; Malformed when a token leads back to itself
        """
        name = self._token_name(operation)
        token: str | None = None
        while True:
            page = self.call(operation, **params, **({name: token} if token else {}))
            yield page
            following = page.get(name) or None
            if following is None:
                return
            if following == token:
                raise self.malformed(operation, "The next page's token is this page's own.")
            token = following

    def items(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Yield the entries of `key` of each page.

        :raises SourceError: any of the family; Malformed when a last page has no such key
        """
        for page in self.pages(operation, **params):
            entries = page.get(key)
            if entries is None and not any(page.get(name) for name in _TOKENS):
                raise self.malformed(operation, f"The answer has no {key}.")
            yield from entries or ()

    def malformed(self, operation: str, detail: str) -> errors.Malformed:
        """Return the error for an answer that cannot be read (`operation` in snake case)."""
        return errors.Malformed(detail, **self.place(self._api_name(operation)))

    def place(self, operation: str) -> dict[str, str]:
        """Return what every SourceError of this client names."""
        return {
            "service": self.service,
            "operation": operation,
            "account_id": self.account_id,
            "region": self.region,
        }

    def _answer(
        self, operation: str, params: dict[str, Any], *, fresh: bool = False
    ) -> dict[str, Any]:
        answer = self._door.ask(self, operation, params, fresh=fresh)
        answer.pop("ResponseMetadata", None)
        # A body that was cut in transit is not JSON, and botocore then reads it as "no fields":
        # an empty list to whoever trusts it. No other call of ours has an answer without any field.
        if not answer and (self.service, operation) not in _MAY_BE_EMPTY:
            detail = "The answer is empty or was cut off."
            raise errors.Unavailable(detail, **self.place(self._api_name(operation)))
        return answer

    def _translated(self, error: Exception, operation: str) -> errors.SourceError:
        name = self._api_name(operation)
        signing_name = self._door.model_of(self.service).signing_name
        action = permissions.action_of(signing_name, name)
        return translation.translate(error, action=action, **self.place(name))

    def _token_name(self, operation: str) -> str:
        model = self._door.model_of(self.service).operation_model(self._api_name(operation))
        members = model.input_shape.members if model.input_shape else {}
        return next(name for name in _TOKENS if name in members)

    def _api_name(self, operation: str) -> str:
        names = self._door.model_of(self.service).operation_names
        return next(name for name in names if xform_name(name) == operation)
