/*
 * What every backend is made of: connections, listeners, lists, deadlines, the wake flag, counters.
 *
 * A backend embeds struct oc_io__base as its first member and adds how it talks to the kernel; the
 * slots of the table that need no kernel (send, owed, stats and so on) are the same functions in
 * all. A connection that needs attention is on a list, so that no turn ever walks the idle ones.
 * Nothing here makes a decision that differs between io_uring and epoll.
 *
 *   base.c   connections, lists, listeners, time
 *   input.c  bytes that came in: lent to the caller, given back, kept back
 *   slots.c  the slots of the table that need no kernel
 */
#ifndef OC_IO_BASE_H
#define OC_IO_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/assert.h"
#include "core/pool.h"
#include "core/timer_wheel.h"
#include "io/flight.h"
#include "io/io.h"
#include "io/outqueue.h"

#define OC_IO__LISTENERS_MAX 64U
/** Pieces of one send: 64 KiB of chunks are a connection's share of a turn. */
#define OC_IO__VECTOR_MAX 16U
/** After EMFILE and its like, accepting is tried again this much later: often enough to recover
 * without being noticed, seldom enough to cost nothing. */
#define OC_IO__ACCEPT_RETRY_NS 100000000ULL
/** Between two receive buffers: see oc_io__buffer(). */
#define OC_IO__BUFFER_STAGGER_BYTES 64U

/**
 * CONNECTING -> OPEN -> FLUSHING -> LINGERING -> ENDING -> ENDED -> FREE, where any may be skipped:
 *   CONNECTING  connect() has not been answered
 *   OPEN        both ways
 *   BROKEN      sending failed; what the peer sent before still comes
 *   FLUSHING    close(FLUSH): what is owed is still being sent, input is discarded
 *   LINGERING   all is sent and our FIN too; input is discarded until the peer's FIN
 *   ENDING      the kernel still works on an operation of it (io_uring only)
 *   ENDED       the descriptor is closed, CLOSED is to be told
 */
enum oc_io__conn_state {
    OC_IO__FREE,
    OC_IO__CONNECTING,
    OC_IO__OPEN,
    OC_IO__BROKEN,
    OC_IO__FLUSHING,
    OC_IO__LINGERING,
    OC_IO__ENDING,
    OC_IO__ENDED,
};

/** A connection may be on several lists, on each at most once. */
enum oc_io__list_id {
    OC_IO__LIST_DIRTY, /* owes bytes that were not given to the kernel yet, or a half-close */
    OC_IO__LIST_READY, /* has input, or an answer to connect(), to be told without the kernel's hint
                        */
    OC_IO__LIST_STARVED, /* io_uring: found no receive buffer */
    OC_IO__LIST_SENT,    /* io_uring: a send of this turn whose silence means success */
    OC_IO__LIST_REFUSED, /* send() said -ENOBUFS: DRAINED is to follow */
    OC_IO__LIST_ENDED,   /* CLOSED is to be told */
    OC_IO__LIST_COUNT,
};

struct oc_io__link {
    uint32_t next;
    uint32_t previous;
};

struct oc_io__list {
    uint32_t head;
    uint32_t tail;
    uint32_t count;
};

/** Belongs to the instance's thread. An idle connection is this and nothing else. */
struct oc_io__conn {
    _Alignas(OC_CACHE_LINE_BYTES) int fd;
    uint32_t generation; /* of the present or the last user of the slot */
    uint8_t state;       /* enum oc_io__conn_state */
    uint8_t listed;      /* bit for each list it is on */
    uint8_t outstanding; /* io_uring: operations that the kernel has not finished */
    bool paused;         /* receive(off) */
    bool eof_seen;       /* the peer's FIN arrived */
    bool eof_told;
    bool readable;      /* epoll: the kernel may have more input */
    bool hung_up;       /* epoll: FIN or an error is behind that input */
    bool send_blocked;  /* the socket took less than it was given */
    bool connecting;    /* io_uring: the connect is in flight */
    bool sending;       /* io_uring: a send is in flight */
    bool receiving;     /* io_uring: the multishot receive is armed */
    bool cancelling;    /* io_uring: and its cancellation is under way */
    bool sated;         /* it gave back a receive buffer or more: nothing new until all is taken */
    bool let_go;        /* close() was called: nothing but CLOSED is told any more */
    bool consumed;      /* oc_io__take_back(): a later event of this batch was not given back */
    int32_t error;      /* what CLOSED will say */
    uint32_t send_size; /* io_uring: bytes of the send in flight */
    struct oc_io__queue out;
    struct oc_io__queue unread; /* input that could not be delivered yet */
    uint64_t tag;
    struct oc_io__link links[OC_IO__LIST_COUNT];
    uint32_t refused_size; /* of the send() that was refused last */
};

