/*
 * Fan-out: one session trades with itself, so many others listen to the tape.
 *
 * A round is a buy and the sell that takes it, sent together; it ends when the trade has reached
 * the last listener, and only then the next begins. Latency is of the round. A listener must get
 * each trade once: what begins like another message is not counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "verify/clock.h"
#include "verify/task.h"
#include "wire/wire.h"

#define EVENTS_MAX 256
/* An incomplete frame of a tape waits here: a trade has some 200 bytes. */
#define PARTIAL_BYTES 1024U

struct listener {
    int fd;
    uint32_t size; /* of what waits */
    uint64_t trades;
    uint8_t bytes[PARTIAL_BYTES];
};

struct fan_out {
    const struct oc_verify__task *task;
    struct oc_verify__outcome *outcome;
    struct oc_verify__pace pace;
    struct listener *listeners; /* the first is the trader */
    uint32_t count;
    uint32_t open;
    int epoll_fd;
    uint64_t round;   /* trades made */
    uint32_t missing; /* listeners that have not heard the current one */
    uint8_t round_bytes[512];
    uint32_t round_size;
    uint8_t in[65536];
};

static void prepare_round(struct fan_out *fan_out);
static int connect_all(struct fan_out *fan_out);
static int await_session(struct fan_out *fan_out, struct listener *listener);
static int play(struct fan_out *fan_out);
static int play_round(struct fan_out *fan_out);
static int listen_to(struct fan_out *fan_out, struct listener *listener);
static int take_frames(struct fan_out *fan_out, struct listener *listener, const uint8_t *bytes,
                       size_t size, size_t *used);
static int fail(struct fan_out *fan_out, const char *what, const char *why);

int oc_verify__fan_out_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    struct fan_out *fan_out = calloc(1, sizeof(*fan_out));
    struct listener *listeners = calloc(task->cell->connections + 1, sizeof(*listeners));
    int rc = -1;

    if (fan_out == NULL || listeners == NULL) {
        oc_verify__outcome_fail(outcome, "no memory");
        free(fan_out);
        free(listeners);
        return -1;
    }
    fan_out->task = task;
    fan_out->outcome = outcome;
    fan_out->listeners = listeners;
    fan_out->count = task->cell->connections + 1;
    fan_out->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    prepare_round(fan_out);
    if (connect_all(fan_out) == 0) {
        rc = play(fan_out);
    }
    for (uint32_t i = 0; i < fan_out->open; i++) {
        (void)close(listeners[i].fd);
    }
    (void)close(fan_out->epoll_fd);
    outcome->requests_all = fan_out->round;
    free(listeners);
    free(fan_out);
    return rc;
}

static void prepare_round(struct fan_out *fan_out)
{
    static const char *const SIDES[] = {"Buy", "Sell"};

    for (int i = 0; i < 2; i++) {
        char text[200];
        int size = snprintf(text, sizeof(text),
                            "{\"user_id\":1,\"symbol\":\"FAN\",\"order_type\":\"%s\","
                            "\"price\":50000,\"quantity\":10}",
                            SIDES[i]);
        uint8_t *frame = fan_out->round_bytes + fan_out->round_size;
        frame[3] = (uint8_t)size;
        memcpy(frame + OC_FRAME_HEADER_BYTES, text, (size_t)size);
        fan_out->round_size += OC_FRAME_HEADER_BYTES + (uint32_t)size;
    }
}

