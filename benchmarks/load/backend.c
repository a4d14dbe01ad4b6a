/* backend PORT [ACCESS_KEY]: an S3-like store without a store, for measuring what stands before it.
 *
 * GET and HEAD answer by the last segment of the path, which is the object's size ("/b/x/64k",
 * "/b/x/16m"); a PUT body is read, not copied (MSG_TRUNC), and answered once it is whole.
 * Anything else is 404. One thread, one level-triggered epoll set, keep-alive, 127.0.0.1 only.
 *
 * "GET /-/stats" tells what passed, in JSON: requests, body bytes in and out, and how many heads
 * carried a SigV4 credential of ACCESS_KEY, which proves that a gateway re-signed them.
 *
 * Each connection:  HEAD --(Content-Length)--> BODY --> REPLY --> HEAD
 */
#include "common.h"

enum state { HEAD, BODY, REPLY };

struct conn {
    int fd;
    enum state state;
    uint32_t interest;
    uint64_t body_left;  /* of the request, not yet read */
    uint64_t reply_left; /* body of the answer, not yet sent */
    size_t out_len, out_sent;
    size_t used;
    bool put, counted;
    char out[1024]; /* head of the answer */
    char in[HEAD_MAX];
};

static int epoll_fd;
static char piece[PIECE];
static const char *credential;
static struct { uint64_t requests, body_in, body_out, signed_heads; } stats;

/* What S3 sends before an object's bytes, about 360 bytes. */
static const char OBJECT_HEAD[] =
    "HTTP/1.1 200 OK\r\n"
    "x-amz-id-2: mJ6jQ2b1pXk0c3VhGmTn3m8Yx2Qd7v5o1Rr9sT4uWzLkA0bCdEfGhIjKlMnOpQrS\r\n"
    "x-amz-request-id: 5F3QZ8W1X9V2K7TA\r\n"
    "Date: Tue, 25 Nov 2025 12:00:00 GMT\r\n"
    "Last-Modified: Mon, 24 Nov 2025 08:30:00 GMT\r\n"
    "ETag: \"9b2cf535f27731c974343645a3985328\"\r\n"
    "Accept-Ranges: bytes\r\n"
    "Content-Type: binary/octet-stream\r\n"
    "Server: AmazonS3\r\n"
    "Content-Length: %llu\r\n\r\n";

static const char STORED_HEAD[] =
    "HTTP/1.1 200 OK\r\n"
    "x-amz-id-2: mJ6jQ2b1pXk0c3VhGmTn3m8Yx2Qd7v5o1Rr9sT4uWzLkA0bCdEfGhIjKlMnOpQrS\r\n"
    "x-amz-request-id: 5F3QZ8W1X9V2K7TA\r\n"
    "Date: Tue, 25 Nov 2025 12:00:00 GMT\r\n"
    "ETag: \"9b2cf535f27731c974343645a3985328\"\r\n"
    "Server: AmazonS3\r\n"
    "Content-Length: 0\r\n\r\n";

static void want(struct conn *c, uint32_t events) {
    if (c->interest == events) return;
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev) < 0) die("epoll_ctl");
    c->interest = events;
}

static void drop(struct conn *c) {
    close(c->fd);
    free(c);
}

/* "…/64k HTTP/1.1" or "…/64k?x-id=GetObject HTTP/1.1" -> 65536; -1 when it names no size. */
static int64_t object_size(const char *line) {
    size_t n = strcspn(strchr(line, ' ') + 1, " ?\r");
    const char *target = strchr(line, ' ') + 1, *end = target + n, *p = end;
    while (p > target && p[-1] != '/') p--;
    char *unit;
    unsigned long long size = strtoull(p, &unit, 10);
    if (unit == p) return -1;
    if (unit < end && *unit == 'k') size <<= 10, unit++;
    else if (unit < end && *unit == 'm') size <<= 20, unit++;
    else if (unit < end && *unit == 'g') size <<= 30, unit++;
    return unit == end ? (int64_t)size : -1;
}

static void set_stats(struct conn *c) {
    char body[256];
    int n = snprintf(body, sizeof body,
                     "{\"requests\":%llu,\"body_in\":%llu,\"body_out\":%llu,\"signed\":%llu}\n",
                     (unsigned long long)stats.requests, (unsigned long long)stats.body_in,
                     (unsigned long long)stats.body_out, (unsigned long long)stats.signed_heads);
    c->out_len = (size_t)snprintf(c->out, sizeof c->out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body);
}

