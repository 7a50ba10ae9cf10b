/*
 * Goal: a ring hands every element over once, whole and in order, also between two threads.
 * Method: single steps at full, empty and the wrap; then two threads, random batch sizes on both
 * sides and a checksum in every element. Run under ThreadSanitizer, this also checks the pairing of
 * the atomics: a slot read or written without its acquire or release is a data race.
 * Fails if: an element is lost, repeated, torn or out of order, or full and empty are mistaken.
 */
#include "core/ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "core/random.h"
#include "support.h"

struct element {
    uint64_t number;
    uint64_t noise;
    uint64_t checksum;
};

static void fill(struct element *element, uint64_t number, uint64_t noise)
{
    element->number = number;
    element->noise = noise;
    element->checksum = number * 31 + noise;
}

static bool is_whole(const struct element *element, uint64_t number)
{
    return element->number == number && element->checksum == number * 31 + element->noise;
}

static void test_empty_full_and_batches(void **state)
{
    struct oc_arena arena;
    struct oc_ring ring;
    void *elements = NULL;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_ring_init(&ring, &arena, 4, sizeof(struct element)), 0);
    assert_int_equal(oc_ring_peek(&ring, &elements), 0);
    assert_null(elements);
    assert_int_equal(oc_ring_room(&ring), 4);
    for (uint64_t number = 0; number < 4; number++) {
        struct element *element = oc_ring_claim(&ring);

        assert_non_null(element);
        fill(element, number, 7);
        /* Nothing is visible before the batch is published. */
        assert_int_equal(oc_ring_peek(&ring, &elements), 0);
    }
    assert_null(oc_ring_claim(&ring));
    oc_ring_publish(&ring);
    assert_int_equal(oc_ring_peek(&ring, &elements), 4);
    assert_true(is_whole((struct element *)elements, 0));
    assert_true(is_whole((struct element *)elements + 3, 3));
    /* Reading alone frees nothing. */
    assert_null(oc_ring_claim(&ring));
    assert_int_equal(oc_ring_room(&ring), 0);
    oc_ring_release(&ring, 1);
    assert_int_equal(oc_ring_room(&ring), 1);
    assert_non_null(oc_ring_claim(&ring));
    assert_null(oc_ring_claim(&ring));
    expect_oc_assert(oc_ring_release(&ring, 4));
    oc_ring_release(&ring, 3);
    expect_oc_assert(oc_ring_release(&ring, 1));
    oc_arena_deinit(&arena);
}

static void test_rows_end_at_the_wrap(void **state)
{
    struct oc_arena arena;
    struct oc_ring ring;
    void *elements;
    uint64_t written = 0;
    uint64_t read = 0;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_ring_init(&ring, &arena, 8, sizeof(uint64_t)), 0);
    /* Batches of 5 in a ring of 8 begin at every slot in turn. */
    for (uint32_t round = 0; round < 64; round++) {
        uint32_t seen = 0;

        for (uint32_t i = 0; i < 5; i++) {
            *(uint64_t *)oc_ring_claim(&ring) = written++;
        }
        oc_ring_publish(&ring);
        while (seen < 5) {
            uint32_t row = oc_ring_peek(&ring, &elements);
            uint64_t to_wrap = 8 - read % 8;

            assert_int_equal(row, 5 - seen < to_wrap ? 5 - seen : to_wrap);
            for (uint32_t i = 0; i < row; i++) {
                assert_int_equal(((uint64_t *)elements)[i], read);
                read++;
            }
            oc_ring_release(&ring, row);
            seen += row;
        }
        assert_int_equal(oc_ring_peek(&ring, &elements), 0);
    }
    oc_arena_deinit(&arena);
}

static void test_odd_shapes(void **state)
{
    struct oc_arena arena;
    struct oc_ring ring;
    void *elements = NULL;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_ring_init(&ring, &arena, 1, 3), 0);
    for (unsigned char i = 0; i < 10; i++) {
        memset(oc_ring_claim(&ring), i, 3);
        assert_null(oc_ring_claim(&ring));
        oc_ring_publish(&ring);
        assert_int_equal(oc_ring_peek(&ring, &elements), 1);
        assert_int_equal(((unsigned char *)elements)[2], i);
        oc_ring_release(&ring, 1);
    }
    assert_int_equal(oc_ring_init(&ring, &arena, 1U << 31, SIZE_MAX / 2), -ENOMEM);
    expect_oc_assert(oc_ring_init(&ring, &arena, 3, 8));
    expect_oc_assert(oc_ring_init(&ring, &arena, 0, 8));
    expect_oc_assert(oc_ring_init(&ring, &arena, 4, 0));
    oc_arena_deinit(&arena);
}

struct two_threads {
    struct oc_ring ring;
    uint64_t seed;
    uint64_t count;
};

static void *produce(void *argument)
{
    struct two_threads *shared = argument;
    struct oc_random random;
    uint64_t number = 0;

    oc_random_init(&random, shared->seed);
    while (number < shared->count) {
        uint64_t batch = 1 + oc_random_below(&random, 40);

        while (batch > 0 && number < shared->count) {
            struct element *element = oc_ring_claim(&shared->ring);

            if (element == NULL) {
                break;
            }
            fill(element, number++, oc_random_next(&random));
            batch--;
        }
        oc_ring_publish(&shared->ring);
        if (batch > 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void run_two_threads(uint64_t seed, uint32_t capacity, uint64_t count)
{
    static struct two_threads shared;
    struct oc_arena arena;
    struct oc_random random;
    pthread_t producer;
    uint64_t read = 0;
    uint64_t broken = 0;

    oc_arena_init(&arena);
    assert_int_equal(oc_ring_init(&shared.ring, &arena, capacity, sizeof(struct element)), 0);
    shared.seed = seed;
    shared.count = count;
    oc_random_init(&random, ~seed);
    assert_int_equal(pthread_create(&producer, NULL, produce, &shared), 0);
    while (read < count) {
        void *elements;
        uint32_t row = oc_ring_peek(&shared.ring, &elements);

        if (row == 0) {
            sched_yield();
            continue;
        }
        /* Often less than what is there. */
        row = (uint32_t)(1 + oc_random_below(&random, row));
        for (uint32_t i = 0; i < row; i++) {
            broken += !is_whole((struct element *)elements + i, read);
            read++;
        }
        oc_ring_release(&shared.ring, row);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(broken, 0);
    oc_arena_deinit(&arena);
}

static void test_two_threads(void **state)
{
    uint64_t seed = support_seed();

    (void)state;
    run_two_threads(seed, 1024, support_rounds(2000000));
    run_two_threads(seed + 1, 16, support_rounds(200000));
    run_two_threads(seed + 2, 1, support_rounds(20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_full_and_batches),
        cmocka_unit_test(test_rows_end_at_the_wrap),
        cmocka_unit_test(test_odd_shapes),
        cmocka_unit_test(test_two_threads),
    };

    return cmocka_run_group_tests_name("core.ring", tests, NULL, NULL);
}
