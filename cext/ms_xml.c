#include "ms_xml.h"

#include "ms_chars.h"

/* Where the next byte belongs. */
enum {
    FIRST,       /* nothing read yet: a byte order mark may come */
    DECLARATION, /* white space at most: a declaration may still come */
    PROLOG,      /* [22] prolog, after the declaration */
    CONTENT,     /* [43] content, inside the root element */
    EPILOG,      /* [27] Misc, after the root element */
    COMMENT,     /* 2.5 */
    CDATA,       /* 2.7 */
};

void ms_xml_init(ms_xml *xml, char *text, size_t text_cap, char *names, size_t names_cap,
                 size_t *starts, size_t max_depth) {
    *xml = (ms_xml){.state = FIRST,
                    .text = text,
                    .text_cap = text_cap,
                    .names = names,
                    .names_cap = names_cap,
                    .starts = starts,
                    .max_depth = max_depth};
}

bool ms_xml_whole(const ms_xml *xml) { return xml->state == EPILOG; }

static void advance(ms_span *s, size_t n) {
    s->p += n;
    s->n -= n;
}

static bool is_space(char c) { return ms_is(c, MS_C_SPACE); }

static void skip_space(ms_span *s) {
    while (s->n > 0 && is_space(*s->p)) advance(s, 1);
}

static bool only_space(ms_span s) {
    skip_space(&s);
    return s.n == 0;
}

/* Skips `text`; false if something else stands there. */
static bool skip(ms_span *s, ms_span text) {
    if (!ms_starts_with(*s, text)) return false;
    advance(s, text.n);
    return true;
}

/* --- Text -------------------------------------------------------------------------------------*/

/* Text of the innermost element; beside elements only white space may stand. */
static int append(ms_xml *xml, ms_span text) {
    if (!xml->leaf) return only_space(text) ? MS_OK : MS_BAD;
    if (text.n > xml->text_cap - xml->text_size) return MS_BAD;
    memcpy(xml->text + xml->text_size, text.p, text.n);
    xml->text_size += text.n;
    return MS_OK;
}

/* Character data: not markup, nor one of the bytes that need a closer look. */
static bool is_plain(char c) {
    return ((uint8_t)c >= 0x20 || c == '\n' || c == '\t') && c != '<' && c != '&' && c != ']';
}

/* 2.4 [14] CharData, or with `cdata` [20] CData, with line ends normalised (2.11). Stops before
 * markup; MS_MORE leaves a last "\r", "]" or "]]" that cannot be judged yet. */
static int take_text(ms_xml *xml, ms_span *in, bool cdata) {
    while (in->n > 0) {
        const char *end = in->p + in->n, *p = in->p;
        while (p < end && (is_plain(*p) || (cdata && (*p == '<' || *p == '&')))) p++;
        if (append(xml, (ms_span){in->p, (size_t)(p - in->p)}) != MS_OK) return MS_BAD;
        advance(in, (size_t)(p - in->p));
        if (in->n == 0) return MS_MORE;
        if (*p == '\r') {
            if (in->n == 1) return MS_MORE;
            if (p[1] != '\n' && append(xml, MS_LITERAL("\n")) != MS_OK) return MS_BAD;
            advance(in, 1);
        } else if (*p == ']') {
            ms_span mark = MS_LITERAL("]]>");
            if (in->n < mark.n && ms_starts_with(mark, *in)) return MS_MORE;
            if (ms_starts_with(*in, mark)) return cdata ? MS_OK : MS_BAD;
            if (append(xml, MS_LITERAL("]")) != MS_OK) return MS_BAD;
            advance(in, 1);
        } else if (*p == '<' || *p == '&') {
            return MS_OK;
        } else {
            return MS_BAD; /* 2.2: a control character */
        }
    }
    return MS_MORE;
}

static int append_code_point(ms_xml *xml, uint32_t c) {
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return MS_BAD;
    char utf8[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6) utf8[i] = (char)(0x80 | (c & 0x3f));
    utf8[0] = (char)(lead[n] | c);
    return append(xml, (ms_span){utf8, n});
}

/* 4.1 [66] CharRef, and the entities of 4.6. Numeric references may name control characters:
 * that is how S3 shows a key that holds one. */
