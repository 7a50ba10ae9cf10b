/*
 * The highest rate of a ladder that a server holds, found by bisection. It only decides: somebody
 * else offers the rate and tells what came of it.
 *
 * The rungs are 5 % apart, from 30 to 123 % of a capacity that was measured before. The ladder of
 * each seed lies a part of a rung higher, drawn from the seed: runs of one block share a ladder,
 * and over the blocks two servers that differ by a part of a rung differ in that part of the
 * blocks.
 *
 * A rung is offered until it held once, broke the limit twice or found the generator late four
 * times, which ends the search. A disturbance of the host is no limit of the server, so one broken
 * offer says nothing; a late offer says nothing at all, whatever its latency was.
 */
#ifndef OC_VERIFY_SEARCH_H
#define OC_VERIFY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

/** Rungs, from 0; their distance; the lowest as a share of the capacity. */
#define OC_VERIFY__SEARCH_RUNGS  29U
#define OC_VERIFY__SEARCH_STEP   1.05
#define OC_VERIFY__SEARCH_LOWEST 0.30

struct oc_verify__search {
    double lowest_rate;
    double p99_limit_ns;
    double lag_limit_ns;
    uint32_t rung;      /* that is offered now */
    uint32_t held;      /* rungs below this one are taken to hold */
    uint32_t broken;    /* this one and those above do not */
    uint32_t breaks;    /* of the rung that is offered */
    uint32_t lates;     /* of the same */
    uint32_t offers;    /* told so far, in all */
    bool late;          /* over, because the generator was late too often */
    double lag_p99_ns;  /* the largest of the offers that counted; if late, of the last offer */
    double best_p99_ns; /* of the highest rung that held; NaN: none did */
};

/**
 * Begins a search. @capacity  requests a second, above 0. @seed  of the ladder's place.
 * @p99_limit_ns  a rung holds if its p99 is no higher. @lag_limit_ns  an offer with a higher p99 of
 * the generator's lag is late. Pure.
 */
void oc_verify__search_start(struct oc_verify__search *search, double capacity, uint64_t seed,
                             double p99_limit_ns, double lag_limit_ns);

/** The rate to offer next. False when the search is over. Pure. */
bool oc_verify__search_next(const struct oc_verify__search *search, double *rate);

/** What came of the rate that was offered. Pure. */
void oc_verify__search_tell(struct oc_verify__search *search, double p99_ns, double lag_p99_ns);

/** The highest rate that held; NaN if none did, or if the generator was late. Pure. */
double oc_verify__search_rate(const struct oc_verify__search *search);

#endif
