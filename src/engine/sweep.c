/*
 * Rule 17: many orders in one fixed order, that of instruments, bids before asks, best price first,
 * first come first.
 *
 * The orders of a user come from an unordered list. They are put into a heap, which is made in
 * linear time and gives out one order for each event that tells it: a sweep of a million orders
 * spreads its sorting over the turns that it takes.
 */
#include "engine/internal.h"

static bool before(const struct oc_engine__sweep_entry *first,
                   const struct oc_engine__sweep_entry *second);
static void sift_down(struct oc_engine__sweep_entry *heap, uint32_t count, uint32_t position);

void oc_engine__sweep_clear(struct oc_engine *engine)
{
    engine->sweep_count = 0;
}

void oc_engine__sweep_add(struct oc_engine *engine, uint32_t order)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    enum oc_side side = oc_book_order_side(record);

    OC_ASSERT(engine->sweep_count < engine->config.limits.orders_max);
    engine->sweep[engine->sweep_count++] = (struct oc_engine__sweep_entry){
        .level_key = oc_book_levels_key(side, oc_book_price(&engine->store, record)),
        .priority = record->priority,
        .book_side = oc_book_order_instrument(record) * 2 + (uint32_t)side,
        .order = order,
    };
}

void oc_engine__sweep_sort(struct oc_engine *engine)
{
    for (uint32_t position = engine->sweep_count / 2; position > 0; position--) {
        sift_down(engine->sweep, engine->sweep_count, position - 1);
    }
}

uint32_t oc_engine__sweep_next(struct oc_engine *engine)
{
    uint32_t order = engine->sweep[0].order;

    OC_ASSERT(engine->sweep_count > 0);
    engine->sweep_count--;
    engine->sweep[0] = engine->sweep[engine->sweep_count];
    sift_down(engine->sweep, engine->sweep_count, 0);
    return order;
}

static bool before(const struct oc_engine__sweep_entry *first,
                   const struct oc_engine__sweep_entry *second)
{
    if (first->book_side != second->book_side) {
        return first->book_side < second->book_side;
    }
    if (first->level_key != second->level_key) {
        return first->level_key > second->level_key;
    }
    return first->priority < second->priority;
}

static void sift_down(struct oc_engine__sweep_entry *heap, uint32_t count, uint32_t position)
{
    struct oc_engine__sweep_entry entry = heap[position];

    for (;;) {
        uint64_t child = 2ULL * position + 1;

        if (child >= count) {
            break;
        }
        if (child + 1 < count && before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!before(&heap[child], &entry)) {
            break;
        }
        heap[position] = heap[child];
        position = (uint32_t)child;
    }
    heap[position] = entry;
}
