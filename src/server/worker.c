/*
 * An io thread of `--engine dedicated`: its own ring or epoll set, its own gateway and sessions.
 *
 * A turn is one poll(): frames become commands in a ring to the engine, events of the log become
 * replies. It never waits for the engine. When the ring is full, the gateway holds the session back
 * and the thread goes on emptying the event log, so that the engine can go on emptying the ring:
 * therefore nothing is dropped and nothing can lock up. It sleeps in poll() alone, and whoever has
 * something for it (the engine, the acceptor) wakes it there.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cpus.h"
#include "server/internal.h"
#include "server/log.h"

/* Commands that the engine is shown at once: it is at work on the first of a long batch while the
 * rest is decoded. */
#define PUBLISH_BATCH 16U

static void serve(struct oc_server__worker *worker);
static void begin_close(struct oc_server__worker *worker);
static int turn(struct oc_server__worker *worker);
static void take_event(struct oc_server__worker *worker, const struct oc_io_event *event);
static void take_arrivals(struct oc_server__worker *worker);
static void count_closed(struct oc_server__worker *worker);
static void publish(struct oc_server__worker *worker);
static void drain(struct oc_server__worker *worker);
static void resume(struct oc_server__worker *worker);
static void answer(struct oc_server__worker *worker, uint64_t question);
static void wait_cut(struct oc_server__worker *worker);
static void tell_progress(struct oc_server__worker *worker, enum oc_server__progress progress);
static enum oc_server__order order(const struct oc_server__worker *worker);

void *oc_server__worker_main(void *argument)
{
    struct oc_server__worker *worker = argument;
    struct oc_io *io = worker->io;
    char name[16] = "outcry-io-";
    name[10] = (char)('0' + worker->number / 10);
    name[11] = (char)('0' + worker->number % 10);
    oc_cpus_settle(name, oc_server__cpu(worker->server, worker->number));
    worker->start_error = io->ops->start(io);
    (void)sem_post(&worker->server->started);
    if (worker->start_error != 0) {
        return NULL;
    }
    serve(worker);
    wait_cut(worker);
    io->ops->stats(io, &worker->io_stats);
    io->ops->shutdown(io);
    return NULL;
}

/* The gateway's next command. False: there is no room, and the gateway will be told when there is.
 */
bool oc_server__submit_dedicated(void *context, struct oc_command *command)
{
    struct oc_server__worker *worker = context;
    struct oc_command *slot = oc_ring_claim(&worker->commands);
    if (slot == NULL) {
        worker->stats.commands_held++;
        return false;
    }
    *slot = *command;
    if (++worker->unpublished == PUBLISH_BATCH) {
        publish(worker);
    }
    return true;
}

/* Turns until no further input is wanted. */
static void serve(struct oc_server__worker *worker)
{
    while (order(worker) < OC_SERVER__CUT) {
        struct oc_gateway_stats stats;
        if (turn(worker) != 0) {
            /* Relaxed: the acceptor is woken behind it and only looks whether it is set. */
            atomic_store_explicit(&worker->is_broken, true, memory_order_relaxed);
            oc_server__wake_acceptor(worker->server);
            return;
        }
        if (order(worker) == OC_SERVER__SERVE) {
            continue;
        }
        if (!worker->is_closing) {
            begin_close(worker);
        }
        oc_gateway_stats_read(worker->gateway, &stats);
        /* Without a session there may still be ends of sessions that found no room. */
        if (stats.sessions == 0 && oc_gateway_held_count(worker->gateway) == 0) {
            tell_progress(worker, OC_SERVER__CLOSED);
        }
    }
}

/* What was sent before the stop is still answered: sessions close when a turn that began after it,
 * and with the last arrivals, brought nothing more and nobody is held. */
static void begin_close(struct oc_server__worker *worker)
{
    if (!worker->is_reading_out) {
        worker->is_reading_out = true;
        worker->read_out_end_ns = worker->now_ns + OC_SERVER__READ_OUT_NS;
        take_arrivals(worker); /* the last ones */
        publish(worker);
    } else if ((!worker->has_heard && oc_gateway_held_count(worker->gateway) == 0) ||
               worker->now_ns >= worker->read_out_end_ns) {
        worker->is_closing = true;
        oc_gateway_close_all(worker->gateway);
        publish(worker);
    }
}

