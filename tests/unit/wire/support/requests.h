/*
 * Random requests, and every way to write them down that docs/protocol.md permits: member order,
 * white space, escapes, x_ members, `type`, defaults that could be left out.
 */
#ifndef OC_TESTS_UNIT_WIRE_SUPPORT_REQUESTS_H
#define OC_TESTS_UNIT_WIRE_SUPPORT_REQUESTS_H

#include "core/command.h"
#include "core/random.h"

#define REQUESTS_TEXT_BYTES_MAX 32768

struct requests_text {
    size_t size;
    char bytes[REQUESTS_TEXT_BYTES_MAX];
};

/** A valid command of any kind that a client can send, as the decoder would fill it. */
void requests_command(struct oc_random *random, struct oc_command *command);

/** One JSON object that means this command. */
void requests_write(struct oc_random *random, const struct oc_command *command,
                    struct requests_text *text);

/** A number of random width: every power of two is equally likely. */
uint64_t requests_number(struct oc_random *random, uint64_t min, uint64_t max);

/** A name of 1 to bytes_max bytes of what symbols and client_order_ids may hold. */
uint8_t requests_name(struct oc_random *random, char *bytes, uint32_t bytes_max);

#endif
