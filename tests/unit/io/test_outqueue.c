/*
 * Goal: queues of pieces hold exactly the bytes that were appended, all or nothing, and give every
 * chunk and segment back.
 * Method: seeded random operations on several queues that share a small pool, each compared with a
 * flat copy of what it must hold; then cases for the edges.
 * Fails if: a byte differs, a refused append changed anything, a shared chunk is freed too early or
 * too late, or the pool is not full again at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "io/outqueue.h"

#define QUEUES      4
#define CHUNKS      32U
#define SEGMENTS    80U
#define RESERVE     8U
#define MODEL_BYTES (1U << 18)
#define STEPS       200000U
#define SEED        20251122U

struct model {
    struct oc_io__queue queue;
    uint8_t bytes[MODEL_BYTES];
    uint32_t size;
};

static struct model models[QUEUES];
static uint8_t scratch[MODEL_BYTES];

static void assert_same(const struct oc_io__chunks *chunks, const struct model *model,
                        uint32_t capacity)
{
    struct iovec vector[SEGMENTS];
    uint32_t size = 0;
    uint32_t offset = 0;
    uint32_t count = oc_io__queue_vector(chunks, &model->queue, vector, capacity, &size);

    assert_int_equal(model->queue.size, model->size);
    assert_true(count <= capacity);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(vector[i].iov_len > 0);
        assert_memory_equal(vector[i].iov_base, model->bytes + offset, vector[i].iov_len);
        offset += (uint32_t)vector[i].iov_len;
    }
    assert_int_equal(offset, size);
    assert_true(size == model->size || count == capacity);
}

static void model_append(struct model *model, const uint8_t *bytes, uint32_t size)
{
    memcpy(model->bytes + model->size, bytes, size);
    model->size += size;
}

static void model_consume(struct model *model, uint32_t size)
{
    memmove(model->bytes, model->bytes + size, model->size - size);
    model->size -= size;
}

static void step(struct oc_io__chunks *chunks, struct oc_random *random)
{
    struct model *model = &models[oc_random_below(random, QUEUES)];
    uint64_t what = oc_random_below(random, 10);
    uint32_t size = (uint32_t)oc_random_below(random, what < 3 ? 300 : 12000);

    for (uint32_t i = 0; i < size; i++) {
        scratch[i] = (uint8_t)(i * 7 + size);
    }
    if (what < 6) {
        uint32_t before = oc_io__chunks_free(chunks);
        if (oc_io__queue_append(chunks, &model->queue, scratch, size) == 0) {
            model_append(model, scratch, size);
        } else {
            assert_int_equal(oc_io__chunks_free(chunks), before);
        }
    } else if (what < 8) {
        uint32_t chunk = oc_io__chunk_take(chunks);
        if (chunk == OC_INDEX_NONE) {
            return;
        }
        uint8_t *bytes = oc_io__chunk_bytes(chunks, chunk);
        memcpy(bytes, scratch, OC_IO_CHUNK_BYTES);
        for (uint32_t q = 0; q < QUEUES; q++) {
            uint32_t offset = (uint32_t)oc_random_below(random, OC_IO_CHUNK_BYTES);
            uint32_t piece = (uint32_t)oc_random_below(random, OC_IO_CHUNK_BYTES - offset + 1);
            if (oc_io__queue_append_shared(chunks, &models[q].queue, chunk, offset, piece) == 0) {
                model_append(&models[q], bytes + offset, piece);
            }
        }
        oc_io__chunk_release(chunks, chunk);
    } else if (what < 9) {
        uint32_t some = (uint32_t)oc_random_below(random, model->size + 1ULL);
        oc_io__queue_consume(chunks, &model->queue, some);
        model_consume(model, some);
    } else {
        uint32_t kept = (uint32_t)oc_random_below(random, model->size + 1ULL);
        oc_io__queue_truncate(chunks, &model->queue, kept);
        model->size = kept;
    }
    assert_same(chunks, model, SEGMENTS);
    assert_same(chunks, model, 3);
}

static void random_operations_keep_every_byte(void **state)
{
    struct oc_arena arena;
    struct oc_io__chunks chunks;
    struct oc_random random;

    (void)state;
    (void)printf("             seed %u\n", SEED);
    oc_arena_init(&arena);
    assert_int_equal(oc_io__chunks_init(&chunks, &arena, CHUNKS, SEGMENTS, RESERVE), 0);
    oc_random_init(&random, SEED);
    for (uint32_t q = 0; q < QUEUES; q++) {
        oc_io__queue_init(&models[q].queue);
        models[q].size = 0;
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&chunks, &random);
    }
    assert_int_equal(chunks.used_max, CHUNKS); /* the pool did run out */
    for (uint32_t q = 0; q < QUEUES; q++) {
        oc_io__queue_truncate(&chunks, &models[q].queue, 0);
        assert_true(oc_io__queue_is_empty(&models[q].queue));
    }
    assert_int_equal(oc_io__chunks_free(&chunks), CHUNKS);
    assert_int_equal(oc_pool_used(&chunks.segment_pool), 0);
    oc_arena_deinit(&arena);
}