static int turn(struct oc_server__worker *worker)
{
    struct oc_io *io = worker->io;
    uint64_t question;
    uint64_t timeout_ns = oc_server__until_deadline(worker, UINT64_MAX, worker->now_ns);
    int count;
    if (worker->is_behind || (worker->is_reading_out && !worker->is_closing)) {
        timeout_ns = 0;
    }
    worker->has_heard = oc_gateway_held_count(worker->gateway) > 0; /* released: more may come */
    count = io->ops->poll(io, worker->events, OC_IO_EVENTS_MAX, timeout_ns, &worker->now_ns);
    if (count < 0) {
        oc_log(OC_LOG_ERROR, "the %s backend broke: %s", io->ops->name, strerror(-count));
        return -1;
    }
    /* Acquire: pairs with the release store in ask() of the engine. The answer is about all events
     * that were published before the question. */
    question = atomic_load_explicit(&worker->server->engine_loop.pace_question,
                                    memory_order_acquire);
    oc_gateway_begin(worker->gateway, worker->now_ns);
    for (int i = 0; i < count; i++) {
        take_event(worker, &worker->events[i]);
    }
    oc_gateway_on_time(worker->gateway);
    take_arrivals(worker);
    publish(worker);
    drain(worker);
    if (oc_gateway_held_count(worker->gateway) > 0) {
        resume(worker);
    }
    oc_gateway_flush(worker->gateway);
    publish(worker); /* what the gateway had to say on account of the events */
    if (question != worker->asked) {
        answer(worker, question);
    }
    return 0;
}

static void take_event(struct oc_server__worker *worker, const struct oc_io_event *event)
{
    oc_gateway_on_io(worker->gateway, event);
    worker->has_heard |= event->kind == OC_IO_RECEIVED;
    if (event->kind == OC_IO_CLOSED) {
        count_closed(worker);
    }
}

/* Connections that the acceptor gave to this thread. */
static void take_arrivals(struct oc_server__worker *worker)
{
    const struct oc_io_ops *ops = worker->io->ops;
    void *elements;
    while (oc_ring_peek(&worker->arrivals, &elements) > 0) {
        struct oc_server__arrival arrival = *(struct oc_server__arrival *)elements;
        struct oc_io_event event = {.kind = OC_IO_ACCEPTED, .tag = arrival.tag};
        int rc = ops->adopt(worker->io, arrival.fd, arrival.tag, NULL, 0, &event.conn);
        oc_ring_release(&worker->arrivals, 1);
        if (rc == 0) {
            oc_gateway_on_io(worker->gateway, &event);
            continue;
        }
        oc_log(OC_LOG_WARNING, "a connection to %s is refused: %s (docs/limits.md)",
               worker->server->listeners[arrival.tag].address, strerror(-rc));
        (void)close(arrival.fd);
        count_closed(worker);
    }
}

static void count_closed(struct oc_server__worker *worker)
{
    /* Relaxed, and only this thread writes it: the acceptor counts with it and reads nothing else
     * on its behalf. If it sees it late, it refuses a connection that would just have fitted. */
    uint64_t count = atomic_load_explicit(&worker->closed_count, memory_order_relaxed);
    atomic_store_explicit(&worker->closed_count, count + 1, memory_order_relaxed);
}

/* Shows the engine every command that was claimed, and wakes it if it sleeps for want of them. */
static void publish(struct oc_server__worker *worker)
{
    if (worker->unpublished == 0) {
        return;
    }
    worker->unpublished = 0;
    oc_ring_publish(&worker->commands);
    worker->stats.system_calls += oc_server__bell_ring(&worker->server->engine_loop.bell,
                                                       OC_SERVER__COMMANDS)
                                      ? 1
                                      : 0;
}

/*
 * Hands the gateway what is in the log: at most its capacity, so that io has its turn however fast
 * the engine writes. The engine, if it waits for room, is rung when there is some.
 */
