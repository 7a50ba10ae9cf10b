/*
 * Any bytes as an instruments file: the reader takes it whole or refuses it with one line of text.
 *
 * What is taken must be within every documented range, must mean what a second and simpler reader
 * finds in the same bytes, must be accepted by an engine, and must come back the same when it is
 * written out and read again. inih itself is not instrumented: it is the distribution's.
 */
#define _GNU_SOURCE /* memfd_create */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/types.h"
#include "engine/engine.h"
#include "server/instruments.h"

#define COUNT_MAX      8U
#define FILE_BYTES_MAX 8192U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What the second reader found. */
struct found {
    struct oc_command commands[COUNT_MAX];
    uint32_t count;
    struct oc_symbol section; /* the present one */
};

/** A piece of a line. */
struct text {
    const char *bytes;
    size_t size;
};

static int read_bytes(const void *bytes, size_t size, struct oc_command **commands, uint32_t *count,
                      char error[400]);
static const char *file_path(const void *bytes, size_t size);
static void check_error(const char *error);
static void check_ranges(const struct oc_command *command);
static void check_meaning(const uint8_t *data, size_t size, const struct oc_command *commands,
                          uint32_t count);
static void find_line(struct found *found, struct text line);
static void find_key(struct found *found, struct text name, struct text value);
static struct text trimmed(struct text text);
static bool text_is(struct text text, const char *word);
static void check_engine(const struct oc_command *commands, uint32_t count);
static void check_again(const struct oc_command *commands, uint32_t count);
static bool same(const struct oc_command *one, const struct oc_command *other);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oc_command *commands = NULL;
    uint32_t count = 0;
    char error[400] = "";

    if (size > FILE_BYTES_MAX) {
        return 0;
    }
    if (read_bytes(data, size, &commands, &count, error) != 0) {
        check_error(error);
        return 0;
    }
    OC_ASSERT(count >= 1);
    OC_ASSERT(count <= COUNT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        check_ranges(&commands[i]);
    }
    check_meaning(data, size, commands, count);
    check_engine(commands, count);
    check_again(commands, count);
    free(commands);
    return 0;
}

static int read_bytes(const void *bytes, size_t size, struct oc_command **commands, uint32_t *count,
                      char error[400])
{
    int rc = oc_instruments_read(file_path(bytes, size), COUNT_MAX, commands, count, error, 400);

    OC_ASSERT(rc == 0 || rc == -1);
    return rc;
}

