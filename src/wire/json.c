/*
 * The general cases of the JSON reader: escapes, characters beyond ASCII, unusual numbers, and
 * values that are skipped.
 *
 * The common cases are inline in json.h. Every loop here ends at the end of the payload.
 */
#include "wire/json.h"

#include "core/assert.h"
#include "core/types.h"

#define SURROGATE_HIGH 0xd800U
#define SURROGATE_LOW  0xdc00U
#define SURROGATE_END  0xe000U

static bool is_digit(const struct oc_wire__reader *reader);
static bool skip_digits(struct oc_wire__reader *reader);
static bool skip_scalar(struct oc_wire__reader *reader, uint8_t first);
static bool skip_name(struct oc_wire__reader *reader);
static uint32_t escape_size(const uint8_t *bytes, size_t left);
static int32_t hex4(const uint8_t *bytes, size_t left);
static uint32_t unescape_one(const uint8_t *bytes, uint8_t *out, uint32_t *out_size);
static uint32_t put_utf8(uint32_t point, uint8_t *out);

bool oc_wire__read_text_on(struct oc_wire__reader *reader, const uint8_t *next,
                           struct oc_wire__text *text)
{
    bool plain = true;

    while (next < reader->end && *next != '"') {
        size_t left = (size_t)(reader->end - next);
        uint32_t size = 1;

        if (*next == '\\') {
            plain = false;
            size = escape_size(next, left);
        } else if (*next >= 0x7f) {
            plain = false;
            size = oc_wire__utf8_size(next, left);
        } else if (*next < ' ') {
            return false;
        }
        if (size == 0) {
            return false;
        }
        next += size;
    }
    if (next == reader->end) {
        return false;
    }
    text->bytes = reader->next;
    text->size = (uint32_t)(next - reader->next);
    text->plain = plain;
    reader->next = next + 1;
    return true;
}

enum oc_wire__number oc_wire__read_number_on(struct oc_wire__reader *reader, uint64_t *value)
{
    bool unsigned_integer = true;
    uint64_t sum = 0;

    if (reader->next < reader->end && *reader->next == '-') {
        unsigned_integer = false;
        reader->next++;
    }
    if (!is_digit(reader)) {
        return OC_WIRE__NUMBER_BROKEN;
    }
    /* JSON has no leading zeros: what follows one is no digit of this number, and no token either.
     */
    if (*reader->next == '0') {
        reader->next++;
    } else {
        do {
            uint64_t digit = (uint64_t)(*reader->next - '0');

            if (sum > (UINT64_MAX - digit) / 10) {
                unsigned_integer = false;
                sum = 0;
            }
            sum = sum * 10 + digit;
            reader->next++;
        } while (is_digit(reader));
    }
    if (reader->next < reader->end && *reader->next == '.') {
        unsigned_integer = false;
        reader->next++;
        if (!skip_digits(reader)) {
            return OC_WIRE__NUMBER_BROKEN;
        }
    }
    if (reader->next < reader->end && (*reader->next | 0x20) == 'e') {
        unsigned_integer = false;
        reader->next++;
        if (reader->next < reader->end && (*reader->next == '+' || *reader->next == '-')) {
            reader->next++;
        }
        if (!skip_digits(reader)) {
            return OC_WIRE__NUMBER_BROKEN;
        }
    }
    if (!unsigned_integer) {
        return OC_WIRE__NUMBER_OTHER;
    }
    *value = sum;
    return OC_WIRE__NUMBER_UNSIGNED;
}

enum oc_wire__skip oc_wire__skip_value_on(struct oc_wire__reader *reader, uint32_t levels_max)
{
    uint32_t objects =
        0; /* bit 0: the innermost open level is an object, bit 1: the one around it */
    uint32_t levels = 0;
    bool opened = false; /* a bracket was opened just now: it may close at once */

    OC_ASSERT(levels_max <= OC_WIRE__LEVELS_MAX);
    for (;;) {
        uint8_t first = oc_wire__peek(reader);

        if (opened && first == ((objects & 1U) != 0 ? '}' : ']')) {
            reader->next++;
            objects >>= 1;
            levels--;
        } else {
            if (levels > 0 && (objects & 1U) != 0) {
                if (!skip_name(reader)) {
                    return OC_WIRE__SKIP_BROKEN;
                }
                first = oc_wire__peek(reader);
            }
            if (first == '{' || first == '[') {
                if (levels == levels_max) {
                    return OC_WIRE__SKIP_TOO_DEEP;
                }
                reader->next++;
                objects = (objects << 1) | (first == '{');
                levels++;
                opened = true;
                continue;
            }
            if (!skip_scalar(reader, first)) {
                return OC_WIRE__SKIP_BROKEN;
            }
        }
        /* A value has ended; so do the levels that it was the last of. */
        while (levels > 0 && oc_wire__take(reader, (objects & 1U) != 0 ? '}' : ']')) {
            objects >>= 1;
            levels--;
        }
        if (levels == 0) {
            return OC_WIRE__SKIP_DONE;
        }
        if (!oc_wire__take(reader, ',')) {
            return OC_WIRE__SKIP_BROKEN;
        }
        opened = false;
    }
}

size_t oc_wire__unescape(const struct oc_wire__text *text, uint8_t *out, size_t capacity,
                         bool *whole)
{
    const uint8_t *end = text->bytes + text->size;
    const uint8_t *next = text->bytes;
    size_t size = 0;

    while (next < end) {
        uint8_t character[4];
        uint32_t character_size;

        next += unescape_one(next, character, &character_size);
        if (capacity - size < character_size) {
            *whole = false;
            return size;
        }
        memcpy(out + size, character, character_size);
        size += character_size;
    }
    *whole = true;
    return size;
}

