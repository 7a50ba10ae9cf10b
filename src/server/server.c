/*
 * Opening and closing of the server: memory, rooms, listeners, counters. The two ways to serve are
 * in inline.c and dedicated.c.
 */
#include "server/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/assert.h"
#include "io/socket.h"
#include "server/cpus.h"
#include "server/instruments.h"
#include "server/internal.h"
#include "server/log.h"

/* Of sessions in the engine, all io threads together. */
#define SLOTS_MAX (1U << 20)

static void add_gateway_stats(struct oc_gateway_stats *sum, const struct oc_gateway *gateway);
static void add_io_stats(struct oc_io_stats *sum, const struct oc_io_stats *stats);
static void config_complete(struct oc_server_config *config);
static int open_rooms(struct oc_server *server, char *error, size_t error_size);
static int open_worker(struct oc_server *server, uint32_t number, char *error, size_t error_size);
static bool on_admit(void *context, struct oc_conn conn);
static void on_leave(void *context, struct oc_conn conn);
static bool open_rings(struct oc_server *server, struct oc_server__worker *worker);
static bool open_engine(struct oc_server *server);
static uint64_t secret(void);
static int open_listeners(struct oc_server *server, char *error, size_t error_size);
static int open_listener(struct oc_server *server, uint32_t index,
                         char error[OC_IO_SOCKET_ERROR_BYTES]);
static void close_arrivals(struct oc_server *server);
static void log_session_limits(const struct oc_session_limits *limits);
static void log_threads(const struct oc_server *server);
static void log_session_counters(const struct oc_gateway_stats *gateway,
                                 const struct oc_io_stats *io);
static void append_cpus(const struct oc_server *server, uint32_t first, uint32_t count, char *text,
                        size_t text_size);

int oc_server_open(struct oc_server **out, const struct oc_server_config *config, char *error,
                   size_t error_size)
{
    struct oc_server *server;
    OC_ASSERT(config->listener_count > 0);
    OC_ASSERT(config->listener_count <= OC_GATEWAY_LISTENERS_MAX);
    OC_ASSERT(config->io_threads <= OC_SERVER_IO_THREADS_MAX);
    OC_ASSERT(config->io_threads <= 1 || config->engine == OC_SERVER_DEDICATED);
    server = aligned_alloc(_Alignof(struct oc_server), sizeof *server);
    if (server == NULL) {
        (void)snprintf(error, error_size, "no memory for the server");
        return -1;
    }
    memset(server, 0, sizeof *server);
    server->config = *config;
    server->event_fd = -1;
    oc_arena_init(&server->arena);
    oc_clock_init(&server->clock);
    config_complete(&server->config);
    if (oc_cpus_check(config->cpus, config->cpu_count, error, error_size) != 0 ||
        (config->instruments_path != NULL &&
         oc_instruments_read(config->instruments_path, config->limits.instruments_max,
                             &server->instruments, &server->instrument_count, error,
                             error_size) != 0) ||
        open_rooms(server, error, error_size) != 0 ||
        open_listeners(server, error, error_size) != 0) {
        oc_server_close(server);
        return -1;
    }
    *out = server;
    return 0;
}

const char *oc_server_address(const struct oc_server *server, uint32_t index)
{
    OC_ASSERT(index < server->config.listener_count);
    return server->listeners[index].address;
}

int oc_server_run(struct oc_server *server)
{
    return oc_server__is_dedicated(server) ? oc_server__run_dedicated(server)
                                           : oc_server__run_inline(server);
}

void oc_server_stop(struct oc_server *server)
{
    struct oc_io *io = server->workers->io;
    /*
     * The instance must not end while it is being woken. All four accesses to the two flags, here
     * and in end_io() of inline.c, are sequentially consistent: either this sees that it ended, or
     * end_io() sees that somebody is at it and waits.
     */
    (void)atomic_fetch_add(&server->stops_under_way, 1);
    /* Release: pairs with the acquire loads of the thread that runs: what its caller did with the
     * server before the stop is done before the server begins to end. */
    (void)atomic_fetch_add_explicit(&server->stops, 1, memory_order_release);
    if (oc_server__is_dedicated(server)) {
        oc_server__wake_acceptor(server);
    } else if (!atomic_load(&server->has_ended)) {
        io->ops->wake(io);
    }
    (void)atomic_fetch_sub(&server->stops_under_way, 1);
}

