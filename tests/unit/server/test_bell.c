/*
 * Goal: the bell wakes who waits for what was rung, nobody else, and costs a system call only when
 * somebody sleeps.
 * Method: system calls as they are counted, and two threads that wait for each other 20,000 times.
 * Fails when a ring is lost (the test then hangs until its limit), when a ring for something else
 * ends the wait, or when a call is made that nobody needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <time.h>
#include <cmocka.h>

#include "server/bell.h"

#define TURNS 20000U

static uint64_t now_ns(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void test_what_was_rung_before_needs_no_system_call(void **state)
{
    struct oc_server__bell bell;
    (void)state;
    oc_server__bell_init(&bell);
    assert_false(oc_server__bell_ring(&bell, OC_SERVER__COMMANDS));
    assert_false(oc_server__bell_ring(&bell, OC_SERVER__COMMANDS));
    assert_true(oc_server__bell_was_rung(&bell, OC_SERVER__COMMANDS));
    assert_false(oc_server__bell_was_rung(&bell, OC_SERVER__ROOM));
    assert_int_equal(oc_server__bell_wait(&bell, OC_SERVER__COMMANDS, UINT64_MAX), 0);
    assert_false(oc_server__bell_was_rung(&bell, OC_SERVER__COMMANDS));
}

static void test_a_wait_ends_in_time(void **state)
{
    struct oc_server__bell bell;
    uint64_t begin_ns = now_ns();
    (void)state;
    oc_server__bell_init(&bell);
    assert_true(oc_server__bell_wait(&bell, OC_SERVER__COMMANDS, 2000000) > 0);
    assert_true(now_ns() - begin_ns >= 2000000);
    /* Rung for something else: it sleeps all the same. */
    begin_ns = now_ns();
    assert_false(oc_server__bell_ring(&bell, OC_SERVER__ROOM));
    assert_true(oc_server__bell_wait(&bell, OC_SERVER__COMMANDS, 2000000) > 0);
    assert_true(now_ns() - begin_ns >= 2000000);
    assert_false(oc_server__bell_was_rung(&bell, OC_SERVER__ROOM));
}

/* Two threads hand a number to and fro. */
struct side {
    struct oc_server__bell own;
    struct side *other;
    _Atomic uint32_t given;
};

static void *play(void *argument)
{
    struct side *side = argument;
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        while (atomic_load_explicit(&side->given, memory_order_relaxed) < turn) {
            (void)oc_server__bell_wait(&side->own, OC_SERVER__COMMANDS, UINT64_MAX);
        }
        atomic_store_explicit(&side->other->given, turn + 1, memory_order_relaxed);
        (void)oc_server__bell_ring(&side->other->own, OC_SERVER__ROOM);
        (void)oc_server__bell_ring(&side->other->own, OC_SERVER__COMMANDS);
    }
    return NULL;
}

static void test_no_ring_is_lost(void **state)
{
    static struct side sides[2];
    pthread_t thread;
    (void)state;
    for (int i = 0; i < 2; i++) {
        oc_server__bell_init(&sides[i].own);
        sides[i].other = &sides[1 - i];
    }
    atomic_store(&sides[0].given, 1);
    assert_int_equal(pthread_create(&thread, NULL, play, &sides[1]), 0);
    (void)play(&sides[0]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&sides[0].given), TURNS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_rung_before_needs_no_system_call),
        cmocka_unit_test(test_a_wait_ends_in_time),
        cmocka_unit_test(test_no_ring_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
