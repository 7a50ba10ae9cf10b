/*
 * Generating the equity flow: one new order after another, and between them whatever falls due.
 *
 * What an order will still do (modify, cancel, and the mistakes after that) is planned when it is
 * entered and waits in a heap ordered by time. The generator never asks what became of the order:
 * a cancel that comes too late is part of the flow, and the reference says what it must answer.
 */
#include "client/equity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reference.h"
#include "core/assert.h"
#include "core/random.h"

#define MID_START_TICKS 33504.0
/* Relative standard deviation of the mid for one new order: 0.01 % in 1,000,000. */
#define MID_STEP         1e-7
#define DISTANCES        800U
#define QTY_LOTS_MAX     100U
#define IMMEDIATE_SHARE  0.15
#define MARKETABLE_SHARE 0.22
#define MODIFY_SHARE     0.20
#define BETTER_SHARE     0.80
#define LONG_SHARE       0.05
#define DUPLICATE_SHARE  0.02
#define STALE_SHARE      0.02
#define SHORT_BOOK_SHARE 0.10
#define BOOK_INTERVAL    1000U
#define BOOK_DEPTH       10U
#define RESTING_MIN      20U

enum action {
    ACTION_MODIFY,
    ACTION_CANCEL,
};

/* Something that an order will do. */
struct plan {
    double due;
    int64_t price_ticks;
    uint32_t order;
    uint32_t qty_lots;
    uint16_t instrument;
    uint8_t action;
    uint8_t side;
    bool long_lived;
};

struct generator {
    const struct oc_equity_config *config;
    struct oc_script *script;
    struct oc_equity_facts *facts;
    struct oc_reference *reference;
    struct oc_random random;
    double *mids; /* of each instrument, in ticks */
    struct plan *plans;
    uint32_t plan_count;
    uint32_t plan_capacity;
    double now;         /* new orders entered since the preload */
    double short_scale; /* mean short life is this times sqrt(1 + k) */
    double long_mean;
    bool measured;             /* behind the preload */
    double weights[DISTANCES]; /* cumulative */
};

static int generator_open(struct generator *generator, const struct oc_equity_config *config,
                          struct oc_script *script, struct oc_equity_facts *facts);
static void generator_close(struct generator *generator);
static void lives_set(struct generator *generator);
static int preload(struct generator *generator);
static int step(struct generator *generator);
static int enter(struct generator *generator, bool long_lived, bool immediate);
static int plan_life(struct generator *generator, const struct plan *order, double life);
static int act(struct generator *generator, const struct plan *plan);
static bool plan_put_off(struct generator *generator, struct plan *plan);
static int look(struct generator *generator);
static int emit(struct generator *generator, const struct oc_script_request *request);
static void count(struct generator *generator, const struct oc_event *event);
static uint32_t distance_draw(struct generator *generator);
static bool chance(struct generator *generator, double share);
static double normal_draw(struct generator *generator);
static int plan_push(struct generator *generator, const struct plan *plan);
static struct plan plan_pop(struct generator *generator);

int oc_equity_prepare(const struct oc_equity_config *config, struct oc_script *script,
                      struct oc_equity_facts *facts)
{
    struct generator generator;
    int rc;

    memset(script, 0, sizeof(*script));
    if (config->instruments < 1 || config->instruments > UINT16_MAX ||
        config->resting < RESTING_MIN || config->request_count < 1 ||
        config->request_count > OC_SCRIPT_REQUESTS_MAX / 2 ||
        config->resting > OC_SCRIPT_REQUESTS_MAX / 2) {
        return -EINVAL;
    }
    rc = generator_open(&generator, config, script, facts);
    if (rc == 0) {
        rc = preload(&generator);
    }
    generator.measured = true;
    facts->resting_min = UINT32_MAX;
    while (rc == 0 && script->request_count - script->preload_count < config->request_count) {
        rc = step(&generator);
    }
    generator_close(&generator);
    return rc;
}

