/*
 * The duty loop: io events in, commands sequenced and applied, replies handed back to io.
 *
 * A turn is one poll(): every complete frame that arrived is decoded, stamped and applied in the
 * order of arrival, and the next poll() sends all replies. The clock is read once a turn.
 */
#include "server/server.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/ring.h"
#include "io/socket.h"
#include "server/clock.h"
#include "server/instruments.h"
#include "server/log.h"

/*
 * After a stop all sessions together get this long for their last bytes. A peer that takes nothing
 * for OC_IO_FLUSH_TIMEOUT_NS is cut off by io long before.
 */
#define STOP_TIMEOUT_NS 10000000000ULL

#define PACE_STEP_NS 1000000ULL

struct server_listener {
    int fd;
    bool listening; /* the io table accepts from it */
    char address[OC_IO_ADDRESS_TEXT_BYTES];
};

struct oc_server {
    struct oc_server_config config;
    struct oc_arena arena;
    struct oc_event_log log;
    uint32_t consumer;
    struct oc_engine *engine;
    struct oc_gateway *gateway;
    struct oc_io *io;
    bool io_started;             /* from here on it has to be shut down */
    struct oc_io_stats io_stats; /* as they were when it was */
    struct oc_clock clock;
    uint64_t sequence;
    uint64_t utc_ns;        /* of this turn */
    uint64_t paced_ns;      /* time that the last command was given to those who read */
    bool suspended;         /* the last command is not done: it goes on with each turn */
    struct oc_ring waiting; /* commands behind it */
    struct server_listener listeners[OC_GATEWAY_LISTENERS_MAX];
    uint32_t listener_count;
    struct oc_command *instruments; /* until run() has applied them */
    uint32_t instrument_count;
    struct oc_io_event *events;
    atomic_int stops; /* calls of oc_server_stop() */
};

static int open_listeners(struct oc_server *server, char *error, size_t error_size);
static int open_listener(struct oc_server *server, uint32_t index,
                         char error[OC_IO_SOCKET_ERROR_BYTES]);
static int open_rooms(struct oc_server *server, char *error, size_t error_size);
static int start(struct oc_server *server);
static int serve(struct oc_server *server);
static void end_io(struct oc_server *server);
static void log_start(const struct oc_server *server);
static void make_instruments(struct oc_server *server);
static int turn(struct oc_server *server, uint64_t timeout_ns, uint64_t *now_ns);
static void log_refusal(const struct oc_server *server, const struct oc_io_event *event);
static void drain(struct oc_server *server);
static int wind_down(struct oc_server *server, uint64_t now_ns);
static void close_listeners(struct oc_server *server);
static void on_submit(void *context, struct oc_command *command);
static void apply(struct oc_server *server, struct oc_command *command);
static bool must_pace(const struct oc_server *server);
static void go_on(struct oc_server *server);
static void finish(struct oc_server *server);
static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn);

int oc_server_open(struct oc_server **out, const struct oc_server_config *config, char *error,
                   size_t error_size)
{
    struct oc_server *server;
    OC_ASSERT(config->listener_count > 0);
    OC_ASSERT(config->listener_count <= OC_GATEWAY_LISTENERS_MAX);
    server = aligned_alloc(_Alignof(struct oc_server), sizeof *server);
    if (server == NULL) {
        (void)snprintf(error, error_size, "no memory for the server");
        return -1;
    }
    memset(server, 0, sizeof *server);
    server->config = *config;
    oc_arena_init(&server->arena);
    oc_clock_init(&server->clock);
    if (config->instruments_path != NULL &&
        oc_instruments_read(config->instruments_path, config->limits.instruments_max,
                            &server->instruments, &server->instrument_count, error,
                            error_size) != 0) {
        oc_server_close(server);
        return -1;
    }
    if (open_rooms(server, error, error_size) != 0 ||
        open_listeners(server, error, error_size) != 0) {
        oc_server_close(server);
        return -1;
    }
    *out = server;
    return 0;
}

const char *oc_server_address(const struct oc_server *server, uint32_t index)
{
    OC_ASSERT(index < server->listener_count);
    return server->listeners[index].address;
}

int oc_server_run(struct oc_server *server)
{
    int rc = start(server);
    if (rc == 0) {
        rc = serve(server);
    }
    end_io(server);
    return rc;
}

void oc_server_stop(struct oc_server *server)
{
    /* Relaxed: only the count matters, and wake() orders it before the poll() that follows. */
    (void)atomic_fetch_add_explicit(&server->stops, 1, memory_order_relaxed);
    server->io->ops->wake(server->io);
}

