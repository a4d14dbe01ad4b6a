/* The only file that includes OpenSSL. Its low-level API is asked for on purpose (D19): EVP costs
 * two to three times as much for the few hundred bytes of a canonical request. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "ms_sha256.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((ms_sha256 *)0)->state), "a context fits");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(((ms_hmac *)0)->inner), "a context fits");
_Static_assert(SHA256_DIGEST_LENGTH == MS_SHA256_SIZE, "");

static SHA256_CTX *context(uint64_t *state) { return (SHA256_CTX *)(void *)state; }

void ms_sha256_init(ms_sha256 *hash) {
    SHA256_Init(context(hash->state));
    hash->pending = 0;
}

void ms_sha256_flush(ms_sha256 *hash) {
    SHA256_Update(context(hash->state), hash->buffer, hash->pending);
    hash->pending = 0;
}

void ms_sha256_update_long(ms_sha256 *hash, ms_span data) {
    ms_sha256_flush(hash);
    if (data.n < sizeof hash->buffer)
        ms_sha256_update(hash, data);
    else
        SHA256_Update(context(hash->state), data.p, data.n);
}

void ms_sha256_final(ms_sha256 *hash, uint8_t out[MS_SHA256_SIZE]) {
    ms_sha256_flush(hash);
    SHA256_Final(out, context(hash->state));
}

void ms_sha256_of(ms_span data, uint8_t out[MS_SHA256_SIZE]) {
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, data.p, data.n);
    SHA256_Final(out, &hash);
}

void ms_hmac_key(ms_hmac *key, ms_span secret) {
    uint8_t block[MS_SHA256_BLOCK] = {0};
    if (secret.n > sizeof block) ms_sha256_of(secret, block);
    else if (secret.n > 0) memcpy(block, secret.p, secret.n);

    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA256_Init(context(key->inner));
    SHA256_Update(context(key->inner), block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(context(key->outer));
    SHA256_Update(context(key->outer), block, sizeof block);
    ms_wipe(block, sizeof block);
}

void ms_hmac_begin(const ms_hmac *key, ms_sha256 *hash) {
    memcpy(hash->state, key->inner, sizeof hash->state);
    hash->pending = 0;
}

void ms_hmac_end(const ms_hmac *key, ms_sha256 *hash, uint8_t out[MS_SHA256_SIZE]) {
    ms_sha256_final(hash, out);
    memcpy(hash->state, key->outer, sizeof hash->state);
    SHA256_Update(context(hash->state), out, MS_SHA256_SIZE);
    SHA256_Final(out, context(hash->state));
}

void ms_hmac_of(const ms_hmac *key, ms_span data, uint8_t out[MS_SHA256_SIZE]) {
    SHA256_CTX hash;
    memcpy(&hash, key->inner, sizeof hash);
    SHA256_Update(&hash, data.p, data.n);
    SHA256_Final(out, &hash);
    memcpy(&hash, key->outer, sizeof hash);
    SHA256_Update(&hash, out, MS_SHA256_SIZE);
    SHA256_Final(out, &hash);
}

/* Without a branch or a table, so that the compiler can do many at once. */
static char digit(unsigned nibble) { return (char)(nibble + '0' + (nibble > 9 ? 'a' - '0' - 10 : 0)); }

void ms_sha256_hex(const uint8_t hash[MS_SHA256_SIZE], char out[MS_SHA256_HEX]) {
    for (size_t i = 0; i < MS_SHA256_SIZE; i++) {
        out[2 * i] = digit(hash[i] >> 4);
        out[2 * i + 1] = digit(hash[i] & 15);
    }
}

void ms_wipe(void *p, size_t n) { OPENSSL_cleanse(p, n); }

bool ms_sha256_equal(const uint8_t a[MS_SHA256_SIZE], const uint8_t b[MS_SHA256_SIZE]) {
    return CRYPTO_memcmp(a, b, MS_SHA256_SIZE) == 0;
}
