/*
 * outcry book: the book of an instrument as a ladder, asks above bids, best prices in the middle.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/cli.h"

struct arguments {
    struct oc_cli_client *client;
    struct oc_command command;
};

static error_t on_option(int key, char *value, struct argp_state *state);
static bool on_reply(void *context, const struct oc_wire_reply *reply,
                     const struct oc_payload *payload);
static void print_level(const struct oc_event_level *level);

static const struct argp_option OPTIONS[] = {
    {"depth", 'd', "N", 0, "Levels of each side, 1 to 500. Default 10", 0},
    {0},
};

int oc_cli_book(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = {{&oc_cli_client_argp, 0, NULL, 0}, {0}};
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "SYMBOL",
        "Shows price levels: quantity and number of orders.\vExit status: 0, 1 rejected (no "
        "such symbol) or not reached, 2 usage.",
        CHILDREN,
        NULL,
        NULL,
    };
    static struct oc_cli_client client;
    struct arguments arguments = {.client = &client};
    bool ok;

    oc_cli_client_init(&client);
    arguments.command.kind = OC_COMMAND_BOOK;
    arguments.command.book.depth = OC_BOOK_DEPTH_DEFAULT;
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    if (!oc_cli_connect(&client)) {
        return 1;
    }
    ok = oc_cli_exchange(&client, &arguments.command, on_reply, &client);
    oc_connection_close(&client.connection);
    return ok ? 0 : 1;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    uint64_t depth;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = arguments->client;
        return 0;
    case 'd':
        if (!oc_cli_parse_u64(value, OC_BOOK_DEPTH_MAX, &depth) || depth == 0) {
            argp_error(state, "--depth %s: a whole number from 1 to %u", value, OC_BOOK_DEPTH_MAX);
        }
        arguments->command.book.depth = (uint32_t)depth;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 || !oc_cli_parse_symbol(value, &arguments->command.book.symbol)) {
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

static bool on_reply(void *context, const struct oc_wire_reply *reply,
                     const struct oc_payload *payload)
{
    const struct oc_cli_client *client = context;
    uint32_t bids;
    uint32_t asks;

    (void)payload;
    if (reply->event.kind == OC_EVENT_REJECTED) {
        return oc_cli_print_reject(client, reply);
    }
    if (client->json || reply->event.kind != OC_EVENT_BOOK) {
        return true;
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
    return true;
}

static void print_level(const struct oc_event_level *level)
{
    (void)printf("%20s %14" PRIu64 " %14" PRId64 " %8" PRIu32 "\n",
                 level->side == OC_BUY ? "bid" : "ask", level->qty_lots, level->price_ticks,
                 level->order_count);
}
