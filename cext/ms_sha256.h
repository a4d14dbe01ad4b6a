/* SHA-256 (FIPS 180-4) and HMAC with a prepared key (RFC 2104). The code is libcrypto's. */
#ifndef MS_SHA256_H
#define MS_SHA256_H

#include "ms_base.h"

enum { MS_SHA256_SIZE = 32, MS_SHA256_HEX = 64, MS_SHA256_BLOCK = 64 };

/* A running hash, with a small buffer in front: many short pieces cost one call into libcrypto. */
typedef struct {
    uint64_t state[14]; /* libcrypto's context */
    size_t pending;
    char buffer[512];
} ms_sha256;

void ms_sha256_init(ms_sha256 *hash);
void ms_sha256_flush(ms_sha256 *hash);
void ms_sha256_update_long(ms_sha256 *hash, ms_span data);
void ms_sha256_final(ms_sha256 *hash, uint8_t out[MS_SHA256_SIZE]);

static inline void ms_sha256_update(ms_sha256 *hash, ms_span data) {
    if (MS_LIKELY(data.n <= sizeof hash->buffer - hash->pending)) {
        memcpy(hash->buffer + hash->pending, data.p, data.n);
        hash->pending += data.n;
    } else {
        ms_sha256_update_long(hash, data);
    }
}

static inline void ms_sha256_byte(ms_sha256 *hash, char c) {
    if (MS_UNLIKELY(hash->pending == sizeof hash->buffer)) ms_sha256_flush(hash);
    hash->buffer[hash->pending++] = c;
}

/* The hash of `data` in one go. */
void ms_sha256_of(ms_span data, uint8_t out[MS_SHA256_SIZE]);

/* A key, hashed with both pads: each use then costs the message alone. */
typedef struct {
    uint64_t inner[14];
    uint64_t outer[14];
} ms_hmac;

void ms_hmac_key(ms_hmac *key, ms_span secret);
void ms_hmac_of(const ms_hmac *key, ms_span data, uint8_t out[MS_SHA256_SIZE]);
/* The same in pieces: ms_hmac_begin, ms_sha256_update ..., ms_hmac_end. */
void ms_hmac_begin(const ms_hmac *key, ms_sha256 *hash);
void ms_hmac_end(const ms_hmac *key, ms_sha256 *hash, uint8_t out[MS_SHA256_SIZE]);

/* Lower-case hex of a hash, 64 bytes, no NUL. */
void ms_sha256_hex(const uint8_t hash[MS_SHA256_SIZE], char out[MS_SHA256_HEX]);

/* Overwrites secrets; never optimised away. */
void ms_wipe(void *p, size_t n);

/* Whether both hashes are equal, in time that does not depend on where they differ. */
bool ms_sha256_equal(const uint8_t a[MS_SHA256_SIZE], const uint8_t b[MS_SHA256_SIZE]);

#endif
