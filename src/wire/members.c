/*
 * From a member's name to the member: by its size, then by one comparison of constant size, which
 * compiles to a few loads. A table with a hash was not needed: no size has more than four names.
 */
#include "wire/members.h"

#include <stdbool.h>
#include <string.h>

#include "core/assert.h"

static const char *const NAMES[] = {
#define OC_WIRE__MEMBER_NAME(name, wire) wire,
    OC_WIRE__MEMBER_MAP(OC_WIRE__MEMBER_NAME)
#undef OC_WIRE__MEMBER_NAME
};

/* One name of a size: compares it, or goes on to `other`. */
#define PICK(wire, name, other) \
    (memcmp(bytes, wire, sizeof(wire) - 1) == 0 ? OC_WIRE__##name : (other))
#define NONE OC_WIRE__MEMBER_COUNT

/* tidy: long - one case for each size of a name */
enum oc_wire__member oc_wire__find_member(const uint8_t *bytes, uint32_t size)
{
    switch (size) {
    case 4:
        return PICK(
            "type", TYPE,
            PICK("side", SIDE, PICK("kind", KIND, PICK("book", BOOK, PICK("ping", PING, NONE)))));
    case 5:
        return PICK("price", PRICE, PICK("depth", DEPTH, NONE));
    case 6:
        return PICK("symbol", SYMBOL, PICK("trades", TRADES, NONE));
    case 7:
        return PICK("user_id", USER_ID, PICK("session", SESSION, PICK("reports", REPORTS, NONE)));
    case 8:
        return PICK("quantity", QUANTITY, PICK("order_id", ORDER_ID, NONE));
    case 9:
        return PICK("post_only", POST_ONLY, NONE);
    case 10:
        return PICK("order_type", ORDER_TYPE,
                    PICK("request_id", REQUEST_ID, PICK("stop_price", STOP_PRICE, NONE)));
    case 11:
        return PICK("mass_cancel", MASS_CANCEL,
                    PICK("open_orders", OPEN_ORDERS, PICK("expire_time", EXPIRE_TIME, NONE)));
    case 12:
        return PICK("min_quantity", MIN_QUANTITY, NONE);
    case 13:
        return PICK("time_in_force", TIME_IN_FORCE, NONE);
    case 14:
        return PICK("total_quantity", TOTAL_QUANTITY, NONE);
    case 15:
        return PICK("client_order_id", CLIENT_ORDER_ID, NONE);
    case 16:
        return PICK("display_quantity", DISPLAY_QUANTITY, NONE);
    case 20:
        return PICK("cancel_on_disconnect", CANCEL_ON_DISCONNECT, NONE);
    case 21:
        return PICK("self_trade_prevention", SELF_TRADE_PREVENTION, NONE);
    default:
        return NONE;
    }
}

const char *oc_wire__member_name(enum oc_wire__member member)
{
    OC_ASSERT(member < OC_WIRE__MEMBER_COUNT);
    return NAMES[member];
}
