/*
 * What one command costs the engine, without network and codec.
 *
 * The flow is the `equity` flow of the load generator (client/equity.h) with 20,000 resting orders,
 * spread over 1, 100 and 1,000 instruments. Each round makes an engine, fills the book untimed,
 * then applies the same commands; the consumer releases the events every 64 commands, as a turn of
 * the server does. Commands are made ready in batches outside the timed part. Time is the thread's
 * CPU time, so that other processes of a shared host count less; printed are the fastest and the
 * median round in nanoseconds for each command. The hash folds the final state: it must not change
 * when only the speed does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/equity.h"
#include "core/assert.h"
#include "engine/engine.h"

#define ROUND_COUNT   5U
#define REQUEST_COUNT 1000000U
#define RESTING_COUNT 20000U
#define BATCH_COUNT   1024U
#define TURN_COUNT    64U
#define LOG_CAPACITY  1024U
#define SEED          23U
#define USER_ID       101U

/** One engine and its only consumer. */
struct venue {
    struct oc_arena arena;
    struct oc_event_log log;
    struct oc_engine *engine;
    uint32_t consumer;
    uint64_t sequence;
    uint64_t event_count;
};

static void row(uint32_t instruments);
static uint64_t round_run(const struct oc_script *script, struct venue *venue);
static void venue_begin(struct venue *venue);
static uint64_t venue_apply(struct venue *venue, const struct oc_script *script, uint32_t from,
                            uint32_t to);
static void venue_command(struct venue *venue, const struct oc_command *command);
static void venue_release(struct venue *venue);
static uint64_t now_ns(void);
static int compare_u64(const void *left, const void *right);

int main(void)
{
    printf("engine: equity flow, %u requests, %u resting orders, %u rounds, seed %u\n",
           REQUEST_COUNT, RESTING_COUNT, ROUND_COUNT, SEED);
    printf("%11s %12s %12s %9s %9s  %s\n", "instruments", "fastest ns", "median ns", "events",
           "trades", "hash");
    row(1);
    row(100);
    row(1000);
    return 0;
}

static void row(uint32_t instruments)
{
    struct oc_equity_config config = {
        .seed = SEED,
        .user_id = USER_ID,
        .instruments = instruments,
        .resting = RESTING_COUNT,
        .request_count = REQUEST_COUNT,
    };
    struct oc_script script = {0};
    struct oc_equity_facts facts;
    uint64_t rounds_ns[ROUND_COUNT];
    uint64_t hash = 0;
    uint64_t event_count = 0;
    uint32_t timed_count;

    OC_ASSERT(oc_equity_prepare(&config, &script, &facts) == 0);
    timed_count = script.request_count - script.preload_count;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        struct venue venue;

        venue_begin(&venue);
        rounds_ns[round] = round_run(&script, &venue);
        hash = oc_engine_state_hash(venue.engine);
        event_count = venue.event_count;
        oc_arena_deinit(&venue.arena);
    }
    qsort(rounds_ns, ROUND_COUNT, sizeof(rounds_ns[0]), compare_u64);
    printf("%11" PRIu32 " %12.1f %12.1f %9" PRIu64 " %9" PRIu64 "  %016" PRIx64 "\n", instruments,
           (double)rounds_ns[0] / timed_count, (double)rounds_ns[ROUND_COUNT / 2] / timed_count,
           event_count, facts.trades, hash);
    oc_script_deinit(&script);
}

static void venue_begin(struct venue *venue)
{
    struct oc_engine_config config = {
        .limits = OC_LIMITS_DEFAULT,
        .instruments_on_first_use = true,
    };
    struct oc_command open = {
        .kind = OC_COMMAND_SESSION_OPEN,
        .session = oc_session_make(0, 1),
        .sequence = 1,
    };

    *venue = (struct venue){.sequence = 1};
    oc_arena_init(&venue->arena);
    OC_ASSERT(oc_event_log_init(&venue->log, &venue->arena, LOG_CAPACITY) == 0);
    venue->consumer = oc_event_log_add_consumer(&venue->log);
    venue->engine = oc_engine_create(&venue->arena, &config, &venue->log);
    OC_ASSERT(venue->engine != NULL);
    oc_arena_seal(&venue->arena);
    venue_command(venue, &open);
}

static uint64_t round_run(const struct oc_script *script, struct venue *venue)
{
    venue_apply(venue, script, 0, script->preload_count);
    venue_release(venue);
    venue->event_count = 0;
    return venue_apply(venue, script, script->preload_count, script->request_count);
}

/** Apply requests[from..to). Returns the nanoseconds inside the engine and the release of events.
 */
static uint64_t venue_apply(struct venue *venue, const struct oc_script *script, uint32_t from,
                            uint32_t to)
{
    static struct oc_command commands[BATCH_COUNT];
    uint64_t spent_ns = 0;

    while (from < to) {
        uint32_t count = to - from < BATCH_COUNT ? to - from : BATCH_COUNT;
        uint64_t begin_ns;

        for (uint32_t index = 0; index < count; index++) {
            const struct oc_script_request *request = &script->requests[from + index];
            /* One connection alone: the venue's ids are the script's. */
            oc_script_command(script, request, USER_ID, request->order, &commands[index]);
            commands[index].session = oc_session_make(0, 1);
            commands[index].sequence = ++venue->sequence;
        }
        begin_ns = now_ns();
        for (uint32_t index = 0; index < count; index++) {
            venue_command(venue, &commands[index]);
            if (index % TURN_COUNT == TURN_COUNT - 1) {
                venue_release(venue);
            }
        }
        venue_release(venue);
        spent_ns += now_ns() - begin_ns;
        from += count;
    }
    return spent_ns;
}

static void venue_command(struct venue *venue, const struct oc_command *command)
{
    enum oc_apply result = oc_engine_apply(venue->engine, command);

    while (result == OC_MORE) {
        venue_release(venue);
        result = oc_engine_continue(venue->engine);
    }
}

static void venue_release(struct venue *venue)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(&venue->log, venue->consumer, &events)) > 0) {
        venue->event_count += count;
        oc_event_log_release(&venue->log, venue->consumer, count);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t first = *(const uint64_t *)left;
    uint64_t second = *(const uint64_t *)right;

    return (first > second) - (first < second);
}
