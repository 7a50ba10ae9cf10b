/*
 * Goal: every consumer sees every event once and in order, and none is overwritten before the
 * slowest has released it. Method: single steps for room, batches, wrap and misuse; then one writer
 * and three consumers on threads of their own, with random batches. Under ThreadSanitizer this
 * checks the pairing of the atomics too. Fails if: an event is lost, repeated or torn, room is told
 * wrongly, or a misuse goes unnoticed.
 */
#include "core/event_log.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "core/random.h"
#include "support.h"

static void write_one(struct oc_event_log *log, uint64_t sequence)
{
    struct oc_event *event = oc_event_log_claim(log);

    event->command_sequence = sequence;
    event->request_id = sequence * 31;
    event->ping = ~sequence;
}

static bool is_whole(const struct oc_event *event, uint64_t sequence)
{
    return event->command_sequence == sequence && event->request_id == sequence * 31 &&
           event->ping == ~sequence;
}

static void write_many(struct oc_event_log *log, uint64_t *next, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        write_one(log, (*next)++);
    }
    oc_event_log_publish(log);
}

static void read_row(struct oc_event_log *log, uint32_t consumer, uint64_t *next, uint32_t expected)
{
    const struct oc_event *events = NULL;

    assert_int_equal(oc_event_log_read(log, consumer, &events), expected);
    for (uint32_t i = 0; i < expected; i++) {
        assert_true(is_whole(&events[i], (*next)++));
    }
    oc_event_log_release(log, consumer, expected);
}

static void test_room_follows_the_slowest(void **state)
{
    static struct oc_event_log log;
    struct oc_arena arena;
    uint64_t written = 0;
    uint64_t read[2] = {0, 0};
    uint32_t fast;
    uint32_t slow;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, 8), 0);
    fast = oc_event_log_add_consumer(&log);
    slow = oc_event_log_add_consumer(&log);
    assert_int_equal(oc_event_log_room(&log), 8);
    write_many(&log, &written, 6);
    assert_int_equal(oc_event_log_room(&log), 2);
    read_row(&log, fast, &read[0], 6);
    assert_int_equal(oc_event_log_room(&log), 2);
    assert_false(oc_event_log_has_room(&log, 3));
    write_many(&log, &written, 2);
    assert_int_equal(oc_event_log_room(&log), 0);
    assert_false(oc_event_log_has_room(&log, 1));
    expect_oc_assert(oc_event_log_claim(&log));
    read_row(&log, slow, &read[1], 8);
    /* Now the one that was fast holds it up. */
    assert_int_equal(oc_event_log_room(&log), 6);
    assert_true(oc_event_log_has_room(&log, 6));
    assert_false(oc_event_log_has_room(&log, 7));
    read_row(&log, fast, &read[0], 2);
    assert_true(oc_event_log_has_room(&log, 8));
    read_row(&log, fast, &read[0], 0);
    oc_arena_deinit(&arena);
}

static void test_unpublished_events_are_invisible(void **state)
{
    static struct oc_event_log log;
    const struct oc_event *events = NULL;
    struct oc_arena arena;
    uint32_t consumer;
    uint64_t read = 0;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, 4), 0);
    consumer = oc_event_log_add_consumer(&log);
    write_one(&log, 0);
    write_one(&log, 1);
    assert_int_equal(oc_event_log_room(&log), 2);
    assert_int_equal(oc_event_log_read(&log, consumer, &events), 0);
    assert_null(events);
    oc_event_log_publish(&log);
    read_row(&log, consumer, &read, 2);
    oc_arena_deinit(&arena);
}

static void test_rows_end_at_the_wrap(void **state)
{
    static struct oc_event_log log;
    struct oc_arena arena;
    uint64_t written = 0;
    uint64_t read = 0;
    uint32_t consumer;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, 8), 0);
    consumer = oc_event_log_add_consumer(&log);
    for (uint32_t round = 0; round < 64; round++) {
        uint32_t to_wrap = (uint32_t)(8 - read % 8);

        write_many(&log, &written, 5);
        if (to_wrap < 5) {
            read_row(&log, consumer, &read, to_wrap);
            read_row(&log, consumer, &read, 5 - to_wrap);
        } else {
            read_row(&log, consumer, &read, 5);
        }
        read_row(&log, consumer, &read, 0);
    }
    oc_arena_deinit(&arena);
}

