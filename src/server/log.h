/*
 * The log of the server: one line of text for each thing an operator should know, on stderr.
 *
 * Never on the way of an order: only start, stop, sessions that had to be ended and failures.
 */
#ifndef OC_SERVER_LOG_H
#define OC_SERVER_LOG_H

/**
 * Warnings in one second: clients can cause as many as they like. More are counted and told as one
 * line, before the next line that is shown. What an operator must find, the start, the stop and
 * failures, is no warning and always shown.
 */
#define OC_LOG_WARNINGS_PER_SECOND 50

enum oc_log_level {
    OC_LOG_INFO,
    OC_LOG_WARNING,
    OC_LOG_ERROR,
};

/**
 * Writes "TIME LEVEL TEXT" with the UTC time in microseconds. The text is cut at 500 bytes. Reads
 * the clock and makes one system call, or two. Any thread, no signal handler.
 */
void oc_log(enum oc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
