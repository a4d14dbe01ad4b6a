#include "ms_names.h"

size_t ms_names_slots(size_t n) {
    size_t slots = 8;
    while (slots < 4 * n) slots *= 2; /* at most a quarter full: misses end at once */
    return slots;
}

/* Header names differ in length and in their last words; names are never empty here. */
static size_t hash_name(ms_span name) {
    uint8_t last = (uint8_t)name.p[name.n - 1], middle = (uint8_t)name.p[name.n / 2];
    return name.n * 7 + last * 3 + middle * 5 + (uint8_t)name.p[name.n - 1 - name.n / 4];
}

void ms_names_build(ms_names *set, ms_span *slots, const ms_span *names, size_t n,
                    const ms_span *prefixes, size_t n_prefixes) {
    *set = (ms_names){slots, ms_names_slots(n) - 1, prefixes, n_prefixes};
    for (size_t i = 0; i < n; i++) {
        if (names[i].n == 0) continue;
        size_t at = hash_name(names[i]) & set->mask;
        while (slots[at].p != NULL) at = (at + 1) & set->mask;
        slots[at] = names[i];
    }
}

bool ms_names_has(const ms_names *set, ms_span name) {
    if (name.n == 0) return false;
    for (size_t at = hash_name(name) & set->mask; set->slots[at].p != NULL;
         at = (at + 1) & set->mask)
        if (ms_equal(set->slots[at], name)) return true;
    for (size_t i = 0; i < set->n_prefixes; i++)
        if (ms_starts_with(name, set->prefixes[i])) return true;
    return false;
}
