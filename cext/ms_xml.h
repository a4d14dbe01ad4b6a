/* Pull tokenizer for the XML that S3 and its clients write (XML 1.0, fifth edition): UTF-8, no
 * document type, no processing instruction but the declaration, five named entities and numeric
 * references. Comments, attributes and namespace prefixes are read over.
 *
 * The machine: MS_XML_FIRST -> DECLARATION -> PROLOG -> CONTENT -> EPILOG; COMMENT and CDATA
 * interrupt and return. Whole tokens are taken off the front of the input; an unfinished one stays
 * there (at most MS_XML_TAG bytes) for the caller to bring again with more behind it. Text is
 * gathered in the caller's buffer and never held back but for two bytes.
 */
#ifndef MS_XML_H
#define MS_XML_H

#include "ms_base.h"

enum {
    MS_XML_TAG = 4096,     /* longest tag; S3's longest has a namespace of 40 bytes */
    MS_XML_REFERENCE = 12, /* "&#1114111;" with two leading zeros */
};

typedef enum { MS_XML_START, MS_XML_LEAF, MS_XML_END } ms_xml_kind;

typedef struct {
    ms_xml_kind kind;
    ms_span name; /* without prefix; both spans are valid until the next call */
    ms_span text; /* of a LEAF */
} ms_xml_event;

typedef struct {
    int state;
    int after_comment;
    bool leaf; /* the innermost element holds no element so far: `text` is its text */
    char *text;
    size_t text_size, text_cap;
    char *names; /* of the open elements, with prefix, end to end */
    size_t names_size, names_cap;
    size_t *starts; /* where each of them starts */
    size_t depth, max_depth;
} ms_xml;

/* The arrays are the caller's: `text` of text_cap bytes, `names` of names_cap bytes (all names
 * of open elements together), `starts` of max_depth. */
void ms_xml_init(ms_xml *xml, char *text, size_t text_cap, char *names, size_t names_cap,
                 size_t *starts, size_t max_depth);

/* MS_OK: one event, and what it was made from is cut off the front of *in. MS_MORE: no further
 * event in *in, whose rest must stand in front of the next input. MS_BAD: final. */
int ms_xml_next(ms_xml *xml, ms_span *in, ms_xml_event *out);

/* Whether exactly one whole document was read. */
bool ms_xml_whole(const ms_xml *xml);

/* Bytes of s once escaped for an element; s.n when there is nothing to escape. */
size_t ms_xml_escaped_size(ms_span s);
char *ms_xml_escape(ms_span s, char *out);

#endif
