/*
 * Goal: the pool gives every index once, the last one returned first, fresh ones in order.
 * Method: seeded takes and gives against a model that is a plain stack and a flag for each index.
 * Fails if: an index is handed out twice, the order differs, or a wrong give goes unnoticed.
 */
#include "core/pool.h"

#include "core/random.h"
#include "support.h"

enum { CAPACITY = 300 };

struct model {
    uint32_t stack[CAPACITY];
    uint32_t stacked;
    uint32_t fresh;
    uint32_t taken[CAPACITY]; /* the indices in use, in no order */
    uint32_t taken_count;
};

static uint32_t model_take(struct model *model)
{
    uint32_t index;

    if (model->stacked > 0) {
        index = model->stack[--model->stacked];
    } else if (model->fresh < CAPACITY) {
        index = model->fresh++;
    } else {
        return OC_INDEX_NONE;
    }
    model->taken[model->taken_count++] = index;
    return index;
}

static void test_against_model(void **state)
{
    static struct model model;
    struct oc_arena arena;
    struct oc_pool pool;
    struct oc_random random;
    uint32_t full_count = 0;

    (void)state;
    oc_random_init(&random, support_seed());
    oc_arena_init(&arena);
    assert_int_equal(oc_pool_init(&pool, &arena, CAPACITY), 0);
    assert_int_equal(oc_pool_capacity(&pool), CAPACITY);
    for (uint32_t round = 0; round < 200000; round++) {
        /* Phases of growing and of shrinking, so that both ends are reached. */
        uint64_t take_percent = round / 2000 % 2 == 0 ? 75 : 25;

        if (model.taken_count == 0 || oc_random_below(&random, 100) < take_percent) {
            uint32_t expected = model_take(&model);

            full_count += expected == OC_INDEX_NONE;
            assert_int_equal(oc_pool_take(&pool), expected);
        } else {
            uint32_t chosen = (uint32_t)oc_random_below(&random, model.taken_count);
            uint32_t index = model.taken[chosen];

            model.taken[chosen] = model.taken[--model.taken_count];
            model.stack[model.stacked++] = index;
            oc_pool_give(&pool, index);
        }
        assert_int_equal(oc_pool_used(&pool), model.taken_count);
    }
    assert_true(full_count > 0);
    oc_arena_deinit(&arena);
}

static void test_wrong_gives_assert(void **state)
{
    struct oc_arena arena;
    struct oc_pool pool;
    uint32_t first;
    uint32_t second;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_pool_init(&pool, &arena, 4), 0);
    expect_oc_assert(oc_pool_give(&pool, 0)); /* never taken */
    first = oc_pool_take(&pool);
    second = oc_pool_take(&pool);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    oc_pool_give(&pool, first);
    expect_oc_assert(oc_pool_give(&pool, first)); /* twice, at the end of the list */
    oc_pool_give(&pool, second);
    expect_oc_assert(oc_pool_give(&pool, second)); /* twice, with a successor in the list */
    expect_oc_assert(oc_pool_give(&pool, 4));      /* beyond the capacity */
    expect_oc_assert(oc_pool_give(&pool, OC_INDEX_NONE));
    assert_int_equal(oc_pool_used(&pool), 0);
    assert_int_equal(oc_pool_take(&pool), second);
    assert_int_equal(oc_pool_take(&pool), first);
    oc_arena_deinit(&arena);
}

static void test_limits_of_capacity(void **state)
{
    struct oc_arena arena;
    struct oc_pool pool;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_pool_init(&pool, &arena, 0), 0);
    assert_int_equal(oc_pool_take(&pool), OC_INDEX_NONE);
    assert_int_equal(oc_pool_init(&pool, &arena, 1), 0);
    assert_int_equal(oc_pool_take(&pool), 0);
    assert_int_equal(oc_pool_take(&pool), OC_INDEX_NONE);
    assert_int_equal(oc_pool_used(&pool), 1);
    expect_oc_assert(oc_pool_init(&pool, &arena, OC_POOL_TAKEN));
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_wrong_gives_assert),
        cmocka_unit_test(test_limits_of_capacity),
    };

    return cmocka_run_group_tests_name("core.pool", tests, NULL, NULL);
}
