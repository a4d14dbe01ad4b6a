/* aws-chunked: bodies whole, cut in two at every byte, and byte by byte; what must be refused. */
#include "check.h"
#include "ms_chars.h"
#include "ms_chunked.h"
#include "ms_sigv4.h"

#define DATE "20130524T000000Z"
#define SCOPE "20130524/us-east-1/s3/aws4_request"

/* The examples of "Transferring Payload in Multiple Chunks" and "... Including Trailing Headers" in
 * the Amazon S3 API reference: 65 KiB of 'a' in chunks of 64 KiB. (The second page shows another
 * signature of its trailer, which does not follow from its own string to sign.) */
static const char seed[] = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
static const char *const macs[] = {
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
};
static const char trailer_seed[] =
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
static const char *const trailer_macs[] = {
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
};
#define TRAILER "x-amz-checksum-crc32c:sOO8/Q=="
#define TRAILER_MAC "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"

static ms_hmac key;

static ms_chain chain_from(const char *first) {
    ms_chain chain = {&key, MS_LITERAL(DATE), MS_LITERAL(SCOPE), {0}};
    memcpy(chain.last, first, MS_SHA256_HEX);
    return chain;
}

typedef struct {
    ms_chunked c;
    ms_chain chain;
    size_t data_n; /* decoded so far, and its hash */
    ms_sha256 data;
    char fields[256]; /* "name=value;" of each */
    int ends;
} reader;

static void start(reader *r, uint64_t length, uint64_t floor, bool trailing, const char *first) {
    if (first != NULL) r->chain = chain_from(first);
    ms_chunked_init(&r->c, length, floor, trailing, first == NULL ? NULL : &r->chain);
    r->data_n = 0;
    ms_sha256_init(&r->data);
    r->fields[0] = 0;
    r->ends = 0;
}

/* `in` lies at the edge of an unreadable page, or is large and lies where it lies. */
static int feed(reader *r, ms_span in) {
    ms_chunked_event e;
    ms_span rest = in;
    int result;
    while ((result = ms_chunked_next(&r->c, &rest, &e)) == MS_OK) {
        if (e.kind == MS_CHUNKED_DATA) {
            CHECK(e.data.n > 0 && e.data.p >= in.p && e.data.p + e.data.n <= rest.p);
            ms_sha256_update(&r->data, e.data);
            r->data_n += e.data.n;
        } else if (e.kind == MS_CHUNKED_FIELD) {
            size_t n = strlen(r->fields);
            snprintf(r->fields + n, sizeof r->fields - n, "%.*s=%.*s;", (int)e.name.n, e.name.p,
                     (int)e.value.n, e.value.p);
        } else {
            r->ends++;
        }
    }
    CHECK(result == MS_BAD || rest.n == 0);
    CHECK((result == MS_BAD) == (r->c.fault != MS_CHUNKED_FINE));
    CHECK(r->c.decoded == r->data_n);
    return result;
}

static bool hashes_to(reader *r, ms_span data) {
    uint8_t got[MS_SHA256_SIZE], expected[MS_SHA256_SIZE];
    ms_sha256_final(&r->data, got);
    ms_sha256_of(data, expected);
    return ms_sha256_equal(got, expected);
}

/* Reads `body`, cut at every byte and then byte by byte, as `data` and `fields`. */
static void reads(const char *body, const char *data, bool trailing, const char *fields) {
    static reader r;
    ms_span s = text_span(body), d = text_span(data);
    for (size_t cut = 0; cut <= s.n + 1; cut++) {
        start(&r, d.n, 0, trailing, NULL);
        if (cut <= s.n) {
            CHECK(feed(&r, guarded((ms_span){s.p, cut})) == MS_MORE);
            CHECK(feed(&r, guarded((ms_span){s.p + cut, s.n - cut})) == MS_MORE);
        } else {
            for (size_t i = 0; i < s.n; i++)
                CHECK(feed(&r, guarded((ms_span){s.p + i, 1})) == MS_MORE);
        }
        CHECK(ms_chunked_whole(&r.c) && r.ends == 1);
        CHECK(hashes_to(&r, d) && strcmp(r.fields, fields) == 0);
        CHECK(feed(&r, MS_LITERAL("x")) == MS_BAD && !ms_chunked_whole(&r.c));
        CHECK(feed(&r, MS_LITERAL("")) == MS_BAD); /* and stays so */
    }
}

