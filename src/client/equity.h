/*
 * The flow `equity`: the published flash1 workload, made stationary at a chosen number of resting
 * orders, with the reference matcher as its oracle.
 *
 * Kept from flash1: the mid starts at 33,504 ticks and moves by geometric Brownian motion; a limit
 * order stands k ticks behind the touch, k < 800 with weight 1/(k+1)^2.23 + 5*exp(-(k-8)^2/2);
 * quantity U[1,100]; 15 % immediate-or-cancel; 20 % of the others are modified once (quantity + 1,
 * and 4 of 5 also one tick better); 95 % have a short exponential life whose median grows with
 * sqrt(1+k); 2 % of the cancels are sent twice; 2 % of the orders are modified after they are gone.
 * About 2.05 requests follow from one new order, as there.
 *
 * Chosen here, because the source leaves it open or because its book only grows:
 * - Time is counted in new orders of the connection. Lives follow from the target by Little's law:
 * the short-lived orders make a tenth of the book; the other 5 % live long. A long-lived order is
 * not cancelled while fewer orders rest than the target: its life starts anew. So fills do not
 * drain the book; measured over 1,000,000 requests, it stays within 2 % of 20,000 in 1 and in 16
 * instruments.
 * - The script begins with orders of both kinds in that proportion, so that the book is full from
 * the start and stays so: exponential lives have no memory. They are the script's preload.
 * - 22 % of the immediate-or-cancel orders are priced behind the opposite touch and trade, the
 * others find nothing: with both, about 65,000 fills come from 1,000,000 new orders, as in
 * `normal`.
 * - Half of the modifies state the total quantity (filled + open), half the open one.
 * - The mid moves 0.01 % (one standard deviation) in 1,000,000 new orders of an instrument, as
 * little as in `static`: a market that runs through its long-lived orders has no steady state.
 * - Every 1,000th request is a `book` of 10 levels: quantities at rest are checked too.
 *
 * Every instrument belongs to one connection, so that the replies do not depend on how the server
 * interleaves connections. Deterministic for a seed, but for the last bit of log() and exp().
 */
#ifndef OC_CLIENT_EQUITY_H
#define OC_CLIENT_EQUITY_H

#include <stdint.h>

#include "client/script.h"

struct oc_equity_config {
    uint64_t seed;
    uint64_t user_id;       /* part of the symbols: EQ, user, point, number from 0 */
    uint32_t connection;    /* from 0: each plays another stream of the seed */
    uint32_t instruments;   /* of this connection, 1 to 65,535 */
    uint32_t resting;       /* orders of this connection that rest at one time, at least 20 */
    uint32_t request_count; /* behind the preload, 1 to OC_SCRIPT_REQUESTS_MAX / 2 */
};

/** What was prepared, behind the preload. */
struct oc_equity_facts {
    uint64_t new_orders;
    uint64_t immediate; /* of them, immediate-or-cancel */
    uint64_t replaces;
    uint64_t cancels;
    uint64_t books;
    uint64_t trades;
    uint64_t rejects;
    uint64_t resting_sum; /* after each request: divided by their number, the mean */
    uint32_t resting_min;
    uint32_t resting_max;
};

/**
 * Prepares the script of one connection: generates, and asks the reference matcher.
 *
 * *facts: filled. Returns 0, -ENOMEM, -EINVAL (a number of the configuration outside its range) or
 * -E2BIG (oc_script_expect); the caller ends the script with oc_script_deinit in either case. Takes
 * a few microseconds for each request, more where one instrument holds many orders.
 */
int oc_equity_prepare(const struct oc_equity_config *config, struct oc_script *script,
                      struct oc_equity_facts *facts);

#endif
