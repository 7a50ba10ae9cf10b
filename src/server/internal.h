/*
 * What the files of the server share: the server, its io threads, and its engine thread.
 *
 * server.c       opening and closing: memory, rooms, listeners, counters
 * inline.c       `--engine inline`: everything on the thread that calls run()
 * dedicated.c    `--engine dedicated`: threads come and go, and who is told to stop when
 * acceptor.c     connections come in and are given to the io thread with the fewest sessions
 * worker.c       an io thread: io, gateway, a cursor in the event log, a ring of commands
 * engine_loop.c  the engine thread: takes commands, stamps and applies them, wakes who is concerned
 *
 * With `inline` there is one worker and no thread of its own behind it.
 */
#ifndef OC_SERVER_INTERNAL_H
#define OC_SERVER_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "core/event_log.h"
#include "core/ring.h"
#include "io/socket.h"
#include "server/admission.h"
#include "server/bell.h"
#include "server/clock.h"
#include "server/server.h"

/*
 * After a stop all sessions together get this long for their last bytes. A peer that takes nothing
 * for OC_IO_FLUSH_TIMEOUT_NS is cut off by io long before.
 */
#define OC_SERVER__STOP_TIMEOUT_NS 10000000000ULL

/* ... and this long, of it, for what they sent before it and was not read yet. */
#define OC_SERVER__READ_OUT_NS 1000000000ULL

#define OC_SERVER__PACE_STEP_NS 1000000ULL

struct oc_server__listener {
    int fd;
    bool listening; /* inline: the io table accepts from it */
    char address[OC_IO_ADDRESS_TEXT_BYTES];
};

/** What the acceptor, which directs start and end, has told all io threads to do. */
enum oc_server__order {
    OC_SERVER__SERVE,
    OC_SERVER__CLOSE, /* every session gets its last replies and a FIN */
    OC_SERVER__CUT,   /* no further input; only the event log is emptied */
    OC_SERVER__END,   /* nobody writes events any more: the thread ends */
};

/** How far an io thread is with its orders. */
enum oc_server__progress {
    OC_SERVER__SERVING,
    OC_SERVER__CLOSED, /* no session is left */
    OC_SERVER__IS_CUT, /* it submits no further command */
};

/** A connection on its way from the acceptor to an io thread. */
struct oc_server__arrival {
    int fd;
    uint32_t tag;
};

/**
 * An io thread. The first group is constant once threads run, the second is that thread's own; what
 * others touch as well is atomic or one side of a ring.
 */
struct oc_server__worker {
    struct oc_server *server;
    uint32_t number;
    uint32_t session_base; /* the slot of its first session */
    uint32_t consumer;     /* in the event log */
    struct oc_io *io;
    struct oc_gateway *gateway;
    struct oc_io_event *events;
    pthread_t thread;

    uint32_t unpublished;        /* commands claimed in the ring since the last publish */
    bool is_behind;              /* more events wait than one turn takes */
    bool is_reading_out;         /* it was told to close, and reads what was sent before */
    bool is_closing;             /* it has asked its sessions to close */
    bool has_heard;              /* in this turn, or a session was held as it began */
    uint64_t read_out_end_ns;    /* then it closes however much more comes */
    uint64_t now_ns;             /* CLOCK_MONOTONIC, of this turn */
    uint64_t asked;              /* the last of engine_loop.pace_question that it answered */
    struct oc_io_stats io_stats; /* as they were at its end */
    struct oc_server_thread_stats stats;
    int start_error;

    struct oc_ring commands; /* it produces, the engine consumes */
    struct oc_ring arrivals; /* the acceptor produces, it consumes */

    /* Written by this thread alone. */
    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t closed_count; /* read by the acceptor */
    _Atomic uint64_t pace_answer; /* question * 2 + whether somebody owes too much; by the engine */
    atomic_int progress;          /* enum oc_server__progress, read by the acceptor */
    atomic_bool is_broken;        /* its backend failed; read by the acceptor */
};

/** The engine thread's own, but for what says otherwise. */
struct oc_server__engine_loop {
    struct oc_server__bell bell; /* rung by the io threads and the acceptor */
    pthread_t thread;
    uint64_t marked; /* position in the log up to which the concerned were found */
    uint32_t next;   /* the worker that is served first in the next round */
    struct oc_server_thread_stats stats;
    uint8_t *hears; /* for each session slot: whether it listens to the tape */
    uint32_t listeners[OC_SERVER_IO_THREADS_MAX];
    bool is_concerned[OC_SERVER_IO_THREADS_MAX];
    uint64_t woken_at[OC_SERVER_IO_THREADS_MAX]; /* position in the log */
    bool confirmations_all; /* some listener hears the confirmations of all; constant */

