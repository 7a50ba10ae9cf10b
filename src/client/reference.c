/*
 * The reference matcher: arrays, searched and moved.
 *
 * Whatever can be counted or summed when it is asked for is not kept. Its arrays are in
 * reference_store.c, its checks in reference_check.c.
 */
#include "client/reference.h"

#include <stdlib.h>
#include <string.h>

#include "client/reference_internal.h"
#include "core/assert.h"

static void apply_instrument(struct oc_reference *reference);
static void apply_session_open(struct oc_reference *reference);
static void apply_session_close(struct oc_reference *reference);
static void apply_session_set(struct oc_reference *reference);
static void apply_new(struct oc_reference *reference);
static void apply_cancel(struct oc_reference *reference);
static void apply_replace(struct oc_reference *reference);
static void apply_mass_cancel(struct oc_reference *reference);
static void apply_open_orders(struct oc_reference *reference);
static void apply_book(struct oc_reference *reference);
static void apply_refused(struct oc_reference *reference);

static struct oc_event *tell(struct oc_reference *reference, enum oc_event_kind kind,
                             uint64_t session, uint32_t instrument)
{
    struct oc_event *event;

    reference->events = oc_reference__grow(reference->events, reference->event_count,
                                           &reference->event_capacity, sizeof(*reference->events));
    event = &reference->events[reference->event_count++];
    memset(event, 0, sizeof(*event));
    event->command_sequence = reference->command->sequence;
    event->session = session;
    event->instrument = instrument;
    event->kind = (uint8_t)kind;
    if (kind == OC_EVENT_INSTRUMENT || kind == OC_EVENT_TRADE) {
        event->flags = OC_EVENT_PUBLIC;
    }
    return event;
}

static struct oc_event *reply(struct oc_reference *reference, enum oc_event_kind kind,
                              uint32_t instrument)
{
    struct oc_event *event = tell(reference, kind, reference->command->session, instrument);

    if ((reference->command->flags & OC_COMMAND_HAS_REQUEST_ID) != 0) {
        event->flags |= OC_EVENT_HAS_REQUEST_ID;
        event->request_id = reference->command->request_id;
    }
    return event;
}

static struct oc_event *reject(struct oc_reference *reference, enum oc_reason reason)
{
    struct oc_event *event = reply(reference, OC_EVENT_REJECTED, OC_INDEX_NONE);

    event->reason = (uint16_t)reason;
    event->rejected.request = reference->command->kind;
    return event;
}

static void describe(struct oc_event *event, const struct oc_reference_order *order)
{
    event->order.order_id = order->id;
    event->order.user_id = order->user_id;
    event->order.price_ticks = order->price_ticks;
    event->order.qty_lots = order->open_lots;
    event->order.filled_lots = order->filled_lots;
    event->order.side = (uint8_t)order->side;
    event->order.client_order_id = order->client_order_id;
}

/** To the requester, and to the session that entered the order if that is another open one. */
static void tell_both(struct oc_reference *reference, enum oc_event_kind kind,
                      const struct oc_reference_order *order, enum oc_reason reason)
{
    struct oc_event *event = reply(reference, kind, order->instrument);

    event->reason = (uint16_t)reason;
    describe(event, order);
    if (order->session != reference->command->session &&
        oc_reference__session_open(reference, order->session)) {
        event = tell(reference, kind, order->session, order->instrument);
        event->reason = (uint16_t)reason;
        describe(event, order);
    }
}

struct oc_reference *oc_reference_create(const struct oc_limits *limits,
                                         bool instruments_on_first_use)
{
    struct oc_reference *reference = calloc(1, sizeof(*reference));

    if (reference == NULL) {
        return NULL;
    }
    reference->limits = *limits;
    reference->instruments_on_first_use = instruments_on_first_use;
    reference->sessions = calloc(limits->sessions_max, sizeof(*reference->sessions));
    if (reference->sessions == NULL) {
        free(reference);
        return NULL;
    }
    return reference;
}