static int take_reference(ms_xml *xml, ms_span *in) {
    size_t window = in->n < MS_XML_REFERENCE ? in->n : MS_XML_REFERENCE;
    const char *end = memchr(in->p, ';', window);
    if (end == NULL) return in->n < MS_XML_REFERENCE ? MS_MORE : MS_BAD;
    ms_span name = {in->p + 1, (size_t)(end - in->p - 1)};
    advance(in, name.n + 2);

    if (ms_equal(name, MS_LITERAL("lt"))) return append(xml, MS_LITERAL("<"));
    if (ms_equal(name, MS_LITERAL("gt"))) return append(xml, MS_LITERAL(">"));
    if (ms_equal(name, MS_LITERAL("amp"))) return append(xml, MS_LITERAL("&"));
    if (ms_equal(name, MS_LITERAL("apos"))) return append(xml, MS_LITERAL("'"));
    if (ms_equal(name, MS_LITERAL("quot"))) return append(xml, MS_LITERAL("\""));
    if (!skip(&name, MS_LITERAL("#"))) return MS_BAD;
    bool hex = skip(&name, MS_LITERAL("x"));
    if (name.n == 0) return MS_BAD;
    uint32_t code = 0; /* at most nine digits: hex ones may wrap, so stop beyond Unicode */
    for (size_t i = 0; i < name.n; i++) {
        int digit = ms_hex_value(name.p[i]);
        if (digit < 0 || (!hex && digit > 9) || code > 0x10ffff) return MS_BAD;
        code = code * (hex ? 16 : 10) + (uint32_t)digit;
    }
    return append_code_point(xml, code);
}

/* --- Tags -------------------------------------------------------------------------------------*/

/* Size of the tag at the front, quoted values skipped; 0 if its end is not there. */
static size_t tag_size(ms_span in) {
    size_t window = in.n < MS_XML_TAG ? in.n : MS_XML_TAG;
    char quote = 0;
    for (size_t i = 1; i < window; i++) {
        char c = in.p[i];
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            return i + 1;
        }
    }
    return 0;
}

/* NCName of ASCII (Namespaces in XML 1.0 [4]). */
static bool skip_ncname(ms_span *s) {
    if (s->n == 0 || !ms_is(*s->p, MS_C_NAME) || ms_is(*s->p, MS_C_DIGIT)) return false;
    if (*s->p == '-' || *s->p == '.' || (uint8_t)*s->p >= 0x80) return false;
    while (s->n > 0 && ms_is(*s->p, MS_C_NAME) && (uint8_t)*s->p < 0x80) advance(s, 1);
    return true;
}

/* [7] QName */
static bool take_qname(ms_span *s, ms_span *out) {
    out->p = s->p;
    if (!skip_ncname(s)) return false;
    if (skip(s, MS_LITERAL(":")) && !skip_ncname(s)) return false;
    out->n = (size_t)(s->p - out->p);
    return true;
}

/* Quoted text without "<" ([10] AttValue). */
static bool take_quoted(ms_span *s, ms_span *out) {
    if (s->n == 0 || (*s->p != '"' && *s->p != '\'')) return false;
    const char *end = memchr(s->p + 1, *s->p, s->n - 1);
    if (end == NULL) return false;
    *out = (ms_span){s->p + 1, (size_t)(end - s->p - 1)};
    advance(s, out->n + 2);
    return memchr(out->p, '<', out->n) == NULL;
}

/* S? "=" S? AttValue */
static bool take_value(ms_span *s, ms_span *out) {
    skip_space(s);
    if (!skip(s, MS_LITERAL("="))) return false;
    skip_space(s);
    return take_quoted(s, out);
}

/* S before a further attribute: true if there is one. */
static bool more_attributes(ms_span *s) {
    if (s->n == 0 || !is_space(*s->p)) return false;
    skip_space(s);
    return s->n > 0 && *s->p != '/' && *s->p != '>' && *s->p != '?';
}

/* [23] XMLDecl: version 1.0, UTF-8 if it says so. */
static bool is_declaration(ms_span tag) {
    ms_span value;
    if (!skip(&tag, MS_LITERAL("<?xml")) || !more_attributes(&tag)) return false;
    if (!skip(&tag, MS_LITERAL("version")) || !take_value(&tag, &value)) return false;
    if (!ms_equal(value, MS_LITERAL("1.0"))) return false;
    bool more = more_attributes(&tag);
    if (more && skip(&tag, MS_LITERAL("encoding"))) {
        if (!take_value(&tag, &value) || !ms_equal_lower(value, MS_LITERAL("utf-8"))) return false;
        more = more_attributes(&tag);
    }
    if (more) {
        if (!skip(&tag, MS_LITERAL("standalone")) || !take_value(&tag, &value)) return false;
        if (!ms_equal(value, MS_LITERAL("yes")) && !ms_equal(value, MS_LITERAL("no"))) return false;
        skip_space(&tag);
    }
    return ms_equal(tag, MS_LITERAL("?>"));
}

