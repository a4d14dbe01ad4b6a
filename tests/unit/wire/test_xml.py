"""The XML that S3 and its clients write; whole and at every split point."""

from types import ModuleType
from typing import Any

import pytest

from captured import captured
from multistore.errors import S3Error

Event = tuple[int, str, bytes]


def read(kernel: ModuleType, parts: list[bytes], **caps: int) -> list[Event]:
    reader = kernel.XmlReader(**caps)
    events = [event for part in parts for event in reader.feed(part)]
    reader.close()
    return events


def splits(data: bytes) -> list[list[bytes]]:
    ways = [[data[:i], data[i:]] for i in range(len(data) + 1)]
    return [[data], [data[i : i + 1] for i in range(len(data))], *ways]


def read_all_ways(kernel: ModuleType, data: bytes, **caps: int) -> list[Event]:
    first, *others = (read(kernel, parts, **caps) for parts in splits(data))
    assert all(other == first for other in others)
    return first


def refuse_all_ways(kernel: ModuleType, data: bytes, **caps: int) -> None:
    for parts in splits(data):
        with pytest.raises(S3Error) as caught:
            read(kernel, parts, **caps)
        assert caught.value.code == "MalformedXML"


def leaf(kernel: ModuleType, data: bytes) -> bytes:
    [(kind, name, text)] = read_all_ways(kernel, data)
    assert (kind, name) == (kernel.LEAF, "a")
    return text


def test_a_listing(kernel: ModuleType) -> None:
    data = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>b</Name><Prefix/><Marker></Marker>\r\n"
        b"  <Contents><Key>a &amp; b</Key><Owner><ID>1</ID></Owner></Contents>"
        b"</ListBucketResult>\n"
    )
    start, leaf_, end = kernel.START, kernel.LEAF, kernel.END
    assert read_all_ways(kernel, data) == [
        (start, "ListBucketResult", b""),
        (leaf_, "Name", b"b"),
        (leaf_, "Prefix", b""),
        (leaf_, "Marker", b""),
        (start, "Contents", b""),
        (leaf_, "Key", b"a & b"),
        (start, "Owner", b""),
        (leaf_, "ID", b"1"),
        (end, "Owner", b""),
        (end, "Contents", b""),
        (end, "ListBucketResult", b""),
    ]