_Static_assert(sizeof(struct oc_io__conn) == 128, "two cache lines for each connection");

enum oc_io__listener_state {
    OC_IO__LISTENER_FREE,
    OC_IO__LISTENER_OPEN,
    OC_IO__LISTENER_ENDING, /* io_uring: unlistened, its accept is not finished */
};

struct oc_io__listener {
    int fd;
    uint32_t generation;
    uint64_t tag;
    uint8_t state;
    bool armed;     /* io_uring: the multishot accept is armed; epoll: the kernel tells of it */
    bool pending;   /* epoll: connections may wait; io_uring: has to be armed */
    uint32_t share; /* epoll: connections to accept at its next turn */
    uint64_t polls; /* epoll: stats.polls at its last turn */
};

/** A RECEIVED event of the last poll(). */
struct oc_io__told {
    uint8_t *bytes;
    struct oc_conn conn;
    uint32_t size;
    uint32_t kept_size; /* of its end, by unreceive() */
    uint32_t piece;     /* number of the receive buffer or chunk */
    uint32_t borrowed;  /* place of the buffer in `borrowed`; OC_INDEX_NONE: a chunk */
};

struct oc_io__batch {
    struct oc_io_event *events;
    uint32_t capacity;
    uint32_t count;
};

struct oc_io__base {
    struct oc_io io; /* first: struct oc_io * and struct oc_io__base * are one */
    struct oc_io_config config;
    struct oc_io_stats stats;
    struct oc_io__conn *conns;
    struct oc_io__list lists[OC_IO__LIST_COUNT];
    struct oc_io__chunks chunks;
    struct oc_pool slots;
    uint8_t *buffers;   /* receive buffers, staggered */
    uint32_t *borrowed; /* those whose bytes the caller may look at until the next poll */
    uint32_t borrowed_count;
    struct oc_io__queue borrowed_chunks; /* likewise, of input that was copied */
    struct oc_io__told *told;            /* RECEIVED events of the last poll, in order */
    uint32_t told_count;
    uint32_t told_next; /* unreceive() looks here first */
    bool has_returned;  /* unreceive() was called since the last poll */
    uint32_t pinned;    /* receive buffers in unread queues */
    struct oc_io__listener listeners[OC_IO__LISTENERS_MAX];
    uint32_t listeners_pending;  /* how many have `pending` */
    struct oc_timer_wheel wheel; /* timer i: connection i; behind them the listeners */
    struct oc_timer *timers;
    uint64_t now_ns;
    struct oc_io_flight_entry *flight; /* a ring of OC_IO_FLIGHT_COUNT */
    uint64_t flight_count;             /* entries ever written */
    uint64_t thread_id;                /* of start(), as the kernel counts; 0: simulated */
    bool started;
    bool simulated; /* sim.c: there is no kernel, and time is what the last poll() told */
    /*
     * wake() sets `woken`, then looks at `sleeping`; poll() sets `sleeping`, then looks at `woken`,
     * both sequentially consistent. In any order of the four at least one side sees the other:
     * either wake() writes to wake_fd or poll() does not block. So a busy poller costs its wakers
     * no system call, and no wake is lost.
     */
    atomic_bool woken;
    atomic_bool sleeping;
    atomic_int
        wake_fd; /* eventfd, never read: every write is an edge; -1 outside start to shutdown */
};

/* --- making and unmaking ------------------------------------------------------------------- */