static int connect_all(struct fan_out *fan_out)
{
    for (uint32_t i = 0; i < fan_out->count; i++) {
        struct listener *listener = &fan_out->listeners[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
        listener->fd = oc_verify__connect(&fan_out->task->address, 0);
        if (listener->fd < 0) {
            return fail(fan_out, "connecting", strerror(-listener->fd));
        }
        fan_out->open++;
        if (epoll_ctl(fan_out->epoll_fd, EPOLL_CTL_ADD, listener->fd, &event) < 0) {
            return fail(fan_out, "epoll_ctl", strerror(errno));
        }
        if (await_session(fan_out, listener) < 0) {
            return -1;
        }
    }
    return 0;
}

/* A connection that the server has not accepted yet would miss the first trade: ask for a sign. */
static int await_session(struct fan_out *fan_out, struct listener *listener)
{
    static const char PING[] = "\0\0\0\x16{\"session\":{\"ping\":1}}";
    size_t have = 0;

    _Static_assert(sizeof(PING) - 1 == OC_FRAME_HEADER_BYTES + 0x16, "the frame's length is right");
    if (send(listener->fd, PING, sizeof(PING) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(PING) - 1) {
        return fail(fan_out, "send", strerror(errno));
    }
    for (;;) {
        size_t frame_size;
        ssize_t size = recv(listener->fd, fan_out->in + have, sizeof(fan_out->in) - have, 0);
        if (size <= 0) {
            return fail(fan_out, "recv", size == 0 ? "the server closed" : strerror(errno));
        }
        have += (size_t)size;
        if (oc_wire_frame_next(fan_out->in, have, &frame_size) == OC_WIRE_FRAME_COMPLETE) {
            return frame_size == have ? 0 : fail(fan_out, "a ping", "answered with more than one");
        }
    }
}

static int play(struct fan_out *fan_out)
{
    oc_verify__pace_start(&fan_out->pace, fan_out->task);
    for (;;) {
        uint64_t sent_ns = oc_verify__clock_ns();
        uint64_t now_ns;
        if (play_round(fan_out) < 0) {
            return -1;
        }
        now_ns = oc_verify__clock_ns();
        if (oc_verify__pace_counts(&fan_out->pace, sent_ns)) {
            oc_histogram_record(fan_out->outcome->latency, now_ns - sent_ns);
        }
        if (!oc_verify__pace_step(&fan_out->pace, now_ns, fan_out->round)) {
            return 0;
        }
    }
}

static int play_round(struct fan_out *fan_out)
{
    struct epoll_event events[EVENTS_MAX];

    fan_out->missing = fan_out->count;
    if (send(fan_out->listeners[0].fd, fan_out->round_bytes, fan_out->round_size, MSG_NOSIGNAL) !=
        (ssize_t)fan_out->round_size) {
        return fail(fan_out, "send", strerror(errno));
    }
    fan_out->round++;
    while (fan_out->missing > 0) {
        int count = epoll_wait(fan_out->epoll_fd, events, EVENTS_MAX,
                               (int)(OC_VERIFY__TIMEOUT_NS / 1000000U));
        if (count == 0) {
            fan_out->outcome->timeouts += fan_out->missing;
            oc_verify__outcome_fail(
                fan_out->outcome, "%u of %u sessions did not hear trade %llu in %d s",
                fan_out->missing, fan_out->count, (unsigned long long)fan_out->round,
                (int)(OC_VERIFY__TIMEOUT_NS / 1000000000ULL));
            return -1;
        }
        if (count < 0 && errno != EINTR) {
            return fail(fan_out, "epoll_wait", strerror(errno));
        }
        for (int i = 0; i < count; i++) {
            if (listen_to(fan_out, events[i].data.ptr) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int listen_to(struct fan_out *fan_out, struct listener *listener)
{
    ssize_t size;
    size_t have = listener->size;
    size_t used;

    memcpy(fan_out->in, listener->bytes, have);
    size = recv(listener->fd, fan_out->in + have, sizeof(fan_out->in) - have, MSG_DONTWAIT);
    if (size <= 0) {
        return size < 0 && errno == EAGAIN
                   ? 0
                   : fail(fan_out, "recv", size == 0 ? "the server closed" : strerror(errno));
    }
    have += (size_t)size;
    if (take_frames(fan_out, listener, fan_out->in, have, &used) < 0) {
        return -1;
    }
    if (have - used > PARTIAL_BYTES) {
        return fail(fan_out, "the tape", "a frame larger than a trade");
    }
    listener->size = (uint32_t)(have - used);
    memcpy(listener->bytes, fan_out->in + used, listener->size);
    return 0;
}

static int take_frames(struct fan_out *fan_out, struct listener *listener, const uint8_t *bytes,
                       size_t size, size_t *used)
{
    static const char TRADE[] = "{\"trade_id\":";

    *used = 0;
    for (;;) {
        size_t frame_size;
        enum oc_wire_frame frame = oc_wire_frame_next(bytes + *used, size - *used, &frame_size);
        if (frame == OC_WIRE_FRAME_BAD_LENGTH) {
            return fail(fan_out, "the tape", "a frame of a length outside the protocol");
        }
        if (frame == OC_WIRE_FRAME_INCOMPLETE) {
            return 0;
        }
        if (frame_size > OC_FRAME_HEADER_BYTES + sizeof(TRADE) &&
            memcmp(bytes + *used + OC_FRAME_HEADER_BYTES, TRADE, sizeof(TRADE) - 1) == 0) {
            listener->trades++;
            if (listener->trades > fan_out->round) {
                return fail(fan_out, "the tape", "a trade that nobody made");
            }
            fan_out->missing--;
        }
        *used += frame_size;
    }
}

static int fail(struct fan_out *fan_out, const char *what, const char *why)
{
    fan_out->outcome->errors++;
    oc_verify__outcome_fail(fan_out->outcome, "%s: %s", what, why);
    return -1;
}