static void pieces_that_follow_each_other_become_one(void **state)
{
    struct oc_arena arena;
    struct oc_io__chunks chunks;
    struct oc_io__queue queue;
    struct iovec vector[4];
    uint32_t size;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_io__chunks_init(&chunks, &arena, 4, 8, 0), 0);
    oc_io__queue_init(&queue);
    uint32_t chunk = oc_io__chunk_take(&chunks);
    assert_int_equal(oc_io__queue_append_shared(&chunks, &queue, chunk, 0, 700), 0);
    assert_int_equal(oc_io__queue_append_shared(&chunks, &queue, chunk, 700, 100), 0);
    assert_int_equal(oc_io__queue_vector(&chunks, &queue, vector, 4, &size), 1);
    assert_int_equal(size, 800);
    /* Not the following piece: a reference of its own; a small one behind own bytes: a copy. */
    assert_int_equal(oc_io__queue_append_shared(&chunks, &queue, chunk, 900, 100), 0);
    assert_int_equal(oc_io__queue_append(&chunks, &queue, "own", 3), 0);
    assert_int_equal(oc_io__queue_append_shared(&chunks, &queue, chunk, 0, 512), 0);
    assert_int_equal(oc_io__queue_vector(&chunks, &queue, vector, 4, &size), 3);
    assert_int_equal(vector[2].iov_len, 515);
    oc_io__chunk_release(&chunks, chunk);
    assert_int_equal(oc_io__chunks_free(&chunks), 2);
    oc_io__queue_consume(&chunks, &queue, 900);
    assert_int_equal(oc_io__chunks_free(&chunks), 3); /* the last reference is gone */
    oc_io__queue_consume(&chunks, &queue, 515);
    assert_int_equal(oc_io__chunks_free(&chunks), 4);
    oc_arena_deinit(&arena);
}

static void a_receive_buffer_always_finds_a_segment(void **state)
{
    struct oc_arena arena;
    struct oc_io__chunks chunks;
    struct oc_io__queue out;
    struct oc_io__queue unread;
    struct oc_io__segment segment;

    (void)state;
    oc_arena_init(&arena);
    assert_int_equal(oc_io__chunks_init(&chunks, &arena, 4, 6, 4), 0);
    oc_io__queue_init(&out);
    oc_io__queue_init(&unread);
    uint32_t chunk = oc_io__chunk_take(&chunks);
    assert_int_equal(oc_io__queue_append_shared(&chunks, &out, chunk, 0, 600), 0);
    assert_int_equal(oc_io__queue_append_shared(&chunks, &out, chunk, 0, 600), 0);
    assert_int_not_equal(oc_io__queue_append_shared(&chunks, &out, chunk, 0, 600), 0);
    assert_false(oc_io__chunks_fit(&chunks, 1));
    for (uint32_t i = 0; i < 4; i++) {
        oc_io__queue_push(
            &chunks, &unread,
            (struct oc_io__segment){.chunk = i, .size = 10 + i, .kind = OC_IO__BUFFER});
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(oc_io__queue_pop(&chunks, &unread, &segment));
        assert_int_equal(segment.chunk, i);
        assert_int_equal(segment.size, 10 + i);
    }
    assert_false(oc_io__queue_pop(&chunks, &unread, &segment));
    assert_int_equal(unread.size, 0);
    oc_arena_deinit(&arena);
}

