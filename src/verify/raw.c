/*
 * The raw client of one connection: echo messages with a window, on one connection for the whole
 * run or on a new one after so many messages.
 *
 * It blocks in recv(2), or asks again and again under busy-poll; the cheapest client there is, so
 * that what differs between stacks is diluted least. What comes back must be as many bytes as went
 * out, and the last message's content is looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/assert.h"
#include "verify/clock.h"
#include "verify/task.h"

#define WINDOW_MAX  256U
#define BURST_BYTES 65536U
/* Addresses 127.0.0.2 to 127.0.0.251 take turns as the source of short connections. */
#define SOURCE_FIRST 2U
#define SOURCE_COUNT 250U

/* One run. */
struct raw {
    const struct oc_verify__task *task;
    struct oc_verify__outcome *outcome;
    struct oc_verify__pace pace;
    int fd;
    uint32_t window;
    uint32_t size;
    uint64_t answered;            /* of the run */
    uint64_t connections;         /* made */
    uint64_t connected_ns;        /* when connect() of this connection was called */
    uint64_t sent;                /* on this connection */
    uint64_t received;            /* on this connection, complete */
    uint32_t partial;             /* bytes of an incomplete message */
    uint64_t sent_ns[WINDOW_MAX]; /* of messages in flight, by number */
    char out[BURST_BYTES];
    char in[BURST_BYTES];
};

static int open_connection(struct raw *raw);
static int send_messages(struct raw *raw, uint64_t count, uint64_t now_ns);
static int receive_messages(struct raw *raw, uint64_t *count, uint64_t *now_ns);
static int play(struct raw *raw);

int oc_verify__raw_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    const struct oc_verify_cell *cell = task->cell;
    struct raw *raw = calloc(1, sizeof(*raw));
    int rc;

    OC_ASSERT(cell->window >= 1);
    OC_ASSERT(cell->window <= WINDOW_MAX);
    OC_ASSERT(cell->size >= 1);
    OC_ASSERT(cell->size * cell->window <= BURST_BYTES);
    if (raw == NULL) {
        oc_verify__outcome_fail(outcome, "no memory");
        return -1;
    }
    raw->task = task;
    raw->outcome = outcome;
    raw->fd = -1;
    raw->window = cell->window;
    raw->size = cell->size;
    oc_verify__fill_messages(raw->out, BURST_BYTES, cell->size);
    oc_verify__pace_start(&raw->pace, task);
    rc = play(raw);
    if (raw->fd >= 0) {
        (void)close(raw->fd);
    }
    outcome->requests_all = raw->answered;
    free(raw);
    return rc;
}

static int play(struct raw *raw)
{
    uint64_t limit = raw->task->cell->messages == 0 ? UINT64_MAX : raw->task->cell->messages;

    for (;;) {
        uint64_t now_ns;
        uint64_t count;
        uint64_t left;
        if (raw->fd < 0 && open_connection(raw) < 0) {
            return -1;
        }
        if (receive_messages(raw, &count, &now_ns) < 0) {
            return -1;
        }
        if (!oc_verify__pace_step(&raw->pace, now_ns, raw->answered)) {
            return 0;
        }
        left = limit - raw->sent;
        count = count < left ? count : left;
        if (count > 0 && send_messages(raw, count, oc_verify__clock_ns()) < 0) {
            return -1;
        }
        if (raw->received == limit) {
            (void)close(raw->fd);
            raw->fd = -1;
        }
    }
}

/* Connects and fills the window. */
static int open_connection(struct raw *raw)
{
    uint64_t limit = raw->task->cell->messages == 0 ? UINT64_MAX : raw->task->cell->messages;
    uint32_t source = raw->task->cell->messages == 0 ||
                              raw->task->address.storage.ss_family != AF_INET ||
                              !oc_io_address_is_loopback(&raw->task->address)
                          ? 0
                          : SOURCE_FIRST + (uint32_t)(raw->connections % SOURCE_COUNT);

    raw->connections++;
    raw->connected_ns = oc_verify__clock_ns();
    raw->fd = oc_verify__connect(&raw->task->address, source);
    if (raw->fd < 0) {
        raw->outcome->errors++;
        oc_verify__outcome_fail(raw->outcome, "connecting: %s", strerror(-raw->fd));
        return -1;
    }
    raw->sent = 0;
    raw->received = 0;
    raw->partial = 0;
    /* A connection for each message: its request is intended when the connection is. */
    return send_messages(raw, raw->window < limit ? raw->window : limit,
                         limit == 1 ? raw->connected_ns : oc_verify__clock_ns());
}

static int send_messages(struct raw *raw, uint64_t count, uint64_t now_ns)
{
    size_t size = count * raw->size;

    for (uint64_t i = 0; i < count; i++) {
        raw->sent_ns[(raw->sent + i) % WINDOW_MAX] = now_ns;
    }
    raw->sent += count;
    if (send(raw->fd, raw->out, size, MSG_NOSIGNAL) != (ssize_t)size) {
        raw->outcome->errors++;
        oc_verify__outcome_fail(raw->outcome, "send: %s", strerror(errno));
        return -1;
    }
    return 0;
}

/* Takes what is there, at least one byte. *count: messages that became complete. */
static int receive_messages(struct raw *raw, uint64_t *count, uint64_t *now_ns)
{
    bool spin = raw->task->busy_poll_ns > 0;
    uint64_t spin_end_ns = 0;
    ssize_t size;

    for (;;) {
        size = recv(raw->fd, raw->in, sizeof(raw->in), spin ? MSG_DONTWAIT : 0);
        *now_ns = oc_verify__clock_ns();
        if (size > 0) {
            break;
        }
        if (size < 0 && errno == EAGAIN && spin) {
            spin_end_ns = spin_end_ns == 0 ? *now_ns + OC_VERIFY__TIMEOUT_NS : spin_end_ns;
            if (*now_ns < spin_end_ns) {
                continue;
            }
        }
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0 && errno == EAGAIN) {
            raw->outcome->timeouts += raw->sent - raw->received;
            oc_verify__outcome_fail(raw->outcome, "no reply in %d s",
                                    (int)(OC_VERIFY__TIMEOUT_NS / 1000000000ULL));
        } else {
            raw->outcome->errors++;
            oc_verify__outcome_fail(raw->outcome, "recv: %s",
                                    size == 0 ? "the server closed" : strerror(errno));
        }
        return -1;
    }
    *count = (raw->partial + (uint64_t)size) / raw->size;
    if (raw->in[0] != raw->out[raw->partial] || *count > raw->sent - raw->received) {
        raw->outcome->errors++;
        oc_verify__outcome_fail(raw->outcome, "the echo is not what was sent");
        return -1;
    }
    raw->partial = (uint32_t)((raw->partial + (uint64_t)size) % raw->size);
    for (uint64_t i = 0; i < *count; i++) {
        uint64_t sent_ns = raw->sent_ns[(raw->received + i) % WINDOW_MAX];
        if (oc_verify__pace_counts(&raw->pace, sent_ns)) {
            oc_histogram_record(raw->outcome->latency, *now_ns - sent_ns);
        }
    }
    if (raw->received == 0 && *count > 0 && oc_verify__pace_counts(&raw->pace, raw->connected_ns)) {
        oc_histogram_record(raw->outcome->connect, *now_ns - raw->connected_ns);
    }
    raw->received += *count;
    raw->answered += *count;
    return 0;
}