def test_events_come_as_soon_as_they_are_known(kernel: ModuleType) -> None:
    reader = kernel.XmlReader()
    assert reader.feed(b"<r><a>te") == [(kernel.START, "r", b"")]
    assert reader.feed(b"xt</a><b") == [(kernel.LEAF, "a", b"text")]
    assert reader.feed(b"/>") == [(kernel.LEAF, "b", b"")]
    assert reader.feed(b"") == []
    assert reader.feed(b"</r> ") == [(kernel.END, "r", b"")]
    reader.close()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<a/>", b""),
        (b"<a></a>", b""),
        (b"<a > </a >", b" "),
        (b"<a>  x </a>", b"  x "),
        (b"<a>&lt;&gt;&amp;&apos;&quot;</a>", b"<>&'\""),
        (b"<a>&#65;&#x42;&#x1F600;&#xd;&#xA;</a>", "AB😀\r\n".encode()),
        (b"<a>&#x1;&#x1F;&#xFFFE;&#0000065;</a>", b"\x01\x1f\xef\xbf\xbeA"),
        (b"<a>x\r\ny\rz\r\r\n</a>", b"x\ny\nz\n\n"),
        (b"<a>\r&#xA;\r<!-- -->\n</a>", b"\n\n\n\n"),
        (b"<a>&#xD;\n</a>", b"\r\n"),
        (b"<a>x<!-- <b> & -->y</a>", b"xy"),
        (b"<a><![CDATA[<&>]]></a>", b"<&>"),
        (b"<a>x<![CDATA[]]]]>y<![CDATA[>\r\n]]></a>", b"x]]y>\n"),
        (b"<a>]]&gt;]>]]</a>", b"]]>]>]]"),
        (b"<a>\xc3\xa9\xf0\x9f\x98\x80\x7f</a>", b"\xc3\xa9\xf0\x9f\x98\x80\x7f"),
        (b"<a>'\"></a>", b"'\">"),
        (b"<s:a xmlns:s='x'>1</s:a>", b"1"),
        (b"<a b='>' c=\"/>'\" d = ''>1</a>", b"1"),
        (b"<a\r\n\tb='1'\n/>", b""),
        (b" \r\n\t<a>1</a>", b"1"),
        (b"<!-- first --><a>1</a><!-- last -->\n<!---->", b"1"),
        (b"<a>1</a><!--->-->", b"1"),
        (b"\xef\xbb\xbf<a>1</a>", b"1"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a>1</a>", b"1"),
        (b"<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?><a>1</a>", b"1"),
        (b' \n<?xml version = "1.0"\tencoding="UTF-8"?>\n \n<a>1</a>', b"1"),
    ],
)
def test_text(kernel: ModuleType, data: bytes, text: bytes) -> None:
    assert leaf(kernel, data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"x",
        b"<a>",
        b"<a",
        b"<a></a",
        b"<a></b>",
        b"<a><b></a></b>",
        b"<s:a></a>",
        b"<s:a></t:a>",
        b"</a>",
        b"<a/><b/>",
        b"<a/>x",
        b"<a/>&#32;",
        b"<a/><![CDATA[]]>",
        b"x<a/>",
        b"<![CDATA[]]><a/>",
        b"<a>x<b/></a>",
        b"<a><b/>x</a>",
        b"<a><b/>&#65;</a>",
        b"<a><b/><![CDATA[x]]></a>",
        b"< a/>",
        b"<a / >",
        b"<a/ >",
        b"<1/>",
        b"<\xc3\xa9/>",
        b"<:a/>",
        b"<a:/>",
        b"<a:b:c/>",
        b"<a b/>",
        b"<a b=1/>",
        b"<a b='1'c='2'/>",
        b"<a b='<'/>",
        b"<a b='1/>",
        b"</a b='1'>",
        b"<a></a b='1'>",
        b"<a></ a>",
        b"<a>&</a>",
        b"<a>&;</a>",
        b"<a>&nbsp;</a>",
        b"<a>&AMP;</a>",
        b"<a>&amp</a>",
        b"<a>&#;</a>",
        b"<a>&#x;</a>",
        b"<a>&#X41;</a>",
        b"<a>&#0;</a>",
        b"<a>&#x0;</a>",
        b"<a>&#xD800;</a>",
        b"<a>&#xDFFF;</a>",
        b"<a>&#x110000;</a>",
        b"<a>&#-1;</a>",
        b"<a>&#+65;</a>",
        b"<a>&#6_5;</a>",
        b"<a>&#000000000065;</a>",
        b"<a>]]></a>",
        b"<a>\0</a>",
        b"<a>\x01</a>",
        b"<a>\x1b</a>",
        b"<a><![CDATA[\x08]]></a>",
        b"<a><![CDATA[x]]</a>",
        b"<a><![cdata[x]]></a>",
        b"<a>\xff</a>",
        b"<a>\xc3</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xaf</a>",
        b"<a><!-- -- --></a>",
        b"<a><!-- --->x</a>",
        b"<a><!-- ->x</a>",
        b"<a><!-x--></a>",
        b"<a><?pi?></a>",
        b"<a/><?pi?>",
        b"<?pi?><a/>",
        b"<?xml version='1.0'?><?xml version='1.0'?><a/>",
        b"<!-- --><?xml version='1.0'?><a/>",
        b"<?xml version='1.1'?><a/>",
        b"<?xml version='1.0' encoding='latin1'?><a/>",
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        b"<?xml encoding='UTF-8'?><a/>",
        b"<?XML version='1.0'?><a/>",
        b"<?xml version='1.0' ><a/>",
        b"<?xml?><a/>",
        "<a/>".encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<a><!DOCTYPE a></a>",
        b"<!ELEMENT a><a/>",
        b"\xef\xbb<a/>",
        b" \xef\xbb\xbf<a/>",
    ],
)
def test_malformed(kernel: ModuleType, data: bytes) -> None:
    refuse_all_ways(kernel, data)


def test_a_fault_is_final(kernel: ModuleType) -> None:
    reader = kernel.XmlReader()
    with pytest.raises(S3Error):
        reader.feed(b"<a>&bad;")
    with pytest.raises(S3Error):
        reader.feed(b"</a>")
    with pytest.raises(S3Error):
        reader.feed(b"")
    with pytest.raises(S3Error):
        reader.close()


