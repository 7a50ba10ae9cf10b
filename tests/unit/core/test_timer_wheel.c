/*
 * Goal: timers fire when they are due, in order of tick and then of setting, and never otherwise.
 * Method: 10^6 seeded operations in several shapes (clock resolution, distances, crowding) against
 * a sorted array, and single cases for rounding, the ends of time and the bound on work. Fails if:
 * a timer fires early, late, twice, out of order or not at all, if the next deadline is told too
 * late, or if one call moves more timers than it may.
 */
#include "core/timer_wheel.h"

#include "core/random.h"
#include "support.h"

enum { TIMERS = 3000 };

struct entry {
    uint64_t tick;
    uint64_t order; /* of setting, counted up */
    uint32_t timer;
};

/* The naive wheel: all set timers, sorted by tick, then by order. */
struct model {
    struct entry sorted[TIMERS];
    uint32_t count;
    uint64_t order;
    struct entry set[TIMERS]; /* by timer: what to look for; order 0: not set */
    uint64_t now_ns;
    uint64_t stand; /* the tick before which nothing new can fire */
};

struct shape {
    const char *name;
    uint64_t tick_ns;
    uint64_t start_ns;
    uint32_t capacity;
    uint32_t distance_bits; /* deadlines up to 2^n ns ahead */
    uint32_t step_bits;     /* clock steps up to 2^n ns */
    uint64_t grid_ns;       /* deadlines are multiples of this: crowds when it is large */
    uint32_t operations;
};

static struct oc_timer timers[TIMERS];
static struct oc_timer_wheel wheel;
static struct model model;

static void start(uint32_t capacity, uint64_t tick_ns, uint64_t now_ns)
{
    memset(timers, 0, sizeof(timers));
    oc_timer_wheel_init(
        &wheel, &(struct oc_timer_wheel_config){
                    .timers = timers, .capacity = capacity, .tick_ns = tick_ns, .now_ns = now_ns});
    memset(&model, 0, sizeof(model));
    model.now_ns = now_ns;
    model.stand = now_ns / tick_ns;
}

