/*
 * What one command costs the engine, without network and codec.
 *
 * The flow is the `equity` flow of the load generator (client/equity.h) with 20,000 resting orders,
 * spread over 1, 100 and 1,000 instruments. Each round makes an engine, fills the book untimed,
 * then applies the same commands; 64 commands make a turn, which are made ready outside the timed
 * part and whose events the consumer releases at its end, as the server does.
 *
 * Every round does exactly the same work, so what a turn took beyond its fastest round was taken by
 * somebody else: "quiet" adds up the fastest round of each turn, "typical" the median one. The
 * table of kinds comes from further rounds that read the clock after each command; what reading it
 * costs is taken off, and again the fastest round counts. State and events fold every byte of both:
 * they must not change when only the speed does. bench/compare.py sets two builds of this program
 * against each other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/equity.h"
#include "core/assert.h"
#include "core/checksum.h"
#include "engine/engine.h"

#define ROUND_COUNT      9U
#define KIND_ROUND_COUNT 5U
#define REQUEST_COUNT    1000000U
#define RESTING_COUNT    20000U
#define TURN_COUNT       64U
#define LOG_CAPACITY     1024U
#define SEED             23U
#define USER_ID          101U

/** What the table of kinds tells apart. */
enum kind {
    KIND_NEW,
    KIND_IMMEDIATE,
    KIND_CANCEL,
    KIND_REPLACE,
    KIND_BOOK,
    KIND_COUNT,
};

static const char *const KIND_NAMES[KIND_COUNT] = {
    "new order", "immediate-or-cancel", "cancel", "replace", "book of 10 levels",
};

/** One engine and its only consumer. */
struct venue {
    struct oc_arena arena;
    struct oc_event_log log;
    struct oc_engine *engine;
    uint32_t consumer;
    uint64_t sequence;
    uint64_t event_count;
    uint64_t event_hash;
    bool hashes; /* the events, which costs more than the engine */
};

/** Where the times of a round go; members that are NULL take none. */
struct times {
    uint32_t *turns_ns;    /* of this round, by turn */
    uint32_t *commands_ns; /* fastest so far, by command */
    uint64_t clock_ns;     /* what it costs to read the clock */
};

static void row(uint32_t instruments);
static void script_make(struct oc_script *script, uint32_t instruments, uint64_t *trades);
static void kinds_print(const struct oc_script *script);
static void round_run(const struct oc_script *script, struct venue *venue,
                      const struct times *times);
static void venue_begin(struct venue *venue);
static void turn_make(struct venue *venue, const struct oc_script *script, uint32_t from,
                      uint32_t count, struct oc_command *commands);
static uint64_t turn_apply(struct venue *venue, const struct oc_command *commands, uint32_t count,
                           uint32_t *commands_ns, uint64_t clock_ns);
static void venue_command(struct venue *venue, const struct oc_command *command);
static void venue_release(struct venue *venue);
static enum kind kind_of(const struct oc_script_request *request);
static uint64_t clock_cost_ns(void);
static uint32_t *maxima_alloc(uint32_t count);
static uint64_t now_ns(void);
static int compare_u64(const void *left, const void *right);
static int compare_u32(const void *left, const void *right);

int main(void)
{
    static const uint32_t INSTRUMENTS[] = {1, 100, 1000};
    struct oc_script script = {0};
    uint64_t trades;

    printf("engine: equity flow, %u requests, %u resting orders, %u rounds, seed %u\n",
           REQUEST_COUNT, RESTING_COUNT, ROUND_COUNT, SEED);
    printf("%11s %9s %10s %9s %7s  %-16s  %-16s\n", "instruments", "quiet ns", "typical ns",
           "events", "trades", "state", "events");
    for (uint32_t index = 0; index < sizeof(INSTRUMENTS) / sizeof(INSTRUMENTS[0]); index++) {
        row(INSTRUMENTS[index]);
    }
    script_make(&script, 100, &trades);
    kinds_print(&script);
    oc_script_deinit(&script);
    return 0;
}

