/* A mutation fuzzer with a fixed seed and bounded rounds: samples are cut, spliced and changed, and
 * every parser must answer one of its codes without touching a byte that is not its own. What
 * it accepts must hold what the header files promise.
 *
 *   fuzz_parsers [ROUNDS [SEED]] */
#include "check.h"
#include "ms_chars.h"
#include "ms_chunked.h"
#include "ms_sigv4.h"
#include "ms_target.h"
#include "ms_uri.h"
#include "ms_xml.h"

static uint64_t state = 1;

static size_t below(size_t n) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n == 0 ? 0 : (size_t)(state % n);
}

#define MAC "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static char signed_body[512]; /* see sign_body() */
static const char *const samples[] = {
    "GET /b/k?a=1&b HTTP/1.1\r\nHost: h:80\r\nContent-Length: 12\r\nx-amz-meta-a_b: c d\r\n\r\n",
    "PUT http://h/x HTTP/1.0\r\nhost: h\r\nConnection: close, te\r\nExpect: 100-continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nETag: \"a\"\r\n\r\n",
    "//bucket/a%2Fb//%C3%A9?list-type=2&prefix=a+b&prefix&%41=#",
    "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" MAC,
    "5\r\nhello\r\n00A\r\n wo\r\nrld!!\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\n\r\n\r\n",
    signed_body,
    "<?xml version='1.0' encoding=\"UTF-8\"?><a xmlns='b'><k>x&amp;&#x1;</k><![CDATA[]]><!-- --></a>",
};
enum { SAMPLES = sizeof samples / sizeof *samples, ROOM = 1024 };

static size_t mutate(char *out) {
    static const char special[] = "\r\n\t :;,=/%&<>\"'#?_-+[]!\0\x7f\xff" "09aAzZ";
    ms_span s = text_span(samples[below(SAMPLES)]);
    size_t n = s.n;
    memcpy(out, s.p, n);
    for (size_t edits = below(4); edits > 0 && n > 0; edits--) {
        size_t at = below(n), count = below(n - at) + 1;
        switch (below(5)) {
        case 0: /* change */
            out[at] = special[below(sizeof special)];
            break;
        case 1: /* remove */
            if (count > 8) count = 8;
            memmove(out + at, out + at + count, n - at - count);
            n -= count;
            break;
        case 2: /* repeat */
            if (n + count > ROOM / 2) break;
            memmove(out + at + count, out + at, n - at);
            n += count;
            break;
        case 3: { /* splice another sample */
            ms_span other = text_span(samples[below(SAMPLES)]);
            size_t from = below(other.n), take = other.n - from;
            if (at + take > ROOM / 2) break;
            memcpy(out + at, other.p + from, take);
            n = at + take;
            break;
        }
        default: /* cut */
            n = at;
        }
    }
    return n;
}

static void try_heads(ms_span in) {
    ms_field fields[8];
    ms_head head;
    ms_head_fault why;
    ms_head_caps caps = {ROOM, 64, 8};
    for (int kind = 0; kind < 3; kind++) {
        int verdict =
            kind == 0 ? ms_head_scan_request(in, &caps, fields, &head, &why)
                      : ms_head_scan_response(in, kind == 2, &caps, fields, &head, &why);
        CHECK(verdict >= MS_OK && verdict <= MS_BAD);
        CHECK((verdict == MS_BAD) == (why != MS_HEAD_FINE));
        if (verdict != MS_OK && verdict != MS_OTHER) continue;
        CHECK(head.size <= in.n && memcmp(in.p + head.size - 4, "\r\n\r\n", 4) == 0);
        CHECK(!(head.chunked && head.content_length >= 0));
        char copy[ROOM];
        memcpy(copy, in.p, head.size);
        ms_head_lower_names(copy, &head);
        for (uint32_t i = 0; i < head.n_fields; i++) {
            ms_span name = ms_ref_span(copy, head.fields[i].name);
            ms_span value = ms_ref_span(copy, head.fields[i].value);
            CHECK(ms_all(name, MS_C_TOKEN) && !ms_breaks_line(value));
            CHECK(value.n == ms_trim(value).n);
            CHECK(ms_head_find(copy, &head, name, 0) <= i);
        }
        ms_auth_fault fault;
        ms_span about;
        ms_signed_check(copy, &head, in, &fault, &about);
    }
}

static void try_target(ms_span in) {
    ms_target t;
    if (ms_target_split(in, below(2) == 0, &t) != MS_OK) return;
    ms_pair pairs[16];
    size_t n, size;
    char decoded[ROOM];
    if (ms_uri_decode(t.key, false, decoded, &size) == MS_OK) CHECK(size <= t.key.n);
    if (ms_query_split(t.query, pairs, 16, &n) != MS_OK) return;
    ms_query_sort(pairs, n, below(2) == 0);
    for (size_t i = 0; i < n; i++)
        CHECK(pairs[i].name.p >= t.query.p &&
              pairs[i].value.p + pairs[i].value.n <= t.query.p + t.query.n);
}

