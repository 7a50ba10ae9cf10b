/*
 * The one narrow table between the program and the kernel.
 *
 * Stream-shaped and completion-shaped: a caller hands bytes over and is told what happened, in
 * batches, by poll(). uring.c does this with io_uring, epoll.c imitates it with readiness; a caller
 * cannot tell which one it uses, and one contract suite (tests/io) runs on both. How long
 * everything lives is numbered in docs/lifetime.md.
 *
 * One instance belongs to one thread, which calls everything but wake().
 */
#ifndef OC_IO_IO_H
#define OC_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/arena.h"
#include "core/histogram.h"

/** Out-buffers and shared chunks are made of pieces of this size. */
#define OC_IO_CHUNK_BYTES 4096U
/** At most this many events come from one poll(). */
#define OC_IO_EVENTS_MAX 1024U
/** close(FLUSH) gives the peer this long to read what is left and to send its FIN. */
#define OC_IO_FLUSH_TIMEOUT_NS 1000000000ULL

struct oc_io_sim;
struct oc_io; /* opaque: each backend embeds its own state behind it */

/**
 * A connection. `index` is below `connections_max` and may serve callers as an array index; the
 * generation makes a handle that outlived its connection harmless: calls on it return -ENOTCONN.
 */
struct oc_conn {
    uint32_t index;
    uint32_t generation; /* from 1; 0 is never a live connection */
};

struct oc_io_config {
    uint32_t connections_max; /* 1 to 2^20 */
    uint32_t queue_depth;     /* io_uring: submission entries, a power of two, 4 to 32768 */
    uint32_t buffer_count;    /* receive buffers of the thread, a power of two, 2 to 32768 */
    uint32_t buffer_size;     /* bytes of one receive buffer, 64 to 65536 */
    uint32_t chunk_count;     /* out-chunks of the thread, all connections, at least 2 */
    uint32_t out_bytes_max;   /* bytes that one connection may owe before send() refuses */
    uint64_t busy_poll_ns;    /* spin this long before blocking; 0: block at once */
    struct oc_arena *arena;   /* borrowed; all memory comes from it in open() */
    bool test_short_io;       /* tests: move one byte at a time wherever the kernel allows it */
    struct oc_io_sim *sim;    /* tests: the network that sim.c runs on; borrowed, NULL elsewhere */
};

#define OC_IO_CONFIG_DEFAULT       \
    ((struct oc_io_config){        \
        .connections_max = 16384,  \
        .queue_depth = 1024,       \
        .buffer_count = 256,       \
        .buffer_size = 16384,      \
        .chunk_count = 65536,      \
        .out_bytes_max = 1U << 24, \
    })

enum oc_io_event_kind {
    OC_IO_ACCEPTED = 1,  /* conn, tag of the listener */
    OC_IO_ACCEPT_FAILED, /* tag of the listener, error; the backend goes on by itself, backing off
                          */
    OC_IO_CONNECTED, /* conn, tag of connect(), error 0; on failure error < 0 and CLOSED follows */
    OC_IO_RECEIVED,  /* conn, bytes, size > 0: borrowed and writable until the next poll() */
    OC_IO_EOF,       /* conn: the peer will send no more; replies still flow */
    OC_IO_DRAINED,   /* conn: what it owes fell to half of out_bytes_max after a refusal */
    OC_IO_CLOSED,    /* conn, error (0 or what broke it): once, last, in no batch with RECEIVED of
                        it; only now the slot is free */
    OC_IO_WOKEN,     /* wake() was called since the last poll() */
};

struct oc_io_event {
    uint8_t kind;  /* enum oc_io_event_kind */
    int32_t error; /* 0 or -errno */
    struct oc_conn conn;
    uint64_t tag; /* of the listener, connect() or adopt() that the connection came from */
    uint8_t *bytes;
    uint32_t size;
};

enum oc_io_close_mode {
    /* Send everything, half-close, discard input until EOF, close. A peer that takes nothing for
     * OC_IO_FLUSH_TIMEOUT_NS is reset while bytes are owed, and closed once all is sent. */
    OC_IO_CLOSE_FLUSH,
    OC_IO_CLOSE_ABORT, /* drop what is owed and reset */
};

