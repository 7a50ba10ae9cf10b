/*
 * Users, and the window of client_order_ids that is remembered of each.
 *
 * A user's ids form a list from the oldest to the newest; a full window forgets its oldest for each
 * new one, however many of the venue's total are left. An entry keeps the content of the order, so
 * that a resend is told from a reuse, and what was filled, so that a resend is answered even when
 * the order is long gone.
 */
#include "engine/internal.h"

static uint32_t text_hash(const struct oc_engine *engine, uint32_t user,
                          const struct oc_client_order_id *text);
static uint32_t client_id_take(struct oc_engine *engine, struct oc_engine__user *user);

uint32_t oc_engine__user_find(const struct oc_engine *engine, uint64_t user_id)
{
    uint32_t hash = oc_book_hash_value(&engine->hash_key, user_id);
    uint32_t cell = oc_book_map_home(&engine->users_by_id, hash);
    uint32_t index;

    do {
        index = oc_book_map_probe(&engine->users_by_id, hash, &cell);
    } while (index != OC_INDEX_NONE && engine->users[index].user_id != user_id);
    return index;
}

uint32_t oc_engine__user_make(struct oc_engine *engine, uint64_t user_id)
{
    uint32_t index = engine->user_count++;

    OC_ASSERT(index < engine->config.limits.users_max);
    engine->users[index] = (struct oc_engine__user){
        .user_id = user_id,
        .first_order = OC_INDEX_NONE,
        .client_id_oldest = OC_INDEX_NONE,
        .client_id_newest = OC_INDEX_NONE,
    };
    oc_book_map_add(&engine->users_by_id, oc_book_hash_value(&engine->hash_key, user_id), index);
    return index;
}

uint32_t oc_engine__client_id_find(const struct oc_engine *engine, uint32_t user,
                                   const struct oc_client_order_id *text)
{
    const struct oc_book_map *map = &engine->client_ids_by_text;
    uint32_t hash = text_hash(engine, user, text);
    uint32_t cell = oc_book_map_home(map, hash);
    uint32_t index;

    OC_ASSERT(text->size >= 1);
    do {
        index = oc_book_map_probe(map, hash, &cell);
    } while (index != OC_INDEX_NONE &&
             (engine->client_ids[index].user != user ||
              memcmp(&engine->client_ids[index].text, text, sizeof(*text)) != 0));
    return index;
}

bool oc_engine__client_id_has_room(const struct oc_engine *engine, uint32_t user)
{
    if (user != OC_INDEX_NONE &&
        engine->users[user].client_id_count == engine->config.limits.client_ids_max) {
        return true;
    }
    return oc_pool_used(&engine->client_id_slots) < oc_pool_capacity(&engine->client_id_slots);
}

uint32_t oc_engine__client_id_make(struct oc_engine *engine, uint32_t user,
                                   const struct oc_engine__client_id *content)
{
    struct oc_engine__user *owner = &engine->users[user];
    uint32_t index = client_id_take(engine, owner);

    engine->client_ids[index] = *content;
    engine->client_ids[index].user = user;
    engine->client_ids[index].newer = OC_INDEX_NONE;
    engine->client_ids[index].order = OC_INDEX_NONE;
    if (owner->client_id_newest != OC_INDEX_NONE) {
        engine->client_ids[owner->client_id_newest].newer = index;
    } else {
        owner->client_id_oldest = index;
    }
    owner->client_id_newest = index;
    owner->client_id_count++;
    oc_book_map_add(&engine->client_ids_by_text, text_hash(engine, user, &content->text), index);
    return index;
}

static uint32_t text_hash(const struct oc_engine *engine, uint32_t user,
                          const struct oc_client_order_id *text)
{
    return oc_book_hash_text(&engine->hash_key, text->bytes, OC_CLIENT_ORDER_ID_BYTES_MAX,
                             (uint64_t)user * 64 + text->size);
}

/** A free entry, for which a full window gives up its oldest. */
static uint32_t client_id_take(struct oc_engine *engine, struct oc_engine__user *user)
{
    uint32_t index;

    if (user->client_id_count == engine->config.limits.client_ids_max) {
        struct oc_engine__client_id *oldest;

        index = user->client_id_oldest;
        oldest = &engine->client_ids[index];
        if (oldest->order != OC_INDEX_NONE) {
            engine->links[oldest->order].client_id = OC_INDEX_NONE;
        }
        oc_book_map_remove(&engine->client_ids_by_text,
                           text_hash(engine, oldest->user, &oldest->text), index);
        user->client_id_oldest = oldest->newer;
        if (user->client_id_oldest == OC_INDEX_NONE) {
            user->client_id_newest = OC_INDEX_NONE;
        }
        user->client_id_count--;
        oc_pool_give(&engine->client_id_slots, index);
    }
    index = oc_pool_take(&engine->client_id_slots);
    OC_ASSERT(index != OC_INDEX_NONE);
    return index;
}
