/* Percent-coding (RFC 3986 2.1, AWS's UriEncode) and the query of a request target. */
#ifndef MS_URI_H
#define MS_URI_H

#include "ms_base.h"

/* Bytes of s in encoded form; `slash` keeps "/". Equal to s.n when there is nothing to encode. */
size_t ms_uri_encoded_size(ms_span s, bool slash);

/* Writes the encoded form to `out`, which has room for ms_uri_encoded_size(). Returns the end. */
char *ms_uri_encode(ms_span s, bool slash, char *out);

/* Decodes %XX once into `out` (room for s.n bytes, may be s.p itself); `plus` reads "+" as a
 * blank. MS_BAD: a percent sign without two hex digits. */
int ms_uri_decode(ms_span s, bool plus, char *out, size_t *size);

/* Byte of s at *i, decoded, without writing anything; advances *i. A malformed escape stands for
 * its own bytes. */
char ms_uri_next(ms_span s, bool plus, size_t *i);

/* --- Query: pairs in the caller's array -------------------------------------------------------*/

/* Splits at "&" and each part at its first "="; empty parts are skipped. Spans are raw.
 * MS_BAD: more than `cap` pairs. */
int ms_query_split(ms_span query, ms_pair *pairs, size_t cap, size_t *count);

/* Sorts by name, then value: as sent, or (`encoded`) as their decode-encode forms sort. */
void ms_query_sort(ms_pair *pairs, size_t count, bool encoded);

#endif