void oc_server__wake_acceptor(struct oc_server *server)
{
    const uint64_t one = 1;
    int saved_errno = errno;
    /* Cannot fail but by a counter of 2^64 - 2, and then the descriptor is readable anyway. */
    ssize_t written = write(server->event_fd, &one, sizeof one);
    (void)written;
    errno = saved_errno;
}

void oc_server_stats_read(const struct oc_server *server, struct oc_engine_stats *engine,
                          struct oc_gateway_stats *gateway, struct oc_io_stats *io)
{
    if (engine != NULL) {
        oc_engine_stats_read(server->engine, engine);
    }
    if (gateway != NULL) {
        *gateway = (struct oc_gateway_stats){0};
    }
    if (io != NULL) {
        *io = (struct oc_io_stats){0};
    }
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (gateway != NULL) {
            add_gateway_stats(gateway, server->workers[i].gateway);
        }
        if (io != NULL) {
            add_io_stats(io, &server->workers[i].io_stats);
        }
    }
    if (io != NULL && oc_server__is_dedicated(server)) {
        io->accepted += server->accepted;
        io->accept_failures += server->accept_failures;
        io->system_calls += server->acceptor_calls;
    }
}

void oc_server_thread_stats_read(const struct oc_server *server,
                                 struct oc_server_thread_stats *stats)
{
    *stats = server->engine_loop.stats;
    for (uint32_t i = 0; i < server->worker_count; i++) {
        stats->commands_held += server->workers[i].stats.commands_held;
        stats->system_calls += server->workers[i].stats.system_calls;
    }
}

uint64_t oc_server_state_hash(const struct oc_server *server)
{
    return oc_engine_state_hash(server->engine);
}

void oc_server_close(struct oc_server *server)
{
    oc_server__close_listeners(server);
    close_arrivals(server);
    if (server->event_fd >= 0) {
        (void)close(server->event_fd);
    }
    free(server->instruments);
    oc_arena_deinit(&server->arena);
    free(server);
}

void oc_server__close_listeners(struct oc_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].listening) {
            struct oc_io *io = server->workers->io;
            (void)io->ops->unlisten(io, i);
        }
        if (server->listeners[i].fd >= 0) {
            (void)close(server->listeners[i].fd);
        }
    }
    server->listener_count = 0;
}

/** What the acceptor gave to a thread that broke before it took it. No thread runs any more. */
static void close_arrivals(struct oc_server *server)
{
    void *elements;
    for (uint32_t i = 0; server->workers != NULL && i < server->worker_count; i++) {
        struct oc_ring *arrivals = &server->workers[i].arrivals;
        while (oc_ring_peek(arrivals, &elements) > 0) {
            (void)close(((struct oc_server__arrival *)elements)->fd);
            oc_ring_release(arrivals, 1);
        }
    }
}

void oc_server__log_start(const struct oc_server *server)
{
    const struct oc_limits *limits = &server->config.limits;
    oc_log(OC_LOG_INFO, "network %s", server->config.ops_reason);
    oc_log(OC_LOG_INFO,
           "limits: %" PRIu32 " sessions, %" PRIu32 " open orders, %" PRIu32 " levels, %" PRIu32
           " instruments (%s), %" PRIu32 " users; %zu MiB of address space",
           limits->sessions_max, limits->orders_max, limits->levels_max, limits->instruments_max,
           server->config.instruments_on_first_use ? "made on first use" : "of the file only",
           limits->users_max, oc_arena_bytes(&server->arena) >> 20);
    log_session_limits(&server->config.session_limits);
    log_threads(server);
    oc_log(OC_LOG_WARNING, "in memory only: a restart loses every order");
    for (uint32_t i = 0; i < server->listener_count; i++) {
        oc_log(OC_LOG_INFO, "listening on %s identity=claimed confirmations=%s",
               server->listeners[i].address,
               server->config.listeners[i].confirmations_all ? "all" : "own");
    }
}

