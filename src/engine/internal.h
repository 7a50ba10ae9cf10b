/*
 * What the files of the engine share: its state and the writing of events.
 *
 * A command runs in steps. Before a step that will tell something the handler asks for room for
 * STEP_EVENTS_MAX events; without it the command is put by and goes on in oc_engine_continue() at
 * exactly that point, so that no command needs more of the log than one step. A handler never stops
 * when nothing is left to tell, so the last event of a command is still unpublished when it ends
 * and can be marked.
 */
#ifndef OC_ENGINE_INTERNAL_H
#define OC_ENGINE_INTERNAL_H

#include <string.h>

#include "book/book.h"
#include "core/assert.h"
#include "core/pool.h"
#include "engine/engine.h"

/** TRADE, two EXECUTED and FILLED: no step tells more. */
#define OC_ENGINE__STEP_EVENTS_MAX 4U

/** A user, made by its first accepted order and never forgotten. */
struct oc_engine__user {
    uint64_t user_id;
    uint32_t first_order; /* any order of the user; the others by their links */
    uint32_t client_id_oldest;
    uint32_t client_id_newest;
    uint32_t client_id_count;
};

/** A connection. Id 0: the slot is free. */
struct oc_engine__session {
    uint64_t id;
    uint32_t settings; /* set of enum oc_setting */
    uint32_t first_order;
    uint32_t user; /* of its last order, mostly that of the next one; OC_INDEX_NONE before */
};

/** The part of an order that matching does not read; beside the slab of the store. */
struct oc_engine__links {
    uint32_t user; /* index */
    uint32_t user_next;
    uint32_t user_previous;
    uint32_t session_next; /* among the orders of one session, which may have ended */
    uint32_t session_previous;
    uint32_t client_id; /* OC_INDEX_NONE: none, or not remembered any more */
};

/** A remembered client_order_id with the content it came with. */
struct oc_engine__client_id {
    uint64_t order_id;
    uint64_t filled_lots; /* once the order is gone */
    int64_t price_ticks;
    uint64_t qty_lots;
    uint32_t user;
    uint32_t newer; /* of the same user */
    uint32_t order; /* index while it is open, else OC_INDEX_NONE */
    uint32_t instrument;
    uint8_t side;
    uint8_t time_in_force;
    struct oc_client_order_id text;
};

struct oc_engine__instrument {
    struct oc_book book;
    struct oc_command_instrument spec;
};

/** An order of a sweep with the place of rule 17, copied so that sorting stays within one array. */
struct oc_engine__sweep_entry {
    int64_t level_key; /* larger: better */
    uint64_t priority;
    uint32_t book_side; /* instrument * 2 + side */
    uint32_t order;
};

/** The order that is being matched. */
struct oc_engine__taker {
    uint64_t order_id;
    uint64_t user_id;
    uint64_t session; /* that entered it */
    int64_t price_ticks;
    uint64_t open_lots;
    uint64_t filled_lots;
    uint32_t instrument;
    uint32_t user;      /* index */
    uint32_t order;     /* index of a replaced order, OC_INDEX_NONE for a new one */
    uint32_t client_id; /* of a new order, OC_INDEX_NONE without one */
    uint8_t side;
    bool reports;
    bool place_known;
    struct oc_book_levels_place place; /* of a new order that does not cross, where it will rest */
};

enum oc_engine__stage {
    OC_ENGINE__STAGE_IDLE,  /* no command */
    OC_ENGINE__STAGE_BEGIN, /* nothing of it is done yet */
    OC_ENGINE__STAGE_REST,  /* begun, the rest is in the fields below */
};

/** Engine thread. */
struct oc_engine {
    struct oc_engine_config config;
    struct oc_event_log *log;
    struct oc_event *last_event; /* written last, to be marked when the command ends */

    struct oc_book_store store;
    struct oc_engine__links *links;
    struct oc_engine__instrument *instruments;
    uint32_t instrument_count;
    struct oc_book_map instruments_by_symbol;
    struct oc_engine__user *users;
    uint32_t user_count;
    struct oc_book_map users_by_id;
    struct oc_engine__client_id *client_ids;
    struct oc_pool client_id_slots;
    struct oc_book_map client_ids_by_text;
    struct oc_engine__session *sessions;
    uint32_t session_count;

    uint64_t sequence_last;
    uint64_t time_last_ns;
    uint64_t order_id_last;
    uint64_t trade_id_last;
    uint64_t orders_accepted;
    uint64_t rejects;