static void row(uint32_t instruments)
{
    struct oc_script script = {0};
    struct venue venue = {.hashes = true};
    struct times times = {0};
    uint64_t quiet_ns = 0;
    uint64_t typical_ns = 0;
    uint64_t trades;
    uint64_t event_hash;
    uint32_t *turns_ns;
    uint32_t timed_count;
    uint32_t turn_count;

    script_make(&script, instruments, &trades);
    timed_count = script.request_count - script.preload_count;
    turn_count = (timed_count + TURN_COUNT - 1) / TURN_COUNT;
    round_run(&script, &venue, &times);
    event_hash = venue.event_hash;
    venue.hashes = false;
    turns_ns = maxima_alloc(turn_count * ROUND_COUNT);
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        oc_arena_deinit(&venue.arena);
        times.turns_ns = &turns_ns[(size_t)round * turn_count];
        round_run(&script, &venue, &times);
    }
    for (uint32_t turn = 0; turn < turn_count; turn++) {
        uint32_t rounds_ns[ROUND_COUNT];

        for (uint32_t round = 0; round < ROUND_COUNT; round++) {
            rounds_ns[round] = turns_ns[(size_t)round * turn_count + turn];
        }
        qsort(rounds_ns, ROUND_COUNT, sizeof(rounds_ns[0]), compare_u32);
        quiet_ns += rounds_ns[0];
        typical_ns += rounds_ns[ROUND_COUNT / 2];
    }
    printf("%11" PRIu32 " %9.1f %10.1f %9" PRIu64 " %7" PRIu64 "  %016" PRIx64 "  %016" PRIx64 "\n",
           instruments, (double)quiet_ns / timed_count, (double)typical_ns / timed_count,
           venue.event_count, trades, oc_engine_state_hash(venue.engine), event_hash);
    free(turns_ns);
    oc_arena_deinit(&venue.arena);
    oc_script_deinit(&script);
}

static void script_make(struct oc_script *script, uint32_t instruments, uint64_t *trades)
{
    struct oc_equity_config config = {
        .seed = SEED,
        .user_id = USER_ID,
        .instruments = instruments,
        .resting = RESTING_COUNT,
        .request_count = REQUEST_COUNT,
    };
    struct oc_equity_facts facts;

    OC_ASSERT(oc_equity_prepare(&config, script, &facts) == 0);
    *trades = facts.trades;
}

static void kinds_print(const struct oc_script *script)
{
    uint32_t count = script->request_count - script->preload_count;
    struct times times = {.commands_ns = maxima_alloc(count), .clock_ns = clock_cost_ns()};
    uint32_t *of_kind = maxima_alloc(count);

    for (uint32_t round = 0; round < KIND_ROUND_COUNT; round++) {
        struct venue venue = {0};
        round_run(script, &venue, &times);
        oc_arena_deinit(&venue.arena);
    }
    printf("\n%-20s %9s %9s %9s %9s   (100 instruments, clock %" PRIu64 " ns taken off)\n", "kind",
           "commands", "mean ns", "median ns", "p99 ns", times.clock_ns);
    for (uint32_t kind = 0; kind < KIND_COUNT; kind++) {
        uint32_t found = 0;
        uint64_t sum_ns = 0;

        for (uint32_t index = 0; index < count; index++) {
            if (kind_of(&script->requests[script->preload_count + index]) == kind) {
                of_kind[found++] = times.commands_ns[index];
                sum_ns += times.commands_ns[index];
            }
        }
        OC_ASSERT(found > 0);
        qsort(of_kind, found, sizeof(of_kind[0]), compare_u32);
        printf("%-20s %9" PRIu32 " %9.1f %9" PRIu32 " %9" PRIu32 "\n", KIND_NAMES[kind], found,
               (double)sum_ns / found, of_kind[found / 2], of_kind[found / 100 * 99]);
    }
    free(times.commands_ns);
    free(of_kind);
}