void oc_reference_destroy(struct oc_reference *reference)
{
    if (reference == NULL) {
        return;
    }
    for (uint64_t index = 0; index < reference->order_id_last; index++) {
        free(reference->orders[index]);
    }
    for (uint32_t index = 0; index < reference->instrument_count; index++) {
        free(reference->instruments[index].sides[OC_BUY].orders);
        free(reference->instruments[index].sides[OC_SELL].orders);
    }
    for (uint32_t index = 0; index < reference->user_count; index++) {
        free(reference->users[index].remembered);
    }
    free(reference->orders);
    free(reference->instruments);
    free(reference->users);
    free(reference->sessions);
    free(reference->events);
    free(reference);
}

uint32_t oc_reference_apply(struct oc_reference *reference, const struct oc_command *command,
                            const struct oc_event **events)
{
    static void (*const APPLY[OC_COMMAND_KIND_COUNT])(struct oc_reference *) = {
        [OC_COMMAND_INSTRUMENT] = apply_instrument,
        [OC_COMMAND_SESSION_OPEN] = apply_session_open,
        [OC_COMMAND_SESSION_CLOSE] = apply_session_close,
        [OC_COMMAND_NEW] = apply_new,
        [OC_COMMAND_CANCEL] = apply_cancel,
        [OC_COMMAND_REPLACE] = apply_replace,
        [OC_COMMAND_MASS_CANCEL] = apply_mass_cancel,
        [OC_COMMAND_OPEN_ORDERS] = apply_open_orders,
        [OC_COMMAND_BOOK] = apply_book,
        [OC_COMMAND_SESSION_SET] = apply_session_set,
        [OC_COMMAND_REFUSED] = apply_refused,
    };

    reference->command = command;
    reference->event_count = 0;
    if (command->kind == OC_COMMAND_PING) {
        reply(reference, OC_EVENT_PONG, OC_INDEX_NONE)->ping = command->ping.ping;
    } else {
        OC_ASSERT(command->kind < OC_COMMAND_KIND_COUNT);
        OC_ASSERT(APPLY[command->kind] != NULL);
        APPLY[command->kind](reference);
    }
    OC_ASSERT(reference->event_count > 0);
    reference->events[reference->event_count - 1].flags |= OC_EVENT_LAST;
    reference->command = NULL;
    *events = reference->events;
    return reference->event_count;
}

uint32_t oc_reference_order_count(const struct oc_reference *reference)
{
    return reference->order_count;
}

static uint32_t instrument_make(struct oc_reference *reference,
                                const struct oc_command_instrument *spec)
{
    uint32_t index = reference->instrument_count;
    struct oc_event *event;

    reference->instruments = oc_reference__grow(reference->instruments, index,
                                                &reference->instrument_capacity,
                                                sizeof(*reference->instruments));
    memset(&reference->instruments[index], 0, sizeof(reference->instruments[index]));
    reference->instruments[index].spec = *spec;
    reference->instrument_count++;
    event = tell(reference, OC_EVENT_INSTRUMENT, OC_SESSION_VENUE, index);
    event->instrument_made.symbol = spec->symbol;
    event->instrument_made.decimals = spec->decimals;
    return index;
}

static void apply_instrument(struct oc_reference *reference)
{
    const struct oc_command_instrument *spec = &reference->command->instrument;

    if (oc_reference__instrument_find(reference, &spec->symbol) != OC_INDEX_NONE) {
        reject(reference, OC_REASON_INSTRUMENT_EXISTS);
    } else if (reference->instrument_count >= reference->limits.instruments_max) {
        reject(reference, OC_REASON_TOO_MANY_INSTRUMENTS);
    } else {
        instrument_make(reference, spec);
    }
}

static void apply_session_open(struct oc_reference *reference)
{
    uint64_t id = reference->command->session;
    struct oc_reference_session *session = &reference->sessions[oc_session_slot(id)];

    OC_ASSERT(oc_session_slot(id) < reference->limits.sessions_max);
    session->id = id;
    session->settings = OC_SETTINGS_AT_OPEN;
    tell(reference, OC_EVENT_SESSION_OPENED, id, OC_INDEX_NONE)->settings = session->settings;
}

/** Every order of the venue in the order of rule 17: the next one at or after this place. */
struct walk {
    uint32_t instrument;
    uint32_t side;
    uint32_t left; /* orders of this side not yet seen, from the best on */
};

