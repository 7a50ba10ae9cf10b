/*
 * Matching: one fill after another until the order is filled or nothing crosses, then its end.
 *
 * A loop over fills, each of them one step of the book: no recursion, whatever the number of orders
 * that one order sweeps, and a stop between two fills whenever the event log is full.
 */
#include "engine/internal.h"

static void trade(struct oc_engine *engine, const struct oc_command *command);
static void tell_trade(struct oc_engine *engine, const struct oc_command *command,
                       const struct oc_book_order *maker, int64_t price_ticks, uint64_t qty_lots);
static struct oc_event *tell_executed(struct oc_engine *engine, uint64_t session,
                                      int64_t price_ticks, uint64_t qty_lots);
static bool ends_untold(const struct oc_engine *engine, const struct oc_command *command);
static void end_filled(struct oc_engine *engine, const struct oc_command *command);
static void end_cancelled(struct oc_engine *engine, const struct oc_command *command);
static void end_resting(struct oc_engine *engine, const struct oc_command *command);

bool oc_engine__match(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__taker *taker = &engine->taker;
    const struct oc_book *book = &engine->instruments[taker->instrument].book;

    while (taker->open_lots > 0 &&
           oc_book_crosses(book, (enum oc_side)taker->side, taker->price_ticks)) {
        if (!oc_engine__has_room(engine)) {
            return false;
        }
        trade(engine, command);
    }
    if (!ends_untold(engine, command) && !oc_engine__has_room(engine)) {
        return false;
    }
    if (taker->open_lots == 0) {
        end_filled(engine, command);
    } else if (command->kind == OC_COMMAND_NEW &&
               command->new_order.time_in_force == OC_IMMEDIATE_OR_CANCEL) {
        end_cancelled(engine, command);
    } else {
        end_resting(engine, command);
    }
    return true;
}

/** One fill with the order that is first on the other side, at its price. Rules 1, 2, 5 and 6. */
static void trade(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__taker *taker = &engine->taker;
    struct oc_book *book = &engine->instruments[taker->instrument].book;
    uint32_t maker_index = oc_book_first(&engine->store, book,
                                         oc_side_opposite((enum oc_side)taker->side));
    const struct oc_book_order *maker = &engine->store.orders.orders[maker_index];
    int64_t price_ticks = oc_book_price(&engine->store, maker);
    uint64_t qty_lots = maker->open_lots < taker->open_lots ? maker->open_lots : taker->open_lots;
    bool used_up = oc_book_fill(&engine->store, book, maker_index, qty_lots);
    bool maker_reports = oc_engine__session_has(engine, maker->session, OC_SETTING_REPORTS);

    taker->open_lots -= qty_lots;
    taker->filled_lots += qty_lots;
    engine->trade_id_last++;
    tell_trade(engine, command, maker, price_ticks, qty_lots);
    if (maker_reports) {
        struct oc_event *event = tell_executed(engine, maker->session, price_ticks, qty_lots);
        event->executed.order_id = maker->id;
        event->executed.user_id = maker->user_id;
        event->executed.filled_lots = maker->filled_lots;
        event->executed.open_lots = maker->open_lots;
    }
    if (taker->reports) {
        struct oc_event *event = tell_executed(engine, taker->session, price_ticks, qty_lots);
        event->flags |= OC_EVENT_TAKER;
        event->executed.order_id = taker->order_id;
        event->executed.user_id = taker->user_id;
        event->executed.filled_lots = taker->filled_lots;
        event->executed.open_lots = taker->open_lots;
    }
    if (used_up) {
        if (maker_reports) {
            struct oc_event *event = oc_engine__emit(engine, OC_EVENT_FILLED, maker->session,
                                                     taker->instrument);
            event->reason = OC_REASON_FILLED;
            oc_engine__describe(engine, event, maker_index, price_ticks);
        }
        oc_engine__order_forget(engine, maker_index);
    }
}

