#include "ms_sigv4.h"

#include "ms_chars.h"
#include "ms_uri.h"

static const ms_span algorithm = {"AWS4-HMAC-SHA256", 16};

/* Cuts the next part off the front of *rest, up to `separator`; false when nothing is left.
 * Exactly as many parts come out as there are separators, and one more. */
static bool cut(ms_span *rest, char separator, ms_span *part) {
    if (rest->p == NULL) return false;
    const char *stop = memchr(rest->p, separator, rest->n);
    *part = *rest;
    if (stop == NULL) {
        *rest = (ms_span){NULL, 0};
    } else {
        part->n = (size_t)(stop - rest->p);
        rest->n -= part->n + 1;
        rest->p = stop + 1;
    }
    return true;
}

/* --- Authorization header ---------------------------------------------------------------------*/

static int refuse(ms_auth_fault *why, ms_auth_fault fault) {
    *why = fault;
    return MS_BAD;
}

/* ACCESS_KEY/DATE/REGION/SERVICE/aws4_request, each of visible ASCII. */
static bool credential(ms_span value, ms_authorization *out) {
    ms_span rest = value, parts[5], more;
    out->credential = value;
    for (size_t i = 0; i < 5; i++) {
        if (!cut(&rest, '/', &parts[i])) return false;
        if (!ms_all(parts[i], MS_C_TARGET | MS_C_TOKEN)) return false;
    }
    if (cut(&rest, '/', &more)) return false;
    out->access_key_id = parts[0];
    out->date = parts[1];
    out->region = parts[2];
    out->service = parts[3];
    out->scope = (ms_span){parts[1].p, (size_t)(value.p + value.n - parts[1].p)};
    return parts[1].n == 8 && ms_all(parts[1], MS_C_DIGIT) &&
           ms_equal(parts[4], MS_LITERAL("aws4_request"));
}

/* Value of a lower-case hex digit; above 15 for any other byte. Without a branch: the digits of a
 * signature are as good as random. */
static unsigned lower_hex(unsigned c) {
    unsigned digit = c - '0', letter = c - 'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static bool signature(ms_span value, ms_authorization *out) {
    out->signature = value;
    if (value.n != MS_SHA256_HEX) return false;
    unsigned wrong = 0;
    for (size_t i = 0; i < MS_SHA256_SIZE; i++) {
        unsigned high = lower_hex((uint8_t)value.p[2 * i]);
        unsigned low = lower_hex((uint8_t)value.p[2 * i + 1]);
        wrong |= high | low;
        out->mac[i] = (uint8_t)(high << 4 | low);
    }
    return wrong < 16;
}

