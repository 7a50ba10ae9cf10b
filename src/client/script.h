/*
 * A script: the requests of one connection with every reply that must come back, prepared before
 * the clock runs.
 *
 * An oracle that computes while the load generator measures would measure itself. Therefore a flow
 * (pingpong, equity, lobster) writes its requests and the expected replies into two flat arrays, 32
 * bytes each, and the timed part only compares. Orders have local ids in it, counted from 1 in the
 * order in which the connection enters them: what the server will call them is learned by the
 * checker.
 */
#ifndef OC_CLIENT_SCRIPT_H
#define OC_CLIENT_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/event.h"

/** Requests that one script may hold: with their replies about 5 GiB, far beyond any run. */
#define OC_SCRIPT_REQUESTS_MAX (1U << 26)

/** One request of a connection. Unused members are 0. */
struct oc_script_request {
    int64_t price_ticks;  /* NEW, REPLACE (0: keep) */
    uint64_t qty_lots;    /* NEW, REPLACE; BOOK: the depth */
    uint32_t order;       /* CANCEL, REPLACE: local id of the order it is about */
    uint32_t row;         /* row of the input file that it comes from; 0: of none */
    uint16_t symbol;      /* index of the script's symbols */
    uint16_t reply_count; /* frames that answer it */
    uint8_t kind;         /* enum oc_command_kind: NEW, CANCEL, REPLACE, BOOK */
    uint8_t side;         /* NEW */
    uint8_t time_in_force;
    bool total; /* REPLACE: qty_lots is filled + open */
};

/** One reply frame; a BOOK is followed by one record for each of its levels. */
struct oc_script_reply {
    int64_t price_ticks; /* TRADE, REPLACED, BOOK_LEVEL */
    uint64_t qty_lots;   /* TRADE, REPLACED, CANCELLED, BOOK_LEVEL */
    uint32_t order;      /* local id; TRADE: of the buyer; BOOK: number of bids */
    uint32_t other;  /* TRADE: local id of the seller; BOOK: of asks; BOOK_LEVEL: orders, 0: any */
    uint16_t symbol; /* TRADE, BOOK */
    uint8_t kind;    /* enum oc_event_kind */
    uint8_t reason;  /* CANCELLED, REJECTED */
    uint8_t request; /* REJECTED: enum oc_command_kind */
    uint8_t side;    /* BOOK_LEVEL */
};

_Static_assert(sizeof(struct oc_script_request) == 32, "a prepared request is half a cache line");
_Static_assert(sizeof(struct oc_script_reply) == 32, "a prepared reply is half a cache line");
_Static_assert(OC_REASON_COUNT <= UINT8_MAX, "a reason fits the compact form");

/**
 * Belongs to one thread. Written by a flow, then only read. `round_orders` above 0 makes a round of
 * it: after the last request comes the first again, with every local id that much larger; its
 * requests are new orders (asserted by the load), so that they are the same bytes each time.
 */
struct oc_script {
    struct oc_symbol *symbols;
    struct oc_script_request *requests;
    struct oc_script_reply *replies;
    const char *row_file; /* borrowed: the input file that rows count in, or NULL */
    uint32_t symbol_count;
    uint32_t request_count;
    uint32_t request_capacity;
    uint32_t reply_count;
    uint32_t reply_capacity;
    uint32_t preload_count; /* the first requests fill the book and are not measured */
    uint32_t order_count;   /* local ids used, 1 to order_count */
    uint32_t round_orders;
};

/** Makes an empty script for symbol_count symbols. Returns 0 or -ENOMEM. */
int oc_script_init(struct oc_script *script, uint32_t symbol_count);

/** Gives the memory back. Harmless on a script that is all zero. */
void oc_script_deinit(struct oc_script *script);

/** Sets symbol `index` to `text` (1 to OC_SYMBOL_BYTES_MAX bytes, asserted). */
void oc_script_symbol_set(struct oc_script *script, uint32_t index, const char *text);

/**
 * Appends a request; its reply_count must be 0 and grows with oc_script_expect(). Returns 0,
 * -ENOMEM or -E2BIG (OC_SCRIPT_REQUESTS_MAX).
 */
int oc_script_request(struct oc_script *script, const struct oc_script_request *request);

/**
 * Appends a reply of the last request. A BOOK_LEVEL belongs to the BOOK before it and is no frame
 * of its own. Returns 0, -ENOMEM or -E2BIG (more than 65,535 replies of one request).
 */
int oc_script_expect(struct oc_script *script, const struct oc_script_reply *reply);

/**
 * Appends what an event of the reference matcher means for the session that sent the last request;
 * events that are not on the wire are passed over. Order ids of the event are the local ids.
 * Same results as oc_script_expect().
 */
int oc_script_expect_event(struct oc_script *script, const struct oc_event *event, uint32_t symbol);

/**
 * Fills *command for a request, with user and symbol; order_id is the server's id of the order that
 * the request names. sequence, time_ns and session are 0.
 */
void oc_script_command(const struct oc_script *script, const struct oc_script_request *request,
                       uint64_t user_id, uint64_t order_id, struct oc_command *command);

/** Bytes of memory that the script holds. */
uint64_t oc_script_bytes(const struct oc_script *script);

#endif