@pytest.mark.rule("L8")
def test_depth(kernel: ModuleType) -> None:
    read_all_ways(kernel, b"<a>" * 3 + b"</a>" * 3, max_depth=3)
    refuse_all_ways(kernel, b"<a>" * 4 + b"</a>" * 4, max_depth=3)
    read(kernel, [b"<a>" * 16 + b"</a>" * 16])
    with pytest.raises(S3Error):
        read(kernel, [b"<a>" * 17 + b"</a>" * 17])


@pytest.mark.rule("L8")
def test_length_of_text(kernel: ModuleType) -> None:
    read_all_ways(kernel, b"<a>12&#x31;<!-- -->4</a>", max_text=4)
    refuse_all_ways(kernel, b"<a>12&#x31;<!-- -->45</a>", max_text=4)
    refuse_all_ways(kernel, b"<a><![CDATA[12345]]></a>", max_text=4)
    refuse_all_ways(kernel, b"<a>\xc3\xa9\xc3\xa9\xc3\xa9</a>", max_text=4)
    read_all_ways(kernel, b"<a>1\r\n\r\n4</a>", max_text=4)
    read_all_ways(kernel, b"<a><b/>" + b" " * 20 + b"</a>", max_text=4)
    read_all_ways(kernel, b" " * 20 + b"<a/>" + b" " * 20, max_text=4)
    read(kernel, [b"<a>" + b"x" * 65536 + b"</a>"])
    with pytest.raises(S3Error):
        read(kernel, [b"<a>" + b"x" * 65537 + b"</a>"])


@pytest.mark.rule("L8")
def test_length_of_tags(kernel: ModuleType) -> None:
    for pad, fits in [(4096, True), (4097, False)]:
        for opening, closing in [(b"<a b='", b"'/>"), (b"<", b"/>"), (b"<a>x</a", b">")]:
            inner = b"x" if opening != b"<a>x</a" else b" "
            size = pad - len(opening) - len(closing) + (4 if opening == b"<a>x</a" else 0)
            data = opening + inner * size + closing
            for parts in ([data], [data[:5], data[5:]], [data[:-1], data[-1:]]):
                if fits:
                    read(kernel, parts)
                else:
                    with pytest.raises(S3Error):
                        read(kernel, parts)
    with pytest.raises(S3Error):  # before its end is there
        kernel.XmlReader().feed(b"<" + b"a" * 5000)
    comment = b"<!--" + b"x" * 10_000 + b"--><a/>"
    assert read(kernel, [comment[:5000], comment[5000:]]) == [(kernel.LEAF, "a", b"")]


def test_captured_documents(kernel: ModuleType) -> None:
    count = 0
    for sample in captured():
        bodies = [(sample.facts["resp_body"] or "").encode("utf-8", "surrogateescape")]
        if sample.body.startswith(b"<") and not sample.facts["body_truncated"]:
            bodies.append(sample.body)
        for body in bodies:
            if body.lstrip().startswith(b"<") and body.rstrip().endswith(b">"):
                events = read(kernel, [body])
                assert events == read(kernel, [body[i : i + 7] for i in range(0, len(body), 7)])
                count += 1
    assert count > 100


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.rule("SEM-21")
def test_escape(kernel: ModuleType) -> None:
    assert kernel.xml_escape(b"a&b<c>d\"e'f") == b"a&amp;b&lt;c&gt;d&quot;e'f"
    assert kernel.xml_escape(b"\t\n\r\x01\x0b\x1f\x00") == b"\t\n&#xD;&#x1;&#xB;&#x1F;&#x0;"
    assert kernel.xml_escape("é😀\x7f".encode()) == "é😀\x7f".encode()
    plain = b"nothing/to escape"
    assert kernel.xml_escape(plain) is plain


@pytest.mark.rule("SEM-21")
def test_what_is_escaped_reads_back(kernel: ModuleType) -> None:
    text = bytes(range(1, 0x80)) + "é\u2028\ufffe😀]]>".encode()
    written = b"<a>" + kernel.xml_escape(text) + b"</a>"
    events: list[Any] = read(kernel, [written])
    assert events == [(kernel.LEAF, "a", text)]