/** Counters since open(); exact, and free on the hot path. */
struct oc_io_stats {
    uint64_t system_calls; /* all that the backend made since start(), set-up excluded */
    uint64_t polls;
    uint64_t waits; /* polls that entered the kernel ready to block */
    uint64_t accepted;
    uint64_t closed;
    uint64_t received_bytes; /* those given back and told again count once */
    uint64_t received_count; /* RECEIVED events */
    uint64_t sent_bytes;
    uint64_t send_count;     /* send operations given to the kernel */
    uint64_t short_sends;    /* sends that the kernel took only a part of, or blocked on */
    uint64_t refused_sends;  /* send() calls answered -ENOBUFS */
    uint64_t buffer_starved; /* receives that stopped because every buffer was in use */
    uint64_t rearms;         /* multishot operations that ended and were armed again */
    uint64_t overflows;      /* completion queue overflows */
    uint64_t accept_failures;
    uint64_t wakes;
    uint32_t connections; /* open now */
    uint32_t chunks_used; /* in use now */
    uint32_t chunks_used_max;
    uint32_t buffers_used;      /* receive buffers held now, by pinned or borrowed bytes */
    struct oc_histogram *batch; /* events by poll() that returned any; borrowed, of the backend */
};

/**
 * The table. Each backend exports one; io code outside src/io never looks behind it.
 */
struct oc_io_ops {
    const char *name; /* "io_uring", "epoll" or "sim": in logs, statistics and reports */

    /**
     * Makes an instance: memory, limits, registration. Not yet usable: start() comes first.
     * Returns 0 and *io, or -EINVAL (config), -ENOMEM, -EMFILE, or what the kernel said. Allocates
     * from config->arena only. Any thread.
     */
    int (*open)(const struct oc_io_config *config, struct oc_io **io);

    /**
     * Called once by the thread that will own the instance, before any other slot (they assert it).
     * Returns 0 or -errno.
     */
    int (*start)(struct oc_io *io);

    /**
     * Accepts connections of the listening, non-blocking socket `fd` until unlisten(tag). The fd
     * stays the caller's, who closes it after unlisten(); meanwhile the backend may make it
     * blocking. At most 64 listeners. A connection beyond connections_max is accepted and closed at
     * once, and reported as ACCEPT_FAILED -EMFILE. Returns 0, -ENOSPC, -EEXIST (tag in use) or
     * -errno.
     */
    int (*listen)(struct oc_io *io, int fd, uint64_t tag);

    /**
     * Stops accepting. After it returns no further ACCEPTED carries this tag, and a listener that
     * the caller closes now refuses connections at once. 0, -ENOENT, or -errno (the ring is
     * broken).
     */
    int (*unlisten)(struct oc_io *io, uint64_t tag);

    /**
     * Connects to an address; CONNECTED tells how it went and carries the tag. TCP_NODELAY is set;
     * `congestion` names a TCP congestion control or is NULL for the system's. The connection takes
     * bytes from CONNECTED on. Returns 0 and *conn, -ENOBUFS (no free slot), -EAGAIN (the kernel
     * has no memory just now) or -errno of socket(2) and setsockopt(2).
     */
    int (*connect)(struct oc_io *io, const struct sockaddr *address, socklen_t size,
                   const char *congestion, uint64_t tag, struct oc_conn *conn);

    /**
     * Takes over a connected socket made elsewhere, with bytes that were already read from it: they
     * come first, as RECEIVED. Takes `fd` on success, and sets whether it blocks. Returns 0 and
     * *conn, -ENOBUFS (no slot, or no chunk for the bytes), -EINVAL (more than buffer_size unread
     * bytes) or -errno of fcntl(2) and epoll_ctl(2).
     */
    int (*adopt)(struct oc_io *io, int fd, uint64_t tag, const void *unread, uint32_t unread_size,
                 struct oc_conn *conn);

    /**
     * One turn: submits everything pending (one coalesced send for each connection that owes), then
     * waits until something happened, at most timeout_ns (0: do not wait; UINT64_MAX: no limit).
     * Fills up to `capacity` events (1 to OC_IO_EVENTS_MAX), returns their number (0: the time is
     * up or a signal came) or -errno when the instance is broken. *now_ns: CLOCK_MONOTONIC, read
     * once after the wait. Events of a connection that the caller closed since the last poll()
     * are suppressed, but for CLOSED; those that an earlier poll() put into the caller's array are
     * the caller's to skip. Bytes of the last poll() end here.
     */
    int (*poll)(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                uint64_t timeout_ns, uint64_t *now_ns);

    /**
     * Stops (false) or resumes (true) the delivery of RECEIVED and EOF of one connection. Bytes
     * that already arrived are kept and come after the resume, in order. Also stops within the
     * current batch for events not returned yet; never for those that poll() returned. That the
     * peer is gone may be found only after the resume, or by the next send: bytes come after the
     * resume all the same, unless that is later than OC_IO_FLUSH_TIMEOUT_NS after the failure:
     * then CLOSED was told and they are lost. 0 or -ENOTCONN (also after close()).
     */
    int (*receive)(struct oc_io *io, struct oc_conn conn, bool on);

