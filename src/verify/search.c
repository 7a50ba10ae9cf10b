/*
 * Bisection between the highest rung that held and the lowest that did not.
 */
#include "verify/search.h"

#include <math.h>

#include "core/assert.h"
#include "core/random.h"

/* So many offers of one rung that break the limit decide it. */
#define BREAKS_MAX 2U
/* So many late ones end the search. More than of the others: a search of 5 to 10 offers has as many
 * chances to meet a disturbance of the generator, and trying again prefers no result. */
#define LATES_MAX 4U

static double rung_rate(const struct oc_verify__search *search, uint32_t rung);
static void aim(struct oc_verify__search *search);

void oc_verify__search_start(struct oc_verify__search *search, double capacity, uint64_t seed,
                             double p99_limit_ns, double lag_limit_ns)
{
    struct oc_random random;

    OC_ASSERT(capacity > 0);
    oc_random_init(&random, seed);
    *search = (struct oc_verify__search){
        .lowest_rate = capacity * OC_VERIFY__SEARCH_LOWEST *
                       pow(OC_VERIFY__SEARCH_STEP, oc_random_double(&random)),
        .p99_limit_ns = p99_limit_ns,
        .lag_limit_ns = lag_limit_ns,
        .broken = OC_VERIFY__SEARCH_RUNGS,
        .best_p99_ns = NAN,
    };
    aim(search);
}

bool oc_verify__search_next(const struct oc_verify__search *search, double *rate)
{
    if (search->late || search->held == search->broken) {
        return false;
    }
    *rate = rung_rate(search, search->rung);
    return true;
}

void oc_verify__search_tell(struct oc_verify__search *search, double p99_ns, double lag_p99_ns)
{
    OC_ASSERT(!search->late);
    OC_ASSERT(search->held < search->broken);
    search->offers++;
    if (lag_p99_ns > search->lag_limit_ns) {
        search->lates++;
        search->late = search->lates == LATES_MAX;
        search->lag_p99_ns = search->late ? lag_p99_ns : search->lag_p99_ns;
        return;
    }
    search->lag_p99_ns = fmax(search->lag_p99_ns, lag_p99_ns);
    if (p99_ns <= search->p99_limit_ns) {
        search->held = search->rung + 1;
        search->best_p99_ns = p99_ns;
        aim(search);
    } else if (++search->breaks == BREAKS_MAX) {
        search->broken = search->rung;
        aim(search);
    }
}

double oc_verify__search_rate(const struct oc_verify__search *search)
{
    return search->late || search->held == 0 ? NAN : rung_rate(search, search->held - 1);
}

static double rung_rate(const struct oc_verify__search *search, uint32_t rung)
{
    return search->lowest_rate * pow(OC_VERIFY__SEARCH_STEP, rung);
}

/* At the middle of what is open. */
static void aim(struct oc_verify__search *search)
{
    search->rung = search->held + (search->broken - search->held) / 2;
    search->breaks = 0;
    search->lates = 0;
}
