/*
 * LOBSTER's two files: rows of numbers to structs, with every number checked.
 *
 * Rows count from 1. A row that cannot be read is an error that names the file and the row; whether
 * rows contradict one another is the business of lobster.c.
 */
#ifndef OC_CLIENT_LOBSTER_FILE_H
#define OC_CLIENT_LOBSTER_FILE_H

#include <stdio.h>

#include "client/lobster.h"

enum oc_lobster__type {
    OC_LOBSTER__NEW = 1,
    OC_LOBSTER__REDUCE = 2,
    OC_LOBSTER__DELETE = 3,
    OC_LOBSTER__EXECUTE = 4,
    OC_LOBSTER__EXECUTE_HIDDEN = 5,
    OC_LOBSTER__AUCTION = 6,
    OC_LOBSTER__HALT = 7,
};

struct oc_lobster__message {
    uint64_t time_ns; /* since midnight */
    uint64_t order_id;
    uint64_t qty_lots;
    int64_t price_ticks;
    uint8_t type; /* enum oc_lobster__type */
    uint8_t side; /* enum oc_side, of the resting order */
};

struct oc_lobster__level {
    int64_t price_ticks;
    uint64_t qty_lots; /* above 0 */
};

/** The visible levels after a message, best first. */
struct oc_lobster__row {
    struct oc_lobster__level levels[2][OC_LOBSTER_LEVELS_MAX]; /* by enum oc_side */
    uint32_t counts[2];
    uint32_t width; /* levels of a side that the file has room for */
};

struct oc_lobster__file {
    FILE *stream;
    const char *path; /* borrowed */
    char *line;
    size_t line_capacity;
    uint32_t row; /* last one read */
    char *error;
    size_t error_size;
};

/** Opens a file. Returns 0 or -errno with the error text written. */
int oc_lobster__open(struct oc_lobster__file *file, const char *path, char *error,
                     size_t error_size);

/** Closes it. Harmless on a file that is all zero. */
void oc_lobster__close(struct oc_lobster__file *file);

/** Reads the next message. Returns 1, 0 at the end, -EBADMSG or -EIO. */
int oc_lobster__read_message(struct oc_lobster__file *file, struct oc_lobster__message *message);

/** Reads the next row of levels. Returns 1, 0 at the end, -EBADMSG or -EIO. */
int oc_lobster__read_row(struct oc_lobster__file *file, struct oc_lobster__row *row);

/** Writes "PATH row N: …" as the file's error; returns -EBADMSG. */
int oc_lobster__refuse(struct oc_lobster__file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
