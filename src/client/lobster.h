/*
 * The flow `lobster`: real order flow of NASDAQ in the format of LOBSTER (lobsterdata.com), with
 * the exchange's own book as the oracle.
 *
 * A message file says what happened to visible orders, an order book file shows the best levels
 * after each message. The flow enters the orders and, where NASDAQ executed one, sends somebody's
 * immediate-or-cancel order of the opposite side: it must fill exactly that order. After every row
 * the levels of the row are compared, price and quantity.
 *
 * What the files cannot tell, and what is done about it:
 * - Orders that rested before the first row have no known id. Each level of the first row is
 * entered as one stand-in order; an unknown id that is cancelled or executed later reduces the
 * stand-in of its level (a replace with the smaller quantity, which keeps its place).
 * - Levels beyond the last one of a row are out of sight, and the files have no messages about
 * them. One that comes into sight is made equal to the row first: a stand-in order for what is
 * missing, and what is too much is taken from the order of just that size, else from the youngest.
 * The best bid and ask are never made equal that way unless they come from out of sight. A number
 * of a level that comes into sight with a row is held against the next row only.
 */
#ifndef OC_CLIENT_LOBSTER_H
#define OC_CLIENT_LOBSTER_H

#include <stddef.h>
#include <stdint.h>

#include "client/script.h"

/** LOBSTER offers up to 200 levels. */
#define OC_LOBSTER_LEVELS_MAX 200U

/** What the files hold. */
struct oc_lobster_facts {
    uint32_t rows;          /* of each file */
    uint32_t levels;        /* of each side in a row */
    uint32_t rows_compared; /* all but the first */
    uint32_t executions;
    uint32_t executions_known; /* of them, of orders that the file entered */
    uint32_t hidden;           /* executions of hidden orders and auctions: without effect here */
    uint32_t halts;
    uint32_t stand_ins; /* orders of unknown id */
    uint32_t unseen;    /* levels that had lost quantity out of sight */
};

/**
 * Reads both files and prepares the script. Prices are dollars times 10,000 in the files and ticks
 * here.
 *
 * @messages, @book  paths; `messages` is borrowed until the script ends.
 * @symbol  1 to OC_SYMBOL_BYTES_MAX bytes.
 * Returns 0; a negative errno of opening a file; -EBADMSG for a row that is broken or contradicts
 * the row before it; -ENOMEM. error[0..error_size) then names the file and the row. The caller ends
 * the script with oc_script_deinit in either case.
 */
int oc_lobster_prepare(const char *messages, const char *book, const char *symbol,
                       struct oc_script *script, struct oc_lobster_facts *facts, char *error,
                       size_t error_size);

#endif
