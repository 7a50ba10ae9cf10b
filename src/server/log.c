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

static int format_head(char *line, size_t size, const struct timespec *now, const char *level);
static void write_line(const char *line, int size);

void oc_log(enum oc_log_level level, const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the next two */
    static time_t second;
    static int lines;
    bool is_shown;
    char line[TEXT_BYTES_MAX + 64];
    struct timespec now;
    va_list arguments;
    int size;
    int text;
    (void)pthread_mutex_lock(&lock);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        if (lines > OC_LOG_LINES_PER_SECOND) {
            size = format_head(line, sizeof line, &now, LEVELS[OC_LOG_WARNING]);
            size += snprintf(line + size, sizeof line - (size_t)size,
                             "%d further lines in one second are not shown\n",
                             lines - OC_LOG_LINES_PER_SECOND);
            write_line(line, size);
        }
        second = now.tv_sec;
        lines = 0;
    }
    is_shown = ++lines <= OC_LOG_LINES_PER_SECOND;
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
