/*
 * Reply payloads to events: what a client reads.
 *
 * One pass keeps the members that any reply defines, as numbers or as borrowed text; a table then
 * says which of them the reply at hand must have. What is not known is skipped, so that a server
 * may say more than this client understands; what is known must be exactly as docs/protocol.md
 * says.
 */
#include "wire/reply.h"

#include <errno.h>

#include "core/assert.h"
#include "wire/json.h"
#include "wire/text.h"
#include "wire/usual.h"
#include "wire/words.h"

/* A later server may nest what this client skips deeper than requests may. */
#define SKIPPED_LEVELS_MAX 16U

enum form {
    FORM_NUMBER, /* digits, below 2^64 */
    FORM_PRICE,  /* digits, at most OC_PRICE_TICKS_MAX */
    FORM_TEXT,
    FORM_FLAG,
    FORM_ARRAY, /* checked and kept as text for later */
};

/* X(enumerator, wire name, form) */
#define MEMBER_MAP(X)                                          \
    X(TYPE, "type", FORM_TEXT)                                 \
    X(ORDER_ID, "order_id", FORM_NUMBER)                       \
    X(USER_ID, "user_id", FORM_NUMBER)                         \
    X(TRADE_ID, "trade_id", FORM_NUMBER)                       \
    X(SYMBOL, "symbol", FORM_TEXT)                             \
    X(MATCHED_PRICE, "matched_price", FORM_PRICE)              \
    X(MATCHED_QUANTITY, "matched_quantity", FORM_NUMBER)       \
    X(BUYER_USER_ID, "buyer_user_id", FORM_NUMBER)             \
    X(BUYER_ORDER_ID, "buyer_order_id", FORM_NUMBER)           \
    X(SELLER_USER_ID, "seller_user_id", FORM_NUMBER)           \
    X(SELLER_ORDER_ID, "seller_order_id", FORM_NUMBER)         \
    X(TIMESTAMP, "timestamp", FORM_NUMBER)                     \
    X(OWNER, "owner", FORM_NUMBER)                             \
    X(CANCELLED_QUANTITY, "cancelled_quantity", FORM_NUMBER)   \
    X(REASON, "reason", FORM_TEXT)                             \
    X(PRICE, "price", FORM_PRICE)                              \
    X(QUANTITY, "quantity", FORM_NUMBER)                       \
    X(REQUEST, "request", FORM_TEXT)                           \
    X(MEMBER, "member", FORM_TEXT)                             \
    X(TEXT, "text", FORM_TEXT)                                 \
    X(CLIENT_ORDER_ID, "client_order_id", FORM_TEXT)           \
    X(REQUEST_ID, "request_id", FORM_NUMBER)                   \
    X(FILLED, "filled", FORM_NUMBER)                           \
    X(OPEN, "open", FORM_NUMBER)                               \
    X(COUNT, "count", FORM_NUMBER)                             \
    X(SEQUENCE, "sequence", FORM_NUMBER)                       \
    X(BIDS, "bids", FORM_ARRAY)                                \
    X(ASKS, "asks", FORM_ARRAY)                                \
    X(ORDERS, "orders", FORM_ARRAY)                            \
    X(REMAINING, "remaining", FORM_NUMBER)                     \
    X(SIDE, "side", FORM_TEXT)                                 \
    X(LIQUIDITY, "liquidity", FORM_TEXT)                       \
    X(TRADES, "trades", FORM_TEXT)                             \
    X(REPORTS, "reports", FORM_TEXT)                           \
    X(CANCEL_ON_DISCONNECT, "cancel_on_disconnect", FORM_FLAG) \
    X(PING, "ping", FORM_NUMBER)

enum member {
#define MEMBER_ENUMERATOR(name, wire, form) MEMBER_##name,
    MEMBER_MAP(MEMBER_ENUMERATOR)
#undef MEMBER_ENUMERATOR
        MEMBER_NONE /* their number, and none of them */
};
#define MEMBER_BYTES_MAX 20U /* "cancel_on_disconnect" */
#define BIT(name)        (1ULL << MEMBER_##name)
_Static_assert(MEMBER_NONE <= 64, "a set of members is a 64-bit word");

