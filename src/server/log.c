/*
 * One line, one write(2): lines of several processes on one terminal never mix.
 */
#include "server/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES_MAX 500

static const char *const LEVELS[] = {"info", "warning", "error"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the next two */
static time_t second;                                    /* in which the warnings were counted */
static int warnings;

static void tell_hidden(const struct timespec *now);
static int format_head(char *line, size_t size, const struct timespec *now, const char *level);
static void write_line(const char *line, int size);

void oc_log(enum oc_log_level level, const char *format, ...)
{
    bool is_shown;
    char line[TEXT_BYTES_MAX + 64];
    struct timespec now;
    va_list arguments;
    int size;
    int text;
    (void)pthread_mutex_lock(&lock);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second || level != OC_LOG_WARNING) {
        tell_hidden(&now);
    }
    if (now.tv_sec != second) {
        second = now.tv_sec;
        warnings = 0;
    }
    is_shown = level != OC_LOG_WARNING || ++warnings <= OC_LOG_WARNINGS_PER_SECOND;
    (void)pthread_mutex_unlock(&lock);
    if (!is_shown) {
        return;
    }
    size = format_head(line, sizeof line, &now, LEVELS[level]);
    va_start(arguments, format);
    text = vsnprintf(line + size, TEXT_BYTES_MAX, format, arguments);
    va_end(arguments);
    size += text < TEXT_BYTES_MAX ? text : TEXT_BYTES_MAX - 1;
    line[size++] = '\n';
    write_line(line, size);
}

/* The lock is held. */
static void tell_hidden(const struct timespec *now)
{
    char line[128];
    int size;
    if (warnings <= OC_LOG_WARNINGS_PER_SECOND) {
        return;
    }
    size = format_head(line, sizeof line, now, LEVELS[OC_LOG_WARNING]);
    size += snprintf(line + size, sizeof line - (size_t)size,
                     "%d further warnings of one second are not shown\n",
                     warnings - OC_LOG_WARNINGS_PER_SECOND);
    write_line(line, size);
    warnings = OC_LOG_WARNINGS_PER_SECOND;
}

static int format_head(char *line, size_t size, const struct timespec *now, const char *level)
{
    struct tm utc;
    size_t used;
    (void)gmtime_r(&now->tv_sec, &utc);
    used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    return (int)used +
           snprintf(line + used, size - used, ".%06ldZ %s ", now->tv_nsec / 1000, level);
}

static void write_line(const char *line, int size)
{
    /* A log that cannot be written must not stop the venue. */
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written;
}
