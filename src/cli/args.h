/*
 * What the subcommands of a client share: the address and user options, numbers, the exchange of
 * one request, and sentences for what can go wrong.
 */
#ifndef OC_CLI_ARGS_H
#define OC_CLI_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"
#include "core/command.h"
#include "wire/reply.h"

/** Options --connect, --user, --json; a child parser of every client subcommand. */
struct oc_cli_client {
    const char *connect; /* HOST:PORT */
    uint64_t user_id;
    bool json;
    struct oc_connection connection;
};

extern const struct argp oc_cli_client_argp;

/** Sets the defaults: 127.0.0.1:7400, user 1. */
void oc_cli_client_init(struct oc_cli_client *client);

/** Whole text as an unsigned number up to `max`; digits only. False if it is not. */
bool oc_cli_parse_u64(const char *text, uint64_t max, uint64_t *value);

/** A symbol of 1 to 32 bytes of printable ASCII without quote and backslash. False if it is not. */
bool oc_cli_parse_symbol(const char *text, struct oc_symbol *symbol);

/** Connects. On failure says why and what to do on stderr and returns false. */
bool oc_cli_connect(struct oc_cli_client *client);

/** Says on stderr why an address could not be reached, and the mend. */
void oc_cli_say_unreachable(const char *connect, int error);

/** Called for each reply of an exchange, in order. `payload` is the reply's JSON. */
typedef bool oc_cli_on_reply(void *context, const struct oc_wire_reply *reply,
                             const struct oc_payload *payload);

/**
 * Sends a command with the public tape off and hands every reply to `on_reply`: what comes before
 * the pong of a ping behind the command. With --json each payload is printed as a line too. Returns
 * whether all of it worked and `on_reply` was always true; says on stderr what did not.
 */
bool oc_cli_exchange(struct oc_cli_client *client, const struct oc_command *command,
                     oc_cli_on_reply *on_reply, void *context);

/** Prints a reply that every subcommand tells alike: rejected. Returns false. */
bool oc_cli_print_reject(const struct oc_cli_client *client, const struct oc_wire_reply *reply);

/** Prints a payload as one line on stdout. */
void oc_cli_print_line(const struct oc_payload *payload);

#endif
