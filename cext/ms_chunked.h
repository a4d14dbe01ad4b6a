/* aws-chunked, the framing of uploads that are signed in pieces or bring their checksum behind the
 * data. It is a content coding: HTTP's own chunks, where there are any, lie around it.
 *
 *   body    = *chunk last *trailer CRLF
 *   chunk   = size [";chunk-signature=" mac] CRLF data CRLF     size: 1 to 16 hex digits, any case
 *   last    = "0" [";chunk-signature=" mac] CRLF                mac: 64 bytes
 *   trailer = name ":" value CRLF                               signed: x-amz-trailer-signature
 *                                                               is the last of them
 *
 * and what clients make of it: minio-go ends each trailer line with LF alone and then writes an
 * empty line that is not the end, before the signature or before the last CRLF.
 *
 * Reader: SIZE -> EXTENSION -> MAC -> HEAD_CR -> HEAD_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE;
 * after the last chunk LINE -> (TAIL ->) END. It copies no data. */
#ifndef MS_CHUNKED_H
#define MS_CHUNKED_H

#include "ms_chain.h"

enum {
    MS_CHUNKED_DIGITS = 16,     /* of a size: more would overflow */
    MS_CHUNKED_TRAILERS = 1024, /* bytes of the trailer section: S3's are checksums, 120 at most */
};

typedef enum {
    MS_CHUNKED_FINE,
    MS_CHUNKED_FRAME,     /* not the grammar above */
    MS_CHUNKED_LENGTH,    /* the chunks do not add up to the decoded length */
    MS_CHUNKED_SMALL,     /* a chunk before the last one is below the floor */
    MS_CHUNKED_SIGNATURE, /* a signature does not hold */
    MS_CHUNKED_TRAILER,   /* the trailer section is not as it should be */
    MS_CHUNKED_AFTER,     /* bytes behind the end */
} ms_chunked_fault;

typedef struct {
    int state;
    ms_chunked_fault fault;
    /* Of the body */
    uint64_t decoded; /* bytes of data read so far */
    uint64_t left;    /* bytes of data that no chunk has announced yet */
    uint64_t chunks;  /* headers read */
    uint64_t floor;   /* least size of every chunk that is followed by another */
    bool trailing;    /* trailers may stand at its end */
    ms_chain *chain;  /* NULL: chunks are not signed */
    /* Of the current chunk */
    uint64_t size;   /* as announced */
    uint64_t before; /* that of the chunk before */
    uint64_t rest;   /* bytes of data to come */
    size_t at;       /* bytes read of a size, extension or mac */
    char mac[MS_SHA256_HEX];
    ms_sha256 hash; /* of its data, then of the trailers */
    /* Of the trailer section */
    size_t section; /* its size so far */
    bool bare;      /* the line before ended in LF alone */
    bool vouched;   /* its signature held */
    size_t line_n;
    char line[MS_CHUNKED_TRAILERS];
} ms_chunked;

typedef enum { MS_CHUNKED_DATA, MS_CHUNKED_FIELD, MS_CHUNKED_END } ms_chunked_kind;

typedef struct {
    ms_chunked_kind kind;
    ms_span data; /* DATA: decoded bytes, inside the input */
    ms_span name; /* FIELD: a trailer, its name in lower case; both are valid until the next call */
    ms_span value;
} ms_chunked_event;

/* A body of `length` decoded bytes. `chain`, if any, is the caller's and starts at the seed. */
void ms_chunked_init(ms_chunked *c, uint64_t length, uint64_t floor, bool trailing,
                     ms_chain *chain);

/* MS_OK: one event, and what it was made from is cut off the front of *in. MS_MORE: all of *in was
 * read. MS_BAD: final, see c->fault. The bytes that end a signed chunk come out only when its
 * signature held. END comes once, when the body may end; minio-go's last CRLF may still follow. */
int ms_chunked_next(ms_chunked *c, ms_span *in, ms_chunked_event *out);

/* Makes the body bad for a reason of the caller. Returns MS_BAD. */
int ms_chunked_fail(ms_chunked *c, ms_chunked_fault fault);

/* Whether the body may end here. */
bool ms_chunked_whole(const ms_chunked *c);

/* --- Writing ----------------------------------------------------------------------------------*/

enum { MS_CHUNKED_HEAD = MS_CHUNKED_DIGITS + 17 + MS_SHA256_HEX + 2 };

/* Writes the header of a chunk, up to MS_CHUNKED_HEAD bytes; `mac` is its signature, NULL for
 * an unsigned one. Returns the end. */
char *ms_chunked_head(uint64_t size, const char *mac, char *out);

/* Size of a body of `length` bytes in chunks of `chunk` bytes, whose trailer lines have `trailers`
 * bytes in all. Exact; the caller sees to it that it fits (length below 2**62, chunk >= 128). */
uint64_t ms_chunked_size(uint64_t length, uint64_t chunk, bool is_signed, uint64_t trailers);

#endif
