"""ACLs: our owner for the store's."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from multistore.errors import S3Error
from multistore.gateway.acl import EVERYBODY, Grant, policy, translate

S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

STORES = (
    b'<?xml version="1.0"?><AccessControlPolicy xmlns="x"><Owner><ID>theirs</ID><DisplayName>them'
    b"</DisplayName></Owner><AccessControlList>"
    b'<Grant><Grantee xmlns:xsi="y" xsi:type="CanonicalUser"><Type>CanonicalUser</Type>'
    b"<ID>theirs</ID><DisplayName>them</DisplayName></Grantee><Permission>FULL_CONTROL"
    b"</Permission></Grant>"
    b"<Grant><Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>"
    b"<Permission>READ</Permission></Grant>"
    b"<Grant><Grantee><ID>another&amp;</ID><DisplayName>x</DisplayName></Grantee>"
    b"<Permission>WRITE_ACP</Permission></Grant>"
    b"</AccessControlList></AccessControlPolicy>"
)


def grants(document: bytes) -> list[tuple[str | None, dict[str, str | None], str | None]]:
    root = ElementTree.fromstring(document)
    assert root.tag == S3 + "AccessControlPolicy"
    assert root.findtext(f"{S3}Owner/{S3}ID") == "us"
    found = []
    for grant in root.iter(S3 + "Grant"):
        grantee = grant.find(S3 + "Grantee")
        assert grantee is not None
        who = {element.tag.removeprefix(S3): element.text for element in grantee}
        found.append((grantee.get(TYPE), who, grant.findtext(S3 + "Permission")))
    return found


@pytest.mark.rule("S20")
def test_the_stores_owner_is_never_shown() -> None:
    document = translate(STORES, "us", "we & co")
    assert b"the" not in document.partition(b"AccessControlList")[0]
    assert b"them" not in document
    assert grants(document) == [
        ("CanonicalUser", {"ID": "us", "DisplayName": "we & co"}, "FULL_CONTROL"),
        ("Group", {"URI": EVERYBODY.decode()}, "READ"),
        ("CanonicalUser", {"ID": "another&"}, "WRITE_ACP"),
    ]


def test_ours() -> None:
    document = policy("us", "we", [Grant(b"FULL_CONTROL"), Grant(b"READ", "URI", EVERYBODY)])
    assert [permission for _, _, permission in grants(document)] == ["FULL_CONTROL", "READ"]


@pytest.mark.rule("F22")
@pytest.mark.parametrize("body", [b"", b"<html/>", STORES[:-3], b"<AccessControlPolicy>"])
def test_what_is_no_acl(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        translate(body, "us", "we")
    assert caught.value.code == "BadGateway"
