/*
 * What `--listen` says, word by word.
 */
#include "server/listener.h"

#include <stdio.h>
#include <string.h>

#include "io/socket.h"

static int parse_option(const char *option, size_t size, struct oc_listener *listener, char *error,
                        size_t error_size);
static bool is_word(const char *text, size_t size, const char *word);

int oc_listener_parse(const char *text, struct oc_listener *listener, char *error,
                      size_t error_size)
{
    char why[OC_IO_SOCKET_ERROR_BYTES];
    size_t size = strcspn(text, ",");
    *listener = (struct oc_listener){0};
    if (size >= sizeof listener->address) {
        (void)snprintf(error, error_size, "HOST:PORT may have %zu bytes at most; write the address",
                       sizeof listener->address - 1);
        return -1;
    }
    memcpy(listener->address, text, size);
    if (oc_io_address_check(listener->address, why) != 0) {
        (void)snprintf(error, error_size, "%s", why);
        return -1;
    }
    while (text[size] == ',') {
        text += size + 1;
        size = strcspn(text, ",");
        if (parse_option(text, size, listener, error, error_size) != 0) {
            return -1;
        }
    }
    return 0;
}

static int parse_option(const char *option, size_t size, struct oc_listener *listener, char *error,
                        size_t error_size)
{
    static const char CONGESTION[] = "congestion=";
    const size_t name_size = sizeof CONGESTION - 1;
    if (is_word(option, size, "identity=claimed") || is_word(option, size, "confirmations=own")) {
        return 0; /* the defaults */
    }
    if (is_word(option, size, "confirmations=all")) {
        listener->confirmations_all = true;
        return 0;
    }
    if (size > name_size && size - name_size < sizeof listener->congestion &&
        memcmp(option, CONGESTION, name_size) == 0) {
        memcpy(listener->congestion, option + name_size, size - name_size);
        listener->congestion[size - name_size] = '\0';
        return 0;
    }
    (void)snprintf(error, error_size,
                   "\"%.*s\" is no listener option; known are identity=claimed, "
                   "confirmations=own|all, congestion=NAME",
                   (int)size, option);
    return -1;
}

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}