static void tell_trade(struct oc_engine *engine, const struct oc_command *command,
                       const struct oc_book_order *maker, int64_t price_ticks, uint64_t qty_lots)
{
    const struct oc_engine__taker *taker = &engine->taker;
    struct oc_event *event = oc_engine__emit_public(engine, OC_EVENT_TRADE, taker->instrument);
    bool taker_buys = taker->side == OC_BUY;

    event->trade = (struct oc_event_trade){
        .trade_id = engine->trade_id_last,
        .time_ns = command->time_ns,
        .price_ticks = price_ticks,
        .qty_lots = qty_lots,
        .buyer_user_id = taker_buys ? taker->user_id : maker->user_id,
        .buyer_order_id = taker_buys ? taker->order_id : maker->id,
        .seller_user_id = taker_buys ? maker->user_id : taker->user_id,
        .seller_order_id = taker_buys ? maker->id : taker->order_id,
        .buyer_session = taker_buys ? taker->session : maker->session,
        .seller_session = taker_buys ? maker->session : taker->session,
    };
}

static struct oc_event *tell_executed(struct oc_engine *engine, uint64_t session,
                                      int64_t price_ticks, uint64_t qty_lots)
{
    struct oc_event *event = oc_engine__emit(engine, OC_EVENT_EXECUTED, session,
                                             engine->taker.instrument);

    event->executed.trade_id = engine->trade_id_last;
    event->executed.price_ticks = price_ticks;
    event->executed.qty_lots = qty_lots;
    return event;
}

/** Whether the end of the order tells nothing: its trades, or its REPLACED, have said it all. */
static bool ends_untold(const struct oc_engine *engine, const struct oc_command *command)
{
    if (engine->taker.open_lots == 0) {
        return !engine->taker.reports;
    }
    return command->kind == OC_COMMAND_REPLACE;
}

static void end_filled(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__taker *taker = &engine->taker;

    if (taker->reports) {
        struct oc_event *event = oc_engine__emit(engine, OC_EVENT_FILLED, taker->session,
                                                 taker->instrument);
        event->reason = OC_REASON_FILLED;
        oc_engine__describe_taker(engine, command, event);
    }
    if (taker->order != OC_INDEX_NONE) {
        engine->store.orders.orders[taker->order].filled_lots = taker->filled_lots;
        oc_engine__order_forget(engine, taker->order);
    } else if (taker->client_id != OC_INDEX_NONE) {
        engine->client_ids[taker->client_id].filled_lots = taker->filled_lots;
    }
}

/** The rest of an immediate-or-cancel order. Rule 7. */
static void end_cancelled(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__taker *taker = &engine->taker;
    struct oc_event *event = oc_engine__reply(engine, command, OC_EVENT_CANCELLED,
                                              taker->instrument);

    event->reason = OC_REASON_IOC;
    oc_engine__describe_taker(engine, command, event);
    if (taker->client_id != OC_INDEX_NONE) {
        engine->client_ids[taker->client_id].filled_lots = taker->filled_lots;
    }
}

/** Rule 4. */
static void end_resting(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__taker *taker = &engine->taker;
    struct oc_book *book = &engine->instruments[taker->instrument].book;

    if (taker->order == OC_INDEX_NONE) {
        struct oc_event *event = oc_engine__reply(engine, command, OC_EVENT_CONFIRMED,
                                                  taker->instrument);
        oc_engine__describe_taker(engine, command, event);
        taker->order = oc_book_orders_add(
            &engine->store.orders, &(struct oc_book_order_entry){
                                       .id = taker->order_id,
                                       .user_id = taker->user_id,
                                       .session = taker->session,
                                       .open_lots = taker->open_lots,
                                       .filled_lots = taker->filled_lots,
                                       .instrument = taker->instrument,
                                       .side = (enum oc_side)taker->side,
                                       .client_order_id = &command->new_order.client_order_id,
                                   });
        oc_engine__order_own(engine, taker->order, taker->user, taker->client_id);
    } else {
        engine->store.orders.orders[taker->order].open_lots = taker->open_lots;
        engine->store.orders.orders[taker->order].filled_lots = taker->filled_lots;
    }
    oc_book_append(&engine->store, book, taker->order, taker->price_ticks,
                   taker->place_known ? &taker->place : NULL);
}