void oc_server_stats_read(const struct oc_server *server, struct oc_engine_stats *engine,
                          struct oc_gateway_stats *gateway, struct oc_io_stats *io)
{
    if (engine != NULL) {
        oc_engine_stats_read(server->engine, engine);
    }
    if (gateway != NULL) {
        oc_gateway_stats_read(server->gateway, gateway);
    }
    if (io != NULL) {
        *io = server->io_stats;
    }
}

uint64_t oc_server_state_hash(const struct oc_server *server)
{
    return oc_engine_state_hash(server->engine);
}

void oc_server_close(struct oc_server *server)
{
    close_listeners(server);
    free(server->instruments);
    oc_arena_deinit(&server->arena);
    free(server);
}

static int open_rooms(struct oc_server *server, char *error, size_t error_size)
{
    const struct oc_limits *limits = &server->config.limits;
    struct oc_io_config *io_config = &server->config.io;
    struct oc_gateway_config gateway_config;
    struct oc_engine_config engine_config = {
        .limits = *limits,
        .instruments_on_first_use = server->config.instruments_on_first_use,
    };
    uint32_t log_capacity = server->config.event_log_capacity;
    int rc;
    if (log_capacity == 0) {
        log_capacity = OC_SERVER_EVENT_LOG_CAPACITY;
    }
    io_config->arena = &server->arena;
    io_config->connections_max = limits->sessions_max;
    rc = server->config.ops->open(io_config, &server->io);
    if (rc != 0) {
        (void)snprintf(error, error_size,
                       "the %s backend cannot be opened: %s; `outcry probe` says what this kernel "
                       "offers, --net epoll needs nothing special",
                       server->config.ops->name, strerror(-rc));
        return -1;
    }
    gateway_config = (struct oc_gateway_config){
        .arena = &server->arena,
        .io = server->io,
        .hooks = {.context = server, .submit = on_submit, .notice = on_notice},
        .sessions_max = limits->sessions_max,
        .instruments_max = limits->instruments_max,
        .large_frames_max = server->config.large_frames_max,
        .out_bytes_max = io_config->out_bytes_max,
    };
    server->events = oc_arena_alloc(&server->arena, OC_IO_EVENTS_MAX, sizeof *server->events, 0);
    if (server->events != NULL &&
        oc_event_log_init(&server->log, &server->arena, log_capacity) == 0 &&
        oc_ring_init(&server->waiting, &server->arena, OC_SERVER_WAITING_MAX,
                     sizeof(struct oc_command)) == 0) {
        server->consumer = oc_event_log_add_consumer(&server->log);
        server->engine = oc_engine_create(&server->arena, &engine_config, &server->log);
        server->gateway = oc_gateway_create(&gateway_config);
    }
    if (server->engine == NULL || server->gateway == NULL) {
        (void)snprintf(error, error_size,
                       "memory for these limits cannot be had; lower them with --limit");
        return -1;
    }
    return 0;
}

static int open_listeners(struct oc_server *server, char *error, size_t error_size)
{
    char why[OC_IO_SOCKET_ERROR_BYTES];
    for (uint32_t i = 0; i < server->config.listener_count; i++) {
        if (open_listener(server, i, why) != 0) {
            (void)snprintf(error, error_size, "%s", why);
            return -1;
        }
        oc_gateway_add_listener(server->gateway, i, server->config.listeners[i].confirmations_all);
        server->listener_count++;
    }
    return 0;
}

