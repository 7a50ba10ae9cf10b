/*
 * outcry orders: the open orders of a user.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/cli.h"

struct listing {
    struct oc_cli_client *client;
    uint64_t count;
};

static error_t on_option(int key, char *value, struct argp_state *state);
static bool on_reply(void *context, const struct oc_wire_reply *reply,
                     const struct oc_payload *payload);
static void print_order(struct listing *listing, const struct oc_wire_open_order *open);

int oc_cli_orders(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = {{&oc_cli_client_argp, 0, NULL, 0}, {0}};
    static const struct argp ARGP = {
        NULL,
        on_option,
        "",
        "Lists the open orders of the user.\vExit status: 0, 1 not reached, 2 "
        "usage.",
        CHILDREN,
        NULL,
        NULL,
    };
    static struct oc_cli_client client;
    struct listing listing = {.client = &client};
    struct oc_command command = {.kind = OC_COMMAND_OPEN_ORDERS};
    bool ok;

    oc_cli_client_init(&client);
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &client);
    command.user_id = client.user_id;
    if (!oc_cli_connect(&client)) {
        return 1;
    }
    ok = oc_cli_exchange(&client, &command, on_reply, &listing);
    oc_connection_close(&client.connection);
    if (ok && listing.count == 0 && !client.json) {
        (void)printf("user %" PRIu64 " has no open orders\n", client.user_id);
    }
    return ok ? 0 : 1;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool on_reply(void *context, const struct oc_wire_reply *reply,
                     const struct oc_payload *payload)
{
    struct listing *listing = context;

    (void)payload;
    if (reply->event.kind == OC_EVENT_REJECTED) {
        return oc_cli_print_reject(listing->client, reply);
    }
    if (listing->client->json || reply->event.kind != OC_EVENT_OPEN_ORDERS) {
        return true;
    }
    for (uint32_t i = 0; i < reply->event.open_orders.count; i++) {
        print_order(listing, &reply->orders[i]);
    }
    return true;
}

static void print_order(struct listing *listing, const struct oc_wire_open_order *open)
{
    const struct oc_event_order *order = &open->order;

    if (listing->count++ == 0) {
        (void)printf("%12s  %-4s  %-16s %12s @ %-12s %10s  %s\n", "order", "side", "symbol", "open",
                     "price", "filled", "client order id");
    }
    (void)printf("%12" PRIu64 "  %-4s  %-16.*s %12" PRIu64 " @ %-12" PRId64 " %10" PRIu64
                 "  %.*s\n",
                 order->order_id, order->side == OC_BUY ? "buy" : "sell", (int)open->symbol.size,
                 open->symbol.bytes, order->qty_lots, order->price_ticks, order->filled_lots,
                 (int)order->client_order_id.size, order->client_order_id.bytes);
}
