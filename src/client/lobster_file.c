/*
 * Reading LOBSTER's comma separated numbers.
 *
 * Numbers are plain digits, a price may have a sign (an empty level is +-9999999999 with size 0, a
 * halt has price -1, 0 or 1). Anything else, a blank included, is a broken row.
 */
#include "client/lobster_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define EMPTY_LEVEL_PRICE 9999999999LL

static int read_line(struct oc_lobster__file *file);
static bool read_integer(const char **text, int64_t *value);
static bool read_time(const char **text, uint64_t *time_ns);
static bool read_comma(const char **text);
static int read_side(struct oc_lobster__file *file, struct oc_lobster__row *row, enum oc_side side,
                     uint32_t rank, int64_t price, int64_t quantity);

int oc_lobster__open(struct oc_lobster__file *file, const char *path, char *error,
                     size_t error_size)
{
    memset(file, 0, sizeof(*file));
    file->path = path;
    file->error = error;
    file->error_size = error_size;
    file->stream = fopen(path, "re");
    if (file->stream == NULL) {
        int rc = -errno;
        (void)snprintf(error, error_size, "%s: %s", path, strerror(-rc));
        return rc;
    }
    return 0;
}

void oc_lobster__close(struct oc_lobster__file *file)
{
    if (file->stream != NULL) {
        (void)fclose(file->stream);
    }
    free(file->line);
    memset(file, 0, sizeof(*file));
}

int oc_lobster__read_message(struct oc_lobster__file *file, struct oc_lobster__message *message)
{
    int64_t numbers[5];
    const char *next;
    bool halt;
    int rc = read_line(file);

    if (rc <= 0) {
        return rc;
    }
    next = file->line;
    memset(message, 0, sizeof(*message));
    if (!read_time(&next, &message->time_ns)) {
        return oc_lobster__refuse(file, "the time is no number of seconds");
    }
    for (size_t i = 0; i < 5; i++) {
        if (!read_comma(&next) || !read_integer(&next, &numbers[i])) {
            return oc_lobster__refuse(file, "column %zu is no integer", i + 2);
        }
    }
    if (*next != '\0') {
        return oc_lobster__refuse(file, "more than the 6 columns of a message");
    }
    if (numbers[0] < OC_LOBSTER__NEW || numbers[0] > OC_LOBSTER__HALT) {
        return oc_lobster__refuse(file, "type %" PRId64 " is none of 1 to 7", numbers[0]);
    }
    halt = numbers[0] == OC_LOBSTER__HALT;
    if (!halt && (numbers[1] < 0 || numbers[2] < 1 || numbers[3] < 1)) {
        return oc_lobster__refuse(file, "order id, size or price is out of range");
    }
    if (numbers[4] != 1 && numbers[4] != -1) {
        return oc_lobster__refuse(file, "direction %" PRId64 " is neither 1 nor -1", numbers[4]);
    }
    message->type = (uint8_t)numbers[0];
    message->order_id = (uint64_t)numbers[1];
    message->qty_lots = (uint64_t)numbers[2];
    message->price_ticks = numbers[3];
    message->side = numbers[4] == 1 ? OC_BUY : OC_SELL;
    return 1;
}

int oc_lobster__read_row(struct oc_lobster__file *file, struct oc_lobster__row *row)
{
    const char *next;
    int rc = read_line(file);

    if (rc <= 0) {
        return rc;
    }
    next = file->line;
    row->counts[OC_BUY] = 0;
    row->counts[OC_SELL] = 0;
    for (row->width = 0;; row->width++) {
        int64_t numbers[4];
        if (row->width == OC_LOBSTER_LEVELS_MAX) {
            return oc_lobster__refuse(file, "more than %u levels", OC_LOBSTER_LEVELS_MAX);
        }
        for (size_t i = 0; i < 4; i++) {
            if ((i > 0 && !read_comma(&next)) || !read_integer(&next, &numbers[i])) {
                return oc_lobster__refuse(file, "column %zu is no integer",
                                          (size_t)row->width * 4 + i + 1);
            }
        }
        rc = read_side(file, row, OC_SELL, row->width, numbers[0], numbers[1]);
        if (rc == 0) {
            rc = read_side(file, row, OC_BUY, row->width, numbers[2], numbers[3]);
        }
        if (rc < 0) {
            return rc;
        }
        if (*next == '\0') {
            row->width++;
            break;
        }
        if (!read_comma(&next)) {
            return oc_lobster__refuse(file, "a level has more than 4 columns");
        }
    }
    if (row->counts[OC_BUY] > 0 && row->counts[OC_SELL] > 0 &&
        row->levels[OC_BUY][0].price_ticks >= row->levels[OC_SELL][0].price_ticks) {
        return oc_lobster__refuse(file, "the best bid is not below the best ask");
    }
    return 1;
}

