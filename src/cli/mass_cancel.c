/*
 * outcry mass-cancel: cancels the user's open orders, all or those of one symbol or side.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"

enum {
    KEY_SIDE = 1000,
};

static const struct argp_option OPTIONS[] = {
    {"side", KEY_SIDE, "buy|sell", 0, "Only the orders of this side", 0},
    {0},
};

static error_t on_option(int key, char *value, struct argp_state *state);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);

int oc_cli_mass_cancel(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "[SYMBOL]",
        "Cancels every open order of the user, or those of one symbol.\vExit status: 0 done, also "
        "when there was none; 1 rejected or not reached, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static struct oc_cli_request request = {
        .command = {.kind = OC_COMMAND_MASS_CANCEL},
        .show = show,
    };

    return oc_cli_request_run(&request, &ARGP, argc, argv);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_request *request = state->input;
    struct oc_command_mass_cancel *mass_cancel = &request->command.mass_cancel;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->client;
        return 0;
    case KEY_SIDE:
        if (strcmp(value, "buy") != 0 && strcmp(value, "sell") != 0) {
            argp_error(state, "--side %s: buy or sell", value);
        }
        mass_cancel->has_side = true;
        mass_cancel->side = *value == 'b' ? OC_BUY : OC_SELL;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) {
            argp_error(state, "\"%s\" is one argument too many", value);
        }
        if (!oc_cli_parse_symbol(value, &mass_cancel->symbol)) {
            argp_error(state, "a symbol is 1 to 32 bytes of printable ASCII without \" and \\");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    const struct oc_event *event = &reply->event;

    (void)request;
    if (event->kind == OC_EVENT_CANCELLED) {
        (void)printf("order %" PRIu64 ": %" PRIu64 " cancelled\n", event->order.order_id,
                     event->order.qty_lots);
    } else if (event->kind == OC_EVENT_MASS_CANCELLED) {
        (void)printf("%" PRIu64 " cancelled\n", event->count);
    }
}