static const uint8_t FORMS[] = {
#define MEMBER_FORM(name, wire, form) form,
    MEMBER_MAP(MEMBER_FORM)
#undef MEMBER_FORM
};

/* The members of one object; which of them are set, `seen` says. */
struct members {
    uint64_t seen;
    union {
        uint64_t number;
        struct oc_wire__text text;
    } values[MEMBER_NONE];
};

#define NUMBER_OF(members, name) ((members)->values[MEMBER_##name].number)
#define TEXT_OF(members, name)   (&(members)->values[MEMBER_##name].text)

#define ORDER_MEMBERS (BIT(ORDER_ID) | BIT(OWNER))

/* By `type`, or by shape for the two that have none. */
static const struct kind {
    uint8_t event_kind;
    struct oc_wire__word type;
    uint64_t required;
} KINDS[] = {
#define TYPE_NAME(name) .type = {.size = sizeof(name) - 1, .bytes = name}
    {OC_EVENT_TRADE, .required = BIT(TRADE_ID) | BIT(SYMBOL) | BIT(MATCHED_PRICE) |
                                 BIT(MATCHED_QUANTITY) | BIT(BUYER_USER_ID) | BIT(BUYER_ORDER_ID) |
                                 BIT(SELLER_USER_ID) | BIT(SELLER_ORDER_ID) | BIT(TIMESTAMP)},
    {OC_EVENT_CONFIRMED, .required = BIT(ORDER_ID) | BIT(USER_ID)},
    {OC_EVENT_CANCELLED, TYPE_NAME("cancelled"),
     .required = ORDER_MEMBERS | BIT(CANCELLED_QUANTITY) | BIT(REASON)},
    {OC_EVENT_REPLACED, TYPE_NAME("replaced"),
     .required = ORDER_MEMBERS | BIT(PRICE) | BIT(QUANTITY)},
    {OC_EVENT_REJECTED, TYPE_NAME("rejected"), .required = BIT(REASON)},
    {OC_EVENT_DUPLICATE, TYPE_NAME("duplicate"),
     .required = BIT(CLIENT_ORDER_ID) | BIT(ORDER_ID) | BIT(FILLED) | BIT(OPEN)},
    {OC_EVENT_MASS_CANCELLED, TYPE_NAME("mass_cancelled"), .required = BIT(COUNT)},
    {OC_EVENT_BOOK, TYPE_NAME("book"),
     .required = BIT(SYMBOL) | BIT(SEQUENCE) | BIT(BIDS) | BIT(ASKS)},
    {OC_EVENT_OPEN_ORDERS, TYPE_NAME("open_orders"),
     .required = BIT(OWNER) | BIT(ORDERS) | BIT(REMAINING)},
    {OC_EVENT_SESSION, TYPE_NAME("session"),
     .required = BIT(TRADES) | BIT(REPORTS) | BIT(CANCEL_ON_DISCONNECT)},
    {OC_EVENT_PONG, TYPE_NAME("pong"), .required = BIT(PING)},
    {OC_EVENT_ACCEPTED, TYPE_NAME("accepted"),
     .required = ORDER_MEMBERS | BIT(SYMBOL) | BIT(SIDE) | BIT(PRICE) | BIT(QUANTITY)},
    {OC_EVENT_EXECUTED, TYPE_NAME("executed"),
     .required = ORDER_MEMBERS | BIT(TRADE_ID) | BIT(PRICE) | BIT(QUANTITY) | BIT(FILLED) |
                 BIT(OPEN) | BIT(LIQUIDITY)},
    {OC_EVENT_FILLED, TYPE_NAME("filled"), .required = ORDER_MEMBERS | BIT(FILLED)},
#undef TYPE_NAME
};
#define OPEN_ORDER_MEMBERS \
    (BIT(ORDER_ID) | BIT(SYMBOL) | BIT(SIDE) | BIT(PRICE) | BIT(QUANTITY) | BIT(FILLED))

