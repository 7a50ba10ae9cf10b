/*
 * The log of the server: one line of text for each thing an operator should know, on stderr.
 *
 * Never on the way of an order: only start, stop, sessions that had to be ended and failures.
 */
#ifndef OC_SERVER_LOG_H
#define OC_SERVER_LOG_H

/** Lines in one second; more are counted and told as one line when the second is over. */
#define OC_LOG_LINES_PER_SECOND 50

enum oc_log_level {
    OC_LOG_INFO,
    OC_LOG_WARNING,
    OC_LOG_ERROR,
};

/**
 * Writes "TIME LEVEL TEXT" with the UTC time in microseconds. The text is cut at 500 bytes. Reads
 * the clock and makes one system call. Any thread, no signal handler.
 */
void oc_log(enum oc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
