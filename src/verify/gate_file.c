/*
 * The file of thresholds, read by inih.
 *
 * inih calls back for each "key = value" and goes on after an error; what is told is the first one.
 */
#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/gate.h"

#define PERCENT_MAX   100.0
#define MESSAGE_BYTES 160U

enum {
    KEY_PING_PONG,
    KEY_PERSISTENT,
    KEY_TAIL,
    KEY_STRESS,
    KEY_NEEDED,
    KEY_COUNT,
};

static const char *const KEYS[KEY_COUNT] = {
    [KEY_PING_PONG] = "ping_pong_percent", [KEY_PERSISTENT] = "persistent_percent",
    [KEY_TAIL] = "tail_percent",           [KEY_STRESS] = "stress_percent",
    [KEY_NEEDED] = "criteria_needed",
};

struct reader {
    FILE *file;
    int line; /* read last, from 1 */
    struct oc_gate_thresholds thresholds;
    bool given[KEY_COUNT];
    bool failed;
    char message[MESSAGE_BYTES];
};

static char *next_line(char *line, int capacity, void *stream);
static int on_key(void *user, const char *section, const char *name, const char *value);
static bool set_key(struct reader *reader, int key, const char *value);
static void fail(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int oc_gate_thresholds_read(const char *path, struct oc_gate_thresholds *thresholds, char *error,
                            size_t error_size)
{
    struct reader reader = {.thresholds = OC_GATE_THRESHOLDS_DEFAULT};
    int rc;

    reader.file = fopen(path, "re");
    if (reader.file == NULL) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    errno = 0;
    rc = ini_parse_stream(next_line, &reader, on_key, &reader);
    if (ferror(reader.file) != 0) {
        (void)snprintf(error, error_size, "%s: %s", path,
                       errno != 0 ? strerror(errno) : "cannot be read");
        rc = -1;
    } else if (reader.failed && (rc == 0 || reader.line <= rc)) {
        (void)snprintf(error, error_size, "%s:%d: %s", path, reader.line, reader.message);
        rc = -1;
    } else if (rc != 0) {
        (void)snprintf(error, error_size, "%s:%d: neither [gate] nor key = value", path, rc);
        rc = -1;
    }
    (void)fclose(reader.file);
    if (rc == 0) {
        *thresholds = reader.thresholds;
    }
    return rc;
}

/* Gives inih a line, or the end after a failure, so that reader->line stays at it. */
static char *next_line(char *line, int capacity, void *stream)
{
    struct reader *reader = stream;
    size_t size;

    if (reader->failed || fgets(line, capacity, reader->file) == NULL) {
        return NULL;
    }
    reader->line++;
    size = strlen(line);
    /* The rest of a longer line would be read as a line of its own. */
    if (size + 1U == (size_t)capacity && line[size - 1U] != '\n') {
        fail(reader, "the line is longer than %d bytes", capacity - 2);
        return NULL;
    }
    return line;
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    int key = 0;

    if (strcmp(section, "gate") != 0) {
        fail(reader, "section [%s]; the only one is [gate]", section);
        return 0;
    }
    while (key < KEY_COUNT && strcmp(KEYS[key], name) != 0) {
        key++;
    }
    if (key == KEY_COUNT) {
        fail(reader, "unknown key %s; there are %s, %s, %s, %s and %s", name, KEYS[0], KEYS[1],
             KEYS[2], KEYS[3], KEYS[4]);
        return 0;
    }
    if (reader->given[key]) {
        fail(reader, "%s is given twice", name);
        return 0;
    }
    reader->given[key] = true;
    return set_key(reader, key, value) ? 1 : 0;
}

static bool set_key(struct reader *reader, int key, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    double *const shares[KEY_NEEDED] = {
        [KEY_PING_PONG] = &reader->thresholds.ping_pong,
        [KEY_PERSISTENT] = &reader->thresholds.persistent,
        [KEY_TAIL] = &reader->thresholds.tail,
        [KEY_STRESS] = &reader->thresholds.stress,
    };

    if (end == value || *end != '\0' || !isfinite(number)) {
        fail(reader, "%s = %s is not a number", KEYS[key], value);
    } else if (key == KEY_NEEDED && number >= 1.0 && number <= OC_GATE_CRITERIA &&
               number == floor(number)) {
        reader->thresholds.criteria_needed = (uint32_t)number;
    } else if (key == KEY_NEEDED) {
        fail(reader, "%s = %s is not 1, 2, 3 or 4", KEYS[key], value);
    } else if (number < 0.0 || number >= PERCENT_MAX) {
        fail(reader, "%s = %s is not from 0 to below 100", KEYS[key], value);
    } else {
        *shares[key] = number / PERCENT_MAX;
    }
    return !reader->failed;
}

static void fail(struct reader *reader, const char *format, ...)
{
    va_list arguments;

    if (reader->failed) {
        return;
    }
    reader->failed = true;
    va_start(arguments, format);
    (void)vsnprintf(reader->message, sizeof(reader->message), format, arguments);
    va_end(arguments);
}