void oc_server__log_stop(const struct oc_server *server)
{
    struct oc_server_thread_stats threads;
    struct oc_gateway_stats gateway;
    struct oc_engine_stats engine;
    struct oc_io_stats io;
    oc_server_stats_read(server, &engine, &gateway, &io);
    log_session_counters(&gateway, &io);
    oc_log(OC_LOG_INFO,
           "network counters: system_calls=%" PRIu64 " polls=%" PRIu64 " waits=%" PRIu64
           " received=%" PRIu64 " received_bytes=%" PRIu64 " sends=%" PRIu64 " sent_bytes=%" PRIu64
           " short_sends=%" PRIu64 " rearms=%" PRIu64 " overflows=%" PRIu64,
           io.system_calls, io.polls, io.waits, io.received_count, io.received_bytes, io.send_count,
           io.sent_bytes, io.short_sends, io.rearms, io.overflows);
    if (oc_server__is_dedicated(server)) {
        oc_server_thread_stats_read(server, &threads);
        oc_log(OC_LOG_INFO,
               "thread counters: commands_held=%" PRIu64 " room_waits=%" PRIu64
               " pace_waits=%" PRIu64 " engine_sleeps=%" PRIu64 " system_calls=%" PRIu64,
               threads.commands_held, threads.room_waits, threads.pace_waits, threads.engine_sleeps,
               threads.system_calls);
    }
    oc_log(OC_LOG_INFO,
           "stopped after %" PRIu64 " commands, %" PRIu64 " trades, %" PRIu64 " rejects; %" PRIu32
           " open orders are lost; state %016" PRIx64,
           engine.commands, engine.trades, engine.rejects, engine.orders_open,
           oc_engine_state_hash(server->engine));
}

void oc_server__on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                          struct oc_conn conn)
{
    static const char *const TEXTS[] = {
        [OC_GATEWAY_SLOW_READER] = "reads too slowly and is disconnected",
        [OC_GATEWAY_OUT_OF_CHUNKS] = "owes most while out-buffers run out, and is disconnected",
        [OC_GATEWAY_BAD_STREAM] = "is told why and disconnected",
    };
    const struct oc_io *io = ((const struct oc_server__worker *)context)->io;
    char peer[OC_IO_ADDRESS_TEXT_BYTES];
    if (io->ops->peer(io, conn, peer, sizeof peer) != 0) {
        (void)snprintf(peer, sizeof peer, "a peer that is gone");
    }
    oc_log(OC_LOG_WARNING, "%s %s%s%s (docs/limits.md)", peer, TEXTS[notice],
           reason != OC_REASON_NONE ? ": " : "",
           reason != OC_REASON_NONE ? oc_reason_text(reason) : "");
}

static void add_gateway_stats(struct oc_gateway_stats *sum, const struct oc_gateway *gateway)
{
    struct oc_gateway_stats stats;
    oc_gateway_stats_read(gateway, &stats);
    sum->frames += stats.frames;
    sum->frames_reassembled += stats.frames_reassembled;
    sum->replies += stats.replies;
    sum->slow_readers += stats.slow_readers;
    sum->out_of_chunks += stats.out_of_chunks;
    sum->bad_streams += stats.bad_streams;
    sum->timeouts += stats.timeouts;
    sum->too_many_requests += stats.too_many_requests;
    sum->not_admitted += stats.not_admitted;
    sum->holds += stats.holds;
    sum->quota_uses += stats.quota_uses;
    sum->orphaned_closes += stats.orphaned_closes;
    sum->sessions += stats.sessions;
}

/* The first one's histogram takes up those of the others. */
static void add_io_stats(struct oc_io_stats *sum, const struct oc_io_stats *stats)
{
    if (sum->batch == NULL) {
        *sum = *stats;
        return;
    }
    sum->system_calls += stats->system_calls;
    sum->polls += stats->polls;
    sum->waits += stats->waits;
    sum->accepted += stats->accepted;
    sum->closed += stats->closed;
    sum->received_bytes += stats->received_bytes;
    sum->received_count += stats->received_count;
    sum->sent_bytes += stats->sent_bytes;
    sum->send_count += stats->send_count;
    sum->short_sends += stats->short_sends;
    sum->refused_sends += stats->refused_sends;
    sum->buffer_starved += stats->buffer_starved;
    sum->rearms += stats->rearms;
    sum->overflows += stats->overflows;
    sum->accept_failures += stats->accept_failures;
    sum->wakes += stats->wakes;
    sum->connections += stats->connections;
    sum->chunks_used += stats->chunks_used;
    sum->chunks_used_max += stats->chunks_used_max;
    sum->buffers_used += stats->buffers_used;
}