static struct oc_reference_order *walk_next(const struct oc_reference *reference, struct walk *walk)
{
    for (;;) {
        if (walk->left > 0) {
            walk->left--;
            return reference->instruments[walk->instrument].sides[walk->side].orders[walk->left];
        }
        walk->side++;
        if (walk->side > OC_SELL) {
            walk->side = OC_BUY;
            walk->instrument++;
        }
        if (walk->instrument >= reference->instrument_count) {
            return NULL;
        }
        walk->left = reference->instruments[walk->instrument].sides[walk->side].count;
    }
}

static struct walk walk_begin(const struct oc_reference *reference)
{
    return (struct walk){
        .left = reference->instrument_count > 0 ? reference->instruments[0].sides[OC_BUY].count : 0,
    };
}

static void apply_session_close(struct oc_reference *reference)
{
    uint64_t id = reference->command->session;
    struct oc_reference_session *session = &reference->sessions[oc_session_slot(id)];
    struct walk walk = walk_begin(reference);
    struct oc_reference_order *order;

    while ((session->settings & OC_SETTING_CANCEL_ON_DISCONNECT) != 0 &&
           (order = walk_next(reference, &walk)) != NULL) {
        if (order->session == id) {
            struct oc_event *event = tell(reference, OC_EVENT_CANCELLED, OC_SESSION_VENUE,
                                          order->instrument);
            event->reason = OC_REASON_DISCONNECT;
            describe(event, order);
            oc_reference__side_remove(reference, order);
            oc_reference__order_free(reference, order);
        }
    }
    tell(reference, OC_EVENT_SESSION_CLOSED, id, OC_INDEX_NONE);
    memset(session, 0, sizeof(*session));
}

static void apply_session_set(struct oc_reference *reference)
{
    const struct oc_command_settings *change = &reference->command->settings;
    struct oc_reference_session *session =
        &reference->sessions[oc_session_slot(reference->command->session)];

    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((change->given & bit) != 0) {
            session->settings = (change->values & bit) != 0 ? session->settings | bit
                                                            : session->settings & ~bit;
        }
    }
    reply(reference, OC_EVENT_SESSION, OC_INDEX_NONE)->settings = session->settings;
}

static void apply_refused(struct oc_reference *reference)
{
    const struct oc_command_refused *refused = &reference->command->refused;
    struct oc_event *event = reject(reference, (enum oc_reason)refused->reason);

    event->rejected.order_id = refused->order_id;
    event->rejected.client_order_id = refused->client_order_id;
    event->rejected.detail = refused->detail;
    event->rejected.request = refused->request;
}

static bool same_content(const struct oc_command_new *first, const struct oc_command_new *second)
{
    return memcmp(&first->symbol, &second->symbol, sizeof(first->symbol)) == 0 &&
           first->side == second->side && first->time_in_force == second->time_in_force &&
           first->price_ticks == second->price_ticks && first->qty_lots == second->qty_lots;
}

static bool session_reports(const struct oc_reference *reference, uint64_t session)
{
    return oc_reference__session_open(reference, session) &&
           (reference->sessions[oc_session_slot(session)].settings & OC_SETTING_REPORTS) != 0;
}

static void tell_executed(struct oc_reference *reference, const struct oc_reference_order *order,
                          int64_t price_ticks, uint64_t qty_lots, bool taker)
{
    struct oc_event *event;

    if (!session_reports(reference, order->session)) {
        return;
    }
    event = tell(reference, OC_EVENT_EXECUTED, order->session, order->instrument);
    event->flags |= taker ? OC_EVENT_TAKER : 0;
    event->executed.order_id = order->id;
    event->executed.user_id = order->user_id;
    event->executed.trade_id = reference->trade_id_last;
    event->executed.price_ticks = price_ticks;
    event->executed.qty_lots = qty_lots;
    event->executed.filled_lots = order->filled_lots;
    event->executed.open_lots = order->open_lots;
}

static void tell_filled(struct oc_reference *reference, const struct oc_reference_order *order)
{
    struct oc_event *event;

    if (!session_reports(reference, order->session)) {
        return;
    }
    event = tell(reference, OC_EVENT_FILLED, order->session, order->instrument);
    event->reason = OC_REASON_FILLED;
    describe(event, order);
}

