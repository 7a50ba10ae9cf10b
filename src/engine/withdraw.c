/*
 * Ways out of the book other than a trade: cancel, mass cancel, the end of a session.
 */
#include "engine/internal.h"

static void order_withdraw(struct oc_engine *engine, uint32_t order);
static void describe_cancelled(const struct oc_engine *engine, struct oc_event *event,
                               uint32_t order, enum oc_reason reason);
static bool gather_user(struct oc_engine *engine, const struct oc_command *command);

bool oc_engine__cancel(struct oc_engine *engine, const struct oc_command *command)
{
    uint32_t order = oc_engine__order_find(engine, command->cancel.order_id, command->user_id);

    if (order == OC_INDEX_NONE) {
        struct oc_event *event = oc_engine__reject(engine, command, OC_REASON_UNKNOWN_ORDER);
        event->rejected.order_id = command->cancel.order_id;
    } else {
        oc_engine__order_cancel(engine, command, order, OC_REASON_USER);
    }
    return true;
}

bool oc_engine__mass_cancel(struct oc_engine *engine, const struct oc_command *command)
{
    if (engine->stage == OC_ENGINE__STAGE_BEGIN) {
        if (!gather_user(engine, command)) {
            oc_engine__reject(engine, command, OC_REASON_UNKNOWN_SYMBOL);
            return true;
        }
        engine->told_count = engine->sweep_count;
        engine->stage = OC_ENGINE__STAGE_REST;
    }
    while (engine->sweep_count > 0) {
        if (!oc_engine__has_room(engine)) {
            return false;
        }
        oc_engine__order_cancel(engine, command, oc_engine__sweep_next(engine),
                                OC_REASON_MASS_CANCEL);
    }
    if (!oc_engine__has_room(engine)) {
        return false;
    }
    oc_engine__reply(engine, command, OC_EVENT_MASS_CANCELLED, OC_INDEX_NONE)->count =
        engine->told_count;
    return true;
}

bool oc_engine__session_close(struct oc_engine *engine, const struct oc_command *command)
{
    struct oc_engine__session *session = oc_engine__session_find(engine, command->session);

    OC_ASSERT(session != NULL);
    if (engine->stage == OC_ENGINE__STAGE_BEGIN) {
        oc_engine__sweep_clear(engine);
        if ((session->settings & OC_SETTING_CANCEL_ON_DISCONNECT) != 0) {
            for (uint32_t order = session->first_order; order != OC_INDEX_NONE;
                 order = engine->links[order].session_next) {
                oc_engine__sweep_add(engine, order);
            }
            oc_engine__sweep_sort(engine);
        }
        engine->stage = OC_ENGINE__STAGE_REST;
    }
    while (engine->sweep_count > 0) {
        uint32_t order;

        if (!oc_engine__has_room(engine)) {
            return false;
        }
        /* Nobody listens at the session any more, but every exit is told (rule 18): to the venue.
         */
        order = oc_engine__sweep_next(engine);
        describe_cancelled(
            engine,
            oc_engine__emit(engine, OC_EVENT_CANCELLED, OC_SESSION_VENUE,
                            oc_book_order_instrument(&engine->store.orders.orders[order])),
            order, OC_REASON_DISCONNECT);
        order_withdraw(engine, order);
    }
    if (!oc_engine__has_room(engine)) {
        return false;
    }
    oc_engine__emit(engine, OC_EVENT_SESSION_CLOSED, command->session, OC_INDEX_NONE);
    *session = (struct oc_engine__session){0};
    engine->session_count--;
    return true;
}

void oc_engine__order_cancel(struct oc_engine *engine, const struct oc_command *command,
                             uint32_t order, enum oc_reason reason)
{
    const struct oc_book_order *record = &engine->store.orders.orders[order];
    uint32_t instrument = oc_book_order_instrument(record);

    describe_cancelled(engine, oc_engine__reply(engine, command, OC_EVENT_CANCELLED, instrument),
                       order, reason);
    if (record->session != command->session &&
        oc_engine__session_find(engine, record->session) != NULL) {
        describe_cancelled(engine,
                           oc_engine__emit(engine, OC_EVENT_CANCELLED, record->session, instrument),
                           order, reason);
    }
    order_withdraw(engine, order);
}

static void order_withdraw(struct oc_engine *engine, uint32_t order)
{
    uint32_t instrument = oc_book_order_instrument(&engine->store.orders.orders[order]);

    oc_book_take(&engine->store, &engine->instruments[instrument].book, order);
    oc_engine__order_forget(engine, order);
}

static void describe_cancelled(const struct oc_engine *engine, struct oc_event *event,
                               uint32_t order, enum oc_reason reason)
{
    event->reason = (uint16_t)reason;
    oc_engine__describe(engine, event, order,
                        oc_book_price(&engine->store, &engine->store.orders.orders[order]));
}

/** The user's orders that the command means, to be swept. Returns false for an unknown symbol. */
static bool gather_user(struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_command_mass_cancel *filter = &command->mass_cancel;
    uint32_t instrument = OC_INDEX_NONE;
    uint32_t user = oc_engine__user_find(engine, command->user_id);

    if (filter->symbol.size > 0) {
        instrument = oc_engine__instrument_find(engine, &filter->symbol);
        if (instrument == OC_INDEX_NONE) {
            return false;
        }
    }
    oc_engine__sweep_clear(engine);
    for (uint32_t order = user != OC_INDEX_NONE ? engine->users[user].first_order : OC_INDEX_NONE;
         order != OC_INDEX_NONE; order = engine->links[order].user_next) {
        const struct oc_book_order *record = &engine->store.orders.orders[order];

        if ((instrument == OC_INDEX_NONE || oc_book_order_instrument(record) == instrument) &&
            (!filter->has_side || (uint32_t)oc_book_order_side(record) == filter->side)) {
            oc_engine__sweep_add(engine, order);
        }
    }
    oc_engine__sweep_sort(engine);
    return true;
}
