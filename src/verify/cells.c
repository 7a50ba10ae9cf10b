/*
 * The cells of both plans, as tables.
 */
#include "verify/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

#define STACK(name) (1U << OC_VERIFY_STACK_##name)
/* What nearly every cell compares. */
#define TOKIOS (STACK(TOKIO) | STACK(TOKIO_CURRENT))
#define OURS   (STACK(EPOLL) | STACK(IO_URING))
/* An A/A stack in each gate cell, and in a full plan at least once in each scenario at each
 * placement: a bound is lent no further (verify/resolution.h). */
#define AA (STACK(ALTERED))

/* Starting, connecting and ending a server, measured; warm-up and duration come on top. */
#define RUN_OVERHEAD_S 0.06
/* Offers of one search: four strides that hold, one that breaks the limit, four rungs between them
 * of which half break it; what breaks is offered three or four times. What each takes besides its
 * time: connecting, and waiting for the last replies. */
#define SEARCH_OFFERS           16.0
#define SEARCH_OFFER_OVERHEAD_S 0.01

/* One line of a plan; placements and sizes are spread out by hand, so that one can read what runs.
 */
struct line {
    enum oc_verify_scenario scenario;
    enum oc_verify_placement placement;
    enum oc_verify_gate_part gate;
    const char *what; /* of the name, between scenario and placement */
    bool echo;
    bool equity;
    uint32_t size;
    uint32_t connections;
    uint32_t window;
    uint32_t load_percent;
    uint32_t messages;
    uint32_t p99_limit_us;
    uint32_t stacks;
    uint32_t blocks;
    uint32_t blocks_max;
    uint32_t warmup_ms;
    uint32_t duration_ms;
};

#define SAME  OC_VERIFY_SAME_CORE
#define CROSS OC_VERIFY_CROSS_CORE
#define BUSY  OC_VERIFY_BUSY_POLL

/* Raw cells: (scenario, placement, gate, what, size, connections, window, messages, stacks). */
#define RAW(scenario, placement, gate, what, size, connections, window, messages, stacks, ...)    \
    {                                                                                             \
        OC_VERIFY_SCENARIO_##scenario, placement, OC_VERIFY_GATE_##gate, what, true, false, size, \
            connections, window, 0, messages, 0, stacks, __VA_ARGS__                              \
    }
/* Cells with whole venues: (scenario, placement, gate, what, equity, connections, window, load). */
#define VENUE(scenario, placement, gate, what, equity, connections, window, load, stacks, ...)   \
    {                                                                                            \
        OC_VERIFY_SCENARIO_##scenario, placement, OC_VERIFY_GATE_##gate, what, false, equity, 0, \
            connections, window, load, 0, 0, stacks, __VA_ARGS__                                 \
    }
/* Searches for the rate that a whole venue holds within a limit of p99. */
#define SEARCH(placement, what, connections, p99_limit_us, stacks, ...)                        \
    {                                                                                          \
        OC_VERIFY_SCENARIO_PERCENTILES, placement, OC_VERIFY_GATE_NONE, what, false, false, 0, \
            connections, 0, 0, 0, p99_limit_us, stacks, __VA_ARGS__                            \
    }

/* blocks, blocks_max, warmup_ms, duration_ms */
#define QUICK_GATE 8, 8, 40, 140
#define QUICK_REST 8, 8, 40, 100
#define QUICK_OPEN 8, 8, 50, 220
#define QUICK_CAP  2, 2, 50, 150

static const struct line QUICK[] = {
    RAW(PING_PONG, SAME, PING_PONG, "100B", 100, 1, 1, 0, STACK(FLOOR) | TOKIOS | OURS | AA,
        QUICK_GATE),
    RAW(PERSISTENT, SAME, PERSISTENT, "window-16", 64, 1, 16, 0, TOKIOS | OURS | AA, QUICK_GATE),
    RAW(REUSE, SAME, NONE, "each", 64, 1, 1, 1, TOKIOS | OURS, QUICK_REST),
    VENUE(PERCENTILES, CROSS, NONE, "capacity", false, 16, 1, 0, TOKIOS | OURS, QUICK_CAP),
    VENUE(PERCENTILES, CROSS, TAIL, "60%", false, 16, 0, 60, TOKIOS | OURS | AA, QUICK_OPEN),
    VENUE(REQUEST_RESPONSE, SAME, NONE, "1", false, 1, 1, 0, TOKIOS | OURS | AA, QUICK_REST),
    RAW(STRESS, SAME, STRESS, "64", 32, 64, 1, 0, TOKIOS | OURS | AA, QUICK_GATE),
    VENUE(FAN_OUT, SAME, NONE, "100", false, 100, 1, 0, TOKIOS | OURS, QUICK_REST),
};

