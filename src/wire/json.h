/*
 * The JSON reader that both decoders share: one pass over borrowed bytes, nothing copied, nothing
 * built.
 *
 * The reader is a cursor. It checks the grammar of RFC 8259, that text is valid UTF-8 and that
 * escaped surrogates come in pairs; what a value means is the caller's business. Eight bytes of
 * text are looked at together, because most of a message is text without anything special in it.
 * Nothing here recurses: the levels of a skipped value are bits of a word.
 */
#ifndef OC_WIRE_JSON_H
#define OC_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** The most levels that oc_wire__skip_value() can keep in mind. */
#define OC_WIRE__LEVELS_MAX 32U

/** Both borrowed; every byte that is read lies in next..end. */
struct oc_wire__reader {
    const uint8_t *next;
    const uint8_t *end;
};

/** What stands between two quotes: checked, still escaped, borrowed. */
struct oc_wire__text {
    const uint8_t *bytes;
    uint32_t size;
    /* Every byte is printable ASCII and stands for itself, so that no second look is needed. */
    bool plain;
};

enum oc_wire__number {
    OC_WIRE__NUMBER_BROKEN,   /* not JSON */
    OC_WIRE__NUMBER_UNSIGNED, /* digits only, below 2^64 */
    OC_WIRE__NUMBER_OTHER,    /* JSON, but with a sign, fraction, exponent or 2^64 and beyond */
};

enum oc_wire__skip {
    OC_WIRE__SKIP_DONE,
    OC_WIRE__SKIP_BROKEN,   /* not JSON */
    OC_WIRE__SKIP_TOO_DEEP, /* the reader stands at the bracket that is one too many */
};

/** The general cases of the inline readers below, which call them; not meant for others. */
bool oc_wire__read_text_on(struct oc_wire__reader *reader, const uint8_t *next,
                           struct oc_wire__text *text);
enum oc_wire__number oc_wire__read_number_on(struct oc_wire__reader *reader, uint64_t *value);
enum oc_wire__skip oc_wire__skip_value_on(struct oc_wire__reader *reader, uint32_t levels_max);

/**
 * Writes what a text means into out[0..capacity): whole characters only, in UTF-8.
 *
 * @whole  out: false if it was cut because it is longer.
 * Returns the bytes written.
 */
size_t oc_wire__unescape(const struct oc_wire__text *text, uint8_t *out, size_t capacity,
                         bool *whole);

/**
 * Copies a text that serves as a name (symbol, client_order_id): 1 to bytes_max bytes of printable
 * ASCII without `"` and `\`, judged by what it means and not by how it is escaped.
 *
 * @bytes, @size  out: zero before the call; still zero if it returns false, for any other text.
 */
bool oc_wire__copy_name(const struct oc_wire__text *text, char *bytes, size_t bytes_max,
                        uint8_t *size);

/** The size of the valid UTF-8 character at bytes[0..left), 1 to 4, or 0 if there is none. */
uint32_t oc_wire__utf8_size(const uint8_t *bytes, size_t left);

/** The eight bytes at `bytes`, the first one lowest. */
static inline uint64_t oc_wire__load(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
        word = __builtin_bswap64(word);
    }
    return word;
}

/**
 * Marks with 0x80 the bytes of a word that are not plain text: below 0x20, `"`, `\` and from 0x7f
 * on. Only the lowest mark is reliable: a borrow may add marks above it, never below.
 */
static inline uint64_t oc_wire__special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101ULL;
    const uint64_t tops = 0x8080808080808080ULL;
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t control = (word - ones * 0x20) & ~word;

    /* Adding 1 to 0x7f sets the top bit and carries nowhere, as no byte above has its own set: a
     * byte that has is marked by itself, and marks above it do not count. */
    return (word | (word + ones) | control | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           tops;
}

