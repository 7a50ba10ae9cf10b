/*
 * The arrays of the reference matcher: growing, searching, inserting, removing.
 *
 * Each side of a book is an array of orders from the worst to the best, and at one price from the
 * newest to the oldest, so that the order that trades first is always the last of the array.
 */
#include "client/reference_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

/** Room for one more element. An oracle without memory cannot go on. */
void *oc_reference__grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    void *grown = array;

    if (count == *capacity) {
        *capacity = *capacity == 0 ? 16 : *capacity * 2;
        grown = realloc(array, *capacity * size);
    }
    OC_ASSERT(grown != NULL);
    return grown;
}

static void pointer_insert(struct oc_reference_order **array, uint32_t count, uint32_t at,
                           struct oc_reference_order *order)
{
    memmove(&array[at + 1], &array[at], (count - at) * sizeof(struct oc_reference_order *));
    array[at] = order;
}

static void pointer_remove(struct oc_reference_order **array, uint32_t count, uint32_t at)
{
    memmove(&array[at], &array[at + 1], (count - at - 1) * sizeof(struct oc_reference_order *));
}

uint32_t oc_reference__instrument_find(const struct oc_reference *reference,
                                       const struct oc_symbol *symbol)
{
    for (uint32_t index = 0; index < reference->instrument_count; index++) {
        if (memcmp(&reference->instruments[index].spec.symbol, symbol, sizeof(*symbol)) == 0) {
            return index;
        }
    }
    return OC_INDEX_NONE;
}

struct oc_reference_order *oc_reference__order_find(const struct oc_reference *reference,
                                                    uint64_t order_id)
{
    return order_id >= 1 && order_id <= reference->order_id_last ? reference->orders[order_id - 1]
                                                                 : NULL;
}

static uint32_t user_position(const struct oc_reference *reference, uint64_t user_id)
{
    uint32_t low = 0;
    uint32_t high = reference->user_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (reference->users[middle].user_id < user_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct oc_reference_user *oc_reference__user_find(const struct oc_reference *reference,
                                                  uint64_t user_id)
{
    uint32_t position = user_position(reference, user_id);

    return position < reference->user_count && reference->users[position].user_id == user_id
               ? &reference->users[position]
               : NULL;
}

bool oc_reference__session_open(const struct oc_reference *reference, uint64_t session)
{
    return session != OC_SESSION_VENUE &&
           reference->sessions[oc_session_slot(session)].id == session;
}

/** Whether `price` is better than `other` for an order of this side. */
static bool better(enum oc_side side, int64_t price_ticks, int64_t other_ticks)
{
    return side == OC_BUY ? price_ticks > other_ticks : price_ticks < other_ticks;
}

/** Behind everything that is as good or better: the first position that is not worse. */
uint32_t oc_reference__side_position(const struct oc_reference_side *side, enum oc_side which,
                                     int64_t price_ticks)
{
    uint32_t low = 0;
    uint32_t high = side->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (better(which, price_ticks, side->orders[middle]->price_ticks)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void oc_reference__side_insert(struct oc_reference *reference, struct oc_reference_order *order)
{
    struct oc_reference_side *side = &reference->instruments[order->instrument].sides[order->side];
    uint32_t position = oc_reference__side_position(side, order->side, order->price_ticks);

    reference->level_count += !oc_reference__same_price(side, position, order->price_ticks);
    side->orders = oc_reference__grow(side->orders, side->count, &side->capacity,
                                      sizeof(struct oc_reference_order *));
    pointer_insert(side->orders, side->count, position, order);
    side->count++;
}

void oc_reference__side_remove(struct oc_reference *reference,
                               const struct oc_reference_order *order)
{
    struct oc_reference_side *side = &reference->instruments[order->instrument].sides[order->side];
    uint32_t position = oc_reference__side_position(side, order->side, order->price_ticks);

    while (side->orders[position] != order) {
        position++;
        OC_ASSERT(position < side->count);
    }
    pointer_remove(side->orders, side->count, position);
    side->count--;
    reference->level_count -= !oc_reference__same_price(side, position, order->price_ticks) &&
                              !(position > 0 &&
                                oc_reference__same_price(side, position - 1, order->price_ticks));
}

uint64_t oc_reference__order_id_take(struct oc_reference *reference)
{
    uint32_t index = (uint32_t)reference->order_id_last;

    /* An oracle runs for a while, not for the life of a venue. */
    OC_ASSERT(reference->order_id_last < UINT32_MAX);
    reference->orders = oc_reference__grow(reference->orders, index, &reference->order_capacity,
                                           sizeof(struct oc_reference_order *));
    reference->orders[index] = NULL;
    return ++reference->order_id_last;
}

void oc_reference__order_add(struct oc_reference *reference,
                             const struct oc_reference_order *content)
{
    struct oc_reference_order *order = malloc(sizeof(*order));

    OC_ASSERT(order != NULL);
    *order = *content;
    reference->orders[order->id - 1] = order;
    reference->order_count++;
    oc_reference__side_insert(reference, order);
}

/** What a resend will be answered with once the order has left. */
void oc_reference__remember_filled(struct oc_reference *reference, uint64_t user_id,
                                   uint64_t order_id, uint64_t filled_lots)
{
    struct oc_reference_user *user = oc_reference__user_find(reference, user_id);

    for (uint32_t index = 0; index < user->remembered_count; index++) {
        if (user->remembered[index].order_id == order_id) {
            user->remembered[index].filled_lots = filled_lots;
        }
    }
}

/** An order that is in no book any more is forgotten. */
void oc_reference__order_free(struct oc_reference *reference, struct oc_reference_order *order)
{
    if (order->client_order_id.size > 0) {
        oc_reference__remember_filled(reference, order->user_id, order->id, order->filled_lots);
    }
    reference->orders[order->id - 1] = NULL;
    reference->order_count--;
    free(order);
}

struct oc_reference_user *oc_reference__user_make(struct oc_reference *reference, uint64_t user_id)
{
    uint32_t position = user_position(reference, user_id);
    struct oc_reference_user *user = oc_reference__user_find(reference, user_id);

    if (user != NULL) {
        return user;
    }
    reference->users = oc_reference__grow(reference->users, reference->user_count,
                                          &reference->user_capacity, sizeof(*reference->users));
    user = &reference->users[position];
    memmove(user + 1, user, (reference->user_count - position) * sizeof(*user));
    memset(user, 0, sizeof(*user));
    user->user_id = user_id;
    reference->user_count++;
    return user;
}

void oc_reference__remember(struct oc_reference *reference, struct oc_reference_user *user,
                            uint64_t order_id)
{
    const struct oc_command_new *entry = &reference->command->new_order;

    if (user->remembered_count == reference->limits.client_ids_max) {
        user->remembered_count--;
        reference->remembered_count--;
        memmove(user->remembered, user->remembered + 1,
                user->remembered_count * sizeof(*user->remembered));
    }
    user->remembered = oc_reference__grow(user->remembered, user->remembered_count,
                                          &user->remembered_capacity, sizeof(*user->remembered));
    user->remembered[user->remembered_count++] = (struct oc_reference_remembered){
        .order_id = order_id, .entry = *entry};
    reference->remembered_count++;
}

/** The remembered order with this client_order_id, or NULL. */
const struct oc_reference_remembered *oc_reference__remembered_find(
    const struct oc_reference_user *user, const struct oc_client_order_id *text)
{
    for (uint32_t index = 0; user != NULL && index < user->remembered_count; index++) {
        if (memcmp(&user->remembered[index].entry.client_order_id, text, sizeof(*text)) == 0) {
            return &user->remembered[index];
        }
    }
    return NULL;
}
