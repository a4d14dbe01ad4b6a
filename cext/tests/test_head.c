/* The head scanner: every prefix of every sample, whole samples, every cap at its edge. */
#include "check.h"
#include "ms_head.h"

enum { FIELDS = 16 };
static const ms_head_caps roomy = {4096, 1024, FIELDS};

static int request(ms_span in, const ms_head_caps *caps, ms_head *head, ms_head_fault *why) {
    static ms_field fields[FIELDS];
    return ms_head_scan_request(guarded(in), caps, fields, head, why);
}

static int response(const char *text, bool to_head, ms_head *head, ms_head_fault *why) {
    static ms_field fields[FIELDS];
    return ms_head_scan_response(guarded(text_span(text)), to_head, &roomy, fields, head, why);
}

#define GET "GET /b/k?x=1 HTTP/1.1\r\n"
#define HOST "Host: h:80\r\n"

static void test_ordinary(void) {
    const char *text = "\r\n" GET HOST "Content-Length: 12\r\nX-Empty:\r\n"
                       "expect: 100-Continue\r\nx-amz-meta-a_b:  v w \t\r\n\r\nbody";
    ms_head head;
    ms_head_fault why;
    ms_span in = text_span(text);
    CHECK(request(in, &roomy, &head, &why) == MS_OK && why == MS_HEAD_FINE);
    CHECK(head.size == in.n - 4 && head.method == MS_GET && head.version == 11);
    CHECK(head.content_length == 12 && head.keep_alive && head.expect_continue && !head.chunked);
    CHECK_SPAN(ms_ref_span(text, head.target), "/b/k?x=1");
    CHECK(head.n_fields == 5);
    CHECK_SPAN(ms_ref_span(text, head.fields[2].value), "");
    CHECK_SPAN(ms_ref_span(text, head.fields[4].value), "v w");

    char copy[256];
    memcpy(copy, text, in.n);
    ms_head_lower_names(copy, &head);
    uint32_t at = ms_head_find(copy, &head, MS_LITERAL("content-length"), 0);
    CHECK(at == 1);
    CHECK(ms_head_find(copy, &head, MS_LITERAL("content-length"), 2) == head.n_fields);

    for (size_t n = 0; n < head.size; n++)
        CHECK(request((ms_span){text, n}, &roomy, &head, &why) == MS_MORE);
}

typedef struct {
    const char *text;
    int verdict;
    ms_head_fault why;
} sample;

