/*
 * outcry replace: changes the quantity, the price or both of one open order.
 */
#define _GNU_SOURCE /* strchrnul */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"

static error_t on_option(int key, char *value, struct argp_state *state);
static void on_argument(struct oc_command_replace *replace, const char *value,
                        struct argp_state *state);
static bool parse_terms(const char *text, struct oc_command_replace *replace);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);

int oc_cli_replace(int argc, char **argv)
{
    static const struct argp ARGP = {
        NULL,
        on_option,
        "ORDER_ID QUANTITY[@PRICE]",
        "Changes one open order, for instance: outcry replace 7 5@50010\v"
        "QUANTITY is the new open quantity. Less at the same price keeps the place in the queue; "
        "anything else goes to its end and may trade at once. "
        "Exit status: 0 replaced, 1 rejected or not reached, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static struct oc_cli_request request = {.command = {.kind = OC_COMMAND_REPLACE}, .show = show};

    return oc_cli_request_run(&request, &ARGP, argc, argv);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_request *request = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->client;
        return 0;
    case ARGP_KEY_ARG:
        on_argument(&request->command.replace, value, state);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2) {
            argp_error(state, "say the order id and QUANTITY or QUANTITY@PRICE; `outcry orders` "
                              "lists the orders");
        }
        request->traded_order_id = request->command.replace.order_id;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void on_argument(struct oc_command_replace *replace, const char *value,
                        struct argp_state *state)
{
    switch (state->arg_num) {
    case 0:
        if (!oc_cli_parse_u64(value, UINT64_MAX, &replace->order_id)) {
            argp_error(state, "\"%s\" is no order id, a whole number; `outcry orders` lists them",
                       value);
        }
        break;
    case 1:
        if (!parse_terms(value, replace)) {
            argp_error(state,
                       "\"%s\" is not QUANTITY or QUANTITY@PRICE in whole numbers from 1 to "
                       "2^63 - 1, for instance 5@50010",
                       value);
        }
        break;
    default:
        argp_error(state, "\"%s\" is one argument too many", value);
    }
}

static bool parse_terms(const char *text, struct oc_command_replace *replace)
{
    char quantity[24];
    const char *at = strchrnul(text, '@');
    uint64_t price = 0;

    if ((size_t)(at - text) >= sizeof(quantity)) {
        return false;
    }
    memcpy(quantity, text, (size_t)(at - text));
    quantity[at - text] = '\0';
    if (!oc_cli_parse_u64(quantity, OC_QTY_LOTS_MAX, &replace->qty_lots) ||
        replace->qty_lots == 0) {
        return false;
    }
    if (*at == '@' &&
        (!oc_cli_parse_u64(at + 1, (uint64_t)OC_PRICE_TICKS_MAX, &price) || price == 0)) {
        return false;
    }
    replace->price_ticks = (int64_t)price; /* 0 keeps it */
    return true;
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    const struct oc_event *event = &reply->event;

    if (event->kind == OC_EVENT_REPLACED) {
        (void)printf("order %" PRIu64 ": %" PRIu64 " at %" PRId64 "\n", event->order.order_id,
                     event->order.qty_lots, event->order.price_ticks);
    } else if (event->kind == OC_EVENT_TRADE) {
        bool buy = event->trade.buyer_order_id == request->traded_order_id;
        (void)printf("trade %" PRIu64 ": %s %" PRIu64 " %.*s at %" PRId64 " %s user %" PRIu64 "\n",
                     event->trade.trade_id, buy ? "bought" : "sold", event->trade.qty_lots,
                     (int)reply->symbol.size, reply->symbol.bytes, event->trade.price_ticks,
                     buy ? "from" : "to",
                     buy ? event->trade.seller_user_id : event->trade.buyer_user_id);
    }
}
