/*
 * Goal: between threads nothing is dropped, doubled or reordered, however small the rings are, and
 * what the engine did is what its sequenced commands say.
 * Method: 16 sessions send 400 requests each without waiting, through rings of 4 commands and a log
 * of 64 events; some requests tell three times as many events as the log holds. Every session's
 * replies must name its requests in order; the commands, as they were stamped, are then applied to
 * a second engine on one thread. Fails when a reply is missing or out of line, when the hashes
 * differ, when time or sequence jump, when no pressure arose, or when it hangs.
 */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bench.h"

#define SESSIONS     16
#define REQUESTS     400
#define COMMANDS_MAX (SESSIONS * (REQUESTS + 8))
#define OUT_BYTES    (REQUESTS * 200)
#define IN_BYTES     (1 << 16)

struct session {
    int fd;
    char *out;
    size_t out_size;
    size_t sent;
    uint8_t *in;
    size_t in_size;
    unsigned answered; /* the request_id of the last direct reply */
};

static struct session sessions[SESSIONS];

/* Written on the engine's thread. */
static struct oc_command commands[COMMANDS_MAX];
static uint32_t command_count;

static void record(void *context, const struct oc_command *command)
{
    (void)context;
    if (command_count < COMMANDS_MAX) {
        commands[command_count] = *command;
    }
    command_count++;
}

static void append(struct session *session, const char *json)
{
    size_t size = strlen(json);
    char *out = session->out + session->out_size;
    assert_true(session->out_size + size + 4 <= OUT_BYTES);
    out[0] = 0;
    out[1] = 0;
    out[2] = (char)(size >> 8);
    out[3] = (char)size;
    memcpy(out + 4, json, size);
    session->out_size += size + 4;
}

/*
 * Mostly orders that rest at the session's own user and symbol, some that trade with other
 * sessions on a common symbol; every 200th request takes all of the user's orders away.
 */
static void append_request(struct session *session, unsigned number, unsigned request)
{
    char json[200];
    if (request % 200 == 0) {
        (void)snprintf(json, sizeof json, "{\"user_id\":%u,\"mass_cancel\":true,\"request_id\":%u}",
                       number, request);
    } else if (request % 7 == 0) {
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"symbol\":\"ALL\",\"order_type\":\"%s\",\"price\":50,"
                       "\"quantity\":%u,\"time_in_force\":\"IOC\",\"request_id\":%u}",
                       number, number % 2 == 0 ? "Buy" : "Sell", 1 + request % 3, request);
    } else if (request % 5 == 0) {
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"symbol\":\"ALL\",\"order_type\":\"%s\",\"price\":%u,"
                       "\"quantity\":3,\"request_id\":%u}",
                       number, number % 2 == 0 ? "Buy" : "Sell", number % 2 == 0 ? 49 : 51,
                       request);
    } else {
        (void)snprintf(json, sizeof json,
                       "{\"user_id\":%u,\"symbol\":\"S%u\",\"order_type\":\"Sell\",\"price\":%u,"
                       "\"quantity\":1,\"request_id\":%u}",
                       number, number, 100 + request, request);
    }
    append(session, json);
}

static void open_session(struct session *session, const struct bench_server *bench, unsigned number)
{
    *session = (struct session){
        .fd = bench_connect(bench), .out = malloc(OUT_BYTES), .in = malloc(IN_BYTES)};
    assert_non_null(session->out);
    assert_non_null(session->in);
    append(session, "{\"session\":{\"trades\":\"off\"}}");
    for (unsigned request = 1; request <= REQUESTS; request++) {
        append_request(session, number, request);
    }
    assert_int_equal(fcntl(session->fd, F_SETFL, O_NONBLOCK), 0);
}

static void close_session(struct session *session)
{
    (void)close(session->fd);
    free(session->out);
    free(session->in);
}

/* An order that fills at once is answered by its trades alone, which carry no request_id. */
static bool may_be_silent(unsigned request)
{
    return request % 200 != 0 && (request % 7 == 0 || request % 5 == 0);
}

static void take_reply(struct session *session, const char *text, size_t size)
{
    static const char MEMBER[] = "\"request_id\":";
    static const char PART[] = "\"reason\":\"mass_cancel\"";
    const char *found = memmem(text, size, MEMBER, sizeof MEMBER - 1);
    unsigned request;
    if (found == NULL) {
        return;
    }
    request = (unsigned)strtoul(found + sizeof MEMBER - 1, NULL, 10);
    for (unsigned next = session->answered + 1; next < request; next++) {
        if (!may_be_silent(next)) {
            fail_msg("%.*s comes instead of the answer to %u", (int)size, text, next);
        }
    }
    if (request <= session->answered) {
        fail_msg("%.*s comes after the answer to %u", (int)size, text, session->answered);
    }
    if (memmem(text, size, PART, sizeof PART - 1) == NULL) {
        session->answered = request; /* of a mass cancel: the last frame of many */
    }
}

