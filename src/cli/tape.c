/*
 * outcry tape: prints every trade as it happens, until Ctrl-C or a number of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "wire/reply.h"

struct arguments {
    struct oc_cli_client *client;
    uint64_t count;
};

static const struct argp_option OPTIONS[] = {
    {"count", 'n', "N", 0, "End after this many trades. Default: at Ctrl-C", 0},
    {0},
};

/* For the signal handler. */
static volatile sig_atomic_t stopped;
static volatile sig_atomic_t connection_fd = -1;

static error_t on_option(int key, char *value, struct argp_state *state);
static void on_signal(int signal);
static int print_trades(struct oc_cli_client *client, uint64_t count);
static void print_trade(const struct oc_wire_reply *reply);

int oc_cli_tape(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "",
        "Prints the public tape: every trade of every instrument.\vExit status: 0 ended by "
        "Ctrl-C or --count, 1 the venue was not reached or went away, 2 usage.",
        oc_cli_client_children,
        NULL,
        NULL,
    };
    static struct oc_cli_client client;
    struct arguments arguments = {.client = &client, .count = UINT64_MAX};
    struct sigaction action = {.sa_handler = on_signal};
    int status;

    oc_cli_client_init(&client);
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    /* Without SA_RESTART: a connect or a write to a pipe that waits must return. */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (!oc_cli_connect(&client)) {
        return 1;
    }
    connection_fd = client.connection.fd;
    status = print_trades(&client, arguments.count);
    connection_fd = -1;
    oc_connection_close(&client.connection);
    return status;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = arguments->client;
        return 0;
    case 'n':
        if (!oc_cli_parse_u64(value, UINT64_MAX, &arguments->count) || arguments->count == 0) {
            argp_error(state, "--count %s: a whole number from 1", value);
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Ends the stream of replies, so that a receive that begins between the look at `stopped` and its
 * wait returns as well. */
static void on_signal(int signal)
{
    int saved_errno = errno;

    (void)signal;
    stopped = 1;
    (void)shutdown(connection_fd, SHUT_RD);
    errno = saved_errno;
}

static int print_trades(struct oc_cli_client *client, uint64_t count)
{
    struct oc_wire_reply reply = {.levels = NULL, .level_capacity = 0};

    while (count > 0 && !stopped) {
        struct oc_payload payload;
        int rc = oc_connection_receive(&client->connection, UINT64_MAX, &payload);
        if (rc == -EINTR || (rc < 0 && stopped)) {
            continue;
        }
        if (rc < 0) {
            (void)fprintf(stderr, "outcry: %s: %s\n", client->connect,
                          rc == -ECONNRESET ? "the venue closed the connection" : strerror(-rc));
            return 1;
        }
        if (oc_wire_decode_reply(payload.bytes, payload.size, &reply) < 0 ||
            reply.event.kind != OC_EVENT_TRADE) {
            continue;
        }
        if (client->json) {
            oc_cli_print_line(&payload);
        } else {
            print_trade(&reply);
        }
        /* A tape that is piped or watched is of no use in a buffer. */
        (void)fflush(stdout);
        count--;
    }
    return 0;
}

static void print_trade(const struct oc_wire_reply *reply)
{
    const struct oc_event_trade *trade = &reply->event.trade;
    time_t seconds = (time_t)(trade->time_ns / 1000000000U);
    struct tm utc;
    char clock[16] = "";

    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &utc);
    }
    (void)printf(
        "%s.%06" PRIu64 "Z  trade %" PRIu64 "  %.*s  %" PRIu64 " at %" PRId64 "  buyer %" PRIu64
        " (order %" PRIu64 ")  seller %" PRIu64 " (order %" PRIu64 ")\n",
        clock, trade->time_ns % 1000000000U / 1000U, trade->trade_id, (int)reply->symbol.size,
        reply->symbol.bytes, trade->qty_lots, trade->price_ticks, trade->buyer_user_id,
        trade->buyer_order_id, trade->seller_user_id, trade->seller_order_id);
}
