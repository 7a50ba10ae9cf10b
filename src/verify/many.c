/*
 * The raw client of many connections: a small epoll loop, the same for every stack.
 *
 * Each connection has `window` messages in flight; what comes back makes room for as many. Level-
 * triggered, one recv(2) and one send(2) for each ready connection: it is no server, and it does
 * not try to be cleverer than one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/assert.h"
#include "verify/clock.h"
#include "verify/task.h"

#define EVENTS_MAX  256
#define WINDOW_MAX  16U
#define BURST_BYTES 16384U

struct link {
    int fd;
    uint32_t partial; /* bytes of an incomplete message */
    uint64_t received;
    uint64_t connected_ns;
    uint64_t sent_ns[WINDOW_MAX];
};

struct many {
    const struct oc_verify__task *task;
    struct oc_verify__outcome *outcome;
    struct oc_verify__pace pace;
    struct link *links;
    uint32_t link_count;
    uint32_t window;
    uint32_t size;
    int epoll_fd;
    uint64_t answered;
    char out[BURST_BYTES];
    char in[BURST_BYTES];
};

static int connect_all(struct many *many);
static int play(struct many *many);
static int wait_events(struct many *many, struct epoll_event *events);
static int serve_link(struct many *many, struct link *link, uint64_t now_ns);
static int send_messages(struct many *many, struct link *link, uint64_t count, uint64_t now_ns);
static int fail(struct many *many, const char *what, const char *why);

int oc_verify__many_run(const struct oc_verify__task *task, struct oc_verify__outcome *outcome)
{
    const struct oc_verify_cell *cell = task->cell;
    struct many *many = calloc(1, sizeof(*many));
    struct link *links = calloc(cell->connections, sizeof(*links));
    int rc = -1;

    OC_ASSERT(cell->window >= 1);
    OC_ASSERT(cell->window <= WINDOW_MAX);
    OC_ASSERT(cell->size * cell->window <= BURST_BYTES);
    if (many == NULL || links == NULL) {
        oc_verify__outcome_fail(outcome, "no memory");
        free(many);
        free(links);
        return -1;
    }
    many->task = task;
    many->outcome = outcome;
    many->links = links;
    many->window = cell->window;
    many->size = cell->size;
    many->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    oc_verify__fill_messages(many->out, BURST_BYTES, cell->size);
    if (connect_all(many) == 0) {
        rc = play(many);
    }
    for (uint32_t i = 0; i < many->link_count; i++) {
        (void)close(links[i].fd);
    }
    (void)close(many->epoll_fd);
    outcome->requests_all = many->answered;
    free(links);
    free(many);
    return rc;
}

static int connect_all(struct many *many)
{
    for (uint32_t i = 0; i < many->task->cell->connections; i++) {
        struct link *link = &many->links[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
        link->connected_ns = oc_verify__clock_ns();
        link->fd = oc_verify__connect(&many->task->address, 0);
        if (link->fd < 0) {
            return fail(many, "connecting", strerror(-link->fd));
        }
        many->link_count++;
        if (epoll_ctl(many->epoll_fd, EPOLL_CTL_ADD, link->fd, &event) < 0) {
            return fail(many, "epoll_ctl", strerror(errno));
        }
    }
    return 0;
}

static int play(struct many *many)
{
    struct epoll_event events[EVENTS_MAX];

    oc_verify__pace_start(&many->pace, many->task);
    for (uint32_t i = 0; i < many->link_count; i++) {
        if (send_messages(many, &many->links[i], many->window, oc_verify__clock_ns()) < 0) {
            return -1;
        }
    }
    for (;;) {
        uint64_t now_ns;
        int count = wait_events(many, events);
        if (count < 0) {
            return -1;
        }
        now_ns = oc_verify__clock_ns();
        if (!oc_verify__pace_step(&many->pace, now_ns, many->answered)) {
            return 0;
        }
        for (int i = 0; i < count; i++) {
            if (serve_link(many, events[i].data.ptr, oc_verify__clock_ns()) < 0) {
                return -1;
            }
        }
    }
}

static int wait_events(struct many *many, struct epoll_event *events)
{
    uint64_t end_ns = oc_verify__clock_ns() + many->task->busy_poll_ns;
    int count;

    if (many->task->busy_poll_ns > 0) {
        do {
            count = epoll_wait(many->epoll_fd, events, EVENTS_MAX, 0);
        } while (count == 0 && oc_verify__clock_ns() < end_ns);
        if (count > 0) {
            return count;
        }
    }
    do {
        count = epoll_wait(many->epoll_fd, events, EVENTS_MAX,
                           (int)(OC_VERIFY__TIMEOUT_NS / 1000000U));
    } while (count < 0 && errno == EINTR);
    if (count == 0) {
        many->outcome->timeouts += (uint64_t)many->link_count * many->window;
        oc_verify__outcome_fail(many->outcome, "no reply in %d s",
                                (int)(OC_VERIFY__TIMEOUT_NS / 1000000000ULL));
        return -1;
    }
    return count < 0 ? fail(many, "epoll_wait", strerror(errno)) : count;
}

static int serve_link(struct many *many, struct link *link, uint64_t now_ns)
{
    ssize_t size = recv(link->fd, many->in, sizeof(many->in), MSG_DONTWAIT);
    uint64_t count;

    if (size <= 0) {
        return size < 0 && errno == EAGAIN
                   ? 0
                   : fail(many, "recv", size == 0 ? "the server closed" : strerror(errno));
    }
    count = (link->partial + (uint64_t)size) / many->size;
    if (many->in[0] != many->out[link->partial] || count > many->window) {
        return fail(many, "the echo", "not what was sent");
    }
    link->partial = (uint32_t)((link->partial + (uint64_t)size) % many->size);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t sent_ns = link->sent_ns[(link->received + i) % many->window];
        if (oc_verify__pace_counts(&many->pace, sent_ns)) {
            oc_histogram_record(many->outcome->latency, now_ns - sent_ns);
        }
    }
    link->received += count;
    many->answered += count;
    return count > 0 ? send_messages(many, link, count, now_ns) : 0;
}

/* The window is full again after this: message n of a connection has the slot n mod window. */
static int send_messages(struct many *many, struct link *link, uint64_t count, uint64_t now_ns)
{
    size_t size = count * many->size;

    for (uint64_t i = 0; i < count; i++) {
        link->sent_ns[(link->received + many->window - count + i) % many->window] = now_ns;
    }
    if (send(link->fd, many->out, size, MSG_NOSIGNAL) != (ssize_t)size) {
        return fail(many, "send", strerror(errno));
    }
    return 0;
}

static int fail(struct many *many, const char *what, const char *why)
{
    many->outcome->errors++;
    oc_verify__outcome_fail(many->outcome, "%s: %s", what, why);
    return -1;
}
