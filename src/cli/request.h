/*
 * A subcommand that sends one request: from its command line to its last reply.
 */
#ifndef OC_CLI_REQUEST_H
#define OC_CLI_REQUEST_H

#include "cli/args.h"
#include "core/command.h"
#include "wire/reply.h"

/** Static: 68 KiB. */
struct oc_cli_request {
    struct oc_cli_client client;
    struct oc_command command; /* for the user of the command line */
    /* Called for each reply that is no reject, in order; not with --json. */
    void (*show)(const struct oc_cli_request *request, const struct oc_wire_reply *reply);
    void *context; /* for show */
    /* Also shown: trades of this order, which the session that entered it is told of, and the tape.
     * 0: none. */
    uint64_t traded_order_id;
};

/**
 * Reads the command line, connects, sends the command with the public tape off and shows every
 * reply to it: what comes before the pong of a ping behind the command. A reject is told on stderr;
 * with --json each payload is a line on stdout instead.
 *
 * @argp  gets the request as its input, its options and arguments fill the command. Its children
 *        are oc_cli_client_children.
 * Returns the exit status: 0, or 1 when it was rejected or not answered, which stderr tells.
 */
int oc_cli_request_run(struct oc_cli_request *request, const struct argp *argp, int argc,
                       char **argv);

#endif
