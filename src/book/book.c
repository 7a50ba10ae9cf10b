/*
 * One instrument's order book: the steps that change it.
 */
#include "book/book.h"

#include <errno.h>

#include "core/assert.h"

static uint32_t level_at(struct oc_book_store *store, struct oc_book_levels *side,
                         int64_t price_ticks, const struct oc_book_levels_place *place);
static void queue_unlink(struct oc_book_store *store, struct oc_book_level *level,
                         const struct oc_book_order *order);
static void level_leave(struct oc_book_store *store, struct oc_book *book,
                        struct oc_book_order *order);

int oc_book_store_init(struct oc_book_store *store, struct oc_arena *arena, uint32_t orders_max,
                       uint32_t levels_max, uint32_t books_max, uint64_t id_secret)
{
    OC_ASSERT(books_max >= 1);
    OC_ASSERT(books_max <= 1U << 30);
    store->priority_last = 0;
    if (oc_book_orders_init(&store->orders, arena, orders_max, id_secret) != 0 ||
        oc_book_level_pool_init(&store->levels, arena, levels_max, 2 * books_max) != 0) {
        return -ENOMEM;
    }
    return 0;
}

void oc_book_init(struct oc_book *book)
{
    oc_book_levels_init(&book->sides[OC_BUY], OC_BUY);
    oc_book_levels_init(&book->sides[OC_SELL], OC_SELL);
}

uint32_t oc_book_first(const struct oc_book_store *store, const struct oc_book *book,
                       enum oc_side side)
{
    uint32_t best = book->sides[side].best;

    OC_ASSERT(best != OC_INDEX_NONE);
    return store->levels.levels[best].head;
}

enum oc_reason oc_book_room(const struct oc_book_store *store, const struct oc_book *book,
                            enum oc_side side, int64_t price_ticks, uint64_t qty_lots,
                            uint32_t freed_level, struct oc_book_levels_place *place)
{
    OC_ASSERT(!oc_book_crosses(book, side, price_ticks));
    *place = oc_book_levels_find(&store->levels, &book->sides[side], price_ticks);
    if (place->level != OC_INDEX_NONE) {
        return store->levels.levels[place->level].total_lots <= UINT64_MAX - qty_lots
                   ? OC_REASON_NONE
                   : OC_REASON_LEVEL_TOTAL_TOO_LARGE;
    }
    if (oc_book_level_pool_has_room(&store->levels) ||
        (freed_level != OC_INDEX_NONE && store->levels.levels[freed_level].order_count == 1)) {
        return OC_REASON_NONE;
    }
    return OC_REASON_TOO_MANY_LEVELS;
}

void oc_book_append(struct oc_book_store *store, struct oc_book *book, uint32_t index,
                    int64_t price_ticks, const struct oc_book_levels_place *place)
{
    struct oc_book_order *order = &store->orders.orders[index];
    uint32_t level_index = level_at(store, &book->sides[oc_book_order_side(order)], price_ticks,
                                    place);
    struct oc_book_level *level = &store->levels.levels[level_index];

    OC_ASSERT(order->level == OC_INDEX_NONE);
    OC_ASSERT(level->price_ticks == price_ticks);
    OC_ASSERT(order->open_lots > 0);
    OC_ASSERT(level->total_lots <= UINT64_MAX - order->open_lots);
    order->level = level_index;
    order->priority = ++store->priority_last;
    order->next = OC_INDEX_NONE;
    order->previous = level->tail;
    if (level->tail != OC_INDEX_NONE) {
        store->orders.orders[level->tail].next = index;
    } else {
        level->head = index;
    }
    level->tail = index;
    level->order_count++;
    level->total_lots += order->open_lots;
}

void oc_book_take(struct oc_book_store *store, struct oc_book *book, uint32_t index)
{
    struct oc_book_order *order = &store->orders.orders[index];
    struct oc_book_level *level = &store->levels.levels[order->level];

    OC_ASSERT(order->level != OC_INDEX_NONE);
    OC_ASSERT(level->total_lots >= order->open_lots);
    level->total_lots -= order->open_lots;
    level_leave(store, book, order);
}

void oc_book_reduce(struct oc_book_store *store, uint32_t index, uint64_t open_lots)
{
    struct oc_book_order *order = &store->orders.orders[index];

    OC_ASSERT(order->level != OC_INDEX_NONE);
    OC_ASSERT(open_lots > 0);
    OC_ASSERT(open_lots <= order->open_lots);
    store->levels.levels[order->level].total_lots -= order->open_lots - open_lots;
    order->open_lots = open_lots;
}

bool oc_book_fill(struct oc_book_store *store, struct oc_book *book, uint32_t index,
                  uint64_t qty_lots)
{
    struct oc_book_order *order = &store->orders.orders[index];
    struct oc_book_level *level = &store->levels.levels[order->level];

    OC_ASSERT(order->level != OC_INDEX_NONE);
    OC_ASSERT(qty_lots > 0);
    OC_ASSERT(qty_lots <= order->open_lots);
    OC_ASSERT(level->total_lots >= qty_lots);
    order->open_lots -= qty_lots;
    order->filled_lots += qty_lots;
    level->total_lots -= qty_lots;
    if (order->open_lots > 0) {
        return false;
    }
    level_leave(store, book, order);
    return true;
}

/** The level at a price, made where there is none. */
static uint32_t level_at(struct oc_book_store *store, struct oc_book_levels *side,
                         int64_t price_ticks, const struct oc_book_levels_place *place)
{
    struct oc_book_levels_place found;

    if (place == NULL) {
        found = oc_book_levels_find(&store->levels, side, price_ticks);
        place = &found;
    }
    return place->level != OC_INDEX_NONE
               ? place->level
               : oc_book_levels_make(&store->levels, side, price_ticks, *place);
}

/** Both neighbours are written by way of an address, without a branch: where in its queue an order
 * stands is not to be guessed. */
static void queue_unlink(struct oc_book_store *store, struct oc_book_level *level,
                         const struct oc_book_order *order)
{
    struct oc_book_order *orders = store->orders.orders;
    uint32_t *behind_previous = order->previous != OC_INDEX_NONE ? &orders[order->previous].next
                                                                 : &level->head;
    uint32_t *before_next = order->next != OC_INDEX_NONE ? &orders[order->next].previous
                                                         : &level->tail;

    *behind_previous = order->next;
    *before_next = order->previous;
    OC_ASSERT(level->order_count > 0);
    level->order_count--;
}

/** Out of the queue, and the level with it when this was its last order. */
static void level_leave(struct oc_book_store *store, struct oc_book *book,
                        struct oc_book_order *order)
{
    uint32_t level = order->level;

    queue_unlink(store, &store->levels.levels[level], order);
    if (store->levels.levels[level].order_count == 0) {
        OC_ASSERT(store->levels.levels[level].total_lots == 0);
        oc_book_levels_remove(&store->levels, &book->sides[oc_book_order_side(order)], level);
    }
    order->level = OC_INDEX_NONE;
}
