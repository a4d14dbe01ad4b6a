#include "ms_target.h"

static ms_span after(ms_span s, const char *p) { return (ms_span){p, (size_t)(s.p + s.n - p)}; }

void ms_target_cut(ms_span target, ms_span *path, ms_span *query) {
    const char *mark = target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
    *path = target;
    *query = (ms_span){target.p + target.n, 0};
    if (mark != NULL) {
        path->n = (size_t)(mark - target.p);
        *query = after(target, mark + 1);
    }
}

int ms_target_split(ms_span target, bool virtual_hosted, ms_target *out) {
    if (target.n == 0 || *target.p != '/') return MS_BAD;
    if (memchr(target.p, '#', target.n) != NULL) return MS_BAD;
    ms_target_cut(target, &out->path, &out->query);

    const char *p = out->path.p + 1, *end = out->path.p + out->path.n;
    out->bucket = (ms_span){p, 0};
    if (!virtual_hosted) {
        while (p < end && *p == '/') p++;
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash != NULL ? slash : end;
        out->bucket = (ms_span){p, (size_t)(stop - p)};
        p = slash != NULL ? slash + 1 : end;
    }
    out->key = after(out->path, p);
    return MS_OK;
}

bool ms_key_is_unsafe(ms_span key) {
    size_t dots = 0, length = 0; /* of the current segment */
    for (size_t i = 0; i < key.n; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (c < 0x20 || c == 0x7f) return true;
        if (c == '/') {
            if (dots == length && (dots == 1 || dots == 2)) return true;
            dots = length = 0;
        } else {
            dots += c == '.';
            length++;
        }
    }
    return dots == length && (dots == 1 || dots == 2);
}
