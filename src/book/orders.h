/*
 * The open orders of the venue: one slab of 64-byte records for all instruments, found by id.
 *
 * Records are addressed by 32-bit index and a free one is reused at once, so that the live orders
 * stay close together in the cache however many came and went. What matching does not look at
 * stands apart: here the client_order_id, in the engine the lists of a user's and a session's
 * orders. An order is in the slab as long as its id is known; whether it also stands in a queue is
 * the business of book.c (a replace takes it out while it matches).
 */
#ifndef OC_BOOK_ORDERS_H
#define OC_BOOK_ORDERS_H

#include "book/index_map.h"
#include "core/arena.h"
#include "core/pool.h"
#include "core/types.h"

/** One cache line: everything that matching and cancelling read. */
struct oc_book_order {
    _Alignas(64) uint64_t id;
    uint64_t open_lots;
    uint64_t filled_lots;
    uint64_t priority; /* counts appends to queues: among equal prices the smaller trades first */
    uint64_t user_id;
    uint64_t session; /* that entered it, with generation: it may have ended */
    uint32_t next;    /* in the queue of its level */
    uint32_t previous;
    uint32_t level; /* OC_INDEX_NONE while it stands in no queue */
    uint32_t place; /* instrument * 4 + has_text * 2 + side: see the functions below */
};

_Static_assert(sizeof(struct oc_book_order) == 64, "an order is one cache line");

/** Engine thread. */
struct oc_book_orders {
    struct oc_book_order *orders;
    struct oc_client_order_id *texts; /* of orders that have one; beside `orders` */
    struct oc_pool slots;
    struct oc_book_map ids;
    uint64_t id_secret;
};

/** What a new order is made of. */
struct oc_book_order_entry {
    uint64_t id;
    uint64_t user_id;
    uint64_t session;
    uint64_t open_lots;
    uint64_t filled_lots;
    uint32_t instrument; /* below 2^20 */
    enum oc_side side;
    const struct oc_client_order_id *client_order_id; /* copied; size 0: none */
};

static inline enum oc_side oc_book_order_side(const struct oc_book_order *order)
{
    return (enum oc_side)(order->place & 1U);
}

static inline uint32_t oc_book_order_instrument(const struct oc_book_order *order)
{
    return order->place >> 2;
}

static inline bool oc_book_order_has_text(const struct oc_book_order *order)
{
    return (order->place & 2U) != 0;
}

/**
 * @orders_max  1 to 2^31.
 * @id_secret   of oc_book_hash_counter.
 * Returns 0 or -ENOMEM. Memory comes from the arena, untouched.
 */
int oc_book_orders_init(struct oc_book_orders *orders, struct oc_arena *arena, uint32_t orders_max,
                        uint64_t id_secret);

/** Whether another order can be added. */
static inline bool oc_book_orders_have_room(const struct oc_book_orders *orders)
{
    return oc_pool_used(&orders->slots) < oc_pool_capacity(&orders->slots);
}

/**
 * Add an order, which stands in no queue yet. Its id must be new. Asserts that there is room.
 * Returns its index. O(1).
 */
uint32_t oc_book_orders_add(struct oc_book_orders *orders, const struct oc_book_order_entry *entry);

/** The index of the open order with this id, or OC_INDEX_NONE. O(1). */
static inline uint32_t oc_book_orders_find(const struct oc_book_orders *orders, uint64_t id)
{
    uint32_t hash = oc_book_hash_counter(id, orders->id_secret);
    uint32_t cell = oc_book_map_home(&orders->ids, hash);
    uint32_t index;

    do {
        index = oc_book_map_probe(&orders->ids, hash, &cell);
    } while (index != OC_INDEX_NONE && orders->orders[index].id != id);
    return index;
}

/** Forget an order that stands in no queue (asserted). Its id is unknown from here on. O(1). */
void oc_book_orders_remove(struct oc_book_orders *orders, uint32_t index);

/** The client_order_id of an order into *text, size 0 when it has none. */
void oc_book_orders_text(const struct oc_book_orders *orders, uint32_t index,
                         struct oc_client_order_id *text);

#endif