static void refuses(const char *body, uint64_t length, uint64_t floor, bool trailing,
                    ms_chunked_fault fault) {
    static reader r;
    ms_span s = text_span(body);
    for (size_t cut = 0; cut <= s.n; cut++) {
        start(&r, length, floor, trailing, NULL);
        if (feed(&r, guarded((ms_span){s.p, cut})) == MS_MORE)
            CHECK(feed(&r, guarded((ms_span){s.p + cut, s.n - cut})) == MS_BAD);
        CHECK(r.c.fault == fault);
    }
}

static void unsigned_bodies(void) {
    reads("0\r\n\r\n", "", true, "");
    reads("5\r\nhello\r\n0\r\n\r\n", "hello", false, "");
    reads("B\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n", "hello world", true,
          "x-amz-checksum-crc32=DUoRhQ==;");
    reads("000000000000000b\r\nhello world\r\n00\r\n\r\n", "hello world", true, "");
    reads("3\r\na\r\n\r\n2\r\n\n0\r\n0\r\nA:  b c\t\r\nb:c\r\n\r\n", "a\r\n\n0", true, "a=b c;b=c;");
    /* minio-go: with its last CRLF, and as some clients end, without */
    reads("1\r\nx\r\n0\r\na:b\n\r\n\r\n", "x", true, "a=b;");
    static reader r;
    start(&r, 1, 0, true, NULL);
    CHECK(feed(&r, MS_LITERAL("1\r\nx\r\n0\r\na:b\nc:d\n\r\n")) == MS_MORE);
    CHECK(ms_chunked_whole(&r.c) && strcmp(r.fields, "a=b;c=d;") == 0);
    CHECK(feed(&r, MS_LITERAL("\r")) == MS_MORE && !ms_chunked_whole(&r.c));
    CHECK(feed(&r, MS_LITERAL("\n")) == MS_MORE && ms_chunked_whole(&r.c));
}

