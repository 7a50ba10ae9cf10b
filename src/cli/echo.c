/*
 * outcry echo: the echo servers that `outcry verify` measures. Hidden: it trades nothing.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "io/probe.h"
#include "verify/echo.h"

enum {
    KEY_NET = 1000,
    KEY_BUSY_POLL,
    KEY_DELAY,
    KEY_MESSAGE_SIZE,
};

static const struct argp_option OPTIONS[] = {
    {"listen", 'l', "HOST:PORT", 0, "Listen here. Default 127.0.0.1:0", 0},
    {"net", KEY_NET, "io_uring|epoll|blocking", 0,
     "The backend; blocking is the floor, one connection at a time. Default epoll", 0},
    {"busy-poll", KEY_BUSY_POLL, "US", 0, "Spin so long before blocking. Default 0", 0},
    {"delay-ns", KEY_DELAY, "NS", 0, "Be busy so long for each message. Default 0", 0},
    {"message-size", KEY_MESSAGE_SIZE, "BYTES", 0, "Of a message, for the delay. Default 1", 0},
    {0}};

struct arguments {
    struct oc_verify_echo_config config;
    enum oc_io_mode mode;
    bool blocking;
};

static error_t on_option(int key, char *value, struct argp_state *state);

int oc_cli_echo(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS, on_option, NULL, "Sends back what comes. Part of `outcry verify`.",
        NULL,    NULL,      NULL};
    struct arguments arguments = {
        .config = {.listen = "127.0.0.1:0", .message_size = 1},
        .mode = OC_IO_MODE_EPOLL,
    };
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];

    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    if (!arguments.blocking) {
        arguments.config.ops = oc_io_choose(arguments.mode, &report, reason, sizeof(reason));
        if (arguments.config.ops == NULL) {
            (void)fprintf(stderr, "outcry: %s\n", reason);
            return 1;
        }
    }
    return oc_verify_echo_run(&arguments.config);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'l':
        arguments->config.listen = value;
        return 0;
    case KEY_NET:
        arguments->blocking = strcmp(value, "blocking") == 0;
        if (!arguments->blocking && oc_io_mode_parse(value, &arguments->mode) != 0) {
            argp_error(state, "--net %s: io_uring, epoll or blocking is needed", value);
        }
        return 0;
    case KEY_BUSY_POLL:
        arguments->config.busy_poll_ns = 1000U *
                                         oc_cli_number(state, "--busy-poll", value, 0, 1000000);
        return 0;
    case KEY_DELAY:
        arguments->config.delay_ns = oc_cli_number(state, "--delay-ns", value, 0, 1000000000);
        return 0;
    case KEY_MESSAGE_SIZE:
        arguments->config.message_size = (uint32_t)oc_cli_number(state, "--message-size", value, 1,
                                                                 1U << 20);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
