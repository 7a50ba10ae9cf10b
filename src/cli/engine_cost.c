/*
 * An engine, its event log and one consumer; rounds of orders between two looks at the clock.
 */
#include "cli/engine_cost.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "client/pingpong.h"
#include "engine/engine.h"

#define ROUNDS       31U
#define ROUND_ORDERS 2000U /* half of them buys */
#define LOG_CAPACITY 1024U
#define USER_ID      1U

struct venue {
    struct oc_event_log log;
    struct oc_engine *engine;
    uint32_t consumer;
    uint64_t sequence;
    struct oc_command orders[2]; /* the buy and the sell */
};

static int venue_begin(struct venue *venue, struct oc_arena *arena);
static void venue_apply(struct venue *venue, struct oc_command *command);
static void venue_release(struct venue *venue);
static double round_ns(struct venue *venue);
static double now_ns(void);
static int compare(const void *left, const void *right);

double oc_cli_engine_order_ns(void)
{
    static struct venue venue;
    struct oc_arena arena;
    double rounds[ROUNDS];
    double result = NAN;

    oc_arena_init(&arena);
    if (venue_begin(&venue, &arena) == 0) {
        (void)round_ns(&venue); /* warms up */
        for (uint32_t i = 0; i < ROUNDS; i++) {
            rounds[i] = round_ns(&venue);
        }
        qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
        result = rounds[ROUNDS / 2];
    }
    oc_arena_deinit(&arena);
    return result;
}

static int venue_begin(struct venue *venue, struct oc_arena *arena)
{
    const struct oc_engine_config config = {
        .limits = OC_LIMITS_DEFAULT,
        .instruments_on_first_use = true,
    };
    struct oc_command open = {.kind = OC_COMMAND_SESSION_OPEN, .session = oc_session_make(0, 1)};
    struct oc_script script = {0};
    int rc = oc_pingpong_prepare(USER_ID, &script);

    *venue = (struct venue){0};
    if (rc == 0) {
        rc = oc_event_log_init(&venue->log, arena, LOG_CAPACITY);
    }
    if (rc == 0) {
        venue->consumer = oc_event_log_add_consumer(&venue->log);
        venue->engine = oc_engine_create(arena, &config, &venue->log);
        rc = venue->engine == NULL ? -1 : 0;
    }
    if (rc == 0) {
        for (uint32_t i = 0; i < 2; i++) {
            oc_script_command(&script, &script.requests[i], USER_ID, 0, &venue->orders[i]);
            venue->orders[i].session = open.session;
        }
        venue_apply(venue, &open);
    }
    oc_script_deinit(&script);
    return rc;
}

/* The log has room for far more than one order tells. */
static void venue_apply(struct venue *venue, struct oc_command *command)
{
    command->sequence = ++venue->sequence;
    (void)oc_engine_apply(venue->engine, command);
    venue_release(venue);
}

static void venue_release(struct venue *venue)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(&venue->log, venue->consumer, &events)) > 0) {
        oc_event_log_release(&venue->log, venue->consumer, count);
    }
}

/* Of one order. */
static double round_ns(struct venue *venue)
{
    double begin_ns = now_ns();

    for (uint32_t i = 0; i < ROUND_ORDERS; i++) {
        venue_apply(venue, &venue->orders[i % 2]);
    }
    return (now_ns() - begin_ns) / ROUND_ORDERS;
}

static double now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}
