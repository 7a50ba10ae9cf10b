/*
 * An io table without a kernel, and the peers at the other end of its connections.
 *
 * It keeps the contract of io/io.h (docs/lifetime.md) with the out-queues of the real backends, so
 * that limits, chunks and shared pieces behave as in production. A peer is told what to do by the
 * harness: how it cuts its bytes into fragments, how fast it reads, whether it half-closes, resets
 * or breaks. Received bytes lie in memory of just their size and are freed by the next poll(), so
 * that the address sanitizer sees every use beyond the contract.
 * It has no wake(), connect() and adopt(): the gateway needs none of them.
 */
#ifndef OC_FUZZ_FAKE_IO_H
#define OC_FUZZ_FAKE_IO_H

#include "core/pool.h"
#include "io/io.h"
#include "io/outqueue.h"

#define FAKE_CONNECTIONS 4U
#define FAKE_PEERS_MAX   64U
#define FAKE_EVENTS_MAX  256U

/** Bytes that grow. */
struct fake_bytes {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

enum fake_end {
    FAKE_END_NONE,
    FAKE_END_EOF,   /* half-close behind what it sends */
    FAKE_END_RESET, /* reset behind what it sends */
    FAKE_END_BREAK, /* our sends fail from now on; what it sends still comes, then the reset */
};

/** The client end of one connection, from its connect() to the end of the run. */
struct fake_peer {
    struct oc_conn conn; /* generation 0: not accepted yet */
    uint64_t tag;
    struct fake_bytes out; /* all that it sent and is to send */
    size_t delivered_size; /* of it, given to the gateway */
    struct fake_bytes in;  /* all that it was sent */
    uint32_t fragment_size;
    uint32_t send_per_turn;
    uint32_t read_per_turn;
    enum fake_end end;
    bool eof_told;
    bool cut;    /* it may miss the end of its replies: reset, broken, aborted or timed out */
    bool closed; /* CLOSED was told */
};

enum fake_state {
    FAKE_FREE,
    FAKE_OPEN,
    FAKE_BROKEN,
    FAKE_FLUSHING,
    FAKE_LINGERING,
    FAKE_ENDED, /* CLOSED is to be told */
};

struct fake_conn {
    enum fake_state state;
    uint32_t generation;
    uint32_t peer;
    int error;
    uint64_t deadline_ns;
    struct oc_io__queue out;
};

struct fake_io {
    struct oc_io io; /* first: struct oc_io * and struct fake_io * are one */
    uint32_t chunk_count;
    uint32_t out_bytes_max;
    uint64_t now_ns;
    bool chunks_come_back_late; /* those of an aborted connection with the next poll() only */
    struct oc_pool slots;
    struct fake_conn conns[FAKE_CONNECTIONS];
    struct oc_io__chunks chunks;
    struct oc_io__queue held; /* chunks that are kept from the gateway */
    struct fake_peer peers[FAKE_PEERS_MAX];
    uint32_t peer_count;
    uint8_t *lent[FAKE_EVENTS_MAX]; /* bytes of the last poll() */
    uint32_t lent_count;
};

/** Makes an instance in memory of `arena`. Asserts that there is some. */
void fake_io_init(struct fake_io *fake, struct oc_arena *arena, uint32_t chunk_count,
                  uint32_t out_bytes_max);

/** Frees what the arena does not. */
void fake_io_deinit(struct fake_io *fake);

/** A new peer that knocks at listener `tag`; NULL when there were enough of them. */
struct fake_peer *fake_io_connect(struct fake_io *fake, uint64_t tag);

/** The peer behind a session id. Asserts that there is one. */
struct fake_peer *fake_io_peer(struct fake_io *fake, uint64_t session);

/** What the peer sends next. */
void fake_peer_send(struct fake_peer *peer, const void *bytes, size_t size);

/** Ends the peer; a later end replaces an earlier, gentler one. */
void fake_peer_end(struct fake_io *fake, struct fake_peer *peer, enum fake_end end);

/** Takes free chunks away until `left` are free, or gives all that were taken back first. */
void fake_io_hold_chunks(struct fake_io *fake, uint32_t left);

/** Bytes that all peers were sent. */
size_t fake_io_sent(const struct fake_io *fake);

#endif