int ms_authorization_parse(ms_span value, ms_authorization *out, ms_auth_fault *why,
                           ms_span *about) {
    ms_span rest = value, scheme = value, element;
    cut(&rest, ' ', &scheme);
    if (ms_equal(scheme, MS_LITERAL("AWS"))) return refuse(why, MS_AUTH_SIGV2);
    if (ms_equal(scheme, MS_LITERAL("AWS4-ECDSA-P256-SHA256"))) return refuse(why, MS_AUTH_SIGV4A);
    if (!ms_equal(scheme, algorithm)) return refuse(why, MS_AUTH_SCHEME);

    static const ms_span names[3] = {{"Credential", 10}, {"SignedHeaders", 13}, {"Signature", 9}};
    ms_span fields[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    while (cut(&rest, ',', &element)) {
        element = ms_trim(element);
        ms_span field = element, name = element;
        cut(&field, '=', &name);
        size_t i = 0;
        while (i < 3 && !ms_equal(name, names[i])) i++;
        if (field.p == NULL || i == 3) return refuse(why, MS_AUTH_FIELDS);
        *about = name;
        if (fields[i].p != NULL) return refuse(why, MS_AUTH_TWICE);
        fields[i] = field;
    }
    if (!fields[0].p || !fields[1].p || !fields[2].p) return refuse(why, MS_AUTH_FIELDS);
    out->signed_headers = fields[1];
    if (!credential(fields[0], out)) return refuse(why, MS_AUTH_CREDENTIAL);
    if (!signature(fields[2], out)) return refuse(why, MS_AUTH_SIGNATURE);
    return MS_OK;
}

/* --- Signed headers ---------------------------------------------------------------------------*/

static ms_span moved(ms_span part, ms_span from, ms_span to) {
    return (ms_span){to.p + (part.p - from.p), part.n};
}

bool ms_authorization_like(ms_span value, ms_span earlier, const ms_authorization *parts,
                           ms_authorization *out) {
    if (value.n != earlier.n || value.n < MS_SHA256_HEX) return false;
    size_t same = value.n - MS_SHA256_HEX;
    if (parts->signature.p != earlier.p + same || memcmp(value.p, earlier.p, same) != 0)
        return false;
    out->credential = moved(parts->credential, earlier, value);
    out->access_key_id = moved(parts->access_key_id, earlier, value);
    out->scope = moved(parts->scope, earlier, value);
    out->date = moved(parts->date, earlier, value);
    out->region = moved(parts->region, earlier, value);
    out->service = moved(parts->service, earlier, value);
    out->signed_headers = moved(parts->signed_headers, earlier, value);
    return signature((ms_span){value.p + same, MS_SHA256_HEX}, out);
}

bool ms_signed_has(ms_span signed_headers, ms_span name) {
    ms_span rest = signed_headers, part;
    while (cut(&rest, ';', &part))
        if (ms_equal(part, name)) return true;
    return false;
}

bool ms_signed_must(ms_span name) {
    if (ms_starts_with(name, MS_LITERAL("x-amz-"))) /* the hash is in the canonical request anyway */
        return !ms_equal(name, MS_LITERAL("x-amz-content-sha256"));
    return ms_equal(name, MS_LITERAL("host")) || ms_equal(name, MS_LITERAL("content-md5"));
}

/* Fields that mean something by their one value. */
static const ms_span single[] = {
    {"host", 4},            {"authorization", 13},        {"date", 4},
    {"x-amz-date", 10},     {"x-amz-content-sha256", 20}, {"x-amz-security-token", 20},
    {"content-length", 14}, {"x-amz-copy-source", 17},
};
enum { SINGLES = sizeof single / sizeof *single };

/* Their lengths: most names are told apart by this alone. */
#define SINGLE_LENGTHS (1u << 4 | 1u << 10 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 20)

/* The first field of `single` that occurs more than once, or SINGLES. */
static size_t find_repeated(const char *base, const ms_head *head) {
    unsigned seen = 0, repeated = 0;
    for (uint32_t i = 0; i < head->n_fields; i++) {
        ms_span name = ms_ref_span(base, head->fields[i].name);
        if (name.n > 20 || !(SINGLE_LENGTHS >> name.n & 1)) continue;
        for (size_t k = 0; k < SINGLES; k++)
            if (ms_equal(name, single[k])) {
                repeated |= seen & 1u << k;
                seen |= 1u << k;
            }
    }
    return repeated != 0 ? (size_t)__builtin_ctz(repeated) : SINGLES;
}

/* Names in lower case, sorted, none empty or twice. */
static int check_names(ms_span signed_headers, ms_auth_fault *why) {
    ms_span rest = signed_headers, name, before = {NULL, 0};
    bool sorted = true;
    while (cut(&rest, ';', &name)) {
        for (size_t i = 0; i < name.n; i++)
            if ((ms_class[(uint8_t)name.p[i]] & (MS_C_TOKEN | MS_C_UPPER)) != MS_C_TOKEN)
                return refuse(why, MS_AUTH_NAMES);
        if (name.n == 0) return refuse(why, MS_AUTH_NAMES);
        sorted = sorted && (before.p == NULL || ms_compare(before, name) < 0);
        before = name;
    }
    return sorted ? MS_OK : refuse(why, MS_AUTH_ORDER);
}

int ms_signed_check(const char *base, const ms_head *head, ms_span signed_headers,
                    ms_auth_fault *why, ms_span *about) {
    if (check_names(signed_headers, why) != MS_OK) return MS_BAD;
    size_t repeated = find_repeated(base, head);
    if (repeated < SINGLES) {
        *about = single[repeated];
        return refuse(why, MS_AUTH_REPEATED);
    }
    ms_span rest = signed_headers, name;
    uint32_t are = 0, must = 0; /* fields that are signed and must be; fields that must be */
    while (cut(&rest, ';', &name)) {
        *about = name;
        uint32_t i = ms_head_find(base, head, name, 0);
        if (i == head->n_fields) return refuse(why, MS_AUTH_ABSENT);
        if (ms_signed_must(name)) /* no name comes twice, so no field is counted twice */
            for (; i < head->n_fields; i = ms_head_find(base, head, name, i + 1)) are++;
    }
    for (uint32_t i = 0; i < head->n_fields; i++)
        must += ms_signed_must(ms_ref_span(base, head->fields[i].name));
    /* Without a Host field (HTTP/1.0) nothing above asks for it. */
    if (are < must || !ms_signed_has(signed_headers, MS_LITERAL("host")))
        return refuse(why, MS_AUTH_UNSIGNED);
    return MS_OK;
}

/* --- The canonical request, hashed as it is written -------------------------------------------*/

/* Trimmed, and each run of blanks as one ("sequential spaces"). */
static void put_value(ms_sha256 *hash, ms_span value) {
    value = ms_trim(value);
    const char *p = value.p, *end = value.p + value.n;
    while (p < end) {
        const char *blank = ms_find_blank(p, end);
        ms_sha256_update(hash, (ms_span){p, (size_t)(blank - p)});
        if (blank == end) break;
        ms_sha256_byte(hash, ' ');
        for (p = blank; *p == ' ' || *p == '\t';) p++; /* a value never ends in a blank */
    }
}

/* The decode-encode form. */
static void put_encoded(ms_sha256 *hash, ms_span s, bool path) {
    for (size_t i = 0; i < s.n;) {
        char c = ms_uri_next(s, !path, &i), escape[3];
        if (ms_is(c, MS_C_UNRESERVED) || (path && c == '/'))
            ms_sha256_byte(hash, c);
        else
            ms_sha256_update(hash, (ms_span){escape, (size_t)(ms_uri_encode((ms_span){&c, 1}, false,
                                                                           escape) - escape)});
    }
}

static void put_part(ms_sha256 *hash, ms_span s, bool path, bool encoded) {
    if (encoded)
        put_encoded(hash, s, path);
    else
        ms_sha256_update(hash, s);
}

/* <HTTPMethod>\n <CanonicalURI>\n <CanonicalQueryString>\n */
static void put_request_line(ms_sha256 *hash, const ms_sigv4_request *request) {
    ms_sha256_update(hash, request->method);
    ms_sha256_byte(hash, '\n');
    put_part(hash, request->path, true, request->encoded);
    ms_sha256_byte(hash, '\n');
    for (size_t i = 0; i < request->n_pairs; i++) {
        if (i > 0) ms_sha256_byte(hash, '&');
        put_part(hash, request->pairs[i].name, false, request->encoded);
        ms_sha256_byte(hash, '=');
        put_part(hash, request->pairs[i].value, false, request->encoded);
    }
    ms_sha256_byte(hash, '\n');
}

/* "AWS4-HMAC-SHA256" \n <RequestDateTime> \n <CredentialScope> \n <HashedCanonicalRequest> */
static void sign_string(const ms_hmac *key, const ms_sigv4_request *request, ms_sha256 *hash,
                        uint8_t out[MS_SHA256_SIZE]) {
    char hex[MS_SHA256_HEX];
    ms_sha256_final(hash, out);
    ms_sha256_hex(out, hex);
    ms_hmac_begin(key, hash);
    ms_sha256_update(hash, algorithm);
    ms_sha256_byte(hash, '\n');
    ms_sha256_update(hash, request->amz_date);
    ms_sha256_byte(hash, '\n');
    ms_sha256_update(hash, request->scope);
    ms_sha256_byte(hash, '\n');
    ms_sha256_update(hash, (ms_span){hex, sizeof hex});
    ms_hmac_end(key, hash, out);
}

void ms_sigv4_of_head(const ms_hmac *key, const ms_sigv4_request *request, const char *base,
                      const ms_head *head, ms_span signed_headers, uint8_t out[MS_SHA256_SIZE]) {
    ms_sha256 hash;
    ms_sha256_init(&hash);
    put_request_line(&hash, request);
    ms_span rest = signed_headers, name;
    while (cut(&rest, ';', &name)) { /* <CanonicalHeaders>\n */
        ms_sha256_update(&hash, name);
        ms_sha256_byte(&hash, ':');
        uint32_t first = ms_head_find(base, head, name, 0);
        for (uint32_t i = first; i < head->n_fields; i = ms_head_find(base, head, name, i + 1)) {
            if (i != first) ms_sha256_byte(&hash, ',');
            put_value(&hash, ms_ref_span(base, head->fields[i].value));
        }
        ms_sha256_byte(&hash, '\n');
    }
    ms_sha256_byte(&hash, '\n');
    ms_sha256_update(&hash, signed_headers); /* <SignedHeaders>\n */
    ms_sha256_byte(&hash, '\n');
    ms_sha256_update(&hash, request->payload); /* <HashedPayload> */
    sign_string(key, request, &hash, out);
}

static bool same_as_before(const ms_pair *fields, size_t i) {
    return i > 0 && ms_equal(fields[i].name, fields[i - 1].name);
}

void ms_sigv4_of_fields(const ms_hmac *key, const ms_sigv4_request *request,
                        const ms_pair *fields, size_t n, uint8_t out[MS_SHA256_SIZE]) {
    ms_sha256 hash;
    ms_sha256_init(&hash);
    put_request_line(&hash, request);
    for (size_t i = 0; i < n; i++) { /* <CanonicalHeaders>\n */
        if (same_as_before(fields, i)) {
            ms_sha256_byte(&hash, ',');
        } else {
            if (i > 0) ms_sha256_byte(&hash, '\n');
            ms_sha256_update(&hash, fields[i].name);
            ms_sha256_byte(&hash, ':');
        }
        put_value(&hash, fields[i].value);
    }
    if (n > 0) ms_sha256_byte(&hash, '\n');
    ms_sha256_byte(&hash, '\n');
    for (size_t i = 0; i < n; i++) { /* <SignedHeaders>\n */
        if (same_as_before(fields, i)) continue;
        if (i > 0) ms_sha256_byte(&hash, ';');
        ms_sha256_update(&hash, fields[i].name);
    }
    ms_sha256_byte(&hash, '\n');
    ms_sha256_update(&hash, request->payload); /* <HashedPayload> */
    sign_string(key, request, &hash, out);
}

/* --- Keys, names, comparison ------------------------------------------------------------------*/

void ms_sigv4_key(ms_span secret, ms_span date, ms_span region, ms_span service, ms_hmac *out) {
    ms_span prefix = MS_LITERAL("AWS4"), steps[4] = {date, region, service,
                                                     MS_LITERAL("aws4_request")};
    uint8_t derived[MS_SHA256_BLOCK];
    size_t size = prefix.n + secret.n;
    if (size > sizeof derived) { /* HMAC hashes a key longer than a block (RFC 2104 2) */
        ms_sha256 hash;
        ms_sha256_init(&hash);
        ms_sha256_update(&hash, prefix);
        ms_sha256_update(&hash, secret);
        ms_sha256_final(&hash, derived);
        ms_wipe(&hash, sizeof hash);
        size = MS_SHA256_SIZE;
    } else {
        memcpy(derived, prefix.p, prefix.n);
        memcpy(derived + prefix.n, secret.p, secret.n);
    }
    ms_hmac_key(out, (ms_span){(const char *)derived, size});
    for (size_t i = 0; i < 4; i++) {
        ms_hmac_of(out, steps[i], derived);
        ms_hmac_key(out, (ms_span){(const char *)derived, MS_SHA256_SIZE});
    }
    ms_wipe(derived, sizeof derived);
}

void ms_fields_sort(ms_pair *fields, size_t n) {
    /* Insertion: stable, and fields come nearly sorted or few. The cap on fields bounds it. */
    for (size_t i = 1; i < n; i++) {
        ms_pair field = fields[i];
        size_t j = i;
        for (; j > 0 && ms_compare(field.name, fields[j - 1].name) < 0; j--)
            fields[j] = fields[j - 1];
        fields[j] = field;
    }
}

char *ms_fields_names(const ms_pair *fields, size_t n, char *out) {
    for (size_t i = 0; i < n; i++) {
        if (same_as_before(fields, i)) continue;
        if (i > 0) *out++ = ';';
        memcpy(out, fields[i].name.p, fields[i].name.n);
        out += fields[i].name.n;
    }
    return out;
}

bool ms_sigv4_verify(const ms_hmac *key, ms_sigv4_request *request, ms_pair *pairs,
                     const char *base, const ms_head *head,
                     const ms_authorization *authorization) {
    uint8_t mac[MS_SHA256_SIZE];
    request->pairs = pairs;
    for (int form = 0; form < 2; form++) { /* as sent, then decode-encode: no third form (SEM-2) */
        request->encoded = form == 1;
        ms_query_sort(pairs, request->n_pairs, request->encoded);
        ms_sigv4_of_head(key, request, base, head, authorization->signed_headers, mac);
        if (ms_sha256_equal(mac, authorization->mac)) return true;
    }
    return false;
}
