/*
 * The engine thread of `--engine dedicated`: owns the engine, the sequence and the time stamps.
 *
 * A round takes a bounded share of commands from the ring of each io thread, applies them and wakes
 * who is concerned by what they told. Before the slowest cursor of the event log would be overrun
 * it stops and waits; io threads never wait for it, so they always get there. It sleeps at its bell
 * (bell.h); io threads sleep in poll() and are woken through the io table, which makes a system
 * call only if they really sleep.
 */
#include <time.h>

#include "server/cpus.h"
#include "server/internal.h"

/* Commands of one io thread in a row. */
#define SHARE 64U

/* How often who spins looks at the clock. */
#define SPINS_PER_CLOCK 32U

static void make_instruments(struct oc_server *server);
static uint32_t play_round(struct oc_server *server);
static uint32_t take(struct oc_server *server, struct oc_server__worker *worker);
static void rest(struct oc_server *server);
static bool spin(struct oc_server *server);
static void apply(struct oc_server *server, struct oc_command *command);
static void go_on(struct oc_server *server);
static bool ask(struct oc_server *server);
static void wait_for_room(struct oc_server *server);
static void mark(struct oc_server *server);
static void mark_event(struct oc_server *server, const struct oc_event *event);
static void mark_session(struct oc_server *server, uint64_t session);
static void set_hears(struct oc_server *server, uint64_t session, bool hears);
static void concern_all(struct oc_server *server);
static void wake_concerned(struct oc_server *server);
static uint64_t now_ns(void);

void *oc_server__engine_main(void *argument)
{
    struct oc_server *server = argument;
    struct oc_server__engine_loop *loop = &server->engine_loop;
    oc_cpus_settle("outcry-engine", oc_server__cpu(server, server->worker_count));
    make_instruments(server);
    (void)sem_post(&server->started);
    for (;;) {
        /* Acquire: pairs with the release store in dedicated.c. Looked at before the rings: when it
         * is set, no worker publishes any more, and rings found empty are empty for good. */
        bool is_ending = atomic_load_explicit(&loop->is_ending, memory_order_acquire);
        if (play_round(server) > 0) {
            continue;
        }
        if (is_ending) {
            return NULL;
        }
        rest(server);
    }
}

static void make_instruments(struct oc_server *server)
{
    server->utc_ns = oc_server__utc_ns(server, now_ns());
    for (uint32_t i = 0; i < server->instrument_count; i++) {
        apply(server, &server->instruments[i]);
    }
    wake_concerned(server);
}

/* Returns how many commands were applied. */
static uint32_t play_round(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    uint32_t count = 0;
    uint32_t number = loop->next;
    server->utc_ns = oc_server__utc_ns(server, now_ns());
    for (uint32_t i = 0; i < server->worker_count; i++) {
        count += take(server, &server->workers[number]);
        number = number + 1 < server->worker_count ? number + 1 : 0;
    }
    /* Who is first changes, for what little it matters: nobody is served twice before all were. */
    loop->next = loop->next + 1 < server->worker_count ? loop->next + 1 : 0;
    return count;
}

static uint32_t take(struct oc_server *server, struct oc_server__worker *worker)
{
    void *elements;
    uint32_t count = oc_ring_peek(&worker->commands, &elements);
    struct oc_command *commands = elements;
    if (count == 0) {
        return 0;
    }
    count = count < SHARE ? count : SHARE;
    for (uint32_t i = 0; i < count; i++) {
        apply(server, &commands[i]);
    }
    oc_ring_release(&worker->commands, count);
    /* Also if it is told nothing: it may wait for room in its ring, which there is now. The wake-up
     * comes after the release, so that the look it takes afterwards finds the room. */
    server->engine_loop.is_concerned[worker->number] = true;
    wake_concerned(server);
    return count;
}

/* Nothing is left to do. */
static void rest(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    uint32_t calls;
    if (server->config.io.busy_poll_ns > 0 && spin(server)) {
        /* Takes away what was rung; the round that follows looks at every ring. */
        (void)oc_server__bell_wait(&loop->bell, OC_SERVER__COMMANDS, 0);
        return;
    }
    calls = oc_server__bell_wait(&loop->bell, OC_SERVER__COMMANDS, UINT64_MAX);
    loop->stats.system_calls += calls;
    loop->stats.engine_sleeps += calls > 0 ? 1 : 0;
}

/* Whether the bell was rung within the time that is spent spinning. */
static bool spin(struct oc_server *server)
{
    const uint64_t end_ns = now_ns() + server->config.io.busy_poll_ns;
    for (uint32_t spins = 1;; spins++) {
        if (oc_server__bell_was_rung(&server->engine_loop.bell, OC_SERVER__COMMANDS)) {
            return true;
        }
        if (spins % SPINS_PER_CLOCK == 0 && now_ns() >= end_ns) {
            return false;
        }
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }
}

/* Sequences and applies one command, to its end. */
static void apply(struct oc_server *server, struct oc_command *command)
{
    const struct oc_server_observer *observer = &server->config.observer;
    if (!oc_event_log_has_room(&server->log, (uint32_t)server->log.capacity / 4)) {
        wait_for_room(server);
    }
    command->sequence = ++server->sequence;
    command->time_ns = server->utc_ns;
    if (observer->command != NULL) {
        observer->command(observer->context, command);
    }
    if (oc_engine_apply(server->engine, command) == OC_MORE) {
        go_on(server);
    }
    mark(server);
}

