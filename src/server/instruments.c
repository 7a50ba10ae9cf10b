/*
 * The instruments file, read by inih.
 *
 * inih calls back for each "key = value". What it would pass over in silence is refused before it
 * sees the line: one that is longer than its buffer (the rest would be read as a line of its own),
 * a NUL byte, text behind [SYMBOL], and a section without a key.
 */
#include "server/instruments.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

/* A number that a key takes: where it goes and what it may be. */
struct key {
    const char *name;
    uint64_t min;
    uint64_t max;
};

enum {
    KEY_DECIMALS,
    KEY_TICK,
    KEY_LOT,
    KEY_PRICE_MIN,
    KEY_PRICE_MAX,
    KEY_QTY_MIN,
    KEY_QTY_MAX,
    KEY_COUNT,
};

static const struct key KEYS[KEY_COUNT] = {
    [KEY_DECIMALS] = {"decimals", 0, 18},
    [KEY_TICK] = {"tick", 1, INT64_MAX},
    [KEY_LOT] = {"lot", 1, INT64_MAX},
    [KEY_PRICE_MIN] = {"price_min", 1, INT64_MAX},
    [KEY_PRICE_MAX] = {"price_max", 1, INT64_MAX},
    [KEY_QTY_MIN] = {"quantity_min", 1, INT64_MAX},
    [KEY_QTY_MAX] = {"quantity_max", 1, INT64_MAX},
};

struct reader {
    const char *path;
    FILE *file;
    int line;                              /* read last, from 1 */
    int section_line;                      /* of a section that has no key yet, 0: none */
    char section[OC_SYMBOL_BYTES_MAX + 1]; /* its name, cut if it is too long */
    struct oc_command *commands;
    uint32_t count;
    uint32_t count_max;
    uint32_t given;  /* keys of the present section, a bit each */
    int failed_line; /* of the message; 0: none failed */
    char message[200];
};

static void say_why(const struct reader *reader, int rc, char *error, size_t error_size);
static char *next_line(char *line, int capacity, void *stream);
static void check_line(struct reader *reader, const char *line);
static void check_section_ended(struct reader *reader);
static int on_key(void *user, const char *section, const char *name, const char *value);
static bool begin_section(struct reader *reader, const char *section);
static bool parse_number(struct reader *reader, const struct key *key, const char *value,
                         uint64_t *number);