/* 12 pairs: the largest family, the 28 ratios of stress, cannot be decided by fewer (judgement.h).
 * The unit is the run, and runs differ by more than a longer one would even out: outside the gate
 * they are short. */
#define FULL_GATE 24, 96, 300, 1000
#define FULL_REST 12, 12, 150, 500
#define FULL_OPEN 24, 96, 300, 1500
#define FULL_TAIL 12, 12, 300, 1500
#define FULL_CAP  5, 5, 300, 700
/* Times are of one offer. */
#define FULL_SEARCH 12, 12, 50, 150
/* Ten times the lag that the generator may have (OC_VERIFY_LAG_MAX_NS), so that a tenth of the
 * limit at most is the generator's own (ADR 0008). The cell's name says it. */
#define SEARCH_P99_LIMIT_US 1000

#define ECHOES (STACK(LIBUV) | TOKIOS | OURS)

static const struct line FULL[] = {
    RAW(PING_PONG, SAME, NONE, "10B", 10, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PING_PONG, SAME, PING_PONG, "100B", 100, 1, 1, 0, STACK(FLOOR) | ECHOES | AA, FULL_GATE),
    RAW(PING_PONG, SAME, NONE, "1000B", 1000, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PING_PONG, CROSS, NONE, "10B", 10, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PING_PONG, CROSS, NONE, "100B", 100, 1, 1, 0, STACK(FLOOR) | ECHOES | AA, FULL_REST),
    RAW(PING_PONG, CROSS, NONE, "1000B", 1000, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PING_PONG, BUSY, NONE, "10B", 10, 1, 1, 0, STACK(FLOOR) | OURS, FULL_REST),
    RAW(PING_PONG, BUSY, NONE, "100B", 100, 1, 1, 0, STACK(FLOOR) | OURS | AA, FULL_REST),
    RAW(PING_PONG, BUSY, NONE, "1000B", 1000, 1, 1, 0, STACK(FLOOR) | OURS, FULL_REST),

    RAW(PERSISTENT, SAME, NONE, "1000-messages", 64, 1, 1, 1000, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, SAME, NONE, "window-1", 64, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, SAME, PERSISTENT, "window-16", 64, 1, 16, 0, STACK(FLOOR) | ECHOES | AA,
        FULL_GATE),
    RAW(PERSISTENT, SAME, NONE, "window-256", 64, 1, 256, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, CROSS, NONE, "1000-messages", 64, 1, 1, 1000, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, CROSS, NONE, "window-1", 64, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, CROSS, NONE, "window-16", 64, 1, 16, 0, STACK(FLOOR) | ECHOES | AA, FULL_REST),
    RAW(PERSISTENT, CROSS, NONE, "window-256", 64, 1, 256, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(PERSISTENT, BUSY, NONE, "window-16", 64, 1, 16, 0, STACK(FLOOR) | OURS | AA, FULL_REST),

    RAW(REUSE, SAME, NONE, "each", 64, 1, 1, 1, STACK(FLOOR) | ECHOES | AA, FULL_REST),
    RAW(REUSE, SAME, NONE, "one", 64, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(REUSE, CROSS, NONE, "each", 64, 1, 1, 1, STACK(FLOOR) | ECHOES | AA, FULL_REST),
    RAW(REUSE, CROSS, NONE, "one", 64, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),

    VENUE(PERCENTILES, CROSS, NONE, "capacity", false, 16, 1, 0, TOKIOS | OURS, FULL_CAP),
    VENUE(PERCENTILES, CROSS, NONE, "30%", false, 16, 0, 30, TOKIOS | OURS, FULL_TAIL),
    VENUE(PERCENTILES, CROSS, TAIL, "60%", false, 16, 0, 60, TOKIOS | OURS | AA, FULL_OPEN),
    VENUE(PERCENTILES, CROSS, NONE, "80%", false, 16, 0, 80, TOKIOS | OURS, FULL_TAIL),
    VENUE(PERCENTILES, BUSY, NONE, "capacity", false, 16, 1, 0, OURS, FULL_CAP),
    VENUE(PERCENTILES, BUSY, NONE, "60%", false, 16, 0, 60, OURS | AA, FULL_TAIL),
    /* Its own A/A: the noise of a search is that of no other cell. */
    SEARCH(BUSY, "capacity-at-p99-1000us", 16, SEARCH_P99_LIMIT_US, OURS | AA, FULL_SEARCH),

    VENUE(REQUEST_RESPONSE, SAME, NONE, "1", false, 1, 1, 0, TOKIOS | OURS | AA, FULL_REST),
    VENUE(REQUEST_RESPONSE, CROSS, NONE, "1", false, 1, 1, 0, TOKIOS | OURS | AA, FULL_REST),
    VENUE(REQUEST_RESPONSE, BUSY, NONE, "1", false, 1, 1, 0, OURS | AA, FULL_REST),
    VENUE(REQUEST_RESPONSE, SAME, NONE, "1-window-64", false, 1, 64, 0, TOKIOS | OURS, FULL_REST),
    VENUE(REQUEST_RESPONSE, SAME, NONE, "1-window-256", false, 1, 256, 0, TOKIOS | OURS, FULL_REST),
    VENUE(REQUEST_RESPONSE, CROSS, NONE, "1-window-256", false, 1, 256, 0, TOKIOS | OURS,
          FULL_REST),
    VENUE(REQUEST_RESPONSE, SAME, NONE, "16-window-16", false, 16, 16, 0, TOKIOS | OURS, FULL_REST),
    VENUE(REQUEST_RESPONSE, SAME, NONE, "equity-16-window-16", true, 16, 16, 0, TOKIOS | OURS,
          FULL_REST),

    RAW(STRESS, SAME, NONE, "1-window-16", 32, 1, 16, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(STRESS, SAME, NONE, "1", 32, 1, 1, 0, STACK(FLOOR) | ECHOES, FULL_REST),
    RAW(STRESS, SAME, NONE, "16", 32, 16, 1, 0, ECHOES, FULL_REST),
    RAW(STRESS, SAME, STRESS, "64", 32, 64, 1, 0, ECHOES | AA, FULL_GATE),
    RAW(STRESS, SAME, NONE, "256", 32, 256, 1, 0, ECHOES, FULL_REST),
    RAW(STRESS, SAME, NONE, "1000", 32, 1000, 1, 0, ECHOES | AA, FULL_REST),
    RAW(STRESS, SAME, NONE, "64-window-16", 32, 64, 16, 0, ECHOES, FULL_REST),
    RAW(STRESS, SAME, NONE, "1000-window-16", 32, 1000, 16, 0, ECHOES, FULL_REST),
    RAW(STRESS, CROSS, NONE, "16", 32, 16, 1, 0, ECHOES, FULL_REST),
    RAW(STRESS, CROSS, NONE, "64", 32, 64, 1, 0, ECHOES | AA, FULL_REST),
    RAW(STRESS, CROSS, NONE, "256", 32, 256, 1, 0, ECHOES, FULL_REST),
    RAW(STRESS, CROSS, NONE, "1000", 32, 1000, 1, 0, ECHOES | AA, FULL_REST),
    RAW(STRESS, BUSY, NONE, "64", 32, 64, 1, 0, OURS | AA, FULL_REST),
    RAW(STRESS, BUSY, NONE, "1000", 32, 1000, 1, 0, OURS, FULL_REST),

    VENUE(FAN_OUT, SAME, NONE, "1", false, 1, 1, 0, TOKIOS | OURS, FULL_REST),
    VENUE(FAN_OUT, SAME, NONE, "100", false, 100, 1, 0, TOKIOS | OURS | AA, FULL_REST),
    VENUE(FAN_OUT, SAME, NONE, "1000", false, 1000, 1, 0, TOKIOS | OURS | AA, FULL_REST),
    VENUE(FAN_OUT, CROSS, NONE, "100", false, 100, 1, 0, TOKIOS | OURS | AA, FULL_REST),
    VENUE(FAN_OUT, CROSS, NONE, "1000", false, 1000, 1, 0, TOKIOS | OURS | AA, FULL_REST),
};

static const char *const SCENARIO_NAMES[] = {
#define SCENARIO_NAME(name, wire) wire,
    OC_VERIFY_SCENARIO_MAP(SCENARIO_NAME)
#undef SCENARIO_NAME
};

static const char *const PLACEMENT_NAMES[] = {
    [OC_VERIFY_SAME_CORE] = "same-core",
    [OC_VERIFY_CROSS_CORE] = "cross-core",
    [OC_VERIFY_BUSY_POLL] = "busy-poll",
};

static void make_cell(const struct oc_verify__plan_config *config, const struct line *line,
                      struct oc_verify_cell *cell);
static bool has_cell(const struct oc_verify__plan *plan, const struct oc_verify_cell *cell);

void oc_verify__plan_make(const struct oc_verify__plan_config *config, struct oc_verify__plan *plan)
{
    const struct line *lines = config->full ? FULL : QUICK;
    uint32_t count = config->full ? sizeof(FULL) / sizeof(FULL[0])
                                  : sizeof(QUICK) / sizeof(QUICK[0]);

    _Static_assert(sizeof(FULL) / sizeof(FULL[0]) <= OC_VERIFY__CELLS_MAX, "the plan has room");
    plan->cell_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        uint32_t stacks = line->stacks & config->stacks;
        /* Who is compared needs a second one; a capacity is needed of one alone, too. */
        int least = line->scenario == OC_VERIFY_SCENARIO_PERCENTILES && line->load_percent == 0 &&
                            line->p99_limit_us == 0
                        ? 1
                        : 2;
        if ((config->scenarios >> line->scenario & 1U) == 0 ||
            (line->placement != OC_VERIFY_SAME_CORE && config->cpus < 2 && !config->two_hosts) ||
            __builtin_popcount(stacks) < least) {
            continue;
        }
        make_cell(config, line, &plan->cells[plan->cell_count]);
        /* The same-core line comes first: it has the gate, and more blocks. */
        if (!has_cell(plan, &plan->cells[plan->cell_count])) {
            plan->cell_count++;
        }
    }
}

bool oc_verify__cell_is_capacity(const struct oc_verify_cell *cell)
{
    return cell->scenario == OC_VERIFY_SCENARIO_PERCENTILES && cell->load_percent == 0 &&
           cell->p99_limit_us == 0;
}

uint32_t oc_verify__capacity_of(const struct oc_verify__plan *plan,
                                const struct oc_verify_cell *cell)
{
    for (uint32_t i = 0; i < plan->cell_count; i++) {
        if (oc_verify__cell_is_capacity(&plan->cells[i]) &&
            plan->cells[i].placement == cell->placement) {
            return i;
        }
    }
    return UINT32_MAX;
}

double oc_verify__cell_seconds(const struct oc_verify_cell *cell)
{
    const double once_s = (cell->warmup_ms + cell->duration_ms) / 1e3;

    return RUN_OVERHEAD_S +
           (cell->p99_limit_us > 0 ? SEARCH_OFFERS * (once_s + SEARCH_OFFER_OVERHEAD_S) : once_s) +
           cell->connections / 10000.0;
}

uint32_t oc_verify__cell_runs(const struct oc_verify_cell *cell)
{
    uint32_t runs = (uint32_t)__builtin_popcount(cell->stacks);
    bool tokio = (cell->stacks & TOKIOS) != 0;

    if (cell->load_percent > 0 && tokio && (cell->stacks & OURS) == OURS) {
        runs += 2;
    }
    return runs;
}

const char *oc_verify_scenario_name(enum oc_verify_scenario scenario)
{
    OC_ASSERT(scenario < OC_VERIFY_SCENARIO_COUNT);
    return SCENARIO_NAMES[scenario];
}

const char *oc_verify_placement_name(enum oc_verify_placement placement)
{
    OC_ASSERT(placement < OC_VERIFY_PLACEMENT_COUNT);
    return PLACEMENT_NAMES[placement];
}

bool oc_verify_scenarios_parse(const char *text, uint32_t *scenarios, char *unknown, size_t size)
{
    *scenarios = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        uint32_t i = 0;
        while (i < OC_VERIFY_SCENARIO_COUNT && (strlen(SCENARIO_NAMES[i]) != length ||
                                                memcmp(SCENARIO_NAMES[i], text, length) != 0)) {
            i++;
        }
        if (i == OC_VERIFY_SCENARIO_COUNT) {
            (void)snprintf(unknown, size, "%.*s", (int)length, text);
            return false;
        }
        *scenarios |= 1U << i;
        text += length;
        text += *text == ',';
    }
    return *scenarios != 0;
}

static void make_cell(const struct oc_verify__plan_config *config, const struct line *line,
                      struct oc_verify_cell *cell)
{
    *cell = (struct oc_verify_cell){
        .scenario = line->scenario,
        .placement = config->two_hosts && line->placement == OC_VERIFY_SAME_CORE
                         ? OC_VERIFY_CROSS_CORE
                         : line->placement,
        .gate = line->gate,
        .echo = line->echo,
        .size = line->size,
        .connections = line->connections,
        .window = line->window,
        .load_percent = line->load_percent,
        .messages = line->messages,
        .equity = line->equity,
        .stacks = line->stacks & config->stacks,
        .blocks = line->blocks,
        .blocks_max = line->blocks_max,
        .warmup_ms = line->warmup_ms,
        .duration_ms = line->duration_ms,
        .p99_limit_us = line->p99_limit_us,
    };
    (void)snprintf(cell->name, sizeof(cell->name), "%s/%s/%s", SCENARIO_NAMES[line->scenario],
                   line->what, PLACEMENT_NAMES[cell->placement]);
    if (config->blocks > 0) {
        cell->blocks = config->blocks;
        cell->blocks_max = config->blocks;
    }
    if (config->duration_ms > 0) {
        cell->duration_ms = config->duration_ms;
        cell->warmup_ms = config->duration_ms / 3;
    }
}

static bool has_cell(const struct oc_verify__plan *plan, const struct oc_verify_cell *cell)
{
    uint32_t i = 0;

    while (i < plan->cell_count && strcmp(plan->cells[i].name, cell->name) != 0) {
        i++;
    }
    return i < plan->cell_count;
}
