/*
 * Goal: the engine answers every command exactly as the naive reference matcher does.
 *
 * Method: seeded flows of several shapes go through both; every event is compared as memory, the
 * books, lists and maps of the engine are audited now and then. 10^7 commands in all, or as many as
 * OC_MODEL_OPERATIONS or the first argument says; 10^6 where OUTCRY_SANITIZE is set. OC_MODEL_SEED
 * chooses the first seed. Fails on the first difference or assertion; then the flow is cut down to
 * the fewest commands that still differ, which are printed with the seed.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reference.h"
#include "core/assert.h"
#include "engine/internal.h"
#include "support/flow.h"
#include "unit/engine/support/text.h"

/* From so many commands on, every corner must have been reached. */
#define REACH_OPERATIONS     500000ULL
#define OPERATIONS_DEFAULT   10000000ULL
#define OPERATIONS_SANITIZED 1000000ULL
#define COMMANDS_PER_FLOW    10000U
#define AUDIT_PERIOD         1024U
#define SHRINK_TESTS_MAX     20000U

/** One flow through both. */
struct run {
    const struct flow_shape *shape;
    struct oc_arena arena;
    struct oc_event_log log;
    uint32_t consumer;
    struct oc_engine *engine;
    struct oc_reference *reference;
    uint64_t sequence;
    uint64_t event_count;
    uint64_t trade_count;
    /* The first difference. */
    bool differs;
    uint64_t taken_ids[COMMANDS_PER_FLOW]; /* by each command, 0: none */
    struct oc_command command;
    char expected[TEXT_LINE_BYTES];
    char got[TEXT_LINE_BYTES];
};

/* Told over all flows: a flow that never gets into a corner says nothing about it. */
static uint64_t reached_kinds[OC_EVENT_KIND_COUNT];
static uint64_t reached_reasons[OC_REASON_COUNT];
static uint32_t reached_levels;
static uint32_t reached_height;

/* Another for each flow: nothing that is told may depend on it. */
static uint64_t hash_seed;

static jmp_buf assertion_exit;

static void on_assertion(void)
{
    longjmp(assertion_exit, 1);
}

static void run_begin(struct run *run, const struct flow_shape *shape)
{
    struct oc_engine_config config = {
        .limits = shape->limits,
        .instruments_on_first_use = shape->instruments_on_first_use,
        .hash_seed = hash_seed,
    };

    memset(run, 0, sizeof(*run));
    run->shape = shape;
    oc_arena_init(&run->arena);
    OC_ASSERT(oc_event_log_init(&run->log, &run->arena, shape->log_capacity) == 0);
    run->consumer = oc_event_log_add_consumer(&run->log);
    run->engine = oc_engine_create(&run->arena, &config, &run->log);
    OC_ASSERT(run->engine != NULL);
    oc_arena_seal(&run->arena);
    run->reference = oc_reference_create(&shape->limits, shape->instruments_on_first_use);
    OC_ASSERT(run->reference != NULL);
}

static void run_end(struct run *run)
{
    oc_reference_destroy(run->reference);
    oc_arena_deinit(&run->arena);
}

/** A command that the server would not let through, because its session is not open (any more). */
static bool run_admits(const struct run *run, const struct oc_command *command)
{
    bool open = oc_engine__session_find(run->engine, command->session) != NULL;

    if (command->kind == OC_COMMAND_SESSION_OPEN) {
        return run->engine->sessions[oc_session_slot(command->session)].id == 0;
    }
    return command->session == OC_SESSION_VENUE || open;
}

static void run_differ(struct run *run, const struct oc_event *expected, const struct oc_event *got)
{
    run->differs = true;
    snprintf(run->expected, sizeof(run->expected), "no further event");
    snprintf(run->got, sizeof(run->got), "no further event");
    if (expected != NULL) {
        text_event(expected, run->expected);
    }
    if (got != NULL) {
        text_event(got, run->got);
    }
}

/** Compare what the log holds with the next expected events, and release it. */
static void run_drain(struct run *run, const struct oc_event *expected, uint32_t count,
                      uint32_t *compared, uint32_t max)
{
    const struct oc_event *events;
    uint32_t available;

    while (max > 0 && (available = oc_event_log_read(&run->log, run->consumer, &events)) > 0) {
        available = available < max ? available : max;
        max -= available;
        for (uint32_t index = 0; index < available && !run->differs; index++) {
            bool more = *compared < count;
            if (!more || memcmp(&events[index], &expected[*compared], sizeof(*events)) != 0) {
                run_differ(run, more ? &expected[*compared] : NULL, &events[index]);
            }
            run->trade_count += events[index].kind == OC_EVENT_TRADE;
            reached_kinds[events[index].kind]++;
            reached_reasons[events[index].reason]++;
            (*compared)++;
        }
        oc_event_log_release(&run->log, run->consumer, available);
    }
}

