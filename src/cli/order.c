/*
 * outcry order: enters one order and tells what became of it at once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"

enum {
    KEY_IOC = 1000,
    KEY_CLIENT_ORDER_ID,
};

static const struct argp_option OPTIONS[] = {
    {"ioc", KEY_IOC, NULL, 0, "Immediate or cancel: what finds no counterpart does not rest", 0},
    {"client-order-id", KEY_CLIENT_ORDER_ID, "ID", 0,
     "A name of your own, 1 to 36 bytes: the same order sent twice executes once", 0},
    {0},
};

static error_t on_option(int key, char *value, struct argp_state *state);
static void on_argument(struct oc_command_new *order, const char *value, struct argp_state *state);
static bool parse_quantity_at_price(const char *text, struct oc_command_new *order);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);
static void print_trade(const struct oc_command_new *order, const struct oc_wire_reply *reply,
                        uint64_t *filled_lots);

int oc_cli_order(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "buy|sell SYMBOL QUANTITY@PRICE",
        "Enters one limit order, for instance: outcry order buy BTC/USD 10@50000\v"
        "QUANTITY in lots and PRICE in ticks are whole numbers. Exit status: 0 accepted, 1 "
        "rejected or not reached, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static uint64_t filled_lots;
    static struct oc_cli_request request = {
        .command = {.kind = OC_COMMAND_NEW},
        .show = show,
        .context = &filled_lots,
    };

    return oc_cli_request_run(&request, &ARGP, argc, argv);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_request *request = state->input;
    struct oc_command_new *order = &request->command.new_order;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->client;
        return 0;
    case KEY_IOC:
        order->time_in_force = OC_IMMEDIATE_OR_CANCEL;
        return 0;
    case KEY_CLIENT_ORDER_ID:
        if (!oc_cli_parse_client_order_id(value, &order->client_order_id)) {
            argp_error(state, "--client-order-id: 1 to 36 bytes of printable ASCII without \" "
                              "and \\");
        }
        return 0;
    case ARGP_KEY_ARG:
        on_argument(order, value, state);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 3) {
            argp_error(state, "say buy or sell, the symbol and QUANTITY@PRICE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void on_argument(struct oc_command_new *order, const char *value, struct argp_state *state)
{
    switch (state->arg_num) {
    case 0:
        order->side = strcmp(value, "sell") == 0 ? OC_SELL : OC_BUY;
        if (order->side == OC_BUY && strcmp(value, "buy") != 0) {
            argp_error(state, "\"%s\" is neither buy nor sell", value);
        }
        break;
    case 1:
        if (!oc_cli_parse_symbol(value, &order->symbol)) {
            argp_error(state, "a symbol is 1 to 32 bytes of printable ASCII without \" and \\");
        }
        break;
    case 2:
        if (!parse_quantity_at_price(value, order)) {
            argp_error(state,
                       "\"%s\" is not QUANTITY@PRICE in whole numbers from 1 to 2^63 - 1, for "
                       "instance 10@50000",
                       value);
        }
        break;
    default:
        argp_error(state, "\"%s\" is one argument too many", value);
    }
}

static bool parse_quantity_at_price(const char *text, struct oc_command_new *order)
{
    char quantity[24];
    const char *at = strchr(text, '@');
    uint64_t price;

    if (at == NULL || (size_t)(at - text) >= sizeof(quantity)) {
        return false;
    }
    memcpy(quantity, text, (size_t)(at - text));
    quantity[at - text] = '\0';
    if (!oc_cli_parse_u64(quantity, OC_QTY_LOTS_MAX, &order->qty_lots) ||
        !oc_cli_parse_u64(at + 1, (uint64_t)OC_PRICE_TICKS_MAX, &price)) {
        return false;
    }
    order->price_ticks = (int64_t)price;
    return order->qty_lots > 0 && price > 0;
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    const struct oc_command_new *order = &request->command.new_order;
    const struct oc_event *event = &reply->event;
    uint64_t *filled_lots = request->context;

    switch (event->kind) {
    case OC_EVENT_TRADE:
        print_trade(order, reply, filled_lots);
        break;
    case OC_EVENT_CONFIRMED:
        (void)printf("order %" PRIu64 " rests: %s %" PRIu64 " %.*s at %" PRId64 "\n",
                     event->order.order_id, order->side == OC_BUY ? "buy" : "sell",
                     order->qty_lots - *filled_lots, (int)order->symbol.size, order->symbol.bytes,
                     order->price_ticks);
        break;
    case OC_EVENT_CANCELLED:
        (void)printf("order %" PRIu64 ": %" PRIu64 " cancelled: %s\n", event->order.order_id,
                     event->order.qty_lots, oc_reason_text((enum oc_reason)event->reason));
        break;
    case OC_EVENT_DUPLICATE:
        (void)printf("order %" PRIu64 " has this client order id already: nothing was entered\n",
                     event->order.order_id);
        break;
    default:
        break;
    }
}

/* The arriving order is the one whose side was entered here. */
static void print_trade(const struct oc_command_new *order, const struct oc_wire_reply *reply,
                        uint64_t *filled_lots)
{
    const struct oc_event_trade *trade = &reply->event.trade;
    bool buy = order->side == OC_BUY;

    *filled_lots += trade->qty_lots;
    (void)printf("trade %" PRIu64 ": %s %" PRIu64 " %.*s at %" PRId64 " %s user %" PRIu64
                 " (your order %" PRIu64 ", theirs %" PRIu64 ")\n",
                 trade->trade_id, buy ? "bought" : "sold", trade->qty_lots, (int)reply->symbol.size,
                 reply->symbol.bytes, trade->price_ticks, buy ? "from" : "to",
                 buy ? trade->seller_user_id : trade->buyer_user_id,
                 buy ? trade->buyer_order_id : trade->seller_order_id,
                 buy ? trade->seller_order_id : trade->buyer_order_id);
    if (*filled_lots == order->qty_lots) {
        (void)printf("order %" PRIu64 " is filled\n",
                     buy ? trade->buyer_order_id : trade->seller_order_id);
    }
}
