/*
 * The audit of a book: every fact that must hold between two commands, checked from scratch.
 *
 * For tests, fuzzing and debugging; the venue itself never calls it.
 */
#include "book/book.h"

#include "core/assert.h"

static uint32_t audit_level(const struct oc_book_store *store, uint32_t level_index,
                            enum oc_side side, uint32_t instrument);

uint32_t oc_book_audit(const struct oc_book_store *store, const struct oc_book *book,
                       uint32_t instrument)
{
    uint32_t order_count = 0;

    for (int side = OC_BUY; side <= OC_SELL; side++) {
        const struct oc_book_levels *levels = &book->sides[side];
        struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(&store->levels, levels);
        uint32_t level;

        OC_ASSERT(levels->side == side);
        oc_book_levels_audit(&store->levels, levels);
        while ((level = oc_book_levels_cursor_level(&store->levels, cursor)) != OC_INDEX_NONE) {
            order_count += audit_level(store, level, (enum oc_side)side, instrument);
            oc_book_levels_cursor_next(&store->levels, &cursor);
        }
    }
    if (book->sides[OC_BUY].count > 0 && book->sides[OC_SELL].count > 0) {
        /* Rule 20. The key of the best offer is its negative price. */
        OC_ASSERT(book->sides[OC_BUY].best_key < -book->sides[OC_SELL].best_key);
    }
    return order_count;
}

static uint32_t audit_level(const struct oc_book_store *store, uint32_t level_index,
                            enum oc_side side, uint32_t instrument)
{
    const struct oc_book_level *level = &store->levels.levels[level_index];
    uint32_t previous = OC_INDEX_NONE;
    uint64_t priority = 0;
    uint64_t total_lots = 0;
    uint32_t order_count = 0;

    for (uint32_t index = level->head; index != OC_INDEX_NONE;) {
        const struct oc_book_order *order = &store->orders.orders[index];

        OC_ASSERT(order->level == level_index);
        OC_ASSERT(order->previous == previous);
        OC_ASSERT(order->priority > priority);
        OC_ASSERT(order->priority <= store->priority_last);
        OC_ASSERT(order->open_lots > 0);
        OC_ASSERT(order->open_lots <= UINT64_MAX - total_lots);
        OC_ASSERT(oc_book_order_side(order) == side);
        OC_ASSERT(oc_book_order_instrument(order) == instrument);
        OC_ASSERT(oc_book_orders_find(&store->orders, order->id) == index);
        total_lots += order->open_lots;
        priority = order->priority;
        order_count++;
        previous = index;
        index = order->next;
    }
    OC_ASSERT(level->tail == previous);
    OC_ASSERT(order_count > 0);
    OC_ASSERT(level->order_count == order_count);
    OC_ASSERT(level->total_lots == total_lots);
    return order_count;
}
