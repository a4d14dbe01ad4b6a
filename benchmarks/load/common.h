/* What the load generator and the backend share: time, sockets, and giving up. */
#ifndef MULTISTORE_LOAD_COMMON_H
#define MULTISTORE_LOAD_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Longest head that either tool reads. */
#define HEAD_MAX 16384
/* Bodies are sent from, and discarded in, pieces of this size: a buffer that stays in the cache. */
#define PIECE (1u << 20)
#define BATCH 256

static inline _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

static inline uint64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline struct sockaddr_in ipv4(const char *host, const char *port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &addr.sin_addr) != 1) {
        fprintf(stderr, "not an IPv4 address: %s\n", host);
        exit(2);
    }
    return addr;
}

/* Value of a field in a head that ends in a blank line, NULL without it. `name` ends in a colon. */
static inline const char *field(const char *head, const char *end, const char *name) {
    size_t n = strlen(name);
    for (const char *p = head; (p = memchr(p, '\n', (size_t)(end - p))) != NULL;) {
        p++;
        if ((size_t)(end - p) < n) return NULL;
        if (strncasecmp(p, name, n) == 0) {
            p += n;
            while (*p == ' ') p++;
            return p;
        }
    }
    return NULL;
}

/* Length of the head at the start of `data`, blank line included; 0 while it is not whole. */
static inline size_t head_length(const char *data, size_t n) {
    const char *p = memmem(data, n, "\r\n\r\n", 4);
    return p ? (size_t)(p - data) + 4 : 0;
}

#endif
