#include "ms_chunked.h"

#include "ms_chars.h"

enum {
    SIZE, EXTENSION, MAC, HEAD_CR, HEAD_LF, DATA, DATA_CR, DATA_LF, /* a chunk */
    LINE, TAIL, TAIL_LF, END,                                       /* what follows the last */
    FAILED,
};

static const ms_span extension = {";chunk-signature=", 17};

void ms_chunked_init(ms_chunked *c, uint64_t length, uint64_t floor, bool trailing,
                     ms_chain *chain) {
    c->state = SIZE;
    c->fault = MS_CHUNKED_FINE;
    c->decoded = 0;
    c->left = length;
    c->chunks = 0;
    c->floor = floor;
    c->trailing = trailing;
    c->chain = chain;
    c->size = c->before = c->rest = 0;
    c->at = 0;
    c->section = 0;
    c->bare = c->vouched = false;
    c->line_n = 0;
}

int ms_chunked_fail(ms_chunked *c, ms_chunked_fault fault) {
    c->state = FAILED;
    c->fault = fault;
    return MS_BAD;
}

bool ms_chunked_whole(const ms_chunked *c) { return c->state == END || c->state == TAIL; }

/* --- Chunk headers, byte by byte --------------------------------------------------------------*/

/* The size is known: whether it may stand here. S3 asks for the floor first. */
static ms_chunked_fault judge_size(ms_chunked *c) {
    c->chunks++;
    if (c->size > 0 && c->chunks > 1 && c->before < c->floor) return MS_CHUNKED_SMALL;
    if (c->size > c->left || (c->size == 0 && c->left > 0)) return MS_CHUNKED_LENGTH;
    c->left -= c->size;
    c->rest = c->size;
    return MS_CHUNKED_FINE;
}

static ms_chunked_fault read_size(ms_chunked *c, char b) {
    int digit = ms_hex_value(b);
    if (digit >= 0) {
        if (c->at++ == MS_CHUNKED_DIGITS) return MS_CHUNKED_FRAME;
        c->size = c->size << 4 | (uint64_t)digit;
        return MS_CHUNKED_FINE;
    }
    if (c->at == 0 || b != (c->chain != NULL ? ';' : '\r')) return MS_CHUNKED_FRAME;
    c->state = c->chain != NULL ? EXTENSION : HEAD_LF;
    c->at = 1; /* of the extension */
    return judge_size(c);
}

/* Whether the signature of the chunk that was hashed holds. */
static bool chunk_holds(ms_chunked *c) {
    uint8_t hash[MS_SHA256_SIZE];
    ms_sha256_final(&c->hash, hash);
    ms_chain_chunk(c->chain, hash);
    return ms_chain_is(c->chain, c->mac);
}

static ms_chunked_fault begin_data(ms_chunked *c) {
    if (c->chain != NULL) ms_sha256_init(&c->hash);
    if (c->size > 0) {
        c->state = DATA;
        return MS_CHUNKED_FINE;
    }
    if (c->chain != NULL && !chunk_holds(c)) return MS_CHUNKED_SIGNATURE;
    if (c->chain != NULL) ms_sha256_init(&c->hash);
    c->state = LINE;
    return MS_CHUNKED_FINE;
}

static ms_chunked_fault expect(ms_chunked *c, char b, char expected, int state) {
    c->state = state;
    return b == expected ? MS_CHUNKED_FINE : MS_CHUNKED_FRAME;
}

static ms_chunked_fault read_byte(ms_chunked *c, char b) {
    switch (c->state) {
    case SIZE:
        return read_size(c, b);
    case EXTENSION:
        if (b != extension.p[c->at]) return MS_CHUNKED_FRAME;
        if (++c->at == extension.n) {
            c->at = 0;
            c->state = MAC;
        }
        return MS_CHUNKED_FINE;
    case HEAD_CR:
        return expect(c, b, '\r', HEAD_LF);
    case HEAD_LF:
        return b == '\n' ? begin_data(c) : MS_CHUNKED_FRAME;
    case DATA_CR:
        return expect(c, b, '\r', DATA_LF);
    case DATA_LF:
        c->before = c->size;
        c->size = 0;
        c->at = 0;
        return expect(c, b, '\n', SIZE);
    case TAIL:
        return expect(c, b, '\r', TAIL_LF);
    case TAIL_LF:
        return expect(c, b, '\n', END);
    default:
        return MS_CHUNKED_AFTER;
    }
}

/* --- The rest, by the span -------------------------------------------------------------------*/

/* A signature is taken as it comes: what is none equals none, and 64 bytes are few. */
static void read_mac(ms_chunked *c, ms_span *in) {
    size_t n = MS_SHA256_HEX - c->at;
    if (in->n < n) n = in->n;
    memcpy(c->mac + c->at, in->p, n);
    in->p += n;
    in->n -= n;
    c->at += n;
    if (c->at == MS_SHA256_HEX) c->state = HEAD_CR;
}

static int read_data(ms_chunked *c, ms_span *in, ms_chunked_event *out) {
    out->kind = MS_CHUNKED_DATA;
    out->data = (ms_span){in->p, in->n < c->rest ? in->n : (size_t)c->rest};
    if (c->chain != NULL) ms_sha256_update(&c->hash, out->data);
    in->p += out->data.n;
    in->n -= out->data.n;
    c->rest -= out->data.n;
    if (c->rest == 0) {
        if (c->chain != NULL && !chunk_holds(c)) return ms_chunked_fail(c, MS_CHUNKED_SIGNATURE);
        c->state = DATA_CR;
    }
    c->decoded += out->data.n;
    return MS_OK;
}

