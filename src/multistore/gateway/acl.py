"""``AccessControlPolicy``: who may do what, with our owner for the store's.

The store knows the bucket's owner by an id of its own, which no client ever sees; whatever it
grants to that owner is granted to ours. Grantees that a client named are shown as it named them.

Elements: "GetBucketAcl" and "GetObjectAcl" in the Amazon S3 API reference.
"""

from __future__ import annotations

from multistore.errors import S3Error
from multistore.gateway import list_document
from multistore.gateway.render import DECLARATION, NAMESPACE
from multistore.wire import LEAF, START, XmlReader, xml_escape

__all__ = ["EVERYBODY", "Grant", "policy", "translate"]

#: The group of all callers, signed or not ("Access control list overview", predefined groups).
EVERYBODY = b"http://acs.amazonaws.com/groups/global/AllUsers"

#: What names a grantee, and what ``xsi:type`` calls such a one.
_TYPES = {
    "ID": b"CanonicalUser",
    "URI": b"Group",
    "EmailAddress": b"AmazonCustomerByEmail",
}


class Grant:
    """``permission`` for the grantee that ``by`` (one of ``ID``, ``URI``, ``EmailAddress``) names
    as ``name``; "" for the owner."""

    __slots__ = ("by", "name", "permission")

    def __init__(self, permission: bytes, by: str = "", name: bytes = b"") -> None:
        self.permission = permission
        self.by = by
        self.name = name


def policy(owner_id: str, owner_display_name: str, grants: list[Grant]) -> bytes:
    """The document."""
    owner = list_document.owner(owner_id, owner_display_name)
    parts = [DECLARATION, b"<AccessControlPolicy ", NAMESPACE, b">", owner, b"<AccessControlList>"]
    for grant in grants:
        if grant.by:
            tag = grant.by.encode()
            grantee = b"<%b>%b</%b>" % (tag, xml_escape(grant.name), tag)
        else:
            grantee = owner.removeprefix(b"<Owner>").removesuffix(b"</Owner>")
        parts.append(
            b'<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            b'xsi:type="%b">%b</Grantee><Permission>%b</Permission></Grant>'
            % (_TYPES[grant.by or "ID"], grantee, xml_escape(grant.permission))
        )
    parts.append(b"</AccessControlList></AccessControlPolicy>")
    return b"".join(parts)


def translate(body: bytes, owner_id: str, owner_display_name: str) -> bytes:
    """The store's document with our owner. Raises: BadGateway for one that is none."""
    path: list[str] = []
    owner = b""
    grants: list[Grant] = []
    reader = XmlReader()
    try:
        events = reader.feed(body)
        reader.close()
    except S3Error:
        raise _unreadable() from None
    if not events or events[0][1] != "AccessControlPolicy":
        raise _unreadable()
    for kind, name, text in events:
        if kind == START:
            path.append(name)
            if path[1:] == ["AccessControlList", "Grant"]:
                grants.append(Grant(b""))
        elif kind != LEAF:
            path.pop()
        elif path[1:] == ["Owner"] and name == "ID":
            owner = text
        elif path[1:] == ["AccessControlList", "Grant"] and name == "Permission":
            grants[-1].permission = text
        elif path[1:] == ["AccessControlList", "Grant", "Grantee"] and name in _TYPES and text:
            grants[-1].by, grants[-1].name = name, text
    for grant in grants:
        if grant.by == "ID" and grant.name == owner:
            grant.by = ""
    return policy(owner_id, owner_display_name, grants)


def _unreadable() -> S3Error:
    return S3Error("BadGateway", "The backend's answer could not be understood")