static void receive_some(struct session *session)
{
    ssize_t rc = recv(session->fd, session->in + session->in_size, IN_BYTES - session->in_size, 0);
    size_t taken = 0;
    if (rc < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    assert_true(rc > 0);
    session->in_size += (size_t)rc;
    while (session->in_size - taken >= 4) {
        const uint8_t *frame = session->in + taken;
        size_t size = (size_t)frame[2] << 8 | frame[3];
        if (session->in_size - taken < size + 4) {
            break;
        }
        take_reply(session, (const char *)frame + 4, size);
        taken += size + 4;
    }
    session->in_size -= taken;
    memmove(session->in, session->in + taken, session->in_size);
}

static void send_some(struct session *session)
{
    ssize_t rc = send(session->fd, session->out + session->sent, session->out_size - session->sent,
                      MSG_NOSIGNAL);
    if (rc > 0) {
        session->sent += (size_t)rc;
    } else {
        assert_true(errno == EAGAIN || errno == EINTR);
    }
}

static void play(void)
{
    for (;;) {
        struct pollfd waits[SESSIONS];
        bool done = true;
        for (int i = 0; i < SESSIONS; i++) {
            waits[i] = (struct pollfd){.fd = sessions[i].fd, .events = POLLIN};
            waits[i].events |= sessions[i].sent < sessions[i].out_size ? POLLOUT : 0;
            done = done && sessions[i].answered == REQUESTS;
        }
        if (done) {
            return;
        }
        assert_true(poll(waits, SESSIONS, 20000) > 0);
        for (int i = 0; i < SESSIONS; i++) {
            if (waits[i].revents & POLLOUT) {
                send_some(&sessions[i]);
            }
            if (waits[i].revents & (POLLIN | POLLHUP | POLLERR)) {
                receive_some(&sessions[i]);
            }
        }
    }
}

/* The hash of an engine that is given the same commands by one thread. */
static uint64_t replay(const struct oc_server_config *config)
{
    struct oc_engine_config engine_config = {.limits = config->limits,
                                             .instruments_on_first_use = true};
    _Alignas(OC_CACHE_LINE_BYTES) struct oc_event_log log;
    struct oc_arena arena;
    struct oc_engine *engine;
    uint64_t hash;
    oc_arena_init(&arena);
    engine_config.limits.sessions_max *= 2; /* slots of several threads leave gaps */
    assert_int_equal(oc_event_log_init(&log, &arena, 1024), 0);
    engine = oc_engine_create(&arena, &engine_config, &log);
    assert_non_null(engine);
    for (uint32_t i = 0; i < command_count; i++) {
        enum oc_apply more;
        assert_int_equal(commands[i].sequence, i + 1);
        assert_true(i == 0 || commands[i].time_ns >= commands[i - 1].time_ns);
        more = oc_engine_apply(engine, &commands[i]);
        while (more == OC_MORE) {
            more = oc_engine_continue(engine);
        }
    }
    hash = oc_engine_state_hash(engine);
    oc_arena_deinit(&arena);
    return hash;
}

static int press(const struct bench_mode *mode)
{
    struct bench_server bench = {0};
    struct oc_server_config config = bench_config(mode);
    struct oc_server_thread_stats threads;
    struct oc_gateway_stats gateway;
    if (mode->engine == OC_SERVER_INLINE) {
        return 0;
    }
    command_count = 0;
    config.command_ring_capacity = 4;
    config.event_log_capacity = 64;
    config.observer.command = record;
    config.utc_ns = NULL;
    bench_start(&bench, &config);
    for (unsigned i = 0; i < SESSIONS; i++) {
        open_session(&sessions[i], &bench, i + 1);
    }
    play();
    for (unsigned i = 0; i < SESSIONS; i++) {
        close_session(&sessions[i]);
    }
    bench_join(&bench);
    oc_server_thread_stats_read(bench.server, &threads);
    oc_server_stats_read(bench.server, NULL, &gateway, NULL);
    (void)printf("%s: %u commands, %llu found the ring full, %llu waits for the log, %llu holds\n",
                 mode->name, command_count, (unsigned long long)threads.commands_held,
                 (unsigned long long)threads.room_waits, (unsigned long long)gateway.holds);
    assert_in_range(command_count, SESSIONS * (REQUESTS + 3), COMMANDS_MAX);
    assert_true(threads.commands_held > 0);
    assert_true(threads.room_waits > 0);
    assert_true(gateway.holds > 0);
    assert_int_equal(gateway.sessions, 0);
    assert_int_equal(gateway.slow_readers + gateway.out_of_chunks, 0);
    assert_true(replay(&config) == oc_server_state_hash(bench.server));
    bench_close(&bench);
    return 0;
}

static void test_rings_of_four_lose_nothing(void **state)
{
    (void)state;
    assert_int_equal(bench_for_each_mode(press), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_of_four_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
