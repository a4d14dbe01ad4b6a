"""Scopes, public buckets and what a listing may show, against references written here."""

from __future__ import annotations

import fnmatch
import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.gateway.authorize import (
    ACTIONS,
    GROUPS,
    PUBLIC_ACTIONS,
    allowed,
    check_access,
    covers,
    expand,
    list_prefixes,
    matches,
    may_use,
    missing_bucket,
)
from multistore.gateway.operation import OPERATIONS, match
from multistore.types import ANONYMOUS, Bucket, Identity, Scope
from multistore.wire import parse_target
from unit.gateway.world import CountingBackend, head_of

SEED_ACTIONS = [
    "get_object",
    "get_object_version",
    "head_object",
    "put_object",
    "list_bucket",
    "create_multipart_upload",
    "upload_part",
    "complete_multipart_upload",
    "abort_multipart_upload",
    "delete_object",
]


def bucket(name: str = "b", **options: bool | frozenset[str]) -> Bucket:
    return Bucket(name, CountingBackend(), **options)  # type: ignore[arg-type]


def holder(*scopes: Scope, role: str | None = None) -> Identity:
    return Identity("somebody", scopes, role)


def scope(name: str, prefixes: tuple[bytes, ...], *actions: str) -> Scope:
    return Scope(name, prefixes, expand(actions))


def outcome(
    identity: Identity, method: str, target: str, where: Bucket | None, *fields: tuple[str, str]
) -> str:
    """Code of the refusal, or "" for none; ``where`` is None for a bucket that is missing."""
    head = head_of(method, target, *fields)
    parsed = parse_target(head.target)
    operation = match(head, parsed)
    if where is None:
        return missing_bucket(identity, operation, head, parsed, parsed.bucket).code
    try:
        check_access(identity, operation, head, parsed, where)
    except S3Error as error:
        return error.code
    return ""


# --- actions and groups ---------------------------------------------------------------------------


def test_the_actions_of_the_predecessor_keep_their_names() -> None:
    assert set(SEED_ACTIONS) <= ACTIONS
    assert expand(SEED_ACTIONS) == set(SEED_ACTIONS)


def test_every_operation_has_an_action() -> None:
    assert {row.action for row in OPERATIONS} <= ACTIONS


def test_groups_hold_actions() -> None:
    assert set(chain(*GROUPS.values())) <= ACTIONS
    assert expand(["*"]) == ACTIONS
    assert expand(["read", "put_object"]) == GROUPS["read"] | {"put_object"}
    assert expand([]) == frozenset()
    assert not GROUPS["read"] & GROUPS["write"]


def test_what_changes_who_may_read_is_outside_the_groups() -> None:
    apart = {
        "put_object_acl",
        "put_object_tagging",
        "put_object_retention",
        "put_object_legal_hold",
        "bypass_governance_retention",
        "put_object_website_redirect",
        "put_object_sse_customer_key",
        "put_object_sse_kms_key",
        "delete_object_version",
    }
    assert apart <= ACTIONS
    assert not apart & (GROUPS["read"] | GROUPS["write"] | GROUPS["list"])


@pytest.mark.parametrize("name", ["GetObject", "reads", "", "s3:GetObject", "get_object "])
def test_an_unknown_action_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        expand(["get_object", name])


# --- bucket globs ---------------------------------------------------------------------------------

glob_text = st.text("ab*", max_size=8)