/* Reads the request head at the start of `in` and prepares the answer. False: hopeless. */
static bool accept_head(struct conn *c, size_t n) {
    const char *head = c->in, *end = head + n;
    c->out_sent = c->reply_left = c->body_left = 0;
    c->put = strncmp(head, "PUT ", 4) == 0;
    c->counted = strncmp(head, "GET /-/stats ", 13) != 0;
    bool get = strncmp(head, "GET ", 4) == 0, has_body = false;
    if (!c->put && !get && strncmp(head, "HEAD ", 5) != 0) return false;
    if (field(head, end, "transfer-encoding:")) return false;
    const char *length = field(head, end, "content-length:");
    if (length) c->body_left = strtoull(length, NULL, 10);
    stats.signed_heads += credential && memmem(head, n, credential, strlen(credential)) != NULL;
    if (!c->counted) {
        set_stats(c);
    } else if (c->put) {
        c->out_len = (size_t)snprintf(c->out, sizeof c->out, "%s", STORED_HEAD);
    } else {
        int64_t size = object_size(head);
        has_body = get && size > 0;
        if (size < 0)
            c->out_len = (size_t)snprintf(c->out, sizeof c->out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        else
            c->out_len = (size_t)snprintf(c->out, sizeof c->out, OBJECT_HEAD, (unsigned long long)size);
        if (has_body) c->reply_left = (uint64_t)size;
    }
    c->used -= n;
    memmove(c->in, c->in + n, c->used);
    return true;
}

/* Sends what is left of the answer. 1: all of it; 0: the socket is full; -1: the peer is gone. */
static int send_reply(struct conn *c) {
    while (c->out_sent < c->out_len || c->reply_left) {
        struct iovec iov[2] = {
            {c->out + c->out_sent, c->out_len - c->out_sent},
            {piece, c->reply_left < PIECE ? c->reply_left : PIECE},
        };
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        size_t of_head = (size_t)n < iov[0].iov_len ? (size_t)n : iov[0].iov_len;
        c->out_sent += of_head;
        c->reply_left -= (uint64_t)n - of_head;
        stats.body_out += (uint64_t)n - of_head;
    }
    return 1;
}

/* Goes on as far as the buffered bytes and the socket allow. False: the connection is over. */
static bool advance(struct conn *c) {
    for (;;) {
        if (c->state == HEAD) {
            size_t n = head_length(c->in, c->used);
            if (n == 0) return c->used < HEAD_MAX ? want(c, EPOLLIN), true : false;
            if (!accept_head(c, n)) return false;
            c->state = BODY;
        }
        if (c->state == BODY) {
            size_t n = c->used < c->body_left ? c->used : (size_t)c->body_left;
            c->used -= n;
            memmove(c->in, c->in + n, c->used);
            c->body_left -= n;
            stats.body_in += n;
            if (c->body_left) return want(c, EPOLLIN), true;
            stats.requests += c->counted;
            c->state = REPLY;
        }
        int sent = send_reply(c);
        if (sent < 0) return false;
        if (sent == 0) return want(c, EPOLLOUT), true;
        c->state = HEAD;
    }
}

static bool on_readable(struct conn *c) {
    ssize_t n;
    if (c->state == BODY) {
        size_t most = c->body_left < PIECE ? (size_t)c->body_left : PIECE;
        /* tcp(7): MSG_TRUNC on a stream discards the bytes instead of copying them. */
        n = recv(c->fd, piece, most, MSG_TRUNC);
        if (n > 0) {
            c->body_left -= (uint64_t)n;
            stats.body_in += (uint64_t)n;
        }
    } else {
        n = recv(c->fd, c->in + c->used, HEAD_MAX - c->used, 0);
        if (n > 0) c->used += (size_t)n;
    }
    if (n < 0) return errno == EAGAIN;
    return n > 0 && advance(c);
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct conn *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        c->fd = fd;
        want(c, EPOLLIN);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: backend PORT [ACCESS_KEY]\n");
        return 2;
    }
    if (argc > 2 && asprintf((char **)&credential, "Credential=%s/", argv[2]) < 0) die("asprintf");
    memset(piece, 'x', sizeof piece);
    struct sockaddr_in addr = ipv4("127.0.0.1", argv[1]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(listener, 1024) < 0) die("listen");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, events[BATCH];
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev) < 0) die("epoll_ctl");
    for (;;) {
        int n = epoll_wait(epoll_fd, events, BATCH, -1);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c == NULL)
                accept_all(listener);
            else if (!(c->state == REPLY ? advance(c) : on_readable(c)))
                drop(c);
        }
    }
}