/** Checks the config and allocates `size` bytes of backend, with the base in front. 0 or -errno. */
int oc_io__base_open(const struct oc_io_ops *ops, const struct oc_io_config *config, size_t size,
                     struct oc_io__base **base);

/** Opens wake_fd and sets the clock. 0 or -errno. */
int oc_io__base_start(struct oc_io__base *base);

/** The rest of it: a wake_fd, or -1 where poll() never blocks, and the time. */
void oc_io__base_start_at(struct oc_io__base *base, int wake_fd, uint64_t now_ns);

/** Resets every connection that is still there and closes wake_fd. */
void oc_io__base_shutdown(struct oc_io__base *base);

/* --- time ---------------------------------------------------------------------------------- */

static inline uint64_t oc_io__clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/** Now, for deadlines. */
static inline uint64_t oc_io__base_clock_ns(const struct oc_io__base *base)
{
    return base->simulated ? base->now_ns : oc_io__clock_ns();
}

/** Inside a loop that spins: leaves the core's other thread room, and saves power. */
static inline void oc_io__relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/** The earlier of `limit_ns` from now and the next deadline; both as a duration. */
uint64_t oc_io__wait_ns(const struct oc_io__base *base, uint64_t now_ns, uint64_t limit_ns);

/** What is left of poll's timeout. */
static inline uint64_t oc_io__left_ns(const struct oc_io__base *base, uint64_t start_ns,
                                      uint64_t timeout_ns)
{
    uint64_t elapsed_ns = base->now_ns - start_ns;

    if (timeout_ns == UINT64_MAX) {
        return timeout_ns;
    }
    return elapsed_ns < timeout_ns ? timeout_ns - elapsed_ns : 0;
}

/* --- connections --------------------------------------------------------------------------- */

static inline uint32_t oc_io__conn_index(const struct oc_io__base *base,
                                         const struct oc_io__conn *conn)
{
    return (uint32_t)(conn - base->conns);
}

static inline struct oc_conn oc_io__conn_handle(const struct oc_io__base *base,
                                                const struct oc_io__conn *conn)
{
    return (struct oc_conn){
        .index = oc_io__conn_index(base, conn),
        .generation = conn->generation,
    };
}

/** Writes an entry of the flight recorder. */
static inline void oc_io__note(struct oc_io__base *base, enum oc_io_flight_kind kind,
                               struct oc_conn conn, int32_t result)
{
    base->flight[base->flight_count++ % OC_IO_FLIGHT_COUNT] = (struct oc_io_flight_entry){
        .now_ns = base->now_ns,
        .conn = conn,
        .result = result,
        .kind = kind,
    };
}

/** The same of a connection. */
static inline void oc_io__note_conn(struct oc_io__base *base, enum oc_io_flight_kind kind,
                                    const struct oc_io__conn *conn, int32_t result)
{
    oc_io__note(base, kind, oc_io__conn_handle(base, conn), result);
}

/** A free slot in the given state with an empty queue, or NULL. */
struct oc_io__conn *oc_io__conn_open(struct oc_io__base *base, int fd, uint64_t tag,
                                     enum oc_io__conn_state state);

/** The connection behind a handle, or NULL once CLOSED was told. */
struct oc_io__conn *oc_io__conn_find(const struct oc_io__base *base, struct oc_conn handle);

/** The slot of adopt(), with the unread bytes on the ready list. 0, -ENOBUFS or -EINVAL. */
int oc_io__conn_adopt(struct oc_io__base *base, int fd, uint64_t tag, const void *unread,
                      uint32_t unread_size, struct oc_io__conn **conn);

/** Undoes oc_io__conn_adopt(); the descriptor stays the caller's. */
void oc_io__conn_unadopt(struct oc_io__base *base, struct oc_io__conn *conn);

/** The socket of connect(), close-on-exec and, for TCP, TCP_NODELAY. Returns it or -errno. */
int oc_io__connect_socket(struct oc_io__base *base, int family, int flags, const char *congestion);

