/*
 * Ways out of the book other than a trade: cancel, mass cancel, the end of a session.
 */
#include "engine/internal.h"

static void order_withdraw(struct oc_engine *engine, uint32_t order);
static void describe_cancelled(const struct oc_engine *engine, struct oc_event *event,
                               uint32_t order, enum oc_reason reason);
static bool gather_user(struct oc_engine *engine, const struct oc_command *command);
static bool book_is_shorter(const struct oc_engine *engine,
                            const struct oc_command_mass_cancel *filter, uint32_t user,
                            uint32_t instrument);
static void gather_from_book(struct oc_engine *engine, const struct oc_command_mass_cancel *filter,
                             uint32_t user, uint32_t instrument);
static void gather_from_list(struct oc_engine *engine, const struct oc_command_mass_cancel *filter,
                             uint32_t user, uint32_t instrument);

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
    if (user != OC_INDEX_NONE && instrument != OC_INDEX_NONE &&
        book_is_shorter(engine, filter, user, instrument)) {
        gather_from_book(engine, filter, user, instrument);
    } else if (user != OC_INDEX_NONE) {
        gather_from_list(engine, filter, user, instrument);
    }
    oc_engine__sweep_sort(engine);
    return true;
}

/**
 * Whether a book has fewer orders on the sides that are meant than the user has in all books: then
 * a request for one symbol costs what stands there, however much its user has elsewhere. Walks no
 * further than the shorter of the two.
 */
static bool book_is_shorter(const struct oc_engine *engine,
                            const struct oc_command_mass_cancel *filter, uint32_t user,
                            uint32_t instrument)
{
    uint32_t order = engine->users[user].first_order;

    for (uint32_t side = OC_BUY; side <= OC_SELL; side++) {
        struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(
            &engine->store.levels, &engine->instruments[instrument].book.sides[side]);
        uint32_t level;

        if (filter->has_side && filter->side != side) {
            continue;
        }
        while ((level = oc_book_levels_cursor_level(&engine->store.levels, cursor)) !=
               OC_INDEX_NONE) {
            for (uint32_t left = engine->store.levels.levels[level].order_count; left > 0; left--) {
                if (order == OC_INDEX_NONE) {
                    return false;
                }
                order = engine->links[order].user_next;
            }
            oc_book_levels_cursor_next(&engine->store.levels, &cursor);
        }
    }
    return true;
}

static void gather_from_book(struct oc_engine *engine, const struct oc_command_mass_cancel *filter,
                             uint32_t user, uint32_t instrument)
{
    for (uint32_t side = OC_BUY; side <= OC_SELL; side++) {
        struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(
            &engine->store.levels, &engine->instruments[instrument].book.sides[side]);
        uint32_t level;

        if (filter->has_side && filter->side != side) {
            continue;
        }
        while ((level = oc_book_levels_cursor_level(&engine->store.levels, cursor)) !=
               OC_INDEX_NONE) {
            for (uint32_t order = engine->store.levels.levels[level].head; order != OC_INDEX_NONE;
                 order = engine->store.orders.orders[order].next) {
                if (engine->links[order].user == user) {
                    oc_engine__sweep_add(engine, order);
                }
            }
            oc_book_levels_cursor_next(&engine->store.levels, &cursor);
        }
    }
}

static void gather_from_list(struct oc_engine *engine, const struct oc_command_mass_cancel *filter,
                             uint32_t user, uint32_t instrument)
{
    for (uint32_t order = engine->users[user].first_order; order != OC_INDEX_NONE;
         order = engine->links[order].user_next) {
        const struct oc_book_order *record = &engine->store.orders.orders[order];

        if ((instrument == OC_INDEX_NONE || oc_book_order_instrument(record) == instrument) &&
            (!filter->has_side || (uint32_t)oc_book_order_side(record) == filter->side)) {
            oc_engine__sweep_add(engine, order);
        }
    }
}