/* Where an entry stands in the sorted array, or would. */
static uint32_t model_find(const struct entry *entry)
{
    uint32_t low = 0;
    uint32_t high = model.count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct entry *other = &model.sorted[middle];

        if (other->tick < entry->tick ||
            (other->tick == entry->tick && other->order < entry->order)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void model_add(uint32_t timer, uint64_t deadline_ns, uint64_t tick_ns)
{
    uint64_t tick = deadline_ns / tick_ns + (deadline_ns % tick_ns != 0);
    struct entry entry = {
        .tick = tick > model.stand ? tick : model.stand, .order = ++model.order, .timer = timer};
    uint32_t at = model_find(&entry);

    memmove(&model.sorted[at + 1], &model.sorted[at], (model.count - at) * sizeof(model.sorted[0]));
    model.sorted[at] = entry;
    model.set[timer] = entry;
    model.count++;
}

static void model_remove(uint32_t timer)
{
    uint32_t at = model_find(&model.set[timer]);

    assert_int_equal(model.sorted[at].timer, timer);
    model.count--;
    memmove(&model.sorted[at], &model.sorted[at + 1], (model.count - at) * sizeof(model.sorted[0]));
    model.set[timer].order = 0;
}

/* One pop on both sides. Returns whether there may be more. */
static bool pop_both(uint64_t tick_ns)
{
    uint64_t target = model.now_ns / tick_ns;
    bool is_due = model.count > 0 && model.sorted[0].tick <= target;
    uint32_t timer = oc_timer_wheel_pop(&wheel);
    uint64_t next_ns = oc_timer_wheel_next_ns(&wheel);

    if (timer != OC_INDEX_NONE) {
        assert_true(is_due);
        assert_int_equal(timer, model.sorted[0].timer);
        assert_false(oc_timer_wheel_is_set(&wheel, timer));
        model.stand = model.sorted[0].tick;
        model_remove(timer);
        return true;
    }
    if (next_ns <= model.now_ns) {
        /* Moving a crowded slot down: the wheel stands at the slot's start. */
        assert_true(model.count * OC_TIMER_WHEEL_LEVELS > OC_TIMER_WHEEL_MOVES_MAX);
        model.stand = next_ns / tick_ns;
        return true;
    }
    assert_false(is_due);
    model.stand = target;
    if (model.count == 0) {
        assert_true(next_ns == OC_TIMER_WHEEL_NEVER);
    } else {
        assert_true(next_ns / tick_ns <= model.sorted[0].tick);
    }
    return false;
}

static void step_timer(const struct shape *shape, struct oc_random *random)
{
    uint32_t timer = (uint32_t)oc_random_below(random, shape->capacity);
    bool is_set = model.set[timer].order != 0;

    assert_int_equal(oc_timer_wheel_is_set(&wheel, timer), is_set);
    if (is_set && oc_random_below(random, 2) == 0) {
        assert_true(oc_timer_wheel_cancel(&wheel, timer));
        model_remove(timer);
    } else if (!is_set) {
        uint64_t bits = oc_random_below(random, shape->distance_bits + 1);
        uint64_t deadline_ns = model.now_ns + oc_random_below(random, 1ULL << bits);

        deadline_ns -= deadline_ns % shape->grid_ns;
        if (oc_random_below(random, 16) == 0) {
            deadline_ns = oc_random_below(random, model.now_ns + 1); /* past already */
        }
        assert_false(oc_timer_wheel_cancel(&wheel, timer));
        oc_timer_wheel_add(&wheel, timer, deadline_ns);
        model_add(timer, deadline_ns, shape->tick_ns);
    }
}

static void run_shape(const struct shape *shape, uint64_t seed)
{
    struct oc_random random;
    uint32_t fired = 0;

    oc_random_init(&random, seed);
    start(shape->capacity, shape->tick_ns, shape->start_ns);
    for (uint32_t operation = 0; operation < shape->operations; operation++) {
        uint64_t choice = oc_random_below(&random, 16);

        if (choice < 12) {
            step_timer(shape, &random);
        } else if (choice < 13) {
            uint64_t bits = oc_random_below(&random, shape->step_bits + 1);

            model.now_ns += oc_random_below(&random, 1ULL << bits);
            oc_timer_wheel_advance(&wheel, model.now_ns);
            /* A clock that steps back changes nothing. */
            oc_timer_wheel_advance(&wheel, model.now_ns / 2);
        } else if (choice < 15) {
            fired += pop_both(shape->tick_ns);
        } else {
            while (pop_both(shape->tick_ns)) {
                fired++;
            }
        }
    }
    print_message("%s: %u pops, %u still set\n", shape->name, fired, model.count);
    assert_true(fired > shape->operations / 100);
}

static void test_against_sorted_array(void **state)
{
    static const struct shape shapes[] = {
        {"session timeouts", 1000000, 1000000007, 500, 36, 27, 1, 400000},
        {"one nanosecond", 1, 12345, 300, 16, 12, 1, 200000},
        {"across many levels", 1000, 1ULL << 61, 1000, 54, 48, 1, 200000},
        {"crowded", 1000000, 0, TIMERS, 38, 35, 60000000000ULL, 200000},
    };
    uint64_t seed = support_seed();

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct shape shape = shapes[i];

        shape.operations = support_rounds(shape.operations);
        run_shape(&shape, seed + i);
    }
}

static void test_rounding_never_fires_early(void **state)
{
    (void)state;
    start(2, 1000000, 0);
    oc_timer_wheel_add(&wheel, 0, 5000001);
    oc_timer_wheel_add(&wheel, 1, 5000000);
    assert_true(oc_timer_wheel_next_ns(&wheel) == 5000000);
    oc_timer_wheel_advance(&wheel, 4999999);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    oc_timer_wheel_advance(&wheel, 5000000);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 1);
    oc_timer_wheel_advance(&wheel, 5999999);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    assert_true(oc_timer_wheel_next_ns(&wheel) == 6000000);
    oc_timer_wheel_advance(&wheel, 6000000);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 0);
    assert_true(oc_timer_wheel_next_ns(&wheel) == OC_TIMER_WHEEL_NEVER);
}

/* Who sleeps until oc_timer_wheel_next_ns wakes at most once for each level, and meets the
 * deadline. */
static void test_early_calls_are_few(void **state)
{
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    for (uint32_t round = 0; round < 2000; round++) {
        uint64_t now_ns = oc_random_next(&random) >> oc_random_below(&random, 64);
        uint64_t deadline_ns = oc_random_next(&random) >> oc_random_below(&random, 64);
        uint32_t calls = 0;
        uint64_t woken_ns = now_ns;

        start(1, 1, now_ns);
        oc_timer_wheel_add(&wheel, 0, deadline_ns);
        do {
            uint64_t next_ns = oc_timer_wheel_next_ns(&wheel);

            assert_true(next_ns != OC_TIMER_WHEEL_NEVER);
            assert_true(next_ns >= woken_ns);
            woken_ns = next_ns;
            oc_timer_wheel_advance(&wheel, woken_ns);
            calls++;
        } while (oc_timer_wheel_pop(&wheel) == OC_INDEX_NONE);
        assert_true(woken_ns == (deadline_ns > now_ns ? deadline_ns : now_ns));
        assert_true(calls <= OC_TIMER_WHEEL_LEVELS);
    }
}