static int generator_open(struct generator *generator, const struct oc_equity_config *config,
                          struct oc_script *script, struct oc_equity_facts *facts)
{
    struct oc_limits limits = OC_LIMITS_DEFAULT;
    double sum = 0.0;
    int rc;

    memset(generator, 0, sizeof(*generator));
    memset(facts, 0, sizeof(*facts));
    generator->config = config;
    generator->script = script;
    generator->facts = facts;
    oc_random_init(&generator->random,
                   config->seed ^ ((uint64_t)(config->connection + 1) * 0x9e3779b97f4a7c15ULL));
    rc = oc_script_init(script, config->instruments);
    if (rc < 0) {
        return rc;
    }
    limits.instruments_max = config->instruments;
    generator->mids = calloc(config->instruments, sizeof(*generator->mids));
    generator->reference = oc_reference_create(&limits, true);
    if (generator->mids == NULL || generator->reference == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < config->instruments; i++) {
        char symbol[OC_SYMBOL_BYTES_MAX + 1];
        (void)snprintf(symbol, sizeof(symbol), "EQ%llu.%u", (unsigned long long)config->user_id, i);
        oc_script_symbol_set(script, i, symbol);
        generator->mids[i] = MID_START_TICKS;
    }
    for (uint32_t k = 0; k < DISTANCES; k++) {
        double from_peak = (double)k - 8.0;
        sum += pow((double)k + 1.0, -2.23) + 5.0 * exp(-from_peak * from_peak / 2.0);
        generator->weights[k] = sum;
    }
    lives_set(generator);
    return 0;
}

static void generator_close(struct generator *generator)
{
    oc_reference_destroy(generator->reference);
    free(generator->mids);
    free(generator->plans);
}

/*
 * Little's law: orders at rest = orders entered in a unit of time * mean life. Time is counted in
 * new orders, of which 85 % may rest.
 */
static void lives_set(struct generator *generator)
{
    double resting = (double)generator->config->resting;
    double mean_root = 0.0;
    double before = 0.0;

    for (uint32_t k = 0; k < DISTANCES; k++) {
        mean_root += (generator->weights[k] - before) * sqrt(1.0 + (double)k);
        before = generator->weights[k];
    }
    mean_root /= before;
    generator->short_scale = SHORT_BOOK_SHARE * resting /
                             ((1.0 - IMMEDIATE_SHARE) * (1.0 - LONG_SHARE) * mean_root);
    generator->long_mean = (1.0 - SHORT_BOOK_SHARE) * resting /
                           ((1.0 - IMMEDIATE_SHARE) * LONG_SHARE);
}

static int preload(struct generator *generator)
{
    uint32_t resting = generator->config->resting;
    uint32_t short_lived = (uint32_t)(SHORT_BOOK_SHARE * (double)resting);

    for (uint32_t i = 0; i < resting; i++) {
        int rc = enter(generator, i >= short_lived, false);
        if (rc < 0) {
            return rc;
        }
    }
    generator->script->preload_count = generator->script->request_count;
    return 0;
}

/* One request: a look at the book, what is due, or a new order. */
static int step(struct generator *generator)
{
    uint32_t done = generator->script->request_count - generator->script->preload_count;

    if (done % BOOK_INTERVAL == BOOK_INTERVAL - 1) {
        return look(generator);
    }
    while (generator->plan_count > 0 && generator->plans[0].due <= generator->now) {
        struct plan plan = plan_pop(generator);
        int rc;
        if (!plan_put_off(generator, &plan)) {
            return act(generator, &plan);
        }
        rc = plan_push(generator, &plan);
        if (rc < 0) {
            return rc;
        }
    }
    generator->now += 1.0;
    if (chance(generator, IMMEDIATE_SHARE)) {
        return enter(generator, false, true);
    }
    return enter(generator, chance(generator, LONG_SHARE), false);
}

