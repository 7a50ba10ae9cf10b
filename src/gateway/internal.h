/*
 * What the files of the gateway share: the session, and the subjects it is split into.
 *
 * gateway.c   sessions come and go with their connections
 * frames.c    bytes to whole frames to commands
 * rate.c      requests of a session in a second
 * pressure.c  commands to the engine, and who has to wait while it has no room
 * deadlines.c who has to go because its time is up
 * events.c    events find their session
 * delivery.c  bytes to one session, and who has to go when it cannot take them
 * tape.c      public bytes to every session that listens, encoded once
 */
#ifndef OC_GATEWAY_INTERNAL_H
#define OC_GATEWAY_INTERNAL_H

#include "core/pool.h"
#include "core/timer_wheel.h"
#include "gateway/gateway.h"
#include "wire/wire.h"

/* Most requests are below 200 bytes: an incomplete one fits, and every session can have one. */
#define OC_GATEWAY_SMALL_FRAME_BYTES 1024U
#define OC_GATEWAY_LARGE_FRAME_BYTES (OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX)

/* A tape that grew to this many chunks within one turn is handed out at once. */
#define OC_GATEWAY_TAPE_CHUNKS_MAX 16U

enum oc_gateway__session_state {
    OC_SESSION_FREE = 0,
    OC_SESSION_OPEN,
    OC_SESSION_CLOSING, /* takes no more requests; still gets the replies of those it sent */
    OC_SESSION_BROKEN,  /* takes and gets nothing any more; waits for CLOSED */
};

/**
 * What of a session the engine has yet to be told, in this order. While any of it stands, the
 * session is held. Frames that were refused room are not here: their bytes went back to io.
 */
enum oc_gateway__pending {
    OC_PENDING_OPEN = 1 << 0,
    OC_PENDING_FRAME = 1 << 1,   /* the one in `partial`, which is complete */
    OC_PENDING_REFUSAL = 1 << 2, /* of the stream: `refusal` */
    OC_PENDING_CLOSE = 1 << 3,
};

/** The start of a frame whose rest has not come yet. */
struct oc_gateway__partial {
    uint8_t *bytes; /* NULL: no frame is incomplete */
    uint32_t size;
    uint32_t capacity;
    uint32_t slot;     /* in the pool that the bytes come from */
    uint64_t since_ns; /* when its first byte came */
};

/** One client session; its index is the connection's. Belongs to the gateway's thread. */
struct oc_gateway__session {
    struct oc_conn conn;
    uint8_t state;          /* enum oc_gateway__session_state */
    uint8_t pending;        /* set of enum oc_gateway__pending */
    bool confirmations_all; /* of its listener */
    uint8_t tape; /* set of enum oc_gateway__tape_hears: which tape it listens to, 0 for none */
    bool admitted;
    bool close_begun; /* SESSION_CLOSE is submitted or pending */
    bool close_asked; /* close it as soon as nothing of it waits */
    bool held;        /* waits for room: receives nothing, stands in the list of those held */
    bool gives_back;  /* in this turn: bytes went back to io, so all that follow have to */
    uint16_t refusal; /* enum oc_reason */
    uint32_t turn;    /* that frames_left and gives_back are of */
    uint32_t frames_left;
    uint32_t given_back; /* bytes that io has yet to tell again */
    uint32_t old_left;   /* ... of which so many were given back before this turn */
    uint32_t held_next;
    uint32_t held_previous;
    uint32_t tape_place; /* in the tape's list of listeners */
    uint64_t tape_seen;  /* position of the tape up to which it was given */
    uint64_t heard_ns;   /* when its last bytes came */
    uint64_t timer_ns;   /* when its timer fires; 0: it is not set */
    uint64_t rate_ns;    /* when the share of all that it has sent will be used up */
    struct oc_gateway__partial partial;
};

/** A run of tape bytes in one chunk. */
struct oc_gateway__tape_piece {
    uint32_t chunk; /* OC_INDEX_NONE: the tape's own spare memory */
    uint8_t *bytes;
    uint32_t size;
};

