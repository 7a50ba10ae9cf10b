/*
 * What the files of the reference matcher share: its arrays, and how they are searched and moved.
 */
#ifndef OC_CLIENT_REFERENCE_INTERNAL_H
#define OC_CLIENT_REFERENCE_INTERNAL_H

#include "client/reference.h"

struct oc_reference_order {
    uint64_t id;
    uint64_t user_id;
    uint64_t session;
    int64_t price_ticks;
    uint64_t open_lots;
    uint64_t filled_lots;
    uint32_t instrument;
    enum oc_side side;
    struct oc_client_order_id client_order_id;
};

struct oc_reference_side {
    struct oc_reference_order **orders;
    uint32_t count;
    uint32_t capacity;
};

struct oc_reference_instrument {
    struct oc_command_instrument spec;
    struct oc_reference_side sides[2];
};

/** A client_order_id that is remembered. */
struct oc_reference_remembered {
    uint64_t order_id;
    uint64_t filled_lots; /* when the order left */
    struct oc_command_new entry;
};

struct oc_reference_user {
    uint64_t user_id;
    struct oc_reference_remembered *remembered; /* oldest first */
    uint32_t remembered_count;
    uint32_t remembered_capacity;
};

struct oc_reference_session {
    uint64_t id;
    uint32_t settings;
};

struct oc_reference {
    struct oc_limits limits;
    bool instruments_on_first_use;
    struct oc_reference_instrument *instruments;
    uint32_t instrument_count;
    uint32_t instrument_capacity;
    struct oc_reference_order **orders; /* by id - 1: NULL when it is not open */
    uint32_t order_capacity;
    uint32_t order_count;            /* open ones */
    struct oc_reference_user *users; /* by user_id */
    uint32_t user_count;
    uint32_t user_capacity;
    struct oc_reference_session *sessions; /* by slot */
    uint32_t level_count;
    uint32_t remembered_count;
    uint64_t order_id_last;
    uint64_t trade_id_last;

    const struct oc_command *command;
    struct oc_event *events;
    uint32_t event_count;
    uint32_t event_capacity;
};

/** Whether an order of `side` with this limit trades with one that rests at the other price. */
static inline bool oc_reference__crosses(enum oc_side side, int64_t limit_ticks,
                                         int64_t resting_ticks)
{
    return side == OC_BUY ? resting_ticks <= limit_ticks : resting_ticks >= limit_ticks;
}

static inline bool oc_reference__same_price(const struct oc_reference_side *side, uint32_t position,
                                            int64_t price_ticks)
{
    return position < side->count && side->orders[position]->price_ticks == price_ticks;
}

/* Arrays (reference_store.c). */
void *oc_reference__grow(void *array, uint32_t count, uint32_t *capacity, size_t size);
uint32_t oc_reference__instrument_find(const struct oc_reference *reference,
                                       const struct oc_symbol *symbol);
struct oc_reference_order *oc_reference__order_find(const struct oc_reference *reference,
                                                    uint64_t order_id);
struct oc_reference_user *oc_reference__user_find(const struct oc_reference *reference,
                                                  uint64_t user_id);
bool oc_reference__session_open(const struct oc_reference *reference, uint64_t session);
uint32_t oc_reference__side_position(const struct oc_reference_side *side, enum oc_side which,
                                     int64_t price_ticks);
void oc_reference__side_insert(struct oc_reference *reference, struct oc_reference_order *order);
void oc_reference__side_remove(struct oc_reference *reference,
                               const struct oc_reference_order *order);
/** Gives out the next order id. */
uint64_t oc_reference__order_id_take(struct oc_reference *reference);
void oc_reference__order_add(struct oc_reference *reference,
                             const struct oc_reference_order *content);
void oc_reference__remember_filled(struct oc_reference *reference, uint64_t user_id,
                                   uint64_t order_id, uint64_t filled_lots);
void oc_reference__order_free(struct oc_reference *reference, struct oc_reference_order *order);
struct oc_reference_user *oc_reference__user_make(struct oc_reference *reference, uint64_t user_id);
void oc_reference__remember(struct oc_reference *reference, struct oc_reference_user *user,
                            uint64_t order_id);
const struct oc_reference_remembered *oc_reference__remembered_find(
    const struct oc_reference_user *user, const struct oc_client_order_id *text);

/* Checks (reference_check.c). */
enum oc_reason oc_reference__check_spec(const struct oc_command_instrument *spec,
                                        int64_t price_ticks, uint64_t qty_lots);
enum oc_reason oc_reference__check_room(const struct oc_reference *reference,
                                        const struct oc_reference_order *content,
                                        const struct oc_reference_order *own);
enum oc_reason oc_reference__check_new(const struct oc_reference *reference);

#endif