static void drain(struct oc_server__worker *worker)
{
    struct oc_event_log *log = &worker->server->log;
    const struct oc_event *events;
    uint32_t count = 0;
    for (uint32_t rows = 0; rows < 2; rows++) {
        count = oc_event_log_read(log, worker->consumer, &events);
        if (count == 0) {
            break;
        }
        oc_gateway_on_events(worker->gateway, events, count);
        oc_event_log_release(log, worker->consumer, count);
        worker->stats.system_calls += oc_server__bell_ring(&worker->server->engine_loop.bell,
                                                           OC_SERVER__ROOM)
                                          ? 1
                                          : 0;
    }
    /* The wake-up for what is left may have been taken by the poll before: do not block. */
    worker->is_behind = count > 0 && oc_event_log_read(log, worker->consumer, &events) > 0;
}

/*
 * The engine wakes whom it took commands from, after it gave the slots back: the poll() in which
 * this thread sleeps meanwhile does not miss the moment when there is room. Half of the ring, so
 * that a session is not stopped and let go for every command.
 */
static void resume(struct oc_server__worker *worker)
{
    if (oc_ring_room(&worker->commands) >= (uint32_t)(worker->commands.capacity + 1) / 2) {
        oc_gateway_resume(worker->gateway);
        publish(worker);
    }
}

/* Tells the engine, which is in the middle of a large command, whether somebody owes a lot. */
static void answer(struct oc_server__worker *worker, uint64_t question)
{
    struct oc_io *io = worker->io;
    struct oc_conn conn;
    bool owes = io->ops->owed_most(io, &conn) > worker->server->config.io.out_bytes_max / 2;
    if (worker->is_behind) {
        return; /* the answer follows with the turn that has read everything */
    }
    worker->asked = question;
    /* Release: pairs with the acquire load in ask() of the engine. */
    atomic_store_explicit(&worker->pace_answer, question * 2 + (owes ? 1 : 0),
                          memory_order_release);
    worker->stats.system_calls += oc_server__bell_ring(&worker->server->engine_loop.bell,
                                                       OC_SERVER__ROOM)
                                      ? 1
                                      : 0;
}

/*
 * Submits nothing more, but keeps its cursor moving until nobody writes events: the engine still
 * applies what is in the rings. At the end of the program, or of a broken backend: it may look
 * every millisecond instead of being woken.
 */
static void wait_cut(struct oc_server__worker *worker)
{
    struct oc_event_log *log = &worker->server->log;
    const struct timespec pause = {.tv_nsec = 1000000};
    const struct oc_event *events;
    while (order(worker) < OC_SERVER__END) {
        uint32_t count;
        uint64_t question = atomic_load_explicit(&worker->server->engine_loop.pace_question,
                                                 memory_order_acquire);
        while ((count = oc_event_log_read(log, worker->consumer, &events)) > 0) {
            oc_event_log_release(log, worker->consumer, count);
        }
        atomic_store_explicit(&worker->pace_answer, question * 2, memory_order_release);
        (void)oc_server__bell_ring(&worker->server->engine_loop.bell, OC_SERVER__ROOM);
        if (order(worker) == OC_SERVER__CUT) {
            tell_progress(worker, OC_SERVER__IS_CUT);
        }
        (void)nanosleep(&pause, NULL);
    }
}

static void tell_progress(struct oc_server__worker *worker, enum oc_server__progress progress)
{
    /* Relaxed: only this thread writes it. */
    if (atomic_load_explicit(&worker->progress, memory_order_relaxed) == (int)progress) {
        return;
    }
    /* Release: pairs with the acquire load in is_everywhere() of the acceptor, behind which it
     * takes for granted that this thread has published its last command. */
    atomic_store_explicit(&worker->progress, (int)progress, memory_order_release);
    oc_server__wake_acceptor(worker->server);
}

static enum oc_server__order order(const struct oc_server__worker *worker)
{
    /* Acquire: pairs with the release store in give_order() of the acceptor: with CLOSE its last
     * arrivals are seen. Whoever changes it wakes this thread afterwards. */
    return (enum oc_server__order)atomic_load_explicit(&worker->server->order,
                                                       memory_order_acquire);
}
