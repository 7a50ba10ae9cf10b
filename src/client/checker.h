/*
 * The checker: compares the replies of one connection with its script, in order, and learns what
 * the server calls each order.
 *
 * The first reply that names an order teaches its server id, which must be larger than every id
 * learned before; from then on every mention must be equal. Trade ids must increase and trade times
 * never go back. A wrong reply is described once, in words that name the request.
 */
#ifndef OC_CLIENT_CHECKER_H
#define OC_CLIENT_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/script.h"
#include "wire/reply.h"

enum oc_check {
    OC_CHECK_PART,    /* right, and more frames answer the same request */
    OC_CHECK_DONE,    /* right, and the request is answered completely */
    OC_CHECK_FOREIGN, /* a trade of others on the public tape */
    OC_CHECK_WRONG,   /* wrong: oc_checker.why says how */
};

#define OC_CHECKER_WHY_BYTES 640

/** The server's id of a local one; the local id is stored because the table is used in a round. */
struct oc_checker_id {
    uint64_t local;
    uint64_t real;
};

/** Of one connection. Belongs to one thread. */
struct oc_checker {
    const struct oc_script *script; /* borrowed */
    struct oc_checker_id *ids;
    uint64_t id_mask;
    uint64_t user_id;
    /* The request whose replies come next, and the next record of script->replies. */
    uint64_t request_index;
    uint32_t reply_index;
    uint16_t frames; /* of this request, seen */
    uint64_t last_order_id;
    uint64_t last_trade_id;
    uint64_t last_trade_time_ns;
    uint64_t trades; /* replies of that kind that were right */
    uint64_t books;
    uint64_t reject_counts[OC_REASON_COUNT];
    char why[OC_CHECKER_WHY_BYTES];
};

/**
 * Makes a checker for a script (borrowed) and a user.
 *
 * @in_flight_max  requests that may be unanswered at one time: sizes the id table of a script that
 *                 goes round. Returns 0 or -ENOMEM.
 */
int oc_checker_init(struct oc_checker *checker, const struct oc_script *script, uint64_t user_id,
                    uint32_t in_flight_max);

/** Gives the memory back. Harmless on a checker that is all zero. */
void oc_checker_deinit(struct oc_checker *checker);

/**
 * The server's id of the order that request `request_index` (counted through all rounds) names; 0
 * while no reply has told it. *needed: false if the request names none.
 */
uint64_t oc_checker_order_id(const struct oc_checker *checker, uint64_t request_index,
                             bool *needed);

/**
 * Judges the next reply of the connection. `reply->levels` must be set for a BOOK. After
 * OC_CHECK_WRONG the comparison may have lost its place: the connection should end.
 * O(levels), no allocation.
 */
enum oc_check oc_checker_reply(struct oc_checker *checker, const struct oc_wire_reply *reply);

#endif