static int enter(struct generator *generator, bool long_lived, bool immediate)
{
    uint32_t instrument = (uint32_t)oc_random_below(&generator->random,
                                                    generator->config->instruments);
    uint8_t side = chance(generator, 0.5) ? OC_BUY : OC_SELL;
    bool marketable = immediate && chance(generator, MARKETABLE_SHARE);
    uint32_t distance = distance_draw(generator);
    double *mid = &generator->mids[instrument];
    bool below;
    struct plan order = {
        .instrument = (uint16_t)instrument,
        .side = side,
        .long_lived = long_lived,
    };
    struct oc_script_request request = {.kind = OC_COMMAND_NEW, .side = side};
    double mean;
    int rc;

    if (generator->measured) {
        *mid *= exp(MID_STEP * normal_draw(generator) - MID_STEP * MID_STEP / 2.0);
    }
    /* A passive buy stands below the mid, a marketable one reaches as far above it. */
    below = (side == OC_BUY) != marketable;
    order.price_ticks = (int64_t)llround(*mid);
    order.price_ticks += below ? -1 - (int64_t)distance : 1 + (int64_t)distance;
    order.price_ticks = order.price_ticks < 1 ? 1 : order.price_ticks;
    order.qty_lots = 1 + (uint32_t)oc_random_below(&generator->random, QTY_LOTS_MAX);
    order.order = ++generator->script->order_count;
    request.symbol = (uint16_t)instrument;
    request.price_ticks = order.price_ticks;
    request.qty_lots = order.qty_lots;
    request.time_in_force = immediate ? OC_IMMEDIATE_OR_CANCEL : OC_GOOD_TILL_CANCEL;
    rc = emit(generator, &request);
    if (rc < 0 || immediate) {
        return rc;
    }
    mean = long_lived ? generator->long_mean
                      : generator->short_scale * sqrt(1.0 + (double)distance);
    return plan_life(generator, &order, oc_random_exponential(&generator->random, mean));
}

static int plan_life(struct generator *generator, const struct plan *order, double life)
{
    struct plan plan = *order;
    double end = generator->now + life;
    int rc;

    plan.action = ACTION_CANCEL;
    plan.due = end;
    rc = plan_push(generator, &plan);
    if (rc == 0 && chance(generator, DUPLICATE_SHARE)) {
        rc = plan_push(generator, &plan);
    }
    plan.action = ACTION_MODIFY;
    plan.qty_lots = order->qty_lots + 1;
    if (chance(generator, BETTER_SHARE)) {
        plan.price_ticks += order->side == OC_BUY ? 1 : -1;
    }
    /* An order of the preload has had its modify, or not, before the script begins. */
    if (rc == 0 && generator->measured && chance(generator, MODIFY_SHARE)) {
        plan.due = generator->now + life * oc_random_double(&generator->random);
        rc = plan_push(generator, &plan);
    }
    if (rc == 0 && chance(generator, STALE_SHARE)) {
        plan.due = end + 1.0;
        rc = plan_push(generator, &plan);
    }
    return rc;
}

static int act(struct generator *generator, const struct plan *plan)
{
    struct oc_script_request request = {.order = plan->order, .symbol = plan->instrument};

    if (plan->action == ACTION_CANCEL) {
        request.kind = OC_COMMAND_CANCEL;
    } else {
        request.kind = OC_COMMAND_REPLACE;
        request.price_ticks = plan->price_ticks;
        request.qty_lots = plan->qty_lots;
        request.total = chance(generator, 0.5);
    }
    return emit(generator, &request);
}

/* A life that starts anew, while fills have taken more from the book than came into it. */
static bool plan_put_off(struct generator *generator, struct plan *plan)
{
    if (plan->action != ACTION_CANCEL || !plan->long_lived ||
        oc_reference_order_count(generator->reference) >= generator->config->resting) {
        return false;
    }
    plan->due = generator->now + oc_random_exponential(&generator->random, generator->long_mean);
    return true;
}

static int look(struct generator *generator)
{
    struct oc_script_request request = {
        .kind = OC_COMMAND_BOOK,
        .symbol = (uint16_t)oc_random_below(&generator->random, generator->config->instruments),
        .qty_lots = BOOK_DEPTH,
    };

    return emit(generator, &request);
}

