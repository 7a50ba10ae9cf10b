/*
 * The run: connect everything, fill the book, keep the schedule, wait for the last replies.
 *
 * One turn: poll, hand every event's bytes to its player, read the clock once, let the players
 * send. What they send leaves with the next poll, coalesced by connection.
 */
#include "client/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "client/clock.h"
#include "client/load_internal.h"
#include "core/assert.h"

/* Connections that are being made at one time: fewer than any listener's backlog. */
#define CONNECTING_MAX 128U
/* Requests in flight of one connection while the book is filled. */
#define PRELOAD_WINDOW 64U
/* How long the open loop may catch up behind its end before it says what was never sent. */
#define CATCH_UP_NS 5000000000ULL
#define SECOND_NS   1000000000ULL

static int load_open(struct oc_client__load *load, const struct oc_script *scripts);
static void load_close(struct oc_client__load *load);
static void raise_file_limit(uint32_t connections);
static int connect_all(struct oc_client__load *load);
static int turn(struct oc_client__load *load, uint64_t deadline_ns);
static void event_handle(struct oc_client__load *load, const struct oc_io_event *event);
static void pump(struct oc_client__load *load, bool all);
static void preload(struct oc_client__load *load);
static void run(struct oc_client__load *load);
static void drain(struct oc_client__load *load);
static bool finished(const struct oc_client__load *load);
static uint64_t next_due_ns(const struct oc_client__load *load);
static void tell_measure(struct oc_client__load *load, bool begins);
static void tell_second(struct oc_client__load *load, uint64_t second_ns);
static void sum_up(struct oc_client__load *load);

int oc_load_run(const struct oc_load_config *config, const struct oc_script *scripts,
                struct oc_load_result *result)
{
    struct oc_client__load load = {.config = config, .result = result};
    struct oc_io_stats before;
    struct oc_io_stats after;
    int rc;

    OC_ASSERT(config->connections >= 1);
    OC_ASSERT(config->connections <= OC_LOAD_CONNECTIONS_MAX);
    OC_ASSERT(config->window >= 1);
    OC_ASSERT(config->window <= OC_LOAD_WINDOW_MAX);
    oc_arena_init(&load.arena);
    rc = load_open(&load, scripts);
    if (rc == 0) {
        rc = connect_all(&load);
    }
    if (rc == 0) {
        preload(&load);
        load.ops->stats(load.io, &before);
        run(&load);
        drain(&load);
        load.ops->stats(load.io, &after);
        result->system_calls = after.system_calls - before.system_calls;
        sum_up(&load);
    }
    load_close(&load);
    return rc;
}

void oc_client__load_fail(struct oc_client__load *load, const char *format, ...)
{
    va_list arguments;

    if (load->failed) {
        return;
    }
    load->failed = true;
    load->result->wrong++;
    va_start(arguments, format);
    (void)vsnprintf(load->result->why, sizeof(load->result->why), format, arguments);
    va_end(arguments);
}