/**
 * Public bytes of the present turn. Positions count bytes since the start of the venue, so a
 * session knows what it was given by one number.
 */
struct oc_gateway__tape {
    uint64_t start;    /* position of the first byte of the first piece */
    uint64_t position; /* position behind the last byte */
    uint32_t piece_count;
    uint32_t listener_count;
    struct oc_gateway__tape_piece pieces[OC_GATEWAY_TAPE_CHUNKS_MAX];
    uint32_t *listeners; /* session indices, in no order */
    uint8_t *spare;      /* one piece for when no chunk can be had */
};

/** What is on a tape. There is one for each combination; a session listens to one of them. */
enum oc_gateway__tape_hears {
    OC_TAPE_TRADES = 1 << 0,
    OC_TAPE_CONFIRMATIONS = 1 << 1, /* of every session: listeners with confirmations=all */
};
#define OC_TAPE_COUNT 4 /* tapes[0] stays empty */

/** Who waits for room. */
struct oc_gateway__held {
    bool full;      /* submit() refused: nobody asks again before oc_gateway_resume() */
    uint32_t first; /* of the held sessions, OC_INDEX_NONE: none */
    uint32_t last;
    uint32_t count;
    /* Sessions that the engine knows and whose connections are gone; a queue from `close_first`.
     * It has room for all: none opens while one is in it. */
    uint64_t *closes;
    uint32_t close_first;
    uint32_t close_count;
};

struct oc_gateway {
    struct oc_gateway_config config;
    const struct oc_io_ops *ops;
    struct oc_io *io;
    struct oc_wire_encoder *encoder;
    struct oc_gateway__session *sessions;
    struct oc_gateway__tape tapes[OC_TAPE_COUNT];
    struct oc_pool small_frames;
    struct oc_pool large_frames;
    uint8_t *small_bytes;
    uint8_t *large_bytes;
    bool confirmations_all[OC_GATEWAY_LISTENERS_MAX];
    uint64_t now_ns; /* of this turn */
    uint32_t turn;
    uint32_t heard_last;      /* the session that the last bytes are of */
    uint64_t shared_until_ns; /* so long the turns are those of several sessions */
    struct oc_gateway__held held;
    struct oc_timer_wheel timers; /* one of each session: its next deadline, or an earlier time */
    uint64_t incomplete_ns;       /* 0: no limit */
    uint64_t idle_ns;             /* 0: no limit */
    uint64_t request_ns;          /* a request's share of a second; 0: no limit */
    struct oc_gateway_stats stats;
};

/** The id under which the engine knows this session. */
static inline uint64_t oc_gateway__session_id(const struct oc_gateway *gateway,
                                              const struct oc_gateway__session *session)
{
    return oc_session_make(gateway->config.session_base + session->conn.index,
                           session->conn.generation);
}

/** Whether an id is of this gateway, also if that session is over. */
static inline bool oc_gateway__is_own(const struct oc_gateway *gateway, uint64_t id)
{
    return oc_session_slot(id) - gateway->config.session_base < gateway->config.sessions_max;
}

/** NULL when the connection is not, or no longer, the one in its slot. */
struct oc_gateway__session *oc_gateway__session_of_conn(struct oc_gateway *gateway,
                                                        struct oc_conn conn);

/**
 * Submits a request of this session. false: there is no room, and the session is held; the caller
 * keeps the request.
 */
bool oc_gateway__submit(struct oc_gateway *gateway, struct oc_gateway__session *session,
                        struct oc_command *command);

/** Marks what the engine has to be told, and tells it now if there is room. */
void oc_gateway__tell(struct oc_gateway *gateway, struct oc_gateway__session *session,
                      enum oc_gateway__pending what);