bool oc_wire__copy_name(const struct oc_wire__text *text, char *bytes, size_t bytes_max,
                        uint8_t *size)
{
    size_t meant_size = text->size;
    bool good = true;

    if (!text->plain) {
        meant_size = oc_wire__unescape(text, (uint8_t *)bytes, bytes_max, &good);
        good = good && oc_text_is_plain(bytes, meant_size);
    }
    if (!good || meant_size == 0 || meant_size > bytes_max) {
        memset(bytes, 0, bytes_max);
        return false;
    }
    if (text->plain) {
        memcpy(bytes, text->bytes, meant_size);
    }
    *size = (uint8_t)meant_size;
    return true;
}

uint32_t oc_wire__utf8_size(const uint8_t *bytes, size_t left)
{
    /* The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
    uint8_t second_min = 0x80;
    uint8_t second_max = 0xbf;
    uint32_t size;

    if (bytes[0] < 0x80) {
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
        size = 2;
    } else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
        size = 3;
        second_min = bytes[0] == 0xe0 ? 0xa0 : 0x80;
        second_max = bytes[0] == 0xed ? 0x9f : 0xbf;
    } else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        size = 4;
        second_min = bytes[0] == 0xf0 ? 0x90 : 0x80;
        second_max = bytes[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < size || bytes[1] < second_min || bytes[1] > second_max) {
        return 0;
    }
    for (uint32_t index = 2; index < size; index++) {
        if ((bytes[index] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

static bool is_digit(const struct oc_wire__reader *reader)
{
    return reader->next < reader->end && (uint8_t)(*reader->next - '0') <= 9;
}

static bool skip_digits(struct oc_wire__reader *reader)
{
    if (!is_digit(reader)) {
        return false;
    }
    while (is_digit(reader)) {
        reader->next++;
    }
    return true;
}

/* The reader stands at `first`. */
static bool skip_scalar(struct oc_wire__reader *reader, uint8_t first)
{
    struct oc_wire__text text;
    uint64_t value;

    switch (first) {
    case '"':
        reader->next++;
        return oc_wire__read_text(reader, &text);
    case 't':
        return oc_wire__skip_word(reader, "true", 4);
    case 'f':
        return oc_wire__skip_word(reader, "false", 5);
    case 'n':
        return oc_wire__skip_word(reader, "null", 4);
    default:
        /* Anything that is no number either is found out there. */
        return oc_wire__read_number(reader, &value) != OC_WIRE__NUMBER_BROKEN;
    }
}

/* A member's name with its colon. */
static bool skip_name(struct oc_wire__reader *reader)
{
    struct oc_wire__text name;

    return oc_wire__take(reader, '"') && oc_wire__read_text(reader, &name) &&
           oc_wire__take(reader, ':');
}

/* The size of the valid escape that begins at bytes[0], or 0. A pair of surrogates is one escape.
 */
static uint32_t escape_size(const uint8_t *bytes, size_t left)
{
    int32_t unit;

    if (left < 2) {
        return 0;
    }
    switch (bytes[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    unit = hex4(bytes + 2, left - 2);
    if (unit < (int32_t)SURROGATE_HIGH || unit >= (int32_t)SURROGATE_END) {
        return unit < 0 ? 0 : 6;
    }
    if (unit >= (int32_t)SURROGATE_LOW || left < 12 || bytes[6] != '\\' || bytes[7] != 'u') {
        return 0;
    }
    unit = hex4(bytes + 8, left - 8);
    return unit >= (int32_t)SURROGATE_LOW && unit < (int32_t)SURROGATE_END ? 12 : 0;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4(const uint8_t *bytes, size_t left)
{
    int32_t value = 0;

    if (left < 4) {
        return -1;
    }
    for (uint32_t index = 0; index < 4; index++) {
        uint8_t lower = bytes[index] | 0x20;

        if ((uint8_t)(bytes[index] - '0') <= 9) {
            value = value * 16 + (bytes[index] - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/*
 * Writes the character that begins at `bytes`, in a text that was checked, to out[0..4). Returns
 * how many bytes it took.
 */
static uint32_t unescape_one(const uint8_t *bytes, uint8_t *out, uint32_t *out_size)
{
    static const char meanings[] = "b\bf\fn\nr\rt\t";
    uint32_t point;

    if (bytes[0] != '\\') {
        *out_size = oc_wire__utf8_size(bytes, 4);
        memcpy(out, bytes, *out_size);
        return *out_size;
    }
    if (bytes[1] != 'u') {
        out[0] = bytes[1];
        for (uint32_t index = 0; index < sizeof(meanings) - 1; index += 2) {
            if (bytes[1] == (uint8_t)meanings[index]) {
                out[0] = (uint8_t)meanings[index + 1];
            }
        }
        *out_size = 1;
        return 2;
    }
    point = (uint32_t)hex4(bytes + 2, 4);
    if (point < SURROGATE_HIGH || point >= SURROGATE_END) {
        *out_size = put_utf8(point, out);
        return 6;
    }
    point = 0x10000U + ((point - SURROGATE_HIGH) << 10) +
            ((uint32_t)hex4(bytes + 8, 4) - SURROGATE_LOW);
    *out_size = put_utf8(point, out);
    return 12;
}

static uint32_t put_utf8(uint32_t point, uint8_t *out)
{
    uint32_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (uint32_t index = size; index-- > 1;) {
        out[index] = (uint8_t)(0x80U | (point & 0x3fU));
        point >>= 6;
    }
    out[0] = (uint8_t)(heads[size] | point);
    return size;
}
