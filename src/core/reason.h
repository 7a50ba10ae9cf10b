/*
 * Why a request was refused and why an order left the book: one list for the engine, the codec, the
 * documentation and the tests.
 *
 * The wire names are published and never change; texts may be improved. docs/protocol.md prints
 * this list, and a test compares the two.
 */
#ifndef OC_CORE_REASON_H
#define OC_CORE_REASON_H

/* X(enumerator, wire name, text). A text says what was wrong and, where it can, what to do. */
#define OC_REASON_MAP(X)                                                                           \
    X(NONE, "none", "accepted")                                                                    \
    /* Exits from the book. */                                                                     \
    X(USER, "user", "cancelled by its user")                                                       \
    X(IOC, "ioc", "the rest of an immediate-or-cancel order found no counterpart")                 \
    X(MASS_CANCEL, "mass_cancel", "cancelled by a mass cancel of its user")                        \
    X(DISCONNECT, "disconnect", "its session ended with cancel_on_disconnect in force")            \
    X(TOTAL_FILLED, "total_filled", "the new total quantity was already filled")                   \
    X(FILLED, "filled", "filled completely")                                                       \
    /* Format: decided by the codec before anything else. */                                       \
    X(BAD_FRAME_LENGTH, "bad_frame_length",                                                        \
      "a frame is 1 to 65536 bytes; the stream cannot be trusted any more and is closed")          \
    X(INCOMPLETE_FRAME, "incomplete_frame", "the stream ended within a frame")                     \
    X(TOO_MANY_LARGE_FRAMES, "too_many_large_frames",                                              \
      "too many sessions are in the middle of a large frame; send it again later, in one piece")   \
    X(BAD_JSON, "bad_json", "a frame must hold one JSON object in UTF-8")                          \
    X(TOO_DEEP, "too_deep", "objects and arrays may nest 4 deep at most")                          \
    X(UNKNOWN_MEMBER, "unknown_member",                                                            \
      "the request does not define this member; begin its name with x_ to have it ignored")        \
    X(DUPLICATE_MEMBER, "duplicate_member", "this member is given twice")                          \
    X(MISSING_MEMBER, "missing_member", "this member is required")                                 \
    X(CONFLICTING_MEMBERS, "conflicting_members", "this member excludes another one given")        \
    X(WRONG_TYPE, "wrong_type", "this member has the wrong JSON type")                             \
    X(BAD_VALUE, "bad_value", "the value of this member is outside its range or list")             \
    X(UNKNOWN_REQUEST, "unknown_request",                                                          \
      "the members name no request; see docs/protocol.md for the list")                            \
    X(NOT_SUPPORTED, "not_supported", "this feature is not built yet")                             \
    /* Identity. */                                                                                \
    X(UNKNOWN_ORDER, "unknown_order", "the user has no open order with this id")                   \
    X(TOO_MANY_USERS, "too_many_users", "the venue's limit of users is reached")                   \
    /* Duplicate id. */                                                                            \
    X(CLIENT_ORDER_ID_REUSED, "client_order_id_reused",                                            \
      "this client_order_id belongs to another order of the user")                                 \
    X(TOO_MANY_CLIENT_ORDER_IDS, "too_many_client_order_ids",                                      \
      "the venue can remember no further client_order_id")                                         \
    /* Symbol and instrument. */                                                                   \
    X(UNKNOWN_SYMBOL, "unknown_symbol", "no instrument has this symbol")                           \
    X(TOO_MANY_INSTRUMENTS, "too_many_instruments", "the venue's limit of instruments is reached") \
    X(INSTRUMENT_EXISTS, "instrument_exists", "an instrument with this symbol exists already")     \
    /* Tick and lot, size, price band. */                                                          \
    X(PRICE_OFF_TICK, "price_off_tick", "the price is no multiple of the instrument's tick")       \
    X(QUANTITY_OFF_LOT, "quantity_off_lot", "the quantity is no multiple of the instrument's lot") \
    X(QUANTITY_TOO_SMALL, "quantity_too_small", "the quantity is below the instrument's minimum")  \
    X(QUANTITY_TOO_LARGE, "quantity_too_large", "the quantity is above the instrument's maximum")  \
    X(PRICE_TOO_LOW, "price_too_low", "the price is below the instrument's minimum")               \
    X(PRICE_TOO_HIGH, "price_too_high", "the price is above the instrument's maximum")             \
    /* Room for the remainder. */                                                                  \
    X(TOO_MANY_ORDERS, "too_many_orders", "the venue's limit of open orders is reached")           \
    X(TOO_MANY_LEVELS, "too_many_levels", "the venue's limit of price levels is reached")          \
    X(LEVEL_TOTAL_TOO_LARGE, "level_total_too_large",                                              \
      "the quantity at this price would exceed 2^64 - 1")                                          \
    X(ORDER_IDS_EXHAUSTED, "order_ids_exhausted", "the venue has given out its last order id")     \
    /* Limits of a session: decided by the gateway. */                                             \
    X(TOO_MANY_REQUESTS, "too_many_requests",                                                      \
      "more requests in a second than a session may send; cancels are always taken")               \
    X(FRAME_TIMEOUT, "frame_timeout", "the rest of a frame did not come in time")                  \
    X(IDLE_TIMEOUT, "idle_timeout",                                                                \
      "the session sent nothing for longer than it may; a ping would have kept it open")

enum oc_reason {
#define OC_REASON_ENUMERATOR(name, wire, text) OC_REASON_##name,
    OC_REASON_MAP(OC_REASON_ENUMERATOR)
#undef OC_REASON_ENUMERATOR
        OC_REASON_COUNT
};

/** The published name of a reason, for instance "unknown_order". Never NULL; static storage. */
const char *oc_reason_name(enum oc_reason reason);

/** One sentence for people, without a final full stop. Never NULL; static storage. */
const char *oc_reason_text(enum oc_reason reason);

/** The reason with this published name, or OC_REASON_COUNT if there is none. */
enum oc_reason oc_reason_parse(const char *name, unsigned long size);

#endif