/* The innermost open element. */
static ms_span innermost(const ms_xml *xml) {
    size_t start = xml->starts[xml->depth - 1];
    return (ms_span){xml->names + start, xml->names_size - start};
}

static ms_span local_name(ms_span qname) {
    const char *colon = memchr(qname.p, ':', qname.n);
    if (colon != NULL) advance(&qname, (size_t)(colon + 1 - qname.p));
    return qname;
}

static int close_element(ms_xml *xml, ms_span qname, ms_xml_event *out) {
    if (xml->depth == 0 || !ms_equal(innermost(xml), qname))
        return MS_BAD; /* 3, WFC: Element Type Match */
    ms_span text = {xml->text, xml->leaf ? xml->text_size : 0};
    if (!ms_is_utf8(text)) return MS_BAD;
    *out = (ms_xml_event){xml->leaf ? MS_XML_LEAF : MS_XML_END, local_name(innermost(xml)), text};
    xml->names_size = xml->starts[--xml->depth]; /* the bytes stay until the next element */
    xml->leaf = false;
    if (xml->depth == 0) xml->state = EPILOG;
    return MS_OK;
}

/* [42] ETag */
static int end_tag(ms_xml *xml, ms_span tag, ms_xml_event *out) {
    ms_span qname;
    advance(&tag, 2);
    if (!take_qname(&tag, &qname)) return MS_BAD;
    skip_space(&tag);
    return ms_equal(tag, MS_LITERAL(">")) ? close_element(xml, qname, out) : MS_BAD;
}

/* [40] STag, [44] EmptyElemTag. MS_MORE: no event. `again` is set if the tag is to be read once
 * more, since its first event is the START of the element around it. */
static int start_tag(ms_xml *xml, ms_span tag, ms_xml_event *out, bool *again) {
    ms_span qname, name, value;
    advance(&tag, 1);
    if (!take_qname(&tag, &qname)) return MS_BAD;
    while (more_attributes(&tag))
        if (!take_qname(&tag, &name) || !take_value(&tag, &value)) return MS_BAD;
    bool empty = skip(&tag, MS_LITERAL("/"));
    if (!ms_equal(tag, MS_LITERAL(">"))) return MS_BAD;
    if (xml->state == EPILOG || xml->depth == xml->max_depth) return MS_BAD;

    if (xml->leaf) {
        if (!only_space((ms_span){xml->text, xml->text_size})) return MS_BAD;
        *out = (ms_xml_event){MS_XML_START, local_name(innermost(xml)), {NULL, 0}};
        xml->leaf = false;
        *again = true;
        return MS_OK;
    }
    if (qname.n > xml->names_cap - xml->names_size) return MS_BAD;
    memcpy(xml->names + xml->names_size, qname.p, qname.n);
    xml->starts[xml->depth++] = xml->names_size;
    xml->names_size += qname.n;
    xml->leaf = true;
    xml->text_size = 0;
    xml->state = CONTENT;
    return empty ? close_element(xml, qname, out) : MS_MORE;
}

/* --- The machine ------------------------------------------------------------------------------*/

/* Whether more input could turn the whole of `in` into `text`. */
static bool may_become(ms_span in, ms_span text) {
    return in.n < text.n && ms_starts_with(text, in);
}

/* Each take_... answers MS_OK with an event, MS_BAD, or MS_MORE without an event: then either
 * something was cut off *in, or its token is not whole. */
static int take_markup(ms_xml *xml, ms_span *in, ms_xml_event *out) {
    ms_span comment = MS_LITERAL("<!--"), cdata = MS_LITERAL("<![CDATA[");
    if (may_become(*in, comment) || may_become(*in, cdata)) return MS_MORE;
    if (skip(in, comment)) {
        if (xml->state == DECLARATION) xml->state = PROLOG;
        xml->after_comment = xml->state;
        xml->state = COMMENT;
        return MS_MORE;
    }
    if (xml->state == CONTENT && skip(in, cdata)) {
        xml->state = CDATA;
        return MS_MORE;
    }
    if (in->p[1] == '!') return MS_BAD; /* 2.8: a document type and all that it could bring */

    ms_span tag = {in->p, tag_size(*in)};
    if (tag.n == 0) return in->n < MS_XML_TAG ? MS_MORE : MS_BAD;
    bool again = false;
    int result = MS_MORE;
    if (tag.p[1] == '?') {
        if (xml->state != DECLARATION || !is_declaration(tag)) return MS_BAD;
        xml->state = PROLOG;
    } else if (tag.p[1] == '/') {
        result = end_tag(xml, tag, out);
    } else {
        result = start_tag(xml, tag, out, &again);
    }
    if (!again) advance(in, tag.n);
    return result;
}

