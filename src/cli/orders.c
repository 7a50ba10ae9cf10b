/*
 * outcry orders: the open orders of a user.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/request.h"

static error_t on_option(int key, char *value, struct argp_state *state);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);
static void print_order(const struct oc_wire_open_order *open);

int oc_cli_orders(int argc, char **argv)
{
    static const struct argp ARGP = {
        NULL,
        on_option,
        "",
        "Lists the open orders of the user.\vExit status: 0, 1 not reached, 2 "
        "usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static uint64_t count;
    static struct oc_cli_request request = {
        .command = {.kind = OC_COMMAND_OPEN_ORDERS},
        .show = show,
        .context = &count,
    };
    int status = oc_cli_request_run(&request, &ARGP, argc, argv);

    if (status == 0 && count == 0 && !request.client.json) {
        (void)printf("user %" PRIu64 " has no open orders\n", request.client.user_id);
    }
    return status;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_request *request = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->client;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    uint64_t *count = request->context;

    if (reply->event.kind != OC_EVENT_OPEN_ORDERS) {
        return;
    }
    for (uint32_t i = 0; i < reply->event.open_orders.count; i++) {
        if ((*count)++ == 0) {
            (void)printf("%12s  %-4s  %-16s %12s @ %-12s %10s  %s\n", "order", "side", "symbol",
                         "open", "price", "filled", "client order id");
        }
        print_order(&reply->orders[i]);
    }
}

static void print_order(const struct oc_wire_open_order *open)
{
    const struct oc_event_order *order = &open->order;

    (void)printf("%12" PRIu64 "  %-4s  %-16.*s %12" PRIu64 " @ %-12" PRId64 " %10" PRIu64
                 "  %.*s\n",
                 order->order_id, order->side == OC_BUY ? "buy" : "sell", (int)open->symbol.size,
                 open->symbol.bytes, order->qty_lots, order->price_ticks, order->filled_lots,
                 (int)order->client_order_id.size, order->client_order_id.bytes);
}
