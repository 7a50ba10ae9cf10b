/*
 * The slab of open orders: adding, removing, texts.
 */
#include "book/orders.h"

#include <errno.h>
#include <string.h>

#include "core/assert.h"

int oc_book_orders_init(struct oc_book_orders *orders, struct oc_arena *arena, uint32_t orders_max,
                        uint64_t id_secret)
{
    OC_ASSERT(orders_max >= 1);
    OC_ASSERT(orders_max <= 1U << 31);
    if (oc_pool_init(&orders->slots, arena, orders_max) != 0 ||
        oc_book_map_init(&orders->ids, arena, orders_max) != 0) {
        return -ENOMEM;
    }
    orders->id_secret = id_secret;
    orders->orders = oc_arena_alloc(arena, orders_max, sizeof(*orders->orders), 0);
    orders->texts = oc_arena_alloc(arena, orders_max, sizeof(*orders->texts), 0);
    return orders->orders != NULL && orders->texts != NULL ? 0 : -ENOMEM;
}

uint32_t oc_book_orders_add(struct oc_book_orders *orders, const struct oc_book_order_entry *entry)
{
    uint32_t index = oc_pool_take(&orders->slots);
    bool has_text = entry->client_order_id->size > 0;

    OC_ASSERT(index != OC_INDEX_NONE);
    OC_ASSERT(entry->open_lots > 0);
    orders->orders[index] = (struct oc_book_order){
        .id = entry->id,
        .open_lots = entry->open_lots,
        .filled_lots = entry->filled_lots,
        .user_id = entry->user_id,
        .session = entry->session,
        .next = OC_INDEX_NONE,
        .previous = OC_INDEX_NONE,
        .level = OC_INDEX_NONE,
        .place = entry->instrument << 2 | (has_text ? 2U : 0U) | (uint32_t)entry->side,
    };
    if (has_text) {
        orders->texts[index] = *entry->client_order_id;
    }
    oc_book_map_add(&orders->ids, oc_book_hash_counter(entry->id, orders->id_secret), index);
    return index;
}

void oc_book_orders_remove(struct oc_book_orders *orders, uint32_t index)
{
    OC_ASSERT(orders->orders[index].level == OC_INDEX_NONE);
    oc_book_map_remove(&orders->ids,
                       oc_book_hash_counter(orders->orders[index].id, orders->id_secret), index);
    oc_pool_give(&orders->slots, index);
}

void oc_book_orders_text(const struct oc_book_orders *orders, uint32_t index,
                         struct oc_client_order_id *text)
{
    if (oc_book_order_has_text(&orders->orders[index])) {
        *text = orders->texts[index];
    } else {
        memset(text, 0, sizeof(*text));
    }
}