/* An empty line: the end of the section, unless it is minio-go's before the signature. */
static int read_empty_line(ms_chunked *c, ms_chunked_event *out) {
    if (c->chain != NULL && c->trailing && !c->vouched) {
        if (!c->bare) return ms_chunked_fail(c, MS_CHUNKED_TRAILER);
        c->bare = false;
        return MS_MORE;
    }
    c->state = c->bare ? TAIL : END;
    out->kind = MS_CHUNKED_END;
    return MS_OK;
}

/* Value of x-amz-trailer-signature. */
static int read_trailer_signature(ms_chunked *c, ms_span value) {
    uint8_t hash[MS_SHA256_SIZE];
    if (value.n != MS_SHA256_HEX) return ms_chunked_fail(c, MS_CHUNKED_TRAILER);
    ms_sha256_final(&c->hash, hash);
    ms_chain_trailer(c->chain, hash);
    if (!ms_chain_is(c->chain, value.p)) return ms_chunked_fail(c, MS_CHUNKED_SIGNATURE);
    c->vouched = true;
    return MS_MORE;
}

static int read_field(ms_chunked *c, ms_span line, ms_chunked_event *out) {
    const char *colon = memchr(line.p, ':', line.n);
    if (!c->trailing || c->vouched || colon == NULL) return ms_chunked_fail(c, MS_CHUNKED_TRAILER);
    out->kind = MS_CHUNKED_FIELD;
    out->name = (ms_span){line.p, (size_t)(colon - line.p)};
    out->value = ms_trim((ms_span){colon + 1, (size_t)(line.p + line.n - colon - 1)});
    if (!ms_all(out->name, MS_C_TOKEN) || !ms_all(out->value, MS_C_VALUE))
        return ms_chunked_fail(c, MS_CHUNKED_TRAILER);
    ms_lower_in_place(c->line, out->name.n);
    if (c->chain == NULL) return MS_OK;
    if (ms_equal(out->name, MS_LITERAL("x-amz-trailer-signature")))
        return read_trailer_signature(c, out->value);
    ms_sha256_update(&c->hash, out->name);
    ms_sha256_byte(&c->hash, ':');
    ms_sha256_update(&c->hash, out->value);
    ms_sha256_byte(&c->hash, '\n');
    return MS_OK;
}

/* MS_MORE: nothing to tell of the line, if it is one already. */
static int read_line(ms_chunked *c, ms_span *in, ms_chunked_event *out) {
    const char *end = memchr(in->p, '\n', in->n);
    size_t n = end == NULL ? in->n : (size_t)(end - in->p) + 1;
    if (n > sizeof c->line - c->section) return ms_chunked_fail(c, MS_CHUNKED_TRAILER);
    memcpy(c->line + c->line_n, in->p, n);
    c->section += n;
    c->line_n += n;
    in->p += n;
    in->n -= n;
    if (end == NULL) return MS_MORE;

    ms_span line = {c->line, c->line_n - 1};
    bool bare = line.n == 0 || line.p[line.n - 1] != '\r';
    c->line_n = 0;
    if (!bare) line.n--;
    if (line.n > 0) {
        int result = read_field(c, line, out);
        c->bare = bare;
        return result;
    }
    return bare ? ms_chunked_fail(c, MS_CHUNKED_FRAME) : read_empty_line(c, out);
}

int ms_chunked_next(ms_chunked *c, ms_span *in, ms_chunked_event *out) {
    if (c->state == FAILED) return MS_BAD;
    while (in->n > 0) {
        if (c->state == DATA) return read_data(c, in, out);
        if (c->state == LINE) {
            int result = read_line(c, in, out);
            if (result != MS_MORE) return result;
            continue;
        }
        if (c->state == MAC) {
            read_mac(c, in);
            continue;
        }
        ms_chunked_fault fault = read_byte(c, *in->p);
        if (fault != MS_CHUNKED_FINE) return ms_chunked_fail(c, fault);
        in->p++;
        in->n--;
    }
    return MS_MORE;
}

/* --- Writing ----------------------------------------------------------------------------------*/

static size_t digits_of(uint64_t size) {
    size_t n = 1;
    while (size >>= 4) n++;
    return n;
}

char *ms_chunked_head(uint64_t size, const char *mac, char *out) {
    size_t n = digits_of(size);
    for (size_t i = n; i-- > 0; size >>= 4) out[i] = "0123456789abcdef"[size & 15];
    out += n;
    if (mac != NULL) {
        memcpy(out, extension.p, extension.n);
        memcpy(out + extension.n, mac, MS_SHA256_HEX);
        out += extension.n + MS_SHA256_HEX;
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

/* A chunk of this size with all that is around it. */
static uint64_t framed(uint64_t size, bool is_signed) {
    return digits_of(size) + (is_signed ? extension.n + MS_SHA256_HEX : 0) + 2 + size + 2;
}

uint64_t ms_chunked_size(uint64_t length, uint64_t chunk, bool is_signed, uint64_t trailers) {
    uint64_t rest = length % chunk, total = length / chunk * framed(chunk, is_signed);
    if (rest > 0) total += framed(rest, is_signed);
    /* The CRLF that would end the data of the last chunk ends the trailer section instead. */
    return total + framed(0, is_signed) + trailers;
}
