/*
 * Goal: connections are counted by address, never too many, never one that is gone. Method: texts
 * of addresses that belong together or not; then a random life of connections against a plain
 * array; then several threads at once. Fails when an address is counted with another's, one too
 * many is let in, or one that left still counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/random.h"
#include "server/admission.h"

#define SLOTS     64U
#define ADDRESSES 48U
#define STEPS     200000U
#define THREADS   4U

static struct oc_arena arena;
static struct oc_admission *admission;

static int set_up(void **state)
{
    (void)state;
    oc_arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oc_arena_deinit(&arena);
    return 0;
}

static void test_what_counts_as_one_address(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        bool same;
    } PAIRS[] = {
        {"192.0.2.1:5000", "192.0.2.1:5001", true},
        {"192.0.2.1:5000", "192.0.2.2:5000", false},
        {"192.0.2.1:5000", "[::ffff:192.0.2.1]:5000", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:9", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
        {"[fe80::1%eth0]:1", "[fe80::2]:1", true},
        {"[::1]:1", "127.0.0.1:1", false},
        {"[::1]:1", "[::1]:2", true},
        {"0.0.0.0:1", "[::]:1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        admission = oc_admission_create(&arena, SLOTS, 1);
        assert_true(oc_admission_enter(admission, 0, PAIRS[i].first));
        if (oc_admission_enter(admission, 1, PAIRS[i].second) == PAIRS[i].same) {
            fail_msg("%s and %s", PAIRS[i].first, PAIRS[i].second);
        }
        /* Whoever was turned away is in nobody's way. */
        oc_admission_leave(admission, 0);
        assert_true(oc_admission_enter(admission, 0, PAIRS[i].first));
    }
}

static void test_who_has_no_address_is_not_counted(void **state)
{
    static const char *const TEXTS[] = {"unix", "peer 5",  "",    "nonsense:5",
                                        "[::1", "a:b:c:d", "[]:5"};
    (void)state;
    admission = oc_admission_create(&arena, SLOTS, 1);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        for (uint32_t slot = 0; slot < 3; slot++) {
            assert_true(oc_admission_enter(admission, slot, TEXTS[i]));
        }
        for (uint32_t slot = 0; slot < 3; slot++) {
            oc_admission_leave(admission, slot);
        }
    }
}

/* With as many addresses as fit, entries stand away from their homes, and gaps open among them. */
static void test_a_random_life_against_a_plain_count(void **state)
{
    const char *text = getenv("SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 7;
    uint32_t counts[ADDRESSES] = {0};
    uint32_t in_slot[SLOTS];
    uint64_t refused = 0;
    struct oc_random random;
    (void)state;
    oc_random_init(&random, seed);
    admission = oc_admission_create(&arena, SLOTS, 3);
    memset(in_slot, 0xff, sizeof in_slot);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t slot = (uint32_t)oc_random_below(&random, SLOTS);
        if (in_slot[slot] != UINT32_MAX) {
            oc_admission_leave(admission, slot);
            counts[in_slot[slot]]--;
            in_slot[slot] = UINT32_MAX;
        } else {
            uint32_t address = (uint32_t)oc_random_below(&random, ADDRESSES);
            char peer[32];
            (void)snprintf(peer, sizeof peer, "10.0.%u.7:%u", address, step % 65536);
            if (oc_admission_enter(admission, slot, peer) != (counts[address] < 3)) {
                fail_msg("SEED=%llu, step %u: address %u with %u connections",
                         (unsigned long long)seed, step, address, counts[address]);
            }
            if (counts[address] < 3) {
                in_slot[slot] = address;
                counts[address]++;
            } else {
                refused++;
            }
        }
    }
    assert_true(refused > 1000);
}

static void *come_and_go(void *context)
{
    const uint32_t first = *(const uint32_t *)context;
    uintptr_t admitted = 0;
    /* The others may stand still with what they hold for as long as the host likes. */
    for (uint32_t step = 0; step < 20000 || admitted == 0; step++) {
        uint32_t slot = first + step % (SLOTS / THREADS);
        if (oc_admission_enter(admission, slot, "192.0.2.1:5000")) {
            oc_admission_leave(admission, slot);
            admitted++;
        }
    }
    return (void *)admitted;
}

static void test_threads_share_one(void **state)
{
    pthread_t threads[THREADS];
    uint32_t firsts[THREADS];
    (void)state;
    admission = oc_admission_create(&arena, SLOTS, 2);
    for (uint32_t i = 0; i < THREADS; i++) {
        firsts[i] = i * (SLOTS / THREADS);
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &firsts[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        void *admitted;
        assert_int_equal(pthread_join(threads[i], &admitted), 0);
        assert_true((uintptr_t)admitted > 0);
    }
    assert_true(oc_admission_enter(admission, 0, "192.0.2.1:1"));
    assert_true(oc_admission_enter(admission, 1, "192.0.2.1:2"));
    assert_false(oc_admission_enter(admission, 2, "192.0.2.1:3"));
}

int main(void)
{
#define ADMISSION_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ADMISSION_TEST(test_what_counts_as_one_address),
        ADMISSION_TEST(test_who_has_no_address_is_not_counted),
        ADMISSION_TEST(test_a_random_life_against_a_plain_count),
        ADMISSION_TEST(test_threads_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
