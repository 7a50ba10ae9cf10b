/*
 * The audit of the engine: books, lists, maps and counters against each other, from scratch.
 *
 * For tests, fuzzing and debugging; the venue itself never calls it.
 */
#include "engine/internal.h"

static void audit_books(const struct oc_engine *engine);
static void audit_users(const struct oc_engine *engine);
static uint32_t audit_user_orders(const struct oc_engine *engine, uint32_t user_index);
static uint32_t audit_user_client_ids(const struct oc_engine *engine, uint32_t user_index);
static void audit_sessions(const struct oc_engine *engine);

void oc_engine__audit(const struct oc_engine *engine)
{
    OC_ASSERT(engine->stage == OC_ENGINE__STAGE_IDLE);
    oc_book_map_audit(&engine->store.orders.ids);
    oc_book_map_audit(&engine->instruments_by_symbol);
    oc_book_map_audit(&engine->users_by_id);
    oc_book_map_audit(&engine->client_ids_by_text);
    audit_books(engine);
    audit_users(engine);
    audit_sessions(engine);
}

static void audit_books(const struct oc_engine *engine)
{
    uint32_t order_count = 0;
    uint32_t level_count = 0;
    uint32_t node_count = 0;

    for (uint32_t index = 0; index < engine->instrument_count; index++) {
        const struct oc_engine__instrument *instrument = &engine->instruments[index];

        OC_ASSERT(oc_engine__instrument_find(engine, &instrument->spec.symbol) == index);
        order_count += oc_book_audit(&engine->store, &instrument->book, index);
        for (int side = OC_BUY; side <= OC_SELL; side++) {
            level_count += instrument->book.sides[side].count;
            node_count += oc_book_levels_audit(&engine->store.levels,
                                               &instrument->book.sides[side]);
        }
    }
    OC_ASSERT(engine->instrument_count == engine->instruments_by_symbol.used);
    OC_ASSERT(order_count == oc_pool_used(&engine->store.orders.slots));
    OC_ASSERT(order_count == engine->store.orders.ids.used);
    OC_ASSERT(level_count == oc_pool_used(&engine->store.levels.level_slots));
    OC_ASSERT(node_count == oc_pool_used(&engine->store.levels.node_slots));
}

static void audit_users(const struct oc_engine *engine)
{
    uint32_t order_count = 0;
    uint32_t client_id_count = 0;

    for (uint32_t index = 0; index < engine->user_count; index++) {
        OC_ASSERT(oc_engine__user_find(engine, engine->users[index].user_id) == index);
        order_count += audit_user_orders(engine, index);
        client_id_count += audit_user_client_ids(engine, index);
    }
    OC_ASSERT(engine->user_count == engine->users_by_id.used);
    OC_ASSERT(order_count == oc_pool_used(&engine->store.orders.slots));
    OC_ASSERT(client_id_count == oc_pool_used(&engine->client_id_slots));
    OC_ASSERT(client_id_count == engine->client_ids_by_text.used);
}

static uint32_t audit_user_orders(const struct oc_engine *engine, uint32_t user_index)
{
    const struct oc_engine__user *user = &engine->users[user_index];
    uint32_t previous = OC_INDEX_NONE;
    uint32_t count = 0;

    for (uint32_t order = user->first_order; order != OC_INDEX_NONE;
         order = engine->links[order].user_next) {
        const struct oc_engine__links *links = &engine->links[order];
        const struct oc_book_order *record = &engine->store.orders.orders[order];

        OC_ASSERT(links->user == user_index);
        OC_ASSERT(links->user_previous == previous);
        OC_ASSERT(record->user_id == user->user_id);
        OC_ASSERT(record->id <= engine->order_id_last);
        OC_ASSERT(oc_book_orders_find(&engine->store.orders, record->id) == order);
        if (links->client_id != OC_INDEX_NONE) {
            OC_ASSERT(engine->client_ids[links->client_id].order == order);
            OC_ASSERT(engine->client_ids[links->client_id].order_id == record->id);
        }
        previous = order;
        count++;
    }
    return count;
}

static uint32_t audit_user_client_ids(const struct oc_engine *engine, uint32_t user_index)
{
    const struct oc_engine__user *user = &engine->users[user_index];
    uint32_t newest = OC_INDEX_NONE;
    uint32_t count = 0;

    for (uint32_t index = user->client_id_oldest; index != OC_INDEX_NONE;
         index = engine->client_ids[index].newer) {
        const struct oc_engine__client_id *entry = &engine->client_ids[index];

        OC_ASSERT(entry->user == user_index);
        OC_ASSERT(oc_engine__client_id_find(engine, user_index, &entry->text) == index);
        if (entry->order != OC_INDEX_NONE) {
            OC_ASSERT(engine->links[entry->order].client_id == index);
        }
        newest = index;
        count++;
    }
    OC_ASSERT(count == user->client_id_count);
    OC_ASSERT(count <= engine->config.limits.client_ids_max);
    OC_ASSERT(newest == user->client_id_newest);
    return count;
}

static void audit_sessions(const struct oc_engine *engine)
{
    uint32_t session_count = 0;
    uint32_t order_count = 0;
    uint32_t orders_of_open_sessions = 0;

    for (uint32_t slot = 0; slot < engine->config.limits.sessions_max; slot++) {
        const struct oc_engine__session *session = &engine->sessions[slot];
        uint32_t previous = OC_INDEX_NONE;

        if (session->id == 0) {
            continue;
        }
        session_count++;
        OC_ASSERT(oc_session_slot(session->id) == slot);
        for (uint32_t order = session->first_order; order != OC_INDEX_NONE;
             order = engine->links[order].session_next) {
            OC_ASSERT(engine->store.orders.orders[order].session == session->id);
            OC_ASSERT(engine->links[order].session_previous == previous);
            previous = order;
            order_count++;
        }
    }
    for (uint32_t index = 0; index < engine->user_count; index++) {
        for (uint32_t order = engine->users[index].first_order; order != OC_INDEX_NONE;
             order = engine->links[order].user_next) {
            uint64_t entered = engine->store.orders.orders[order].session;
            orders_of_open_sessions += oc_engine__session_find(engine, entered) != NULL;
        }
    }
    OC_ASSERT(session_count == engine->session_count);
    OC_ASSERT(order_count == orders_of_open_sessions);
}