@given(glob_text, st.text("ab", max_size=10))
def test_globs_are_what_fnmatch_says(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "anything", True),
        ("*", "", True),
        ("b", "b", True),
        ("b", "B", False),
        ("b", "bb", False),
        ("team-*", "team-a", True),
        ("team-*", "team-", True),
        ("team-*", "team", False),
        ("*-logs", "a-logs", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("b?", "b1", False),
        ("b[12]", "b1", False),
        ("[b]", "b", False),
        ("b.", "bx", False),
    ],
)
def test_only_the_star_is_special(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_many_stars_cost_no_backtracking() -> None:
    assert not matches("a*" * 500 + "b", "a" * 5000)


# --- prefixes -------------------------------------------------------------------------------------

#: security.md §2g: key, whether a scope on ``data`` holds it, and one on ``data/``.
BOUNDARIES = [
    (b"data", True, False),
    (b"data/", True, True),
    (b"data/x", True, True),
    (b"data-private/x", False, False),
    (b"data.x", False, False),
    (b"dat", False, False),
    (b"Data/x", False, False),
    (b"data\\x", False, False),
    (b"data%2Fx", False, False),
    (b"data//x", True, True),
    (b"/data/x", False, False),
    (b"./data/x", False, False),
    (b"data\xe2\x80\x8b/x", False, False),
    ("data/é".encode(), True, True),
    (b"data/*", True, True),
    (b"data/" + b"k" * 1019, True, True),
    (b"", False, False),
]


@pytest.mark.rule("S3")
@pytest.mark.parametrize(("key", "plain", "folder"), BOUNDARIES)
def test_prefix_boundaries(key: bytes, plain: bool, folder: bool) -> None:
    assert covers(b"data", key) is plain
    assert covers(b"data/", key) is folder
    assert covers(b"", key)
    who = holder(scope("b", (b"data",), "get_object"))
    assert allowed(who, "get_object", bucket(), key) is plain


segments = st.lists(st.sampled_from([b"a", b"ab", b"b", b""]), max_size=4).map(b"/".join)
prefix_lists = st.lists(segments, max_size=3).map(tuple)
scopes = st.lists(
    st.builds(
        Scope,
        st.sampled_from(["b", "c", "*", "b*"]),
        prefix_lists,
        st.frozensets(st.sampled_from(["get_object", "put_object", "list_bucket"])),
    ),
    max_size=3,
).map(tuple)


def reference_covers(prefix: bytes, key: bytes) -> bool:
    """D4 in segments instead of bytes."""
    if not prefix:
        return True
    wanted, given_ = prefix.split(b"/"), key.split(b"/")
    if wanted[-1] == b"":  # ends in a slash: everything below it, itself included
        return len(given_) >= len(wanted) and given_[: len(wanted) - 1] == wanted[:-1]
    return given_[: len(wanted)] == wanted


def reference_allowed(identity: Identity, action: str, name: str, key: bytes) -> bool:
    return any(
        fnmatch.fnmatchcase(name, s.bucket)
        and action in s.actions
        and (s.prefixes == () or any(reference_covers(p, key) for p in s.prefixes))
        for s in identity.scopes
    )


@given(segments, segments)
def test_covers_is_the_rule_in_segments(prefix: bytes, key: bytes) -> None:
    assert covers(prefix, key) == reference_covers(prefix, key)


@pytest.mark.rule("L2")
@given(scopes, st.sampled_from(["get_object", "put_object", "get_object_version"]), segments)
def test_allowed_is_what_the_scopes_say(given_: tuple[Scope, ...], action: str, key: bytes) -> None:
    who = holder(*given_)
    where = bucket()
    for _ in range(2):  # the second answer comes from the cache
        assert allowed(who, action, where, key) == reference_allowed(who, action, "b", key)


@pytest.mark.rule("S3", "SEM-21")
@given(scopes, segments, st.lists(segments, max_size=6))
def test_a_listing_shows_what_the_scopes_hold(
    given_: tuple[Scope, ...], prefix: bytes, keys: list[bytes]
) -> None:
    who = holder(*given_)
    may_start = reference_allowed(who, "list_bucket", "b", prefix)
    try:
        bounds = list_prefixes(who, bucket(), prefix)
    except S3Error as error:
        code = error.code
    else:
        code = ""
    # It may start exactly where a key of that name could be listed.
    assert code == ("" if may_start else "AccessDenied")
    if code:
        return
    for key in keys:
        below = prefix + key
        shown = bounds is None or any(covers(bound, below) for bound in bounds)
        assert shown == reference_allowed(who, "list_bucket", "b", below)


@pytest.mark.rule("S3")
@pytest.mark.parametrize(
    ("prefixes", "prefix", "bounds"),
    [
        ((b"data",), b"data", (b"data",)),
        ((b"data",), b"data/", None),
        ((b"data",), b"data/x", None),
        ((b"data/",), b"data/", None),
        ((b"data", b"data-private/"), b"data", (b"data", b"data-private/")),
        ((b"data", b"d"), b"data", (b"data",)),
        ((), b"", None),
        ((b"",), b"", None),
    ],
)
def test_bounds_of_a_listing(
    prefixes: tuple[bytes, ...], prefix: bytes, bounds: tuple[bytes, ...] | None
) -> None:
    who = holder(scope("b", prefixes, "list"))
    assert list_prefixes(who, bucket(), prefix) == bounds


@pytest.mark.rule("S2", "S3")
@pytest.mark.parametrize("prefix", [b"", b"dat", b"data-private/", b"Data/", b"data.", b"/data/"])
def test_a_listing_outside_the_scope_is_denied(prefix: bytes) -> None:
    who = holder(scope("b", (b"data",), "list"), scope("b", (), "get_object"))
    with pytest.raises(S3Error) as caught:
        list_prefixes(who, bucket(), prefix)
    assert caught.value.code == "AccessDenied"


# --- public buckets, roles ------------------------------------------------------------------------


@pytest.mark.parametrize("who", [ANONYMOUS, holder(), holder(scope("b", (b"x/",), "put_object"))])
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_public_bucket_is_public_for_everybody(who: Identity, action: str) -> None:
    open_to_all = action in PUBLIC_ACTIONS
    assert allowed(who, action, bucket("p", anonymous=True), b"k") is open_to_all
    assert not allowed(ANONYMOUS, action, bucket(), b"k")


def test_public_actions_are_reads_and_lists() -> None:
    assert {"get_object", "head_object", "list_bucket"} == PUBLIC_ACTIONS
    assert list_prefixes(ANONYMOUS, bucket(anonymous=True), b"any") is None
    with pytest.raises(S3Error):
        list_prefixes(ANONYMOUS, bucket(), b"")


@pytest.mark.rule("S23")
def test_allowed_roles_are_enforced() -> None:
    everything = scope("*", (), "*")
    where = bucket(allowed_roles=frozenset({"deployer"}))
    assert allowed(holder(everything, role="deployer"), "get_object", where, b"k")
    assert not allowed(holder(everything, role="visitor"), "get_object", where, b"k")
    assert not may_use(holder(everything, role="visitor"), where)
    assert allowed(holder(everything, role="visitor"), "get_object", bucket(), b"k")
    # long-lived keys assume no role; their own scopes bound them
    assert allowed(holder(everything), "get_object", where, b"k")


@pytest.mark.rule("S23", "SEM-22")
def test_a_role_that_is_shut_out_still_reads_what_is_public() -> None:
    where = bucket(anonymous=True, allowed_roles=frozenset({"deployer"}))
    visitor = holder(scope("*", (), "*"), role="visitor")
    assert allowed(visitor, "get_object", where, b"k")
    assert not allowed(visitor, "put_object", where, b"k")


# --- whole requests -------------------------------------------------------------------------------

WRITER = holder(scope("b", (), "read", "write", "list"))


@pytest.mark.rule("SEM-14")
@pytest.mark.parametrize(
    ("field", "action"),
    [
        (("x-amz-acl", "public-read"), "put_object_acl"),
        (("x-amz-grant-full-control", "id=1"), "put_object_acl"),
        (("x-amz-tagging", "a=b"), "put_object_tagging"),
        (("x-amz-object-lock-mode", "COMPLIANCE"), "put_object_retention"),
        (("x-amz-object-lock-legal-hold", "ON"), "put_object_legal_hold"),
        (("x-amz-website-redirect-location", "/x"), "put_object_website_redirect"),
        (("x-amz-server-side-encryption-customer-key", "k"), "put_object_sse_customer_key"),
        (("x-amz-server-side-encryption-aws-kms-key-id", "k"), "put_object_sse_kms_key"),
    ],
)
def test_a_header_needs_its_action_besides_the_write(field: tuple[str, str], action: str) -> None:
    assert outcome(WRITER, "PUT", "/b/k", bucket()) == ""
    assert outcome(WRITER, "PUT", "/b/k", bucket(), field) == "AccessDenied"
    both = holder(scope("b", (), "put_object"), scope("b", (b"k",), action))
    assert outcome(both, "PUT", "/b/k", bucket(), field) == ""
    assert outcome(both, "PUT", "/b/other", bucket(), field) == "AccessDenied"
    only = holder(scope("b", (), action))
    assert outcome(only, "PUT", "/b/k", bucket(), field) == "AccessDenied"


def test_governance_bypass_on_delete() -> None:
    field = ("x-amz-bypass-governance-retention", "true")
    assert outcome(WRITER, "DELETE", "/b/k", bucket()) == ""
    assert outcome(WRITER, "DELETE", "/b/k", bucket(), field) == "AccessDenied"


@pytest.mark.parametrize(("method", "action"), [("GET", "get_object"), ("HEAD", "head_object")])
def test_a_version_is_guarded_by_its_own_action(method: str, action: str) -> None:
    reader = holder(scope("b", (), action))
    assert outcome(reader, method, "/b/k", bucket()) == ""
    assert outcome(reader, method, "/b/k?versionId=1", bucket()) == "AccessDenied"
    assert outcome(ANONYMOUS, method, "/b/k?versionId=1", bucket(anonymous=True)) == "AccessDenied"
    versions = holder(scope("b", (b"old/",), "get_object_version"))
    assert outcome(versions, method, "/b/old/k?versionId=1", bucket()) == ""
    assert outcome(versions, method, "/b/new/k?versionId=1", bucket()) == "AccessDenied"


def test_deleting_a_version_is_not_a_plain_delete() -> None:
    assert outcome(WRITER, "DELETE", "/b/k?versionId=1", bucket()) == "AccessDenied"


@pytest.mark.rule("SEM-22")
@pytest.mark.parametrize(("method", "target"), [("HEAD", "/b"), ("GET", "/b?location")])
def test_any_scope_on_a_bucket_shows_where_it_is(method: str, target: str) -> None:
    assert outcome(holder(scope("b", (b"x/",), "put_object")), method, target, bucket()) == ""
    assert outcome(holder(scope("c", (), "*")), method, target, bucket()) == "AccessDenied"
    assert outcome(ANONYMOUS, method, target, bucket()) == "AccessDenied"
    assert outcome(ANONYMOUS, method, target, bucket(anonymous=True)) == ""


def test_what_acts_on_a_whole_bucket_needs_a_scope_on_all_of_it() -> None:
    bounded = holder(scope("b", (b"x/",), "*"))
    whole = holder(scope("b", (), "*"))
    for forwards in (False, True):
        where = bucket(forwards_operations=forwards)
        assert outcome(bounded, "PUT", "/b?policy", where) == "AccessDenied"
        assert outcome(whole, "PUT", "/b?policy", where) == ""
        assert outcome(ANONYMOUS, "GET", "/b?policy", bucket(anonymous=True)) == "AccessDenied"


@pytest.mark.rule("SEM-22")
def test_what_is_answered_here_needs_a_scope_and_no_more() -> None:
    bounded = holder(scope("b", (b"x/",), "get_object"))
    stranger = holder(scope("c", (), "*"))
    for method, target in (("GET", "/b?versioning"), ("GET", "/b?acl"), ("PUT", "/b")):
        assert outcome(bounded, method, target, bucket()) == ""
        for who in (stranger, ANONYMOUS):
            for anonymous in (False, True):
                where = bucket(anonymous=anonymous)
                assert outcome(who, method, target, where) == "AccessDenied"
        # At the store it is the store's, and needs its action.
        where = bucket(forwards_operations=True)
        assert outcome(bounded, method, target, where) == "AccessDenied"
        assert outcome(holder(scope("b", (), "*")), method, target, where) == ""


@pytest.mark.rule("SEM-14", "L3")
@pytest.mark.parametrize(
    ("field", "action"),
    [
        (("x-amz-acl", "public-read"), "put_bucket_acl"),
        (("x-amz-grant-read", "id=1"), "put_bucket_acl"),
        (("x-amz-bucket-object-lock-enabled", "true"), "put_object_lock_configuration"),
        (("x-amz-object-ownership", "ObjectWriter"), "put_bucket_ownership_controls"),
    ],
)
def test_a_header_of_a_new_bucket_needs_its_action(field: tuple[str, str], action: str) -> None:
    where = bucket(forwards_operations=True)
    maker = holder(scope("b", (), "create_bucket", "put_object_acl"))
    assert outcome(maker, "PUT", "/b", where) == ""
    assert outcome(maker, "PUT", "/b", where, field) == "AccessDenied"
    both = holder(scope("b", (), "create_bucket", action))
    assert outcome(both, "PUT", "/b", where, field) == ""


@pytest.mark.rule("SEM-14")
def test_the_acl_of_a_version_needs_the_action_of_versions_alone() -> None:
    field = ("x-amz-acl", "public-read")
    for action, target in (
        ("put_object_version_acl", "/b/k?acl&versionId=1"),
        ("put_object_acl", "/b/k?acl"),
    ):
        assert outcome(holder(scope("b", (), action)), "PUT", target, bucket(), field) == ""
        assert outcome(WRITER, "PUT", target, bucket(), field) == "AccessDenied"


@pytest.mark.rule("S3")
@pytest.mark.parametrize(
    ("query", "action"),
    [("uploads", "list_multipart_uploads"), ("versions", "list_object_versions")],
)
def test_other_lists_are_bounded_like_that_of_objects(query: str, action: str) -> None:
    bounded = holder(scope("b", (b"data",), action))
    for prefix, code in (
        ("data", ""),
        ("data/x", ""),
        ("", "AccessDenied"),
        ("data-private/", "AccessDenied"),
    ):
        target = f"/b?{query}&prefix={prefix}"
        assert outcome(bounded, "GET", target, bucket()) == code
        assert outcome(holder(scope("b", (), "list_bucket")), "GET", target, bucket()) == (
            "AccessDenied"
        )
        # No list but that of objects is public.
        assert outcome(ANONYMOUS, "GET", target, bucket(anonymous=True)) == "AccessDenied"
    assert list_prefixes(bounded, bucket(), b"data", action) == (b"data",)


@pytest.mark.rule("SEM-22", "S23")
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/b/k"),
        ("HEAD", "/b/k"),
        ("PUT", "/b/k"),
        ("DELETE", "/b/k"),
        ("GET", "/b?prefix=k"),
        ("HEAD", "/b"),
        ("GET", "/b?location"),
        ("GET", "/b?policy"),
    ],
)
@given(scopes, st.sampled_from([None, "deployer", "visitor"]))
def test_a_missing_bucket_answers_like_one_that_may_not_be_used(
    method: str, target: str, given_: tuple[Scope, ...], role: str | None
) -> None:
    """Whoever would be refused by some existing bucket of that name is told nothing else."""
    refused = outcome(
        holder(*given_, role=role), method, target, bucket(allowed_roles=frozenset({"deployer"}))
    )
    if refused or role is not None:
        assert outcome(holder(*given_, role=role), method, target, None) == "AccessDenied"
    else:
        assert outcome(holder(*given_, role=role), method, target, None) == "NoSuchBucket"


@pytest.mark.rule("SEM-22")
def test_the_cache_of_grants_holds_only_buckets_that_exist() -> None:
    who = holder(scope("*", (), "*"))
    for number in range(100):
        outcome(who, "GET", f"/guess-{number}/k", None)
    assert who.grants == {}
    outcome(who, "GET", "/b/k", bucket())
    assert list(who.grants) == ["b"]
    outcome(ANONYMOUS, "GET", "/b/k", bucket())
    assert ANONYMOUS.grants == {}