    _Alignas(OC_CACHE_LINE_BYTES) _Atomic uint64_t pace_question; /* read by the workers */
    atomic_bool is_ending; /* written by the acceptor: all workers are cut */
};

struct oc_server {
    struct oc_server_config config;
    struct oc_arena arena;
    struct oc_event_log log;
    struct oc_engine *engine;
    struct oc_admission *admission; /* of all io threads; NULL: addresses are not counted */
    struct oc_clock clock;
    uint64_t sequence;
    uint64_t utc_ns; /* of this turn, or of this round of the engine thread */
    struct oc_server__worker *workers;
    uint32_t worker_count;
    uint32_t worker_sessions_max; /* sessions of one worker */

    /* inline */
    bool io_started;        /* from here on it has to be shut down */
    bool suspended;         /* the last command is not done: it goes on with each turn */
    uint64_t paced_ns;      /* time that the last command was given to those who read */
    struct oc_ring waiting; /* commands behind it */

    /* dedicated */
    struct oc_server__engine_loop engine_loop;
    sem_t started;     /* posted by each thread once it runs, or has failed to */
    atomic_int order;  /* enum oc_server__order, written by the acceptor */
    int event_fd;      /* wakes the acceptor; -1 with inline */
    uint64_t accepted; /* acceptor's own, as are the next three */
    uint64_t accept_failures;
    uint64_t acceptor_calls; /* system calls */
    uint64_t *handed;        /* connections given to each worker */

    struct oc_server__listener listeners[OC_GATEWAY_LISTENERS_MAX];
    uint32_t listener_count;
    struct oc_command *instruments; /* until run() has applied them */
    uint32_t instrument_count;
    atomic_int stops;           /* calls of oc_server_stop() */
    atomic_int stops_under_way; /* that have not returned */
    atomic_bool has_ended;      /* inline: nobody may wake io any more */
};

static inline bool oc_server__is_dedicated(const struct oc_server *server)
{
    return server->config.engine == OC_SERVER_DEDICATED;
}

/** The CPU of the `index`th thread (io threads, engine, acceptor), or -1 where none is asked for.
 */
static inline int oc_server__cpu(const struct oc_server *server, uint32_t index)
{
    return index < server->config.cpu_count ? (int)server->config.cpus[index] : -1;
}

/** UTC of a moment of CLOCK_MONOTONIC, by the test's clock if there is one. */
static inline uint64_t oc_server__utc_ns(struct oc_server *server, uint64_t now_ns)
{
    return server->config.utc_ns != NULL ? server->config.utc_ns(server->config.utc_context, now_ns)
                                         : oc_clock_utc_ns(&server->clock, now_ns);
}

/** timeout_ns, but no longer than until the gateway has to look at its clients' deadlines. */
static inline uint64_t oc_server__until_deadline(const struct oc_server__worker *worker,
                                                 uint64_t timeout_ns, uint64_t now_ns)
{
    uint64_t deadline_ns = oc_gateway_next_deadline_ns(worker->gateway);
    if (deadline_ns == UINT64_MAX) {
        return timeout_ns;
    }
    if (deadline_ns <= now_ns) {
        return 0;
    }
    return deadline_ns - now_ns < timeout_ns ? deadline_ns - now_ns : timeout_ns;
}

/** Says what is served, where, and by which threads. */
void oc_server__log_start(const struct oc_server *server);

/** Says what was counted; nothing runs any more. */
void oc_server__log_stop(const struct oc_server *server);

/** A session that had to be ended: hooks.notice of the gateway; `context` is the worker. */
void oc_server__on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                          struct oc_conn conn);

/** Stops listening. */
void oc_server__close_listeners(struct oc_server *server);

/** The two ways to serve: 0 after a stop, -1 when the backend broke. */
int oc_server__run_inline(struct oc_server *server);
int oc_server__run_dedicated(struct oc_server *server);

/** hooks.submit of the two; `context` is the worker. */
bool oc_server__submit_inline(void *context, struct oc_command *command);
bool oc_server__submit_dedicated(void *context, struct oc_command *command);

/** The threads; `argument` is the worker or the server. */
void *oc_server__worker_main(void *argument);
void *oc_server__engine_main(void *argument);

/** Accepts until a stop is asked for (0) or a worker's backend broke (-1). */
int oc_server__accept(struct oc_server *server);

/** Wakes the acceptor. Any thread, any signal handler. */
void oc_server__wake_acceptor(struct oc_server *server);

#endif