/** Closes the descriptor, if it has one, drops both queues and leaves only CLOSED to be told; and
 * before it what the caller gives back of its last batch. */
void oc_io__conn_end(struct oc_io__base *base, struct oc_io__conn *conn);

/** Makes the coming close(2) a reset: the peer must not take what is lost for a clean end. */
void oc_io__conn_reset(struct oc_io__base *base, struct oc_io__conn *conn);

/** First step of close(FLUSH): from now on input is dropped and time is limited. */
void oc_io__conn_flush(struct oc_io__base *base, struct oc_io__conn *conn);

/**
 * The peer took some of what is flushed, or all of it and our FIN: it is given a second anew for
 * the rest. Only who stands still for a second is cut off.
 */
void oc_io__conn_flush_goes_on(struct oc_io__base *base, struct oc_io__conn *conn);

/** Sending failed: drops what is owed beyond `in_flight` bytes; input goes on for a limited time.
 */
void oc_io__conn_break(struct oc_io__base *base, struct oc_io__conn *conn, int error,
                       uint32_t in_flight);

/* --- lists --------------------------------------------------------------------------------- */

static inline bool oc_io__is_listed(const struct oc_io__conn *conn, enum oc_io__list_id id)
{
    return (conn->listed & (1U << id)) != 0;
}

/** Puts a connection at the end of a list, unless it is on it. */
void oc_io__list_push(struct oc_io__base *base, enum oc_io__list_id id, struct oc_io__conn *conn);

/** Takes a connection off a list, if it is on it. */
void oc_io__list_remove(struct oc_io__base *base, enum oc_io__list_id id, struct oc_io__conn *conn);

/** Takes the first connection off a list. NULL if it is empty. */
struct oc_io__conn *oc_io__list_pop(struct oc_io__base *base, enum oc_io__list_id id);

/* --- events -------------------------------------------------------------------------------- */

static inline bool oc_io__batch_is_full(const struct oc_io__batch *batch)
{
    return batch->count == batch->capacity;
}

/** Adds an event of a connection, and notes it; the batch must have room. */
struct oc_io_event *oc_io__emit(struct oc_io__base *base, struct oc_io__batch *batch,
                                enum oc_io_event_kind kind, const struct oc_io__conn *conn,
                                int32_t error);

/** Adds RECEIVED; likewise. */
struct oc_io_event *oc_io__emit_bytes(struct oc_io__base *base, struct oc_io__batch *batch,
                                      const struct oc_io__conn *conn, uint8_t *bytes,
                                      uint32_t size);

/** Adds ACCEPT_FAILED; the batch must have room. */
void oc_io__emit_accept_failed(struct oc_io__base *base, struct oc_io__batch *batch, uint64_t tag,
                               int error);

/** Adds what can be told without the kernel: CLOSED, DRAINED, WOKEN. */
void oc_io__deliver(struct oc_io__base *base, struct oc_io__batch *batch);

/** Ends a turn: histogram of batches. */
void oc_io__batch_done(struct oc_io__base *base, const struct oc_io__batch *batch);

/**
 * Receive buffer `index`. The stride is a cache line more than the size: at a stride of a power of
 * two the first lines of all buffers, which small messages alone touch, would fall into the same
 * few cache sets.
 */
static inline uint8_t *oc_io__buffer(const struct oc_io__base *base, uint32_t index)
{
    return base->buffers +
           (size_t)index * ((size_t)base->config.buffer_size + OC_IO__BUFFER_STAGGER_BYTES);
}

/* --- input.c ------------------------------------------------------------------------------- */

/**
 * Begins a poll(): what the last one lent ends here. Input that was given back goes to the front of
 * its connection's unread queue and the connection on the ready list; chunks return to the pool.
 * The receive buffers that are free now stay in `borrowed`, for the backend.
 */
void oc_io__take_back(struct oc_io__base *base);

/** Adds RECEIVED of a receive buffer, which the caller of poll() borrows from here. */
void oc_io__emit_buffer(struct oc_io__base *base, struct oc_io__batch *batch,
                        const struct oc_io__conn *conn, uint32_t buffer, uint32_t offset,
                        uint32_t size);