static const sample requests[] = {
    {GET HOST "\r\n", MS_OK, MS_HEAD_FINE},
    {GET HOST "Content-Length: 0\r\n\r\n", MS_OK, MS_HEAD_FINE},
    {GET HOST "Content-Length: 9223372036854775807\r\n\r\n", MS_OK, MS_HEAD_FINE},
    {GET "Host: [::1]:9000\r\nConnection: Close, TE\r\n\r\n", MS_OK, MS_HEAD_FINE},
    {GET HOST "A: \xff\tb\r\n\r\n", MS_OK, MS_HEAD_FINE},
    {GET HOST "Transfer-Encoding: chunked\r\n\r\n", MS_OTHER, MS_HEAD_FINE},
    {"GET / HTTP/1.0\r\n" HOST "\r\n", MS_OTHER, MS_HEAD_FINE},
    {"GET HTTP://h:80/x HTTP/1.1\r\n" HOST "\r\n", MS_OTHER, MS_HEAD_FINE},
    {"GET http://g/x HTTP/1.1\r\n" HOST "\r\n", MS_BAD, MS_HEAD_OTHER_HOST},
    {"GET http:///x HTTP/1.1\r\n" HOST "\r\n", MS_BAD, MS_HEAD_TARGET},
    {"\r\n\r\n", MS_BAD, MS_HEAD_METHOD},
    {"PATCH / HTTP/1.1\r\n", MS_BAD, MS_HEAD_METHOD},
    {"get / HTTP/1.1\r\n", MS_BAD, MS_HEAD_METHOD},
    {"GET  / HTTP/1.1\r\n", MS_BAD, MS_HEAD_TARGET},
    {"GET /#f HTTP/1.1\r\n", MS_BAD, MS_HEAD_TARGET},
    {"GET /\xc3\xa9 HTTP/1.1\r\n", MS_BAD, MS_HEAD_TARGET},
    {"OPTIONS * HTTP/1.1\r\n", MS_BAD, MS_HEAD_TARGET},
    {"GET /  HTTP/1.1\r\n", MS_BAD, MS_HEAD_VERSION},
    {"GET / HTTP/1.2\r\n", MS_BAD, MS_HEAD_VERSION},
    {"GET / HTTP/2.0\r\n", MS_BAD, MS_HEAD_VERSION},
    {"GET / ICE/1.0\r\n", MS_BAD, MS_HEAD_VERSION},
    {"GET / HTTP/1.1 \r\n", MS_BAD, MS_HEAD_VERSION},
    {"GET / HTTP/1.1\n", MS_BAD, MS_HEAD_LINE_END},
    {GET HOST "\n", MS_BAD, MS_HEAD_LINE_END},
    {GET HOST "A: b\n\r\n", MS_BAD, MS_HEAD_LINE_END},
    {GET HOST "A: b\rc\r\n\r\n", MS_BAD, MS_HEAD_LINE_END},
    {GET HOST "A: b\r\n c\r\n\r\n", MS_BAD, MS_HEAD_FOLD},
    {GET HOST "A : b\r\n\r\n", MS_BAD, MS_HEAD_NAME},
    {GET HOST ": b\r\n\r\n", MS_BAD, MS_HEAD_NAME},
    {GET HOST "A\r\n\r\n", MS_BAD, MS_HEAD_NAME},
    {GET HOST "\xc3: b\r\n\r\n", MS_BAD, MS_HEAD_NAME},
    {GET HOST "Content_Length: 1\r\n\r\n", MS_BAD, MS_HEAD_UNDERSCORE},
    {GET HOST "x-amz-meta_a: 1\r\n\r\n", MS_BAD, MS_HEAD_UNDERSCORE},
    {GET HOST "A: \x01\r\n\r\n", MS_BAD, MS_HEAD_CONTROL},
    {GET HOST "A: \x7f\r\n\r\n", MS_BAD, MS_HEAD_CONTROL},
    {GET "\r\n", MS_BAD, MS_HEAD_NO_HOST},
    {GET HOST HOST "\r\n", MS_BAD, MS_HEAD_HOSTS},
    {GET "Host: a,b\r\n\r\n", MS_BAD, MS_HEAD_HOST},
    {GET "Host: u@h\r\n\r\n", MS_BAD, MS_HEAD_HOST},
    {GET "Host: h:123456\r\n\r\n", MS_BAD, MS_HEAD_HOST},
    {GET "Host: [::1\r\n\r\n", MS_BAD, MS_HEAD_HOST},
    {GET "Host:\r\n\r\n", MS_BAD, MS_HEAD_HOST},
    {GET HOST "Content-Length: 00\r\n\r\n", MS_BAD, MS_HEAD_LENGTH},
    {GET HOST "Content-Length: +1\r\n\r\n", MS_BAD, MS_HEAD_LENGTH},
    {GET HOST "Content-Length:\r\n\r\n", MS_BAD, MS_HEAD_LENGTH},
    {GET HOST "Content-Length: 9223372036854775808\r\n\r\n", MS_BAD, MS_HEAD_LENGTH},
    {GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", MS_BAD, MS_HEAD_LENGTHS},
    {GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", MS_BAD, MS_HEAD_CODING},
    {GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", MS_BAD,
     MS_HEAD_LENGTH_AND_CODING},
    {"GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", MS_BAD, MS_HEAD_OLD_CODING},
    {GET HOST "Connection: close, x-amz-date\r\n\r\n", MS_BAD, MS_HEAD_CONNECTION},
    {GET HOST "Expect: 200-ok\r\n\r\n", MS_BAD, MS_HEAD_EXPECT},
};

static void test_requests(void) {
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const sample *s = &requests[i];
        ms_head head;
        ms_head_fault why;
        ms_span in = text_span(s->text);
        CHECK(request(in, &roomy, &head, &why) == s->verdict);
        CHECK(why == s->why);
        CHECK((*ms_head_reason(why) != 0) == (s->verdict == MS_BAD));
        /* A prefix is MORE, or BAD where the whole is: never a whole head. */
        for (size_t n = 0; n < in.n; n++) {
            int verdict = request((ms_span){in.p, n}, &roomy, &head, &why);
            CHECK(verdict == MS_MORE || (verdict == MS_BAD && s->verdict == MS_BAD));
        }
    }
}

static void test_caps(void) {
    ms_span in = MS_LITERAL("GET /abc HTTP/1.1\r\n" HOST "A: b\r\n\r\n");
    ms_head head;
    ms_head_fault why;
    ms_head_caps exact = {in.n, 4, 2}, caps = exact;
    CHECK(request(in, &exact, &head, &why) == MS_OK);
    caps.bytes--;
    CHECK(request(in, &caps, &head, &why) == MS_BAD && why == MS_HEAD_TOO_LARGE);
    caps = exact;
    caps.target--;
    CHECK(request(in, &caps, &head, &why) == MS_BAD && why == MS_HEAD_TARGET_TOO_LONG);
    caps = exact;
    caps.fields--;
    CHECK(request(in, &caps, &head, &why) == MS_BAD && why == MS_HEAD_TOO_MANY_FIELDS);
    in.n--;
    caps.bytes = in.n;
    caps.fields = 2;
    CHECK(request(in, &exact, &head, &why) == MS_MORE);
    CHECK(request(in, &caps, &head, &why) == MS_BAD && why == MS_HEAD_TOO_LARGE);
}

static void test_responses(void) {
    static const sample samples[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", MS_OK, MS_HEAD_FINE},
        {"HTTP/1.0 200\r\nContent-Length: 1\r\n\r\n", MS_OK, MS_HEAD_FINE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", MS_OK, MS_HEAD_FINE},
        {"HTTP/1.1 204 \r\n\r\n", MS_OK, MS_HEAD_FINE},
        {"HTTP/1.1 304 Not Modified\r\nX_Y: 1\r\nConnection: any\r\n\r\n", MS_OK, MS_HEAD_FINE},
        {"HTTP/1.1 200 OK\r\n\r\n", MS_BAD, MS_HEAD_UNBOUNDED},
        {"HTTP/1.1 099 x\r\n", MS_BAD, MS_HEAD_STATUS},
        {"HTTP/1.1 600 x\r\n", MS_BAD, MS_HEAD_STATUS},
        {"HTTP/1.1 2000 x\r\n", MS_BAD, MS_HEAD_STATUS},
        {"HTTP/1.1 200\x01\r\n", MS_BAD, MS_HEAD_STATUS},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", MS_BAD, MS_HEAD_OLD_CODING},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", MS_BAD,
         MS_HEAD_LENGTHS},
    };
    ms_head head;
    ms_head_fault why;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        CHECK(response(samples[i].text, false, &head, &why) == samples[i].verdict);
        CHECK(why == samples[i].why);
    }
    CHECK(response("HTTP/1.1 200 OK\r\n\r\n", true, &head, &why) == MS_OK && head.bodyless);
    CHECK(head.status == 200 && head.content_length == -1);
}

int main(void) {
    test_ordinary();
    test_requests();
    test_caps();
    test_responses();
    return passed(__FILE__);
}
