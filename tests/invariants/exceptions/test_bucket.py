"""Evidence in a bucket instead of a folder, by the settings that an operator gives."""

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from moto.server import ThreadedMotoServer

from invariants.actions.exceptions import filing
from tests.invariants.exceptions import world as worlds

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(monkeypatch, settings):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {"ENDPOINT_URL": f"http://{host}:{port}", "DEFAULT_REGION": "us-east-1"}
    given |= {"ACCESS_KEY_ID": "AKIAEXAMPLE", "SECRET_ACCESS_KEY": "secret"}
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    # As posture.settings makes it of POSTURE_EVIDENCE_BUCKET.
    options = {"bucket_name": "evidence-of-ours", "location": "evidence", "default_acl": None}
    options |= {"object_parameters": {"ServerSideEncryption": "AES256"}}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"evidence": backend}
    client = storages["evidence"].connection.meta.client
    client.create_bucket(Bucket="evidence-of-ours")
    yield client
    server.stop()


def test_evidence_lies_in_the_bucket_encrypted_and_comes_back_through_the_page(bucket, client):
    world = worlds.build()
    request = world.submitted()
    upload = SimpleUploadedFile("plan.pdf", b"%PDF-1.7 and more")
    row = filing.keep(world.by("requester"), request.pk, upload, now=world.now)
    kept = bucket.head_object(Bucket="evidence-of-ours", Key=f"evidence/{row.stored_as}")
    assert (kept["ServerSideEncryption"], kept["ContentLength"]) == ("AES256", row.size)
    client.force_login(world.people["lead"])
    address = reverse("exceptions:evidence_file", args=[request.ref, row.pk])
    got = client.get(address)
    assert b"".join(got.streaming_content) == b"%PDF-1.7 and more"
    bucket.delete_object(Bucket="evidence-of-ours", Key=f"evidence/{row.stored_as}")
    assert client.get(address).status_code == 404
