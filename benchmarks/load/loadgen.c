/* loadgen HOST PORT CONNECTIONS SECONDS REQUESTS [-b BODY | -f FILE] [-n MAX] [-R RATE]
 *
 * Plays the requests of a file, round and round, over CONNECTIONS keep-alive connections for
 * SECONDS or MAX requests, whichever ends first, and lets those under way finish. The file holds
 * whole request heads, each after its length (32 bits, little-endian). `-b`: each is followed by
 * BODY bytes, `-f`: by those of FILE. Answers must have a Content-Length; their bodies are counted,
 * not copied (MSG_TRUNC).
 *
 * Closed loop: a connection sends its next request when the answer to the last is whole.
 * Open loop (`-R`, requests per second): requests fall due by the clock, and latency counts from
 * then, so that a stall is charged to every request that it delayed (no coordinated omission).
 *
 * Prints one line of JSON. One thread, level-triggered epoll.
 */
#include "common.h"
#include <sys/resource.h>
#include <sys/stat.h>

/* Grace for the last answers, ns. What is not there by then is an error. */
#define DRAIN 10000000000ull
/* Errors after which the run is pointless. */
#define ERRORS_MAX 100

/* Log-linear histogram: 64 buckets per power of two, so a value is kept within 1.6 %. */
#define SUB 64
static uint64_t histogram[SUB * 59];

struct request { const char *head; size_t len; };

struct conn {
    int fd;
    uint32_t interest;
    bool busy, in_body, last; /* `last`: the peer announced "Connection: close" */
    uint64_t start;           /* when the request was sent, or fell due */
    const struct request *request;
    uint64_t sent;            /* bytes of head and body */
    uint64_t body_left;
    int status;
    size_t used;
    char in[HEAD_MAX];
};

static struct sockaddr_in peer;
static int epoll_fd;
static char piece[PIECE];
static char *body; /* of every request; NULL: anything of `body_bytes` */
static struct request *requests;
static size_t request_count, next_request;
static struct conn **idle;
static size_t idle_count;
static uint64_t body_bytes, most = UINT64_MAX, started, finished, body_in, body_out, errors, reconnects, slowest;
static uint64_t statuses[600];
static uint64_t deadline;
static double rate;

static void record(uint64_t ns) {
    int shift = ns < SUB ? 0 : 63 - __builtin_clzll(ns) - 6;
    histogram[ns < SUB ? ns : (uint64_t)(shift + 1) * SUB + (ns >> shift) - SUB]++;
    if (ns > slowest) slowest = ns;
}

static double percentile_us(double p) {
    uint64_t rank = (uint64_t)((double)finished * p), seen = 0;
    for (size_t i = 0; i < sizeof histogram / sizeof *histogram; i++) {
        seen += histogram[i];
        if (seen > rank) return (double)(i < SUB ? i : (SUB + i % SUB) << (i / SUB - 1)) / 1e3;
    }
    return (double)slowest / 1e3;
}

static void want(struct conn *c, uint32_t events) {
    if (c->interest == events) return;
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev) < 0) die("epoll_ctl");
    c->interest = events;
}

/* Blocking connect: on loopback it costs less than a state of its own. */
static void dial(struct conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&peer, sizeof peer) < 0) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->interest = 0;
    c->used = 0;
    c->last = false;
    want(c, EPOLLIN);
}

static void redial(struct conn *c) {
    close(c->fd);
    dial(c);
}

/* Sends what the socket takes of head and body. */
static bool send_more(struct conn *c) {
    uint64_t head = c->request->len, total = head + body_bytes;
    while (c->sent < total) {
        size_t of_head = c->sent < head ? (size_t)(head - c->sent) : 0;
        uint64_t of_body = total - (of_head ? head : c->sent);
        struct iovec iov[2] = {
            {(char *)c->request->head + (head - of_head), of_head},
            {body ? body + (body_bytes - of_body) : piece, of_body < PIECE ? (size_t)of_body : PIECE},
        };
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return want(c, EPOLLIN | EPOLLOUT), true;
        if (n < 0) return false;
        c->sent += (uint64_t)n;
        body_out += (uint64_t)n - ((size_t)n < of_head ? (size_t)n : of_head);
    }
    want(c, EPOLLIN);
    return true;
}

static void become_idle(struct conn *c) {
    c->busy = false;
    idle[idle_count++] = c;
}

static void fail(struct conn *c) {
    errors++;
    redial(c);
    become_idle(c);
}

static bool may_start(uint64_t now) {
    return now < deadline && started < most && errors < ERRORS_MAX;
}

static void start(uint64_t when) {
    struct conn *c = idle[--idle_count];
    c->busy = true;
    c->in_body = false;
    c->start = when;
    c->sent = 0;
    c->request = &requests[next_request];
    next_request = next_request + 1 == request_count ? 0 : next_request + 1;
    started++;
    if (!send_more(c)) fail(c);
}

static void finish(struct conn *c) {
    uint64_t now = now_ns();
    record(now - c->start);
    statuses[c->status]++;
    finished++;
    /* An answer before the body was sent: the rest of the body must not become a request. */
    if (c->last || c->sent < c->request->len + body_bytes) {
        reconnects++;
        redial(c);
    }
    become_idle(c);
    if (!rate && may_start(now)) start(now);
}

