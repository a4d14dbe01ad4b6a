/* Each CRC by each engine that this processor has, against one bit at a time. */
#include "check.h"
#include "ms_crc.h"

static const struct {
    ms_crc_kind kind;
    int degree;
    uint64_t polynomial, check; /* reflected; the CRC of "123456789" */
} CATALOGUE[MS_CRC_KINDS] = {
    {MS_CRC32, 32, 0xedb88320, 0xcbf43926},
    {MS_CRC32C, 32, 0x82f63b78, 0xe3069283},
    {MS_CRC64NVME, 64, 0x9a6c9329ac4bc9b5, 0xae8b14860a799888},
};

static uint64_t bit_by_bit(int i, uint64_t crc, ms_span data) {
    uint64_t mask = ~0ULL >> (64 - CATALOGUE[i].degree);
    crc ^= mask;
    for (size_t at = 0; at < data.n; at++) {
        crc ^= (uint8_t)data.p[at];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? CATALOGUE[i].polynomial : 0);
    }
    return crc ^ mask;
}

static char text[64 * 1024];

static void fill(void) {
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof text; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)(state >> 24);
    }
}

static void test_catalogue(int i, ms_crc_engine by) {
    ms_crc_kind kind = CATALOGUE[i].kind;
    CHECK(ms_crc_update_by(by, kind, 0, MS_LITERAL("123456789")) == CATALOGUE[i].check);
    CHECK(ms_crc_update_by(by, kind, 0, (ms_span){"", 0}) == 0);
    CHECK(ms_crc_update_by(by, kind, 0, (ms_span){NULL, 0}) == 0);
    CHECK(ms_crc_update_by(by, kind, 7, (ms_span){NULL, 0}) == 7);
}

/* Every length to beyond two rounds of the widest engine, at every place within 64 bytes, the last
 * byte before a page that cannot be read. */
static void test_lengths(int i, ms_crc_engine by) {
    uint64_t state = 0x0123456789abcdef & (~0ULL >> (64 - CATALOGUE[i].degree));
    for (size_t n = 0; n <= 600; n++) {
        ms_span s = guarded((ms_span){text, n});
        uint64_t want = bit_by_bit(i, state, s);
        CHECK(ms_crc_update_by(by, CATALOGUE[i].kind, state, s) == want);
        char room[600 + 64];
        for (size_t at = 0; at < 64; at++) {
            memcpy(room + at, text, n);
            CHECK(ms_crc_update_by(by, CATALOGUE[i].kind, state, (ms_span){room + at, n}) == want);
        }
    }
}

static void test_splits(int i, ms_crc_engine by) {
    ms_crc_kind kind = CATALOGUE[i].kind;
    ms_span whole = {text, 1100};
    uint64_t want = bit_by_bit(i, 0, whole);
    for (size_t at = 0; at <= whole.n; at++) {
        uint64_t crc = ms_crc_update_by(by, kind, 0, (ms_span){whole.p, at});
        CHECK(ms_crc_update_by(by, kind, crc, (ms_span){whole.p + at, whole.n - at}) == want);
    }
    for (size_t step = 1; step <= 300; step += 7) {
        uint64_t crc = 0;
        for (size_t at = 0; at < whole.n; at += step) {
            size_t n = whole.n - at < step ? whole.n - at : step;
            crc = ms_crc_update_by(by, kind, crc, (ms_span){whole.p + at, n});
        }
        CHECK(crc == want);
    }
}

/* One bit in a long message: every constant of every engine has its part in it. */
static void test_long(int i, ms_crc_engine by) {
    ms_crc_kind kind = CATALOGUE[i].kind;
    static char zeros[4096];
    ms_span s = {zeros, sizeof zeros};
    for (size_t bit = 0; bit < 8 * sizeof zeros; bit += 61) {
        zeros[bit / 8] = (char)(1 << bit % 8);
        CHECK(ms_crc_update_by(by, kind, 0, s) == bit_by_bit(i, 0, s));
        zeros[bit / 8] = 0;
    }
    s = (ms_span){text, sizeof text};
    CHECK(ms_crc_update_by(by, kind, 0, s) == bit_by_bit(i, 0, s));
    CHECK(ms_crc_update(kind, 0, s) == bit_by_bit(i, 0, s));
}

int main(void) {
    fill();
    CHECK(ms_crc_has(MS_CRC_TABLES));
    for (int by = 0; by < MS_CRC_ENGINES; by++) {
        if (!ms_crc_has((ms_crc_engine)by)) {
            printf("%s: engine %d is not in this processor\n", __FILE__, by);
            continue;
        }
        for (int i = 0; i < MS_CRC_KINDS; i++) {
            test_catalogue(i, (ms_crc_engine)by);
            test_lengths(i, (ms_crc_engine)by);
            test_splits(i, (ms_crc_engine)by);
            test_long(i, (ms_crc_engine)by);
        }
    }
    return passed(__FILE__);
}
