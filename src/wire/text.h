/*
 * Writing JSON without white space: each helper writes at `out` and returns where to go on.
 *
 * Nothing here checks for room: the callers' buffers hold the widest message that they can write,
 * which they assert at compile time.
 */
#ifndef OC_WIRE_TEXT_H
#define OC_WIRE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Digits of the largest unsigned 64-bit number, and of the largest price or 32-bit count. */
#define OC_WIRE__U64_DIGITS 20U

/** The escape of one byte at its widest: a control character or a byte that is no UTF-8. */
#define OC_WIRE__ESCAPE_BYTES_MAX 6U

/** A text of known size; becomes a few stores. */
#define OC_WIRE__PUT(out, literal) oc_wire__put_bytes((out), (literal), sizeof(literal) - 1)

static inline uint8_t *oc_wire__put_bytes(uint8_t *out, const void *bytes, size_t size)
{
    memcpy(out, bytes, size);
    return out + size;
}

/** Decimal digits, 1 to OC_WIRE__U64_DIGITS bytes. */
uint8_t *oc_wire__put_u64(uint8_t *out, uint64_t value);

/**
 * A text in quotes that may hold any bytes: what JSON demands is escaped, a byte that begins no
 * UTF-8 character becomes U+FFFD. At most 2 + size * OC_WIRE__ESCAPE_BYTES_MAX bytes.
 */
uint8_t *oc_wire__put_escaped(uint8_t *out, const char *bytes, size_t size);

/** Writes the length of what stands between `frame` and `end` in front of it: the whole frame. */
uint32_t oc_wire__close_frame(uint8_t *frame, const uint8_t *end);

#endif
