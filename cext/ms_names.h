/* A compiled set of lower-case header names and prefixes: one probe for most names. */
#ifndef MS_NAMES_H
#define MS_NAMES_H

#include "ms_base.h"

typedef struct {
    ms_span *slots; /* open addressing; an empty slot has p == NULL */
    size_t mask;    /* slots - 1, a power of two less one */
    const ms_span *prefixes;
    size_t n_prefixes;
} ms_names;

/* Slots that `n` names need. */
size_t ms_names_slots(size_t n);

/* Puts `n` names into `slots`, an array of ms_names_slots(n) that the caller has zeroed. */
void ms_names_build(ms_names *set, ms_span *slots, const ms_span *names, size_t n,
                    const ms_span *prefixes, size_t n_prefixes);

bool ms_names_has(const ms_names *set, ms_span name);

#endif
