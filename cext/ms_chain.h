/* The chain of signatures over one aws-chunked body: each covers the one before it, and the first
 * covers the signature of the head ("seed").
 *
 * Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
 * Chunks (Chunked Upload)" and "... Including Trailing Headers", Amazon S3 API reference. */
#ifndef MS_CHAIN_H
#define MS_CHAIN_H

#include "ms_sha256.h"

typedef struct {
    const ms_hmac *key; /* all three are borrowed */
    ms_span amz_date;
    ms_span scope;
    char last[MS_SHA256_HEX]; /* the latest signature, at first the seed */
} ms_chain;

/* Moves on to the signature of the next chunk, whose data hash to `hash`. */
void ms_chain_chunk(ms_chain *chain, const uint8_t hash[MS_SHA256_SIZE]);

/* The same for the trailers, behind the last chunk: a line "name:value\n" for each. */
void ms_chain_trailer(ms_chain *chain, const uint8_t hash[MS_SHA256_SIZE]);

/* Whether `mac`, of 64 bytes, is the latest signature; in time that does not depend on where they
 * differ. */
bool ms_chain_is(const ms_chain *chain, const char *mac);

#endif
