/*
 * The gateway: client sessions between the io table and the engine.
 *
 * Bytes of a connection become commands, in order; events become bytes for the sessions that may
 * see them. It never looks at a book: what a session is told depends on the events alone. One
 * gateway belongs to one io thread and is a consumer of the event log.
 */
#ifndef OC_GATEWAY_GATEWAY_H
#define OC_GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/command.h"
#include "core/event.h"
#include "core/limits.h"
#include "io/io.h"

/** Listeners of one gateway. */
#define OC_GATEWAY_LISTENERS_MAX 16U

/**
 * A session whose requests are the only ones for this long has longer turns: so many times
 * frames_per_turn.
 */
#define OC_GATEWAY_SHARED_NS   10000000ULL
#define OC_GATEWAY_SHARE_ALONE 8U

/** Sessions that one oc_gateway_on_time() ends at most, so that a turn stays short. */
#define OC_GATEWAY_TIMEOUTS_PER_TURN 64U

/** Sessions that may be in the middle of a frame of more than 1 KiB at one time. */
#define OC_GATEWAY_LARGE_FRAMES_DEFAULT 1024U

struct oc_gateway;

/** What the operator should know about a session that the gateway ended by itself. */
enum oc_gateway_notice {
    OC_GATEWAY_SLOW_READER = 1, /* it owed more than out_bytes_max */
    OC_GATEWAY_OUT_OF_CHUNKS,   /* out-buffers ran out, and it owed most */
    OC_GATEWAY_BAD_STREAM,      /* the rest of its bytes cannot be taken; `reason` says why */
};

/** How the gateway reaches the rest of the program. All are called on its thread. */
struct oc_gateway_hooks {
    void *context;
    /**
     * Takes the next command: all fields but sequence and time_ns are set. Borrowed for the call.
     * It may call oc_gateway_on_events() before it returns. false: there is no room now and the
     * command was not taken; the gateway holds its session, asks no more, and waits for
     * oc_gateway_resume().
     */
    bool (*submit)(void *context, struct oc_command *command);
    /** Tells of a session that is being ended; the connection is still there. */
    void (*notice)(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                   struct oc_conn conn);
    /** Whether a connection that was just accepted may stay; if not it is reset. NULL: all may. */
    bool (*admit)(void *context, struct oc_conn conn);
    /** A connection that was admitted is gone. NULL: nobody counts them. */
    void (*leave)(void *context, struct oc_conn conn);
};

struct oc_gateway_config {
    struct oc_arena *arena; /* borrowed; all memory comes from it in create() */
    struct oc_io *io;       /* borrowed; opened, not necessarily started */
    struct oc_gateway_hooks hooks;
    uint32_t session_base;     /* slot of its first session: those of several never overlap */
    uint32_t sessions_max;     /* equal to the io's connections_max */
    uint32_t instruments_max;  /* as in the engine's limits */
    uint32_t large_frames_max; /* at least 1 */
    uint32_t out_bytes_max;    /* as in the io's configuration */
    struct oc_session_limits session_limits; /* connections_per_address is the admit hook's */
};

/** Counters since create(). */
struct oc_gateway_stats {
    uint64_t frames;
    uint64_t frames_reassembled; /* that came in more than one piece */
    uint64_t replies;            /* deliveries, the tape's not counted */
    uint64_t slow_readers;
    uint64_t out_of_chunks;
    uint64_t bad_streams;       /* ended by a reject: what could not be trusted, and timeouts */
    uint64_t timeouts;          /* sessions ended for an incomplete frame or for idling */
    uint64_t too_many_requests; /* requests refused so */
    uint64_t not_admitted;
    uint64_t holds;           /* times that a session had to wait for room */
    uint64_t quota_uses;      /* times that a session had frames left after its share of a turn */
    uint64_t orphaned_closes; /* sessions whose end was told after their connection was gone */
    uint32_t sessions;
};

/** Makes a gateway, or returns NULL when memory is short. */
struct oc_gateway *oc_gateway_create(const struct oc_gateway_config *config);

/**
 * Names a listener before its first connection. `tag` (below OC_GATEWAY_LISTENERS_MAX) is the tag
 * of the io's listen(); confirmations_all: its sessions are told every confirmation, not only their
 * own.
 */
void oc_gateway_add_listener(struct oc_gateway *gateway, uint64_t tag, bool confirmations_all);

/**
 * Begins a turn. `now_ns` is what poll() gave, never decreasing. Call it before the first
 * oc_gateway_on_io() of that poll's events; every limit that concerns time or turns counts from it.
 */
void oc_gateway_begin(struct oc_gateway *gateway, uint64_t now_ns);

/**
 * Takes one io event of a connection: ACCEPTED, RECEIVED, EOF or CLOSED (others are ignored).
 * Commands go to hooks.submit before it returns; bytes that cannot be taken now go back to io.
 */
void oc_gateway_on_io(struct oc_gateway *gateway, const struct oc_io_event *event);

/** Takes the next events of the log, in order and without a gap: replies go to the io table. */
void oc_gateway_on_events(struct oc_gateway *gateway, const struct oc_event *events,
                          uint32_t count);

/**
 * Ends sessions whose time is up: they get a reject and a FIN. Call it after the turn's last
 * oc_gateway_on_io(), so that what has arrived counts. At most OC_GATEWAY_TIMEOUTS_PER_TURN of
 * them; the others' deadline stays due. O(1) when nothing is due.
 */
void oc_gateway_on_time(struct oc_gateway *gateway);

/** When oc_gateway_on_time() has to be called next, at the latest; UINT64_MAX: never. O(1). */
uint64_t oc_gateway_next_deadline_ns(const struct oc_gateway *gateway);

/**
 * Sessions and ends of sessions that wait for room. Whoever's submit() returned false looks here
 * and calls oc_gateway_resume() when there is room again. O(1).
 */
uint32_t oc_gateway_held_count(const struct oc_gateway *gateway);

/**
 * There is room again: submits what waits, in order, and lets the sessions receive, until submit()
 * returns false. Whoever was held first goes first. Call it between the events of one poll() and
 * the next poll(), not among them.
 */
void oc_gateway_resume(struct oc_gateway *gateway);

/**
 * Ends a turn: every session that listens to the tape is given what it has not got yet. Call it
 * after the last oc_gateway_on_events() before the io's next poll().
 */
void oc_gateway_flush(struct oc_gateway *gateway);

/**
 * Asks every session to close: it gets the replies of all that it sent, then a FIN. One that waits
 * for room, or whose bytes went back to io, first has these taken in the turns that follow.
 */
void oc_gateway_close_all(struct oc_gateway *gateway);

/** Copies the counters. */
void oc_gateway_stats_read(const struct oc_gateway *gateway, struct oc_gateway_stats *stats);

#endif
