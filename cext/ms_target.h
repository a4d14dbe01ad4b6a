/* A request target (RFC 9112 3.2.1) as S3 reads it (SEM-1): where its parts are, still encoded. */
#ifndef MS_TARGET_H
#define MS_TARGET_H

#include "ms_base.h"

typedef struct {
    ms_span path;   /* before "?" */
    ms_span query;  /* after "?", empty without one */
    ms_span bucket; /* path style: before the next raw "/"; empty if `virtual_hosted` */
    ms_span key;
} ms_target;

/* MS_BAD: no leading "/", or a fragment. */
int ms_target_split(ms_span target, bool virtual_hosted, ms_target *out);

/* A key with an ASCII control character, or with "." or ".." between its slashes. */
bool ms_key_is_unsafe(ms_span key);

/* Path and query alone, of any target. */
void ms_target_cut(ms_span target, ms_span *path, ms_span *query);

#endif
