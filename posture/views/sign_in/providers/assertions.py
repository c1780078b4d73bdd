"""SAML answers: read strictly by python3-saml, and then asked what it lets pass."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.urls import reverse
from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils as Utils

# What a signature may do to the text before it is hashed: nothing that computes.
_TRANSFORMS: Final = frozenset(
    {
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    }
)
_CONFIRMATIONS: Final = (
    "/samlp:Response/saml:Assertion/saml:Subject/saml:SubjectConfirmation"
    "[@Method='urn:oasis:names:tc:SAML:2.0:cm:bearer']/saml:SubjectConfirmationData"
)
# Characters; answers with a thousand groups are a quarter of it.
LONGEST: Final = 512 * 1024


class BadAnswer(Exception):
    """An answer that proves nothing; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed assertion for us. `request_id` is the request it answers; it is good once, until `until`.

    `attributes` are by name, and by friendly name where no attribute has that for a name.
    """

    assertion_id: str
    request_id: str
    until: datetime
    name_id: str
    is_transient: bool
    attributes: dict[str, list[str]]


def entity_id() -> str:
    return f"{settings.BASE_URL}{reverse('saml_metadata')}"


def receiving_address() -> str:
    return f"{settings.BASE_URL}{reverse('saml_acs')}"


def configuration(app: SocialApp) -> dict[str, Any]:
    """What python3-saml needs to know: strict, signed assertions, nothing of SHA-1."""
    return {
        "strict": True,
        "security": {
            "wantAssertionsSigned": True,
            "wantNameId": True,
            "wantAttributeStatement": False,
            "rejectDeprecatedAlgorithm": True,
            "requestedAuthnContext": False,
            "allowRepeatAttributeName": True,
            # People import it once, and its text should not differ each day.
            "metadataValidUntil": "",
            "metadataCacheDuration": "",
        },
        "sp": {
            "entityId": entity_id(),
            "assertionConsumerService": {
                "url": receiving_address(),
                "binding": Constants.BINDING_HTTP_POST,
            },
            "NameIDFormat": Constants.NAMEID_PERSISTENT
            if not app.settings["subject"]
            else Constants.NAMEID_UNSPECIFIED,
        },
        "idp": {
            "entityId": app.settings["entity_id"],
            "singleSignOnService": {"url": app.settings["sign_in_url"]},
            "x509certMulti": {"signing": app.settings["certificates"]},
        },
    }


def question(app: SocialApp) -> tuple[str, str]:
    """Where to send the browser, and the id of the request that it carries."""
    auth = OneLogin_Saml2_Auth(_request(), configuration(app))
    address: str = auth.login(return_to="")
    return address, auth.get_last_request_id()


def metadata(app: SocialApp) -> bytes:
    found: bytes = OneLogin_Saml2_Settings(
        configuration(app), sp_validation_only=True
    ).get_sp_metadata()
    return found


def read(app: SocialApp, text: str) -> Answer:
    """What an answer proves.

    :param text: as posted. :raises BadAnswer: for one that is not signed by the provider, not for us,
        not for now, or more than one assertion in the form that we asked for.
    """
    if not 0 < len(text) <= LONGEST:
        raise BadAnswer(f"it has {len(text)} characters")
    try:
        response = OneLogin_Saml2_Response(OneLogin_Saml2_Settings(configuration(app)), text)
        _check_transforms(response.document)
        if not response.is_valid(_request()):
            raise BadAnswer(response.get_error() or "it is not valid")
        return _answer(app, response)
    except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, etree.LxmlError, ValueError) as e:
        raise BadAnswer(f"{type(e).__name__}: {e}") from e


def _answer(app: SocialApp, response: OneLogin_Saml2_Response) -> Answer:
    """What python3-saml lets pass when it is missing has to be there: whom it is for, until when."""
    if entity_id() not in response.get_audiences():
        raise BadAnswer("the assertion names no audience")
    confirmations = response.document.xpath(_CONFIRMATIONS, namespaces=Constants.NSMAP)
    if len(confirmations) != 1:
        raise BadAnswer(f"there are {len(confirmations)} confirmations")
    data = confirmations[0]
    if data.get("Recipient") != receiving_address():
        raise BadAnswer(f"the recipient is {data.get('Recipient')!r}")
    request_id = data.get("InResponseTo")
    if not request_id or request_id != response.get_in_response_to():
        raise BadAnswer("it answers no request: start at the sign-in page of Parapet")
    if not data.get("NotOnOrAfter"):
        raise BadAnswer("the assertion has no end")
    until = Utils.parse_SAML_to_time(data.get("NotOnOrAfter"))
    name_id = response.get_nameid_data()
    return Answer(
        assertion_id=response.get_assertion_id(),
        request_id=request_id,
        until=datetime.fromtimestamp(until, tz=UTC),
        name_id=name_id.get("Value") or "",
        is_transient=name_id.get("Format") == Constants.NAMEID_TRANSIENT,
        attributes={
            name: [value for value in values if isinstance(value, str)]
            for found in (response.get_friendlyname_attributes(), response.get_attributes())
            for name, values in found.items()
        },
    )


def _check_transforms(document: Any) -> None:
    """:raises BadAnswer: when a signature asks for a computation, such as XSLT."""
    for transform in document.iter(f"{{{Constants.NS_DS}}}Transform"):
        if transform.get("Algorithm") not in _TRANSFORMS:
            raise BadAnswer(f"a signature asks for {transform.get('Algorithm')!r}")


def _request() -> dict[str, Any]:
    """As python3-saml describes the request; by the address of the settings, whatever a header says."""
    parts = urlsplit(settings.BASE_URL)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": "",
        "path_info": urlsplit(receiving_address()).path,
        "get_data": {},
        "post_data": {},
    }