/** A queue of input grows at both ends and is popped: seeded, against a flat copy. */
static void input_grows_at_both_ends(void **state)
{
    struct oc_io__queue front;
    struct oc_io__chunks chunks;
    struct oc_io__segment segment;
    struct oc_arena arena;
    struct oc_random random;
    struct model *model = &models[0];
    uint32_t refused = 0;

    (void)state;
    oc_arena_init(&arena);
    oc_random_init(&random, SEED + 1);
    assert_int_equal(oc_io__chunks_init(&chunks, &arena, 16, 60, 4), 0);
    oc_io__queue_init(&model->queue);
    model->size = 0;
    for (uint32_t step = 0; step < 10000; step++) {
        uint64_t what = oc_random_below(&random, 9);
        uint32_t size = (uint32_t)oc_random_below(&random, what % 2 == 0 ? 100 : 9000);
        for (uint32_t i = 0; i < size; i++) {
            scratch[i] = (uint8_t)(i * 7 + step);
        }
        if (what < 2) {
            if (oc_io__queue_append(&chunks, &model->queue, scratch, size) == 0) {
                model_append(model, scratch, size);
            }
        } else if (what < 5) {
            if (oc_io__queue_prepend_copy(&chunks, &model->queue, scratch, size) == 0) {
                memmove(model->bytes + size, model->bytes, model->size);
                memcpy(model->bytes, scratch, size);
                model->size += size;
            } else {
                refused++;
            }
        } else if (oc_io__queue_pop(&chunks, &model->queue, &segment)) {
            assert_memory_equal(oc_io__chunk_bytes(&chunks, segment.chunk) + segment.offset,
                                model->bytes, segment.size);
            model_consume(model, segment.size);
            if (what == 5) {
                /* Told, and given back as it is. */
                oc_io__queue_init(&front);
                memmove(model->bytes + segment.size, model->bytes, model->size);
                memcpy(model->bytes, oc_io__chunk_bytes(&chunks, segment.chunk) + segment.offset,
                       segment.size);
                model->size += segment.size;
                oc_io__queue_push(&chunks, &front, segment);
                oc_io__queue_prepend(&chunks, &model->queue, &front);
                assert_true(oc_io__queue_is_empty(&front));
            } else {
                oc_io__chunk_release(&chunks, segment.chunk);
            }
        }
        assert_same(&chunks, model, SEGMENTS);
    }
    assert_true(refused > 100);
    oc_io__queue_truncate(&chunks, &model->queue, 0);
    assert_int_equal(oc_io__chunks_free(&chunks), 16);
    /* Small pieces share a chunk, in front as at the end. */
    oc_io__queue_init(&model->queue);
    for (uint32_t i = 0; i < OC_IO_CHUNK_BYTES / 32; i++) {
        assert_int_equal(oc_io__queue_prepend_copy(&chunks, &model->queue, scratch, 32), 0);
    }
    assert_int_equal(oc_io__chunks_free(&chunks), 15);
    oc_io__queue_truncate(&chunks, &model->queue, 0);
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_keep_every_byte),
        cmocka_unit_test(input_grows_at_both_ends),
        cmocka_unit_test(pieces_that_follow_each_other_become_one),
        cmocka_unit_test(a_receive_buffer_always_finds_a_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
