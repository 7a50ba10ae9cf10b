/*
 * Goal: the index map finds what was added and not removed, whatever collides.
 * Method: seeded adds and removes against a plain array, with good hashes and with hashes that all
 * fall into a few cells at the end of the table; an audit after each.
 * Fails when a backward shift loses an entry, wraps wrongly, or leaves one that cannot be found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "book/index_map.h"
#include "core/random.h"

#define CAPACITY 64U
/* Two rows of 32 that fell upon each other; the worst of 200 secrets searches 65 cells. */
#define LONGEST_SEARCH 66U

struct keys {
    uint32_t hashes[CAPACITY];
    bool present[CAPACITY];
};

static uint32_t find(const struct oc_book_map *map, uint32_t hash, uint32_t wanted)
{
    uint32_t cell = oc_book_map_home(map, hash);
    uint32_t index;

    do {
        index = oc_book_map_probe(map, hash, &cell);
    } while (index != OC_INDEX_NONE && index != wanted);
    return index;
}

static void churn(uint64_t seed, uint32_t (*hash_of)(struct oc_random *random))
{
    struct oc_arena arena;
    struct oc_book_map map;
    struct oc_random random;
    struct keys keys = {0};

    oc_arena_init(&arena);
    oc_random_init(&random, seed);
    assert_int_equal(oc_book_map_init(&map, &arena, CAPACITY), 0);
    for (int step = 0; step < 20000; step++) {
        uint32_t index = (uint32_t)oc_random_below(&random, CAPACITY);

        if (keys.present[index]) {
            oc_book_map_remove(&map, keys.hashes[index], index);
        } else {
            keys.hashes[index] = hash_of(&random);
            oc_book_map_add(&map, keys.hashes[index], index);
        }
        keys.present[index] = !keys.present[index];
        oc_book_map_audit(&map);
        for (uint32_t other = 0; other < CAPACITY; other++) {
            assert_int_equal(find(&map, keys.hashes[other], other),
                             keys.present[other] ? other : OC_INDEX_NONE);
        }
    }
    oc_arena_deinit(&arena);
}

static uint32_t any_hash(struct oc_random *random)
{
    return (uint32_t)oc_random_next(random);
}

static uint32_t hash_at_the_end(struct oc_random *random)
{
    return UINT32_MAX - (uint32_t)oc_random_below(random, 3);
}

static uint32_t one_hash(struct oc_random *random)
{
    (void)random;
    return 12345;
}

static void finds_what_is_there(void **state)
{
    (void)state;
    churn(1, any_hash);
}

static void wraps_around_the_end(void **state)
{
    (void)state;
    churn(2, hash_at_the_end);
}

static void one_hash_for_all(void **state)
{
    (void)state;
    churn(3, one_hash);
}

/** The longest search for an id of a full map that holds every `step`th. */
static uint32_t longest_search(uint64_t step, uint64_t secret)
{
    struct oc_arena arena;
    struct oc_book_map map;
    uint32_t longest = 0;

    oc_arena_init(&arena);
    assert_int_equal(oc_book_map_init(&map, &arena, 1U << 16), 0);
    for (uint32_t index = 0; index < 1U << 16; index++) {
        oc_book_map_add(&map, oc_book_hash_counter(1 + step * index, secret), index);
    }
    for (uint32_t index = 0; index < 1U << 16; index++) {
        uint32_t hash = oc_book_hash_counter(1 + step * index, secret);
        uint32_t cell = oc_book_map_home(&map, hash);
        uint32_t steps = 1;

        while (map.cells[cell].index_plus_1 != index + 1) {
            cell = (cell + 1) & map.mask;
            steps++;
        }
        longest = steps > longest ? steps : longest;
    }
    oc_arena_deinit(&arena);
    return longest;
}

static void counters_share_rows_and_spread(void **state)
{
    struct oc_arena arena;
    struct oc_book_map map;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_book_map_init(&map, &arena, 1U << 16), 0);
    for (uint64_t secret = 0; secret <= 0xF123456789ABCDEFULL; secret += 0xF123456789ABCDEFULL) {
        /* As many as fit, of a venue that keeps all, every third and every 20th of its orders. */
        assert_true(longest_search(1, secret) <= LONGEST_SEARCH);
        assert_true(longest_search(3, secret) <= LONGEST_SEARCH);
        assert_true(longest_search(20, secret) <= LONGEST_SEARCH);
        for (uint64_t counter = 32; counter < 63; counter++) {
            assert_int_equal(oc_book_map_home(&map, oc_book_hash_counter(counter, secret)) + 1,
                             oc_book_map_home(&map, oc_book_hash_counter(counter + 1, secret)));
        }
    }
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(wraps_around_the_end),
        cmocka_unit_test(one_hash_for_all),
        cmocka_unit_test(counters_share_rows_and_spread),
    };

    return cmocka_run_group_tests_name("book index map", tests, NULL, NULL);
}
