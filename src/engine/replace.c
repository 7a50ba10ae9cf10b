/*
 * Replace: another price or quantity for an open order, under the same id. Rule 12.
 *
 * Same price and not more open quantity keeps the place; anything else leaves the queue and enters
 * again like a new order, matching where it crosses. All checks come before the first change.
 */
#include "engine/internal.h"

/** What the order is to become. */
struct target {
    int64_t price_ticks;
    uint64_t open_lots;  /* 0: the new total is filled already */
    uint64_t total_lots; /* filled and open */
};

static struct target target_of(const struct oc_engine *engine, const struct oc_command *command,
                               uint32_t order);
static enum oc_reason check(const struct oc_engine *engine, const struct target *target,
                            uint32_t order);
static void tell_replaced(struct oc_engine *engine, const struct oc_command *command,
                          const struct target *target, uint32_t order);
static void describe_target(const struct oc_engine *engine, struct oc_event *event,
                            const struct target *target, uint32_t order);
static void enter_again(struct oc_engine *engine, const struct target *target, uint32_t order);

bool oc_engine__replace(struct oc_engine *engine, const struct oc_command *command)
{
    uint32_t order;
    struct target target;
    enum oc_reason reason = OC_REASON_UNKNOWN_ORDER;

    if (engine->stage == OC_ENGINE__STAGE_REST) {
        return oc_engine__match(engine, command);
    }
    order = oc_engine__order_find(engine, command->replace.order_id, command->user_id);
    if (order != OC_INDEX_NONE) {
        target = target_of(engine, command, order);
        reason = check(engine, &target, order);
    }
    if (reason != OC_REASON_NONE) {
        struct oc_event *event = oc_engine__reject(engine, command, reason);
        event->rejected.order_id = command->replace.order_id;
        return true;
    }
    if (target.open_lots == 0) {
        oc_engine__order_cancel(engine, command, order, OC_REASON_TOTAL_FILLED);
        return true;
    }
    tell_replaced(engine, command, &target, order);
    if (target.price_ticks == oc_book_price(&engine->store, &engine->store.orders.orders[order]) &&
        target.open_lots <= engine->store.orders.orders[order].open_lots) {
        oc_book_reduce(&engine->store, order, target.open_lots);
        return true;
    }
    enter_again(engine, &target, order);
    engine->stage = OC_ENGINE__STAGE_REST;
    return oc_engine__match(engine, command);
}

static struct target target_of(const struct oc_engine *engine, const struct oc_command *command,
                               uint32_t order)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    const struct oc_command_replace *replace = &command->replace;
    struct target target = {
        .price_ticks = replace->price_ticks != 0 ? replace->price_ticks
                                                 : oc_book_price(&engine->store, record),
    };

    OC_ASSERT(replace->price_ticks >= 0);
    OC_ASSERT(replace->qty_lots <= OC_QTY_LOTS_MAX);
    OC_ASSERT(replace->total_qty_lots <= OC_QTY_LOTS_MAX);
    OC_ASSERT(replace->qty_lots == 0 || replace->total_qty_lots == 0);
    if (replace->total_qty_lots != 0) {
        target.total_lots = replace->total_qty_lots;
        target.open_lots = replace->total_qty_lots > record->filled_lots
                               ? replace->total_qty_lots - record->filled_lots
                               : 0;
    } else {
        target.open_lots = replace->qty_lots != 0 ? replace->qty_lots : record->open_lots;
        /* Both are at most 2^63 - 1, so the sum does not wrap; beyond that it is too large. */
        target.total_lots = record->filled_lots + target.open_lots;
    }
    return target;
}

/** The checks of a new order, on the quantity that it would have been entered with. */
static enum oc_reason check(const struct oc_engine *engine, const struct target *target,
                            uint32_t order)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    const struct oc_engine__instrument *instrument =
        &engine->instruments[oc_book_order_instrument(record)];
    enum oc_side side = oc_book_order_side(record);
    struct oc_book_levels_place place;
    const struct oc_book_level *level = &engine->store.levels.levels[record->level];
    enum oc_reason reason = oc_engine__instrument_check(&instrument->spec, target->price_ticks,
                                                        target->total_lots);

    if (reason != OC_REASON_NONE || target->open_lots == 0) {
        return reason;
    }
    if (target->price_ticks == level->price_ticks) {
        return level->total_lots - record->open_lots <= UINT64_MAX - target->open_lots
                   ? OC_REASON_NONE
                   : OC_REASON_LEVEL_TOTAL_TOO_LARGE;
    }
    /* As for a new order: where it crosses, matching frees more than the remainder takes. */
    if (oc_book_crosses(&instrument->book, side, target->price_ticks)) {
        return OC_REASON_NONE;
    }
    /* The place is of no use: the order leaves its own side before it rests again. */
    return oc_book_room(&engine->store, &instrument->book, side, target->price_ticks,
                        target->open_lots, record->level, &place);
}

static void tell_replaced(struct oc_engine *engine, const struct oc_command *command,
                          const struct target *target, uint32_t order)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    uint32_t instrument = oc_book_order_instrument(record);

    describe_target(engine, oc_engine__reply(engine, command, OC_EVENT_REPLACED, instrument),
                    target, order);
    if (record->session != command->session &&
        oc_engine__session_find(engine, record->session) != NULL) {
        describe_target(engine,
                        oc_engine__emit(engine, OC_EVENT_REPLACED, record->session, instrument),
                        target, order);
    }
}

static void describe_target(const struct oc_engine *engine, struct oc_event *event,
                            const struct target *target, uint32_t order)
{
    oc_engine__describe(engine, event, order, target->price_ticks);
    event->order.qty_lots = target->open_lots;
}

/** Out of the queue, to be matched and put behind all others. The order keeps its id and slot. */
static void enter_again(struct oc_engine *engine, const struct target *target, uint32_t order)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    uint32_t instrument = oc_book_order_instrument(record);

    oc_book_take(&engine->store, &engine->instruments[instrument].book, order);
    engine->taker = (struct oc_engine__taker){
        .order_id = record->id,
        .user_id = record->user_id,
        .session = record->session,
        .price_ticks = target->price_ticks,
        .open_lots = target->open_lots,
        .filled_lots = record->filled_lots,
        .instrument = instrument,
        .user = engine->links[order].user,
        .order = order,
        .client_id = OC_INDEX_NONE,
        .side = (uint8_t)oc_book_order_side(record),
        .reports = oc_engine__session_has(engine, record->session, OC_SETTING_REPORTS),
    };
}