/* A file in memory: no disk is written, and the reader opens it by name like any other. */
static const char *file_path(const void *bytes, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("instruments", MFD_CLOEXEC);
        OC_ASSERT(fd >= 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    OC_ASSERT(ftruncate(fd, 0) == 0);
    OC_ASSERT(pwrite(fd, bytes, size, 0) == (ssize_t)size);
    return path;
}

/* The file's name and one line. */
static void check_error(const char *error)
{
    OC_ASSERT(memchr(error, '\0', 400) != NULL);
    OC_ASSERT(strncmp(error, "/proc/self/fd/", 14) == 0);
    OC_ASSERT(strstr(error, ": ") != NULL);
    OC_ASSERT(strchr(error, '\n') == NULL);
}

static void check_ranges(const struct oc_command *command)
{
    const struct oc_command_instrument *instrument = &command->instrument;

    OC_ASSERT(command->kind == OC_COMMAND_INSTRUMENT);
    OC_ASSERT(command->session == OC_SESSION_VENUE);
    OC_ASSERT(instrument->symbol.size >= 1);
    OC_ASSERT(instrument->symbol.size <= OC_SYMBOL_BYTES_MAX);
    for (uint32_t i = 0; i < OC_SYMBOL_BYTES_MAX; i++) {
        char byte = instrument->symbol.bytes[i];
        bool printable = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';

        OC_ASSERT(i < instrument->symbol.size ? printable : byte == 0);
    }
    OC_ASSERT(instrument->decimals <= 18);
    OC_ASSERT(instrument->tick_ticks >= 1);
    OC_ASSERT(instrument->lot_lots >= 1);
    OC_ASSERT(instrument->lot_lots <= OC_QTY_LOTS_MAX);
    OC_ASSERT(instrument->price_min_ticks >= 1);
    OC_ASSERT(instrument->price_min_ticks <= instrument->price_max_ticks);
    OC_ASSERT(instrument->qty_min_lots >= 1);
    OC_ASSERT(instrument->qty_min_lots <= instrument->qty_max_lots);
    OC_ASSERT(instrument->qty_max_lots <= OC_QTY_LOTS_MAX);
}

/* Reads the same bytes without inih: every line whole, nothing passed over in silence. */
static void check_meaning(const uint8_t *data, size_t size, const struct oc_command *commands,
                          uint32_t count)
{
    static struct found found;
    const char *bytes = (const char *)data;
    size_t at = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    memset(&found, 0, sizeof(found));
    while (at < size) {
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t line_size = (end != NULL ? (size_t)(end - bytes) : size) - at;

        find_line(&found, (struct text){bytes + at, line_size});
        at += line_size + 1;
    }
    OC_ASSERT(found.count == count);
    for (uint32_t i = 0; i < count; i++) {
        OC_ASSERT(same(&found.commands[i], &commands[i]));
    }
}

/* A section without a key makes no instrument; only the last name counts. */
static void find_line(struct found *found, struct text line)
{
    struct oc_symbol *section = &found->section;
    struct text rest = trimmed(line);
    const char *equals;

    for (size_t i = 1; i < rest.size; i++) {
        if (rest.bytes[i] == ';' && strchr(" \t\v\f\r", rest.bytes[i - 1]) != NULL) {
            rest = trimmed((struct text){rest.bytes, i});
        }
    }
    if (rest.size == 0 || rest.bytes[0] == ';' || rest.bytes[0] == '#') {
        return;
    }
    if (rest.bytes[0] == '[') {
        OC_ASSERT(rest.bytes[rest.size - 1] == ']');
        OC_ASSERT(rest.size - 2 <= OC_SYMBOL_BYTES_MAX);
        memset(section, 0, sizeof(*section));
        section->size = (uint8_t)(rest.size - 2);
        memcpy(section->bytes, rest.bytes + 1, section->size);
        return;
    }
    if (found->count == 0 || memcmp(&found->commands[found->count - 1].instrument.symbol, section,
                                    sizeof(*section)) != 0) {
        OC_ASSERT(found->count < COUNT_MAX);
        found->commands[found->count++].instrument = (struct oc_command_instrument){
            .symbol = *section,
            .tick_ticks = 1,
            .lot_lots = 1,
            .price_min_ticks = 1,
            .price_max_ticks = OC_PRICE_TICKS_MAX,
            .qty_min_lots = 1,
            .qty_max_lots = OC_QTY_LOTS_MAX,
        };
    }
    equals = memchr(rest.bytes, '=', rest.size);
    if (equals == NULL) {
        equals = memchr(rest.bytes, ':', rest.size);
    }
    OC_ASSERT(equals != NULL);
    find_key(found, trimmed((struct text){rest.bytes, (size_t)(equals - rest.bytes)}),
             trimmed((struct text){equals + 1, (size_t)(rest.bytes + rest.size - equals) - 1}));
}

static void find_key(struct found *found, struct text name, struct text value)
{
    struct oc_command_instrument *instrument = &found->commands[found->count - 1].instrument;
    uint64_t number = 0;

    OC_ASSERT(value.size > 0);
    for (size_t i = 0; i < value.size; i++) {
        OC_ASSERT(value.bytes[i] >= '0');
        OC_ASSERT(value.bytes[i] <= '9');
        OC_ASSERT(number <= (uint64_t)INT64_MAX / 10);
        number = number * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    if (text_is(name, "decimals")) {
        instrument->decimals = (uint8_t)number;
    } else if (text_is(name, "tick")) {
        instrument->tick_ticks = (int64_t)number;
    } else if (text_is(name, "lot")) {
        instrument->lot_lots = number;
    } else if (text_is(name, "price_min")) {
        instrument->price_min_ticks = (int64_t)number;
    } else if (text_is(name, "price_max")) {
        instrument->price_max_ticks = (int64_t)number;
    } else if (text_is(name, "quantity_min")) {
        instrument->qty_min_lots = number;
    } else {
        OC_ASSERT(text_is(name, "quantity_max"));
        instrument->qty_max_lots = number;
    }
}

static struct text trimmed(struct text text)
{
    while (text.size > 0 && strchr(" \t\v\f\r", text.bytes[text.size - 1]) != NULL &&
           text.bytes[text.size - 1] != '\0') {
        text.size--;
    }
    while (text.size > 0 && strchr(" \t\v\f\r", text.bytes[0]) != NULL && text.bytes[0] != '\0') {
        text.bytes++;
        text.size--;
    }
    return text;
}

static bool text_is(struct text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.bytes, word, text.size) == 0;
}

/* What the reader takes, a venue can start with: no symbol is refused as known already. */
static void check_engine(const struct oc_command *commands, uint32_t count)
{
    struct oc_engine_config config = {
        .limits = {.orders_max = 1,
                   .levels_max = 1,
                   .instruments_max = COUNT_MAX,
                   .users_max = 1,
                   .sessions_max = 1,
                   .client_ids_max = 1,
                   .client_ids_total = 1},
    };
    static struct oc_event_log log;
    const struct oc_event *events;
    struct oc_engine *engine;
    struct oc_arena arena;
    uint32_t consumer;

    oc_arena_init(&arena);
    OC_ASSERT(oc_event_log_init(&log, &arena, 64) == 0);
    consumer = oc_event_log_add_consumer(&log);
    engine = oc_engine_create(&arena, &config, &log);
    OC_ASSERT(engine != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct oc_command command = commands[i];

        command.sequence = i + 1;
        OC_ASSERT(oc_engine_apply(engine, &command) == OC_DONE);
        OC_ASSERT(oc_event_log_read(&log, consumer, &events) == 1);
        OC_ASSERT(events[0].kind == OC_EVENT_INSTRUMENT);
        oc_event_log_release(&log, consumer, 1);
    }
    oc_arena_deinit(&arena);
}

static void check_again(const struct oc_command *commands, uint32_t count)
{
    static char text[COUNT_MAX * 512];
    struct oc_command *again = NULL;
    uint32_t again_count = 0;
    char error[400] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct oc_command_instrument *instrument = &commands[i].instrument;
        int size = snprintf(
            text + used, sizeof(text) - used,
            "[%.*s]\ndecimals=%u\ntick=%" PRId64 "\nlot=%" PRIu64 "\nprice_min=%" PRId64
            "\nprice_max=%" PRId64 "\nquantity_min=%" PRIu64 "\nquantity_max=%" PRIu64 "\n",
            instrument->symbol.size, instrument->symbol.bytes, instrument->decimals,
            instrument->tick_ticks, instrument->lot_lots, instrument->price_min_ticks,
            instrument->price_max_ticks, instrument->qty_min_lots, instrument->qty_max_lots);

        OC_ASSERT(size > 0 && (size_t)size < sizeof(text) - used);
        used += (size_t)size;
    }
    OC_ASSERT(read_bytes(text, used, &again, &again_count, error) == 0);
    OC_ASSERT(again_count == count);
    for (uint32_t i = 0; i < count; i++) {
        OC_ASSERT(same(&commands[i], &again[i]));
    }
    free(again);
}

static bool same(const struct oc_command *one, const struct oc_command *other)
{
    const struct oc_command_instrument *a = &one->instrument;
    const struct oc_command_instrument *b = &other->instrument;

    return memcmp(&a->symbol, &b->symbol, sizeof(a->symbol)) == 0 && a->decimals == b->decimals &&
           a->tick_ticks == b->tick_ticks && a->lot_lots == b->lot_lots &&
           a->price_min_ticks == b->price_min_ticks && a->price_max_ticks == b->price_max_ticks &&
           a->qty_min_lots == b->qty_min_lots && a->qty_max_lots == b->qty_max_lots;
}
