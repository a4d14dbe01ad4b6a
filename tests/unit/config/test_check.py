"""All faults of a file at once: each with its line, what is wrong, and what was meant."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from multistore.config.findings import ConfigError, Finding
from multistore.config.loader import load
from multistore.limits import Limits, Timeouts

BUCKET = """\
[[buckets]]
name = "data"
backend_type = "s3"
"""
OPTIONS = """\
[buckets.backend_options]
bucket_name = "b"
"""
CREDENTIAL = """\
[[credentials]]
access_key_id = "AK1"
secret_access_key = "goodSecret0123456789"
allowed_scopes = [{ bucket = "data", actions = ["read"] }]
"""
ROLE = """\
[[roles]]
role_id = "r"
trusted_oidc_issuers = ["https://issuer.test"]
required_audiences = ["sts"]
"""


def said(findings: tuple[Finding, ...]) -> list[str]:
    """``LINE what`` with ``!`` for what keeps ``serve`` from starting and ``?`` for a warning."""
    marks = {("fault", True): "!", ("fault", False): "", ("warning", False): "?"}
    return [
        f"{f.line}{marks[f.severity, f.fatal]} {f.key}: {f.message}"
        + (f" ({f.hint})" if f.hint else "")
        for f in findings
    ]


#: Text of a file, and everything that is said about it.
CASES: dict[str, tuple[str, list[str]]] = {
    "nothing wrong": (BUCKET + OPTIONS + CREDENTIAL + ROLE, []),
    "empty file": ("", ["0? : no buckets: whatever is asked for does not exist"]),
    "operations on a whole bucket": (
        BUCKET + "bucket_operations = 'forward'\n" + OPTIONS,
        [],
    ),
    "operations on a part of a bucket": (
        BUCKET
        + "backend_prefix = 'a'\nbucket_operations = 'forward'\n"
        + OPTIONS
        + BUCKET.replace("data", "more")
        + "bucket_operations = 'always'\n"
        + OPTIONS.replace('"b"', '"c"'),
        [
            "5! buckets[0].bucket_operations: forward goes with a whole bucket, not with a "
            "backend_prefix",
            "11! buckets[1].bucket_operations: should be 'refuse' or 'forward'",
        ],
    ),
    "operations on a bucket of several": (
        BUCKET
        + "bucket_operations = 'forward'\n"
        + OPTIONS
        + BUCKET.replace("data", "more")
        + "backend_prefix = 'x/'\n"
        + OPTIONS,
        ['4! buckets[0].bucket_operations: the bucket "more" is in the same one of the store'],
    ),
    "unknown keys": (
        "onwer_id = 'x'\n" + BUCKET + "anonymus_access = true\n" + OPTIONS + "colour = 'red'\n",
        [
            "1 onwer_id: unknown key (did you mean owner_id?)",
            "5 buckets[0].anonymus_access: unknown key (did you mean anonymous_access?)",
            "8 buckets[0].backend_options.colour: unknown option",
        ],
    ),
    "unknown keys of new tables": (
        BUCKET
        + OPTIONS
        + "[server]\nlisten_on = ['a:1']\n[limits]\nheadbytes = 1\n[timeouts]\nx = 1\n",
        [
            "7! server.listen_on: unknown key (did you mean listen?)",
            "9! limits.headbytes: unknown key (did you mean head_bytes?)",
            "11! timeouts.x: unknown key",
        ],
    ),
    "wrong types": (
        'buckets = [3, { name = 1, backend_type = "s3", anonymous_access = "maybe" },'
        "\n { allowed_roles = ['r', 2], backend_options = { bucket_name = ['b'] } }]\n"
        "server = 1\ncredentials = 'x'\n[limits]\nhead_bytes = 'many'\nconnections = 0\n",
        [
            "1! buckets[0]: should be a table",
            "1! buckets[1].name: should be a valid string",
            "1! buckets[1].anonymous_access: should be true or false",
            "1! buckets[1].backend_options: bucket_name is missing",
            "2! buckets[2].name: missing",
            "2! buckets[2].backend_type: missing",
            "2! buckets[2].allowed_roles[1]: should be a valid string",
            "2! buckets[2].backend_options.bucket_name: should be a string, a boolean or a number",
            "3! server: should be a table",
            "4! credentials: should be a valid list",
            "6! limits.head_bytes: should be a valid integer, unable to parse string as an integer",
            "7! limits.connections: should be greater than or equal to 1",
        ],
    ),
    "missing": (
        "[[buckets]]\n[[credentials]]\nallowed_scopes = [{}]\n[[roles]]\n",
        [
            "1! buckets[0].name: missing",
            "1! buckets[0].backend_type: missing",
            "2! credentials[0].access_key_id: missing",
            "2! credentials[0].secret_access_key: missing (or give secret_access_key_file)",
            "3! credentials[0].allowed_scopes[0].bucket: missing",
            "3! credentials[0].allowed_scopes[0].actions: missing",
            "4! roles[0].role_id: missing",
            '4! roles[0]: role "" has no trusted_oidc_issuers: nobody can assume it',
        ],
    ),
    "empty": (
        "owner_id = ''\n[[buckets]]\nname = ''\nbackend_type = ''\n[server]\nlisten = []\n",
        [
            "1! owner_id: should not be empty",
            "3! buckets[0].name: should not be empty",
            "4! buckets[0].backend_type: should not be empty",
            "6! server.listen: should not be empty",
        ],
    ),
    "duplicates": (
        (BUCKET + OPTIONS + CREDENTIAL + ROLE) * 2,
        [
            '15! buckets[1].name: duplicate: "data" is also at line 2',
            '20! credentials[1].access_key_id: duplicate: "AK1" is also at line 7',
            '24! roles[1].role_id: duplicate: "r" is also at line 11',
        ],
    ),
    "backend types": (
        "".join(
            BUCKET.replace('"data"', f'"data-{i}"').replace('"s3"', f'"{kind}"')
            for i, kind in enumerate(("s4", "local", "az", "azure", "gcs", "gs"))
        )
        + "[buckets.backend_options]\nservice_acount = 'x'\n",
        [
            '3! buckets[0].backend_type: no backend type "s4" (s3 is the one that is available)',
            '6! buckets[1].backend_type: no backend type "local" (s3 is the one that is available)',
            '9! buckets[2].backend_type: backend type "az" is not available yet',
            '12! buckets[3].backend_type: backend type "azure" is not available yet',
            '15! buckets[4].backend_type: backend type "gcs" is not available yet',
            '18! buckets[5].backend_type: backend type "gs" is not available yet',
            "20 buckets[5].backend_options.service_acount: unknown option "
            "(did you mean service_account?)",
        ],
    ),
    "bucket names": (
        "".join(
            BUCKET.replace('"data"', f'"{name}"') + OPTIONS
            for name in ("ab", "Upper", "a..b", "192.168.0.1", "xn--a", "a-s3alias", "-ab", "*")
        ),
        [
            '2 buckets[0].name: "ab": a bucket name has 3 to 63 characters',
            '7 buckets[1].name: "Upper": a bucket name holds lower-case letters, digits, - and . '
            "and begins and ends with a letter or digit",
            '12 buckets[2].name: "a..b": a bucket name has no empty part, and none that begins or '
            "ends with -",
            '17 buckets[3].name: "192.168.0.1": a bucket name is no IP address',
            '22 buckets[4].name: "xn--a": S3 reserves names that begin with xn--',
            '27 buckets[5].name: "a-s3alias": S3 reserves names that end in -s3alias',
            '32 buckets[6].name: "-ab": a bucket name holds lower-case letters, digits, - and . '
            "and begins and ends with a letter or digit",
            "40! buckets[7].backend_options.bucket_name: of a pattern holds {name} once, for the "
            "client's bucket name",
        ],
    ),
    "prefixes": (
        "".join(
            BUCKET.replace('"data"', f'"data-{i}"') + f"backend_prefix = '{prefix}'\n" + OPTIONS
            for i, prefix in enumerate(("/a", "a//b", "a/../b", "x" * 1024))
        )
        + BUCKET
        + 'backend_prefix = "a\\u0007"\n'
        + OPTIONS,
        [
            "4? buckets[0].backend_prefix: keys at the backend begin with / "
            "(leave the slash out if that is not meant)",
            "10? buckets[1].backend_prefix: holds //, an empty segment, which some stores fold",
            "16! buckets[2].backend_prefix: holds the segment . or .., "
            "which stores resolve or refuse",
            "22! buckets[3].backend_prefix: leaves no room for a key: keys have at most 1024 bytes",
            "28! buckets[4].backend_prefix: holds a control character",
        ],
    ),
    "roles of a bucket": (
        BUCKET + "allowed_roles = ['r', 'deploer']\n" + OPTIONS + ROLE.replace('"r"', '"deployer"'),
        [
            '4 buckets[0].allowed_roles[0]: no role "r"',
            '4 buckets[0].allowed_roles[1]: no role "deploer" (did you mean deployer?)',
        ],
    ),
    "roles nobody can assume": (
        BUCKET
        + OPTIONS
        + "[[roles]]\nrole_id = 'a'\nmax_session_duration_secs = 60\n"
        + "[[roles]]\nrole_id = 'b'\ntrusted_oidc_issuers = ['http://issuer.test']\n"
        + "required_audience = 'x'\nrequired_audiences = ['y']\nsubject_conditions = ['']\n"
        + "max_session_duration_secs = 43201\n",
        [
            '6! roles[0]: role "a" has no trusted_oidc_issuers: nobody can assume it',
            "8 roles[0].max_session_duration_secs: should be from 900 to 43200",
            "11 roles[1].trusted_oidc_issuers[0]: an issuer begins with https://: "
            "nobody can assume the role through this one",
            "12! roles[1].required_audience: given together with required_audiences",
            "14 roles[1].subject_conditions: no subject can match: nobody can assume the role",
            "15 roles[1].max_session_duration_secs: should be from 900 to 43200",
        ],
    ),
    "scopes": (
        BUCKET
        + OPTIONS
        + CREDENTIAL.splitlines(keepends=True)[0]
        + 'access_key_id = "AK1"\nsecret_access_key = "goodSecret0123456789"\n'
        + """allowed_scopes = [
  { bucket = "date", actions = ["get_objekt", "read"] },
  { bucket = "x-*", actions = ["*"] },
  { bucket = "*", actions = [], prefixes = ["", "a/*", "/a", "a/../b"] },
  { bucket = "{sub}", actions = ["list"] },
]
"""
        + ROLE
        + "allowed_scopes = [{ bucket = 'data-{sub}', actions = ['read'] }]\n",
        [
            '10 credentials[0].allowed_scopes[0].bucket: no bucket is called "date" '
            "(did you mean data?)",
            '10! credentials[0].allowed_scopes[0].actions[0]: no action "get_objekt" '
            "(did you mean get_object?)",
            '11 credentials[0].allowed_scopes[1].bucket: no bucket matches "x-*"',
            "12! credentials[0].allowed_scopes[2].actions: should not be empty",
            "12? credentials[0].allowed_scopes[2].prefixes[0]: "
            "an empty prefix means the whole bucket (leave prefixes out)",
            '12? credentials[0].allowed_scopes[2].prefixes[1]: "a/*": a prefix is literal, '
            "* stands for itself",
            '12? credentials[0].allowed_scopes[2].prefixes[2]: "/a": '
            "only keys that begin with / match",
            '12? credentials[0].allowed_scopes[2].prefixes[3]: "a/../b": '
            "keys with the segment . or .. are refused",
            '13 credentials[0].allowed_scopes[3].bucket: no bucket is called "{sub}"',
        ],
    ),
    "credentials": (
        BUCKET
        + OPTIONS
        + "[[credentials]]\naccess_key_id = 'a/b'\nsecret_access_key = 'goodSecret0123456789'\n"
        + "created_at = '2030-01-01T00:00:00Z'\nexpires_at = '2029-12-31T00:00:00Z'\n"
        + CREDENTIAL
        + "created_at = 2024-01-01\nexpires_at = 2025-01-01T00:00:00Z\n",
        [
            '6? credentials[0]: "a/b" has no allowed_scopes: it may do nothing',
            "7! credentials[0].access_key_id: no signature can name it: "
            "printable ASCII without / and blank",
            "10 credentials[0].expires_at: is not after created_at",
            "15! credentials[1].created_at: should be a date and time with an offset, "
            "such as 2026-01-31T12:00:00Z",
            "16 credentials[1].expires_at: is past: the key is refused",
        ],
    ),
    "listeners": (
        BUCKET
        + OPTIONS
        + "[server]\nlisten = ['8080', '::1:80', '[::1]:80', '[1.2.3.4]:1', 'a:65536', 'b:1',\n"
        + "  'b:1', 'c:0', 'c:0']\nregion = 'r'\nregions = ['s']\nlog_level = 'loud'\n",
        [
            "7! server.listen: b:1 is given 2 times",
            '7! server.listen[0]: "8080": should be HOST:PORT or [IPV6]:PORT',
            '7! server.listen[1]: "::1:80": an IPv6 address stands in brackets',
            '7! server.listen[3]: "[1.2.3.4]:1": brackets hold an IPv6 address',
            '7! server.listen[4]: "a:65536": the port should be a number from 0 to 65535',
            '10! server.regions: the region "r" itself is not among them',
            '11! server.log_level: "loud" is no level, nor LOGGER=LEVEL '
            "(trace, debug, info, warn, warning, error, critical, off)",
        ],
    ),
    "domains": (
        BUCKET
        + OPTIONS
        + "[server]\ndomains = ['s3.test', 's3.test', 'eu.s3.test', 'S3.test',\n"
        + "  'http://x', 'y:80', '127.0.0.1', 'a..b']\n",
        [
            '7! server.domains[1]: duplicate: "s3.test"',
            '7! server.domains[2]: overlaps "s3.test": one host name would mean two buckets',
            '7! server.domains[3]: "S3.test": a domain is written in lower case',
            '8! server.domains[4]: "http://x": a domain is a bare name: '
            "no scheme, no port (any port matches), no path",
            '8! server.domains[5]: "y:80": a domain is a bare name: '
            "no scheme, no port (any port matches), no path",
            '8! server.domains[6]: "127.0.0.1": an address has no subdomains',
            '8! server.domains[7]: "a..b": not a host name',
        ],
    ),
    "hierarchical names": (
        BUCKET.replace("data", "acme:maps")
        + OPTIONS
        + BUCKET.replace("data", "acme:Old Maps")
        + OPTIONS
        + BUCKET
        + OPTIONS
        + BUCKET.replace("data", "acme:a/b")
        + OPTIONS
        + "[path_mapping]\n",
        [
            '12! buckets[2].name: "data": should be 2 segments joined by :',
            '17! buckets[3].name: "acme:a/b": holds /, which separates the segments of a path',
        ],
    ),
    "hierarchical names, their table": (
        BUCKET.replace("data", "acme:maps")
        + OPTIONS
        + "[path_mapping]\nseparator = ':/'\nsegments = 2\ndisplay_bucket_segments = 3\n",
        [
            '2! buckets[0].name: "acme:maps": should be 2 segments joined by :/',
            "7! path_mapping.separator: holds /, which separates the segments of a path",
            "8! path_mapping.segments: unknown key (did you mean bucket_segments?)",
            "9! path_mapping.display_bucket_segments: more than bucket_segments",
        ],
    ),
    "hierarchical names, and what does not go with them": (
        BUCKET.replace("data", "acme:*")
        + OPTIONS.replace('"b"', '"{name}"')
        + BUCKET.replace("data", "acme:maps")
        + "bucket_operations = 'forward'\n"
        + OPTIONS
        + "[path_mapping]\n",
        [
            '2! buckets[0].name: "acme:*": a pattern does not go with path_mapping',
            "9! buckets[1].bucket_operations: forward does not go with path_mapping, where clients "
            "take buckets for prefixes",
        ],
    ),
    "tls files": (
        BUCKET + OPTIONS + "[server]\ntls_cert = 'no.pem'\n",
        ["7! server.tls_cert: given without tls_key"],
    ),
}


def unordered(lines: list[str]) -> list[str]:
    """Within one line the order of findings means nothing."""
    return sorted(lines, key=lambda text: (int(re.match(r"\d+", text)[0]), text))  # type: ignore[index]


@pytest.mark.parametrize("name", CASES)
def test_findings(load_text: Any, name: str) -> None:
    text, expected = CASES[name]
    loaded = load_text(text)
    assert unordered(said(loaded.findings)) == unordered(expected)
    assert [f.line for f in loaded.findings] == sorted(f.line for f in loaded.findings)
    if any(re.match(r"\d+!", line) for line in expected):
        with pytest.raises(ConfigError):
            loaded.require()
    else:
        assert loaded.require() is loaded.document


#: Least and largest value of every key: the server keeps them in C integers and sizes of arrays.
BOUNDS: dict[str, dict[str, tuple[float, float]]] = {
    "limits": {
        "head_bytes": (1024, 65_536),
        "head_fields": (4, 1024),
        "target_bytes": (512, 65_536),
        "object_bytes": (1, 5 * 1024**4),
        "discard_bytes": (0, 16 * 1024**2),
        "requests_per_connection": (1, 1_000_000),
        "connections": (1, 1_000_000),
        "connections_per_peer": (1, 1_000_000),
        "backend_connections": (1, 1_000_000),
        "backend_idle": (0, 1_000_000),
        "max_presign_seconds": (1, 604_800),
    },
    "timeouts": {f.name: (0.001, 86_400) for f in fields(Timeouts)} | {"rate": (1, 1_250_000_000)},
}


def test_every_limit_has_bounds() -> None:
    assert list(BOUNDS["limits"]) == [f.name for f in fields(Limits)]


@pytest.mark.parametrize(("table", "key"), [(t, key) for t, keys in BOUNDS.items() for key in keys])
def test_limits_have_bounds(load_text: Any, table: str, key: str) -> None:
    least, most = BOUNDS[table][key]
    step = 1 if table == "limits" else 0.0001

    def said_of(value: object) -> list[str]:
        # The other of the two that depend on each other is out of the way.
        other = "target_bytes = 512" if key == "head_bytes" else "head_bytes = 65536"
        text = f"limits.{other}\n{table}.{key} = {value}\n"
        return said(load_text(text + BUCKET + OPTIONS).findings)

    assert said_of(least) == said_of(most) == []
    below = f"2! {table}.{key}: should be greater than or equal to {least}"
    above = f"2! {table}.{key}: should be less than or equal to {most}"
    assert said_of(least - step) == [below]
    assert said_of(most + step) == [above]
    assert len(said_of(2**80)) == 1
    for value in ("inf", "-inf", "nan"):
        (finding,) = said_of(value)
        assert finding.startswith(f"2! {table}.{key}: ")


@pytest.mark.parametrize("given", ["head_bytes = 4096", "target_bytes = 40000"])
def test_a_target_is_no_longer_than_its_head(load_text: Any, given: str) -> None:
    (finding,) = load_text(BUCKET + OPTIONS + f"[limits]\n{given}\n").findings
    assert (finding.line, finding.fatal) == (7, True)
    assert finding.message.endswith("the target is a part of the head")


@pytest.mark.parametrize(
    ("key", "secret", "fault"),
    [
        ("AK1", "short", "weak: 5 characters, at least 16 are needed"),
        ("AK1", "fifteen-chars-x", "weak: 15 characters, at least 16 are needed"),
        ("AK1", "sixteen-chars-xy", ""),
        ("AK1", "minioadmin", "an example or default secret, which everybody knows"),
        (
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "an example or default secret, which everybody knows",
        ),
        ("AK1", "please-ChangeMe-now!", "an example or default secret, which everybody knows"),
        ("abcdefghijklmnopq", "abcdefghijklmnopq", "weak: it is the access key itself"),
        ("AK1", "abababababababababab", "weak: the same few characters over and over"),
    ],
)
def test_secrets_that_nobody_should_use(load_text: Any, key: str, secret: str, fault: str) -> None:
    text = CREDENTIAL.replace("AK1", key).replace("goodSecret0123456789", secret)
    expected = [f"8! credentials[0].secret_access_key: {fault}"] if fault else []
    assert said(load_text(BUCKET + OPTIONS + text).findings) == expected
    # The store's own secret is not ours to choose: a fault, but no reason not to start.
    store = f'access_key_id = "{key}"\nsecret_access_key = "{secret}"\n'
    said_of_store = said(load_text(BUCKET + OPTIONS + store).findings)
    assert said_of_store == (
        [f"4 buckets[0].backend_options: secret_access_key is {fault}"] if fault else []
    )


@pytest.mark.rule("L10")
def test_faults_never_show_a_secret(load_text: Any) -> None:
    canary = "canaryS"
    text = (
        BUCKET
        + OPTIONS
        + f'access_key_id = "AK"\nsecret_access_key = "{canary}"\n'
        + f'endpoint = "http://user:{canary}@host.test"\n'
        + CREDENTIAL.replace("goodSecret0123456789", canary)
        + f'[[credentials]]\naccess_key_id = "AK2"\nsecret_access_key = ["{canary}"]\n'
    )
    loaded = load_text(text)
    assert len(loaded.findings) >= 4
    assert canary not in "\n".join(map(str, loaded.findings))
    with pytest.raises(ConfigError) as caught:
        loaded.require()
    assert canary not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[buckets]]\nname = "a\n', 2),
        ("a = [\n1,\n", 3),
        ("[server]\nregion = 'a'\nregion = 'b'\n", 3),
        ("[server]\nregion", 2),
    ],
)
def test_toml_syntax(load_text: Any, text: str, line: int) -> None:
    (finding,) = load_text(text).findings
    assert finding.line == line
    assert finding.fatal
    assert re.fullmatch(r"not TOML: [^()]+", finding.message)  # the place is said once


def test_json_faults_have_lines(load_text: Any) -> None:
    text = '{\n"buckets": [\n{"name": "a",\n"name": "data", "backend_typ": "s3"}\n]}'
    assert said(load_text(text, ".json").findings) == [
        "3! buckets[0].backend_type: missing",
        "4 buckets[0].name: given twice; only the last one counts",
        "4 buckets[0].backend_typ: unknown key (did you mean backend_type?)",
    ]
    assert said(load_text('{\n"a": }', ".json").findings)[0].startswith("2! : not JSON")
    assert said(load_text("[]", ".json").findings) == ["1! : should be an object"]


def test_files_that_cannot_be_read(load_text: Any, tmp_path: Path) -> None:
    assert said(load_text(b"a = 1\nb = '\xff'\n").findings) == ["2! : not UTF-8"]
    assert said(load(tmp_path / "none.toml").findings) == [
        "0! : cannot be read: No such file or directory"
    ]
    assert said(load(tmp_path).findings) == ["0! : cannot be read: Is a directory"]
    # A byte order mark and CRLF are what some editors write.
    text = ("\ufeff" + BUCKET + OPTIONS).replace("\n", "\r\n") + "colour = 1\r\n"
    assert said(load_text(text).findings) == ["6 buckets[0].backend_options.colour: unknown option"]


def test_tls_files(load_text: Any, tmp_path: Path) -> None:
    text = BUCKET + OPTIONS + "[server]\ntls_cert = 'cert.pem'\ntls_key = 'key.pem'\n"
    assert said(load_text(text).findings) == [
        f"7! server.tls_cert: {tmp_path / 'cert.pem'} cannot be read: No such file or directory"
    ]
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nonsense", "ascii")
    (finding,) = load_text(text).findings
    assert (finding.line, finding.fatal) == (7, True)
    assert finding.message.startswith("cannot be used with tls_key")


def test_finding_names_its_file_and_line(load_text: Any, tmp_path: Path) -> None:
    (finding,) = load_text(BUCKET + "bakend_prefix = 'x'\n" + OPTIONS).findings
    assert str(finding) == (
        f"{tmp_path / 'config.toml'}:4: fault: buckets[0].bakend_prefix: unknown key "
        "(did you mean backend_prefix?)"
    )
    assert finding.as_dict()["hint"] == "did you mean backend_prefix?"


def test_findings_of_a_flag_name_the_flag(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BUCKET + OPTIONS + "[server]\nlisten = ['nonsense']\n", "utf-8")
    loaded = load(file, overrides={"listen": ("--listen", ["a:1", "b"])}, environ={})
    assert [str(f) for f in loaded.findings] == [
        '--listen: fault: server.listen[1]: "b": should be HOST:PORT or [IPV6]:PORT'
    ]
    loaded = load(file, overrides={"listen": ("--listen", ["a:1"])}, environ=os.environ)
    assert loaded.require().server.listen == ["a:1"]
