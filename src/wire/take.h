/*
 * The pieces of the short ways (wire/usual.h): what is expected is compared and taken, and nothing
 * is looked up.
 *
 * Each takes its piece and moves the reader behind it, or returns false. That says nothing about
 * the payload: the reader may stand anywhere then, and the general decoder begins again.
 */
#ifndef OC_WIRE_TAKE_H
#define OC_WIRE_TAKE_H

#include "wire/json.h"

/** Takes a constant text, if it stands there; becomes a few comparisons of words. */
#define OC_WIRE__TAKE(reader, literal) oc_wire__take_text((reader), (literal), sizeof(literal) - 1)

/** Every number of so many digits is below 2^64. */
#define OC_WIRE__TAKE_DIGITS_MAX 19

static inline bool oc_wire__take_text(struct oc_wire__reader *reader, const char *literal,
                                      size_t size)
{
    if ((size_t)(reader->end - reader->next) < size || memcmp(reader->next, literal, size) != 0) {
        return false;
    }
    reader->next += size;
    return true;
}

/**
 * Digit by digit, for the reason that oc_wire__read_number() gives. What follows the digits is
 * the caller's next piece, which no digit begins.
 */
static inline bool oc_wire__take_number(struct oc_wire__reader *reader, uint64_t *value)
{
    const uint8_t *next = reader->next;
    const uint8_t *end = reader->end - next > OC_WIRE__TAKE_DIGITS_MAX
                             ? next + OC_WIRE__TAKE_DIGITS_MAX
                             : reader->end;
    uint64_t sum = 0;

    while (next < end && (uint8_t)(*next - '0') <= 9) {
        sum = sum * 10 + (uint8_t)(*next - '0');
        next++;
    }
    if (next == reader->next || (*reader->next == '0' && next > reader->next + 1)) {
        return false;
    }
    *value = sum;
    reader->next = next;
    return true;
}

/**
 * A name whose opening quote was taken, with its closing quote, into memory that is zero. Eight
 * bytes at a time, as long as there are eight.
 */
static inline bool oc_wire__take_name(struct oc_wire__reader *reader, char *bytes, size_t bytes_max,
                                      uint8_t *size)
{
    const uint8_t *next = reader->next;
    size_t done = 0;

    while (reader->end - next >= 8) {
        uint64_t word = oc_wire__load(next);
        uint64_t special = oc_wire__special(word);
        uint32_t count = special != 0 ? (uint32_t)__builtin_ctzll(special) >> 3 : 8;

        if (done + count > bytes_max) {
            return false;
        }
        memcpy(bytes + done, next, count);
        done += count;
        next += count;
        if (special != 0) {
            reader->next = next + 1;
            *size = (uint8_t)done;
            return *next == '"' && done > 0;
        }
    }
    /* Fewer than eight bytes are left: the name is the last member. */
    for (; next < reader->end; next++) {
        if (*next == '"') {
            reader->next = next + 1;
            *size = (uint8_t)done;
            return done > 0;
        }
        if (*next < 0x20 || *next > 0x7e || *next == '\\' || done == bytes_max) {
            return false;
        }
        bytes[done++] = (char)*next;
    }
    return false;
}

/** The end of the one object that a payload is. */
static inline bool oc_wire__take_end(const struct oc_wire__reader *reader)
{
    return reader->end - reader->next == 1 && *reader->next == '}';
}

#endif
