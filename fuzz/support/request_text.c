/*
 * The table of requests: every kind that docs/protocol.md defines, and some that it does not.
 */
#include "support/request_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

/* @u user_id, @s symbol, @d side, @p price, @q quantity, @o order_id, @c client_order_id, @n any
 * number, @b true or false, @w on or off. Each takes one byte of the program. */
/* Long templates go on in a second literal. NOLINTBEGIN(bugprone-suspicious-missing-comma) */
static const char *const TEXTS[] = {
    "{\"user_id\":@u,\"symbol\":\"@s\",\"order_type\":\"@d\",\"price\":@p,\"quantity\":@q}",
    "{\"user_id\":@u,\"symbol\":\"@s\",\"order_type\":\"@d\",\"price\":@p,\"quantity\":@q,"
    "\"client_order_id\":\"@c\",\"request_id\":@n}",
    "{\"user_id\":@u,\"symbol\":\"@s\",\"order_type\":\"@d\",\"price\":@p,\"quantity\":@q,"
    "\"time_in_force\":\"IOC\"}",
    "{\"user_id\":@u,\"order_id\":@o}",
    "{\"user_id\":@u,\"order_id\":@o,\"price\":@p,\"quantity\":@q,\"request_id\":@n}",
    "{\"user_id\":@u,\"order_id\":@o,\"total_quantity\":@q}",
    "{\"user_id\":@u,\"mass_cancel\":true}",
    "{\"user_id\":@u,\"mass_cancel\":true,\"symbol\":\"@s\",\"side\":\"@d\"}",
    "{\"user_id\":@u,\"open_orders\":true}",
    "{\"book\":\"@s\",\"depth\":@q}",
    "{\"session\":{\"trades\":\"@w\"}}",
    "{\"session\":{\"reports\":\"@w\"}}",
    "{\"session\":{\"cancel_on_disconnect\":@b}}",
    "{\"session\":{\"ping\":@n},\"request_id\":@n}",
    "{\"session\":{\"trades\":\"@w\",\"reports\":\"@w\",\"cancel_on_disconnect\":@b}}",
    "{\"type\":\"cancel\",\"order_id\":@o,\"x_a\":[[[0]]],\"user_id\":@u}",
    "{\"user_id\":@u,\"order_id\":@o,\"qty\":@q}",
    "{\"user_id\":@u,\"symbol\":\"@s\",\"order_type\":\"@d\",\"price\":@p,\"quantity\":@q,"
    "\"kind\":\"Stop\"}",
    "not json @n",
    "{}",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

/* Bytes from here on stand for one of the ends. */
#define ENDS_FROM 0xf8U
static const char *const ENDS[256 - ENDS_FROM] = {
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "281474976710655",
    "-1",
    "1.5",
};

static int place(char *text, size_t room, char what, uint8_t byte, uint32_t step);
static int number(char *text, size_t room, uint8_t byte, uint64_t otherwise);

uint8_t program_take(struct program *program)
{
    if (program->left == 0) {
        return 0;
    }
    program->left--;
    return *program->bytes++;
}

size_t request_text(struct program *program, uint8_t number_of, uint32_t step,
                    char text[REQUEST_TEXT_BYTES_MAX])
{
    const char *from = TEXTS[number_of % (sizeof(TEXTS) / sizeof(TEXTS[0]))];
    size_t used = 0;

    for (; *from != '\0'; from++) {
        OC_ASSERT(used < REQUEST_TEXT_BYTES_MAX - 64);
        if (*from != '@') {
            text[used++] = *from;
            continue;
        }
        from++;
        used += (size_t)place(text + used, REQUEST_TEXT_BYTES_MAX - used, *from,
                              program_take(program), step);
    }
    return used;
}

static int place(char *text, size_t room, char what, uint8_t byte, uint32_t step)
{
    switch (what) {
    case 'u':
        return number(text, room, byte, byte % 8U);
    case 's':
        return snprintf(text, room, "%c%s", 'A' + byte % 6, (byte & 0x80) != 0 ? "\\/USD" : "");
    case 'd':
        return snprintf(text, room, "%s", (byte & 1) != 0 ? "Sell" : "Buy");
    case 'p':
        return number(text, room, byte, 1 + (uint64_t)byte + step);
    case 'q':
    case 'o':
        return number(text, room, byte, 1 + (uint64_t)byte);
    case 'c':
        return snprintf(text, room, "c%u", byte % 16U + step);
    case 'b':
        return snprintf(text, room, "%s", (byte & 1) != 0 ? "true" : "false");
    case 'w':
        return snprintf(text, room, "%s", (byte & 1) != 0 ? "on" : "off");
    default:
        return number(text, room, byte, byte);
    }
}

static int number(char *text, size_t room, uint8_t byte, uint64_t otherwise)
{
    if (byte >= ENDS_FROM) {
        return snprintf(text, room, "%s", ENDS[byte - ENDS_FROM]);
    }
    return snprintf(text, room, "%" PRIu64, otherwise);
}
