/*
 * The price levels of one side of one book, in price order.
 *
 * A side is a sorted array with the best price at its END, because most changes happen near the
 * best price: making or removing a level there moves little or nothing. Up to 64 levels are one
 * such array. A larger side spills into a B+ tree of the same arrays, so that no side has a fixed
 * width and none is reserved in advance: levels and arrays of all instruments come from one pool
 * that is sized from limits.levels_max and touched as it is used. Prices are stored as keys in
 * which larger means better (the price of a bid, the negative price of an offer), so that both
 * sides are one code. Queues and quantities inside a level are the business of book.c.
 */
#ifndef OC_BOOK_LEVELS_H
#define OC_BOOK_LEVELS_H

#include "core/arena.h"
#include "core/pool.h"
#include "core/types.h"

/** All orders at one price. Exists only while it has an order. */
struct oc_book_level {
    int64_t price_ticks;
    uint64_t total_lots; /* open quantity of its orders together */
    uint32_t head;       /* the order that trades first */
    uint32_t tail;
    uint32_t order_count;
    uint32_t unused;
};

struct oc_book_levels_node;

/** The levels and arrays that all books share. Engine thread. */
struct oc_book_level_pool {
    struct oc_book_level *levels;
    struct oc_book_levels_node *nodes;
    struct oc_pool level_slots;
    struct oc_pool node_slots;
};

/** One side. Zero levels: root is OC_INDEX_NONE. */
struct oc_book_levels {
    uint32_t root;
    uint32_t last_leaf; /* holds the best level */
    uint32_t best;      /* index of the best level, OC_INDEX_NONE without one */
    uint32_t count;
    int64_t best_key; /* of `best`; INT64_MIN without one, so that nothing crosses an empty side */
    uint8_t height;   /* arrays between the root and a leaf, both counted */
    uint8_t side;     /* enum oc_side */
};

/** Where the level of a price stands or would stand. Dead after any change of the side. */
struct oc_book_levels_place {
    uint32_t level; /* OC_INDEX_NONE: there is none at this price, it would stand at: */
    uint32_t leaf;  /* OC_INDEX_NONE while the side has none */
    uint32_t position;
};

/** A place in a walk from the best level to worse ones. Dead after any change of the side. */
struct oc_book_levels_cursor {
    uint32_t leaf;
    uint32_t position;
};

/**
 * Make the pool.
 *
 * @levels_max  1 to 2^31: so many levels always fit, however they spread over sides_max sides.
 * Returns 0 or -ENOMEM. Memory comes from the arena and is not touched here.
 */
int oc_book_level_pool_init(struct oc_book_level_pool *pool, struct oc_arena *arena,
                            uint32_t levels_max, uint32_t sides_max);

/** An empty side. */
void oc_book_levels_init(struct oc_book_levels *levels, enum oc_side side);

/** The key of a price on a side: larger is better. */
static inline int64_t oc_book_levels_key(enum oc_side side, int64_t price_ticks)
{
    /* The negative by hand: sides come in no order that a branch predictor could learn. */
    return (price_ticks ^ -(int64_t)side) + (int64_t)side;
}

/** Whether another level can be made. */
static inline bool oc_book_level_pool_has_room(const struct oc_book_level_pool *pool)
{
    return oc_pool_used(&pool->level_slots) < oc_pool_capacity(&pool->level_slots);
}

/** The level at a price, or where it would stand. O(log levels), O(1) near the best. */
struct oc_book_levels_place oc_book_levels_find(const struct oc_book_level_pool *pool,
                                                const struct oc_book_levels *levels,
                                                int64_t price_ticks);

/**
 * Make the level of a price that has none: empty, for the caller to put an order into at once.
 * Asserts that there is room.
 *
 * @place  what oc_book_levels_find said of this price; the side has not changed since.
 * Returns its index. O(1), where no array is full.
 */
uint32_t oc_book_levels_make(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                             int64_t price_ticks, struct oc_book_levels_place place);

/** Remove a level, whose last order has left. Its index is free at once. Cost as
 * oc_book_levels_make. */
void oc_book_levels_remove(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                           uint32_t level);

/** The best level's place; compare with oc_book_levels_cursor_level. */
struct oc_book_levels_cursor oc_book_levels_cursor_best(const struct oc_book_level_pool *pool,
                                                        const struct oc_book_levels *levels);

/** The level at the cursor, or OC_INDEX_NONE behind the worst. */
uint32_t oc_book_levels_cursor_level(const struct oc_book_level_pool *pool,
                                     struct oc_book_levels_cursor cursor);

/** One level worse. The cursor must stand on a level. */
void oc_book_levels_cursor_next(const struct oc_book_level_pool *pool,
                                struct oc_book_levels_cursor *cursor);

/**
 * Check the whole structure: order of keys, separators, occupancy, links, counts and the cached
 * best. Asserts what does not hold. O(levels). Returns the number of arrays in use.
 */
uint32_t oc_book_levels_audit(const struct oc_book_level_pool *pool,
                              const struct oc_book_levels *levels);

#endif
