/*
 * Who has to go because its time is up: a frame whose rest does not come, a client that idles.
 *
 * One timer for each session, and lazy: what a client sends never touches it. It fires at the
 * earliest time at which the session could be late, looks when it really will be, and is set again
 * for that. A thousand idle sessions cost a thousand of these looks in each idle_seconds, busy ones
 * no more. What waits for the engine or for a next turn is not the client's delay.
 */
#include <errno.h>

#include "core/assert.h"
#include "gateway/internal.h"

#define SECOND_NS 1000000000ULL
#define TICK_NS   10000000ULL

static void on_timer(struct oc_gateway *gateway, struct oc_gateway__session *session);
static uint64_t frame_deadline_ns(const struct oc_gateway *gateway,
                                  const struct oc_gateway__session *session);
static uint64_t idle_deadline_ns(const struct oc_gateway *gateway,
                                 const struct oc_gateway__session *session);

int oc_gateway__deadlines_init(struct oc_gateway *gateway)
{
    const struct oc_gateway_config *config = &gateway->config;
    struct oc_timer_wheel_config wheel = {
        .timers = oc_arena_alloc(config->arena, config->sessions_max, sizeof *wheel.timers, 0),
        .capacity = config->sessions_max,
        .tick_ns = TICK_NS,
    };
    if (wheel.timers == NULL) {
        return -ENOMEM;
    }
    oc_timer_wheel_init(&gateway->timers, &wheel);
    gateway->incomplete_ns = config->session_limits.incomplete_frame_seconds * SECOND_NS;
    gateway->idle_ns = config->session_limits.idle_seconds * SECOND_NS;
    return 0;
}

void oc_gateway_on_time(struct oc_gateway *gateway)
{
    oc_timer_wheel_advance(&gateway->timers, gateway->now_ns);
    for (uint32_t i = 0; i < OC_GATEWAY_TIMEOUTS_PER_TURN; i++) {
        uint32_t index = oc_timer_wheel_pop(&gateway->timers);
        if (index == OC_INDEX_NONE) {
            return;
        }
        on_timer(gateway, &gateway->sessions[index]);
    }
}

uint64_t oc_gateway_next_deadline_ns(const struct oc_gateway *gateway)
{
    return oc_timer_wheel_next_ns(&gateway->timers);
}

void oc_gateway__watch(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    const uint64_t frame_ns = frame_deadline_ns(gateway, session);
    const uint64_t idle_ns = idle_deadline_ns(gateway, session);
    const uint64_t deadline_ns = frame_ns < idle_ns ? frame_ns : idle_ns;
    if (deadline_ns == UINT64_MAX || (session->timer_ns != 0 && session->timer_ns <= deadline_ns)) {
        return;
    }
    oc_gateway__unwatch(gateway, session);
    oc_timer_wheel_add(&gateway->timers, session->conn.index, deadline_ns);
    session->timer_ns = deadline_ns;
}

void oc_gateway__unwatch(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    if (session->timer_ns != 0) {
        (void)oc_timer_wheel_cancel(&gateway->timers, session->conn.index);
        session->timer_ns = 0;
    }
}

static void on_timer(struct oc_gateway *gateway, struct oc_gateway__session *session)
{
    enum oc_reason reason = OC_REASON_NONE;
    session->timer_ns = 0;
    if (session->state != OC_SESSION_OPEN) {
        return; /* it is on its way out, and io sees to that it goes */
    }
    if (session->held || session->given_back > 0) {
        session->heard_ns = gateway->now_ns;
        session->partial.since_ns = gateway->now_ns;
    }
    if (frame_deadline_ns(gateway, session) <= gateway->now_ns) {
        reason = OC_REASON_FRAME_TIMEOUT;
    } else if (idle_deadline_ns(gateway, session) <= gateway->now_ns) {
        reason = OC_REASON_IDLE_TIMEOUT;
    }
    if (reason != OC_REASON_NONE && gateway->ops->has_input(gateway->io, session->conn)) {
        /* It sent, and this thread is behind with reading: judged when that is read. */
        session->timer_ns = gateway->now_ns + TICK_NS;
        oc_timer_wheel_add(&gateway->timers, session->conn.index, session->timer_ns);
        return;
    }
    if (reason == OC_REASON_NONE) {
        oc_gateway__watch(gateway, session);
        return;
    }
    gateway->stats.timeouts++;
    oc_gateway__refuse_stream(gateway, session, reason);
}

/* UINT64_MAX: there is none. */
static uint64_t frame_deadline_ns(const struct oc_gateway *gateway,
                                  const struct oc_gateway__session *session)
{
    if (gateway->incomplete_ns == 0 || session->partial.bytes == NULL) {
        return UINT64_MAX;
    }
    return session->partial.since_ns + gateway->incomplete_ns;
}

/* The same for idling. */
static uint64_t idle_deadline_ns(const struct oc_gateway *gateway,
                                 const struct oc_gateway__session *session)
{
    return gateway->idle_ns == 0 ? UINT64_MAX : session->heard_ns + gateway->idle_ns;
}