static void unsigned_refusals(void) {
    static const char *const frames[] = {
        "\r\n",    "x\r\n",     "-1\r\n",     "+1\r\n", " 5\r\n",           "5 \r\nhello",
        "0x5\r\n", "5\nhello",  "5\r\r",      "5;a=b",  ";\r\n",            "5\r\nhelloX",
        "5\r\nhello\n",         "5\r\nhello\r\r",       "00000000000000005\r\nhello",
        "5\r\nhello\r\n0\r\n\n", "5\r\nhello\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        refuses(frames[i], 5, 0, true, MS_CHUNKED_FRAME);
    refuses("6\r\nhello!\r\n", 5, 0, true, MS_CHUNKED_LENGTH);
    refuses("ffffffffffffffff\r\n", 5, 0, true, MS_CHUNKED_LENGTH); /* no overflow, no wait */
    refuses("3\r\nhel\r\n3\r\n", 5, 0, true, MS_CHUNKED_LENGTH);
    refuses("3\r\nhel\r\n0\r\n", 5, 0, true, MS_CHUNKED_LENGTH);
    refuses("3\r\nhel\r\n2\r\nlo", 5, 8192, true, MS_CHUNKED_SMALL);
    refuses("5\r\nhello\r\n1\r\n", 5, 8192, true, MS_CHUNKED_SMALL); /* S3 sees the floor first */
    static const char *const trailers[] = {
        "0\r\na\r\n", "0\r\n:b\r\n", "0\r\na:\r\n", "0\r\na :b\r\n", "0\r\na:b\rc\r\n",
        "0\r\na:b\x01\r\n", "0\r\n a:b\r\n",
    };
    for (size_t i = 0; i < sizeof trailers / sizeof *trailers; i++)
        refuses(trailers[i], 0, 0, true, MS_CHUNKED_TRAILER);
    refuses("0\r\na:b\r\n", 0, 0, false, MS_CHUNKED_TRAILER);
    refuses("0\r\n\r\n\r\n", 0, 0, true, MS_CHUNKED_AFTER);
    refuses("0\r\na:b\r\n\r\n0", 0, 0, true, MS_CHUNKED_AFTER);
    refuses("0\r\na:b\n\r\n\r\n\r", 0, 0, true, MS_CHUNKED_AFTER);
    refuses("0\r\na:b\n\r\nx", 0, 0, true, MS_CHUNKED_FRAME);
}

static void trailer_cap(void) {
    static char body[MS_CHUNKED_TRAILERS + 8];
    for (size_t size = MS_CHUNKED_TRAILERS - 1; size <= MS_CHUNKED_TRAILERS + 1; size++) {
        /* "0\r\n", "a:", filling, "\r\n\r\n": the section has `size` bytes */
        memset(body, 'b', sizeof body);
        memcpy(body, "0\r\na:", 5);
        memcpy(body + 3 + size - 4, "\r\n\r\n", 4);
        static reader r;
        start(&r, 0, 0, true, NULL);
        int result = feed(&r, guarded((ms_span){body, 3 + size}));
        CHECK(result == (size <= MS_CHUNKED_TRAILERS ? MS_MORE : MS_BAD));
    }
    static reader r; /* the same line without an end */
    start(&r, 0, 0, true, NULL);
    CHECK(feed(&r, MS_LITERAL("0\r\na:")) == MS_MORE);
    for (size_t i = 2; i < MS_CHUNKED_TRAILERS; i++) CHECK(feed(&r, MS_LITERAL("b")) == MS_MORE);
    CHECK(feed(&r, MS_LITERAL("b")) == MS_BAD && r.c.fault == MS_CHUNKED_TRAILER);
}

enum { LENGTH = 66560, CHUNK = 65536 };

static char *put(char *out, const char *text) {
    size_t n = strlen(text);
    memcpy(out, text, n);
    return out + n;
}

/* The documents' body with these signatures, and `ending` in place of the last CRLF. */
static ms_span example(const char *const mac[3], const char *ending) {
    static char body[LENGTH + 1024];
    char *p = put(put(put(body, "10000;chunk-signature="), mac[0]), "\r\n");
    memset(p, 'a', CHUNK);
    p = put(put(put(p + CHUNK, "\r\n400;chunk-signature="), mac[1]), "\r\n");
    memset(p, 'a', LENGTH - CHUNK);
    p = put(put(put(p + LENGTH - CHUNK, "\r\n0;chunk-signature="), mac[2]), "\r\n");
    p = put(p, ending);
    return (ms_span){body, (size_t)(p - body)};
}

static void signed_examples(void) {
    static reader r;
    static char data[LENGTH];
    memset(data, 'a', sizeof data);
    ms_span all = {data, sizeof data}, body = example(macs, "\r\n");
    for (size_t piece = 1; piece <= body.n; piece = piece * 3 + 1) {
        start(&r, LENGTH, 8192, false, seed);
        for (size_t at = 0; at < body.n; at += piece)
            CHECK(feed(&r, (ms_span){body.p + at, body.n - at < piece ? body.n - at : piece}) ==
                  MS_MORE);
        CHECK(ms_chunked_whole(&r.c) && r.ends == 1 && hashes_to(&r, all));
    }
    /* Each byte of each header changed, and of the data some: the last of it never comes out. */
    for (size_t at = 0; at < body.n; at += at > 100 && at < 65000 ? 977 : 1) {
        char *byte = (char *)body.p + at;
        *byte ^= 1;
        start(&r, LENGTH, 8192, false, seed);
        CHECK(feed(&r, body) == MS_BAD || (at == body.n - 1 && !ms_chunked_whole(&r.c)));
        CHECK(r.data_n < LENGTH || at >= body.n - 2 - 84 - 2); /* behind the data */
        *byte ^= 1;
    }
    static const char *const endings[] = {
        TRAILER "\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n",
        TRAILER "\n\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n", /* minio-go */
        "X-Amz-Checksum-CRC32C: sOO8/Q== \r\nX-Amz-Trailer-Signature: " TRAILER_MAC "\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        body = example(trailer_macs, endings[i]);
        start(&r, LENGTH, 8192, true, trailer_seed);
        CHECK(feed(&r, body) == MS_MORE && ms_chunked_whole(&r.c));
        CHECK(strcmp(r.fields, "x-amz-checksum-crc32c=sOO8/Q==;") == 0);
    }
}

static void signed_refusals(void) {
    static reader r;
    static const struct {
        const char *ending;
        ms_chunked_fault fault;
    } cases[] = {
        {"\r\n", MS_CHUNKED_TRAILER}, /* no signature */
        {TRAILER "\r\n\r\n", MS_CHUNKED_TRAILER},
        {TRAILER "\n\r\n\r\n", MS_CHUNKED_TRAILER},
        {"x-amz-checksum-crc32c:sOO8/R==\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n",
         MS_CHUNKED_SIGNATURE},
        {"x-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n", MS_CHUNKED_SIGNATURE},
        {TRAILER "\r\nx-amz-trailer-signature:D81F82FC3505EDAB99D459891051A732E8730629A2E4A59689829CA1"
                 "7FE2E435\r\n\r\n", MS_CHUNKED_SIGNATURE},
        {TRAILER "\r\nx-amz-trailer-signature:d81f\r\n\r\n", MS_CHUNKED_TRAILER},
        {TRAILER "\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\na:b\r\n", MS_CHUNKED_TRAILER},
        {TRAILER "\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n\r\n", MS_CHUNKED_AFTER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(&r, LENGTH, 8192, true, trailer_seed);
        CHECK(feed(&r, example(trailer_macs, cases[i].ending)) == MS_BAD);
        CHECK(r.c.fault == cases[i].fault && r.ends <= 1 && r.data_n == LENGTH);
    }
    start(&r, LENGTH, 8192, false, seed); /* trailers that nobody may send */
    CHECK(feed(&r, example(macs, TRAILER "\r\n\r\n")) == MS_BAD);
    CHECK(r.c.fault == MS_CHUNKED_TRAILER);
    static const char *const heads[] = {
        "400\r\n", "400;", "400;chunk-signature:", "400; chunk-signature=", "400;Chunk-signature=",
        "400;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648;",
        "400;chunk-signature=\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        start(&r, LENGTH, 0, false, seed);
        bool open = strcmp(heads[i], "400;") == 0; /* good so far */
        CHECK(feed(&r, guarded(text_span(heads[i]))) == (open ? MS_MORE : MS_BAD));
        CHECK(open || r.c.fault == MS_CHUNKED_FRAME);
    }
}

static void writing(void) {
    char out[MS_CHUNKED_HEAD];
    char *end = ms_chunked_head(0x10000, NULL, out);
    CHECK_SPAN(((ms_span){out, (size_t)(end - out)}), "10000\r\n");
    end = ms_chunked_head(0, NULL, out);
    CHECK_SPAN(((ms_span){out, (size_t)(end - out)}), "0\r\n");
    end = ms_chunked_head(UINT64_MAX, seed, out);
    CHECK(end == out + sizeof out && memcmp(out, "ffffffffffffffff;chunk-signature=4f23", 37) == 0);
    CHECK(ms_chunked_size(LENGTH, CHUNK, true, 0) == example(macs, "\r\n").n);
    CHECK(ms_chunked_size(LENGTH, CHUNK, true, sizeof TRAILER - 1 + 2 + 24 + 64 + 2) ==
          example(trailer_macs, TRAILER "\r\nx-amz-trailer-signature:" TRAILER_MAC "\r\n\r\n").n);
    CHECK(ms_chunked_size(0, 8192, false, 0) == 5);
    CHECK(ms_chunked_size(8192, 8192, false, 0) == 4 + 2 + 8192 + 2 + 5);
    CHECK(ms_chunked_size(8193, 8192, false, 0) == 4 + 2 + 8192 + 2 + 1 + 2 + 1 + 2 + 5);
}

int main(void) {
    ms_sigv4_key(MS_LITERAL("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), MS_LITERAL("20130524"),
                 MS_LITERAL("us-east-1"), MS_LITERAL("s3"), &key);
    unsigned_bodies();
    unsigned_refusals();
    trailer_cap();
    signed_examples();
    signed_refusals();
    writing();
    return passed(__FILE__);
}