/* Status, framing; the part of the body that came along is counted. False: not an answer of ours. */
static bool accept_head(struct conn *c, size_t n) {
    const char *end = c->in + n;
    const char *length = field(c->in, end, "content-length:"), *connection = field(c->in, end, "connection:");
    if (strncmp(c->in, "HTTP/1.1 ", 9) != 0) return false;
    c->status = atoi(c->in + 9);
    if (c->status < 200 || c->status > 599 || (!length && c->status != 204)) return false;
    c->last = connection && strncasecmp(connection, "close", 5) == 0;
    c->body_left = length ? strtoull(length, NULL, 10) : 0;
    size_t came = c->used - n;
    if (came > c->body_left) return false;
    c->body_left -= came;
    body_in += came;
    c->used = 0;
    c->in_body = true;
    return true;
}

static bool on_readable(struct conn *c) {
    if (c->in_body) {
        ssize_t n = recv(c->fd, piece, c->body_left < PIECE ? (size_t)c->body_left : PIECE, MSG_TRUNC | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0) return false;
        c->body_left -= (uint64_t)n;
        body_in += (uint64_t)n;
    } else {
        ssize_t n = recv(c->fd, c->in + c->used, HEAD_MAX - c->used, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0 || !c->busy) return false;
        c->used += (size_t)n;
        size_t head = head_length(c->in, c->used);
        if (head == 0) return c->used < HEAD_MAX;
        if (!accept_head(c, head)) return false;
    }
    if (c->body_left == 0) finish(c);
    return true;
}

static void read_requests(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    uint32_t len;
    while (fread(&len, sizeof len, 1, f) == 1) {
        char *head = malloc(len);
        if (!head || fread(head, 1, len, f) != len) die(path);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests) die("realloc");
        requests[request_count++] = (struct request){head, len};
    }
    fclose(f);
    if (request_count == 0) {
        fprintf(stderr, "%s: no requests\n", path);
        exit(2);
    }
}

static void print_result(uint64_t begin, uint64_t end) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"responses\":%llu,\"errors\":%llu,\"reconnects\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
           "\"body_in\":%llu,\"body_out\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"status\":{",
           (unsigned long long)finished, (unsigned long long)errors, (unsigned long long)reconnects,
           (double)(end - begin) / 1e9, cpu, (unsigned long long)body_in, (unsigned long long)body_out,
           percentile_us(0.50), percentile_us(0.99), (double)slowest / 1e3);
    const char *comma = "";
    for (int i = 0; i < 600; i++)
        if (statuses[i]) {
            printf("%s\"%d\":%llu", comma, i, (unsigned long long)statuses[i]);
            comma = ",";
        }
    printf("}}\n");
}

/* The same body for every request. */
static void read_body(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) < 0) die(path);
    body_bytes = (uint64_t)info.st_size;
    body = malloc(body_bytes);
    if (!body || fread(body, 1, body_bytes, file) != body_bytes) die(path);
    fclose(file);
}

int main(int argc, char **argv) {
    for (int o; (o = getopt(argc, argv, "b:f:n:R:")) != -1;) {
        if (o == 'b') body_bytes = strtoull(optarg, NULL, 10);
        else if (o == 'f') read_body(optarg);
        else if (o == 'n') most = strtoull(optarg, NULL, 10);
        else if (o == 'R') rate = atof(optarg);
        else return 2;
    }
    if (argc - optind != 5) {
        fprintf(stderr, "usage: loadgen [-b BODY | -f FILE] [-n MAX] [-R RATE] HOST PORT CONNECTIONS SECONDS REQUESTS\n");
        return 2;
    }
    argv += optind;
    peer = ipv4(argv[0], argv[1]);
    size_t count = (size_t)atoi(argv[2]);
    read_requests(argv[4]);
    memset(piece, 'x', sizeof piece);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct conn *conns = calloc(count, sizeof *conns);
    idle = calloc(count, sizeof *idle);
    if (!conns || !idle) die("calloc");
    for (size_t i = 0; i < count; i++) {
        dial(&conns[i]);
        become_idle(&conns[i]);
    }
    uint64_t begin = now_ns(), now = begin;
    deadline = begin + (uint64_t)(atof(argv[3]) * 1e9);
    while (now < deadline + DRAIN && (may_start(now) || idle_count < count)) {
        struct timespec pause = {.tv_nsec = 100000000};
        if (rate) {
            uint64_t due = begin;
            while (idle_count && may_start(now) && (due = begin + (uint64_t)((double)started * 1e9 / rate)) <= now)
                start(due);
            if (due > now && due - now < 100000000) pause.tv_nsec = (long)(due - now);
        } else {
            while (idle_count && may_start(now)) start(now);
        }
        struct epoll_event events[BATCH];
        int n = epoll_pwait2(epoll_fd, events, BATCH, &pause, NULL);
        if (n < 0 && errno != EINTR) die("epoll_pwait2");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c->busy) {
                /* An idle connection has nothing to say: the peer closed it. */
                reconnects++;
                redial(c);
            } else if (((events[i].events & EPOLLOUT) && !send_more(c)) ||
                       ((events[i].events & ~(uint32_t)EPOLLOUT) && !on_readable(c))) {
                fail(c);
            }
        }
        now = now_ns();
    }
    errors += count - idle_count;
    print_result(begin, now);
    return 0;
}
