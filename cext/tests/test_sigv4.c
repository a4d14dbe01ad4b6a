/* SHA-256, HMAC and Signature Version 4 against values from the specifications. */
#include "check.h"
#include "ms_render.h"
#include "ms_sigv4.h"
#include "ms_target.h"
#include "ms_uri.h"

static bool is_hex(const uint8_t mac[MS_SHA256_SIZE], const char *want) {
    char hex[MS_SHA256_HEX];
    ms_sha256_hex(mac, hex);
    return memcmp(hex, want, sizeof hex) == 0;
}

/* FIPS 180-4 examples; the same bytes fed in all pieces of one size. */
static void test_sha256(void) {
    uint8_t mac[MS_SHA256_SIZE], same[MS_SHA256_SIZE];
    ms_sha256_of(MS_LITERAL("abc"), mac);
    CHECK(is_hex(mac, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    static char long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    ms_span s = {long_text, sizeof long_text};
    ms_sha256_of(s, mac);
    for (size_t step = 1; step < 1100; step += step < 10 ? 1 : 97) {
        ms_sha256 hash;
        ms_sha256_init(&hash);
        for (size_t i = 0; i < s.n; i += step) {
            if (step == 1) ms_sha256_byte(&hash, s.p[i]);
            else ms_sha256_update(&hash, (ms_span){s.p + i, s.n - i < step ? s.n - i : step});
        }
        ms_sha256_final(&hash, same);
        CHECK(ms_sha256_equal(mac, same));
    }
    same[31] ^= 1;
    CHECK(!ms_sha256_equal(mac, same));
}

/* RFC 4231, cases 2 and 6 (a key longer than a block). */
static void test_hmac(void) {
    uint8_t mac[MS_SHA256_SIZE];
    ms_hmac key;
    ms_hmac_key(&key, MS_LITERAL("Jefe"));
    ms_hmac_of(&key, MS_LITERAL("what do ya want for nothing?"), mac);
    CHECK(is_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    char secret[131];
    memset(secret, 0xaa, sizeof secret);
    ms_hmac_key(&key, (ms_span){secret, sizeof secret});
    ms_hmac_of(&key, MS_LITERAL("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
    CHECK(is_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

/* "Examples: signature calculations" in the S3 API reference. */
#define SCOPE "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
static const ms_span secret = {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 40};

static void key_of_example(ms_hmac *key) {
    ms_sigv4_key(secret, MS_LITERAL("20130524"), MS_LITERAL("us-east-1"), MS_LITERAL("s3"), key);
}

static bool verifies(const char *text) {
    static char copy[1024];
    ms_field fields[16];
    ms_head head;
    ms_head_fault bad;
    ms_head_caps caps = {sizeof copy, sizeof copy, 16};
    ms_span in = text_span(text);
    memcpy(copy, text, in.n);
    CHECK(ms_head_scan_request((ms_span){copy, in.n}, &caps, fields, &head, &bad) == MS_OK);
    ms_head_lower_names(copy, &head);
    uint32_t at = ms_head_find(copy, &head, MS_LITERAL("authorization"), 0);
    ms_authorization auth;
    ms_auth_fault why;
    ms_span about;
    CHECK(ms_authorization_parse(ms_ref_span(copy, head.fields[at].value), &auth, &why, &about) ==
          MS_OK);
    CHECK(ms_signed_check(copy, &head, auth.signed_headers, &why, &about) == MS_OK);
    ms_hmac key;
    key_of_example(&key);
    ms_pair pairs[8];
    ms_span query;
    ms_sigv4_request request = {.method = ms_method_names[head.method],
                                .payload = MS_LITERAL(EMPTY),
                                .amz_date = MS_LITERAL("20130524T000000Z"),
                                .scope = auth.scope};
    ms_target_cut(ms_ref_span(copy, head.target), &request.path, &query);
    CHECK(ms_query_split(query, pairs, 8, &request.n_pairs) == MS_OK);
    return ms_sigv4_verify(&key, &request, pairs, copy, &head, &auth);
}

#define EXAMPLE(target, fields, signed_headers, signature)                                         \
    "GET " target " HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n" fields                   \
    "x-amz-content-sha256: " EMPTY "\r\nx-amz-date: 20130524T000000Z\r\n"                          \
    "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=" signed_headers           \
    ",Signature=" signature "\r\n\r\n"
#define LIST_SIGNATURE "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"

static void test_verify(void) {
    CHECK(verifies(EXAMPLE("/test.txt", "Range:  bytes=0-9 \r\n",
                           "host;range;x-amz-content-sha256;x-amz-date",
                           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")));
    CHECK(verifies(EXAMPLE("/?max-keys=2&prefix=J", "", "host;x-amz-content-sha256;x-amz-date",
                           LIST_SIGNATURE)));
    /* Another order and another spelling have the same canonical form. */
    CHECK(verifies(EXAMPLE("/?prefix=%4a&max-keys=2", "", "host;x-amz-content-sha256;x-amz-date",
                           LIST_SIGNATURE)));
    CHECK(!verifies(EXAMPLE("/?max-keys=2&prefix=K", "", "host;x-amz-content-sha256;x-amz-date",
                            LIST_SIGNATURE)));
}

/* Two blanks inside a value count as one. */
static void test_fold(void) {
    ms_hmac key;
    key_of_example(&key);
    ms_sigv4_request request = {.method = MS_LITERAL("GET"),
                                .path = MS_LITERAL("/"),
                                .payload = MS_LITERAL(EMPTY),
                                .amz_date = MS_LITERAL("20130524T000000Z"),
                                .scope = MS_LITERAL("20130524/us-east-1/s3/aws4_request")};
    ms_pair plain[] = {{MS_LITERAL("host"), MS_LITERAL("h")},
                       {MS_LITERAL("x-amz-meta-a"), MS_LITERAL("a b")}};
    ms_pair spaced[] = {{MS_LITERAL("host"), MS_LITERAL(" h\t")},
                        {MS_LITERAL("x-amz-meta-a"), MS_LITERAL("a \t b")}};
    uint8_t a[MS_SHA256_SIZE], b[MS_SHA256_SIZE];
    ms_sigv4_of_fields(&key, &request, plain, 2, a);
    ms_sigv4_of_fields(&key, &request, spaced, 2, b);
    CHECK(ms_sha256_equal(a, b));
}

#define FINE "Credential=AK/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=" EMPTY

static void test_authorization(void) {
    static const struct {
        const char *text;
        ms_auth_fault why;
    } bad[] = {
        {"AWS AK:x", MS_AUTH_SIGV2},
        {"AWS4-ECDSA-P256-SHA256 x", MS_AUTH_SIGV4A},
        {"Basic x", MS_AUTH_SCHEME},
        {"", MS_AUTH_SCHEME},
        {"AWS4-HMAC-SHA256", MS_AUTH_FIELDS},
        {"AWS4-HMAC-SHA256 " FINE ",", MS_AUTH_FIELDS},
        {"AWS4-HMAC-SHA256 " FINE ", X=1", MS_AUTH_FIELDS},
        {"AWS4-HMAC-SHA256 " FINE ", Signature=" EMPTY, MS_AUTH_TWICE},
        {"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" EMPTY, MS_AUTH_FIELDS},
        {"AWS4-HMAC-SHA256 Credential=AK/2013052/r/s3/aws4_request,SignedHeaders=h,Signature=x",
         MS_AUTH_CREDENTIAL},
        {"AWS4-HMAC-SHA256 Credential=A/B/20130524/r/s3/aws4_request,SignedHeaders=h,Signature=x",
         MS_AUTH_CREDENTIAL},
        {"AWS4-HMAC-SHA256 Credential=/20130524/r/s3/aws4_request,SignedHeaders=h,Signature=x",
         MS_AUTH_CREDENTIAL},
        {"AWS4-HMAC-SHA256 Credential=AK/20130524/r/s3/aws4_request,SignedHeaders=h,Signature=E3",
         MS_AUTH_SIGNATURE},
    };
    ms_authorization auth;
    ms_auth_fault why;
    ms_span about;
    CHECK(ms_authorization_parse(guarded(MS_LITERAL("AWS4-HMAC-SHA256  " FINE)), &auth, &why,
                                 &about) == MS_OK);
    CHECK_SPAN(auth.scope, "20130524/r/s3/aws4_request");
    CHECK_SPAN(auth.access_key_id, "AK");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(ms_authorization_parse(guarded(text_span(bad[i].text)), &auth, &why, &about) ==
              MS_BAD);
        CHECK(why == bad[i].why);
    }
}

static void test_signed_headers(void) {
    static const struct {
        const char *fields;
        const char *names;
        ms_auth_fault why;
    } bad[] = {
        {"host: h\r\n", "Host", MS_AUTH_NAMES},
        {"host: h\r\n", "host;", MS_AUTH_NAMES},
        {"host: h\r\n", "", MS_AUTH_NAMES},
        {"host: h\r\na: b\r\n", "host;a", MS_AUTH_ORDER},
        {"host: h\r\n", "host;host", MS_AUTH_ORDER},
        {"host: h\r\nx-amz-date: 1\r\nx-amz-date: 1\r\n", "host;x-amz-date", MS_AUTH_REPEATED},
        {"host: h\r\n", "host;range", MS_AUTH_ABSENT},
        {"host: h\r\nrange: a\r\n", "range", MS_AUTH_UNSIGNED},
        {"host: h\r\nx-amz-acl: a\r\n", "host", MS_AUTH_UNSIGNED},
        {"host: h\r\ncontent-md5: a\r\n", "host", MS_AUTH_UNSIGNED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", bad[i].fields);
        ms_field fields[8];
        ms_head head;
        ms_head_fault fault;
        ms_head_caps caps = {256, 256, 8};
        CHECK(ms_head_scan_request((ms_span){text, (size_t)n}, &caps, fields, &head, &fault) ==
              MS_OK);
        ms_auth_fault why;
        ms_span about;
        CHECK(ms_signed_check(text, &head, guarded(text_span(bad[i].names)), &why, &about) ==
              MS_BAD);
        CHECK(why == bad[i].why);
    }
}

/* What is written verifies, and stays within its bound. */
static void test_render(void) {
    ms_hmac key;
    key_of_example(&key);
    ms_span credential = MS_LITERAL(SCOPE);
    ms_signing signing = {.key = &key,
                          .credential = credential,
                          .scope = {credential.p + 21, credential.n - 21},
                          .token = MS_LITERAL("token"),
                          .payload = MS_LITERAL(EMPTY),
                          .amz_date = MS_LITERAL("20130524T000000Z")};
    ms_pair fields[] = {{MS_LITERAL("if-match"), MS_LITERAL("\"e\"")},
                        {MS_LITERAL("range"), MS_LITERAL("bytes=0-1")},
                        {MS_LITERAL("x-amz-meta-a"), MS_LITERAL("1")},
                        {MS_LITERAL("x-amz-meta-a"), MS_LITERAL("2")}};
    ms_outbound request = {MS_LITERAL("GET"), MS_LITERAL("/b/k?a=1&b="), MS_LITERAL("h"),
                           fields, 4, INT64_MAX, &signing};
    ms_pair scratch[8], query[4];
    size_t bound = ms_render_request_bound(&request);
    char *out = malloc(bound + 1), *end = ms_render_request(&request, scratch, query, 4, out);
    CHECK(end != NULL && (size_t)(end - out) <= bound);
    *end = 0;
    CHECK(strstr(out, "content-length: 9223372036854775807\r\n") != NULL);
    CHECK(strstr(out, "SignedHeaders=host;if-match;x-amz-content-sha256;x-amz-date;x-amz-meta-a;"
                      "x-amz-security-token, ") != NULL);
    CHECK(verifies(out));
    CHECK(ms_render_request(&request, scratch, query, 1, out) == NULL);
    free(out);

    char response[256];
    CHECK(ms_render_response_bound(fields, 1) <= sizeof response);
    end = ms_render_response(206, fields, 1, response);
    CHECK(ms_equal((ms_span){response, (size_t)(end - response)},
                   MS_LITERAL("HTTP/1.1 206 Partial Content\r\nif-match: \"e\"\r\n\r\n")));
}

int main(void) {
    test_sha256();
    test_hmac();
    test_verify();
    test_fold();
    test_authorization();
    test_signed_headers();
    test_render();
    return passed(__FILE__);
}
