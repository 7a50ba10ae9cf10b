/*
 * Shared by the client subcommands.
 *
 * An exchange ends with a ping of its own: replies of a session keep the order of its requests, so
 * whatever belongs to the request lies before the pong, and no guess about timing is needed.
 */
#include "cli/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* A venue that takes longer is said to be silent. */
#define REPLY_TIMEOUT_NS 10000000000ULL
#define LAST_PING        1U

static error_t on_option(int key, char *value, struct argp_state *state);
static bool send_or_say(struct oc_cli_client *client, const struct oc_command *command);

static const struct argp_option OPTIONS[] = {
    {"connect", 'c', "HOST:PORT", 0, "The venue. Default " OC_ADDRESS_DEFAULT, 0},
    {"user", 'u', "N", 0, "The user. Default 1", 0},
    {"json", 'j', NULL, 0, "Print the replies as they came, one on a line", 0},
    {0},
};

const struct argp oc_cli_client_argp = {OPTIONS, on_option, NULL, NULL, NULL, NULL, NULL};

void oc_cli_client_init(struct oc_cli_client *client)
{
    memset(client, 0, sizeof(*client));
    client->connect = OC_ADDRESS_DEFAULT;
    client->user_id = 1;
    client->connection.fd = -1;
}

bool oc_cli_parse_u64(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t result = 0;

    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9' || result > (UINT64_MAX - digit) / 10) {
            return false;
        }
        result = result * 10 + digit;
    }
    *value = result;
    return result <= max;
}

bool oc_cli_parse_symbol(const char *text, struct oc_symbol *symbol)
{
    size_t size = strlen(text);

    if (size < 1 || size > OC_SYMBOL_BYTES_MAX) {
        return false;
    }
    memset(symbol, 0, sizeof(*symbol));
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\') {
            return false;
        }
        symbol->bytes[i] = text[i];
    }
    symbol->size = (uint8_t)size;
    return true;
}

bool oc_cli_connect(struct oc_cli_client *client)
{
    struct oc_address address;
    char error[256];
    int rc = oc_address_resolve(client->connect, &address, error, sizeof(error));

    if (rc < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return false;
    }
    rc = oc_connection_open(&client->connection, &address, NULL);
    if (rc < 0) {
        oc_cli_say_unreachable(client->connect, rc);
        return false;
    }
    return true;
}

void oc_cli_say_unreachable(const char *connect, int error)
{
    if (error == -ECONNREFUSED) {
        (void)fprintf(stderr,
                      "outcry: nothing listens on %s: start one with `outcry serve --listen %s`\n",
                      connect, connect);
    } else {
        (void)fprintf(stderr, "outcry: connecting to %s: %s\n", connect, strerror(-error));
    }
}

bool oc_cli_exchange(struct oc_cli_client *client, const struct oc_command *command,
                     oc_cli_on_reply *on_reply, void *context)
{
    const struct oc_command tape_off = {
        .kind = OC_COMMAND_SESSION_SET,
        .settings = {.given = OC_SETTING_TRADES},
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
    bool ok = true;
    bool tape_is_off = false;

    if (!send_or_say(client, &tape_off) || !send_or_say(client, command) ||
        !send_or_say(client, &ping)) {
        return false;
    }
    for (;;) {
        struct oc_payload payload;
        int rc = oc_connection_receive(&client->connection, REPLY_TIMEOUT_NS, &payload);
        if (rc < 0) {
            (void)fprintf(stderr, "outcry: %s: %s\n", client->connect,
                          rc == -ETIMEDOUT    ? "no reply within 10 s"
                          : rc == -ECONNRESET ? "the venue closed the connection"
                                              : strerror(-rc));
            return false;
        }
        if (oc_wire_decode_reply(payload.bytes, payload.size, &reply) < 0) {
            (void)fprintf(stderr, "outcry: a reply that the protocol does not know: %.*s\n",
                          (int)payload.size, (const char *)payload.bytes);
            return false;
        }
        if (reply.event.kind == OC_EVENT_PONG) {
            return ok;
        }
        /* Trades of others may come before the venue knows that nobody wants them here. */
        if (!tape_is_off) {
            tape_is_off = reply.event.kind == OC_EVENT_SESSION;
            continue;
        }
        if (client->json) {
            oc_cli_print_line(&payload);
        }
        ok = on_reply(context, &reply, &payload) && ok;
    }
}

bool oc_cli_print_reject(const struct oc_cli_client *client, const struct oc_wire_reply *reply)
{
    const struct oc_event_rejected *rejected = &reply->event.rejected;
    enum oc_reason reason = (enum oc_reason)reply->event.reason;

    if (!client->json) {
        (void)fprintf(stderr, "rejected: %s: %s", oc_reason_name(reason), oc_reason_text(reason));
        if (rejected->detail.size > 0) {
            (void)fprintf(stderr, " (%.*s)", (int)rejected->detail.size, rejected->detail.bytes);
        }
        (void)fputc('\n', stderr);
    }
    return false;
}

void oc_cli_print_line(const struct oc_payload *payload)
{
    (void)fwrite(payload->bytes, 1, payload->size, stdout);
    (void)putchar('\n');
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

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_client *client = state->input;

    switch (key) {
    case 'c':
        client->connect = value;
        return 0;
    case 'u':
        if (!oc_cli_parse_u64(value, UINT64_MAX, &client->user_id)) {
            argp_error(state, "--user %s: a user is a whole number from 0 to 2^64 - 1", value);
        }
        return 0;
    case 'j':
        client->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
