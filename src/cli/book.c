/*
 * outcry book: the book of an instrument as a ladder, asks above bids, best prices in the middle.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/request.h"

static error_t on_option(int key, char *value, struct argp_state *state);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);
static void print_level(const struct oc_event_level *level);

static const struct argp_option OPTIONS[] = {
    {"depth", 'd', "N", 0, "Levels of each side, 1 to 500. Default 10", 0},
    {0},
};

int oc_cli_book(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "SYMBOL",
        "Shows price levels: quantity and number of orders.\vExit status: 0, 1 rejected (no "
        "such symbol) or not reached, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static struct oc_cli_request request = {
        .command = {.kind = OC_COMMAND_BOOK, .book = {.depth = OC_BOOK_DEPTH_DEFAULT}},
        .show = show,
    };

    return oc_cli_request_run(&request, &ARGP, argc, argv);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_request *request = state->input;
    uint64_t depth;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->client;
        return 0;
    case 'd':
        if (!oc_cli_parse_u64(value, OC_BOOK_DEPTH_MAX, &depth) || depth == 0) {
            argp_error(state, "--depth %s: a whole number from 1 to %u", value, OC_BOOK_DEPTH_MAX);
        }
        request->command.book.depth = (uint32_t)depth;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 || !oc_cli_parse_symbol(value, &request->command.book.symbol)) {
            argp_error(state, "\"%s\": say one symbol, 1 to 32 bytes of printable ASCII", value);
        }
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say the symbol, for instance BTC/USD");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    uint32_t bids;
    uint32_t asks;

    (void)request;
    if (reply->event.kind != OC_EVENT_BOOK) {
        return;
    }
    bids = reply->event.book.bid_count;
    asks = reply->event.book.ask_count;
    (void)printf("%-20.*s %14s %14s %8s\n", (int)reply->symbol.size, reply->symbol.bytes,
                 "quantity", "price", "orders");
    for (uint32_t i = asks; i > 0; i--) {
        print_level(&reply->levels[bids + i - 1]);
    }
    if (bids > 0 && asks > 0) {
        (void)printf("%-20s %14s %14s\n", "", "", "--------");
    } else if (bids == 0 && asks == 0) {
        (void)printf("%-20s %14s\n", "", "empty");
    }
    for (uint32_t i = 0; i < bids; i++) {
        print_level(&reply->levels[i]);
    }
}

static void print_level(const struct oc_event_level *level)
{
    (void)printf("%20s %14" PRIu64 " %14" PRId64 " %8" PRIu32 "\n",
                 level->side == OC_BUY ? "bid" : "ask", level->qty_lots, level->price_ticks,
                 level->order_count);
}
