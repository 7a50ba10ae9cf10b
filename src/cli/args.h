/*
 * What the subcommands of a client share: the address and user options, numbers and texts, the
 * connection, and sentences for what can go wrong.
 */
#ifndef OC_CLI_ARGS_H
#define OC_CLI_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/connection.h"
#include "core/types.h"

/** What the options --connect, --user and --json say, and the connection. Static: 68 KiB. */
struct oc_cli_client {
    const char *connect; /* HOST:PORT */
    uint64_t user_id;
    bool json;
    struct oc_connection connection;
};

/**
 * Those options, as the children of a subcommand's parser, which at ARGP_KEY_INIT gives its struct
 * oc_cli_client to child_inputs[0].
 */
extern const struct argp_child oc_cli_client_children[];

/** Sets the defaults: 127.0.0.1:7400, user 1. */
void oc_cli_client_init(struct oc_cli_client *client);

/** Whole text as an unsigned number up to `max`; digits only. False if it is not. */
bool oc_cli_parse_u64(const char *text, uint64_t max, uint64_t *value);

/**
 * The whole number that option `name` was given, from `min` to `max`. What is none ends the program
 * by argp_error(), which says what is needed.
 */
uint64_t oc_cli_number(struct argp_state *state, const char *name, const char *value, uint64_t min,
                       uint64_t max);

/** A symbol of 1 to 32 bytes of printable ASCII without quote and backslash. False if it is not. */
bool oc_cli_parse_symbol(const char *text, struct oc_symbol *symbol);

/** The same for a client_order_id of 1 to 36 bytes. */
bool oc_cli_parse_client_order_id(const char *text, struct oc_client_order_id *id);

/** Connects. On failure says why and what to do on stderr and returns false. */
bool oc_cli_connect(struct oc_cli_client *client);

/** Says on stderr why an address could not be reached, and the mend. */
void oc_cli_say_unreachable(const char *connect, int error);

/** Prints a payload as one line on stdout. */
void oc_cli_print_line(const struct oc_payload *payload);

#endif