static int open_listener(struct oc_server *server, uint32_t index,
                         char error[OC_IO_SOCKET_ERROR_BYTES])
{
    const struct oc_listener *wanted = &server->config.listeners[index];
    struct server_listener *listener = &server->listeners[index];
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

static int start(struct oc_server *server)
{
    int rc = server->io->ops->start(server->io);
    if (rc == 0) {
        server->io_started = true;
        oc_arena_seal(&server->arena);
        make_instruments(server);
    }
    for (uint32_t i = 0; rc == 0 && i < server->listener_count; i++) {
        rc = server->io->ops->listen(server->io, server->listeners[i].fd, i);
        server->listeners[i].listening = rc == 0;
    }
    if (rc != 0) {
        oc_log(OC_LOG_ERROR, "the %s backend cannot start: %s; `outcry probe` says why",
               server->config.ops->name, strerror(-rc));
        return -1;
    }
    log_start(server);
    return 0;
}

/* Turns until a stop is asked for, then the last ones. */
static int serve(struct oc_server *server)
{
    uint64_t now_ns = 0;
    while (atomic_load_explicit(&server->stops, memory_order_relaxed) == 0) {
        if (turn(server, UINT64_MAX, &now_ns) != 0) {
            return -1;
        }
    }
    return wind_down(server, now_ns);
}

/* The io instance ends on the thread that owned it. */
static void end_io(struct oc_server *server)
{
    close_listeners(server);
    if (server->io_started) {
        server->io->ops->stats(server->io, &server->io_stats);
        server->io->ops->shutdown(server->io);
        server->io_started = false;
    }
}

static void log_start(const struct oc_server *server)
{
    const struct oc_limits *limits = &server->config.limits;
    oc_log(OC_LOG_INFO, "network %s", server->config.ops_reason);
    oc_log(OC_LOG_INFO,
           "limits: %" PRIu32 " sessions, %" PRIu32 " open orders, %" PRIu32 " levels, %" PRIu32
           " instruments (%s), %" PRIu32 " users; %zu MiB of address space",
           limits->sessions_max, limits->orders_max, limits->levels_max, limits->instruments_max,
           server->config.instruments_on_first_use ? "made on first use" : "of the file only",
           limits->users_max, oc_arena_bytes(&server->arena) >> 20);
    oc_log(OC_LOG_WARNING, "in memory only: a restart loses every order");
    for (uint32_t i = 0; i < server->listener_count; i++) {
        oc_log(OC_LOG_INFO, "listening on %s identity=claimed confirmations=%s",
               server->listeners[i].address,
               server->config.listeners[i].confirmations_all ? "all" : "own");
    }
}

static void make_instruments(struct oc_server *server)
{
    uint64_t now_ns = 0;
    (void)turn(server, 0, &now_ns); /* for the time of the first commands */
    for (uint32_t i = 0; i < server->instrument_count; i++) {
        on_submit(server, &server->instruments[i]);
    }
    drain(server);
    free(server->instruments);
    server->instruments = NULL;
}

static int turn(struct oc_server *server, uint64_t timeout_ns, uint64_t *now_ns)
{
    struct oc_io *io = server->io;
    bool paces = must_pace(server);
    int count;
    if (server->suspended) {
        timeout_ns = paces ? PACE_STEP_NS : 0;
        server->paced_ns += timeout_ns;
    }
    count = io->ops->poll(io, server->events, OC_IO_EVENTS_MAX, timeout_ns, now_ns);
    if (count < 0) {
        oc_log(OC_LOG_ERROR, "the %s backend broke: %s", io->ops->name, strerror(-count));
        return -1;
    }
    server->utc_ns = server->config.utc_ns != NULL
                         ? server->config.utc_ns(server->config.utc_context, *now_ns)
                         : oc_clock_utc_ns(&server->clock, *now_ns);
    for (int i = 0; i < count; i++) {
        const struct oc_io_event *event = &server->events[i];
        if (event->kind == OC_IO_ACCEPT_FAILED) {
            log_refusal(server, event);
        } else {
            oc_gateway_on_io(server->gateway, event);
        }
    }
    if (server->suspended && !paces) {
        go_on(server);
    }
    drain(server);
    oc_gateway_flush(server->gateway);
    return 0;
}

static void log_refusal(const struct oc_server *server, const struct oc_io_event *event)
{
    struct oc_gateway_stats gateway;
    bool full;
    oc_gateway_stats_read(server->gateway, &gateway);
    full = gateway.sessions >= server->config.limits.sessions_max;
    oc_log(OC_LOG_WARNING, "a connection to %s is refused: %s (docs/limits.md)",
           server->listeners[event->tag].address,
           full ? "the limit of sessions is reached" : strerror(-event->error));
}

/* Hands every event of the log to the gateway. */
static void drain(struct oc_server *server)
{
    const struct oc_server_observer *observer = &server->config.observer;
    const struct oc_event *events;
    uint32_t count;
    while ((count = oc_event_log_read(&server->log, server->consumer, &events)) > 0) {
        if (observer->events != NULL) {
            observer->events(observer->context, events, count);
        }
        oc_gateway_on_events(server->gateway, events, count);
        oc_event_log_release(&server->log, server->consumer, count);
    }
}

/* No new connections; every session gets its replies and a FIN. */
static int wind_down(struct oc_server *server, uint64_t now_ns)
{
    const uint64_t deadline_ns = now_ns + STOP_TIMEOUT_NS;
    struct oc_gateway_stats gateway;
    struct oc_engine_stats engine;
    oc_log(OC_LOG_INFO, "stopping: no new connections, open sessions get their last replies");
    close_listeners(server);
    /* What arrived before the stop is still answered. */
    if (turn(server, 0, &now_ns) != 0) {
        return -1;
    }
    oc_gateway_close_all(server->gateway);
    drain(server);
    oc_gateway_flush(server->gateway);
    oc_gateway_stats_read(server->gateway, &gateway);
    while (gateway.sessions > 0 && now_ns < deadline_ns &&
           atomic_load_explicit(&server->stops, memory_order_relaxed) < 2) {
        if (turn(server, deadline_ns - now_ns, &now_ns) != 0) {
            return -1;
        }
        oc_gateway_stats_read(server->gateway, &gateway);
    }
    finish(server);
    oc_engine_stats_read(server->engine, &engine);
    oc_log(OC_LOG_INFO,
           "stopped after %" PRIu64 " commands, %" PRIu64 " trades, %" PRIu64 " rejects; %" PRIu32
           " open orders are lost; state %016" PRIx64,
           engine.commands, engine.trades, engine.rejects, engine.orders_open,
           oc_engine_state_hash(server->engine));
    return 0;
}

static void close_listeners(struct oc_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].listening) {
            (void)server->io->ops->unlisten(server->io, i);
        }
        if (server->listeners[i].fd >= 0) {
            (void)close(server->listeners[i].fd);
        }
    }
    server->listener_count = 0;
}