/**
 * Adds the input that waits on one connection, then EOF if it was seen.
 * Returns false if the batch became full before the end.
 */
bool oc_io__deliver_unread(struct oc_io__base *base, struct oc_io__batch *batch,
                           struct oc_io__conn *conn);

/**
 * Keeps a receive buffer's bytes behind what waits already: as a copy, which leaves the buffer in
 * `borrowed`, or, if there is no chunk for it, by pinning the buffer.
 */
void oc_io__keep_input(struct oc_io__base *base, struct oc_io__conn *conn, uint32_t buffer,
                       uint32_t size);

/** receive(): remembers it. */
void oc_io__conn_pause(struct oc_io__base *base, struct oc_io__conn *conn, bool on);

/** First step of close(): input that waits is dropped, nothing but CLOSED is told any more. */
void oc_io__conn_let_go(struct oc_io__base *base, struct oc_io__conn *conn);

/** Whether a RECEIVED of this connection is in the batch: the caller may give it back. */
bool oc_io__was_told(const struct oc_io__base *base, const struct oc_io__conn *conn);

/** Drops input that waits for delivery. */
void oc_io__conn_drop_unread(struct oc_io__base *base, struct oc_io__conn *conn);

/* --- listeners ----------------------------------------------------------------------------- */

/** A free listener with that tag. Returns 0 and *listener, -ENOSPC or -EEXIST. */
int oc_io__listener_open(struct oc_io__base *base, int fd, uint64_t tag,
                         struct oc_io__listener **listener);

/** The open listener with that tag, or NULL. */
struct oc_io__listener *oc_io__listener_find(struct oc_io__base *base, uint64_t tag);

/** Sets or clears `pending` and keeps the count of them. */
void oc_io__listener_set_pending(struct oc_io__base *base, struct oc_io__listener *listener,
                                 bool pending);

/** Marks it pending again after a while. */
void oc_io__listener_retry_later(struct oc_io__base *base, const struct oc_io__listener *listener);

/**
 * A descriptor that accept gave: tells ACCEPTED and returns the connection; or, if all slots are in
 * use, closes it, tells ACCEPT_FAILED and returns NULL. The batch must have room.
 */
struct oc_io__conn *oc_io__listener_accepted(struct oc_io__base *base, struct oc_io__batch *batch,
                                             const struct oc_io__listener *listener, int fd);

/** Whether accept failed for this one connection only: what the network said of it. */
bool oc_io__accept_is_transient(int error);

/** Frees it, with its timer. */
void oc_io__listener_close(struct oc_io__base *base, struct oc_io__listener *listener);

/* --- slots of the table that are the same in every backend ---------------------------------- */

int oc_io__unreceive(struct oc_io *io, struct oc_conn conn, uint8_t *bytes, uint32_t size);
bool oc_io__has_input(struct oc_io *io, struct oc_conn conn);
int oc_io__send(struct oc_io *io, struct oc_conn conn, const void *bytes, uint32_t size);
int oc_io__chunk_open(struct oc_io *io, uint32_t *chunk, uint8_t **bytes);
int oc_io__send_shared(struct oc_io *io, struct oc_conn conn, uint32_t chunk, uint32_t offset,
                       uint32_t size);
void oc_io__chunk_give(struct oc_io *io, uint32_t chunk);
uint32_t oc_io__owed(const struct oc_io *io, struct oc_conn conn);
uint32_t oc_io__owed_most(const struct oc_io *io, struct oc_conn *conn);
int oc_io__peer(const struct oc_io *io, struct oc_conn conn, char *text, size_t size);
void oc_io__wake(struct oc_io *io);
void oc_io__stats(const struct oc_io *io, struct oc_io_stats *stats);

static inline struct oc_io__base *oc_io__base_of(struct oc_io *io)
{
    struct oc_io__base *base = (struct oc_io__base *)io;

    OC_ASSERT(base->started);
    return base;
}

static inline const struct oc_io__base *oc_io__base_of_const(const struct oc_io *io)
{
    return (const struct oc_io__base *)io;
}

#endif