/** One engine from empty to the end of the script; the venue is left open. */
static void round_run(const struct oc_script *script, struct venue *venue,
                      const struct times *times)
{
    static struct oc_command commands[TURN_COUNT];
    uint32_t from = 0;

    venue_begin(venue);
    while (from < script->request_count) {
        bool timed = from >= script->preload_count;
        uint32_t end = timed ? script->request_count : script->preload_count;
        uint32_t count = end - from < TURN_COUNT ? end - from : TURN_COUNT;
        uint32_t *commands_ns = NULL;
        uint64_t turn_ns;

        if (timed && times->commands_ns != NULL) {
            commands_ns = &times->commands_ns[from - script->preload_count];
        }
        turn_make(venue, script, from, count, commands);
        turn_ns = turn_apply(venue, commands, count, commands_ns, times->clock_ns);
        if (timed && times->turns_ns != NULL) {
            times->turns_ns[(from - script->preload_count) / TURN_COUNT] = (uint32_t)turn_ns;
        }
        from += count;
        if (from == script->preload_count) {
            venue->event_count = 0;
        }
    }
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

    *venue = (struct venue){.sequence = 1, .hashes = venue->hashes};
    oc_arena_init(&venue->arena);
    OC_ASSERT(oc_event_log_init(&venue->log, &venue->arena, LOG_CAPACITY) == 0);
    venue->consumer = oc_event_log_add_consumer(&venue->log);
    venue->engine = oc_engine_create(&venue->arena, &config, &venue->log);
    OC_ASSERT(venue->engine != NULL);
    oc_arena_seal(&venue->arena);
    venue_command(venue, &open);
}

static void turn_make(struct venue *venue, const struct oc_script *script, uint32_t from,
                      uint32_t count, struct oc_command *commands)
{
    for (uint32_t index = 0; index < count; index++) {
        const struct oc_script_request *request = &script->requests[from + index];
        /* One connection alone: the venue's ids are the script's. */
        oc_script_command(script, request, USER_ID, request->order, &commands[index]);
        commands[index].session = oc_session_make(0, 1);
        commands[index].sequence = ++venue->sequence;
    }
}

/** Returns the nanoseconds inside the engine and the release of its events. */
static uint64_t turn_apply(struct venue *venue, const struct oc_command *commands, uint32_t count,
                           uint32_t *commands_ns, uint64_t clock_ns)
{
    uint64_t begin_ns = now_ns();
    uint64_t before_ns = begin_ns;

    for (uint32_t index = 0; index < count; index++) {
        venue_command(venue, &commands[index]);
        if (commands_ns != NULL) {
            uint64_t after_ns = now_ns();
            uint64_t spent_ns = after_ns - before_ns;

            spent_ns = spent_ns > clock_ns ? spent_ns - clock_ns : 0;
            if (spent_ns < commands_ns[index]) {
                commands_ns[index] = (uint32_t)spent_ns;
            }
            before_ns = after_ns;
        }
    }
    venue_release(venue);
    return now_ns() - begin_ns;
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
        if (venue->hashes) {
            venue->event_hash = oc_checksum_fold(venue->event_hash, events,
                                                 count * sizeof(*events));
        }
        venue->event_count += count;
        oc_event_log_release(&venue->log, venue->consumer, count);
    }
}

static enum kind kind_of(const struct oc_script_request *request)
{
    switch ((enum oc_command_kind)request->kind) {
    case OC_COMMAND_NEW:
        return request->time_in_force == OC_IMMEDIATE_OR_CANCEL ? KIND_IMMEDIATE : KIND_NEW;
    case OC_COMMAND_CANCEL:
        return KIND_CANCEL;
    case OC_COMMAND_REPLACE:
        return KIND_REPLACE;
    default:
        OC_ASSERT(request->kind == OC_COMMAND_BOOK);
        return KIND_BOOK;
    }
}

/** The median of many readings, one right behind the other. */
static uint64_t clock_cost_ns(void)
{
    static uint64_t spent_ns[10001];
    uint32_t count = sizeof(spent_ns) / sizeof(spent_ns[0]);
    uint64_t before_ns = now_ns();

    for (uint32_t index = 0; index < count; index++) {
        uint64_t after_ns = now_ns();
        spent_ns[index] = after_ns - before_ns;
        before_ns = after_ns;
    }
    qsort(spent_ns, count, sizeof(spent_ns[0]), compare_u64);
    return spent_ns[count / 2];
}

/** Times to be lowered. */
static uint32_t *maxima_alloc(uint32_t count)
{
    uint32_t *times_ns = malloc(count * sizeof(*times_ns));

    OC_ASSERT(times_ns != NULL);
    memset(times_ns, 0xFF, count * sizeof(*times_ns));
    return times_ns;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static int compare_u64(const void *left, const void *right)
{
    uint64_t first = *(const uint64_t *)left;
    uint64_t second = *(const uint64_t *)right;

    return (first > second) - (first < second);
}

static int compare_u32(const void *left, const void *right)
{
    uint32_t first = *(const uint32_t *)left;
    uint32_t second = *(const uint32_t *)right;

    return (first > second) - (first < second);
}