static void run_command(struct run *run, const struct oc_command *drawn)
{
    const struct oc_event *expected;
    struct oc_command *command = &run->command;
    uint32_t compared = 0;
    uint32_t count;
    enum oc_apply result;

    *command = *drawn;
    command->sequence = ++run->sequence;
    command->time_ns = 1000 * (run->sequence / 3);
    count = oc_reference_apply(run->reference, command, &expected);
    result = oc_engine_apply(run->engine, command);
    while (result == OC_MORE) {
        run_drain(run, expected, count, &compared,
                  run->shape->drains_slowly ? 1 + (uint32_t)(run->event_count + compared) % 7
                                            : UINT32_MAX);
        if (run->differs) {
            return;
        }
        result = oc_engine_continue(run->engine);
    }
    run_drain(run, expected, count, &compared, UINT32_MAX);
    if (!run->differs && compared < count) {
        run_differ(run, &expected[compared], NULL);
    }
    run->event_count += compared;
}

static void run_measure(const struct run *run)
{
    for (uint32_t index = 0; index < run->engine->instrument_count; index++) {
        for (int side = OC_BUY; side <= OC_SELL; side++) {
            const struct oc_book_levels *levels = &run->engine->instruments[index].book.sides[side];
            reached_levels = levels->count > reached_levels ? levels->count : reached_levels;
            reached_height = levels->height > reached_height ? levels->height : reached_height;
        }
    }
}

/** Returns the number of commands up to the difference, or 0 without one. */
static uint32_t run_flow(struct run *run, const struct flow_shape *shape,
                         const struct oc_command *commands, uint32_t count)
{
    volatile uint32_t done = 0;

    run_begin(run, shape);
    if (setjmp(assertion_exit) != 0) {
        run->differs = true;
        snprintf(run->expected, sizeof(run->expected), "no assertion");
        snprintf(run->got, sizeof(run->got), "an assertion (above)");
        run_end(run);
        return done + 1;
    }
    oc_assert_set_hook(on_assertion);
    while (done < count && !run->differs) {
        uint64_t order_id_last = run->engine->order_id_last;
        if (run_admits(run, &commands[done])) {
            run_command(run, &commands[done]);
        }
        run->taken_ids[done] = run->engine->order_id_last > order_id_last
                                   ? run->engine->order_id_last
                                   : 0;
        if (!run->differs && (done % AUDIT_PERIOD == 0 || done + 1 == count)) {
            oc_engine__audit(run->engine);
            run_measure(run);
        }
        done++;
    }
    oc_assert_set_hook(NULL);
    run_end(run);
    return run->differs ? done : 0;
}

/** The order id that a command names, NULL if none. */
static uint64_t *named_id(struct oc_command *command)
{
    switch ((enum oc_command_kind)command->kind) {
    case OC_COMMAND_CANCEL:
        return &command->cancel.order_id;
    case OC_COMMAND_REPLACE:
        return &command->replace.order_id;
    default:
        return NULL;
    }
}

/** The flow without commands[from..from + size), order ids renumbered to mean the same orders. */
static void drop(const struct run *run, const struct oc_command *commands, uint32_t count,
                 uint32_t from, uint32_t size, struct oc_command *out)
{
    uint64_t first = 0;
    uint64_t dropped = 0;

    for (uint32_t index = from; index < from + size; index++) {
        if (run->taken_ids[index] != 0) {
            first = first == 0 ? run->taken_ids[index] : first;
            dropped++;
        }
    }
    memcpy(out, commands, from * sizeof(*out));
    memcpy(out + from, commands + from + size, (count - from - size) * sizeof(*out));
    for (uint32_t index = 0; index < count - size; index++) {
        uint64_t *id = named_id(&out[index]);

        if (id != NULL && dropped > 0 && *id >= first) {
            *id = *id < first + dropped ? OC_ORDER_ID_MAX : *id - dropped;
        }
    }
}

/** Delta debugging: drop ever smaller pieces as long as what is left still differs. */
static uint32_t shrink(struct run *run, const struct flow_shape *shape, struct oc_command *commands,
                       uint32_t count)
{
    struct oc_command *candidate = malloc(count * sizeof(*candidate));
    uint32_t tests = 0;

    OC_ASSERT(candidate != NULL);
    for (uint32_t piece = count / 2; piece >= 1 && tests < SHRINK_TESTS_MAX;) {
        bool dropped = false;

        for (uint32_t from = 0; from < count && tests < SHRINK_TESTS_MAX; tests++) {
            uint32_t size = piece < count - from ? piece : count - from;
            uint32_t failed;

            run_flow(run, shape, commands, count); /* whose ids are whose */
            drop(run, commands, count, from, size, candidate);
            failed = run_flow(run, shape, candidate, count - size);
            if (failed > 0) {
                memcpy(commands, candidate, failed * sizeof(*candidate));
                count = failed;
                dropped = true;
            } else {
                from += size;
            }
        }
        if (!dropped || piece > count) {
            piece /= 2;
        }
    }
    free(candidate);
    run_flow(run, shape, commands, count);
    return count;
}