static void test_no_consumer_and_a_late_one(void **state)
{
    static struct oc_event_log log;
    struct oc_arena arena;
    uint64_t written = 0;
    uint64_t read;
    uint32_t consumer;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, 4), 0);
    for (uint32_t round = 0; round < 10; round++) {
        write_many(&log, &written, 3);
        assert_int_equal(oc_event_log_room(&log), 4);
    }
    /* Even then an event that is not published yet must not be overwritten. */
    for (uint32_t i = 0; i < 4; i++) {
        write_one(&log, written++);
    }
    expect_oc_assert(oc_event_log_claim(&log));
    oc_event_log_publish(&log);
    consumer = oc_event_log_add_consumer(&log);
    read = written;
    read_row(&log, consumer, &read, 0);
    write_many(&log, &written, 2);
    read_row(&log, consumer, &read, 2);
    oc_arena_deinit(&arena);
}

static void test_misuse_asserts(void **state)
{
    static struct oc_event_log log;
    const struct oc_event *events;
    struct oc_arena arena;
    uint64_t written = 0;

    (void)state;
    oc_arena_init(&arena);
    expect_oc_assert(oc_event_log_init(&log, &arena, 12));
    expect_oc_assert(oc_event_log_init(&log, &arena, 1));
    assert_int_equal(oc_event_log_init(&log, &arena, 8), 0);
    expect_oc_assert(oc_event_log_read(&log, 0, &events));
    expect_oc_assert(oc_event_log_release(&log, 0, 0));
    for (uint32_t i = 0; i < OC_EVENT_LOG_CONSUMERS_MAX; i++) {
        assert_int_equal(oc_event_log_add_consumer(&log), i);
    }
    expect_oc_assert(oc_event_log_add_consumer(&log));
    write_many(&log, &written, 3);
    expect_oc_assert(oc_event_log_release(&log, 15, 4));
    oc_arena_deinit(&arena);
}

enum { CONSUMERS = 3 };

struct reader {
    struct oc_event_log *log;
    uint32_t consumer;
    uint64_t seed;
    uint64_t count;
    uint64_t broken; /* out */
};

static void *consume(void *argument)
{
    struct reader *reader = argument;
    struct oc_random random;
    uint64_t read = 0;

    oc_random_init(&random, reader->seed);
    while (read < reader->count) {
        const struct oc_event *events;
        uint32_t row = oc_event_log_read(reader->log, reader->consumer, &events);

        if (row == 0) {
            sched_yield();
            continue;
        }
        row = (uint32_t)(1 + oc_random_below(&random, row));
        for (uint32_t i = 0; i < row; i++) {
            reader->broken += !is_whole(&events[i], read);
            read++;
        }
        oc_event_log_release(reader->log, reader->consumer, row);
    }
    return NULL;
}

static void run_threads(uint64_t seed, uint32_t capacity, uint64_t count)
{
    static struct oc_event_log log;
    struct oc_arena arena;
    struct oc_random random;
    struct reader readers[CONSUMERS];
    pthread_t threads[CONSUMERS];
    uint64_t written = 0;

    oc_arena_init(&arena);
    assert_int_equal(oc_event_log_init(&log, &arena, capacity), 0);
    oc_random_init(&random, seed);
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        readers[i] = (struct reader){
            .log = &log,
            .consumer = oc_event_log_add_consumer(&log),
            .seed = seed + 1 + i,
            .count = count,
        };
    }
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, consume, &readers[i]), 0);
    }
    while (written < count) {
        uint64_t batch = 1 + oc_random_below(&random, capacity);

        batch = batch < count - written ? batch : count - written;
        if (!oc_event_log_has_room(&log, (uint32_t)batch)) {
            sched_yield();
            continue;
        }
        write_many(&log, &written, (uint32_t)batch);
    }
    for (uint32_t i = 0; i < CONSUMERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readers[i].broken, 0);
    }
    assert_int_equal(oc_event_log_room(&log), capacity);
    oc_arena_deinit(&arena);
}

static void test_threads(void **state)
{
    uint64_t seed = support_seed();

    (void)state;
    run_threads(seed, 4096, support_rounds(1000000));
    run_threads(seed + 10, 2, support_rounds(5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_follows_the_slowest),
        cmocka_unit_test(test_unpublished_events_are_invisible),
        cmocka_unit_test(test_rows_end_at_the_wrap),
        cmocka_unit_test(test_no_consumer_and_a_late_one),
        cmocka_unit_test(test_misuse_asserts),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests_name("core.event_log", tests, NULL, NULL);
}
