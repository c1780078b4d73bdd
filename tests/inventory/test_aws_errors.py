from typing import Any

import botocore.exceptions as boto
import pytest
from botocore.parsers import ResponseParserError

from inventory import aws
from inventory.aws import translation

SCP = "arn:aws:organizations::111111111111:policy/o-abc/service_control_policy/p-12345678"
BY_SCP = (
    "User: arn:aws:sts::222222222222:assumed-role/R/s is not authorized to perform: "
    f"securityhub:GetFindings with an explicit deny in a service control policy: {SCP}"
)


def answer(code, message="No.", status=400):
    # botocore's stubs want every key of the metadata.
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return boto.ClientError(response, "GetFindings")


def translate(error):
    return translation.translate(
        error,
        service="securityhub",
        operation="GetFindings",
        action="securityhub:GetFindings",
        account_id="222222222222",
        region="eu-west-1",
    )


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (aws.Denied, answer("AccessDenied")),
        (aws.Denied, answer("AccessDeniedException")),
        (aws.Denied, answer("UnauthorizedOperation")),
        (aws.Denied, answer("Client.UnauthorizedOperation")),
        (aws.Denied, answer("UnrecognizedClientException")),
        (aws.Denied, answer("InvalidClientTokenId")),
        (aws.Denied, answer("ExpiredToken")),
        (aws.Denied, answer("Strange", status=403)),
        (aws.Throttled, answer("Throttling")),
        (aws.Throttled, answer("ThrottlingException")),
        (aws.Throttled, answer("TooManyRequestsException")),
        (aws.Throttled, answer("LimitExceededException", status=429)),
        (aws.Throttled, answer("RequestLimitExceeded", status=503)),
        (aws.NotConfigured, answer("InvalidAccessException", status=401)),
        (aws.NotConfigured, answer("OptInRequired", status=403)),
        (aws.NotConfigured, answer("AWSOrganizationsNotInUseException")),
        (aws.NotConfigured, answer("ResourceNotFoundException", status=404)),
        (aws.Unavailable, answer("InternalException", status=500)),
        (aws.Unavailable, answer("ServiceUnavailable", status=503)),
        (aws.Unavailable, answer("500", status=500)),
        (aws.Malformed, answer("InvalidInputException")),
        (aws.Malformed, answer("ValidationException")),
        (aws.Unavailable, boto.EndpointConnectionError(endpoint_url="http://x")),
        (aws.Unavailable, boto.ConnectionClosedError(endpoint_url="http://x")),
        (aws.Unavailable, boto.ReadTimeoutError(endpoint_url="http://x")),
        (aws.Unavailable, boto.ConnectTimeoutError(endpoint_url="http://x")),
        (aws.Unavailable, boto.IncompleteReadError(actual_bytes=1, expected_bytes=2)),
        (aws.NotConfigured, boto.NoCredentialsError()),
        (aws.Malformed, boto.ParamValidationError(report="x")),
        (aws.Malformed, ResponseParserError("not XML")),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:60]),
)
def test_botocore_error_becomes_one_of_the_family(kind, error):
    assert type(translate(error)) is kind


def test_a_denial_names_the_permission_and_the_policy_that_denied_it():
    error = translate(answer("AccessDeniedException", BY_SCP, 403))
    assert error.permission == "securityhub:GetFindings"
    assert translation.denying_policy(error.detail) == SCP
    for part in ("securityhub:GetFindings", "222222222222", "eu-west-1", SCP):
        assert part in str(error)


def test_a_denial_without_words_names_the_permission_of_the_call():
    error = translate(answer("AccessDeniedException", "", 403))
    assert error.permission == "securityhub:GetFindings"
    assert translation.denying_policy(error.detail) == ""


def test_only_denials_name_a_permission():
    assert translate(answer("ThrottlingException")).permission == ""
    assert translate(answer("ExpiredToken")).permission == ""
