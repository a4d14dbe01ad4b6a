#include "ms_chain.h"

/* SHA-256 of nothing: a chunk's string to sign has it where headers would be hashed. */
static const ms_span empty = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                              MS_SHA256_HEX};

static void put_line(ms_sha256 *hash, ms_span s) {
    ms_sha256_update(hash, s);
    ms_sha256_byte(hash, '\n');
}

/* <Algorithm>\n <RequestDateTime>\n <CredentialScope>\n <PreviousSignature>\n
 * [<HashOfNothing>\n] <Hash> */
static void next(ms_chain *chain, ms_span algorithm, bool chunk, const uint8_t *hash) {
    char hex[MS_SHA256_HEX];
    uint8_t mac[MS_SHA256_SIZE];
    ms_sha256 text;
    ms_sha256_hex(hash, hex);
    ms_hmac_begin(chain->key, &text);
    put_line(&text, algorithm);
    put_line(&text, chain->amz_date);
    put_line(&text, chain->scope);
    put_line(&text, (ms_span){chain->last, MS_SHA256_HEX});
    if (chunk) put_line(&text, empty);
    ms_sha256_update(&text, (ms_span){hex, sizeof hex});
    ms_hmac_end(chain->key, &text, mac);
    ms_sha256_hex(mac, chain->last);
}

void ms_chain_chunk(ms_chain *chain, const uint8_t hash[MS_SHA256_SIZE]) {
    next(chain, MS_LITERAL("AWS4-HMAC-SHA256-PAYLOAD"), true, hash);
}

void ms_chain_trailer(ms_chain *chain, const uint8_t hash[MS_SHA256_SIZE]) {
    next(chain, MS_LITERAL("AWS4-HMAC-SHA256-TRAILER"), false, hash);
}

bool ms_chain_is(const ms_chain *chain, const char *mac) {
    const uint8_t *a = (const uint8_t *)chain->last, *b = (const uint8_t *)mac;
    return ms_sha256_equal(a, b) & ms_sha256_equal(a + MS_SHA256_SIZE, b + MS_SHA256_SIZE);
}
