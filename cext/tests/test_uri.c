/* Percent-coding, the order of queries, targets and sets of names. */
#include "check.h"
#include "ms_names.h"
#include "ms_target.h"
#include "ms_uri.h"

static void test_coding(void) {
    char all[256], encoded[768], decoded[768];
    for (int c = 0; c < 256; c++) all[c] = (char)c;
    ms_span s = guarded((ms_span){all, sizeof all});
    size_t size = ms_uri_encoded_size(s, false), back;
    CHECK(size == 66 + 3 * (256 - 66));
    CHECK(ms_uri_encode(s, false, encoded) == encoded + size);
    CHECK(ms_uri_encoded_size(s, true) == size - 2);
    CHECK(ms_uri_decode(guarded((ms_span){encoded, size}), false, decoded, &back) == MS_OK);
    CHECK(back == 256 && memcmp(decoded, all, 256) == 0);

    static const char *const bad[] = {"%", "%4", "a%zz", "%4g", "%%41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(ms_uri_decode(guarded(text_span(bad[i])), false, decoded, &back) == MS_BAD);
    CHECK(ms_uri_decode(guarded(MS_LITERAL("a+b%2B")), true, decoded, &back) == MS_OK);
    CHECK(ms_equal((ms_span){decoded, back}, MS_LITERAL("a b+")));
}

static void test_query(void) {
    ms_pair pairs[4];
    size_t n;
    ms_span query = guarded(MS_LITERAL("b=2&a-b=1&&a=1=1&b"));
    CHECK(ms_query_split(query, pairs, 4, &n) == MS_OK && n == 4);
    ms_query_sort(pairs, n, false); /* by name first: "a" before "a-b", although "=" > "-" */
    CHECK_SPAN(pairs[0].name, "a");
    CHECK_SPAN(pairs[0].value, "1=1");
    CHECK_SPAN(pairs[1].name, "a-b");
    CHECK_SPAN(pairs[2].value, "");
    CHECK_SPAN(pairs[3].value, "2");
    CHECK(ms_query_split(query, pairs, 3, &n) == MS_BAD);
}

/* The order of encoded forms, against encoding both and comparing the bytes. */
static void test_encoded_order(void) {
    char a[2], b[2], x[6], y[6];
    for (int c = 0; c < 256; c++)
        for (int d = 0; d < 256; d++) {
            a[0] = (char)c, b[0] = (char)d, a[1] = b[1] = 'z';
            ms_span p = {a, 2}, q = {b, 1};
            if (c == '+' || d == '+' || c == '%' || d == '%') continue; /* not bytes but codes */
            ms_span ep = {x, (size_t)(ms_uri_encode(p, false, x) - x)};
            ms_span eq = {y, (size_t)(ms_uri_encode(q, false, y) - y)};
            ms_pair pairs[2] = {{p, q}, {q, p}};
            ms_query_sort(pairs, 2, true);
            CHECK((pairs[0].name.p == a) == (ms_compare(ep, eq) < 0));
        }
}

static void test_long_query(void) {
    enum { N = 300 };
    char text[N * 4];
    ms_pair pairs[N];
    size_t n;
    for (size_t i = 0; i < N; i++) {
        text[4 * i] = (char)('a' + (N - i) % 26);
        text[4 * i + 1] = '=';
        text[4 * i + 2] = (char)('a' + i % 7);
        text[4 * i + 3] = '&';
    }
    CHECK(ms_query_split(guarded((ms_span){text, sizeof text}), pairs, N, &n) == MS_OK && n == N);
    ms_query_sort(pairs, n, false);
    for (size_t i = 1; i < n; i++) {
        int order = ms_compare(pairs[i - 1].name, pairs[i].name);
        CHECK(order < 0 || (order == 0 && ms_compare(pairs[i - 1].value, pairs[i].value) <= 0));
    }
}

static void test_target(void) {
    ms_target t;
    CHECK(ms_target_split(guarded(MS_LITERAL("//b//k/?a?b")), false, &t) == MS_OK);
    CHECK_SPAN(t.path, "//b//k/");
    CHECK_SPAN(t.query, "a?b");
    CHECK_SPAN(t.bucket, "b");
    CHECK_SPAN(t.key, "/k/");
    CHECK(ms_target_split(guarded(MS_LITERAL("//b//k/")), true, &t) == MS_OK);
    CHECK_SPAN(t.bucket, "");
    CHECK_SPAN(t.key, "/b//k/");
    CHECK(ms_target_split(guarded(MS_LITERAL("/")), false, &t) == MS_OK);
    CHECK_SPAN(t.bucket, "");
    CHECK_SPAN(t.key, "");
    CHECK(ms_target_split(guarded(MS_LITERAL("/b%2Fk")), false, &t) == MS_OK);
    CHECK_SPAN(t.bucket, "b%2Fk");
    CHECK(ms_target_split(guarded(MS_LITERAL("")), false, &t) == MS_BAD);
    CHECK(ms_target_split(guarded(MS_LITERAL("b")), false, &t) == MS_BAD);
    CHECK(ms_target_split(guarded(MS_LITERAL("/b?a#c")), false, &t) == MS_BAD);
}

static void test_names(void) {
    static const ms_span names[] = {{"range", 5}, {"etag", 4}, {"if-match", 8}, {"age", 3}};
    static const ms_span prefixes[] = {{"x-amz-", 6}};
    ms_span slots[64] = {{NULL, 0}};
    ms_names set;
    CHECK(ms_names_slots(4) <= 64);
    ms_names_build(&set, slots, names, 4, prefixes, 1);
    for (size_t i = 0; i < 4; i++) CHECK(ms_names_has(&set, guarded(names[i])));
    CHECK(ms_names_has(&set, guarded(MS_LITERAL("x-amz-date"))));
    CHECK(ms_names_has(&set, guarded(MS_LITERAL("x-amz-"))));
    CHECK(!ms_names_has(&set, guarded(MS_LITERAL("x-amz"))));
    CHECK(!ms_names_has(&set, guarded(MS_LITERAL("rangf"))));
    CHECK(!ms_names_has(&set, guarded(MS_LITERAL(""))));
}

int main(void) {
    test_coding();
    test_query();
    test_encoded_order();
    test_long_query();
    test_target();
    test_names();
    return passed(__FILE__);
}
