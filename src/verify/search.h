/*
 * The highest rate of a ladder that a server holds: climbed in big steps until one does not hold,
 * then found by bisection. It only decides: somebody else offers the rate and tells what came of
 * it.
 *
 * The rungs are 5 % apart, from 1,000 a second to far beyond what one generator can send. The
 * ladder of each seed lies a part of a rung higher, drawn from the seed, which is another one for
 * each run: a result is rounded down by up to a rung, at random, so that ratios of two servers lie
 * evenly around the true one and their medians are no multiples of a rung. The ladder knows nothing
 * of the servers, so nothing measured before moves a result.
 *
 * A rung is offered until it held once, broke the limit three times (in the climb four times,
 * because nothing above it is tried again) or found the generator late four times. A disturbance of
 * the host is no limit of the server, so one broken offer says nothing; a late offer says nothing
 * at all, whatever its latency was. Where the generator stays late is its own limit: if the search
 * ends below such a rung, the server holds at least what was found.
 */
#ifndef OC_VERIFY_SEARCH_H
#define OC_VERIFY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

/** Rungs, from 0; their distance; the rate of the lowest, a second. */
#define OC_VERIFY__SEARCH_RUNGS  200U
#define OC_VERIFY__SEARCH_STEP   1.05
#define OC_VERIFY__SEARCH_LOWEST 1000.0

struct oc_verify__search {
    double lowest_rate;
    double p99_limit_ns;
    double lag_limit_ns;
    uint32_t rung;       /* that is offered now */
    uint32_t held;       /* rungs below this one are taken to hold */
    uint32_t broken;     /* this one and those above do not; RUNGS: none was found yet */
    uint32_t breaks;     /* of the rung that is offered */
    uint32_t lates;      /* of the same */
    uint32_t offers;     /* told so far, in all */
    bool generator_late; /* at `broken`: the limit found is the generator's */
    double lag_p99_ns;   /* the largest of the offers that counted; NaN: none did */
    double late_p99_ns;  /* the lag of the last offer at `broken`, if generator_late */
};

/**
 * Begins a search. @seed  of the ladder's place. @p99_limit_ns  a rung holds if its p99 is no
 * higher. @lag_limit_ns  an offer with a higher p99 of the generator's lag is late. Pure.
 */
void oc_verify__search_start(struct oc_verify__search *search, uint64_t seed, double p99_limit_ns,
                             double lag_limit_ns);

/** The rate to offer next. False when the search is over. Pure. */
bool oc_verify__search_next(const struct oc_verify__search *search, double *rate);

/** What came of the rate that was offered. Pure. */
void oc_verify__search_tell(struct oc_verify__search *search, double p99_ns, double lag_p99_ns);

/**
 * The highest rate that held. If none did and the generator was not late, one rung below the
 * lowest: the server holds less than the ladder has, and a pair of runs compares it as that. With
 * generator_late, the server holds at least this, if any rung held. Pure.
 */
double oc_verify__search_rate(const struct oc_verify__search *search);

#endif
