/*
 * One instrument's order book: two sides of price levels, each with a queue of orders.
 *
 * The book knows places and quantities and nothing else: it does not decide who may do what, which
 * order crosses which, or what is told to whom. That is the engine's, which calls these steps one
 * by one and can stop between any two of them when its event log is full. Every step leaves the
 * book whole. Queues are lists linked by index, so that leaving one costs the same anywhere in it.
 * Orders and levels of all books come from one store.
 */
#ifndef OC_BOOK_BOOK_H
#define OC_BOOK_BOOK_H

#include "book/levels.h"
#include "book/orders.h"
#include "core/reason.h"

/** What all books share. Engine thread. */
struct oc_book_store {
    struct oc_book_orders orders;
    struct oc_book_level_pool levels;
    uint64_t priority_last;
};

/** Engine thread. */
struct oc_book {
    struct oc_book_levels sides[2]; /* by enum oc_side */
};

/**
 * Make the store.
 *
 * @orders_max, @levels_max  1 to 2^31 each.
 * @books_max                how many books will share it.
 * @id_secret                of oc_book_hash_counter.
 * Returns 0 or -ENOMEM. Memory comes from the arena, untouched.
 */
int oc_book_store_init(struct oc_book_store *store, struct oc_arena *arena, uint32_t orders_max,
                       uint32_t levels_max, uint32_t books_max, uint64_t id_secret);

/** An empty book. */
void oc_book_init(struct oc_book *book);

/** The price at which an order in a queue rests. */
static inline int64_t oc_book_price(const struct oc_book_store *store,
                                    const struct oc_book_order *order)
{
    OC_ASSERT(order->level != OC_INDEX_NONE);
    return store->levels.levels[order->level].price_ticks;
}

/**
 * Whether an order of `side` with this limit would trade on arrival. An exact touch trades.
 * Rules 3 and 20.
 */
static inline bool oc_book_crosses(const struct oc_book *book, enum oc_side side,
                                   int64_t price_ticks)
{
    /* Keys of the opposite side grow as its prices improve: an offer of 100 has the key -100. */
    return book->sides[oc_side_opposite(side)].best_key >=
           oc_book_levels_key(oc_side_opposite(side), price_ticks);
}

/** The order that trades first on a side that is not empty (asserted). Rule 1. */
uint32_t oc_book_first(const struct oc_book_store *store, const struct oc_book *book,
                       enum oc_side side);

/**
 * Whether an order that does not cross could rest. Rule 21.
 *
 * @freed_level  the level that the order leaves by this (replace), which then vanishes if it was
 *               alone there; OC_INDEX_NONE for a new order.
 * @place        out: the price's place on its side, for oc_book_append.
 * Returns OC_REASON_NONE, OC_REASON_TOO_MANY_LEVELS or OC_REASON_LEVEL_TOTAL_TOO_LARGE.
 */
enum oc_reason oc_book_room(const struct oc_book_store *store, const struct oc_book *book,
                            enum oc_side side, int64_t price_ticks, uint64_t qty_lots,
                            uint32_t freed_level, struct oc_book_levels_place *place);

/**
 * Put an order that stands in no queue behind all others at a price, making the level where there
 * is none. The caller has asked oc_book_room, or knows that a level went in the same command;
 * asserted. Rules 1 and 4. O(log levels), O(1) near the best.
 *
 * @place  the price's place on its side if it is known and the side has not changed since, which
 *         saves the search; or NULL.
 */
void oc_book_append(struct oc_book_store *store, struct oc_book *book, uint32_t index,
                    int64_t price_ticks, const struct oc_book_levels_place *place);

/** Take an order out of its queue; an empty level vanishes. The order keeps its id. Rule 6. */
void oc_book_take(struct oc_book_store *store, struct oc_book *book, uint32_t index);

/** Lower the open quantity of an order that keeps its place: 1 to what is open. Rule 12. */
void oc_book_reduce(struct oc_book_store *store, uint32_t index, uint64_t open_lots);

/**
 * Trade with a resting order: its open quantity becomes filled quantity. It keeps its place (rule
 * 5); used up it leaves its queue, and an empty level vanishes (rule 6).
 *
 * @qty_lots  1 to what is open.
 * Returns whether the order is used up. It still has its id: the caller tells it and removes it.
 */
bool oc_book_fill(struct oc_book_store *store, struct oc_book *book, uint32_t index,
                  uint64_t qty_lots);

/**
 * Check everything that can be checked from inside: levels, queues, totals, priorities, ids, and
 * that the book is not crossed (rule 20). Asserts what does not hold. O(orders of the book).
 *
 * @instrument  what each order must say of itself.
 * Returns the number of orders in queues.
 */
uint32_t oc_book_audit(const struct oc_book_store *store, const struct oc_book *book,
                       uint32_t instrument);

#endif