/** Every event and every reason that the engine can give must have been given. */
static bool reached_all(void)
{
    static const enum oc_reason REASONS[] = {
        OC_REASON_USER,
        OC_REASON_IOC,
        OC_REASON_MASS_CANCEL,
        OC_REASON_DISCONNECT,
        OC_REASON_TOTAL_FILLED,
        OC_REASON_FILLED,
        OC_REASON_UNKNOWN_MEMBER,
        OC_REASON_UNKNOWN_ORDER,
        OC_REASON_TOO_MANY_USERS,
        OC_REASON_CLIENT_ORDER_ID_REUSED,
        OC_REASON_TOO_MANY_CLIENT_ORDER_IDS,
        OC_REASON_UNKNOWN_SYMBOL,
        OC_REASON_TOO_MANY_INSTRUMENTS,
        OC_REASON_INSTRUMENT_EXISTS,
        OC_REASON_PRICE_OFF_TICK,
        OC_REASON_QUANTITY_OFF_LOT,
        OC_REASON_QUANTITY_TOO_SMALL,
        OC_REASON_QUANTITY_TOO_LARGE,
        OC_REASON_PRICE_TOO_LOW,
        OC_REASON_PRICE_TOO_HIGH,
        OC_REASON_TOO_MANY_ORDERS,
        OC_REASON_TOO_MANY_LEVELS,
        OC_REASON_LEVEL_TOTAL_TOO_LARGE,
    };
    bool all = true;

    for (uint32_t kind = OC_EVENT_NONE + 1; kind < OC_EVENT_KIND_COUNT; kind++) {
        if (reached_kinds[kind] == 0) {
            printf("never told: event %u\n", kind);
            all = false;
        }
    }
    for (uint32_t index = 0; index < sizeof(REASONS) / sizeof(REASONS[0]); index++) {
        if (reached_reasons[REASONS[index]] == 0) {
            printf("never told: %s\n", oc_reason_name(REASONS[index]));
            all = false;
        }
    }
    if (reached_height < 2) {
        printf("no side grew beyond one array of levels\n");
        all = false;
    }
    return all;
}

static void report(struct run *run, const struct flow_shape *shape, uint64_t seed,
                   struct oc_command *commands, uint32_t count)
{
    char line[TEXT_LINE_BYTES];

    printf("shape \"%s\" seed %llu: differs at command %u\n", shape->name, (unsigned long long)seed,
           count);
    count = shrink(run, shape, commands, count);
    printf("the fewest commands that still differ:\n");
    for (uint32_t index = 0; index < count; index++) {
        printf("  %s\n", text_command(&commands[index], line));
    }
    printf("expected: %s\ngot:      %s\n", run->expected, run->got);
    printf("again: OC_MODEL_SEED=%llu\n", (unsigned long long)seed);
}

static uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != 0 ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    const char *sanitizers = getenv("OUTCRY_SANITIZE");
    bool sanitized = sanitizers != NULL && sanitizers[0] != 0;
    uint64_t operations_max = environment_number("OC_MODEL_OPERATIONS",
                                                 argc > 1    ? strtoull(argv[1], NULL, 10)
                                                 : sanitized ? OPERATIONS_SANITIZED
                                                             : OPERATIONS_DEFAULT);
    uint64_t seed_first = environment_number("OC_MODEL_SEED", 1);
    struct oc_command *commands = malloc(COMMANDS_PER_FLOW * sizeof(*commands));
    uint64_t operations = 0;
    uint64_t events = 0;
    uint64_t trades = 0;
    uint64_t seed = seed_first;
    static struct run run;

    OC_ASSERT(commands != NULL);
    for (; operations < operations_max; seed++) {
        const struct flow_shape *shape = &FLOW_SHAPES[seed % FLOW_SHAPE_COUNT];
        uint64_t left = operations_max - operations;
        uint32_t count = left < COMMANDS_PER_FLOW ? (uint32_t)left : COMMANDS_PER_FLOW;
        uint32_t failed;

        hash_seed = seed;
        flow_make(shape, seed, commands, count);
        failed = run_flow(&run, shape, commands, count);
        if (failed > 0) {
            report(&run, shape, seed, commands, failed);
            free(commands);
            return 1;
        }
        operations += count;
        events += run.event_count;
        trades += run.trade_count;
    }
    printf("model: %llu commands, %llu events, %llu trades, seeds %llu to %llu, %u shapes: equal\n",
           (unsigned long long)operations, (unsigned long long)events, (unsigned long long)trades,
           (unsigned long long)seed_first, (unsigned long long)seed - 1, FLOW_SHAPE_COUNT);
    printf("model: at most %u levels on a side, in %u layers\n", reached_levels, reached_height);
    free(commands);
    return operations >= REACH_OPERATIONS && !reached_all();
}