static void try_authorization(ms_span in) {
    ms_authorization auth;
    ms_auth_fault why;
    ms_span about;
    if (ms_authorization_parse(in, &auth, &why, &about) != MS_OK) return;
    char hex[MS_SHA256_HEX];
    ms_sha256_hex(auth.mac, hex);
    CHECK(ms_equal((ms_span){hex, sizeof hex}, auth.signature));
    CHECK(auth.date.n == 8 && auth.access_key_id.n > 0);
}

static long whole[2]; /* bodies read to their end: unsigned, signed */

static ms_chain new_chain(void) {
    static ms_hmac key;
    ms_hmac_key(&key, MS_LITERAL("key"));
    return (ms_chain){&key, MS_LITERAL("20130524T000000Z"), MS_LITERAL("scope"), {0}};
}

/* "hello" and a trailer with signatures that hold, so that mutations reach what is behind them. */
static void sign_body(void) {
    ms_chain chain = new_chain();
    uint8_t hash[MS_SHA256_SIZE];
    char *p = signed_body;
    ms_sha256_of(MS_LITERAL("hello"), hash);
    ms_chain_chunk(&chain, hash);
    p = stpcpy(ms_chunked_head(5, chain.last, p), "hello\r\n");
    ms_sha256_of(MS_LITERAL(""), hash);
    ms_chain_chunk(&chain, hash);
    p = stpcpy(ms_chunked_head(0, chain.last, p), "a:b\r\nx-amz-trailer-signature:");
    ms_sha256_of(MS_LITERAL("a:b\n"), hash);
    ms_chain_trailer(&chain, hash);
    memcpy(p, chain.last, sizeof chain.last);
    stpcpy(p + sizeof chain.last, "\r\n\r\n");
}

static void try_chunked(ms_span in) {
    ms_chain chain = new_chain();
    bool is_signed = below(2) == 0;
    uint64_t length = 5 * below(4);
    ms_chunked c;
    ms_chunked_event e;
    ms_chunked_init(&c, length, below(2) * 8, below(2) == 0, is_signed ? &chain : NULL);
    int result = MS_MORE, ends = 0;
    while (in.n > 0 && result != MS_BAD) {
        size_t n = below(in.n) + 1;
        ms_span piece = {in.p, n};
        while ((result = ms_chunked_next(&c, &piece, &e)) == MS_OK) {
            CHECK(piece.p <= in.p + n && piece.p + piece.n == in.p + n);
            if (e.kind == MS_CHUNKED_DATA)
                CHECK(e.data.n > 0 && e.data.p >= in.p && e.data.p + e.data.n == piece.p);
            else if (e.kind == MS_CHUNKED_FIELD)
                CHECK(ms_all(e.name, MS_C_TOKEN) && ms_all(e.value, MS_C_VALUE));
            else
                ends++;
        }
        CHECK(result == MS_BAD || piece.n == 0);
        in.p += n;
        in.n -= n;
    }
    CHECK((result == MS_BAD) == (c.fault != MS_CHUNKED_FINE));
    CHECK(c.decoded <= length && ends <= 1);
    if (ms_chunked_whole(&c)) {
        CHECK(ends == 1 && c.decoded == length && result == MS_MORE);
        whole[is_signed]++;
    }
}

static void try_xml(ms_span in) {
    char text[32], names[64];
    size_t starts[4];
    ms_xml xml;
    ms_xml_event event;
    ms_xml_init(&xml, text, sizeof text, names, sizeof names, starts, 4);
    int result, depth = 0;
    while ((result = ms_xml_next(&xml, &in, &event)) == MS_OK) {
        depth += event.kind == MS_XML_START ? 1 : event.kind == MS_XML_END ? -1 : 0;
        CHECK(depth >= 0 && depth < 4 && event.name.n > 0 && event.text.n <= sizeof text);
        CHECK(ms_is_utf8(event.text));
    }
    CHECK(result == MS_MORE || result == MS_BAD);
    if (result == MS_MORE && ms_xml_whole(&xml)) CHECK(depth == 0);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 300000;
    if (argc > 2) state = strtoull(argv[2], NULL, 10) | 1;
    sign_body();
    char data[ROOM];
    for (long i = 0; i < rounds; i++) {
        ms_span in = guarded((ms_span){data, mutate(data)});
        try_heads(in);
        try_target(in);
        try_authorization(in);
        try_chunked(in);
        try_xml(in);
    }
    CHECK(rounds < 100000 || (whole[0] > 0 && whole[1] > 0));
    return passed(__FILE__);
}
