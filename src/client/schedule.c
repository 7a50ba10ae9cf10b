/*
 * The times of an open loop.
 *
 * A constant schedule multiplies instead of adding gaps, so that rounding never accumulates: the
 * millionth request is as exact as the first.
 */
#include "client/schedule.h"

#include "core/assert.h"

static void advance(struct oc_schedule *schedule);

void oc_schedule_start(struct oc_schedule *schedule, enum oc_arrivals arrivals, double rate,
                       uint32_t connection, uint32_t connections, uint64_t start_ns, uint64_t seed)
{
    OC_ASSERT(connection < connections);
    OC_ASSERT(arrivals == OC_ARRIVALS_CLOSED || rate > 0.0);
    *schedule = (struct oc_schedule){
        .arrivals = arrivals,
        .start_ns = start_ns,
        .next_ns = arrivals == OC_ARRIVALS_POISSON ? start_ns : UINT64_MAX,
        .rate = rate,
        .connections = connections,
        .connection = connection,
    };
    /* Neighbouring connections must not draw the same gaps. */
    oc_random_init(&schedule->random, seed ^ ((uint64_t)(connection + 1) * 0x9e3779b97f4a7c15ULL));
    advance(schedule);
}

bool oc_schedule_due(const struct oc_schedule *schedule, uint64_t now_ns)
{
    return schedule->arrivals == OC_ARRIVALS_CLOSED || schedule->next_ns <= now_ns;
}

uint64_t oc_schedule_take(struct oc_schedule *schedule, uint64_t sent_ns)
{
    uint64_t intended_ns = schedule->next_ns;

    schedule->index++;
    if (schedule->arrivals == OC_ARRIVALS_CLOSED) {
        return sent_ns;
    }
    advance(schedule);
    return intended_ns;
}

static void advance(struct oc_schedule *schedule)
{
    switch (schedule->arrivals) {
    case OC_ARRIVALS_CLOSED:
        break;
    case OC_ARRIVALS_CONSTANT: {
        double position = (double)(schedule->index * schedule->connections + schedule->connection);
        schedule->next_ns = schedule->start_ns + (uint64_t)(position * (1e9 / schedule->rate));
        break;
    }
    case OC_ARRIVALS_POISSON: {
        double mean_ns = 1e9 * (double)schedule->connections / schedule->rate;
        schedule->next_ns += (uint64_t)oc_random_exponential(&schedule->random, mean_ns);
        break;
    }
    }
}