/*
 * The rest of a command with more events than the log has room for. Nobody else's command comes
 * between, and before each portion everybody has read the one before it. Sessions that owe half of
 * what they may are given a moment, in all OC_SERVER_PACE_NS: who reads is not to be disconnected
 * for what one command told at once.
 */
static void go_on(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    uint64_t paced_ns = 0;
    do {
        mark(server);
        while (ask(server) && paced_ns < OC_SERVER_PACE_NS &&
               !atomic_load_explicit(&loop->is_ending, memory_order_relaxed)) {
            /* A question that nobody answers is a sleep of that length. */
            (void)oc_server__bell_wait(&loop->bell, 0, OC_SERVER__PACE_STEP_NS);
            paced_ns += OC_SERVER__PACE_STEP_NS;
            loop->stats.pace_waits++;
        }
    } while (oc_engine_continue(server->engine) == OC_MORE);
}

/*
 * Waits until every io thread has read all that was published, and returns whether one of them has
 * a session that owes a lot.
 */
static bool ask(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    /* Relaxed: only this thread writes it. */
    uint64_t question = atomic_load_explicit(&loop->pace_question, memory_order_relaxed) + 1;
    bool owes = false;
    /* Release: pairs with the acquire load in turn() of a worker. Who sees the question sees the
     * events before it. */
    atomic_store_explicit(&loop->pace_question, question, memory_order_release);
    loop->stats.room_waits++;
    concern_all(server);
    wake_concerned(server);
    for (uint32_t i = 0; i < server->worker_count; i++) {
        uint64_t answer;
        /* Acquire: pairs with the release store in answer() of the worker. */
        while (
            (answer = atomic_load_explicit(&server->workers[i].pace_answer, memory_order_acquire)) /
                2 !=
            question) {
            /* Answers come before their ring, so one that is not there yet will ring. */
            loop->stats.system_calls += oc_server__bell_wait(&loop->bell, OC_SERVER__ROOM,
                                                             UINT64_MAX);
        }
        owes = owes || (answer & 1) != 0;
    }
    return owes;
}

/* Stops until the slowest io thread has made room in the log. */
static void wait_for_room(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    loop->stats.room_waits++;
    concern_all(server);
    wake_concerned(server);
    while (!oc_event_log_has_room(&server->log, (uint32_t)server->log.capacity / 4)) {
        /* A cursor is moved before the ring that tells of it, so one that still stands will ring.
         */
        loop->stats.system_calls += oc_server__bell_wait(&loop->bell, OC_SERVER__ROOM, UINT64_MAX);
    }
}

/*
 * Who has to be woken for the events since the last call. An io thread whose sessions hear none of
 * them sleeps on and reads them another time; not too late, though, or the log would be full of
 * what it has not read.
 */
static void mark(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    struct oc_event_log *log = &server->log;
    for (; loop->marked != log->claimed; loop->marked++) {
        mark_event(server, &log->events[loop->marked & (log->capacity - 1)]);
    }
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (loop->marked - loop->woken_at[i] >= log->capacity / 2) {
            loop->is_concerned[i] = true;
        }
    }
}

/* Mirrors what the gateway does with each kind of event (src/gateway/events.c). */
static void mark_event(struct oc_server *server, const struct oc_event *event)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    switch (event->kind) {
    case OC_EVENT_INSTRUMENT:
        return; /* not on the wire */
    case OC_EVENT_TRADE:
        mark_session(server, event->trade.buyer_session);
        mark_session(server, event->trade.seller_session);
        for (uint32_t i = 0; i < server->worker_count; i++) {
            loop->is_concerned[i] |= loop->listeners[i] > 0;
        }
        return;
    case OC_EVENT_CONFIRMED:
        if (loop->confirmations_all) {
            concern_all(server);
        }
        break;
    case OC_EVENT_SESSION_OPENED:
    case OC_EVENT_SESSION:
        set_hears(server, event->session, (event->settings & OC_SETTING_TRADES) != 0);
        break;
    case OC_EVENT_SESSION_CLOSED:
        set_hears(server, event->session, false);
        break;
    default:
        break;
    }
    mark_session(server, event->session);
}

static void mark_session(struct oc_server *server, uint64_t session)
{
    if (session != OC_SESSION_VENUE) {
        uint32_t worker = oc_session_slot(session) / server->worker_sessions_max;
        server->engine_loop.is_concerned[worker] = true;
    }
}

static void set_hears(struct oc_server *server, uint64_t session, bool hears)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    uint32_t slot = oc_session_slot(session);
    uint32_t *listeners = &loop->listeners[slot / server->worker_sessions_max];
    *listeners += (hears ? 1U : 0U) - loop->hears[slot];
    loop->hears[slot] = hears ? 1 : 0;
}

static void concern_all(struct oc_server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        server->engine_loop.is_concerned[i] = true;
    }
}

/*
 * wake() is ordered against the poll() that may be about to block by the io table itself (base.h:
 * `woken` and `sleeping`). Its first access is a sequentially consistent exchange, and so is the
 * one by which poll() takes it back: what was published before it is seen after that poll().
 */
static void wake_concerned(struct oc_server *server)
{
    struct oc_server__engine_loop *loop = &server->engine_loop;
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (loop->is_concerned[i]) {
            struct oc_io *io = server->workers[i].io;
            loop->is_concerned[i] = false;
            loop->woken_at[i] = loop->marked;
            io->ops->wake(io);
        }
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}