/** The next byte that is no white space, without taking it; 0 at the end, which begins no token. */
static inline uint8_t oc_wire__peek(struct oc_wire__reader *reader)
{
    while (reader->next < reader->end) {
        uint8_t byte = *reader->next;

        if (byte > ' ' || (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')) {
            return byte;
        }
        reader->next++;
    }
    return 0;
}

/** Takes the token `byte` behind any white space; false: something else stands there. */
static inline bool oc_wire__take(struct oc_wire__reader *reader, uint8_t byte)
{
    if (oc_wire__peek(reader) != byte) {
        return false;
    }
    reader->next++;
    return true;
}

/*
 * The calls out of line hand over copies: the reader itself never has its address taken, so that a
 * decoder's stays in registers instead of going through memory for each token.
 */
static inline bool oc_wire__read_text_far(struct oc_wire__reader *reader, const uint8_t *next,
                                          struct oc_wire__text *text)
{
    struct oc_wire__reader copy = *reader;
    struct oc_wire__text read = {0};
    bool good = oc_wire__read_text_on(&copy, next, &read);

    *reader = copy;
    *text = read;
    return good;
}

static inline enum oc_wire__number oc_wire__read_number_far(struct oc_wire__reader *reader,
                                                            uint64_t *value)
{
    struct oc_wire__reader copy = *reader;
    uint64_t read = 0;
    enum oc_wire__number number = oc_wire__read_number_on(&copy, &read);

    *reader = copy;
    *value = read;
    return number;
}

/** Reads a text whose opening quote was just taken, with its closing quote; false: not JSON. */
static inline bool oc_wire__read_text(struct oc_wire__reader *reader, struct oc_wire__text *text)
{
    const uint8_t *next = reader->next;

    while (reader->end - next >= 8) {
        uint64_t special = oc_wire__special(oc_wire__load(next));

        if (special == 0) {
            next += 8;
            continue;
        }
        next += __builtin_ctzll(special) >> 3;
        if (*next != '"') {
            break;
        }
        text->bytes = reader->next;
        text->size = (uint32_t)(next - reader->next);
        text->plain = true;
        reader->next = next + 1;
        return true;
    }
    return oc_wire__read_text_far(reader, next, text);
}

/** Skips exactly this word ("true", "false", "null"); false: something else stands there. */
static inline bool oc_wire__skip_word(struct oc_wire__reader *reader, const char *word, size_t size)
{
    if ((size_t)(reader->end - reader->next) < size || memcmp(reader->next, word, size) != 0) {
        return false;
    }
    reader->next += size;
    return true;
}

/**
 * Reads the number that begins at the reader, a digit or `-`. *value: set when UNSIGNED.
 *
 * Digit by digit: eight at once (by multiplication) was measured 15 ns slower for a new order,
 * because then where the next token begins waits for the arithmetic instead of being predicted
 * (bench/wire.c).
 */
static inline enum oc_wire__number oc_wire__read_number(struct oc_wire__reader *reader,
                                                        uint64_t *value)
{
    const uint8_t *next = reader->next;
    /* 19 digits fit any way; what is longer takes the general case. */
    const uint8_t *end = reader->end - next > 19 ? next + 19 : reader->end;
    uint64_t sum = 0;

    while (next < end && (uint8_t)(*next - '0') <= 9) {
        sum = sum * 10 + (uint8_t)(*next - '0');
        next++;
    }
    /* A comma or bracket behind at least one digit and no leading zero: nearly every number. */
    if (next > reader->next && next < reader->end && (*next == ',' || *next == '}') &&
        (*reader->next != '0' || next == reader->next + 1)) {
        *value = sum;
        reader->next = next;
        return OC_WIRE__NUMBER_UNSIGNED;
    }
    return oc_wire__read_number_far(reader, value);
}

/**
 * Skips one value of any kind, checking its grammar.
 *
 * @levels_max  how many arrays and objects within one another it may open, up to
 *              OC_WIRE__LEVELS_MAX.
 */
static inline enum oc_wire__skip oc_wire__skip_value(struct oc_wire__reader *reader,
                                                     uint32_t levels_max)
{
    struct oc_wire__reader copy = *reader;
    enum oc_wire__skip skipped = oc_wire__skip_value_on(&copy, levels_max);

    *reader = copy;
    return skipped;
}

#endif
