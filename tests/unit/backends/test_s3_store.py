"""A whole store: where its buckets are asked, and what happens when one is in another region."""

from __future__ import annotations

from typing import Any

import pytest

from multistore.backends.s3_store import S3Store
from multistore.config.sealer import TokenSealer
from multistore.gateway.plan import Forward, Gather, Plan, Respond
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket, Origin
from multistore.wire import ResponseHead, Signer
from support.drive import make_identity, make_request

SEALER = TokenSealer(b"the secret of these tests")
SOMEBODY = make_identity(
    actions=("create_bucket", "delete_bucket", "list_bucket", "get_object", "put_object")
)
AWS = "s3.us-east-1.amazonaws.com"
MOVED = ((b"x-amz-bucket-region", b"eu-central-1"), (b"content-length", b"0"))


def make_store(host: str = "store.test", **options: Any) -> S3Store:
    def signer_for(region: str) -> Signer:
        return Signer("KEY", "SECRET", region)

    options.setdefault("signer", signer_for("us-east-1"))
    options.setdefault("signer_for", signer_for)
    return S3Store(Origin(host, 443, tls=True), sealer=SEALER, **options)


def ask(
    store: S3Store, method: str, target: bytes = b"/team-a", name: str = "prod-team-a"
) -> tuple[GatewayRequest, Forward]:
    bucket = Bucket("team-a", store.bucket(name), by_pattern=True)
    request = make_request(bucket, method, target, identity=SOMEBODY)
    plan = bucket.backend.plan(request)
    assert isinstance(plan, Forward)
    return request, plan


def told(plan: Forward, status: int, fields: Any = (), body: bytes = b"") -> Plan:
    answer = plan.answer.on_head(status, ResponseHead(status, 11, fields))
    if isinstance(answer, Respond):
        return answer
    gather: Gather = answer  # type: ignore[assignment]
    return gather.finish(body)


@pytest.mark.parametrize(
    ("options", "host", "bucket", "listed"),
    [
        ({}, b"store.test", b"/prod-team-a", b"/"),
        ({"base_path": b"/s3/"}, b"store.test", b"/s3/prod-team-a", b"/s3"),
        ({"virtual_hosted": True}, b"prod-team-a.store.test", b"/", b"/"),
        (
            {"virtual_hosted": True, "base_path": b"/s3"},
            b"prod-team-a.store.test",
            b"/s3",
            b"/s3",
        ),
    ],
)
def test_where_buckets_and_their_list_are_asked_for(
    options: dict[str, Any], host: bytes, bucket: bytes, listed: bytes
) -> None:
    store = make_store(**options)
    for method in ("HEAD", "DELETE", "PUT"):
        _, plan = ask(store, method)
        assert (plan.method, plan.host, plan.target) == (method, host, bucket)
        assert plan.replayable == (method == "HEAD")
    request, plan = ask(store, "GET", b"/team-a?location")
    assert (plan.method, plan.host, plan.target) == ("HEAD", host, bucket)
    listing = store.list_buckets(request, lambda found: Respond(200))
    assert isinstance(listing, Forward)
    assert (listing.method, listing.host) == ("GET", b"store.test")
    assert listing.target.rstrip(b"/") == listed.rstrip(b"/")
    assert listing.target.startswith(b"/")


def test_what_is_asked_of_objects_goes_out_as_ever() -> None:
    store = make_store()
    _, plan = ask(store, "GET", b"/team-a/key")
    assert plan.target == b"/prod-team-a/key"
    _, plan = ask(store, "GET", b"/team-a?list-type=2")
    assert plan.target.startswith(b"/prod-team-a?")


@pytest.mark.rule("SEM-15", "F21")
@pytest.mark.parametrize(("method", "success"), [("HEAD", 200), ("DELETE", 204)])
def test_the_region_of_a_bucket_is_learnt_once(method: str, success: int) -> None:
    store = make_store(AWS)
    _, plan = ask(store, method)
    again = told(plan, 301, MOVED)
    assert isinstance(again, Forward)
    assert (again.method, again.host) == (method, b"s3.eu-central-1.amazonaws.com")
    done = told(again, success)
    assert isinstance(done, Respond) and done.status == success
    # From then on at once, and never a third time; other buckets are where they were.
    refused = told(again, 301, ((b"x-amz-bucket-region", b"ap-south-1"),))
    assert isinstance(refused, Respond) and refused.status == 502
    _, other = ask(store, method, name="prod-other")
    assert other.host == AWS.encode()


@pytest.mark.rule("SEM-15")
def test_a_bucket_is_not_made_twice() -> None:
    store = make_store(AWS)
    _, plan = ask(store, "PUT")
    assert not plan.replayable
    answer = told(plan, 301, MOVED)
    # Not again by us: nobody knows what was done. SDKs ask again on 503, at the right region then.
    assert isinstance(answer, Respond) and answer.status == 503


def test_a_list_refused_in_the_store_is_no_fault_of_the_client() -> None:
    store = make_store()
    request = make_request(Bucket("x", store.bucket("x")), "GET", b"/", identity=SOMEBODY)
    request.bucket = None
    plan = store.list_buckets(request, lambda found: Respond(200))
    assert isinstance(plan, Forward)
    for status, code in ((503, 503), (500, 500), (429, 503)):
        answer = told(plan, status, ((b"content-length", b"0"),))
        assert isinstance(answer, Respond) and answer.status == code