/** Tells the engine, once, that this session ends; no request of it comes afterwards. */
void oc_gateway__tell_close(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Closes the session if it was asked to and nothing of it waits any more. */
void oc_gateway__close_if_asked(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Its connection is gone: it no longer waits, but if the engine knows it, its end is told. */
void oc_gateway__forget(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Stops receiving from a session until there is room. */
void oc_gateway__hold(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Gives the unread end of what was received back to io, which tells it again. */
void oc_gateway__give_back(struct oc_gateway *gateway, struct oc_gateway__session *session,
                           uint8_t *bytes, uint32_t size);

/** Makes the list of those held. Returns 0 or -ENOMEM. */
int oc_gateway__held_init(struct oc_gateway__held *held, struct oc_arena *arena,
                          uint32_t sessions_max);

/** Makes the timers. Returns 0 or -ENOMEM. */
int oc_gateway__deadlines_init(struct oc_gateway *gateway);

/** The session opened, or its frame began: its time may be up earlier than its timer knows. */
void oc_gateway__watch(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** It is gone. */
void oc_gateway__unwatch(struct oc_gateway *gateway, struct oc_gateway__session *session);

/**
 * Turns a request beyond requests_per_second into its reject. Returns what the session's rate_ns is
 * to become when the command is submitted; only with a limit (request_ns is not 0).
 */
uint64_t oc_gateway__rate(const struct oc_gateway *gateway,
                          const struct oc_gateway__session *session, struct oc_command *command);

/** Cuts received bytes into frames and submits them; keeps what is incomplete. */
void oc_gateway__take_bytes(struct oc_gateway *gateway, struct oc_gateway__session *session,
                            uint8_t *bytes, uint32_t size);

/** The peer sends no more: refuses a frame that never became complete, and closes. */
void oc_gateway__take_eof(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Submits the complete frame in the session's partial slot. false: the session is held. */
bool oc_gateway__take_partial(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** One reject, then the end: the client reads why before it reads the FIN. */
void oc_gateway__refuse_stream(struct oc_gateway *gateway, struct oc_gateway__session *session,
                               enum oc_reason reason);

/** Gives the memory of an incomplete frame back, if there is one. */
void oc_gateway__drop_partial(struct oc_gateway *gateway, struct oc_gateway__session *session);

/**
 * Hands bytes to the session's connection. Who cannot take them is disconnected, by the rules of
 * docs/limits.md; nothing is dropped silently.
 */
void oc_gateway__deliver(struct oc_gateway *gateway, struct oc_gateway__session *session,
                         const uint8_t *bytes, uint32_t size);

/** The same for a part of a shared chunk. */
void oc_gateway__deliver_shared(struct oc_gateway *gateway, struct oc_gateway__session *session,
                                uint32_t chunk, uint32_t offset, uint32_t size);

/** Disconnects whoever owes most, because chunks ran out. Returns whether somebody had to go. */
bool oc_gateway__free_chunks(struct oc_gateway *gateway);

/** Makes a tape. Returns 0 or -ENOMEM. */
int oc_gateway__tape_init(struct oc_gateway__tape *tape, struct oc_arena *arena,
                          uint32_t sessions_max);

/**
 * Moves the session to the tape that has what it `hears` (set of enum oc_gateway__tape_hears, 0 for
 * none), from that tape's present position on. It is first given the rest of the one it leaves.
 */
void oc_gateway__tape_choose(struct oc_gateway *gateway, struct oc_gateway__session *session,
                             uint8_t hears);

/** Appends public bytes (at most OC_IO_CHUNK_BYTES) for all listeners, if there are any. */
void oc_gateway__tape_append(struct oc_gateway *gateway, struct oc_gateway__tape *tape,
                             const uint8_t *bytes, uint32_t size);

/** Gives one listener what it has not got yet, so that its own replies can follow in order. */
void oc_gateway__tape_catch_up(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Gives every listener what it has not got yet and starts the tape anew. */
void oc_gateway__tape_flush(struct oc_gateway *gateway, struct oc_gateway__tape *tape);

#endif