static void set_key(struct oc_command_instrument *instrument, int key, uint64_t number);
static bool check_ranges(const struct reader *reader, char *error, size_t error_size);
static void fail(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int oc_instruments_read(const char *path, uint32_t count_max, struct oc_command **commands,
                        uint32_t *count, char *error, size_t error_size)
{
    struct reader reader = {.path = path, .count_max = count_max};
    int rc;
    reader.commands = calloc(count_max, sizeof *reader.commands);
    if (reader.commands == NULL) {
        (void)snprintf(error, error_size, "%s: no memory for %" PRIu32 " instruments", path,
                       count_max);
        return -1;
    }
    errno = 0;
    reader.file = fopen(path, "re");
    rc = reader.file != NULL ? ini_parse_stream(next_line, &reader, on_key, &reader) : -1;
    if (rc != 0 || reader.failed_line != 0 || reader.count == 0) {
        say_why(&reader, rc, error, error_size);
    } else if (check_ranges(&reader, error, error_size)) {
        (void)fclose(reader.file);
        *commands = reader.commands;
        *count = reader.count;
        return 0;
    }
    if (reader.file != NULL) {
        (void)fclose(reader.file);
    }
    free(reader.commands);
    return -1;
}

/* The first thing that is wrong. inih says only the line of what it refused itself. */
static void say_why(const struct reader *reader, int rc, char *error, size_t error_size)
{
    if (rc < 0) {
        (void)snprintf(error, error_size, "%s: %s", reader->path,
                       errno != 0 ? strerror(errno) : "cannot be read");
    } else if (reader->failed_line != 0 && (rc == 0 || reader->failed_line <= rc)) {
        (void)snprintf(error, error_size, "%s:%d: %s", reader->path, reader->failed_line,
                       reader->message);
    } else if (rc > 0) {
        (void)snprintf(error, error_size, "%s:%d: neither [SYMBOL] nor key = value", reader->path,
                       rc);
    } else {
        (void)snprintf(error, error_size, "%s: no instrument; see examples/instruments.ini",
                       reader->path);
    }
}

/* Gives inih a line, or the end after a failure. */
static char *next_line(char *line, int capacity, void *stream)
{
    struct reader *reader = stream;
    int size = 0;
    int byte = 0;
    while (reader->failed_line == 0 && byte != '\n' && (byte = getc(reader->file)) != EOF) {
        reader->line += size == 0;
        if (byte == '\0') {
            fail(reader, "a NUL byte");
        } else if (size == capacity - 1) {
            fail(reader, "the line is longer than %d bytes", capacity - 2);
        } else {
            line[size++] = (char)byte;
        }
    }
    line[size] = '\0';
    if (reader->failed_line == 0 && size > 0) {
        check_line(reader, line);
    } else if (reader->failed_line == 0) {
        check_section_ended(reader);
    }
    return reader->failed_line == 0 && size > 0 ? line : NULL;
}

/* Of a section line: that nothing but a comment is behind it, and that the last one had a key. */
static void check_line(struct reader *reader, const char *line)
{
    const char *start = line;
    const char *end;
    if (reader->line == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0) {
        start += 3;
    }
    start += strspn(start, BLANKS);
    end = strchr(start, ']');
    if (start[0] != '[' || end == NULL) {
        return;
    }
    check_section_ended(reader);
    reader->section_line = reader->line;
    (void)snprintf(reader->section, sizeof reader->section, "%.*s", (int)(end - start - 1),
                   start + 1);
    end++;
    if (reader->failed_line == 0 && end[strspn(end, BLANKS)] != '\0' &&
        (end[0] == ';' || end[strspn(end, BLANKS)] != ';')) {
        fail(reader, "only a comment may stand behind [%s]", reader->section);
    }
}

/* inih announces a section with its first key only. */
static void check_section_ended(struct reader *reader)
{
    if (reader->section_line != 0) {
        reader->line = reader->section_line;
        fail(reader, "[%s] has no key; give it one, for instance tick = 1", reader->section);
    }
}

/* inih: nonzero is success. It goes on after a failure, so the first message has to be kept. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    uint64_t number;
    if (reader->failed_line != 0) {
        return 0;
    }
    reader->section_line = 0;
    if (!begin_section(reader, section)) {
        return 0;
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        if (strcmp(name, KEYS[key].name) != 0) {
            continue;
        }
        if (reader->given & (1U << key)) {
            fail(reader, "%s is given twice in [%s]", name, section);
            return 0;
        }
        if (!parse_number(reader, &KEYS[key], value, &number)) {
            return 0;
        }
        reader->given |= 1U << key;
        set_key(&reader->commands[reader->count - 1].instrument, key, number);
        return 1;
    }
    fail(reader,
         "unknown key \"%s\"; known are decimals, tick, lot, price_min, price_max, quantity_min, "
         "quantity_max",
         name);
    return 0;
}

/* Starts a new instrument where the section differs from the last key's. */
static bool begin_section(struct reader *reader, const char *section)
{
    struct oc_command *command;
    size_t size = strlen(section);
    if (size == 0 || size > OC_SYMBOL_BYTES_MAX) {
        fail(reader, "a section names a symbol of 1 to %d characters: [BTC/USD]",
             OC_SYMBOL_BYTES_MAX);
        return false;
    }
    if (!oc_text_is_plain(section, size)) {
        fail(reader, "[%s]: a symbol is printable ASCII without \" and \\", section);
        return false;
    }
    for (uint32_t i = 0; i < reader->count; i++) {
        const struct oc_symbol *known = &reader->commands[i].instrument.symbol;
        if (known->size == size && memcmp(known->bytes, section, size) == 0) {
            if (i + 1 == reader->count) {
                return true;
            }
            fail(reader, "[%s] is given twice", section);
            return false;
        }
    }
    if (reader->count == reader->count_max) {
        fail(reader, "more than %" PRIu32 " instruments; raise --instruments-max",
             reader->count_max);
        return false;
    }
    command = &reader->commands[reader->count++];
    command->kind = OC_COMMAND_INSTRUMENT;
    command->instrument = (struct oc_command_instrument){
        .tick_ticks = 1,
        .lot_lots = 1,
        .price_min_ticks = 1,
        .price_max_ticks = OC_PRICE_TICKS_MAX,
        .qty_min_lots = 1,
        .qty_max_lots = OC_QTY_LOTS_MAX,
    };
    command->instrument.symbol.size = (uint8_t)size;
    memcpy(command->instrument.symbol.bytes, section, size);
    reader->given = 0;
    return true;
}

static bool parse_number(struct reader *reader, const struct key *key, const char *value,
                         uint64_t *number)
{
    char *end;
    unsigned long long parsed;
    errno = 0;
    parsed = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || parsed < key->min ||
        parsed > key->max) {
        fail(reader, "%s = %s: a whole number from %" PRIu64 " to %" PRIu64 " is needed", key->name,
             value, key->min, key->max);
        return false;
    }
    *number = parsed;
    return true;
}

static void set_key(struct oc_command_instrument *instrument, int key, uint64_t number)
{
    switch (key) {
    case KEY_DECIMALS:
        instrument->decimals = (uint8_t)number;
        break;
    case KEY_TICK:
        instrument->tick_ticks = (int64_t)number;
        break;
    case KEY_LOT:
        instrument->lot_lots = number;
        break;
    case KEY_PRICE_MIN:
        instrument->price_min_ticks = (int64_t)number;
        break;
    case KEY_PRICE_MAX:
        instrument->price_max_ticks = (int64_t)number;
        break;
    case KEY_QTY_MIN:
        instrument->qty_min_lots = number;
        break;
    default:
        instrument->qty_max_lots = number;
        break;
    }
}

/* Relations between keys can be judged only when the whole section is there. */
static bool check_ranges(const struct reader *reader, char *error, size_t error_size)
{
    for (uint32_t i = 0; i < reader->count; i++) {
        const struct oc_command_instrument *instrument = &reader->commands[i].instrument;
        const char *wrong = NULL;
        if (instrument->price_min_ticks > instrument->price_max_ticks) {
            wrong = "price_min is above price_max";
        } else if (instrument->qty_min_lots > instrument->qty_max_lots) {
            wrong = "quantity_min is above quantity_max";
        }
        if (wrong != NULL) {
            (void)snprintf(error, error_size, "%s: [%.*s]: %s", reader->path,
                           (int)instrument->symbol.size, instrument->symbol.bytes, wrong);
            return false;
        }
    }
    return true;
}

static void fail(struct reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->message, sizeof reader->message, format, arguments);
    va_end(arguments);
    reader->failed_line = reader->line;
}
