/*
 * The vocabulary of every room: sides, sizes and the small fixed texts that orders carry.
 *
 * Prices are signed 64-bit ticks, quantities unsigned 64-bit lots, times unsigned nanoseconds.
 * There is no floating point below the load generator.
 */
#ifndef OC_CORE_TYPES_H
#define OC_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest price in ticks, quantity in lots and order id that the protocol admits. */
#define OC_PRICE_TICKS_MAX INT64_MAX
#define OC_QTY_LOTS_MAX    ((uint64_t)INT64_MAX)
/** Order ids count from 1 in bits 0 to 47; bits 48 to 52 are the shard. */
#define OC_ORDER_ID_MAX ((1ULL << 48) - 1)

/** "No such slot" for every table that is addressed by 32-bit index. */
#define OC_INDEX_NONE UINT32_MAX

/** Session 0 is the venue itself: its commands come from a file or a signal, not from a client. */
#define OC_SESSION_VENUE 0ULL

enum oc_side {
    OC_BUY = 0,
    OC_SELL = 1,
};

/** How long an order may wait. Later issues add FOK, DAY and GTD. */
enum oc_time_in_force {
    OC_GOOD_TILL_CANCEL = 0,
    OC_IMMEDIATE_OR_CANCEL = 1,
};

#define OC_SYMBOL_BYTES_MAX          32
#define OC_CLIENT_ORDER_ID_BYTES_MAX 36
#define OC_DETAIL_BYTES_MAX          39

/**
 * Texts travel by value. Bytes beyond `size` are zero, so that two equal texts are equal as memory
 * and hash alike. `size` 0 means absent.
 */
struct oc_symbol {
    uint8_t size;
    char bytes[OC_SYMBOL_BYTES_MAX];
};

struct oc_client_order_id {
    uint8_t size;
    char bytes[OC_CLIENT_ORDER_ID_BYTES_MAX];
};

/** What a reject is about, for instance the name of the member that is not defined. */
struct oc_detail {
    uint8_t size;
    char bytes[OC_DETAIL_BYTES_MAX];
};

/** Whether a text may serve as symbol or client_order_id: printable ASCII without " and \. */
static inline bool oc_text_is_plain(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\') {
            return false;
        }
    }
    return true;
}

/**
 * A session id is a slot below `sessions_max` (low 32 bits) and a generation from 1 (high 32 bits):
 * the engine finds the session without a search, and a reused slot is a different session.
 */
static inline uint64_t oc_session_make(uint32_t slot, uint32_t generation)
{
    return ((uint64_t)generation << 32) | slot;
}

static inline uint32_t oc_session_slot(uint64_t session)
{
    return (uint32_t)session;
}

static inline enum oc_side oc_side_opposite(enum oc_side side)
{
    return side == OC_BUY ? OC_SELL : OC_BUY;
}

#endif
