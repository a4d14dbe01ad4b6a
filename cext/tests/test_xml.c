/* The XML tokenizer: each document whole and cut in two at every byte. */
#include "check.h"
#include "ms_xml.h"

enum { TEXT = 64, NAMES = 128, DEPTH = 4 };

typedef struct {
    ms_xml xml;
    char text[TEXT], names[NAMES];
    size_t starts[DEPTH];
    char log[1024]; /* events: "<name" START, ">name" END, "name=text;" LEAF */
    char rest[8192];
    size_t rest_n;
} reader;

static void start(reader *r) {
    r->rest_n = 0;
    r->log[0] = 0;
    ms_xml_init(&r->xml, r->text, TEXT, r->names, NAMES, r->starts, DEPTH);
}

static int feed(reader *r, ms_span data) {
    CHECK(r->rest_n + data.n <= sizeof r->rest);
    memcpy(r->rest + r->rest_n, data.p, data.n);
    ms_span in = guarded((ms_span){r->rest, r->rest_n + data.n});
    ms_xml_event e;
    int result;
    while ((result = ms_xml_next(&r->xml, &in, &e)) == MS_OK) {
        size_t n = strlen(r->log);
        const char *open = e.kind == MS_XML_START ? "<" : e.kind == MS_XML_END ? ">" : "";
        snprintf(r->log + n, sizeof r->log - n, e.kind == MS_XML_LEAF ? "%s%.*s=%.*s;" : "%s%.*s",
                 open, (int)e.name.n, e.name.p, (int)e.text.n, e.text.p);
    }
    r->rest_n = in.n;
    memmove(r->rest, in.p, in.n);
    return result;
}

static bool whole(const reader *r) { return r->rest_n == 0 && ms_xml_whole(&r->xml); }

static void reads(const char *text, const char *log) {
    static reader r;
    ms_span s = text_span(text);
    for (size_t cut = 0; cut <= s.n; cut++) {
        start(&r);
        CHECK(feed(&r, (ms_span){s.p, cut}) == MS_MORE);
        CHECK(feed(&r, (ms_span){s.p + cut, s.n - cut}) == MS_MORE);
        CHECK(whole(&r));
        CHECK(strcmp(r.log, log) == 0);
    }
}

static void refuses(const char *text) {
    static reader r;
    ms_span s = text_span(text);
    for (size_t cut = 0; cut <= s.n; cut++) {
        start(&r);
        if (feed(&r, (ms_span){s.p, cut}) == MS_BAD) continue;
        if (feed(&r, (ms_span){s.p + cut, s.n - cut}) == MS_BAD) continue;
        CHECK(!whole(&r));
    }
}

static void test_documents(void) {
    reads("<a/>", "a=;");
    reads("\xef\xbb\xbf \n<?xml version=\"1.0\" encoding='utf-8' standalone=\"no\" ?>\n<a>t</a>\n",
          "a=t;");
    reads("<s:a xmlns:s='x>y' b=\"'\">\r\n <s:k>1</s:k> <e></e><f/> </s:a><!-- - -->",
          "<ak=1;e=;f=;>a");
    reads("<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;&#x20AC;&#x1F600;</a>",
          "a=<>&'\"AB\xe2\x82\xac\xf0\x9f\x98\x80;");
    reads("<a>x\r\ny\rz&#xD;</a>", "a=x\ny\nz\r;");
    reads("<a>]<![CDATA[<&]]]]><!-- <b> -->]]</a>", "a=]<&]]]];");
    reads("<a><b><c><d/></c></b></a>", "<a<b<cd=;>c>b>a");
}

static void test_refusals(void) {
    static const char *const bad[] = {
        "", " ", "x", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "<a>x<b/></a>", "<a><b/>x</a>",
        "<!DOCTYPE a><a/>", "<a><!ENTITY x 'y'></a>", "<a>&x;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>",
        "<a>&#x110000;</a>", "<a>&#xFFFFFFFF1;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#1a;</a>",
        "<a>&</a>", "<a>]]></a>", "<a>\x01</a>", "<a>\xff</a>", "<a>\xed\xa0\x80</a>", "<1/>",
        "<a b/>", "<a b=c/>", "<a b='<'/>", "<a b='1'c='2'/>", "<a:/>", "<a:b:c/>", "<a><?p ?></a>",
        "<?xml version='1.1'?><a/>", "<?xml version='1.0' encoding='latin-1'?><a/>",
        "<!-- --><?xml version='1.0'?><a/>", "<a><!-- -- --></a>", "< a/>", "<a / >",
        "<a><b><c><d><e/></d></c></b></a>" /* deeper than DEPTH */,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refuses(bad[i]);
}

static void test_caps(void) {
    static char document[8000];
    static reader r;
    int n = snprintf(document, sizeof document, "<a>%0*d</a>", TEXT, 0);
    start(&r);
    CHECK(feed(&r, (ms_span){document, (size_t)n}) == MS_MORE && whole(&r));
    n = snprintf(document, sizeof document, "<a>%0*d</a>", TEXT + 1, 0);
    refuses(document);
    n = snprintf(document, sizeof document, "<a b='%0*d'/>", MS_XML_TAG - 9, 0);
    CHECK(n == MS_XML_TAG);
    start(&r);
    CHECK(feed(&r, (ms_span){document, (size_t)n}) == MS_MORE && whole(&r));
    n = snprintf(document, sizeof document, "<a b='%0*d'/>", MS_XML_TAG - 8, 0);
    start(&r);
    CHECK(feed(&r, (ms_span){document, (size_t)n - 1}) == MS_BAD); /* not kept for ever */
    n = snprintf(document, sizeof document, "<a><n%0*d/></a>", NAMES, 0);
    refuses(document);
}

static void test_escape(void) {
    char out[64];
    ms_span s = guarded(MS_LITERAL("a&<>\"'\r\n\t\x01\x1f\xc3"));
    size_t size = ms_xml_escaped_size(s);
    CHECK(ms_xml_escape(s, out) == out + size);
    CHECK(ms_equal((ms_span){out, size},
                   MS_LITERAL("a&amp;&lt;&gt;&quot;'&#xD;\n\t&#x1;&#x1F;\xc3")));
}

int main(void) {
    test_documents();
    test_refusals();
    test_caps();
    test_escape();
    return passed(__FILE__);
}