/* 2.5 [15] Comment: "--" must not occur inside. */
static int take_comment(ms_xml *xml, ms_span *in) {
    for (;;) {
        const char *dash = in->n > 0 ? memchr(in->p, '-', in->n) : NULL;
        if (dash == NULL) {
            advance(in, in->n);
            return MS_MORE;
        }
        advance(in, (size_t)(dash - in->p));
        if (in->n == 1) return MS_MORE;
        if (in->p[1] != '-') {
            advance(in, 1);
            continue;
        }
        if (in->n == 2) return MS_MORE;
        if (in->p[2] != '>') return MS_BAD;
        advance(in, 3);
        xml->state = xml->after_comment;
        return MS_MORE;
    }
}

static int take(ms_xml *xml, ms_span *in, ms_xml_event *out) {
    ms_span mark = MS_LITERAL("\xef\xbb\xbf");
    switch (xml->state) {
    case FIRST:
        if (may_become(*in, mark)) return MS_MORE;
        skip(in, mark);
        xml->state = DECLARATION;
        return MS_MORE;
    case COMMENT:
        return take_comment(xml, in);
    case CDATA:
        if (take_text(xml, in, true) == MS_BAD) return MS_BAD;
        if (skip(in, MS_LITERAL("]]>"))) xml->state = CONTENT;
        return MS_MORE;
    case CONTENT:
        if (*in->p == '<') return take_markup(xml, in, out);
        if (*in->p == '&') return take_reference(xml, in) == MS_BAD ? MS_BAD : MS_MORE;
        return take_text(xml, in, false) == MS_BAD ? MS_BAD : MS_MORE;
    default: /* DECLARATION, PROLOG, EPILOG */
        if (*in->p == '<') return take_markup(xml, in, out);
        if (!is_space(*in->p)) return MS_BAD;
        skip_space(in);
        return MS_MORE;
    }
}

int ms_xml_next(ms_xml *xml, ms_span *in, ms_xml_event *out) {
    while (in->n > 0) {
        size_t before = in->n;
        int state = xml->state, result = take(xml, in, out);
        if (result != MS_MORE) return result;
        if (in->n == before && xml->state == state) return MS_MORE;
    }
    return MS_MORE;
}

/* --- Escaping ---------------------------------------------------------------------------------*/

/* Reference for a byte that cannot stand in text, as S3 writes it; n == 0 for all others. CR is
 * among them: a reader would turn it into LF (2.11). */
static ms_span reference(char c, char buffer[6]) {
    switch (c) {
    case '&': return MS_LITERAL("&amp;");
    case '<': return MS_LITERAL("&lt;");
    case '>': return MS_LITERAL("&gt;");
    case '"': return MS_LITERAL("&quot;");
    default: break;
    }
    uint8_t code = (uint8_t)c;
    if (code >= 0x20 || c == '\t' || c == '\n') return (ms_span){buffer, 0};
    static const char digits[] = "0123456789ABCDEF";
    char *p = buffer;
    *p++ = '&';
    *p++ = '#';
    *p++ = 'x';
    if (code >= 16) *p++ = '1';
    *p++ = digits[code & 15];
    *p++ = ';';
    return (ms_span){buffer, (size_t)(p - buffer)};
}

size_t ms_xml_escaped_size(ms_span s) {
    size_t size = s.n;
    char buffer[6];
    for (size_t i = 0; i < s.n; i++) {
        size_t n = reference(s.p[i], buffer).n;
        if (MS_UNLIKELY(n > 0)) size += n - 1;
    }
    return size;
}

char *ms_xml_escape(ms_span s, char *out) {
    char buffer[6];
    for (size_t i = 0; i < s.n; i++) {
        ms_span escaped = reference(s.p[i], buffer);
        if (MS_LIKELY(escaped.n == 0)) {
            *out++ = s.p[i];
        } else {
            memcpy(out, escaped.p, escaped.n);
            out += escaped.n;
        }
    }
    return out;
}
