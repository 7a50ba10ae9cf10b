/*
 * What the files of the gateway share: the session, and the four subjects it is split into.
 *
 * gateway.c   sessions come and go, events find their session
 * frames.c    bytes to whole frames to commands
 * delivery.c  bytes to one session, and who has to go when it cannot take them
 * tape.c      public bytes to every session that listens, encoded once
 */
#ifndef OC_GATEWAY_INTERNAL_H
#define OC_GATEWAY_INTERNAL_H

#include "core/pool.h"
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

/** The start of a frame whose rest has not come yet. */
struct oc_gateway__partial {
    uint8_t *bytes; /* NULL: no frame is incomplete */
    uint32_t size;
    uint32_t capacity;
    uint32_t slot; /* in the pool that the bytes come from */
};

/** One client session; its index is the connection's. Belongs to the gateway's thread. */
struct oc_gateway__session {
    struct oc_conn conn;
    uint8_t state;          /* enum oc_gateway__session_state */
    bool confirmations_all; /* of its listener */
    uint8_t tape;    /* set of enum oc_gateway__tape_hears: which tape it listens to, 0 for none */
    bool close_told; /* SESSION_CLOSE is submitted */
    uint32_t tape_place; /* in the tape's list of listeners */
    uint64_t tape_seen;  /* position of the tape up to which it was given */
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
    struct oc_gateway_stats stats;
};

/** The id under which the engine knows this session. */
static inline uint64_t oc_gateway__session_id(const struct oc_gateway__session *session)
{
    return oc_session_make(session->conn.index, session->conn.generation);
}

/** Submits a command of this session; its session field is set here. */
void oc_gateway__submit(struct oc_gateway *gateway, const struct oc_gateway__session *session,
                        struct oc_command *command);

/** Tells the engine, once, that this session ends; no request of it comes afterwards. */
void oc_gateway__tell_close(struct oc_gateway *gateway, struct oc_gateway__session *session);

/** Cuts received bytes into frames and submits them; keeps what is incomplete. */
void oc_gateway__take_bytes(struct oc_gateway *gateway, struct oc_gateway__session *session,
                            const uint8_t *bytes, uint32_t size);

/** Refuses a frame that never became complete, after the peer's EOF. */
void oc_gateway__take_eof(struct oc_gateway *gateway, struct oc_gateway__session *session);

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