static void tell_trade(struct oc_reference *reference, const struct oc_reference_order *buyer,
                       const struct oc_reference_order *seller, int64_t price_ticks,
                       uint64_t qty_lots)
{
    struct oc_event *event = tell(reference, OC_EVENT_TRADE, OC_SESSION_VENUE, buyer->instrument);

    event->trade.trade_id = reference->trade_id_last;
    event->trade.time_ns = reference->command->time_ns;
    event->trade.price_ticks = price_ticks;
    event->trade.qty_lots = qty_lots;
    event->trade.buyer_user_id = buyer->user_id;
    event->trade.buyer_order_id = buyer->id;
    event->trade.buyer_session = buyer->session;
    event->trade.seller_user_id = seller->user_id;
    event->trade.seller_order_id = seller->id;
    event->trade.seller_session = seller->session;
}

/** Trade an order that is in no book with the other side, as far as its limit goes. */
static void match(struct oc_reference *reference, struct oc_reference_order *taker)
{
    struct oc_reference_side *opposite =
        &reference->instruments[taker->instrument].sides[oc_side_opposite(taker->side)];

    while (taker->open_lots > 0 && opposite->count > 0) {
        struct oc_reference_order *maker = opposite->orders[opposite->count - 1];
        uint64_t qty_lots;

        if (!oc_reference__crosses(taker->side, taker->price_ticks, maker->price_ticks)) {
            break;
        }
        qty_lots = taker->open_lots < maker->open_lots ? taker->open_lots : maker->open_lots;
        taker->open_lots -= qty_lots;
        taker->filled_lots += qty_lots;
        maker->open_lots -= qty_lots;
        maker->filled_lots += qty_lots;
        reference->trade_id_last++;
        if (taker->side == OC_BUY) {
            tell_trade(reference, taker, maker, maker->price_ticks, qty_lots);
        } else {
            tell_trade(reference, maker, taker, maker->price_ticks, qty_lots);
        }
        tell_executed(reference, maker, maker->price_ticks, qty_lots, false);
        tell_executed(reference, taker, maker->price_ticks, qty_lots, true);
        if (maker->open_lots == 0) {
            tell_filled(reference, maker);
            oc_reference__side_remove(reference, maker);
            oc_reference__order_free(reference, maker);
        }
    }
    if (taker->open_lots == 0) {
        tell_filled(reference, taker);
    }
}

/** Whether the order is a resend; answered if so. */
static bool answer_duplicate(struct oc_reference *reference)
{
    const struct oc_command *command = reference->command;
    const struct oc_reference_user *user = oc_reference__user_find(reference, command->user_id);
    const struct oc_reference_remembered *first = command->new_order.client_order_id.size == 0
                                                      ? NULL
                                                      : oc_reference__remembered_find(
                                                            user,
                                                            &command->new_order.client_order_id);
    const struct oc_reference_order *order;
    struct oc_event *event;

    if (first == NULL || !same_content(&first->entry, &command->new_order)) {
        return false;
    }
    order = oc_reference__order_find(reference, first->order_id);
    event = reply(reference, OC_EVENT_DUPLICATE,
                  oc_reference__instrument_find(reference, &first->entry.symbol));
    event->order.order_id = first->order_id;
    event->order.user_id = command->user_id;
    event->order.price_ticks = first->entry.price_ticks;
    event->order.qty_lots = order != NULL ? order->open_lots : 0;
    event->order.filled_lots = order != NULL ? order->filled_lots : first->filled_lots;
    event->order.client_order_id = first->entry.client_order_id;
    event->order.side = first->entry.side;
    return true;
}