static bool scan_object(struct oc_wire__reader *reader, struct members *members);
static bool scan_member(struct oc_wire__reader *reader, struct members *members);
static bool scan_value(struct oc_wire__reader *reader, struct members *members, uint32_t member);
static uint32_t find_member(const uint8_t *bytes, uint32_t size);
static const struct kind *find_kind(const struct members *members);
static bool fill(const struct members *members, struct oc_wire_reply *reply);
static void fill_trade(const struct members *members, struct oc_event_trade *trade);
static bool fill_order(const struct members *members, struct oc_event *event);
static bool fill_rejected(const struct members *members, struct oc_event *event);
static bool fill_session(const struct members *members, struct oc_event *event);
static bool fill_executed(const struct members *members, struct oc_event *event);
static bool fill_reason(const struct members *members, struct oc_event *event);
static int fill_book(const struct members *members, struct oc_wire_reply *reply);
static int fill_levels(const struct oc_wire__text *array, enum oc_side side,
                       struct oc_wire_reply *reply, uint32_t level_count);
static bool scan_level(struct oc_wire__reader *reader, struct oc_event_level *level);
static bool scan_number(struct oc_wire__reader *reader, uint64_t max, uint64_t *value);
static int fill_open_orders(const struct members *members, struct oc_wire_reply *reply);
static bool fill_open_order(const struct members *members, struct oc_wire_open_order *open_order);
static bool copy_client_order_id(const struct members *members, struct oc_client_order_id *id);
static bool copy_symbol(const struct members *members, struct oc_symbol *symbol);
static bool copy_side(const struct members *members, uint8_t *side);

int oc_wire_decode_reply(const uint8_t *payload, size_t size, struct oc_wire_reply *reply)
{
    struct oc_wire__reader reader = {payload, payload + size};
    struct oc_event *event = &reply->event;
    const struct kind *kind;
    struct members members;

    if (oc_wire__decode_usual_reply(payload, size, reply)) {
        return 0;
    }
    memset(event, 0, sizeof(*event));
    memset(&reply->symbol, 0, sizeof(reply->symbol));
    reply->remaining = 0;
    if (!scan_object(&reader, &members) || oc_wire__peek(&reader) != 0 ||
        reader.next != reader.end) {
        return -EBADMSG;
    }
    kind = find_kind(&members);
    if (kind == NULL || (kind->required & ~members.seen) != 0) {
        return -EBADMSG;
    }
    event->kind = kind->event_kind;
    event->instrument = OC_INDEX_NONE;
    if ((members.seen & BIT(REQUEST_ID)) != 0) {
        event->request_id = NUMBER_OF(&members, REQUEST_ID);
        event->flags |= OC_EVENT_HAS_REQUEST_ID;
    }
    if ((members.seen & BIT(SYMBOL)) != 0 && !copy_symbol(&members, &reply->symbol)) {
        return -EBADMSG;
    }
    if (event->kind == OC_EVENT_BOOK) {
        return fill_book(&members, reply);
    }
    if (event->kind == OC_EVENT_OPEN_ORDERS) {
        return fill_open_orders(&members, reply);
    }
    return fill(&members, reply) ? 0 : -EBADMSG;
}

/* From its opening brace to its closing one. */
static bool scan_object(struct oc_wire__reader *reader, struct members *members)
{
    members->seen = 0;
    if (!oc_wire__take(reader, '{')) {
        return false;
    }
    if (oc_wire__take(reader, '}')) {
        return true;
    }
    do {
        if (!scan_member(reader, members)) {
            return false;
        }
    } while (oc_wire__take(reader, ','));
    return oc_wire__take(reader, '}');
}

