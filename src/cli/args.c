/*
 * Shared by the client subcommands: see args.h.
 */
#include "cli/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "io/socket.h"

static error_t on_option(int key, char *value, struct argp_state *state);
static bool parse_plain(const char *text, char *bytes, size_t bytes_max, uint8_t *size);

static const struct argp_option OPTIONS[] = {
    {"connect", 'c', "HOST:PORT", 0, "The venue. Default " OC_VENUE_ADDRESS_DEFAULT, 0},
    {"user", 'u', "N", 0, "The user. Default 1", 0},
    {"json", 'j', NULL, 0, "Print the replies as they came, one on a line", 0},
    {0},
};

static const struct argp CLIENT_ARGP = {OPTIONS, on_option, NULL, NULL, NULL, NULL, NULL};

const struct argp_child oc_cli_client_children[] = {{&CLIENT_ARGP, 0, NULL, 0}, {0}};

void oc_cli_client_init(struct oc_cli_client *client)
{
    memset(client, 0, sizeof(*client));
    client->connect = OC_VENUE_ADDRESS_DEFAULT;
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

uint64_t oc_cli_number(struct argp_state *state, const char *name, const char *value, uint64_t min,
                       uint64_t max)
{
    uint64_t result = 0;

    if (!oc_cli_parse_u64(value, max, &result) || result < min) {
        argp_error(state, "%s %s: a whole number from %" PRIu64 " to %" PRIu64 " is needed", name,
                   value, min, max);
    }
    return result;
}

bool oc_cli_parse_symbol(const char *text, struct oc_symbol *symbol)
{
    return parse_plain(text, symbol->bytes, sizeof(symbol->bytes), &symbol->size);
}

bool oc_cli_parse_client_order_id(const char *text, struct oc_client_order_id *id)
{
    return parse_plain(text, id->bytes, sizeof(id->bytes), &id->size);
}

bool oc_cli_connect(struct oc_cli_client *client)
{
    struct oc_io_address address;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    int rc = oc_io_address_parse(client->connect, &address, error);

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

void oc_cli_print_line(const struct oc_payload *payload)
{
    (void)fwrite(payload->bytes, 1, payload->size, stdout);
    (void)putchar('\n');
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct oc_cli_client *client = state->input;
    char error[OC_IO_SOCKET_ERROR_BYTES];

    switch (key) {
    case 'c':
        if (oc_io_address_check(value, error) < 0) {
            argp_error(state, "--connect %s: %s", value, error);
        }
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

/* Into a text that travels by value: what is beyond its size is zero. */
static bool parse_plain(const char *text, char *bytes, size_t bytes_max, uint8_t *size)
{
    size_t text_size = strlen(text);

    if (text_size < 1 || text_size > bytes_max || !oc_text_is_plain(text, text_size)) {
        return false;
    }
    memset(bytes, 0, bytes_max);
    memcpy(bytes, text, text_size);
    *size = (uint8_t)text_size;
    return true;
}
