/*
 * outcry cancel: cancels one order of the user.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/request.h"

static error_t on_option(int key, char *value, struct argp_state *state);
static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply);

int oc_cli_cancel(int argc, char **argv)
{
    static const struct argp ARGP = {
        NULL,
        on_option,
        "ORDER_ID",
        "Cancels one open order of the user.\vExit status: 0 cancelled, 1 rejected or not "
        "reached, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static struct oc_cli_request request = {.command = {.kind = OC_COMMAND_CANCEL}, .show = show};

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
        if (state->arg_num > 0 ||
            !oc_cli_parse_u64(value, UINT64_MAX, &request->command.cancel.order_id)) {
            argp_error(state,
                       "\"%s\": say one order id, a whole number; `outcry orders` lists "
                       "them",
                       value);
        }
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say the order id; `outcry orders` lists them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show(const struct oc_cli_request *request, const struct oc_wire_reply *reply)
{
    (void)request;
    if (reply->event.kind == OC_EVENT_CANCELLED) {
        (void)printf("order %" PRIu64 ": %" PRIu64 " cancelled\n", reply->event.order.order_id,
                     reply->event.order.qty_lots);
    }
}
