/*
 * The acceptor of `--engine dedicated`: connections come in here and are given away.
 *
 * One thread accepts for all, because listeners that share a port by SO_REUSEPORT cannot weigh, and
 * closing one of them resets what is queued there. A connection goes to the io thread with the
 * fewest. What accepted sockets should have they inherit from the listener, so accept4() is the
 * only system call here for each of them.
 */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/internal.h"
#include "server/log.h"

/* Connections of one listener before the next has its turn. */
#define SHARE 64U

/* Out of descriptors or memory: it is tried again this much later, often enough to recover without
 * being noticed, seldom enough to cost nothing. */
#define RETRY_MS 100

static bool is_broken(const struct oc_server *server);
static int accept_some(struct oc_server *server, uint32_t listener);
static bool is_exhausted(int error);
static void hand_over(struct oc_server *server, int fd, uint32_t listener);

int oc_server__accept(struct oc_server *server)
{
    struct pollfd waits[OC_GATEWAY_LISTENERS_MAX + 1];
    bool backs_off = false;
    waits[0] = (struct pollfd){.fd = server->event_fd, .events = POLLIN};
    for (uint32_t i = 0; i < server->listener_count; i++) {
        waits[i + 1] = (struct pollfd){.fd = server->listeners[i].fd, .events = POLLIN};
    }
    for (;;) {
        nfds_t count = backs_off ? 1 : (nfds_t)server->listener_count + 1;
        uint64_t rings;
        int ready = poll(waits, count, backs_off ? RETRY_MS : -1);
        server->acceptor_calls++;
        backs_off = backs_off && ready != 0;
        if (is_broken(server)) {
            return -1;
        }
        /* Acquire: pairs with the release in oc_server_stop(), which wakes this thread behind it.
         */
        if (atomic_load_explicit(&server->stops, memory_order_acquire) > 0) {
            return 0;
        }
        if (ready > 0 && waits[0].revents != 0) {
            ssize_t got = read(server->event_fd, &rings, sizeof rings);
            (void)got;
            server->acceptor_calls++;
        }
        for (uint32_t i = 0; ready > 0 && i + 1 < count; i++) {
            if (waits[i + 1].revents != 0 && accept_some(server, i) != 0) {
                backs_off = true;
            }
        }
    }
}

static bool is_broken(const struct oc_server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (atomic_load_explicit(&server->workers[i].is_broken, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* 0, or -1 where nothing can be accepted for a while. */
static int accept_some(struct oc_server *server, uint32_t listener)
{
    for (uint32_t i = 0; i < SHARE; i++) {
        int fd = accept4(server->listeners[listener].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        server->acceptor_calls++;
        if (fd >= 0) {
            hand_over(server, fd, listener);
            continue;
        }
        if (errno == EAGAIN) {
            return 0;
        }
        if (is_exhausted(errno)) {
            server->accept_failures++;
            oc_log(OC_LOG_WARNING, "a connection to %s is refused: %s (docs/limits.md)",
                   server->listeners[listener].address, strerror(errno));
            return -1;
        }
        /* Something that happened to this one connection (accept(2)): the next may be sound. */
    }
    return 0;
}

static bool is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void hand_over(struct oc_server *server, int fd, uint32_t listener)
{
    struct oc_server__worker *target = NULL;
    struct oc_server__arrival *arrival;
    uint64_t fewest = UINT64_MAX;
    uint64_t all = 0;
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct oc_server__worker *worker = &server->workers[i];
        /* Relaxed: a count and nothing else. Late news means a guess on the safe side. */
        uint64_t sessions = server->handed[i] -
                            atomic_load_explicit(&worker->closed_count, memory_order_relaxed);
        all += sessions;
        if (sessions < fewest) {
            fewest = sessions;
            target = worker;
        }
    }
    if (all >= server->config.limits.sessions_max || fewest >= server->worker_sessions_max) {
        oc_log(OC_LOG_WARNING,
               "a connection to %s is refused: the limit of sessions is reached (docs/limits.md)",
               server->listeners[listener].address);
        (void)close(fd);
        server->accept_failures++;
        server->acceptor_calls++;
        return;
    }
    /* It has as many places as the thread may have sessions. */
    arrival = oc_ring_claim(&target->arrivals);
    OC_ASSERT(arrival != NULL);
    *arrival = (struct oc_server__arrival){.fd = fd, .tag = listener};
    oc_ring_publish(&target->arrivals);
    server->handed[target->number]++;
    server->accepted++;
    target->io->ops->wake(target->io);
}