static void apply_new(struct oc_reference *reference)
{
    const struct oc_command *command = reference->command;
    const struct oc_command_new *entry = &command->new_order;
    struct oc_reference_order taker = {
        .user_id = command->user_id,
        .session = command->session,
        .price_ticks = entry->price_ticks,
        .open_lots = entry->qty_lots,
        .side = (enum oc_side)entry->side,
        .client_order_id = entry->client_order_id,
    };
    enum oc_reason reason;

    if (answer_duplicate(reference)) {
        return;
    }
    reason = oc_reference__check_new(reference);
    if (reason != OC_REASON_NONE) {
        reject(reference, reason)->rejected.client_order_id = entry->client_order_id;
        return;
    }
    taker.id = oc_reference__order_id_take(reference);
    taker.instrument = oc_reference__instrument_find(reference, &entry->symbol);
    if (taker.instrument == OC_INDEX_NONE) {
        taker.instrument = instrument_make(reference, &(struct oc_command_instrument){
                                                          .symbol = entry->symbol,
                                                          .tick_ticks = 1,
                                                          .lot_lots = 1,
                                                          .price_min_ticks = 1,
                                                          .price_max_ticks = OC_PRICE_TICKS_MAX,
                                                          .qty_min_lots = 1,
                                                          .qty_max_lots = OC_QTY_LOTS_MAX,
                                                      });
    }
    oc_reference__user_make(reference, command->user_id);
    if (entry->client_order_id.size > 0) {
        oc_reference__remember(reference, oc_reference__user_find(reference, command->user_id),
                               taker.id);
    }
    if (session_reports(reference, command->session)) {
        describe(reply(reference, OC_EVENT_ACCEPTED, taker.instrument), &taker);
    }
    match(reference, &taker);
    if (taker.open_lots > 0 && entry->time_in_force == OC_GOOD_TILL_CANCEL) {
        describe(reply(reference, OC_EVENT_CONFIRMED, taker.instrument), &taker);
        oc_reference__order_add(reference, &taker);
    } else if (taker.open_lots > 0) {
        struct oc_event *event = reply(reference, OC_EVENT_CANCELLED, taker.instrument);
        event->reason = OC_REASON_IOC;
        describe(event, &taker);
    }
    if (entry->client_order_id.size > 0) {
        oc_reference__remember_filled(reference, taker.user_id, taker.id, taker.filled_lots);
    }
}

/** The open order that the requester may touch, or NULL. */
static struct oc_reference_order *order_of(const struct oc_reference *reference, uint64_t order_id)
{
    struct oc_reference_order *order = oc_reference__order_find(reference, order_id);

    return order != NULL && order->user_id == reference->command->user_id ? order : NULL;
}

static void cancel(struct oc_reference *reference, struct oc_reference_order *order,
                   enum oc_reason reason)
{
    tell_both(reference, OC_EVENT_CANCELLED, order, reason);
    oc_reference__side_remove(reference, order);
    oc_reference__order_free(reference, order);
}

static void apply_cancel(struct oc_reference *reference)
{
    uint64_t order_id = reference->command->cancel.order_id;
    struct oc_reference_order *order = order_of(reference, order_id);

    if (order == NULL) {
        reject(reference, OC_REASON_UNKNOWN_ORDER)->rejected.order_id = order_id;
    } else {
        cancel(reference, order, OC_REASON_USER);
    }
}

static void apply_replace(struct oc_reference *reference)
{
    const struct oc_command_replace *replace = &reference->command->replace;
    struct oc_reference_order *order = order_of(reference, replace->order_id);
    enum oc_reason reason = OC_REASON_UNKNOWN_ORDER;
    struct oc_reference_order target = {0};

    if (order != NULL) {
        uint64_t total_lots = order->filled_lots + order->open_lots;

        target = *order;
        if (replace->price_ticks != 0) {
            target.price_ticks = replace->price_ticks;
        }
        if (replace->qty_lots != 0) {
            total_lots = order->filled_lots + replace->qty_lots;
        } else if (replace->total_qty_lots != 0) {
            total_lots = replace->total_qty_lots;
        }
        target.open_lots = total_lots <= order->filled_lots ? 0 : total_lots - order->filled_lots;
        reason = oc_reference__check_spec(&reference->instruments[order->instrument].spec,
                                          target.price_ticks, total_lots);
        if (reason == OC_REASON_NONE && target.open_lots > 0) {
            reason = oc_reference__check_room(reference, &target, order);
        }
    }
    if (reason != OC_REASON_NONE) {
        reject(reference, reason)->rejected.order_id = replace->order_id;
        return;
    }
    if (target.open_lots == 0) {
        cancel(reference, order, OC_REASON_TOTAL_FILLED);
        return;
    }
    tell_both(reference, OC_EVENT_REPLACED, &target, OC_REASON_NONE);
    if (target.price_ticks == order->price_ticks && target.open_lots <= order->open_lots) {
        order->open_lots = target.open_lots;
        return;
    }
    oc_reference__side_remove(reference, order);
    *order = target;
    match(reference, order);
    if (order->open_lots > 0) {
        oc_reference__side_insert(reference, order);
    } else {
        oc_reference__order_free(reference, order);
    }
}

