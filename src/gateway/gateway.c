/*
 * Sessions come and go with their connections.
 *
 * A session is opened and closed by a command each, so that the engine knows it in the same order
 * in which it sees its requests. The connection is closed only when the SESSION_CLOSED event comes
 * back: then every reply to what the client sent is already on its way.
 */
#include "gateway/gateway.h"

#include "core/assert.h"
#include "gateway/internal.h"

static void session_open(struct oc_gateway *gateway, const struct oc_io_event *event);
static void session_free(struct oc_gateway *gateway, struct oc_gateway__session *session);

struct oc_gateway *oc_gateway_create(const struct oc_gateway_config *config)
{
    struct oc_arena *arena = config->arena;
    struct oc_gateway *gateway = oc_arena_alloc(arena, 1, sizeof *gateway, 0);
    OC_ASSERT(config->sessions_max > 0);
    OC_ASSERT(config->large_frames_max > 0);
    OC_ASSERT(config->session_limits.requests_per_second <= OC_REQUESTS_PER_SECOND_MAX);
    OC_ASSERT(config->session_limits.incomplete_frame_seconds <= OC_SESSION_SECONDS_MAX);
    OC_ASSERT(config->session_limits.idle_seconds <= OC_SESSION_SECONDS_MAX);
    if (gateway == NULL) {
        return NULL;
    }
    gateway->config = *config;
    gateway->io = config->io;
    gateway->ops = config->io->ops;
    gateway->encoder = oc_wire_encoder_create(arena, config->instruments_max);
    gateway->sessions = oc_arena_alloc(arena, config->sessions_max, sizeof *gateway->sessions, 0);
    gateway->small_bytes = oc_arena_alloc(arena, config->sessions_max, OC_GATEWAY_SMALL_FRAME_BYTES,
                                          0);
    gateway->large_bytes = oc_arena_alloc(arena, config->large_frames_max,
                                          OC_GATEWAY_LARGE_FRAME_BYTES, 0);
    if (gateway->encoder == NULL || gateway->sessions == NULL || gateway->small_bytes == NULL ||
        gateway->large_bytes == NULL ||
        oc_pool_init(&gateway->small_frames, arena, config->sessions_max) != 0 ||
        oc_pool_init(&gateway->large_frames, arena, config->large_frames_max) != 0 ||
        oc_gateway__held_init(&gateway->held, arena, config->sessions_max) != 0 ||
        oc_gateway__deadlines_init(gateway) != 0) {
        return NULL;
    }
    for (int hears = 1; hears < OC_TAPE_COUNT; hears++) {
        if (oc_gateway__tape_init(&gateway->tapes[hears], arena, config->sessions_max) != 0) {
            return NULL;
        }
    }
    gateway->heard_last = OC_INDEX_NONE;
    if (config->session_limits.requests_per_second > 0) {
        gateway->request_ns = 1000000000U / config->session_limits.requests_per_second;
    }
    return gateway;
}

void oc_gateway_add_listener(struct oc_gateway *gateway, uint64_t tag, bool confirmations_all)
{
    OC_ASSERT(tag < OC_GATEWAY_LISTENERS_MAX);
    gateway->confirmations_all[tag] = confirmations_all;
}

void oc_gateway_begin(struct oc_gateway *gateway, uint64_t now_ns)
{
    gateway->now_ns = now_ns;
    gateway->turn++;
}

void oc_gateway_on_io(struct oc_gateway *gateway, const struct oc_io_event *event)
{
    struct oc_gateway__session *session;
    if (event->kind == OC_IO_ACCEPTED) {
        session_open(gateway, event);
        return;
    }
    if (event->kind != OC_IO_RECEIVED && event->kind != OC_IO_EOF && event->kind != OC_IO_CLOSED) {
        return;
    }
    session = oc_gateway__session_of_conn(gateway, event->conn);
    OC_ASSERT(session != NULL);
    if (event->kind == OC_IO_CLOSED) {
        session_free(gateway, session);
    } else if (session->state != OC_SESSION_OPEN) {
        return; /* its last bytes mean nothing, and CLOSED will follow */
    } else if (event->kind == OC_IO_RECEIVED) {
        oc_gateway__take_bytes(gateway, session, event->bytes, event->size);
    } else {
        oc_gateway__take_eof(gateway, session);
    }
}

void oc_gateway_flush(struct oc_gateway *gateway)
{
    for (int hears = 1; hears < OC_TAPE_COUNT; hears++) {
        oc_gateway__tape_flush(gateway, &gateway->tapes[hears]);
    }
}

void oc_gateway_close_all(struct oc_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->config.sessions_max; i++) {
        struct oc_gateway__session *session = &gateway->sessions[i];
        if (session->state == OC_SESSION_OPEN) {
            session->close_asked = true;
            oc_gateway__close_if_asked(gateway, session);
        }
    }
}

void oc_gateway_stats_read(const struct oc_gateway *gateway, struct oc_gateway_stats *stats)
{
    *stats = gateway->stats;
}

struct oc_gateway__session *oc_gateway__session_of_conn(struct oc_gateway *gateway,
                                                        struct oc_conn conn)
{
    struct oc_gateway__session *session;
    OC_ASSERT(conn.index < gateway->config.sessions_max);
    session = &gateway->sessions[conn.index];
    if (session->state == OC_SESSION_FREE || session->conn.generation != conn.generation) {
        return NULL;
    }
    return session;
}

static void session_open(struct oc_gateway *gateway, const struct oc_io_event *event)
{
    const struct oc_gateway_hooks *hooks = &gateway->config.hooks;
    struct oc_gateway__session *session = &gateway->sessions[event->conn.index];
    OC_ASSERT(event->conn.index < gateway->config.sessions_max);
    OC_ASSERT(event->tag < OC_GATEWAY_LISTENERS_MAX);
    OC_ASSERT(session->state == OC_SESSION_FREE);
    *session = (struct oc_gateway__session){
        .conn = event->conn,
        .state = OC_SESSION_OPEN,
        .confirmations_all = gateway->confirmations_all[event->tag],
        .admitted = hooks->admit == NULL || hooks->admit(hooks->context, event->conn),
        .turn = gateway->turn - 1,
        .heard_ns = gateway->now_ns,
    };
    gateway->stats.sessions++;
    if (!session->admitted) {
        gateway->stats.not_admitted++;
        session->state = OC_SESSION_BROKEN;
        session->pending = OC_PENDING_OPEN; /* the engine never knows it */
        (void)gateway->ops->close(gateway->io, session->conn, OC_IO_CLOSE_ABORT);
        return;
    }
    oc_gateway__watch(gateway, session);
    oc_gateway__tell(gateway, session, OC_PENDING_OPEN);
}

/* The connection is gone: its slot may carry the next one from now on. */
static void session_free(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    const struct oc_gateway_hooks *hooks = &gateway->config.hooks;
    oc_gateway__forget(gateway, session);
    session->state = OC_SESSION_BROKEN;
    oc_gateway__tape_choose(gateway, session, 0);
    oc_gateway__drop_partial(gateway, session);
    oc_gateway__unwatch(gateway, session);
    if (session->admitted && hooks->leave != NULL) {
        hooks->leave(hooks->context, session->conn);
    }
    session->state = OC_SESSION_FREE;
    gateway->stats.sessions--;
}