static int load_open(struct oc_client__load *load, const struct oc_script *scripts)
{
    const struct oc_load_config *config = load->config;
    struct oc_io_config io_config = OC_IO_CONFIG_DEFAULT;
    int rc;

    /* Sleeps end when they should, not up to 50 us later: the open loop depends on it. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    raise_file_limit(config->connections);
    load->players = oc_arena_alloc(&load->arena, config->connections, sizeof(*load->players), 0);
    load->events = oc_arena_alloc(&load->arena, OC_IO_EVENTS_MAX, sizeof(*load->events), 0);
    load->player_of = oc_arena_alloc(&load->arena, config->connections, sizeof(*load->player_of),
                                     0);
    load->reply.level_capacity = 2 * OC_BOOK_DEPTH_MAX;
    load->reply.levels = oc_arena_alloc(&load->arena, load->reply.level_capacity,
                                        sizeof(*load->reply.levels), 0);
    load->second_latency = oc_arena_alloc(&load->arena, 1, sizeof(*load->second_latency), 0);
    if (load->players == NULL || load->events == NULL || load->player_of == NULL ||
        load->reply.levels == NULL || load->second_latency == NULL) {
        goto no_memory;
    }
    for (uint32_t i = 0; i < config->connections; i++) {
        if (oc_client__player_init(load, i, &scripts[i]) < 0) {
            goto no_memory;
        }
    }
    io_config.connections_max = config->connections;
    io_config.busy_poll_ns = config->busy_poll_ns;
    io_config.arena = &load->arena;
    load->ops = &oc_io_epoll_ops;
    rc = load->ops->open(&io_config, &load->io);
    if (rc == 0) {
        rc = load->ops->start(load->io);
    }
    if (rc < 0) {
        (void)snprintf(load->result->why, sizeof(load->result->why),
                       "the epoll backend does not start: %s", strerror(-rc));
    }
    return rc;

no_memory:
    (void)snprintf(load->result->why, sizeof(load->result->why),
                   "no memory for %" PRIu32 " connections", config->connections);
    return -ENOMEM;
}

static void load_close(struct oc_client__load *load)
{
    if (load->io != NULL) {
        load->ops->shutdown(load->io);
    }
    if (load->players != NULL) {
        for (uint32_t i = 0; i < load->config->connections; i++) {
            oc_checker_deinit(&load->players[i].checker);
        }
    }
    oc_arena_deinit(&load->arena);
}

/* A failure shows when connecting, with a clear cause. */
static void raise_file_limit(uint32_t connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < connections + 64ULL) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int connect_all(struct oc_client__load *load)
{
    const struct oc_load_config *config = load->config;
    uint32_t begun = 0;
    int rc = 0;

    load->phase = OC_CLIENT__CONNECT;
    load->last_reply_ns = oc_client__clock_ns();
    while (load->ready < config->connections && !load->failed && rc == 0) {
        while (rc == 0 && begun < config->connections && begun - load->connected < CONNECTING_MAX) {
            rc = load->ops->connect(load->io, (const struct sockaddr *)&config->address.storage,
                                    config->address.size, config->congestion, begun,
                                    &load->players[begun].conn);
            if (rc == 0) {
                load->player_of[load->players[begun].conn.index] = begun;
                begun++;
            }
        }
        if (rc < 0) {
            break;
        }
        rc = turn(load, load->last_reply_ns + config->timeout_ns);
        if (rc == 0 && load->now_ns >= load->last_reply_ns + config->timeout_ns) {
            rc = -ETIMEDOUT;
        }
    }
    if (rc == 0 && load->failed) {
        return load->connect_error < 0 ? load->connect_error : -EPROTO;
    }
    if (rc < 0 && load->result->why[0] == '\0') {
        (void)snprintf(load->result->why, sizeof(load->result->why),
                       "connection %" PRIu32 " of %" PRIu32 ": %s", load->ready + 1,
                       config->connections, strerror(-rc));
    }
    return rc;
}

/* Polls until the deadline at most, and hands the events out. */
static int turn(struct oc_client__load *load, uint64_t deadline_ns)
{
    uint64_t now_ns = oc_client__clock_ns();
    uint64_t timeout_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    int count = load->ops->poll(load->io, load->events, OC_IO_EVENTS_MAX, timeout_ns,
                                &load->now_ns);

    if (count < 0) {
        (void)snprintf(load->result->why, sizeof(load->result->why), "the epoll backend failed: %s",
                       strerror(-count));
        return count;
    }
    for (int i = 0; i < count; i++) {
        event_handle(load, &load->events[i]);
    }
    return 0;
}

static void event_handle(struct oc_client__load *load, const struct oc_io_event *event)
{
    struct oc_client__player *player;

    if (event->kind == OC_IO_WOKEN) {
        return;
    }
    player = &load->players[load->player_of[event->conn.index]];
    switch (event->kind) {
    case OC_IO_CONNECTED:
        load->connected++;
        if (event->error < 0) {
            load->connect_error = event->error;
            oc_client__load_fail(load, "connecting: %s", strerror(-event->error));
        } else {
            load->last_reply_ns = load->now_ns;
            oc_client__player_greet(load, player);
        }
        break;
    case OC_IO_RECEIVED:
        if (player->state != OC_CLIENT__GONE) {
            oc_client__player_receive(load, player, event->bytes, event->size);
        }
        break;
    case OC_IO_EOF:
    case OC_IO_CLOSED:
        player->state = OC_CLIENT__GONE;
        oc_client__load_fail(load,
                             "the venue closed the connection of user %" PRIu64 " after %" PRIu64
                             " answered requests%s%s",
                             player->user_id, player->answered, event->error < 0 ? ": " : "",
                             event->error < 0 ? strerror(-event->error) : "");
        break;
    case OC_IO_DRAINED:
        player->touched = true;
        break;
    default:
        OC_UNREACHABLE();
    }
}

/* In the closed loop only replies make room; in the open loop time itself does. */
static void pump(struct oc_client__load *load, bool all)
{
    uint64_t sent_ns = oc_client__clock_ns();

    for (uint32_t i = 0; i < load->config->connections; i++) {
        struct oc_client__player *player = &load->players[i];
        if (all || player->touched) {
            player->touched = false;
            oc_client__player_pump(load, player, sent_ns);
        }
    }
}

static void preload(struct oc_client__load *load)
{
    bool any = false;

    load->phase = OC_CLIENT__PRELOAD;
    load->window = load->config->window < PRELOAD_WINDOW ? load->config->window : PRELOAD_WINDOW;
    for (uint32_t i = 0; i < load->config->connections; i++) {
        load->players[i].limit = load->players[i].script->preload_count;
        any = any || load->players[i].limit > 0;
    }
    load->last_reply_ns = load->now_ns;
    for (bool all = true; any && !load->failed; all = false) {
        pump(load, all);
        if (load->in_flight == 0) {
            break;
        }
        if (turn(load, load->last_reply_ns + load->config->timeout_ns) < 0 ||
            load->now_ns >= load->last_reply_ns + load->config->timeout_ns) {
            break;
        }
    }
    /* What is missing here is counted at the end, like everything that is missing. */
    load->failed = load->failed || load->in_flight > 0;
}

static void run(struct oc_client__load *load)
{
    const struct oc_load_config *config = load->config;
    uint64_t share = config->request_count / config->connections;
    uint64_t rest = config->request_count % config->connections;
    uint64_t second_ns;
    bool measuring;

    load->phase = OC_CLIENT__RUN;
    load->window = config->window;
    load->start_ns = oc_client__clock_ns();
    load->now_ns = load->start_ns;
    load->measure_ns = load->start_ns + config->warmup_ns;
    load->end_ns = config->duration_ns == UINT64_MAX ? UINT64_MAX
                                                     : load->measure_ns + config->duration_ns;
    load->last_reply_ns = load->start_ns;
    load->last_measured_ns = load->measure_ns;
    for (uint32_t i = 0; i < config->connections; i++) {
        struct oc_client__player *player = &load->players[i];
        uint64_t count = player->script->round_orders > 0
                             ? UINT64_MAX
                             : player->script->request_count - player->script->preload_count;
        uint64_t wanted = config->request_count == UINT64_MAX ? UINT64_MAX : share + (i < rest);
        count = wanted < count ? wanted : count;
        player->limit = count == UINT64_MAX ? UINT64_MAX : player->script->preload_count + count;
        oc_schedule_start(&player->schedule, config->arrivals, config->rate, i, config->connections,
                          load->start_ns, config->seed);
    }
    second_ns = load->start_ns + SECOND_NS;
    measuring = false;
    for (bool all = true; !load->failed; all = config->arrivals != OC_ARRIVALS_CLOSED) {
        uint64_t deadline_ns;
        if (!measuring && load->now_ns >= load->measure_ns) {
            measuring = true;
            tell_measure(load, true);
        }
        pump(load, all);
        if (finished(load)) {
            break;
        }
        deadline_ns = next_due_ns(load);
        deadline_ns = second_ns < deadline_ns ? second_ns : deadline_ns;
        deadline_ns = load->end_ns < deadline_ns ? load->end_ns : deadline_ns;
        if (turn(load, deadline_ns) < 0) {
            load->failed = true;
            break;
        }
        for (; second_ns <= load->now_ns; second_ns += SECOND_NS) {
            tell_second(load, second_ns);
        }
    }
    if (measuring) {
        tell_measure(load, false);
    }
}

/* Waits for what is in flight, and sends what was due before the end. */
static void drain(struct oc_client__load *load)
{
    uint64_t catch_up_ns;
    bool open = load->config->arrivals != OC_ARRIVALS_CLOSED;

    load->phase = OC_CLIENT__DRAIN;
    load->now_ns = oc_client__clock_ns();
    load->end_ns = load->now_ns < load->end_ns ? load->now_ns : load->end_ns;
    catch_up_ns = load->now_ns + CATCH_UP_NS;
    while (!load->failed) {
        uint64_t deadline_ns = load->last_reply_ns + load->config->timeout_ns;
        if (open && load->now_ns < catch_up_ns) {
            pump(load, true);
        }
        if (load->in_flight == 0) {
            break;
        }
        if (turn(load, deadline_ns) < 0) {
            load->failed = true;
        }
        if (load->now_ns >= load->last_reply_ns + load->config->timeout_ns) {
            break;
        }
    }
}

/* The time is up, somebody stopped it, nobody answers any more, or everything is sent. */
static bool finished(const struct oc_client__load *load)
{
    const struct oc_load_config *config = load->config;

    if (load->now_ns >= load->end_ns || (config->stop != NULL && *config->stop != 0)) {
        return true;
    }
    if (load->in_flight > 0 && load->now_ns >= load->last_reply_ns + config->timeout_ns) {
        return true;
    }
    /* One script at its end leaves a mix that nobody asked for; the others end with it. */
    for (uint32_t i = 0; i < config->connections; i++) {
        if (oc_client__player_used_up(&load->players[i])) {
            if (config->duration_ns != UINT64_MAX) {
                load->result->used_up = true;
                return true;
            }
        } else if (config->duration_ns == UINT64_MAX) {
            return false;
        }
    }
    return config->duration_ns == UINT64_MAX;
}

static uint64_t next_due_ns(const struct oc_client__load *load)
{
    uint64_t due_ns = UINT64_MAX;

    if (load->config->arrivals == OC_ARRIVALS_CLOSED) {
        return due_ns;
    }
    for (uint32_t i = 0; i < load->config->connections; i++) {
        const struct oc_client__player *player = &load->players[i];
        /* One that is due and could not go waits for a reply, not for the time. */
        if (player->schedule.next_ns > load->now_ns && player->schedule.next_ns < due_ns) {
            due_ns = player->schedule.next_ns;
        }
    }
    return due_ns;
}

static void tell_measure(struct oc_client__load *load, bool begins)
{
    if (load->config->on_measure != NULL) {
        load->config->on_measure(load->config->on_measure_context, begins, load->result->answered);
    }
}

static void tell_second(struct oc_client__load *load, uint64_t second_ns)
{
    struct oc_load_second second = {
        .second = (double)(second_ns - load->start_ns) / 1e9,
        .warmup = second_ns <= load->measure_ns,
        .requests = load->second_requests,
        .answered = load->second_answered,
        .in_flight = load->in_flight,
        .latency = load->second_latency,
    };

    if (load->config->on_second != NULL) {
        load->config->on_second(load->config->on_second_context, &second);
    }
    load->second_requests = 0;
    load->second_answered = 0;
    oc_histogram_reset(load->second_latency);
}

static void sum_up(struct oc_client__load *load)
{
    struct oc_load_result *result = load->result;

    for (uint32_t i = 0; i < load->config->connections; i++) {
        const struct oc_client__player *player = &load->players[i];
        result->trades += player->checker.trades;
        result->books += player->checker.books;
        for (uint32_t reason = 0; reason < OC_REASON_COUNT; reason++) {
            result->reject_counts[reason] += player->checker.reject_counts[reason];
        }
        if (load->config->arrivals != OC_ARRIVALS_CLOSED && !load->failed) {
            struct oc_schedule schedule = player->schedule;
            while (schedule.next_ns < load->end_ns && player->next_request < player->limit) {
                (void)oc_schedule_take(&schedule, 0);
                result->unsent++;
            }
        }
    }
    /* After a wrong reply the run stops: what is in flight then was never waited for. */
    if (result->wrong == 0 && load->in_flight > 0) {
        result->missing = load->in_flight;
        (void)snprintf(result->why, sizeof(result->why),
                       "%" PRIu64 " requests have no (complete) reply after %.1f s",
                       load->in_flight, (double)load->config->timeout_ns / 1e9);
    }
    result->measured_ns = load->last_measured_ns - load->measure_ns;
}
