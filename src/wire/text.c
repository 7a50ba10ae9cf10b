/*
 * Escaped texts, the length of a frame, and the table that numbers are written with.
 */
#include "wire/text.h"

#include "core/assert.h"
#include "core/limits.h"
#include "wire/json.h"

const char oc_wire__pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

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