/* Fills in what was left open, and each worker's share. */
static void config_complete(struct oc_server_config *config)
{
    bool is_dedicated = config->engine == OC_SERVER_DEDICATED;
    if (config->io_threads == 0) {
        config->io_threads = 1;
    }
    if (config->event_log_capacity == 0) {
        config->event_log_capacity = is_dedicated ? OC_SERVER_EVENT_LOG_CAPACITY_DEDICATED
                                                  : OC_SERVER_EVENT_LOG_CAPACITY;
    }
    if (config->command_ring_capacity == 0) {
        config->command_ring_capacity = OC_SERVER_COMMAND_RING_CAPACITY;
    }
    /* What is left over goes to nobody: fewer than one for each thread. */
    if (config->io.chunk_count / config->io_threads >= 2) {
        config->io.chunk_count /= config->io_threads;
    }
    config->large_frames_max = (config->large_frames_max + config->io_threads - 1) /
                               config->io_threads;
    OC_ASSERT(!is_dedicated || config->io.sim == NULL);
    OC_ASSERT(!is_dedicated || config->observer.events == NULL);
}

static int open_rooms(struct oc_server *server, char *error, size_t error_size)
{
    const struct oc_server_config *config = &server->config;
    uint32_t threads = config->io_threads;
    /* Each has enough for its share, because a connection goes to the one with the fewest. */
    server->worker_sessions_max = (config->limits.sessions_max + threads - 1) / threads;
    if (server->worker_sessions_max * threads > SLOTS_MAX) {
        server->worker_sessions_max = SLOTS_MAX / threads;
    }
    if (config->session_limits.connections_per_address > 0) {
        server->admission = oc_admission_create(&server->arena,
                                                server->worker_sessions_max * threads,
                                                config->session_limits.connections_per_address);
        if (server->admission == NULL) {
            goto no_memory;
        }
    }
    server->workers = oc_arena_alloc(&server->arena, threads, sizeof *server->workers, 0);
    if (server->workers == NULL ||
        oc_event_log_init(&server->log, &server->arena, config->event_log_capacity) != 0) {
        goto no_memory;
    }
    for (; server->worker_count < threads; server->worker_count++) {
        int rc = open_worker(server, server->worker_count, error, error_size);
        if (rc == -ENOMEM) {
            goto no_memory;
        }
        if (rc != 0) {
            return -1;
        }
    }
    if (open_engine(server)) {
        return 0;
    }
no_memory:
    (void)snprintf(error, error_size,
                   "memory for these limits cannot be had; lower them with --limit");
    return -1;
}

/* 0, -ENOMEM, or another error with its text. */
static int open_worker(struct oc_server *server, uint32_t number, char *error, size_t error_size)
{
    const struct oc_server_config *config = &server->config;
    struct oc_server__worker *worker = &server->workers[number];
    struct oc_io_config io_config = config->io;
    struct oc_gateway_config gateway_config;
    int rc;
    worker->server = server;
    worker->number = number;
    worker->session_base = number * server->worker_sessions_max;
    io_config.arena = &server->arena;
    io_config.connections_max = server->worker_sessions_max;
    rc = config->ops->open(&io_config, &worker->io);
    if (rc != 0) {
        (void)snprintf(error, error_size,
                       "the %s backend cannot be opened: %s; `outcry probe` says what this kernel "
                       "offers, --net epoll needs nothing special",
                       config->ops->name, strerror(-rc));
        return rc == -ENOMEM ? -EIO : rc;
    }
    gateway_config = (struct oc_gateway_config){
        .arena = &server->arena,
        .io = worker->io,
        .hooks = {.context = worker,
                  .submit = oc_server__is_dedicated(server) ? oc_server__submit_dedicated
                                                            : oc_server__submit_inline,
                  .notice = oc_server__on_notice},
        .sessions_max = server->worker_sessions_max,
        .session_base = worker->session_base,
        .instruments_max = config->limits.instruments_max,
        .large_frames_max = config->large_frames_max,
        .out_bytes_max = config->io.out_bytes_max,
        .session_limits = config->session_limits,
    };
    if (server->admission != NULL) {
        gateway_config.hooks.admit = on_admit;
        gateway_config.hooks.leave = on_leave;
    }
    worker->gateway = oc_gateway_create(&gateway_config);
    worker->events = oc_arena_alloc(&server->arena, OC_IO_EVENTS_MAX, sizeof *worker->events, 0);
    if (worker->gateway == NULL || worker->events == NULL || !open_rings(server, worker)) {
        return -ENOMEM;
    }
    worker->consumer = oc_event_log_add_consumer(&server->log);
    return 0;
}

