/*
 * Whose an order is: the lists of the orders of a user and of a session.
 *
 * Mass cancel, open_orders and cancel-on-disconnect walk these lists, so they cost what the user or
 * the session has in the book and not what is in it altogether. The lists are unordered; rule 17 is
 * the business of sweep.c. The list of a session that has ended loses its head but stays linked, so
 * that each of its orders leaves it like any other.
 */
#include "engine/internal.h"

static void user_unlink(struct oc_engine *engine, const struct oc_engine__links *links);
static void session_unlink(struct oc_engine *engine, uint64_t session,
                           const struct oc_engine__links *links);

void oc_engine__order_own(struct oc_engine *engine, uint32_t order, uint32_t user,
                          uint32_t client_id)
{
    struct oc_engine__links *links = &engine->links[order];
    struct oc_engine__user *owner = &engine->users[user];
    struct oc_engine__session *session = oc_engine__session_find(
        engine, engine->store.orders.orders[order].session);

    *links = (struct oc_engine__links){
        .user = user,
        .user_next = owner->first_order,
        .user_previous = OC_INDEX_NONE,
        .session_next = OC_INDEX_NONE,
        .session_previous = OC_INDEX_NONE,
        .client_id = client_id,
    };
    if (owner->first_order != OC_INDEX_NONE) {
        engine->links[owner->first_order].user_previous = order;
    }
    owner->first_order = order;
    if (session != NULL) {
        links->session_next = session->first_order;
        if (session->first_order != OC_INDEX_NONE) {
            engine->links[session->first_order].session_previous = order;
        }
        session->first_order = order;
    }
    if (client_id != OC_INDEX_NONE) {
        engine->client_ids[client_id].order = order;
    }
}

void oc_engine__order_forget(struct oc_engine *engine, uint32_t order)
{
    const struct oc_engine__links *links = &engine->links[order];
    const struct oc_book_order *record = &engine->store.orders.orders[order];

    if (links->client_id != OC_INDEX_NONE) {
        struct oc_engine__client_id *client_id = &engine->client_ids[links->client_id];

        OC_ASSERT(client_id->order == order);
        client_id->order = OC_INDEX_NONE;
        client_id->filled_lots = record->filled_lots;
    }
    user_unlink(engine, links);
    session_unlink(engine, record->session, links);
    oc_book_orders_remove(&engine->store.orders, order);
}

uint32_t oc_engine__order_find(const struct oc_engine *engine, uint64_t order_id, uint64_t user_id)
{
    uint32_t order = oc_book_orders_find(&engine->store.orders, order_id);

    if (order != OC_INDEX_NONE && engine->store.orders.orders[order].user_id != user_id) {
        return OC_INDEX_NONE;
    }
    return order;
}

static void user_unlink(struct oc_engine *engine, const struct oc_engine__links *links)
{
    struct oc_engine__user *owner = &engine->users[links->user];

    if (links->user_previous != OC_INDEX_NONE) {
        engine->links[links->user_previous].user_next = links->user_next;
    } else {
        owner->first_order = links->user_next;
    }
    if (links->user_next != OC_INDEX_NONE) {
        engine->links[links->user_next].user_previous = links->user_previous;
    }
}

static void session_unlink(struct oc_engine *engine, uint64_t session,
                           const struct oc_engine__links *links)
{
    if (links->session_previous != OC_INDEX_NONE) {
        engine->links[links->session_previous].session_next = links->session_next;
    } else {
        struct oc_engine__session *entered = oc_engine__session_find(engine, session);

        if (entered != NULL) {
            entered->first_order = links->session_next;
        }
    }
    if (links->session_next != OC_INDEX_NONE) {
        engine->links[links->session_next].session_previous = links->session_previous;
    }
}
