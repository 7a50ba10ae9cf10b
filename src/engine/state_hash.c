/*
 * The state hash: everything that later replies depend on, in an order that no slot, pointer or
 * hash map takes part in.
 *
 * Each thing is copied into a record without padding and folded in; texts are padded with zeros
 * where they are kept. Two engines with the same hash answer the same commands alike.
 */
#include "core/checksum.h"
#include "engine/internal.h"

static uint64_t fold_counters(const struct oc_engine *engine, uint64_t hash);
static uint64_t fold_instrument(const struct oc_engine *engine, uint32_t index, uint64_t hash);
static uint64_t fold_level(const struct oc_engine *engine, uint32_t level, uint64_t hash);
static uint64_t fold_user(const struct oc_engine *engine, const struct oc_engine__user *user,
                          uint64_t hash);
static uint64_t fold_sessions(const struct oc_engine *engine, uint64_t hash);

uint64_t oc_engine_state_hash(const struct oc_engine *engine)
{
    uint64_t hash = 0;

    OC_ASSERT(engine->stage == OC_ENGINE__STAGE_IDLE);
    hash = fold_counters(engine, hash);
    for (uint32_t index = 0; index < engine->instrument_count; index++) {
        hash = fold_instrument(engine, index, hash);
    }
    for (uint32_t index = 0; index < engine->user_count; index++) {
        hash = fold_user(engine, &engine->users[index], hash);
    }
    return fold_sessions(engine, hash);
}

static uint64_t fold_counters(const struct oc_engine *engine, uint64_t hash)
{
    const uint64_t record[] = {
        engine->sequence_last, engine->time_last_ns,     engine->order_id_last,
        engine->trade_id_last, engine->instrument_count, engine->user_count,
        engine->session_count,
    };

    return oc_checksum_fold(hash, record, sizeof(record));
}

static uint64_t fold_instrument(const struct oc_engine *engine, uint32_t index, uint64_t hash)
{
    const struct oc_engine__instrument *instrument = &engine->instruments[index];
    const struct oc_command_instrument *spec = &instrument->spec;
    const uint64_t record[] = {
        spec->decimals,
        (uint64_t)spec->tick_ticks,
        spec->lot_lots,
        (uint64_t)spec->price_min_ticks,
        (uint64_t)spec->price_max_ticks,
        spec->qty_min_lots,
        spec->qty_max_lots,
        instrument->book.sides[OC_BUY].count,
        instrument->book.sides[OC_SELL].count,
    };

    hash = oc_checksum_fold(hash, &spec->symbol, sizeof(spec->symbol));
    hash = oc_checksum_fold(hash, record, sizeof(record));
    for (int side = OC_BUY; side <= OC_SELL; side++) {
        struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(
            &engine->store.levels, &instrument->book.sides[side]);
        uint32_t level;

        while ((level = oc_book_levels_cursor_level(&engine->store.levels, cursor)) !=
               OC_INDEX_NONE) {
            hash = fold_level(engine, level, hash);
            oc_book_levels_cursor_next(&engine->store.levels, &cursor);
        }
    }
    return hash;
}

/** A level with its orders as they stand in the queue. */
static uint64_t fold_level(const struct oc_engine *engine, uint32_t level, uint64_t hash)
{
    const struct oc_book_level *folded = &engine->store.levels.levels[level];
    const uint64_t head[] = {(uint64_t)folded->price_ticks, folded->order_count};

    hash = oc_checksum_fold(hash, head, sizeof(head));
    for (uint32_t index = folded->head; index != OC_INDEX_NONE;
         index = engine->store.orders.orders[index].next) {
        const struct oc_book_order *order = &engine->store.orders.orders[index];
        struct oc_client_order_id text;
        const uint64_t record[] = {
            order->id, order->user_id, order->session, order->open_lots, order->filled_lots,
        };

        oc_book_orders_text(&engine->store.orders, index, &text);
        hash = oc_checksum_fold(hash, record, sizeof(record));
        hash = oc_checksum_fold(hash, &text, sizeof(text));
    }
    return hash;
}

/** A user with the client_order_ids remembered, oldest first. */
static uint64_t fold_user(const struct oc_engine *engine, const struct oc_engine__user *user,
                          uint64_t hash)
{
    const uint64_t head[] = {user->user_id, user->client_id_count};

    hash = oc_checksum_fold(hash, head, sizeof(head));
    for (uint32_t index = user->client_id_oldest; index != OC_INDEX_NONE;
         index = engine->client_ids[index].newer) {
        const struct oc_engine__client_id *entry = &engine->client_ids[index];
        bool open = entry->order != OC_INDEX_NONE;
        const uint64_t record[] = {
            entry->order_id,
            /* What an open order has filled is folded with the order. */
            open ? UINT64_MAX : entry->filled_lots,
            (uint64_t)entry->price_ticks,
            entry->qty_lots,
            entry->instrument,
            entry->side,
            entry->time_in_force,
        };

        hash = oc_checksum_fold(hash, record, sizeof(record));
        hash = oc_checksum_fold(hash, &entry->text, sizeof(entry->text));
    }
    return hash;
}

static uint64_t fold_sessions(const struct oc_engine *engine, uint64_t hash)
{
    for (uint32_t slot = 0; slot < engine->config.limits.sessions_max; slot++) {
        const struct oc_engine__session *session = &engine->sessions[slot];
        const uint64_t record[] = {session->id, session->settings};

        if (session->id != 0) {
            hash = oc_checksum_fold(hash, record, sizeof(record));
        }
    }
    return hash;
}