static bool open_rings(struct oc_server *server, struct oc_server__worker *worker)
{
    uint32_t arrivals = 1;
    if (!oc_server__is_dedicated(server)) {
        return oc_ring_init(&server->waiting, &server->arena, OC_SERVER_WAITING_MAX,
                            sizeof(struct oc_command)) == 0;
    }
    /* As many as it may have sessions: the acceptor never finds it full. */
    while (arrivals < server->worker_sessions_max) {
        arrivals *= 2;
    }
    return oc_ring_init(&worker->commands, &server->arena, server->config.command_ring_capacity,
                        sizeof(struct oc_command)) == 0 &&
           oc_ring_init(&worker->arrivals, &server->arena, arrivals,
                        sizeof(struct oc_server__arrival)) == 0;
}

static bool open_engine(struct oc_server *server)
{
    struct oc_engine_config engine_config = {
        .limits = server->config.limits,
        .instruments_on_first_use = server->config.instruments_on_first_use,
        .hash_seed = secret(),
    };
    uint32_t slots = server->worker_count * server->worker_sessions_max;
    engine_config.limits.sessions_max = slots;
    server->engine = oc_engine_create(&server->arena, &engine_config, &server->log);
    if (server->engine == NULL || !oc_server__is_dedicated(server)) {
        return server->engine != NULL;
    }
    oc_server__bell_init(&server->engine_loop.bell);
    for (uint32_t i = 0; i < server->config.listener_count; i++) {
        server->engine_loop.confirmations_all |= server->config.listeners[i].confirmations_all;
    }
    server->engine_loop.hears = oc_arena_alloc(&server->arena, slots, 1, 0);
    server->handed = oc_arena_alloc(&server->arena, server->worker_count, sizeof *server->handed,
                                    0);
    server->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return server->engine_loop.hears != NULL && server->handed != NULL && server->event_fd >= 0;
}

/* For the engine's hash maps. Without the kernel's randomness (a sandbox may forbid it) they are as
 * fast as ever, only not safe from ids that were chosen for this start. */
static uint64_t secret(void)
{
    uint64_t value = 0;
    (void)!getrandom(&value, sizeof value, GRND_NONBLOCK);
    return value;
}

/* Whether the address of a new connection may have one more. */
static bool on_admit(void *context, struct oc_conn conn)
{
    struct oc_server__worker *worker = context;
    const struct oc_server *server = worker->server;
    char peer[OC_IO_ADDRESS_TEXT_BYTES];
    if (worker->io->ops->peer(worker->io, conn, peer, sizeof peer) != 0 ||
        oc_admission_enter(server->admission, worker->session_base + conn.index, peer)) {
        return true; /* who is gone already has no address any more */
    }
    oc_log(OC_LOG_WARNING,
           "%s is refused: its address has %" PRIu32 " connections already (docs/limits.md)", peer,
           server->config.session_limits.connections_per_address);
    return false;
}

static void on_leave(void *context, struct oc_conn conn)
{
    struct oc_server__worker *worker = context;
    oc_admission_leave(worker->server->admission, worker->session_base + conn.index);
}

static int open_listeners(struct oc_server *server, char *error, size_t error_size)
{
    char why[OC_IO_SOCKET_ERROR_BYTES];
    for (uint32_t i = 0; i < server->config.listener_count; i++) {
        if (open_listener(server, i, why) != 0) {
            (void)snprintf(error, error_size, "%s", why);
            return -1;
        }
        for (uint32_t worker = 0; worker < server->worker_count; worker++) {
            oc_gateway_add_listener(server->workers[worker].gateway, i,
                                    server->config.listeners[i].confirmations_all);
        }
        server->listener_count++;
    }
    return 0;
}

