/*
 * outcry cancel: cancels one order of the user.
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

int oc_cli_cancel(int argc, char **argv)
{
    static const struct argp_child CHILDREN[] = {{&oc_cli_client_argp, 0, NULL, 0}, {0}};
    static const struct argp ARGP = {
        NULL,
        on_option,
        "ORDER_ID",
        "Cancels one open order of the user.\vExit status: 0 cancelled, 1 rejected or not "
        "reached, 2 usage.",
        CHILDREN,
        NULL,
        NULL,
    };
    static struct oc_cli_client client;
    struct arguments arguments = {.client = &client};
    bool ok;

    oc_cli_client_init(&client);
    arguments.command.kind = OC_COMMAND_CANCEL;
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    arguments.command.user_id = client.user_id;
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

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = arguments->client;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 ||
            !oc_cli_parse_u64(value, UINT64_MAX, &arguments->command.cancel.order_id)) {
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

static bool on_reply(void *context, const struct oc_wire_reply *reply,
                     const struct oc_payload *payload)
{
    const struct oc_cli_client *client = context;

    (void)payload;
    if (reply->event.kind == OC_EVENT_REJECTED) {
        return oc_cli_print_reject(client, reply);
    }
    if (!client->json && reply->event.kind == OC_EVENT_CANCELLED) {
        (void)printf("order %" PRIu64 ": %" PRIu64 " cancelled\n", reply->event.order.order_id,
                     reply->event.order.qty_lots);
    }
    return true;
}
