/*
 * One request and its replies: see request.h.
 *
 * An exchange ends with a ping of its own: replies of a session keep the order of its requests, so
 * whatever belongs to the request lies before the pong, and no guess about timing is needed.
 */
#include "cli/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A venue that takes longer is said to be silent. */
#define REPLY_TIMEOUT_NS 10000000000ULL
#define LAST_PING        1U

static bool exchange(struct oc_cli_request *request);
static bool is_foreign(const struct oc_cli_request *request, const struct oc_event *event);
static bool send_or_say(struct oc_cli_client *client, const struct oc_command *command);
static bool receive_or_say(struct oc_cli_client *client, struct oc_payload *payload,
                           struct oc_wire_reply *reply);
static void say_reject(const struct oc_wire_reply *reply);

int oc_cli_request_run(struct oc_cli_request *request, const struct argp *argp, int argc,
                       char **argv)
{
    bool ok;

    oc_cli_client_init(&request->client);
    (void)argp_parse(argp, argc, argv, 0, NULL, request);
    request->command.user_id = request->client.user_id;
    if (!oc_cli_connect(&request->client)) {
        return 1;
    }
    ok = exchange(request);
    oc_connection_close(&request->client.connection);
    return ok ? 0 : 1;
}

/* Whether all of it worked and nothing was rejected. */
static bool exchange(struct oc_cli_request *request)
{
    const struct oc_command tape = {
        .kind = OC_COMMAND_SESSION_SET,
        .settings = {.given = OC_SETTING_TRADES,
                     .values = request->traded_order_id != 0 ? OC_SETTING_TRADES : 0},
    };
    const struct oc_command ping = {.kind = OC_COMMAND_PING, .ping = {.ping = LAST_PING}};
    static struct oc_event_level levels[2 * OC_BOOK_DEPTH_MAX];
    static struct oc_wire_open_order orders[OC_OPEN_ORDERS_PER_FRAME];
    struct oc_wire_reply reply = {
        .levels = levels,
        .level_capacity = 2 * OC_BOOK_DEPTH_MAX,
        .orders = orders,
        .order_capacity = OC_OPEN_ORDERS_PER_FRAME,
    };
    struct oc_cli_client *client = &request->client;
    struct oc_payload payload;
    bool ok = true;
    bool tape_is_set = false;

    if (!send_or_say(client, &tape) || !send_or_say(client, &request->command) ||
        !send_or_say(client, &ping)) {
        return false;
    }
    while (receive_or_say(client, &payload, &reply)) {
        if (reply.event.kind == OC_EVENT_PONG) {
            return ok;
        }
        /* Trades of others may come before the venue knows that nobody wants them here. */
        if (!tape_is_set) {
            tape_is_set = reply.event.kind == OC_EVENT_SESSION;
            continue;
        }
        if (is_foreign(request, &reply.event)) {
            continue;
        }
        ok = ok && reply.event.kind != OC_EVENT_REJECTED;
        if (client->json) {
            oc_cli_print_line(&payload);
        } else if (reply.event.kind == OC_EVENT_REJECTED) {
            say_reject(&reply);
        } else {
            request->show(request, &reply);
        }
    }
    return false;
}

/* A trade of others, heard because this request listens to the tape. */
static bool is_foreign(const struct oc_cli_request *request, const struct oc_event *event)
{
    return request->traded_order_id != 0 && event->kind == OC_EVENT_TRADE &&
           event->trade.buyer_order_id != request->traded_order_id &&
           event->trade.seller_order_id != request->traded_order_id;
}

static bool send_or_say(struct oc_cli_client *client, const struct oc_command *command)
{
    int rc = oc_connection_send(&client->connection, command);

    if (rc < 0) {
        (void)fprintf(stderr, "outcry: %s: %s\n", client->connect, strerror(-rc));
        return false;
    }
    return true;
}

static bool receive_or_say(struct oc_cli_client *client, struct oc_payload *payload,
                           struct oc_wire_reply *reply)
{
    int rc = oc_connection_receive(&client->connection, REPLY_TIMEOUT_NS, payload);

    if (rc < 0) {
        (void)fprintf(stderr, "outcry: %s: %s\n", client->connect,
                      rc == -ETIMEDOUT    ? "no reply within 10 s"
                      : rc == -ECONNRESET ? "the venue closed the connection"
                                          : strerror(-rc));
        return false;
    }
    if (oc_wire_decode_reply(payload->bytes, payload->size, reply) < 0) {
        (void)fprintf(stderr, "outcry: a reply that the protocol does not know: %.*s\n",
                      (int)payload->size, (const char *)payload->bytes);
        return false;
    }
    return true;
}

static void say_reject(const struct oc_wire_reply *reply)
{
    const struct oc_event_rejected *rejected = &reply->event.rejected;
    enum oc_reason reason = (enum oc_reason)reply->event.reason;

    (void)fprintf(stderr, "rejected: %s: %s", oc_reason_name(reason), oc_reason_text(reason));
    if (rejected->detail.size > 0) {
        (void)fprintf(stderr, " (%.*s)", (int)rejected->detail.size, rejected->detail.bytes);
    }
    (void)fputc('\n', stderr);
}
