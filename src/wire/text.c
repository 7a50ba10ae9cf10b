/*
 * Numbers and texts to bytes.
 *
 * Two digits are taken from a table at a time, which halves the divisions; numbers of the usual
 * length need one to three of them.
 */
#include "wire/text.h"

#include "core/assert.h"
#include "core/limits.h"
#include "wire/json.h"

static const char PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static uint32_t digit_count(uint64_t value);

uint8_t *oc_wire__put_u64(uint8_t *out, uint64_t value)
{
    uint8_t *end = out + digit_count(value);
    uint8_t *next = end;

    while (value >= 100) {
        next -= 2;
        memcpy(next, &PAIRS[value % 100 * 2], 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(out, &PAIRS[value * 2], 2);
    } else {
        *out = (uint8_t)('0' + value);
    }
    return end;
}

uint8_t *oc_wire__put_escaped(uint8_t *out, const char *bytes, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *next = (const uint8_t *)bytes;
    const uint8_t *end = next + size;

    *out++ = '"';
    while (next < end) {
        uint32_t character_size = oc_wire__utf8_size(next, (size_t)(end - next));

        if (character_size == 0) {
            out = OC_WIRE__PUT(out, "\\ufffd");
            next++;
        } else if (*next < ' ' || *next == 0x7f) {
            out = OC_WIRE__PUT(out, "\\u00");
            *out++ = (uint8_t)hex[*next >> 4];
            *out++ = (uint8_t)hex[*next & 15];
            next++;
        } else {
            if (*next == '"' || *next == '\\') {
                *out++ = '\\';
            }
            out = oc_wire__put_bytes(out, next, character_size);
            next += character_size;
        }
    }
    *out++ = '"';
    return out;
}

uint32_t oc_wire__close_frame(uint8_t *frame, const uint8_t *end)
{
    uint32_t size = (uint32_t)(end - frame);
    uint32_t payload_size = size - OC_FRAME_HEADER_BYTES;

    OC_ASSERT(payload_size <= OC_FRAME_BYTES_MAX);
    frame[0] = (uint8_t)(payload_size >> 24);
    frame[1] = (uint8_t)(payload_size >> 16);
    frame[2] = (uint8_t)(payload_size >> 8);
    frame[3] = (uint8_t)payload_size;
    return size;
}

static uint32_t digit_count(uint64_t value)
{
    static const uint64_t powers[] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000U,
    };
    /* 1233 / 4096 is a little more than log10(2): the guess is right or one too small. */
    uint32_t guess = (64U - (uint32_t)__builtin_clzll(value | 1)) * 1233U >> 12;

    return guess + (value >= powers[guess]);
}
