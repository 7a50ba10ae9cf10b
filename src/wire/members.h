/*
 * The members of requests: one list for the decoder, the documentation's test and the generators of
 * tests.
 *
 * The order is the order of complaint: of several members that are wrong in the same way, the one
 * that stands first here is named.
 */
#ifndef OC_WIRE_MEMBERS_H
#define OC_WIRE_MEMBERS_H

#include <stdint.h>

/* X(enumerator, wire name) */
#define OC_WIRE__MEMBER_MAP(X)                        \
    X(TYPE, "type")                                   \
    X(REQUEST_ID, "request_id")                       \
    X(USER_ID, "user_id")                             \
    X(ORDER_ID, "order_id")                           \
    X(SYMBOL, "symbol")                               \
    X(ORDER_TYPE, "order_type")                       \
    X(PRICE, "price")                                 \
    X(QUANTITY, "quantity")                           \
    X(TOTAL_QUANTITY, "total_quantity")               \
    X(CLIENT_ORDER_ID, "client_order_id")             \
    X(KIND, "kind")                                   \
    X(TIME_IN_FORCE, "time_in_force")                 \
    X(EXPIRE_TIME, "expire_time")                     \
    X(POST_ONLY, "post_only")                         \
    X(STOP_PRICE, "stop_price")                       \
    X(DISPLAY_QUANTITY, "display_quantity")           \
    X(MIN_QUANTITY, "min_quantity")                   \
    X(SELF_TRADE_PREVENTION, "self_trade_prevention") \
    X(MASS_CANCEL, "mass_cancel")                     \
    X(SIDE, "side")                                   \
    X(OPEN_ORDERS, "open_orders")                     \
    X(BOOK, "book")                                   \
    X(DEPTH, "depth")                                 \
    X(SESSION, "session")                             \
    /* These stand within the object of `session`. */ \
    X(TRADES, "trades")                               \
    X(REPORTS, "reports")                             \
    X(CANCEL_ON_DISCONNECT, "cancel_on_disconnect")   \
    X(PING, "ping")

enum oc_wire__member {
#define OC_WIRE__MEMBER_ENUMERATOR(name, wire) OC_WIRE__##name,
    OC_WIRE__MEMBER_MAP(OC_WIRE__MEMBER_ENUMERATOR)
#undef OC_WIRE__MEMBER_ENUMERATOR
        OC_WIRE__MEMBER_COUNT
};

/** No defined member is longer ("self_trade_prevention"). */
#define OC_WIRE__MEMBER_BYTES_MAX 21U

/** Sets of members are words with these bits. */
#define OC_WIRE__BIT(name) (1U << OC_WIRE__##name)
_Static_assert(OC_WIRE__MEMBER_COUNT <= 32, "a set of members is a 32-bit word");

/** The member with this unescaped name, or OC_WIRE__MEMBER_COUNT. */
enum oc_wire__member oc_wire__find_member(const uint8_t *name, uint32_t size);

/** The name of a member; static storage. */
const char *oc_wire__member_name(enum oc_wire__member member);

#endif