static bool scan_member(struct oc_wire__reader *reader, struct members *members)
{
    uint8_t unescaped[MEMBER_BYTES_MAX];
    struct oc_wire__text name;
    const uint8_t *bytes;
    uint32_t member;
    uint32_t size;
    bool whole = true;

    if (!oc_wire__take(reader, '"') || !oc_wire__read_text(reader, &name) ||
        !oc_wire__take(reader, ':')) {
        return false;
    }
    bytes = name.bytes;
    size = name.size;
    if (!name.plain) {
        size = (uint32_t)oc_wire__unescape(&name, unescaped, sizeof(unescaped), &whole);
        bytes = unescaped;
    }
    member = whole ? find_member(bytes, size) : MEMBER_NONE;
    if (member == MEMBER_NONE) {
        return oc_wire__skip_value(reader, SKIPPED_LEVELS_MAX) == OC_WIRE__SKIP_DONE;
    }
    if ((members->seen & (1ULL << member)) != 0) {
        return false;
    }
    members->seen |= 1ULL << member;
    return scan_value(reader, members, member);
}

static bool scan_value(struct oc_wire__reader *reader, struct members *members, uint32_t member)
{
    struct oc_wire__text *text = &members->values[member].text;
    uint64_t *number = &members->values[member].number;

    switch (FORMS[member]) {
    case FORM_NUMBER:
        return scan_number(reader, UINT64_MAX, number);
    case FORM_PRICE:
        return scan_number(reader, OC_PRICE_TICKS_MAX, number);
    case FORM_TEXT:
        return oc_wire__take(reader, '"') && oc_wire__read_text(reader, text);
    case FORM_FLAG:
        *number = oc_wire__peek(reader) == 't';
        return *number != 0 ? oc_wire__skip_word(reader, "true", 4)
                            : oc_wire__skip_word(reader, "false", 5);
    case FORM_ARRAY:
        if (oc_wire__peek(reader) != '[') {
            return false;
        }
        text->bytes = reader->next;
        if (oc_wire__skip_value(reader, SKIPPED_LEVELS_MAX) != OC_WIRE__SKIP_DONE) {
            return false;
        }
        text->size = (uint32_t)(reader->next - text->bytes);
        return true;
    default:
        OC_UNREACHABLE();
    }
}

