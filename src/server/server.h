/*
 * The server: the duty loops that join io, gateway and engine. The only room that sees all.
 *
 * With `--engine inline` everything runs to completion on one thread: no hand-off and no wake-up
 * stand between an order and its answer. With `--engine dedicated` one thread owns the engine and
 * several do io: commands go to it through one ring for each, events come back through the log.
 */
#ifndef OC_SERVER_SERVER_H
#define OC_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"
#include "engine/engine.h"
#include "gateway/gateway.h"
#include "io/io.h"
#include "server/listener.h"

/**
 * Events between two drains of the log. Small on purpose: the same 128 KiB are written and read
 * again and again and stay in the cache. A command with more events takes several turns: one of
 * them gives a listener some 170 KB and sends it 64 KiB, so its backlog grows slowly.
 */
#define OC_SERVER_EVENT_LOG_CAPACITY 1024U

/**
 * How long, in all, such a command may wait for sessions that owe half of what they may, so that
 * who reads is not disconnected for what one command told at once. The venue stands still
 * meanwhile.
 */
#define OC_SERVER_PACE_NS 20000000ULL

/**
 * Commands that may wait behind one that takes several turns (a sweep of more orders than the event
 * log holds events). Turns go on in between, so that replies are sent and read meanwhile; if more
 * than these arrive, the rest of the command is done within one turn.
 */
#define OC_SERVER_WAITING_MAX 16384U

/** The event log needs a cursor for each; the rest are for journal, feed and their like. */
#define OC_SERVER_IO_THREADS_MAX 12U

/** CPUs that can be named: of each io thread, the engine and the acceptor. */
#define OC_SERVER_CPUS_MAX (OC_SERVER_IO_THREADS_MAX + 2U)

/**
 * The event log between threads is larger: io threads sleep and the engine does not wait for them
 * before they are half of it behind. 512 KiB stay in the cache of most cores.
 */
#define OC_SERVER_EVENT_LOG_CAPACITY_DEDICATED 4096U

/** Commands of one io thread that may wait for the engine; beyond them it stops receiving. */
#define OC_SERVER_COMMAND_RING_CAPACITY 1024U

enum oc_server_engine {
    OC_SERVER_INLINE,    /* one thread does everything */
    OC_SERVER_DEDICATED, /* the engine has a thread of its own */
};

struct oc_server;

/**
 * Who watches, on the engine's thread: each command when it is stamped, just before it is applied;
 * then its events, before anybody is told (inline only: between threads there is no such moment).
 * What is passed is borrowed for the call. A hook that is not wanted is NULL.
 */
struct oc_server_observer {
    void *context;
    void (*command)(void *context, const struct oc_command *command);
    void (*events)(void *context, const struct oc_event *events, uint32_t count);
};

struct oc_server_config {
    const struct oc_io_ops *ops;
    const char *ops_reason; /* why this backend, for the log; borrowed for open() and run() */
    struct oc_listener listeners[OC_GATEWAY_LISTENERS_MAX];
    uint32_t listener_count; /* at least 1 */
    struct oc_limits limits;
    struct oc_session_limits session_limits;
    /* Arena and connections_max are set by the server. Chunks are divided among the io threads, as
     * are sessions and large frames; receive buffers and queue depth are of each. busy_poll_ns is
     * also how long the engine thread spins before it sleeps. */
    struct oc_io_config io;
    uint32_t large_frames_max;
    enum oc_server_engine engine;
    uint32_t io_threads;               /* 0 is 1; more than 1 with OC_SERVER_DEDICATED only */
    uint32_t cpus[OC_SERVER_CPUS_MAX]; /* of the io threads, then of the engine, the acceptor */
    uint32_t cpu_count; /* 0: no thread is pinned; else all but, if one is short, the acceptor */
    const char *instruments_path;  /* NULL: none */
    bool instruments_on_first_use; /* an unknown symbol makes its instrument */
    bool insecure;                 /* identity=claimed on addresses other than loopback */
    /* Tests: UTC in ns instead of the system's clock; never decreasing. NULL: the system's. */
    uint64_t (*utc_ns)(void *context, uint64_t now_ns);
    void *utc_context;
    struct oc_server_observer observer;
    /* Tests: whether the next command of a session finds no room for now. NULL: if it is so. */
    bool (*no_room)(void *context);
    void *no_room_context;
    /* Instead of the capacities above, powers of two; 0: those. */
    uint32_t event_log_capacity;    /* at least 64 */
    uint32_t command_ring_capacity; /* dedicated */
};

/** What the threads of OC_SERVER_DEDICATED counted about each other; sums. */
struct oc_server_thread_stats {
    uint64_t commands_held; /* commands that found their ring full: a session had to wait */
    uint64_t room_waits;    /* times that the engine waited for the slowest reader of the log */
    uint64_t pace_waits;    /* times that it gave those who read another moment */
    uint64_t engine_sleeps; /* times that the engine had nothing to do and slept */
    uint64_t system_calls;  /* for waking and sleeping of the engine */
};

/**
 * Takes memory, reads the instruments and binds the listeners; nothing is accepted yet.
 * Returns 0 and *server, or -1 with one line of text in `error` that says what to do. Any thread.
 */
int oc_server_open(struct oc_server **server, const struct oc_server_config *config, char *error,
                   size_t error_size);

/** The address that listener `index` is bound to, as HOST:PORT; valid as long as the server. */
const char *oc_server_address(const struct oc_server *server, uint32_t index);

/**
 * Serves until oc_server_stop(), then closes every session (its replies first) and returns 0; -1
 * when the backend broke, which is logged. The calling thread owns the server from here on; with
 * OC_SERVER_DEDICATED it becomes the acceptor, starts the others (which block all signals) and has
 * joined them when it returns. Allocates nothing after its "listening on" lines.
 */
int oc_server_run(struct oc_server *server);

/** Ends oc_server_run(); a second call ends it at once. Any thread, any signal handler. */
void oc_server_stop(struct oc_server *server);

/**
 * After run(): what the engine, the gateways and the backends counted; sums over the io threads.
 * NULL for what is not wanted.
 */
void oc_server_stats_read(const struct oc_server *server, struct oc_engine_stats *engine,
                          struct oc_gateway_stats *gateway, struct oc_io_stats *io);

/** After run(): what its threads counted about each other; all 0 with OC_SERVER_INLINE. */
void oc_server_thread_stats_read(const struct oc_server *server,
                                 struct oc_server_thread_stats *stats);

/** The engine's state hash; not while run() is on. */
uint64_t oc_server_state_hash(const struct oc_server *server);

/** Gives everything back. */
void oc_server_close(struct oc_server *server);

#endif