static void test_ends_of_time(void **state)
{
    (void)state;
    start(3, 1, 0);
    oc_timer_wheel_add(&wheel, 0, UINT64_MAX);
    oc_timer_wheel_add(&wheel, 1, UINT64_MAX - 1);
    oc_timer_wheel_add(&wheel, 2, 0);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 2);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    oc_timer_wheel_advance(&wheel, UINT64_MAX - 2);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    oc_timer_wheel_advance(&wheel, UINT64_MAX);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 1);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 0);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);

    /* The last tick begins before the end of time and would be complete only after it. */
    start(1, 1000000, 0);
    oc_timer_wheel_add(&wheel, 0, UINT64_MAX);
    oc_timer_wheel_advance(&wheel, UINT64_MAX);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    assert_true(oc_timer_wheel_next_ns(&wheel) == OC_TIMER_WHEEL_NEVER);
    assert_true(oc_timer_wheel_cancel(&wheel, 0));
}

/* A slot with many timers comes down in portions, and stays in order when it is disturbed
 * meanwhile. */
static void test_bounded_work(void **state)
{
    enum { CROWD = 2000 };
    const uint64_t slot_start = 64ULL * 64;
    uint32_t portions = 0;
    uint32_t timer;

    (void)state;
    start(TIMERS, 1, 0);
    for (uint32_t i = 0; i < CROWD; i++) {
        oc_timer_wheel_add(&wheel, i, slot_start + 10);
    }
    oc_timer_wheel_advance(&wheel, slot_start + 20);
    while ((timer = oc_timer_wheel_pop(&wheel)) == OC_INDEX_NONE) {
        assert_true(oc_timer_wheel_next_ns(&wheel) == slot_start);
        portions++;
        if (portions == 1) {
            assert_true(oc_timer_wheel_cancel(&wheel, 1));         /* moved already */
            assert_true(oc_timer_wheel_cancel(&wheel, CROWD - 1)); /* not yet */
            oc_timer_wheel_add(&wheel, CROWD, slot_start + 10);    /* same tick: after the crowd */
            oc_timer_wheel_add(&wheel, CROWD + 1, slot_start + 9); /* before all of it */
            oc_timer_wheel_add(&wheel, CROWD + 2, 60);             /* overdue: first of all */
        }
    }
    /* Down from level 2 to level 0: every timer moves once, in portions of
     * OC_TIMER_WHEEL_MOVES_MAX. */
    assert_int_equal(portions, (CROWD + 1) / OC_TIMER_WHEEL_MOVES_MAX);
    assert_int_equal(timer, CROWD + 2);
    assert_int_equal(oc_timer_wheel_pop(&wheel), CROWD + 1);
    for (uint32_t i = 0; i < CROWD - 1; i++) {
        if (i != 1) {
            assert_int_equal(oc_timer_wheel_pop(&wheel), i);
        }
    }
    assert_int_equal(oc_timer_wheel_pop(&wheel), CROWD);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    assert_true(oc_timer_wheel_next_ns(&wheel) == OC_TIMER_WHEEL_NEVER);
}

/* Cancelling all that is left of a slot on its way down must not leave the wheel waiting for it. */
static void test_cancel_while_moving(void **state)
{
    (void)state;
    start(TIMERS, 1, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        oc_timer_wheel_add(&wheel, i, 5000);
    }
    oc_timer_wheel_advance(&wheel, 6000);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(oc_timer_wheel_cancel(&wheel, i));
    }
    assert_true(oc_timer_wheel_next_ns(&wheel) == OC_TIMER_WHEEL_NEVER);
    oc_timer_wheel_add(&wheel, 7, 5500);
    oc_timer_wheel_add(&wheel, 8, 5400);
    oc_timer_wheel_add(&wheel, 9, 6001);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 8);
    assert_int_equal(oc_timer_wheel_pop(&wheel), 7);
    assert_int_equal(oc_timer_wheel_pop(&wheel), OC_INDEX_NONE);
    assert_true(oc_timer_wheel_next_ns(&wheel) == 6001);
}

static void test_misuse_asserts(void **state)
{
    (void)state;
    start(2, 1, 0);
    oc_timer_wheel_add(&wheel, 0, 5);
    expect_oc_assert(oc_timer_wheel_add(&wheel, 0, 6));
    expect_oc_assert(oc_timer_wheel_add(&wheel, 2, 6));
    expect_oc_assert(oc_timer_wheel_cancel(&wheel, 2));
    expect_oc_assert(oc_timer_wheel_init(
        &wheel, &(struct oc_timer_wheel_config){.timers = timers, .capacity = 1, .tick_ns = 0}));
    expect_oc_assert(oc_timer_wheel_init(
        &wheel, &(struct oc_timer_wheel_config){.timers = NULL, .capacity = 1, .tick_ns = 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_sorted_array),
        cmocka_unit_test(test_rounding_never_fires_early),
        cmocka_unit_test(test_early_calls_are_few),
        cmocka_unit_test(test_ends_of_time),
        cmocka_unit_test(test_bounded_work),
        cmocka_unit_test(test_cancel_while_moving),
        cmocka_unit_test(test_misuse_asserts),
    };

    return cmocka_run_group_tests_name("core.timer_wheel", tests, NULL, NULL);
}
