/*
 * Events: everything that the venue tells, in one order that every session sees a part of.
 *
 * Fixed size, so that the event log is an array. A message of several parts (book, open orders) is
 * several events in a row; its first says how many follow.
 */
#ifndef OC_CORE_EVENT_H
#define OC_CORE_EVENT_H

#include "core/reason.h"
#include "core/types.h"

enum oc_event_kind {
    OC_EVENT_NONE = 0,
    /* Public. */
    OC_EVENT_INSTRUMENT, /* `instrument`: told before anything else names it; not on the wire */
    OC_EVENT_TRADE,      /* `trade` */
    /* Private, for `session`. */
    OC_EVENT_CONFIRMED,      /* `order`: (the remainder of) a new order rests */
    OC_EVENT_CANCELLED,      /* `order`: qty_lots is what was cancelled; head.reason says why */
    OC_EVENT_REPLACED,       /* `order`: price and open quantity now in force, before it matches */
    OC_EVENT_REJECTED,       /* `rejected` */
    OC_EVENT_DUPLICATE,      /* `order`: the first one; qty_lots is what is open of it */
    OC_EVENT_MASS_CANCELLED, /* `count` */
    OC_EVENT_BOOK,           /* `book`, followed by its levels */
    OC_EVENT_BOOK_LEVEL,     /* `level`: bids best first, then asks best first */
    OC_EVENT_OPEN_ORDERS,    /* `open_orders`, followed by its orders */
    OC_EVENT_OPEN_ORDER,     /* `order`: qty_lots is what is open */
    OC_EVENT_SESSION,        /* `settings`: all in force; the answer to a change */
    OC_EVENT_PONG,           /* `ping` */
    /* Private, with reports on. */
    OC_EVENT_ACCEPTED, /* `order`: qty_lots as entered */
    OC_EVENT_EXECUTED, /* `executed` */
    OC_EVENT_FILLED,   /* `order`: the terminal event of an order that filled completely */
    /* The life of a session; not on the wire. */
    OC_EVENT_SESSION_OPENED, /* `settings` */
    OC_EVENT_SESSION_CLOSED, /* the last event that names this session */
    OC_EVENT_KIND_COUNT
};

enum oc_event_flags {
    OC_EVENT_HAS_REQUEST_ID = 1 << 0, /* a direct reply to a request that carried one */
    OC_EVENT_PUBLIC = 1 << 1,
    OC_EVENT_TAKER = 1 << 2, /* EXECUTED: this order was the arriving one */
    OC_EVENT_LAST = 1 << 3,  /* the last event of its command */
};

struct oc_event_instrument {
    struct oc_symbol symbol;
    uint8_t decimals;
};

struct oc_event_trade {
    uint64_t trade_id; /* from 1 */
    uint64_t time_ns;
    int64_t price_ticks;
    uint64_t qty_lots;
    uint64_t buyer_user_id;
    uint64_t buyer_order_id;
    uint64_t seller_user_id;
    uint64_t seller_order_id;
    /* Who entered the two orders: sessions with trades off see only these. May have ended. */
    uint64_t buyer_session;
    uint64_t seller_session;
};

struct oc_event_order {
    uint64_t order_id;
    uint64_t user_id; /* the order's owner */
    int64_t price_ticks;
    uint64_t qty_lots;
    uint64_t filled_lots;
    struct oc_client_order_id client_order_id;
    uint8_t side; /* enum oc_side */
};

struct oc_event_executed {
    uint64_t order_id;
    uint64_t user_id;
    uint64_t trade_id;
    int64_t price_ticks;
    uint64_t qty_lots;
    uint64_t filled_lots; /* after this fill */
    uint64_t open_lots;
};

struct oc_event_rejected {
    uint64_t order_id; /* 0: the request named none */
    struct oc_client_order_id client_order_id;
    struct oc_detail detail;
    uint8_t request; /* enum oc_command_kind */
};

struct oc_event_book {
    uint64_t sequence; /* of the command that asked: every command before it is in these levels */
    uint32_t bid_count;
    uint32_t ask_count;
};

struct oc_event_level {
    int64_t price_ticks;
    uint64_t qty_lots;
    uint32_t order_count;
    uint8_t side; /* enum oc_side */
};

struct oc_event_open_orders {
    uint64_t user_id;
    uint32_t count;
};

struct oc_event {
    _Alignas(64) uint64_t command_sequence;
    uint64_t session; /* the receiver; OC_SESSION_VENUE when public */
    uint64_t request_id;
    uint32_t instrument; /* index, OC_INDEX_NONE where none is meant */
    uint8_t kind;        /* enum oc_event_kind */
    uint8_t flags;       /* enum oc_event_flags */
    uint16_t reason;     /* enum oc_reason: REJECTED, CANCELLED, FILLED */
    union {
        struct oc_event_instrument instrument_made;
        struct oc_event_trade trade;
        struct oc_event_order order;
        struct oc_event_executed executed;
        struct oc_event_rejected rejected;
        struct oc_event_book book;
        struct oc_event_level level;
        struct oc_event_open_orders open_orders;
        uint64_t count;
        uint64_t ping;
        uint32_t settings; /* set of enum oc_setting that are on */
    };
};

/* Two cache lines: the log is an array of them, and a reader prefetches the next line by itself. */
_Static_assert(sizeof(struct oc_event) == 128, "an event is two cache lines");

#endif