int oc_lobster__refuse(struct oc_lobster__file *file, const char *format, ...)
{
    va_list arguments;
    int size = snprintf(file->error, file->error_size, "%s row %" PRIu32 ": ", file->path,
                        file->row);

    if (size >= 0 && (size_t)size < file->error_size) {
        va_start(arguments, format);
        (void)vsnprintf(file->error + size, file->error_size - (size_t)size, format, arguments);
        va_end(arguments);
    }
    return -EBADMSG;
}

static int read_line(struct oc_lobster__file *file)
{
    ssize_t size = getline(&file->line, &file->line_capacity, file->stream);

    if (size < 0) {
        if (ferror(file->stream)) {
            (void)snprintf(file->error, file->error_size, "%s: cannot be read", file->path);
            return -EIO;
        }
        return 0;
    }
    file->row++;
    if (memchr(file->line, '\0', (size_t)size) != NULL) {
        return oc_lobster__refuse(file, "holds a zero byte");
    }
    while (size > 0 && (file->line[size - 1] == '\n' || file->line[size - 1] == '\r')) {
        file->line[--size] = '\0';
    }
    return 1;
}

/* At most 18 digits, so that nothing overflows. */
static bool read_integer(const char **text, int64_t *value)
{
    const char *next = *text;
    bool negative = *next == '-';
    unsigned digits = 0;
    int64_t result = 0;

    next += negative;
    for (; *next >= '0' && *next <= '9'; next++) {
        if (++digits > 18) {
            return false;
        }
        result = result * 10 + (*next - '0');
    }
    *text = next;
    *value = negative ? -result : result;
    return digits > 0;
}

/* Seconds with up to 9 decimals. */
static bool read_time(const char **text, uint64_t *time_ns)
{
    int64_t seconds;
    uint64_t fraction = 0;
    uint64_t scale = 1000000000;
    const char *next = *text;

    if (!read_integer(&next, &seconds) || seconds < 0 || seconds > 86400) {
        return false;
    }
    if (*next == '.') {
        next++;
        /* Some files print more digits than a nanosecond has: they are no part of the time. */
        for (; *next >= '0' && *next <= '9'; next++) {
            scale /= 10;
            fraction += (uint64_t)(*next - '0') * scale;
        }
    }
    *text = next;
    *time_ns = (uint64_t)seconds * 1000000000U + fraction;
    return true;
}

static bool read_comma(const char **text)
{
    if (**text != ',') {
        return false;
    }
    (*text)++;
    return true;
}

static int read_side(struct oc_lobster__file *file, struct oc_lobster__row *row, enum oc_side side,
                     uint32_t rank, int64_t price, int64_t quantity)
{
    const char *name = side == OC_BUY ? "bid" : "ask";
    uint32_t count = row->counts[side];

    if (quantity == 0 && (price == EMPTY_LEVEL_PRICE || price == -EMPTY_LEVEL_PRICE)) {
        return 0;
    }
    if (count != rank) {
        return oc_lobster__refuse(file, "%s %" PRIu32 " stands behind an empty level", name,
                                  rank + 1);
    }
    if (price < 1 || quantity < 1) {
        return oc_lobster__refuse(file, "price or size of %s %" PRIu32 " is out of range", name,
                                  rank + 1);
    }
    if (count > 0) {
        int64_t better = row->levels[side][count - 1].price_ticks;
        if (side == OC_BUY ? price >= better : price <= better) {
            return oc_lobster__refuse(file, "%s %" PRIu32 " is not behind the one before it", name,
                                      rank + 1);
        }
    }
    row->levels[side][count].price_ticks = price;
    row->levels[side][count].qty_lots = (uint64_t)quantity;
    row->counts[side]++;
    return 0;
}
