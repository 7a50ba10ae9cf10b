/*
 * The line of counters: written without stdio, found in a log.
 */
#include "verify/counters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* X(member): the name in the line is the member's. */
#define COUNTERS(X)   \
    X(system_calls)   \
    X(polls)          \
    X(received)       \
    X(received_bytes) \
    X(sends)          \
    X(sent_bytes)     \
    X(rearms)         \
    X(overflows)

#define LINE_BYTES 512U

static const char MARK[] = "network counters:";

static size_t append(char *line, size_t size, const char *name, uint64_t value);
static bool find_value(const char *line, size_t size, const char *name, uint64_t *value);

void oc_verify_counters_take(const struct oc_io_stats *stats, struct oc_verify_counters *counters)
{
    *counters = (struct oc_verify_counters){
        .system_calls = stats->system_calls,
        .polls = stats->polls,
        .received = stats->received_count,
        .received_bytes = stats->received_bytes,
        .sends = stats->send_count,
        .sent_bytes = stats->sent_bytes,
        .rearms = stats->rearms,
        .overflows = stats->overflows,
    };
}

void oc_verify_counters_write(int fd, const struct oc_verify_counters *counters)
{
    char line[LINE_BYTES];
    size_t size = sizeof(MARK) - 1;
    ssize_t written;

    memcpy(line, MARK, size);
#define COUNTER_APPEND(member) size = append(line, size, #member, counters->member);
    COUNTERS(COUNTER_APPEND)
#undef COUNTER_APPEND
    line[size++] = '\n';
    written = write(fd, line, size);
    (void)written;
}

bool oc_verify_counters_find(const char *log, struct oc_verify_counters *counters)
{
    struct oc_verify_counters found;
    const char *line = NULL;
    size_t size = 0;

    for (const char *next = strstr(log, MARK); next != NULL;
         next = strstr(next + sizeof(MARK) - 1, MARK)) {
        size_t length = strcspn(next, "\n");
        if (next[length] == '\n') {
            line = next + sizeof(MARK) - 1;
            size = length - (sizeof(MARK) - 1);
        }
    }
    if (line == NULL) {
        return false;
    }
#define COUNTER_FIND(member)                               \
    if (!find_value(line, size, #member, &found.member)) { \
        found.member = 0;                                  \
    }
    COUNTERS(COUNTER_FIND)
#undef COUNTER_FIND
    if (!find_value(line, size, "system_calls", &found.system_calls)) {
        return false;
    }
    *counters = found;
    return true;
}

/* " NAME=VALUE" behind what is there; a line of all of them fits with 20 digits each. */
static size_t append(char *line, size_t size, const char *name, uint64_t value)
{
    char digits[20];
    size_t count = 0;
    size_t name_size = strlen(name);

    line[size++] = ' ';
    memcpy(line + size, name, name_size);
    size += name_size;
    line[size++] = '=';
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) {
        line[size++] = digits[--count];
    }
    return size;
}

static bool find_value(const char *line, size_t size, const char *name, uint64_t *value)
{
    size_t name_size = strlen(name);

    for (size_t at = 0; at + name_size + 2 < size; at++) {
        if (line[at] == ' ' && strncmp(line + at + 1, name, name_size) == 0 &&
            line[at + 1 + name_size] == '=') {
            *value = strtoull(line + at + 2 + name_size, NULL, 10);
            return true;
        }
    }
    return false;
}