    /**
     * Gives back the unread end of a RECEIVED event of the last poll(): [bytes, bytes + size) are
     * its last bytes, all of them or fewer, as they stand now. The next poll() tells them again
     * first, before anything newer of this connection, and does not wait while any are due; after
     * receive(off) they wait for receive(on). They may come in other pieces. All later RECEIVED of
     * the same connection in the same batch must be given back too, whole and in any order, before
     * the next poll(), which asserts it; an EOF behind them is told again behind them, so the
     * caller only forgets that it saw one.
     *
     * For bytes that are to be taken later, not for an incomplete message, which would come back
     * at once and alone. Once a connection gave back a receive buffer or more, nothing else is
     * received from it until it has taken all that it was told. Copies nothing while at most half
     * of the receive buffers are pinned this way, and cannot fail for want of memory. close() drops
     * what was given back. A connection that breaks tells it before CLOSED, unless receive() stays
     * off for OC_IO_FLUSH_TIMEOUT_NS.
     *
     * Returns 0, or -ENOTCONN after close() and CLOSED. O(1) if events are given back in the order
     * of the batch.
     */
    int (*unreceive)(struct oc_io *io, struct oc_conn conn, uint8_t *bytes, uint32_t size);

    /**
     * Whether bytes of the peer arrived that no poll() has told yet: kept here, or still with the
     * kernel because the batch was full or every receive buffer in use. What was given back counts
     * from the next poll() on. One system call: for who has to judge that a peer was silent.
     */
    bool (*has_input)(struct oc_io *io, struct oc_conn conn);

    /**
     * Takes over a copy of the bytes, all or nothing, and sends them with the next poll(), in
     * order. Returns 0, -ENOBUFS (more than out_bytes_max owed, or no chunk left; DRAINED follows,
     * when at most half of out_bytes_max is owed and the refused bytes would find room), -EMSGSIZE
     * (more than out_bytes_max or the whole pool: it could never be sent), or -ENOTCONN (not
     * connected yet, closed, or sending broke: CLOSED follows or was told).
     */
    int (*send)(struct oc_io *io, struct oc_conn conn, const void *bytes, uint32_t size);

    /**
     * Opens a shared chunk for fan-out: *bytes points at OC_IO_CHUNK_BYTES of memory that the
     * caller may fill up to any size and hand to many connections. The caller holds one reference.
     * Returns 0 and *chunk, or -ENOBUFS.
     */
    int (*chunk_open)(struct oc_io *io, uint32_t *chunk, uint8_t **bytes);

    /**
     * Like send() of bytes [offset, offset + size) of a shared chunk, which are not copied and must
     * not change any more. Small pieces may be copied all the same. Same results as send().
     */
    int (*send_shared)(struct oc_io *io, struct oc_conn conn, uint32_t chunk, uint32_t offset,
                       uint32_t size);

    /** Gives the caller's reference back; the chunk lives on until the last send of it is done. */
    void (*chunk_release)(struct oc_io *io, uint32_t chunk);

    /** Bytes that this connection still owes its peer; 0 for one that is gone. */
    uint32_t (*owed)(const struct oc_io *io, struct oc_conn conn);

    /**
     * Of all connections the one that owes most: who has to go when chunks run out. Returns its
     * owed bytes, 0 if none owes anything. O(connections): for the exhausted case only.
     */
    uint32_t (*owed_most)(const struct oc_io *io, struct oc_conn *conn);

    /**
     * Ends a connection. CLOSED follows exactly once; its error is 0, -ETIMEDOUT if FLUSH ran out
     * of time with bytes owed, or what broke the connection before. A second close may turn FLUSH
     * into ABORT. FLUSH of a connection that is not connected yet is ABORT. Returns 0, or -ENOTCONN
     * after CLOSED.
     */
    int (*close)(struct oc_io *io, struct oc_conn conn, enum oc_io_close_mode mode);

    /**
     * The peer's address, for instance "127.0.0.1:5000"; 0, -ENOTCONN, -ENOSPC or -errno. A system
     * call, for logs; not counted.
     */
    int (*peer)(const struct oc_io *io, struct oc_conn conn, char *text, size_t size);

    /**
     * Makes the current or next poll() return with WOKEN. Any thread, any signal handler; sticky
     * and coalesced: many calls may give one event, none is lost. A system call only if the owner
     * blocks.
     */
    void (*wake)(struct oc_io *io);

    /** Copies the counters. */
    void (*stats)(const struct oc_io *io, struct oc_io_stats *stats);

    /**
     * Ends everything at once (connections are reset) and gives all descriptors back. Waits until
     * the kernel has let go of them, at most a second. No wake() may be under way.
     */
    void (*shutdown)(struct oc_io *io);
};

/** The instance's table: the first member of every backend's instance. */
struct oc_io {
    const struct oc_io_ops *ops;
};

extern const struct oc_io_ops oc_io_epoll_ops;
extern const struct oc_io_ops oc_io_uring_ops; /* without liburing: open() returns -ENOSYS */

#endif
