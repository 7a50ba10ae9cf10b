/*
 * Strides of 14 rungs, nearly a doubling, up to the first rung that does not hold; then bisection
 * between the highest that held and the lowest that did not.
 */
#include "verify/search.h"

#include <math.h>

#include "core/assert.h"
#include "core/random.h"

/* Some 16,000 a second: three or four strides below what a server on one core holds. */
#define FIRST_RUNG 57U
#define STRIDE     14U
/* So many offers of one rung that break the limit decide it: in 150 ms, one stall of 2.5 ms is a
 * p99 of 1 ms. In the climb one more, because there a disturbance costs a factor. */
#define BREAKS_MAX       3U
#define BREAKS_MAX_CLIMB 4U
/* So many late ones are the generator's limit. More than of the others: a search of ten offers has
 * as many chances to meet a disturbance of the generator. */
#define LATES_MAX 4U

static double rung_rate(const struct oc_verify__search *search, int32_t rung);
static void break_rung(struct oc_verify__search *search, bool generator_late, double lag_p99_ns);
static void aim(struct oc_verify__search *search);

void oc_verify__search_start(struct oc_verify__search *search, uint64_t seed, double p99_limit_ns,
                             double lag_limit_ns)
{
    struct oc_random random;

    oc_random_init(&random, seed);
    *search = (struct oc_verify__search){
        .lowest_rate = OC_VERIFY__SEARCH_LOWEST *
                       pow(OC_VERIFY__SEARCH_STEP, oc_random_double(&random)),
        .p99_limit_ns = p99_limit_ns,
        .lag_limit_ns = lag_limit_ns,
        .broken = OC_VERIFY__SEARCH_RUNGS,
        .lag_p99_ns = NAN,
    };
    aim(search);
}

bool oc_verify__search_next(const struct oc_verify__search *search, double *rate)
{
    if (search->held == search->broken) {
        return false;
    }
    *rate = rung_rate(search, (int32_t)search->rung);
    return true;
}

void oc_verify__search_tell(struct oc_verify__search *search, double p99_ns, double lag_p99_ns)
{
    OC_ASSERT(search->held < search->broken);
    search->offers++;
    if (lag_p99_ns > search->lag_limit_ns) {
        if (++search->lates == LATES_MAX) {
            break_rung(search, true, lag_p99_ns);
        }
        return;
    }
    search->lag_p99_ns = fmax(search->lag_p99_ns, lag_p99_ns);
    if (p99_ns <= search->p99_limit_ns) {
        search->held = search->rung + 1;
        aim(search);
    } else if (++search->breaks ==
               (search->broken == OC_VERIFY__SEARCH_RUNGS ? BREAKS_MAX_CLIMB : BREAKS_MAX)) {
        break_rung(search, false, lag_p99_ns);
    }
}

double oc_verify__search_rate(const struct oc_verify__search *search)
{
    return rung_rate(search, (int32_t)search->held - 1);
}

static double rung_rate(const struct oc_verify__search *search, int32_t rung)
{
    return search->lowest_rate * pow(OC_VERIFY__SEARCH_STEP, rung);
}

static void break_rung(struct oc_verify__search *search, bool generator_late, double lag_p99_ns)
{
    search->broken = search->rung;
    search->generator_late = generator_late;
    search->late_p99_ns = lag_p99_ns;
    aim(search);
}

static void aim(struct oc_verify__search *search)
{
    if (search->broken < OC_VERIFY__SEARCH_RUNGS) {
        search->rung = search->held + (search->broken - search->held) / 2;
    } else if (search->held == 0) {
        search->rung = FIRST_RUNG;
    } else {
        /* The top rung is behind every generator: the climb ends before it. */
        search->rung = search->held - 1 + STRIDE;
        search->rung = search->rung < OC_VERIFY__SEARCH_RUNGS ? search->rung
                                                              : OC_VERIFY__SEARCH_RUNGS - 1;
    }
    search->breaks = 0;
    search->lates = 0;
}
