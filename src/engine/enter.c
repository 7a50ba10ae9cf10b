/*
 * New orders: the checks in their fixed order (rule 22), and the way in for what passes them.
 *
 * Nothing is changed before the last check has passed; after it nothing can fail.
 */
#include "engine/internal.h"

/** What the checks found out. */
struct finding {
    enum oc_reason reason;
    uint32_t user;       /* OC_INDEX_NONE: to be made */
    uint32_t instrument; /* OC_INDEX_NONE: to be made */
    uint32_t duplicate;  /* the client_id that this order resends, OC_INDEX_NONE: none */
    bool place_known;
    struct oc_book_levels_place place; /* where it will rest */
};

static uint32_t user_of(const struct oc_engine *engine, const struct oc_command *command);
static void check_client_id(const struct oc_engine *engine, const struct oc_command_new *entry,
                            struct finding *finding);
static enum oc_reason check_room(const struct oc_engine *engine, const struct oc_command_new *entry,
                                 struct finding *finding);
static struct finding check(const struct oc_engine *engine, const struct oc_command *command);
static void tell_duplicate(struct oc_engine *engine, const struct oc_command *command,
                           uint32_t client_id);
static void accept(struct oc_engine *engine, const struct oc_command *command,
                   const struct finding *finding);

bool oc_engine__new(struct oc_engine *engine, const struct oc_command *command)
{
    if (engine->stage == OC_ENGINE__STAGE_BEGIN) {
        struct finding finding = check(engine, command);

        if (finding.duplicate != OC_INDEX_NONE) {
            tell_duplicate(engine, command, finding.duplicate);
            return true;
        }
        if (finding.reason != OC_REASON_NONE) {
            struct oc_event *event = oc_engine__reject(engine, command, finding.reason);
            event->rejected.client_order_id = command->new_order.client_order_id;
            return true;
        }
        accept(engine, command, &finding);
        engine->stage = OC_ENGINE__STAGE_REST;
    }
    return oc_engine__match(engine, command);
}

static struct finding check(const struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_command_new *entry = &command->new_order;
    struct finding finding = {
        .user = user_of(engine, command),
        .duplicate = OC_INDEX_NONE,
    };

    /* The codec admits nothing else. */
    OC_ASSERT(entry->side <= OC_SELL);
    OC_ASSERT(entry->time_in_force <= OC_IMMEDIATE_OR_CANCEL);
    OC_ASSERT(entry->price_ticks >= 1);
    OC_ASSERT(entry->qty_lots >= 1);
    OC_ASSERT(entry->qty_lots <= OC_QTY_LOTS_MAX);
    finding.instrument = oc_engine__instrument_find(engine, &entry->symbol);
    if (finding.user == OC_INDEX_NONE && engine->user_count == engine->config.limits.users_max) {
        finding.reason = OC_REASON_TOO_MANY_USERS;
        return finding;
    }
    check_client_id(engine, entry, &finding);
    if (finding.reason != OC_REASON_NONE || finding.duplicate != OC_INDEX_NONE) {
        return finding;
    }
    if (finding.instrument != OC_INDEX_NONE) {
        finding.reason = oc_engine__instrument_check(&engine->instruments[finding.instrument].spec,
                                                     entry->price_ticks, entry->qty_lots);
    } else if (!engine->config.instruments_on_first_use) {
        finding.reason = OC_REASON_UNKNOWN_SYMBOL;
    } else if (engine->instrument_count == engine->config.limits.instruments_max) {
        finding.reason = OC_REASON_TOO_MANY_INSTRUMENTS;
    }
    if (finding.reason == OC_REASON_NONE) {
        finding.reason = check_room(engine, entry, &finding);
    }
    return finding;
}

/** A session mostly acts for one user: then no map is searched. */
static uint32_t user_of(const struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_engine__session *session = oc_engine__session_find(engine, command->session);

    if (session != NULL && session->user != OC_INDEX_NONE &&
        engine->users[session->user].user_id == command->user_id) {
        return session->user;
    }
    return oc_engine__user_find(engine, command->user_id);
}

/** A resend is told from a reuse by everything that an order says. */
static void check_client_id(const struct oc_engine *engine, const struct oc_command_new *entry,
                            struct finding *finding)
{
    uint32_t known = OC_INDEX_NONE;

    if (entry->client_order_id.size == 0) {
        return;
    }
    if (finding->user != OC_INDEX_NONE) {
        known = oc_engine__client_id_find(engine, finding->user, &entry->client_order_id);
    }
    if (known != OC_INDEX_NONE) {
        const struct oc_engine__client_id *first = &engine->client_ids[known];

        if (first->instrument == finding->instrument && first->side == entry->side &&
            first->time_in_force == entry->time_in_force &&
            first->price_ticks == entry->price_ticks && first->qty_lots == entry->qty_lots) {
            finding->duplicate = known;
        } else {
            finding->reason = OC_REASON_CLIENT_ORDER_ID_REUSED;
        }
    } else if (!oc_engine__client_id_has_room(engine, finding->user)) {
        finding->reason = OC_REASON_TOO_MANY_CLIENT_ORDER_IDS;
    }
}

