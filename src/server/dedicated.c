/*
 * `--engine dedicated`: the threads come and go.
 *
 * The thread that calls run() directs: it starts the others, accepts connections while they serve,
 * and takes them down in an order in which nobody waits for somebody who is gone. Io threads close
 * their sessions while the engine still answers; the engine ends when no command can come any more;
 * the event log is read until then; io threads end last.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cpus.h"
#include "server/internal.h"
#include "server/log.h"

/* How often the deadline of the end is looked at. */
#define LOOK_MS 100

static int start_workers(struct oc_server *server);
static int start_engine(struct oc_server *server);
static int start_thread(pthread_t *thread, void *(*main)(void *), void *argument);
static void wait_started(struct oc_server *server, uint32_t count);
static void give_order(struct oc_server *server, enum oc_server__order order);
static void close_sessions(struct oc_server *server);
static void wait_progress(struct oc_server *server, enum oc_server__progress progress,
                          uint64_t deadline_ns, int stops_max);
static bool is_everywhere(const struct oc_server *server, enum oc_server__progress progress);
static void end_engine(struct oc_server *server);
static void end_workers(struct oc_server *server, uint32_t count);
static uint64_t now_ns(void);

int oc_server__run_dedicated(struct oc_server *server)
{
    int rc;
    oc_arena_seal(&server->arena);
    oc_cpus_settle(NULL, oc_server__cpu(server, server->worker_count + 1));
    if (sem_init(&server->started, 0, 0) != 0 || start_workers(server) != 0) {
        return -1;
    }
    if (start_engine(server) != 0) {
        end_workers(server, server->worker_count);
        return -1;
    }
    oc_server__log_start(server);
    rc = oc_server__accept(server);
    oc_log(OC_LOG_INFO, "stopping: no new connections, open sessions get their last replies");
    oc_server__close_listeners(server);
    if (rc == 0) {
        close_sessions(server);
    }
    end_engine(server);
    end_workers(server, server->worker_count);
    (void)sem_destroy(&server->started);
    if (rc == 0) {
        oc_server__log_stop(server);
    }
    return rc;
}

static int start_workers(struct oc_server *server)
{
    uint32_t count = 0;
    int rc = 0;
    for (; rc == 0 && count < server->worker_count; count += rc == 0 ? 1 : 0) {
        struct oc_server__worker *worker = &server->workers[count];
        rc = start_thread(&worker->thread, oc_server__worker_main, worker);
    }
    wait_started(server, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = server->workers[i].start_error;
    }
    if (rc != 0) {
        oc_log(OC_LOG_ERROR, "the %s backend cannot start: %s; `outcry probe` says why",
               server->config.ops->name, strerror(-rc));
        end_workers(server, count);
        return -1;
    }
    return 0;
}

static int start_engine(struct oc_server *server)
{
    int rc = start_thread(&server->engine_loop.thread, oc_server__engine_main, server);
    if (rc != 0) {
        oc_log(OC_LOG_ERROR, "the engine's thread cannot be started: %s", strerror(-rc));
        return -1;
    }
    wait_started(server, 1);
    return 0;
}

/* Signals are for the acceptor, whose waiting they end; the others are never interrupted. */
static int start_thread(pthread_t *thread, void *(*main)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    int rc;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, NULL, main, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static void wait_started(struct oc_server *server, uint32_t count)
{
    while (count > 0) {
        if (sem_wait(&server->started) == 0) {
            count--;
        }
    }
}

static void give_order(struct oc_server *server, enum oc_server__order order)
{
    /* Release: pairs with the acquire load in order() of the workers. */
    atomic_store_explicit(&server->order, (int)order, memory_order_release);
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct oc_server__worker *worker = &server->workers[i];
        /* One that is cut, or never came up, looks by itself, and its instance may be gone. */
        if (order < OC_SERVER__END && worker->start_error == 0) {
            worker->io->ops->wake(worker->io);
        }
    }
}

/* Every session gets its replies and a FIN, unless it takes too long or a second stop comes. */
static void close_sessions(struct oc_server *server)
{
    give_order(server, OC_SERVER__CLOSE);
    wait_progress(server, OC_SERVER__CLOSED, now_ns() + OC_SERVER__STOP_TIMEOUT_NS, 1);
}

static void wait_progress(struct oc_server *server, enum oc_server__progress progress,
                          uint64_t deadline_ns, int stops_max)
{
    struct pollfd wait = {.fd = server->event_fd, .events = POLLIN};
    while (!is_everywhere(server, progress) &&
           atomic_load_explicit(&server->stops, memory_order_relaxed) <= stops_max) {
        uint64_t rings;
        if (now_ns() >= deadline_ns) {
            return;
        }
        if (poll(&wait, 1, LOOK_MS) > 0) {
            ssize_t got = read(server->event_fd, &rings, sizeof rings);
            (void)got;
        }
    }
}

static bool is_everywhere(const struct oc_server *server, enum oc_server__progress progress)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        const struct oc_server__worker *worker = &server->workers[i];
        /* Acquire: pairs with the release store in tell_progress() of the worker: the commands that
         * it published are there for the engine, which is told of it behind this. */
        if (atomic_load_explicit(&worker->progress, memory_order_acquire) < (int)progress &&
            !(progress < OC_SERVER__IS_CUT &&
              atomic_load_explicit(&worker->is_broken, memory_order_relaxed))) {
            return false;
        }
    }
    return true;
}

/* What is in the rings is still applied. */
static void end_engine(struct oc_server *server)
{
    give_order(server, OC_SERVER__CUT);
    wait_progress(server, OC_SERVER__IS_CUT, UINT64_MAX, INT32_MAX);
    /* Release: pairs with the acquire load in engine_main(), behind which rings that are empty stay
     * empty. */
    atomic_store_explicit(&server->engine_loop.is_ending, true, memory_order_release);
    (void)oc_server__bell_ring(&server->engine_loop.bell, OC_SERVER__COMMANDS);
    (void)pthread_join(server->engine_loop.thread, NULL);
}

static void end_workers(struct oc_server *server, uint32_t count)
{
    give_order(server, OC_SERVER__CUT);
    give_order(server, OC_SERVER__END);
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(server->workers[i].thread, NULL);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}
