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
#include "io/io.h"

/** Listeners of one gateway. */
#define OC_GATEWAY_LISTENERS_MAX 16U

/** Sessions that may be in the middle of a frame of more than 1 KiB at one time. */
#define OC_GATEWAY_LARGE_FRAMES_DEFAULT 1024U

struct oc_gateway;

/** What the operator should know about a session that the gateway ended by itself. */
enum oc_gateway_notice {
    OC_GATEWAY_SLOW_READER = 1, /* it owed more than out_bytes_max */
    OC_GATEWAY_OUT_OF_CHUNKS,   /* out-buffers ran out, and it owed most */
    OC_GATEWAY_BAD_STREAM,      /* the rest of its bytes cannot be taken; `reason` says why */
};

/** How the gateway reaches the rest of the program. Both are called on its thread. */
struct oc_gateway_hooks {
    void *context;
    /**
     * Takes the next command: all fields but sequence and time_ns are set. Borrowed for the call.
     * It may call oc_gateway_on_events() before it returns.
     */
    void (*submit)(void *context, struct oc_command *command);
    /** Tells of a session that is being ended; the connection is still there. */
    void (*notice)(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                   struct oc_conn conn);
};

struct oc_gateway_config {
    struct oc_arena *arena; /* borrowed; all memory comes from it in create() */
    struct oc_io *io;       /* borrowed; opened, not necessarily started */
    struct oc_gateway_hooks hooks;
    uint32_t sessions_max;     /* equal to the io's connections_max */
    uint32_t instruments_max;  /* as in the engine's limits */
    uint32_t large_frames_max; /* at least 1 */
    uint32_t out_bytes_max;    /* as in the io's configuration */
};

/** Counters since create(). */
struct oc_gateway_stats {
    uint64_t frames;
    uint64_t frames_reassembled; /* that came in more than one piece */
    uint64_t replies;            /* deliveries, the tape's not counted */
    uint64_t slow_readers;
    uint64_t out_of_chunks;
    uint64_t bad_streams;
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
 * Takes one io event of a connection: ACCEPTED, RECEIVED, EOF or CLOSED (others are ignored).
 * Commands go to hooks.submit before it returns.
 */
void oc_gateway_on_io(struct oc_gateway *gateway, const struct oc_io_event *event);

/** Takes the next events of the log, in order and without a gap: replies go to the io table. */
void oc_gateway_on_events(struct oc_gateway *gateway, const struct oc_event *events,
                          uint32_t count);

/**
 * Ends a turn: every session that listens to the tape is given what it has not got yet. Call it
 * after the last oc_gateway_on_events() before the io's next poll().
 */
void oc_gateway_flush(struct oc_gateway *gateway);

/** Asks every session to close: it gets the replies of all that it sent, then a FIN. */
void oc_gateway_close_all(struct oc_gateway *gateway);

/** Copies the counters. */
void oc_gateway_stats_read(const struct oc_gateway *gateway, struct oc_gateway_stats *stats);

#endif
