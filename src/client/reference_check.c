/*
 * The checks of the reference matcher, in the order of rule 22.
 *
 * Room for a remainder is decided by walking the orders that would be hit: the engine argues that
 * it need not, and this is the proof of that argument.
 */
#include "client/reference_internal.h"

enum oc_reason oc_reference__check_spec(const struct oc_command_instrument *spec,
                                        int64_t price_ticks, uint64_t qty_lots)
{
    if (price_ticks % spec->tick_ticks != 0) {
        return OC_REASON_PRICE_OFF_TICK;
    }
    if (qty_lots % spec->lot_lots != 0) {
        return OC_REASON_QUANTITY_OFF_LOT;
    }
    if (qty_lots < spec->qty_min_lots) {
        return OC_REASON_QUANTITY_TOO_SMALL;
    }
    if (qty_lots > spec->qty_max_lots) {
        return OC_REASON_QUANTITY_TOO_LARGE;
    }
    if (price_ticks < spec->price_min_ticks) {
        return OC_REASON_PRICE_TOO_LOW;
    }
    if (price_ticks > spec->price_max_ticks) {
        return OC_REASON_PRICE_TOO_HIGH;
    }
    return OC_REASON_NONE;
}

/**
 * Whether what would be left of this order could rest: by walking what it would hit.
 *
 * @content  the order as it would enter; its instrument exists.
 * @own      the order that it replaces, NULL for a new one.
 */
enum oc_reason oc_reference__check_room(const struct oc_reference *reference,
                                        const struct oc_reference_order *content,
                                        const struct oc_reference_order *own)
{
    const struct oc_reference_instrument *instrument = &reference->instruments[content->instrument];
    const struct oc_reference_side *opposite = &instrument->sides[oc_side_opposite(content->side)];
    const struct oc_reference_side *side = &instrument->sides[content->side];
    uint64_t left_lots = content->open_lots;
    uint64_t others_lots = 0;
    uint64_t own_price_count = 0;
    bool level_exists = false;
    int64_t orders_open = (int64_t)reference->order_count - (own != NULL);
    int64_t levels_open = reference->level_count;

    for (uint32_t position = opposite->count; position > 0 && left_lots > 0; position--) {
        const struct oc_reference_order *hit = opposite->orders[position - 1];

        if (!oc_reference__crosses(content->side, content->price_ticks, hit->price_ticks)) {
            break;
        }
        if (hit->open_lots > left_lots) {
            left_lots = 0;
            break;
        }
        left_lots -= hit->open_lots;
        orders_open--;
        levels_open -= !(position > 1 &&
                         oc_reference__same_price(opposite, position - 2, hit->price_ticks));
    }
    if (left_lots == 0) {
        return OC_REASON_NONE;
    }
    if (orders_open >= (int64_t)reference->limits.orders_max) {
        return OC_REASON_TOO_MANY_ORDERS;
    }
    for (uint32_t position = oc_reference__side_position(side, content->side, content->price_ticks);
         oc_reference__same_price(side, position, content->price_ticks); position++) {
        if (side->orders[position] != own) {
            level_exists = true;
            others_lots += side->orders[position]->open_lots;
        }
    }
    if (own != NULL) {
        for (uint32_t position = oc_reference__side_position(side, own->side, own->price_ticks);
             oc_reference__same_price(side, position, own->price_ticks); position++) {
            own_price_count++;
        }
        levels_open -= own_price_count == 1;
    }
    if (!level_exists && levels_open >= (int64_t)reference->limits.levels_max) {
        return OC_REASON_TOO_MANY_LEVELS;
    }
    return left_lots > UINT64_MAX - others_lots ? OC_REASON_LEVEL_TOTAL_TOO_LARGE : OC_REASON_NONE;
}

enum oc_reason oc_reference__check_new(const struct oc_reference *reference)
{
    const struct oc_command_new *entry = &reference->command->new_order;
    const struct oc_reference_user *user = oc_reference__user_find(reference,
                                                                   reference->command->user_id);
    uint32_t instrument = oc_reference__instrument_find(reference, &entry->symbol);
    enum oc_reason reason = OC_REASON_NONE;

    if (user == NULL && reference->user_count >= reference->limits.users_max) {
        return OC_REASON_TOO_MANY_USERS;
    }
    if (entry->client_order_id.size > 0) {
        if (oc_reference__remembered_find(user, &entry->client_order_id) != NULL) {
            return OC_REASON_CLIENT_ORDER_ID_REUSED;
        }
        if ((user == NULL || user->remembered_count < reference->limits.client_ids_max) &&
            reference->remembered_count >= reference->limits.client_ids_total) {
            return OC_REASON_TOO_MANY_CLIENT_ORDER_IDS;
        }
    }
    if (instrument == OC_INDEX_NONE && !reference->instruments_on_first_use) {
        return OC_REASON_UNKNOWN_SYMBOL;
    }
    if (instrument == OC_INDEX_NONE &&
        reference->instrument_count >= reference->limits.instruments_max) {
        return OC_REASON_TOO_MANY_INSTRUMENTS;
    }
    if (instrument != OC_INDEX_NONE) {
        reason = oc_reference__check_spec(&reference->instruments[instrument].spec,
                                          entry->price_ticks, entry->qty_lots);
    }
    if (reason == OC_REASON_NONE && entry->time_in_force == OC_GOOD_TILL_CANCEL) {
        struct oc_reference_order content = {
            .price_ticks = entry->price_ticks,
            .open_lots = entry->qty_lots,
            .instrument = instrument,
            .side = (enum oc_side)entry->side,
        };
        if (instrument != OC_INDEX_NONE) {
            reason = oc_reference__check_room(reference, &content, NULL);
        } else if (reference->order_count >= reference->limits.orders_max) {
            reason = OC_REASON_TOO_MANY_ORDERS;
        } else if (reference->level_count >= reference->limits.levels_max) {
            reason = OC_REASON_TOO_MANY_LEVELS;
        }
    }
    return reason;
}
