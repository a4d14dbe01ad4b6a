/* What every test needs: input that ends at an unreadable page, and checks that name their line. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ms_base.h"

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);           \
            abort();                                                                  \
        }                                                                             \
    } while (0)

#define CHECK_SPAN(span, text) CHECK(ms_equal((span), MS_LITERAL(text)))

/* A copy of `s` whose last byte is the last one before a page that cannot be read: one byte too
 * far is a fault, sanitizer or not. One copy lives at a time. */
static inline ms_span guarded(ms_span s) {
    static char *area;
    static size_t room;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (area == NULL) {
        room = 64 * page;
        area = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(area != MAP_FAILED);
        CHECK(mprotect(area + room, page, PROT_NONE) == 0);
    }
    CHECK(s.n <= room);
    char *copy = area + room - s.n;
    if (s.n > 0) memcpy(copy, s.p, s.n);
    return (ms_span){copy, s.n};
}

static inline ms_span text_span(const char *text) { return (ms_span){text, strlen(text)}; }

static inline int passed(const char *file) {
    printf("ok %s\n", file);
    return 0;
}

#endif
