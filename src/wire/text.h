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

/** "00", "01" to "99", one behind the other; the last byte ends the text. */
extern const char oc_wire__pairs[201];

/** Decimal digits of a number: 1 to OC_WIRE__U64_DIGITS. */
static inline uint32_t oc_wire__u64_digits(uint64_t value)
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

/**
 * Writes a number's decimal digits, 1 to OC_WIRE__U64_DIGITS bytes.
 *
 * Where the next piece begins is known from the count, before the digits are; two of them are taken
 * from a table at a time, which halves the divisions. Eight at once by multiplication was measured
 * slower, and a call instead of the code in place by a fifth for a trade (bench/wire.c).
 */
static inline uint8_t *oc_wire__put_u64(uint8_t *out, uint64_t value)
{
    uint8_t *end = out + oc_wire__u64_digits(value);
    uint8_t *next = end;

    while (value >= 100) {
        next -= 2;
        memcpy(next, &oc_wire__pairs[value % 100 * 2], 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(out, &oc_wire__pairs[value * 2], 2);
    } else {
        *out = (uint8_t)('0' + value);
    }
    return end;
}

/**
 * A text in quotes that may hold any bytes: what JSON demands is escaped, a byte that begins no
 * UTF-8 character becomes U+FFFD. At most 2 + size * OC_WIRE__ESCAPE_BYTES_MAX bytes.
 */
uint8_t *oc_wire__put_escaped(uint8_t *out, const char *bytes, size_t size);

/** Writes the length of what stands between `frame` and `end` in front of it: the whole frame. */
uint32_t oc_wire__close_frame(uint8_t *frame, const uint8_t *end);

#endif