/* The gateway's next command: applied at once, unless one before it is not done yet. */
static void on_submit(void *context, struct oc_command *command)
{
    struct oc_server *server = context;
    struct oc_command *slot;
    if (server->suspended && (slot = oc_ring_claim(&server->waiting)) != NULL) {
        *slot = *command;
        oc_ring_publish(&server->waiting);
        return;
    }
    finish(server); /* the ring is full: no turn in between then */
    apply(server, command);
}

/* Sequences and applies one command. One that has more events than the log has room for is put by.
 */
static void apply(struct oc_server *server, struct oc_command *command)
{
    const struct oc_server_observer *observer = &server->config.observer;
    command->sequence = ++server->sequence;
    command->time_ns = server->utc_ns;
    if (observer->command != NULL) {
        observer->command(observer->context, command);
    }
    /* Only a command that is large by itself is to be put by, not one that finds the log used up.
     */
    if (!oc_event_log_has_room(&server->log, (uint32_t)server->log.capacity / 2)) {
        drain(server);
    }
    server->suspended = oc_engine_apply(server->engine, command) == OC_MORE;
    if (server->suspended) {
        server->paced_ns = 0;
        drain(server);
    }
}

/* Whether the command that was put by had better wait for those who read, for another moment. */
static bool must_pace(const struct oc_server *server)
{
    struct oc_conn conn;
    return server->suspended && server->paced_ns < OC_SERVER_PACE_NS &&
           server->io->ops->owed_most(server->io, &conn) > server->config.io.out_bytes_max / 2;
}

/* One portion of a command that was put by; when it is done, the commands behind it. */
static void go_on(struct oc_server *server)
{
    void *commands;
    server->suspended = oc_engine_continue(server->engine) == OC_MORE;
    drain(server);
    while (!server->suspended && oc_ring_peek(&server->waiting, &commands) > 0) {
        apply(server, commands);
        oc_ring_release(&server->waiting, 1);
    }
}

/* Everything that was put by, without a turn in between. */
static void finish(struct oc_server *server)
{
    while (server->suspended) {
        go_on(server);
    }
}

static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn)
{
    static const char *const TEXTS[] = {
        [OC_GATEWAY_SLOW_READER] = "reads too slowly and is disconnected",
        [OC_GATEWAY_OUT_OF_CHUNKS] = "owes most while out-buffers run out, and is disconnected",
        [OC_GATEWAY_BAD_STREAM] = "is told why and disconnected",
    };
    const struct oc_server *server = context;
    char peer[OC_IO_ADDRESS_TEXT_BYTES];
    if (server->io->ops->peer(server->io, conn, peer, sizeof peer) != 0) {
        (void)snprintf(peer, sizeof peer, "a peer that is gone");
    }
    oc_log(OC_LOG_WARNING, "%s %s%s%s (docs/limits.md)", peer, TEXTS[notice],
           reason != OC_REASON_NONE ? ": " : "",
           reason != OC_REASON_NONE ? oc_reason_text(reason) : "");
}
