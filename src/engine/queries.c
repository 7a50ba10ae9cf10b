/*
 * Questions: a user's open orders, and the levels of a book.
 */
#include "engine/internal.h"

static bool book_begin(struct oc_engine *engine, const struct oc_command *command);
static void book_side_begin(struct oc_engine *engine, const struct oc_command *command,
                            uint32_t instrument, enum oc_side side);
static uint32_t book_side_count(const struct oc_engine *engine, const struct oc_command *command,
                                uint32_t instrument, enum oc_side side);
static bool book_tell(struct oc_engine *engine, const struct oc_command *command,
                      uint32_t instrument);

bool oc_engine__open_orders(struct oc_engine *engine, const struct oc_command *command)
{
    if (engine->stage == OC_ENGINE__STAGE_BEGIN) {
        uint32_t user = oc_engine__user_find(engine, command->user_id);
        struct oc_event *event;

        oc_engine__sweep_clear(engine);
        for (uint32_t order = user != OC_INDEX_NONE ? engine->users[user].first_order
                                                    : OC_INDEX_NONE;
             order != OC_INDEX_NONE; order = engine->links[order].user_next) {
            oc_engine__sweep_add(engine, order);
        }
        oc_engine__sweep_sort(engine);
        event = oc_engine__reply(engine, command, OC_EVENT_OPEN_ORDERS, OC_INDEX_NONE);
        event->open_orders.user_id = command->user_id;
        event->open_orders.count = engine->sweep_count;
        engine->stage = OC_ENGINE__STAGE_REST;
    }
    while (engine->sweep_count > 0) {
        uint32_t order;
        const struct oc_book_order *record;

        if (!oc_engine__has_room(engine)) {
            return false;
        }
        order = oc_engine__sweep_next(engine);
        record = &engine->store.orders.orders[order];
        oc_engine__describe(engine,
                            oc_engine__reply(engine, command, OC_EVENT_OPEN_ORDER,
                                             oc_book_order_instrument(record)),
                            order, oc_book_price(&engine->store, record));
    }
    return true;
}

bool oc_engine__book(struct oc_engine *engine, const struct oc_command *command)
{
    uint32_t instrument;

    if (engine->stage == OC_ENGINE__STAGE_BEGIN) {
        if (!book_begin(engine, command)) {
            oc_engine__reject(engine, command, OC_REASON_UNKNOWN_SYMBOL);
            return true;
        }
        engine->stage = OC_ENGINE__STAGE_REST;
    }
    instrument = oc_engine__instrument_find(engine, &command->book.symbol);
    if (engine->book_side == OC_BUY) {
        if (!book_tell(engine, command, instrument)) {
            return false;
        }
        book_side_begin(engine, command, instrument, OC_SELL);
    }
    return book_tell(engine, command, instrument);
}

static bool book_begin(struct oc_engine *engine, const struct oc_command *command)
{
    uint32_t instrument = oc_engine__instrument_find(engine, &command->book.symbol);
    struct oc_event *event;

    OC_ASSERT(command->book.depth >= 1);
    OC_ASSERT(command->book.depth <= OC_BOOK_DEPTH_MAX);
    if (instrument == OC_INDEX_NONE) {
        return false;
    }
    event = oc_engine__reply(engine, command, OC_EVENT_BOOK, instrument);
    event->book.sequence = command->sequence;
    event->book.bid_count = book_side_count(engine, command, instrument, OC_BUY);
    event->book.ask_count = book_side_count(engine, command, instrument, OC_SELL);
    book_side_begin(engine, command, instrument, OC_BUY);
    return true;
}

static void book_side_begin(struct oc_engine *engine, const struct oc_command *command,
                            uint32_t instrument, enum oc_side side)
{
    engine->book_side = side;
    engine->book_left = book_side_count(engine, command, instrument, side);
    engine->book_cursor = oc_book_levels_cursor_best(
        &engine->store.levels, &engine->instruments[instrument].book.sides[side]);
}

static uint32_t book_side_count(const struct oc_engine *engine, const struct oc_command *command,
                                uint32_t instrument, enum oc_side side)
{
    uint32_t count = engine->instruments[instrument].book.sides[side].count;

    return count < command->book.depth ? count : command->book.depth;
}

/** The levels of the current side that are left. Returns false when the log is full. */
static bool book_tell(struct oc_engine *engine, const struct oc_command *command,
                      uint32_t instrument)
{
    while (engine->book_left > 0) {
        const struct oc_book_level *level;
        struct oc_event *event;

        if (!oc_engine__has_room(engine)) {
            return false;
        }
        level = &engine->store.levels.levels[oc_book_levels_cursor_level(&engine->store.levels,
                                                                         engine->book_cursor)];
        event = oc_engine__reply(engine, command, OC_EVENT_BOOK_LEVEL, instrument);
        event->level.price_ticks = level->price_ticks;
        event->level.qty_lots = level->total_lots;
        event->level.order_count = level->order_count;
        event->level.side = (uint8_t)engine->book_side;
        oc_book_levels_cursor_next(&engine->store.levels, &engine->book_cursor);
        engine->book_left--;
    }
    return true;
}
