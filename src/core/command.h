/*
 * Commands: everything that can change the venue, in the order in which it happens.
 *
 * A command is plain memory: the codec fills it, the server stamps sequence, time and session, the
 * engine applies it. The same commands give the same events on every machine, therefore a command
 * carries the time and the symbol itself and never a pointer (docs/adr/0002).
 */
#ifndef OC_CORE_COMMAND_H
#define OC_CORE_COMMAND_H

#include "core/reason.h"
#include "core/types.h"

enum oc_command_kind {
    OC_COMMAND_NONE = 0,
    /* The venue's own. */
    OC_COMMAND_INSTRUMENT,    /* make an instrument: `instrument` */
    OC_COMMAND_SESSION_OPEN,  /* no payload */
    OC_COMMAND_SESSION_CLOSE, /* no payload; cancels the session's orders if it asked for that */
    /* Clients'. */
    OC_COMMAND_NEW,         /* `new_order` */
    OC_COMMAND_CANCEL,      /* `cancel` */
    OC_COMMAND_REPLACE,     /* `replace` */
    OC_COMMAND_MASS_CANCEL, /* `mass_cancel` */
    OC_COMMAND_OPEN_ORDERS, /* no payload: `user_id` says whose */
    OC_COMMAND_BOOK,        /* `book` */
    OC_COMMAND_SESSION_SET, /* `settings` */
    OC_COMMAND_PING,        /* `ping` */
    OC_COMMAND_REFUSED,     /* `refused`: bytes that are no request wait in line for their reject */
    OC_COMMAND_KIND_COUNT
};

enum oc_command_flags {
    OC_COMMAND_HAS_REQUEST_ID = 1 << 0,
};

/** Settings of a session: which are given, and their values. */
enum oc_setting {
    OC_SETTING_TRADES = 1 << 0,               /* the public tape; on when a session opens */
    OC_SETTING_REPORTS = 1 << 1,              /* accepted, executed, filled; off when it opens */
    OC_SETTING_CANCEL_ON_DISCONNECT = 1 << 2, /* off when it opens */
};
#define OC_SETTINGS_AT_OPEN OC_SETTING_TRADES

struct oc_command_instrument {
    struct oc_symbol symbol;
    uint8_t decimals;        /* digits behind the point when people read a price, 0 to 18 */
    int64_t tick_ticks;      /* prices are multiples of it, at least 1 */
    uint64_t lot_lots;       /* quantities are multiples of it, at least 1 */
    int64_t price_min_ticks; /* at least 1 */
    int64_t price_max_ticks; /* at most OC_PRICE_TICKS_MAX */
    uint64_t qty_min_lots;   /* at least 1 */
    uint64_t qty_max_lots;   /* at most OC_QTY_LOTS_MAX */
};

struct oc_command_new {
    struct oc_symbol symbol;
    struct oc_client_order_id client_order_id;
    uint8_t side;          /* enum oc_side */
    uint8_t time_in_force; /* enum oc_time_in_force */
    int64_t price_ticks;   /* 1 to OC_PRICE_TICKS_MAX */
    uint64_t qty_lots;     /* 1 to OC_QTY_LOTS_MAX */
};

struct oc_command_cancel {
    uint64_t order_id;
};

struct oc_command_replace {
    uint64_t order_id;
    int64_t price_ticks;     /* 0: keep the price */
    uint64_t qty_lots;       /* the new open quantity; 0: not given */
    uint64_t total_qty_lots; /* filled + open; 0: not given; never together with qty_lots */
};

struct oc_command_mass_cancel {
    struct oc_symbol symbol; /* size 0: every instrument */
    bool has_side;
    uint8_t side; /* enum oc_side */
};

struct oc_command_book {
    struct oc_symbol symbol;
    uint32_t depth; /* 1 to OC_BOOK_DEPTH_MAX */
};

struct oc_command_settings {
    uint32_t given;  /* set of enum oc_setting, not empty */
    uint32_t values; /* subset of `given`: on */
};

struct oc_command_ping {
    uint64_t ping;
};

struct oc_command_refused {
    uint8_t request;   /* enum oc_command_kind that was meant, OC_COMMAND_NONE if none was told */
    uint16_t reason;   /* enum oc_reason */
    uint64_t order_id; /* 0: none told */
    struct oc_client_order_id client_order_id;
    struct oc_detail detail; /* the member it is about */
};

struct oc_command {
    uint64_t sequence; /* from 1, without a gap; stamped by the server */
    uint64_t time_ns;  /* UTC since 1970-01-01; never decreases; stamped by the server */
    uint64_t session;  /* who sent it; OC_SESSION_VENUE for the venue's own */
    uint64_t request_id;
    uint64_t user_id;
    uint8_t kind;  /* enum oc_command_kind */
    uint8_t flags; /* enum oc_command_flags */
    union {
        struct oc_command_instrument instrument;
        struct oc_command_new new_order;
        struct oc_command_cancel cancel;
        struct oc_command_replace replace;
        struct oc_command_mass_cancel mass_cancel;
        struct oc_command_book book;
        struct oc_command_settings settings;
        struct oc_command_ping ping;
        struct oc_command_refused refused;
    };
};

#endif
