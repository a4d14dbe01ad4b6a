/* A CRC is the remainder of the message, as a polynomial over GF(2), divided by a polynomial P of
 * degree 32 or 64. All three here are reflected: the lowest bit of a byte is the coefficient of the
 * highest power. So one code serves them all, with a register of 64 bits of which CRC-32 uses the
 * lower half. `crc` below is that register, without the complement at both ends.
 *
 * Folding (Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel 2009): a block that stands D bits before another one may be replaced by its
 * product with x^D mod P, added to the other. Each engine shortens the message in that way to one
 * block with the same remainder, which it leaves to the engine below.
 */
#include "ms_crc.h"

typedef struct {
    uint64_t mask; /* the bits of the register */
    uint64_t table[8][256];
    /* What a block is multiplied with to move it over so many bytes: one factor for its first
     * eight bytes, one for its last eight. */
    uint64_t over16[2], over64[2], over256[2];
} parameters;

typedef uint64_t engine(const parameters *c, uint64_t crc, const uint8_t *p, size_t n);

static parameters of_kind[MS_CRC_KINDS];

static uint64_t load64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Slicing-by-8 (Kounavis and Berry, 2005): table[i] moves a byte over i further ones. */
static uint64_t by_tables(const parameters *c, uint64_t crc, const uint8_t *p, size_t n) {
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word = load64(p) ^ crc;
        crc = 0;
        for (int i = 0; i < 8; i++) crc ^= c->table[7 - i][(word >> (8 * i)) & 0xff];
    }
    for (; n > 0; p++, n--) crc = c->table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul,sse4.1")))
#define FOLDS4 __attribute__((target("avx512f,vpclmulqdq")))

typedef __m128i block;

FOLDS static inline block load(const void *p) { return _mm_loadu_si128(p); }
FOLDS static inline void store(void *p, block x) { _mm_storeu_si128(p, x); }
FOLDS static inline block add(block x, block y) { return _mm_xor_si128(x, y); }
FOLDS static inline block low(uint64_t crc) { return _mm_cvtsi64_si128((long long)crc); }
FOLDS static inline block multiply(block x, block factors) {
    return add(_mm_clmulepi64_si128(x, factors, 0x00), _mm_clmulepi64_si128(x, factors, 0x11));
}

static bool has_fold(void) {
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
static bool has_fold4(void) {
    return has_fold() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
}

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define FOLDS __attribute__((target("+crypto")))

typedef uint64x2_t block;

FOLDS static inline block load(const void *p) { return vreinterpretq_u64_u8(vld1q_u8(p)); }
FOLDS static inline void store(void *p, block x) { vst1q_u8(p, vreinterpretq_u8_u64(x)); }
FOLDS static inline block add(block x, block y) { return veorq_u64(x, y); }
FOLDS static inline block low(uint64_t crc) { return vsetq_lane_u64(crc, vdupq_n_u64(0), 0); }
FOLDS static inline block multiply(block x, block factors) {
    poly64x2_t a = vreinterpretq_p64_u64(x), b = vreinterpretq_p64_u64(factors);
    poly128_t first = vmull_p64(vgetq_lane_p64(a, 0), vgetq_lane_p64(b, 0));
    return add(vreinterpretq_u64_p128(first), vreinterpretq_u64_p128(vmull_high_p64(a, b)));
}

static bool has_fold(void) {
#if defined(__ARM_FEATURE_AES)
    return true; /* the compiler was told so: every processor of Apple's */
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_PMULL) != 0;
#else
    return false;
#endif
}

#endif

#ifdef FOLDS

FOLDS static uint64_t by_fold(const parameters *c, uint64_t crc, const uint8_t *p, size_t n) {
    if (n >= 64) {
        block factors = load(c->over64);
        block x[4];
        uint8_t rest[16];
        for (int i = 0; i < 4; i++) x[i] = load(p + 16 * i);
        x[0] = add(x[0], low(crc));
        for (p += 64, n -= 64; n >= 64; p += 64, n -= 64)
            for (int i = 0; i < 4; i++) x[i] = add(multiply(x[i], factors), load(p + 16 * i));

        factors = load(c->over16);
        for (int i = 1; i < 4; i++) x[0] = add(multiply(x[0], factors), x[i]);
        for (; n >= 16; p += 16, n -= 16) x[0] = add(multiply(x[0], factors), load(p));
        store(rest, x[0]);
        crc = by_tables(c, 0, rest, sizeof rest);
    }
    return by_tables(c, crc, p, n);
}

#endif

#ifdef FOLDS4

