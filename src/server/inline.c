/*
 * `--engine inline`: io events in, commands sequenced and applied, replies handed back to io, all
 * on the thread that calls run().
 *
 * A turn is one poll(): every complete frame that arrived is decoded, stamped and applied in the
 * order of arrival, and the next poll() sends all replies. The clock is read once a turn. There is
 * no other thread, so nothing here waits for one or wakes one.
 */
#include <sched.h>
#include <string.h>

#include "server/internal.h"
#include "server/log.h"

static int start(struct oc_server *server);
static int serve(struct oc_server *server);
static void end_io(struct oc_server *server);
static void make_instruments(struct oc_server *server);
static int turn(struct oc_server *server, uint64_t timeout_ns, uint64_t *now_ns);
static void log_refusal(const struct oc_server *server, const struct oc_io_event *event);
static void drain(struct oc_server *server);
static int wind_down(struct oc_server *server, uint64_t now_ns);
static void apply(struct oc_server *server, struct oc_command *command);
static bool must_pace(const struct oc_server *server);
static void go_on(struct oc_server *server);
static void finish(struct oc_server *server);

int oc_server__run_inline(struct oc_server *server)
{
    int rc = start(server);
    if (rc == 0) {
        rc = serve(server);
    }
    end_io(server);
    if (rc == 0) {
        oc_server__log_stop(server);
    }
    return rc;
}

/* The gateway's next command: applied at once, unless one before it is not done yet. */
bool oc_server__submit_inline(void *context, struct oc_command *command)
{
    struct oc_server__worker *worker = context;
    struct oc_server *server = worker->server;
    struct oc_command *slot;
    if (server->config.no_room != NULL && server->config.no_room(server->config.no_room_context)) {
        return false;
    }
    if (server->suspended && (slot = oc_ring_claim(&server->waiting)) != NULL) {
        *slot = *command;
        oc_ring_publish(&server->waiting);
        return true;
    }
    finish(server); /* the ring is full: no turn in between then */
    apply(server, command);
    return true;
}

static int start(struct oc_server *server)
{
    struct oc_io *io = server->workers->io;
    int rc = io->ops->start(io);
    if (rc == 0) {
        server->io_started = true;
        oc_arena_seal(&server->arena);
        make_instruments(server);
    }
    for (uint32_t i = 0; rc == 0 && i < server->listener_count; i++) {
        rc = io->ops->listen(io, server->listeners[i].fd, i);
        server->listeners[i].listening = rc == 0;
    }
    if (rc != 0) {
        oc_log(OC_LOG_ERROR, "the %s backend cannot start: %s; `outcry probe` says why",
               server->config.ops->name, strerror(-rc));
        return -1;
    }
    oc_server__log_start(server);
    return 0;
}

/* Turns until a stop is asked for, then the last ones. */
static int serve(struct oc_server *server)
{
    uint64_t now_ns = 0;
    while (atomic_load_explicit(&server->stops, memory_order_acquire) == 0) {
        if (turn(server, UINT64_MAX, &now_ns) != 0) {
            return -1;
        }
    }
    return wind_down(server, now_ns);
}

/* The io instance ends on the thread that owned it. */
static void end_io(struct oc_server *server)
{
    struct oc_server__worker *worker = server->workers;
    oc_server__close_listeners(server);
    atomic_store(&server->has_ended, true);
    while (atomic_load(&server->stops_under_way) > 0) {
        (void)sched_yield();
    }
    if (server->io_started) {
        worker->io->ops->stats(worker->io, &worker->io_stats);
        worker->io->ops->shutdown(worker->io);
        server->io_started = false;
    }
}

static void make_instruments(struct oc_server *server)
{
    uint64_t now_ns = 0;
    (void)turn(server, 0, &now_ns); /* for the time of the first commands */
    for (uint32_t i = 0; i < server->instrument_count; i++) {
        apply(server, &server->instruments[i]);
    }
    drain(server);
}