static int emit(struct generator *generator, const struct oc_script_request *request)
{
    struct oc_script *script = generator->script;
    struct oc_equity_facts *facts = generator->facts;
    const struct oc_event *events;
    struct oc_command command;
    uint32_t event_count;
    uint32_t resting;
    int rc = oc_script_request(script, request);

    if (rc < 0) {
        return rc;
    }
    /* The reference gives out ids from 1 as the script does: its ids are the local ones. */
    oc_script_command(script, request, generator->config->user_id, request->order, &command);
    event_count = oc_reference_apply(generator->reference, &command, &events);
    for (uint32_t i = 0; i < event_count; i++) {
        rc = oc_script_expect_event(script, &events[i], request->symbol);
        if (rc < 0) {
            return rc;
        }
        count(generator, &events[i]);
    }
    if (!generator->measured) {
        return 0;
    }
    facts->new_orders += request->kind == OC_COMMAND_NEW;
    facts->immediate += request->time_in_force == OC_IMMEDIATE_OR_CANCEL;
    facts->replaces += request->kind == OC_COMMAND_REPLACE;
    facts->cancels += request->kind == OC_COMMAND_CANCEL;
    facts->books += request->kind == OC_COMMAND_BOOK;
    resting = oc_reference_order_count(generator->reference);
    facts->resting_sum += resting;
    facts->resting_min = resting < facts->resting_min ? resting : facts->resting_min;
    facts->resting_max = resting > facts->resting_max ? resting : facts->resting_max;
    return 0;
}

static void count(struct generator *generator, const struct oc_event *event)
{
    if (generator->measured) {
        generator->facts->trades += event->kind == OC_EVENT_TRADE;
        generator->facts->rejects += event->kind == OC_EVENT_REJECTED;
    }
}

static uint32_t distance_draw(struct generator *generator)
{
    double point = oc_random_double(&generator->random) * generator->weights[DISTANCES - 1];
    uint32_t low = 0;
    uint32_t high = DISTANCES - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (generator->weights[middle] > point) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static bool chance(struct generator *generator, double share)
{
    return oc_random_double(&generator->random) < share;
}

/* Box and Muller; the second value is not kept, so that a draw depends on the sequence alone. */
static double normal_draw(struct generator *generator)
{
    double radius = sqrt(2.0 * oc_random_exponential(&generator->random, 1.0));
    double angle = 6.283185307179586 * oc_random_double(&generator->random);

    return radius * cos(angle);
}

/* A binary heap with the earliest plan in front; equal times fall in the order of the order ids. */
static bool plan_before(const struct plan *a, const struct plan *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static int plan_push(struct generator *generator, const struct plan *plan)
{
    uint32_t at = generator->plan_count;

    if (at == generator->plan_capacity) {
        uint32_t capacity = at == 0 ? 4096 : at * 2;
        struct plan *larger = realloc(generator->plans, (size_t)capacity * sizeof(*larger));
        if (larger == NULL) {
            return -ENOMEM;
        }
        generator->plans = larger;
        generator->plan_capacity = capacity;
    }
    generator->plan_count++;
    while (at > 0 && plan_before(plan, &generator->plans[(at - 1) / 2])) {
        generator->plans[at] = generator->plans[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    generator->plans[at] = *plan;
    return 0;
}

static struct plan plan_pop(struct generator *generator)
{
    struct plan first = generator->plans[0];
    struct plan last = generator->plans[--generator->plan_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= generator->plan_count) {
            break;
        }
        if (child + 1 < generator->plan_count &&
            plan_before(&generator->plans[child + 1], &generator->plans[child])) {
            child++;
        }
        if (plan_before(&last, &generator->plans[child])) {
            break;
        }
        generator->plans[at] = generator->plans[child];
        at = child;
    }
    generator->plans[at] = last;
    return first;
}