/**
 * Room for the remainder, exactly: a reject only if matching would end with a remainder that finds
 * none. Only an order that does not cross can be in that case. If it crosses, either it fills or it
 * uses up every order at the crossing prices, of which there is one at least: that frees a slot and
 * a level, and no order of its own side can stand at its price, where the book would be crossed.
 */
static enum oc_reason check_room(const struct oc_engine *engine, const struct oc_command_new *entry,
                                 struct finding *finding)
{
    uint32_t instrument = finding->instrument;
    bool rests = entry->time_in_force == OC_GOOD_TILL_CANCEL &&
                 (instrument == OC_INDEX_NONE ||
                  !oc_book_crosses(&engine->instruments[instrument].book, (enum oc_side)entry->side,
                                   entry->price_ticks));
    enum oc_reason reason = OC_REASON_NONE;

    if (rests && !oc_book_orders_have_room(&engine->store.orders)) {
        return OC_REASON_TOO_MANY_ORDERS;
    }
    if (rests && instrument != OC_INDEX_NONE) {
        reason = oc_book_room(&engine->store, &engine->instruments[instrument].book,
                              (enum oc_side)entry->side, entry->price_ticks, entry->qty_lots,
                              OC_INDEX_NONE, &finding->place);
        finding->place_known = true;
    } else if (rests && !oc_book_level_pool_has_room(&engine->store.levels)) {
        reason = OC_REASON_TOO_MANY_LEVELS;
    }
    if (reason == OC_REASON_NONE && engine->order_id_last == OC_ORDER_ID_MAX) {
        reason = OC_REASON_ORDER_IDS_EXHAUSTED;
    }
    return reason;
}

static void tell_duplicate(struct oc_engine *engine, const struct oc_command *command,
                           uint32_t client_id)
{
    const struct oc_engine__client_id *first = &engine->client_ids[client_id];
    struct oc_event *event = oc_engine__reply(engine, command, OC_EVENT_DUPLICATE,
                                              first->instrument);

    event->order.order_id = first->order_id;
    event->order.user_id = command->user_id;
    event->order.price_ticks = first->price_ticks;
    event->order.filled_lots = first->filled_lots;
    event->order.client_order_id = first->text;
    event->order.side = first->side;
    if (first->order != OC_INDEX_NONE) {
        const struct oc_book_order *order = &engine->store.orders.orders[first->order];
        event->order.qty_lots = order->open_lots;
        event->order.filled_lots = order->filled_lots;
    }
}

static void accept(struct oc_engine *engine, const struct oc_command *command,
                   const struct finding *finding)
{
    const struct oc_command_new *entry = &command->new_order;
    struct oc_engine__session *session = oc_engine__session_find(engine, command->session);
    struct oc_engine__taker *taker = &engine->taker;

    *taker = (struct oc_engine__taker){
        .order_id = ++engine->order_id_last,
        .user_id = command->user_id,
        .session = command->session,
        .price_ticks = entry->price_ticks,
        .open_lots = entry->qty_lots,
        .instrument = finding->instrument,
        .user = finding->user,
        .order = OC_INDEX_NONE,
        .client_id = OC_INDEX_NONE,
        .side = entry->side,
        .reports = session != NULL && (session->settings & OC_SETTING_REPORTS) != 0,
        .place_known = finding->place_known,
        .place = finding->place,
    };
    engine->orders_accepted++;
    if (taker->instrument == OC_INDEX_NONE) {
        struct oc_command_instrument spec = oc_engine__instrument_default(&entry->symbol);
        taker->instrument = oc_engine__instrument_make(engine, &spec);
    }
    if (taker->user == OC_INDEX_NONE) {
        taker->user = oc_engine__user_make(engine, command->user_id);
    }
    if (session != NULL) {
        session->user = taker->user;
    }
    if (entry->client_order_id.size > 0) {
        taker->client_id = oc_engine__client_id_make(engine, taker->user,
                                                     &(struct oc_engine__client_id){
                                                         .order_id = taker->order_id,
                                                         .price_ticks = entry->price_ticks,
                                                         .qty_lots = entry->qty_lots,
                                                         .instrument = taker->instrument,
                                                         .side = entry->side,
                                                         .time_in_force = entry->time_in_force,
                                                         .text = entry->client_order_id,
                                                     });
    }
    if (taker->reports) {
        struct oc_event *event = oc_engine__reply(engine, command, OC_EVENT_ACCEPTED,
                                                  taker->instrument);
        oc_engine__describe_taker(engine, command, event);
    }
}