static int turn(struct oc_server *server, uint64_t timeout_ns, uint64_t *now_ns)
{
    struct oc_server__worker *worker = server->workers;
    struct oc_io *io = worker->io;
    bool paces = must_pace(server);
    int count;
    timeout_ns = oc_server__until_deadline(worker, timeout_ns, *now_ns);
    if (oc_gateway_held_count(worker->gateway) > 0) {
        timeout_ns = 0; /* there may be room by now */
    }
    if (server->suspended) {
        timeout_ns = paces ? OC_SERVER__PACE_STEP_NS : 0;
        server->paced_ns += timeout_ns;
    }
    count = io->ops->poll(io, worker->events, OC_IO_EVENTS_MAX, timeout_ns, now_ns);
    if (count < 0) {
        oc_log(OC_LOG_ERROR, "the %s backend broke: %s", io->ops->name, strerror(-count));
        return -1;
    }
    server->utc_ns = oc_server__utc_ns(server, *now_ns);
    worker->has_heard = oc_gateway_held_count(worker->gateway) > 0; /* released: more may come */
    oc_gateway_begin(worker->gateway, *now_ns);
    for (int i = 0; i < count; i++) {
        const struct oc_io_event *event = &worker->events[i];
        worker->has_heard |= event->kind == OC_IO_RECEIVED;
        if (event->kind == OC_IO_ACCEPT_FAILED) {
            log_refusal(server, event);
        } else {
            oc_gateway_on_io(worker->gateway, event);
        }
    }
    oc_gateway_on_time(worker->gateway);
    if (server->suspended && !paces) {
        go_on(server);
    }
    if (oc_gateway_held_count(worker->gateway) > 0) {
        oc_gateway_resume(worker->gateway);
    }
    drain(server);
    oc_gateway_flush(worker->gateway);
    return 0;
}

static void log_refusal(const struct oc_server *server, const struct oc_io_event *event)
{
    struct oc_gateway_stats gateway;
    bool full;
    oc_gateway_stats_read(server->workers->gateway, &gateway);
    full = gateway.sessions >= server->config.limits.sessions_max;
    oc_log(OC_LOG_WARNING, "a connection to %s is refused: %s (docs/limits.md)",
           server->listeners[event->tag].address,
           full ? "the limit of sessions is reached" : strerror(-event->error));
}

/* Hands every event of the log to the gateway. */
static void drain(struct oc_server *server)
{
    const struct oc_server_observer *observer = &server->config.observer;
    struct oc_server__worker *worker = server->workers;
    const struct oc_event *events;
    uint32_t count;
    while ((count = oc_event_log_read(&server->log, worker->consumer, &events)) > 0) {
        if (observer->events != NULL) {
            observer->events(observer->context, events, count);
        }
        oc_gateway_on_events(worker->gateway, events, count);
        oc_event_log_release(&server->log, worker->consumer, count);
    }
}

/* No new connections; every session gets its replies and a FIN. */
static int wind_down(struct oc_server *server, uint64_t now_ns)
{
    const uint64_t deadline_ns = now_ns + OC_SERVER__STOP_TIMEOUT_NS;
    struct oc_gateway *gateway = server->workers->gateway;
    struct oc_gateway_stats stats;
    oc_log(OC_LOG_INFO, "stopping: no new connections, open sessions get their last replies");
    oc_server__close_listeners(server);
    /* What arrived before the stop is still answered, also what is more than one turn reads. */
    do {
        if (turn(server, 0, &now_ns) != 0) {
            return -1;
        }
    } while ((server->workers->has_heard || oc_gateway_held_count(gateway) > 0) &&
             now_ns + OC_SERVER__STOP_TIMEOUT_NS < deadline_ns + OC_SERVER__READ_OUT_NS);
    oc_gateway_close_all(gateway);
    drain(server);
    oc_gateway_flush(gateway);
    oc_gateway_stats_read(gateway, &stats);
    /* Without a session there may still be ends of sessions that found no room. */
    while ((stats.sessions > 0 || oc_gateway_held_count(gateway) > 0) && now_ns < deadline_ns &&
           atomic_load_explicit(&server->stops, memory_order_relaxed) < 2) {
        if (turn(server, deadline_ns - now_ns, &now_ns) != 0) {
            return -1;
        }
        oc_gateway_stats_read(gateway, &stats);
    }
    finish(server);
    return 0;
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
    const struct oc_io *io = server->workers->io;
    struct oc_conn conn;
    return server->suspended && server->paced_ns < OC_SERVER_PACE_NS &&
           io->ops->owed_most(io, &conn) > server->config.io.out_bytes_max / 2;
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