    /* The command that is being applied. */
    enum oc_engine__stage stage;
    struct oc_command command; /* a copy, once it was put by */
    struct oc_engine__taker taker;
    struct oc_engine__sweep_entry *sweep; /* a heap, the next order of rule 17 at 0 */
    uint32_t sweep_count;
    uint64_t told_count;
    enum oc_side book_side;
    uint32_t book_left; /* levels of book_side still to tell */
    struct oc_book_levels_cursor book_cursor;
    struct oc_book_hash_key hash_key;
};

/* Handlers: return whether the command is done, false when the log has no room for the next step.
 */
bool oc_engine__instrument(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__session_open(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__session_close(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__session_set(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__new(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__cancel(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__replace(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__mass_cancel(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__open_orders(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__book(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__ping(struct oc_engine *engine, const struct oc_command *command);
bool oc_engine__refused(struct oc_engine *engine, const struct oc_command *command);

/** Trade engine->taker as far as it goes, then tell and place what is left of it (match.c). */
bool oc_engine__match(struct oc_engine *engine, const struct oc_command *command);

/* Instruments (instruments.c). */
uint32_t oc_engine__instrument_find(const struct oc_engine *engine, const struct oc_symbol *symbol);
uint32_t oc_engine__instrument_make(struct oc_engine *engine,
                                    const struct oc_command_instrument *spec);
/** What an order makes on first use: any price, any quantity. */
struct oc_command_instrument oc_engine__instrument_default(const struct oc_symbol *symbol);
/** The checks of tick and lot, size and price band, in this order. Rule 22. */
enum oc_reason oc_engine__instrument_check(const struct oc_command_instrument *spec,
                                           int64_t price_ticks, uint64_t qty_lots);

/* Users and client_order_ids (users.c). */
uint32_t oc_engine__user_find(const struct oc_engine *engine, uint64_t user_id);
uint32_t oc_engine__user_make(struct oc_engine *engine, uint64_t user_id);
uint32_t oc_engine__client_id_find(const struct oc_engine *engine, uint32_t user,
                                   const struct oc_client_order_id *text);
/** Whether the user may have another one remembered; user OC_INDEX_NONE: not made yet. */
bool oc_engine__client_id_has_room(const struct oc_engine *engine, uint32_t user);
/** Remember it as the user's newest, forgetting the oldest if the window is full. */
uint32_t oc_engine__client_id_make(struct oc_engine *engine, uint32_t user,
                                   const struct oc_engine__client_id *content);

/* Orders and who they belong to (owners.c). */
/** Put a new order into the lists of its user and its session. */
void oc_engine__order_own(struct oc_engine *engine, uint32_t order, uint32_t user,
                          uint32_t client_id);
/** Forget an order that stands in no queue: lists, client_order_id, id. */
void oc_engine__order_forget(struct oc_engine *engine, uint32_t order);
/** The order with this id if it is the user's, else OC_INDEX_NONE. Rule 16. */
uint32_t oc_engine__order_find(const struct oc_engine *engine, uint64_t order_id, uint64_t user_id);

/* Rule 17 (sweep.c). */
void oc_engine__sweep_clear(struct oc_engine *engine);
void oc_engine__sweep_add(struct oc_engine *engine, uint32_t order);
/** Once after the last add. O(orders added). */
void oc_engine__sweep_sort(struct oc_engine *engine);
/** The next order by rule 17. O(log orders added). */
uint32_t oc_engine__sweep_next(struct oc_engine *engine);

/** Check every structure of the engine (audit.c). Asserts what does not hold. For tests. */
void oc_engine__audit(const struct oc_engine *engine);

/** Cancel an open order: tell the requester, then the entry session if it is another (withdraw.c).
 */
void oc_engine__order_cancel(struct oc_engine *engine, const struct oc_command *command,
                             uint32_t order, enum oc_reason reason);

/** Whether the next step may be made. */
static inline bool oc_engine__has_room(struct oc_engine *engine)
{
    return oc_event_log_has_room(engine->log, OC_ENGINE__STEP_EVENTS_MAX);
}

/** The session if it is open now; NULL if it has ended, and for the venue. */
static inline struct oc_engine__session *oc_engine__session_find(const struct oc_engine *engine,
                                                                 uint64_t session)
{
    struct oc_engine__session *found;

    if (session == OC_SESSION_VENUE) {
        return NULL;
    }
    OC_ASSERT(oc_session_slot(session) < engine->config.limits.sessions_max);
    found = &engine->sessions[oc_session_slot(session)];
    return found->id == session ? found : NULL;
}

static inline bool oc_engine__session_has(const struct oc_engine *engine, uint64_t session,
                                          enum oc_setting setting)
{
    const struct oc_engine__session *found = oc_engine__session_find(engine, session);

    return found != NULL && (found->settings & (uint32_t)setting) != 0;
}

/** 32 bytes that are stored at once. */
typedef uint64_t oc_engine__block __attribute__((vector_size(32), may_alias));

/**
 * Zero an event, all of it, so that the same commands give the same bytes: readers may hash or
 * store them. By hand, because gcc 12 makes a string instruction of memset here, which costs more
 * than the rest of the event.
 */
static inline void oc_engine__event_clear(struct oc_event *event)
{
    oc_engine__block *blocks = (oc_engine__block *)event;

    _Static_assert(sizeof(*event) == 4 * sizeof(*blocks), "an event is four blocks");
    blocks[0] = (oc_engine__block){0};
    blocks[1] = (oc_engine__block){0};
    blocks[2] = (oc_engine__block){0};
    blocks[3] = (oc_engine__block){0};
}

/** The next event, zero but for its head. */
static inline struct oc_event *oc_engine__emit(struct oc_engine *engine, enum oc_event_kind kind,
                                               uint64_t session, uint32_t instrument)
{
    struct oc_event *event = oc_event_log_claim(engine->log);

    oc_engine__event_clear(event);
    event->command_sequence = engine->sequence_last;
    event->session = session;
    event->instrument = instrument;
    event->kind = (uint8_t)kind;
    engine->last_event = event;
    return event;
}

/** An event for everyone. */
static inline struct oc_event *oc_engine__emit_public(struct oc_engine *engine,
                                                      enum oc_event_kind kind, uint32_t instrument)
{
    struct oc_event *event = oc_engine__emit(engine, kind, OC_SESSION_VENUE, instrument);

    event->flags = OC_EVENT_PUBLIC;
    return event;
}

/** A direct reply: to whom the command came from, with its request_id. */
static inline struct oc_event *oc_engine__reply(struct oc_engine *engine,
                                                const struct oc_command *command,
                                                enum oc_event_kind kind, uint32_t instrument)
{
    struct oc_event *event = oc_engine__emit(engine, kind, command->session, instrument);

    if ((command->flags & OC_COMMAND_HAS_REQUEST_ID) != 0) {
        event->flags = OC_EVENT_HAS_REQUEST_ID;
        event->request_id = command->request_id;
    }
    return event;
}

/** The reject of a command; the caller adds what else it named. */
static inline struct oc_event *oc_engine__reject(struct oc_engine *engine,
                                                 const struct oc_command *command,
                                                 enum oc_reason reason)
{
    struct oc_event *event = oc_engine__reply(engine, command, OC_EVENT_REJECTED, OC_INDEX_NONE);

    OC_ASSERT(reason != OC_REASON_NONE);
    event->reason = (uint16_t)reason;
    event->rejected.request = command->kind;
    engine->rejects++;
    return event;
}

/** Fill the payload of an event about an open order. */
static inline void oc_engine__describe(const struct oc_engine *engine, struct oc_event *event,
                                       uint32_t order_index, int64_t price_ticks)
{
    const struct oc_book_order *order = &engine->store.orders.orders[order_index];

    event->order.order_id = order->id;
    event->order.user_id = order->user_id;
    event->order.price_ticks = price_ticks;
    event->order.qty_lots = order->open_lots;
    event->order.filled_lots = order->filled_lots;
    event->order.side = (uint8_t)oc_book_order_side(order);
    oc_book_orders_text(&engine->store.orders, order_index, &event->order.client_order_id);
}

/** Fill the payload of an event about the order that is being matched. */
static inline void oc_engine__describe_taker(const struct oc_engine *engine,
                                             const struct oc_command *command,
                                             struct oc_event *event)
{
    const struct oc_engine__taker *taker = &engine->taker;

    event->order.order_id = taker->order_id;
    event->order.user_id = taker->user_id;
    event->order.price_ticks = taker->price_ticks;
    event->order.qty_lots = taker->open_lots;
    event->order.filled_lots = taker->filled_lots;
    event->order.side = taker->side;
    if (taker->order != OC_INDEX_NONE) {
        oc_book_orders_text(&engine->store.orders, taker->order, &event->order.client_order_id);
    } else {
        event->order.client_order_id = command->new_order.client_order_id;
    }
}

#endif
