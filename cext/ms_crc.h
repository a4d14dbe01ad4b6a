/* The CRCs that S3 knows: CRC-32 (ISO-HDLC, zlib's), CRC-32C (iSCSI, RFC 3720 B.4) and CRC-64/NVME.
 *
 * A CRC is its own running state: it begins as 0, and the pieces of a message are fed in order, of
 * any length. Names and check values: "Catalogue of parametrised CRC algorithms".
 */
#ifndef MS_CRC_H
#define MS_CRC_H

#include "ms_base.h"

typedef enum { MS_CRC32, MS_CRC32C, MS_CRC64NVME } ms_crc_kind;
enum { MS_CRC_KINDS = 3 };

/* The CRC of a message whose beginning has `crc` and whose rest is `data`. */
uint64_t ms_crc_update(ms_crc_kind kind, uint64_t crc, ms_span data);

/* How it is computed. ms_crc_update takes the last one that this processor has; the first is
 * everywhere. */
typedef enum {
    MS_CRC_TABLES, /* eight bytes a step, by table */
    MS_CRC_FOLD,   /* PCLMULQDQ, or PMULL of ARMv8 */
    MS_CRC_FOLD4,  /* VPCLMULQDQ on AVX-512 */
} ms_crc_engine;
enum { MS_CRC_ENGINES = 3 };

bool ms_crc_has(ms_crc_engine by);

/* The same by one engine, which this processor must have: for tests and measurements. */
uint64_t ms_crc_update_by(ms_crc_engine by, ms_crc_kind kind, uint64_t crc, ms_span data);

#endif
