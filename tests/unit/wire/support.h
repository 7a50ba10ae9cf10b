/*
 * What the tests of this room share beside the helpers of core's: being shorter where each round
 * costs more, and decoding from a buffer that is exactly as large as the payload.
 */
#ifndef OC_TESTS_UNIT_WIRE_SUPPORT_H
#define OC_TESTS_UNIT_WIRE_SUPPORT_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/random.h"
#include "unit/core/support.h"
#include "wire/reply.h"
#include "wire/wire.h"

/* `count` rounds of an ordinary build, fewer where each costs some ten or some fifty times as much.
 */
static inline uint32_t wire_rounds(uint32_t count)
{
    const char *sanitize = getenv("OUTCRY_SANITIZE");

    if (support_under_valgrind()) {
        return count / 100;
    }
    return sanitize != NULL && sanitize[0] != '\0' ? count / 10 : count;
}

/* Decodes from memory of just that size, so that the sanitizers and valgrind see a read beyond it.
 */
static inline enum oc_reason support_decode_bytes(const void *bytes, size_t size,
                                                  struct oc_command *command)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    enum oc_reason reason;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    /* What the decoder must set is not set before. */
    memset(command, 0xa5, sizeof(*command));
    reason = oc_wire_decode_request(copy, size, command);
    free(copy);
    return reason;
}

static inline enum oc_reason support_decode(const char *json, struct oc_command *command)
{
    return support_decode_bytes(json, strlen(json), command);
}

static inline struct oc_symbol support_symbol(const char *text)
{
    struct oc_symbol symbol = {.size = (uint8_t)strlen(text)};

    memcpy(symbol.bytes, text, symbol.size);
    return symbol;
}

static inline struct oc_client_order_id support_client_order_id(const char *text)
{
    struct oc_client_order_id id = {.size = (uint8_t)strlen(text)};

    memcpy(id.bytes, text, id.size);
    return id;
}

static inline struct oc_detail support_detail(const char *text)
{
    struct oc_detail detail = {.size = (uint8_t)strlen(text)};

    memcpy(detail.bytes, text, detail.size);
    return detail;
}

#endif
