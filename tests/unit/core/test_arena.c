/*
 * Goal: memory from the arena is zeroed, aligned, disjoint, lazily touched, and refused after the
 * seal. Method: seeded allocations of many sizes are filled and checked again at the end; the
 * kernel is asked which pages of a large array are resident; impossible sizes are asked for. Fails
 * if: two allocations overlap, an overflow goes unnoticed, or the arena touches what it gives.
 */
#include "core/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/random.h"
#include "support.h"

/* The sanitizers end the process on a size that no system grants unless they are told otherwise;
 * these two names are how a program tells them. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_allocations_are_zeroed_aligned_and_disjoint(void **state)
{
    enum { ALLOCATIONS = 2000 };
    static unsigned char *memory[ALLOCATIONS];
    static size_t bytes[ALLOCATIONS];
    struct oc_arena arena;
    struct oc_random random;
    size_t sum_bytes = 0;

    (void)state;
    oc_random_init(&random, support_seed());
    oc_arena_init(&arena);
    for (uint32_t i = 0; i < ALLOCATIONS; i++) {
        size_t align = oc_random_below(&random, 4) == 0 ? 0 : 1ULL << oc_random_below(&random, 13);
        size_t size = 1 + oc_random_below(&random, 1ULL << oc_random_below(&random, 14));
        size_t count = 1 + oc_random_below(&random, 4);

        memory[i] = oc_arena_alloc(&arena, count, size, align);
        bytes[i] = count * size;
        sum_bytes += bytes[i];
        assert_non_null(memory[i]);
        assert_int_equal((uintptr_t)memory[i] % (align == 0 ? OC_CACHE_LINE_BYTES : align), 0);
        for (size_t at = 0; at < bytes[i]; at++) {
            assert_int_equal(memory[i][at], 0);
        }
        memset(memory[i], (int)(i % 255 + 1), bytes[i]);
    }
    for (uint32_t i = 0; i < ALLOCATIONS; i++) {
        for (size_t at = 0; at < bytes[i]; at++) {
            assert_int_equal(memory[i][at], i % 255 + 1);
        }
    }
    assert_true(oc_arena_bytes(&arena) >= sum_bytes);
    assert_true(oc_arena_bytes(&arena) <= sum_bytes + ALLOCATIONS * 4095UL);
    oc_arena_deinit(&arena);
}

/* What an earlier arena wrote must not show in the memory of a later one. */
static void test_reused_memory_is_zeroed_again(void **state)
{
    const size_t bytes = 300000;

    (void)state;
    for (uint32_t round = 0; round < 5; round++) {
        struct oc_arena arena;

        oc_arena_init(&arena);
        for (uint32_t i = 0; i < 8; i++) {
            unsigned char *memory = oc_arena_alloc(&arena, bytes, 1, 0);
            size_t dirty = 0;

            assert_non_null(memory);
            for (size_t at = 0; at < bytes; at++) {
                dirty += memory[at] != 0;
            }
            assert_int_equal(dirty, 0);
            memset(memory, 0xff, bytes);
        }
        oc_arena_deinit(&arena);
    }
}

static void test_large_array_is_not_touched(void **state)
{
    const size_t bytes = 256UL << 20;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = bytes / page_bytes;
    size_t resident = 0;
    struct oc_arena arena;
    unsigned char *memory;
    unsigned char *map;

    (void)state;
    if (support_calloc_touches()) {
        skip();
    }
    oc_arena_init(&arena);
    memory = oc_arena_alloc(&arena, bytes, 1, page_bytes);
    map = oc_arena_alloc(&arena, pages, 1, 0);
    assert_non_null(memory);
    assert_non_null(map);
    memory[bytes / 2] = 1;
    assert_int_equal(mincore(memory, bytes, map), 0);
    for (size_t page = 0; page < pages; page++) {
        resident += map[page] & 1;
    }
    print_message("%zu of %zu pages resident\n", resident, pages);
    assert_true(resident >= 1);
    /* One huge page may stand behind the byte that was written, and another behind the ends. */
    assert_true(resident <= pages / 16);
    oc_arena_deinit(&arena);
}

static void test_refusals_leave_the_arena_usable(void **state)
{
    struct oc_arena arena;

    (void)state;
    oc_arena_init(&arena);
    assert_null(oc_arena_alloc(&arena, SIZE_MAX, 2, 0));
    assert_null(oc_arena_alloc(&arena, SIZE_MAX / 2 + 1, 2, 0));
    assert_null(oc_arena_alloc(&arena, 1, SIZE_MAX, 1));
    assert_null(oc_arena_alloc(&arena, 1, SIZE_MAX - 64, 4096));
    assert_null(oc_arena_alloc(&arena, 1, SIZE_MAX / 4, 0));
    assert_int_equal(oc_arena_bytes(&arena), 0);
    assert_non_null(oc_arena_alloc(&arena, 1, 1, 0));
    assert_null(oc_arena_alloc(&arena, SIZE_MAX, 2, 0));
    assert_null(oc_arena_alloc(&arena, 1, SIZE_MAX, 1));
    assert_non_null(oc_arena_alloc(&arena, 1, 1, 0));
    oc_arena_deinit(&arena);
}

static void test_nothing_is_a_valid_allocation(void **state)
{
    struct oc_arena arena;

    (void)state;
    oc_arena_init(&arena);
    assert_non_null(oc_arena_alloc(&arena, 0, 8, 0));
    assert_non_null(oc_arena_alloc(&arena, 8, 0, 0));
    oc_arena_deinit(&arena);
}

static void test_seal_and_misuse_assert(void **state)
{
    struct oc_arena arena;

    (void)state;
    oc_arena_init(&arena);
    expect_oc_assert(oc_arena_alloc(&arena, 1, 8, 3));
    expect_oc_assert(oc_arena_alloc(&arena, 1, 8, 8192));
    assert_non_null(oc_arena_alloc(&arena, 1, 8, 0));
    oc_arena_seal(&arena);
    expect_oc_assert(oc_arena_alloc(&arena, 1, 8, 0));
    expect_oc_assert(oc_arena_alloc(&arena, SIZE_MAX, 2, 0));
    oc_arena_deinit(&arena);
    /* A deinit makes it new: nothing held, not sealed. */
    assert_int_equal(oc_arena_bytes(&arena), 0);
    assert_non_null(oc_arena_alloc(&arena, 1, 8, 0));
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations_are_zeroed_aligned_and_disjoint),
        cmocka_unit_test(test_reused_memory_is_zeroed_again),
        cmocka_unit_test(test_large_array_is_not_touched),
        cmocka_unit_test(test_refusals_leave_the_arena_usable),
        cmocka_unit_test(test_nothing_is_a_valid_allocation),
        cmocka_unit_test(test_seal_and_misuse_assert),
    };

    return cmocka_run_group_tests_name("core.arena", tests, NULL, NULL);
}