static int open_listener(struct oc_server *server, uint32_t index,
                         char error[OC_IO_SOCKET_ERROR_BYTES])
{
    const struct oc_listener *wanted = &server->config.listeners[index];
    struct oc_server__listener *listener = &server->listeners[index];
    struct oc_io_listen_options options = {.congestion = wanted->congestion};
    struct oc_io_address address;
    struct oc_io_address bound;
    if (server->config.io.sim != NULL) {
        /* A simulated network has no addresses: peers connect to the tag. */
        listener->fd = -1;
        memcpy(listener->address, wanted->address, sizeof wanted->address);
        return 0;
    }
    if (oc_io_address_parse(wanted->address, &address, error) != 0) {
        return -1;
    }
    if (!oc_io_address_is_loopback(&address) && !server->config.insecure) {
        (void)snprintf(error, OC_IO_SOCKET_ERROR_BYTES,
                       "%s: identity=claimed believes every user_id, so it is served on loopback "
                       "only; --insecure overrides that",
                       wanted->address);
        return -1;
    }
    if (wanted->congestion[0] == '\0') {
        /* A pacing congestion control (BBR is a common default) stalls small messages there. */
        options.congestion = oc_io_address_is_loopback(&address) ? "reno" : NULL;
    }
    listener->fd = oc_io_listen_open(&address, &options, &bound, error);
    if (listener->fd < 0) {
        return -1;
    }
    return oc_io_address_text(&bound, listener->address, sizeof listener->address);
}

static void log_session_limits(const struct oc_session_limits *limits)
{
    oc_log(OC_LOG_INFO,
           "limits of a session (0: none): frames_per_turn=%" PRIu32 " requests_per_second=%" PRIu32
           " incomplete_frame_seconds=%" PRIu32 " idle_seconds=%" PRIu32
           " connections_per_address=%" PRIu32,
           limits->frames_per_turn, limits->requests_per_second, limits->incomplete_frame_seconds,
           limits->idle_seconds, limits->connections_per_address);
}

static void log_threads(const struct oc_server *server)
{
    uint32_t threads = server->worker_count;
    char io_cpus[80];
    char engine_cpu[80];
    char acceptor_cpu[80];
    append_cpus(server, 0, threads, io_cpus, sizeof io_cpus);
    append_cpus(server, threads, 1, engine_cpu, sizeof engine_cpu);
    append_cpus(server, threads + 1, 1, acceptor_cpu, sizeof acceptor_cpu);
    if (!oc_server__is_dedicated(server)) {
        oc_log(OC_LOG_INFO, "engine inline: one thread (%s); busy-poll %" PRIu64 " us", io_cpus,
               server->config.io.busy_poll_ns / 1000);
        return;
    }
    oc_log(OC_LOG_INFO,
           "engine dedicated: %" PRIu32 " io thread%s (%s), the engine (%s), the acceptor (%s); "
           "busy-poll %" PRIu64 " us",
           threads, threads == 1 ? "" : "s", io_cpus, engine_cpu, acceptor_cpu,
           server->config.io.busy_poll_ns / 1000);
}

/* Of limits: a warning of each hit may be one of those that are not shown. docs/limits.md tells
 * what each means. */
static void log_session_counters(const struct oc_gateway_stats *gateway,
                                 const struct oc_io_stats *io)
{
    oc_log(OC_LOG_INFO,
           "session counters: accepted=%" PRIu64 " accept_failures=%" PRIu64
           " not_admitted=%" PRIu64 " sessions=%" PRIu32 " frames=%" PRIu64 " replies=%" PRIu64
           " slow_readers=%" PRIu64 " out_of_chunks=%" PRIu64 " bad_streams=%" PRIu64
           " timeouts=%" PRIu64 " too_many_requests=%" PRIu64 " holds=%" PRIu64
           " quota_uses=%" PRIu64,
           io->accepted, io->accept_failures, gateway->not_admitted, gateway->sessions,
           gateway->frames, gateway->replies, gateway->slow_readers, gateway->out_of_chunks,
           gateway->bad_streams, gateway->timeouts, gateway->too_many_requests, gateway->holds,
           gateway->quota_uses);
}

/* "any CPU", "CPU 3" or "CPUs 0 2 4" of so many threads. */
static void append_cpus(const struct oc_server *server, uint32_t first, uint32_t count, char *text,
                        size_t text_size)
{
    size_t size;
    if (oc_server__cpu(server, first) < 0) {
        (void)snprintf(text, text_size, "any CPU");
        return;
    }
    size = (size_t)snprintf(text, text_size, count == 1 ? "CPU" : "CPUs");
    for (uint32_t i = first; i < first + count && size < text_size; i++) {
        size += (size_t)snprintf(text + size, text_size - size, " %d", oc_server__cpu(server, i));
    }
}