FOLDS4 static inline __m512i fold4(__m512i x, __m512i factors, __m512i next) {
    __m512i first = _mm512_clmulepi64_epi128(x, factors, 0x00);
    __m512i last = _mm512_clmulepi64_epi128(x, factors, 0x11);
    return _mm512_ternarylogic_epi64(first, last, next, 0x96); /* the sum of the three */
}

FOLDS4 static uint64_t by_fold4(const parameters *c, uint64_t crc, const uint8_t *p, size_t n) {
    if (n >= 512) { /* below that the last step costs more than it saves */
        __m512i factors = _mm512_broadcast_i32x4(load(c->over256));
        __m512i x[4];
        uint8_t rest[64];
        for (int i = 0; i < 4; i++) x[i] = _mm512_loadu_si512(p + 64 * i);
        x[0] = _mm512_xor_si512(x[0], _mm512_zextsi128_si512(low(crc)));
        for (p += 256, n -= 256; n >= 256; p += 256, n -= 256)
            for (int i = 0; i < 4; i++) x[i] = fold4(x[i], factors, _mm512_loadu_si512(p + 64 * i));

        factors = _mm512_broadcast_i32x4(load(c->over64));
        for (int i = 1; i < 4; i++) x[0] = fold4(x[0], factors, x[i]);
        for (; n >= 64; p += 64, n -= 64) x[0] = fold4(x[0], factors, _mm512_loadu_si512(p));
        _mm512_storeu_si512(rest, x[0]);
        crc = by_fold(c, 0, rest, sizeof rest);
    }
    return by_fold(c, crc, p, n);
}

#endif

static engine *engines[MS_CRC_ENGINES] = {by_tables};
static engine *fastest = by_tables;

/* --- tables ------------------------------------------------------------------------------------- */

/* x^n mod P, in the upper bits of a word. The reflected product of two words has one power of x
 * more than its place says (127 bits stand in 128), which the callers leave out. */
static uint64_t power(uint64_t polynomial, int degree, unsigned n) {
    uint64_t x = 1ULL << (degree - 1);
    while (n-- > 0) x = (x >> 1) ^ (x & 1 ? polynomial : 0);
    return x << (64 - degree);
}

static void set_factors(uint64_t factors[2], uint64_t polynomial, int degree, unsigned bytes) {
    factors[0] = power(polynomial, degree, 8 * bytes + 64 - 1);
    factors[1] = power(polynomial, degree, 8 * bytes - 1);
}

static void prepare_kind(parameters *c, uint64_t polynomial, int degree) {
    c->mask = ~0ULL >> (64 - degree);
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t x = byte;
        for (int bit = 0; bit < 8; bit++) x = (x >> 1) ^ (x & 1 ? polynomial : 0);
        c->table[0][byte] = x;
    }
    for (int i = 1; i < 8; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t x = c->table[i - 1][byte];
            c->table[i][byte] = c->table[0][x & 0xff] ^ (x >> 8);
        }
    set_factors(c->over16, polynomial, degree, 16);
    set_factors(c->over64, polynomial, degree, 64);
    set_factors(c->over256, polynomial, degree, 256);
}

/* When the library is loaded, some 50 microseconds: afterwards everything is read only. */
__attribute__((constructor)) static void prepare(void) {
    prepare_kind(&of_kind[MS_CRC32], 0xedb88320, 32);
    prepare_kind(&of_kind[MS_CRC32C], 0x82f63b78, 32);
    prepare_kind(&of_kind[MS_CRC64NVME], 0x9a6c9329ac4bc9b5, 64);
#ifdef __x86_64__
    __builtin_cpu_init();
#endif
#ifdef FOLDS
    if (has_fold()) engines[MS_CRC_FOLD] = by_fold;
#endif
#ifdef FOLDS4
    if (has_fold4()) engines[MS_CRC_FOLD4] = by_fold4;
#endif
    for (int i = 0; i < MS_CRC_ENGINES; i++)
        if (engines[i] != NULL) fastest = engines[i];
}

/* --- interface ---------------------------------------------------------------------------------- */

static uint64_t run(engine *by, const parameters *c, uint64_t crc, ms_span data) {
    return by(c, crc ^ c->mask, (const uint8_t *)data.p, data.n) ^ c->mask;
}

uint64_t ms_crc_update(ms_crc_kind kind, uint64_t crc, ms_span data) {
    return run(fastest, &of_kind[kind], crc, data);
}

bool ms_crc_has(ms_crc_engine by) { return engines[by] != NULL; }

uint64_t ms_crc_update_by(ms_crc_engine by, ms_crc_kind kind, uint64_t crc, ms_span data) {
    return run(engines[by], &of_kind[kind], crc, data);
}