#define PICK(wire, name, other) \
    (memcmp(bytes, wire, sizeof(wire) - 1) == 0 ? MEMBER_##name : (other))
#define NONE MEMBER_NONE

/* tidy: long - one case for each size of a name */
static uint32_t find_member(const uint8_t *bytes, uint32_t size)
{
    switch (size) {
    case 4:
        return PICK(
            "type", TYPE,
            PICK("open", OPEN,
                 PICK("bids", BIDS,
                      PICK("asks", ASKS,
                           PICK("side", SIDE, PICK("ping", PING, PICK("text", TEXT, NONE)))))));
    case 5:
        return PICK("owner", OWNER, PICK("price", PRICE, PICK("count", COUNT, NONE)));
    case 6:
        return PICK("symbol", SYMBOL,
                    PICK("reason", REASON,
                         PICK("filled", FILLED,
                              PICK("member", MEMBER,
                                   PICK("orders", ORDERS, PICK("trades", TRADES, NONE))))));
    case 7:
        return PICK("user_id", USER_ID, PICK("request", REQUEST, PICK("reports", REPORTS, NONE)));
    case 8:
        return PICK("order_id", ORDER_ID,
                    PICK("trade_id", TRADE_ID,
                         PICK("quantity", QUANTITY, PICK("sequence", SEQUENCE, NONE))));
    case 9:
        return PICK("timestamp", TIMESTAMP,
                    PICK("liquidity", LIQUIDITY, PICK("remaining", REMAINING, NONE)));
    case 10:
        return PICK("request_id", REQUEST_ID, NONE);
    case 13:
        return PICK("matched_price", MATCHED_PRICE, PICK("buyer_user_id", BUYER_USER_ID, NONE));
    case 14:
        return PICK("buyer_order_id", BUYER_ORDER_ID, PICK("seller_user_id", SELLER_USER_ID, NONE));
    case 15:
        return PICK("seller_order_id", SELLER_ORDER_ID,
                    PICK("client_order_id", CLIENT_ORDER_ID, NONE));
    case 16:
        return PICK("matched_quantity", MATCHED_QUANTITY, NONE);
    case 18:
        return PICK("cancelled_quantity", CANCELLED_QUANTITY, NONE);
    case 20:
        return PICK("cancel_on_disconnect", CANCEL_ON_DISCONNECT, NONE);
    default:
        return NONE;
    }
}

/* NULL: the members are of no reply. A trade and a confirmation have no type; a type rules. */
static const struct kind *find_kind(const struct members *members)
{
    for (size_t index = 0; index < sizeof(KINDS) / sizeof(*KINDS); index++) {
        const struct kind *kind = &KINDS[index];

        if ((members->seen & BIT(TYPE)) == 0) {
            if (kind->type.size == 0 && (kind->required & ~members->seen) == 0) {
                return kind;
            }
        } else if (kind->type.size > 0) {
            const struct oc_wire__words type = {&kind->type, 1};

            if (oc_wire__find_word(&type, TEXT_OF(members, TYPE)) == 0) {
                return kind;
            }
        }
    }
    return NULL;
}

/* Replies of one event. */
static bool fill(const struct members *members, struct oc_wire_reply *reply)
{
    struct oc_event *event = &reply->event;

    switch (event->kind) {
    case OC_EVENT_TRADE:
        fill_trade(members, &event->trade);
        event->flags |= OC_EVENT_PUBLIC;
        return true;
    case OC_EVENT_REJECTED:
        return fill_rejected(members, event);
    case OC_EVENT_MASS_CANCELLED:
        event->count = NUMBER_OF(members, COUNT);
        return true;
    case OC_EVENT_SESSION:
        return fill_session(members, event);
    case OC_EVENT_PONG:
        event->ping = NUMBER_OF(members, PING);
        return true;
    case OC_EVENT_EXECUTED:
        return fill_executed(members, event);
    default:
        return fill_order(members, event);
    }
}

static void fill_trade(const struct members *members, struct oc_event_trade *trade)
{
    trade->trade_id = NUMBER_OF(members, TRADE_ID);
    trade->time_ns = NUMBER_OF(members, TIMESTAMP);
    trade->price_ticks = (int64_t)NUMBER_OF(members, MATCHED_PRICE);
    trade->qty_lots = NUMBER_OF(members, MATCHED_QUANTITY);
    trade->buyer_user_id = NUMBER_OF(members, BUYER_USER_ID);
    trade->buyer_order_id = NUMBER_OF(members, BUYER_ORDER_ID);
    trade->seller_user_id = NUMBER_OF(members, SELLER_USER_ID);
    trade->seller_order_id = NUMBER_OF(members, SELLER_ORDER_ID);
}

/* The replies whose event is an order; which members they must have was checked. */
static bool fill_order(const struct members *members, struct oc_event *event)
{
    struct oc_event_order *order = &event->order;

    order->order_id = NUMBER_OF(members, ORDER_ID);
    if (!copy_client_order_id(members, &order->client_order_id)) {
        return false;
    }
    switch (event->kind) {
    case OC_EVENT_CONFIRMED:
        order->user_id = NUMBER_OF(members, USER_ID);
        return true;
    case OC_EVENT_CANCELLED:
        order->user_id = NUMBER_OF(members, OWNER);
        order->qty_lots = NUMBER_OF(members, CANCELLED_QUANTITY);
        return fill_reason(members, event);
    case OC_EVENT_DUPLICATE:
        order->filled_lots = NUMBER_OF(members, FILLED);
        order->qty_lots = NUMBER_OF(members, OPEN);
        return true;
    case OC_EVENT_FILLED:
        order->user_id = NUMBER_OF(members, OWNER);
        order->filled_lots = NUMBER_OF(members, FILLED);
        event->reason = OC_REASON_FILLED;
        return true;
    case OC_EVENT_REPLACED:
    case OC_EVENT_ACCEPTED:
        order->user_id = NUMBER_OF(members, OWNER);
        order->price_ticks = (int64_t)NUMBER_OF(members, PRICE);
        order->qty_lots = NUMBER_OF(members, QUANTITY);
        return event->kind == OC_EVENT_REPLACED || copy_side(members, &order->side);
    default:
        OC_UNREACHABLE();
    }
}

static bool fill_rejected(const struct members *members, struct oc_event *event)
{
    struct oc_event_rejected *rejected = &event->rejected;

    if ((members->seen & BIT(REQUEST)) != 0) {
        uint32_t index = oc_wire__find_word(&oc_wire__requests, TEXT_OF(members, REQUEST));

        if (index == OC_WIRE__NO_WORD) {
            return false;
        }
        rejected->request = oc_wire__request_kinds[index];
    }
    if ((members->seen & BIT(ORDER_ID)) != 0) {
        rejected->order_id = NUMBER_OF(members, ORDER_ID);
    }
    if ((members->seen & BIT(MEMBER)) != 0) {
        bool whole;

        rejected->detail.size = (uint8_t)oc_wire__unescape(TEXT_OF(members, MEMBER),
                                                           (uint8_t *)rejected->detail.bytes,
                                                           OC_DETAIL_BYTES_MAX, &whole);
    }
    return copy_client_order_id(members, &rejected->client_order_id) && fill_reason(members, event);
}

static bool fill_session(const struct members *members, struct oc_event *event)
{
    uint32_t trades = oc_wire__find_word(&oc_wire__switches, TEXT_OF(members, TRADES));
    uint32_t reports = oc_wire__find_word(&oc_wire__switches, TEXT_OF(members, REPORTS));

    if (trades == OC_WIRE__NO_WORD || reports == OC_WIRE__NO_WORD) {
        return false;
    }
    event->settings = trades * OC_SETTING_TRADES | reports * OC_SETTING_REPORTS;
    if (NUMBER_OF(members, CANCEL_ON_DISCONNECT) != 0) {
        event->settings |= OC_SETTING_CANCEL_ON_DISCONNECT;
    }
    return true;
}

static bool fill_executed(const struct members *members, struct oc_event *event)
{
    uint32_t taker = oc_wire__find_word(&oc_wire__liquidities, TEXT_OF(members, LIQUIDITY));
    struct oc_event_executed *executed = &event->executed;

    executed->order_id = NUMBER_OF(members, ORDER_ID);
    executed->user_id = NUMBER_OF(members, OWNER);
    executed->trade_id = NUMBER_OF(members, TRADE_ID);
    executed->price_ticks = (int64_t)NUMBER_OF(members, PRICE);
    executed->qty_lots = NUMBER_OF(members, QUANTITY);
    executed->filled_lots = NUMBER_OF(members, FILLED);
    executed->open_lots = NUMBER_OF(members, OPEN);
    if (taker == 1) {
        event->flags |= OC_EVENT_TAKER;
    }
    return taker != OC_WIRE__NO_WORD;
}

static bool fill_reason(const struct members *members, struct oc_event *event)
{
    const struct oc_wire__text *text = TEXT_OF(members, REASON);
    enum oc_reason reason = oc_reason_parse((const char *)text->bytes, text->size);

    event->reason = (uint16_t)reason;
    return reason != OC_REASON_COUNT;
}

static int fill_book(const struct members *members, struct oc_wire_reply *reply)
{
    struct oc_event_book *book = &reply->event.book;
    int bid_count;
    int ask_count;

    bid_count = fill_levels(TEXT_OF(members, BIDS), OC_BUY, reply, 0);
    if (bid_count < 0) {
        return bid_count;
    }
    ask_count = fill_levels(TEXT_OF(members, ASKS), OC_SELL, reply, (uint32_t)bid_count);
    if (ask_count < 0) {
        return ask_count;
    }
    book->sequence = NUMBER_OF(members, SEQUENCE);
    book->bid_count = (uint32_t)bid_count;
    book->ask_count = (uint32_t)ask_count;
    return 0;
}

/*
 * Appends the levels of the array to the `level_count` that are there. Returns how many it holds,
 * or as oc_wire_decode_reply().
 */
static int fill_levels(const struct oc_wire__text *array, enum oc_side side,
                       struct oc_wire_reply *reply, uint32_t level_count)
{
    struct oc_wire__reader reader = {array->bytes, array->bytes + array->size};
    int count = 0;

    (void)oc_wire__take(&reader, '[');
    if (oc_wire__take(&reader, ']')) {
        return 0;
    }
    do {
        struct oc_event_level level = {.side = (uint8_t)side};

        if (!scan_level(&reader, &level)) {
            return -EBADMSG;
        }
        if (level_count == reply->level_capacity) {
            return -ENOSPC;
        }
        reply->levels[level_count++] = level;
        count++;
    } while (oc_wire__take(&reader, ','));
    return count;
}

static bool scan_level(struct oc_wire__reader *reader, struct oc_event_level *level)
{
    uint64_t price;
    uint64_t order_count;

    if (!oc_wire__take(reader, '[') || !scan_number(reader, OC_PRICE_TICKS_MAX, &price) ||
        !oc_wire__take(reader, ',') || !scan_number(reader, UINT64_MAX, &level->qty_lots) ||
        !oc_wire__take(reader, ',') || !scan_number(reader, UINT32_MAX, &order_count) ||
        !oc_wire__take(reader, ']')) {
        return false;
    }
    level->price_ticks = (int64_t)price;
    level->order_count = (uint32_t)order_count;
    return true;
}

static bool scan_number(struct oc_wire__reader *reader, uint64_t max, uint64_t *value)
{
    (void)oc_wire__peek(reader);
    return oc_wire__read_number(reader, value) == OC_WIRE__NUMBER_UNSIGNED && *value <= max;
}

static int fill_open_orders(const struct members *members, struct oc_wire_reply *reply)
{
    const struct oc_wire__text *array = TEXT_OF(members, ORDERS);
    struct oc_wire__reader reader = {array->bytes, array->bytes + array->size};
    struct members order_members;
    uint32_t count = 0;

    if (NUMBER_OF(members, REMAINING) > UINT32_MAX) {
        return -EBADMSG;
    }
    (void)oc_wire__take(&reader, '[');
    if (!oc_wire__take(&reader, ']')) {
        do {
            struct oc_wire_open_order order = {.symbol = {.size = 0}};

            if (!scan_object(&reader, &order_members) || !fill_open_order(&order_members, &order)) {
                return -EBADMSG;
            }
            if (count == reply->order_capacity) {
                return -ENOSPC;
            }
            order.order.user_id = NUMBER_OF(members, OWNER);
            reply->orders[count++] = order;
        } while (oc_wire__take(&reader, ','));
    }
    reply->event.open_orders.user_id = NUMBER_OF(members, OWNER);
    reply->event.open_orders.count = count;
    reply->remaining = (uint32_t)NUMBER_OF(members, REMAINING);
    return 0;
}

static bool fill_open_order(const struct members *members, struct oc_wire_open_order *open_order)
{
    struct oc_event_order *order = &open_order->order;

    if ((OPEN_ORDER_MEMBERS & ~members->seen) != 0) {
        return false;
    }
    order->order_id = NUMBER_OF(members, ORDER_ID);
    order->price_ticks = (int64_t)NUMBER_OF(members, PRICE);
    order->qty_lots = NUMBER_OF(members, QUANTITY);
    order->filled_lots = NUMBER_OF(members, FILLED);
    return copy_symbol(members, &open_order->symbol) && copy_side(members, &order->side) &&
           copy_client_order_id(members, &order->client_order_id);
}

/* True also where there is none. */
static bool copy_client_order_id(const struct members *members, struct oc_client_order_id *id)
{
    return (members->seen & BIT(CLIENT_ORDER_ID)) == 0 ||
           oc_wire__copy_name(TEXT_OF(members, CLIENT_ORDER_ID), id->bytes,
                              OC_CLIENT_ORDER_ID_BYTES_MAX, &id->size);
}

static bool copy_symbol(const struct members *members, struct oc_symbol *symbol)
{
    return oc_wire__copy_name(TEXT_OF(members, SYMBOL), symbol->bytes, OC_SYMBOL_BYTES_MAX,
                              &symbol->size);
}

static bool copy_side(const struct members *members, uint8_t *side)
{
    uint32_t index = oc_wire__find_word(&oc_wire__sides, TEXT_OF(members, SIDE));

    *side = (uint8_t)index;
    return index != OC_WIRE__NO_WORD;
}