static void apply_mass_cancel(struct oc_reference *reference)
{
    const struct oc_command_mass_cancel *filter = &reference->command->mass_cancel;
    struct walk walk = walk_begin(reference);
    uint32_t instrument = oc_reference__instrument_find(reference, &filter->symbol);
    uint64_t count = 0;
    struct oc_reference_order *order;

    if (filter->symbol.size > 0 && instrument == OC_INDEX_NONE) {
        reject(reference, OC_REASON_UNKNOWN_SYMBOL);
        return;
    }
    while ((order = walk_next(reference, &walk)) != NULL) {
        if (order->user_id == reference->command->user_id &&
            (filter->symbol.size == 0 || order->instrument == instrument) &&
            (!filter->has_side || (uint32_t)order->side == filter->side)) {
            cancel(reference, order, OC_REASON_MASS_CANCEL);
            count++;
        }
    }
    reply(reference, OC_EVENT_MASS_CANCELLED, OC_INDEX_NONE)->count = count;
}

static void apply_open_orders(struct oc_reference *reference)
{
    struct walk walk = walk_begin(reference);
    uint32_t count = 0;
    const struct oc_reference_order *order;

    reply(reference, OC_EVENT_OPEN_ORDERS, OC_INDEX_NONE);
    while ((order = walk_next(reference, &walk)) != NULL) {
        if (order->user_id == reference->command->user_id) {
            describe(reply(reference, OC_EVENT_OPEN_ORDER, order->instrument), order);
            count++;
        }
    }
    reference->events[0].open_orders.user_id = reference->command->user_id;
    reference->events[0].open_orders.count = count;
}

/* Up to `depth` levels of one side, best first, into levels[0..depth). Returns how many. */
static uint32_t levels_of(const struct oc_reference_side *orders, uint32_t depth,
                          struct oc_event_level *levels)
{
    uint32_t count = 0;

    for (uint32_t position = orders->count; position > 0; position--) {
        const struct oc_reference_order *order = orders->orders[position - 1];

        if (count == 0 || levels[count - 1].price_ticks != order->price_ticks) {
            if (count == depth) {
                break;
            }
            memset(&levels[count], 0, sizeof(levels[count]));
            levels[count].price_ticks = order->price_ticks;
            count++;
        }
        levels[count - 1].qty_lots += order->open_lots;
        levels[count - 1].order_count++;
    }
    return count;
}

static void apply_book(struct oc_reference *reference)
{
    const struct oc_command_book *book = &reference->command->book;
    uint32_t instrument = oc_reference__instrument_find(reference, &book->symbol);
    struct oc_event_level levels[2][OC_BOOK_DEPTH_MAX];
    uint32_t counts[2];
    struct oc_event *event;

    if (instrument == OC_INDEX_NONE) {
        reject(reference, OC_REASON_UNKNOWN_SYMBOL);
        return;
    }
    for (int side = OC_BUY; side <= OC_SELL; side++) {
        counts[side] = levels_of(&reference->instruments[instrument].sides[side], book->depth,
                                 levels[side]);
    }
    event = reply(reference, OC_EVENT_BOOK, instrument);
    event->book.sequence = reference->command->sequence;
    event->book.bid_count = counts[OC_BUY];
    event->book.ask_count = counts[OC_SELL];
    for (int side = OC_BUY; side <= OC_SELL; side++) {
        for (uint32_t index = 0; index < counts[side]; index++) {
            event = reply(reference, OC_EVENT_BOOK_LEVEL, instrument);
            event->level.price_ticks = levels[side][index].price_ticks;
            event->level.qty_lots = levels[side][index].qty_lots;
            event->level.order_count = levels[side][index].order_count;
            event->level.side = (uint8_t)side;
        }
    }
}
