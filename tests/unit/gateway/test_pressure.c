/*
 * Goal: when the engine has no room, nothing is lost, doubled or reordered, nobody who waits is
 * asked about again and again, and everything goes on when there is room.
 * Method: a fake engine with as much room as the test gives; the io table keeps what went back to
 * it. Beside single cases, random streams of several sessions in random pieces with random room,
 * whose commands must come out as they were sent. Fails when a command is missing, comes twice or
 * out of order, when a session stays held or paused, or when the engine is asked in vain.
 */
#include "support/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"

#define STREAM_BYTES_MAX 65536U
#define ROUNDS           400U

static uint32_t cancel_frame(uint8_t *out, uint64_t order_id)
{
    char text[64];
    (void)snprintf(text, sizeof text, "{\"user_id\":1,\"order_id\":%llu}",
                   (unsigned long long)order_id);
    return frame(out, text);
}

static void resume_with(uint32_t room)
{
    bench.room = room;
    oc_gateway_resume(bench.gateway);
}

static void expect_held(uint32_t count)
{
    assert_int_equal(oc_gateway_held_count(bench.gateway), count);
}

static void test_what_finds_no_room_comes_later_in_order(void **state)
{
    uint8_t bytes[512];
    uint32_t size = 0;
    (void)state;
    connect_session(0, 0);
    for (uint64_t id = 1; id <= 5; id++) {
        size += cancel_frame(bytes + size, id);
    }
    bench.room = 2;
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    assert_int_equal(bench.command_count, 3);
    assert_true(fake.conns[0].paused);
    expect_held(1);
    next_turn(0); /* paused: nothing is told again */
    assert_int_equal(bench.command_count, 3);
    resume_with(2);
    expect_held(0);
    assert_false(fake.conns[0].paused);
    next_turn(0);
    assert_int_equal(bench.command_count, 5);
    resume_with(UINT32_MAX);
    next_turn(0);
    assert_int_equal(bench.command_count, 6);
    for (uint32_t i = 1; i < 6; i++) {
        expect_command(i, OC_COMMAND_CANCEL, 0);
        assert_int_equal(bench.commands[i].cancel.order_id, i);
    }
    assert_int_equal(fake.conns[0].back_size, 0);
}

static void test_a_frame_in_pieces_waits_where_it_is(void **state)
{
    uint8_t bytes[128];
    uint32_t size = cancel_frame(bytes, 1);
    (void)state;
    connect_session(0, 0);
    bench.room = 0;
    io_event(0, OC_IO_RECEIVED, bytes, 9, 0);
    io_event(0, OC_IO_RECEIVED, bytes + 9, size - 9, 0);
    assert_int_equal(bench.command_count, 1);
    assert_int_equal(fake.conns[0].back_size, 0);
    expect_held(1);
    io_event(0, OC_IO_EOF, NULL, 0, 0); /* of the same batch, with nothing to stand behind */
    resume_with(1);
    expect_held(1);
    assert_int_equal(bench.command_count, 2);
    expect_command(1, OC_COMMAND_CANCEL, 0);
    resume_with(1);
    expect_held(0);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
}

static void test_an_eof_behind_bytes_that_went_back_is_told_again(void **state)
{
    uint8_t bytes[128];
    uint32_t size = cancel_frame(bytes, 1);
    (void)state;
    connect_session(0, 0);
    bench.room = 0;
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    resume_with(UINT32_MAX);
    assert_int_equal(bench.command_count, 1);
    next_turn(0);
    assert_int_equal(bench.command_count, 3);
    expect_command(1, OC_COMMAND_CANCEL, 0);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
}

static void test_a_refused_stream_is_told_why_once_there_is_room(void **state)
{
    static const uint8_t BAD[5] = {0, 0, 0, 0, 'x'};
    (void)state;
    connect_session(0, 0);
    bench.room = 0;
    io_event(0, OC_IO_RECEIVED, BAD, sizeof BAD, 0);
    io_event(0, OC_IO_RECEIVED, BAD, sizeof BAD, 0); /* means nothing any more */
    assert_int_equal(bench.notice_count, 1);
    resume_with(1);
    expect_command(1, OC_COMMAND_REFUSED, 0);
    assert_int_equal(bench.commands[1].refused.reason, OC_REASON_BAD_FRAME_LENGTH);
    expect_held(1);
    resume_with(1);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
    expect_held(0);
}

static void test_nobody_asks_while_there_is_no_room(void **state)
{
    uint8_t bytes[128];
    uint32_t size = cancel_frame(bytes, 1);
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        connect_session(i, 0);
    }
    bench.room = 0;
    bench.asked = 0;
    for (uint32_t i = 0; i < 4; i++) {
        io_event(i, OC_IO_RECEIVED, bytes, size, 0);
        io_event(i, OC_IO_RECEIVED, bytes, size, 0);
    }
    assert_int_equal(bench.asked, 1);
    expect_held(4);
    oc_gateway_resume(bench.gateway); /* nothing of them was pending but their bytes */
    expect_held(0);
    assert_int_equal(bench.asked, 1);
}

static void test_who_was_held_first_goes_first(void **state)
{
    static const uint32_t ORDER[] = {2, 0, 3, 1};
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        connect_session(i, 0);
    }
    bench.room = 0;
    bench.command_count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        io_event(ORDER[i], OC_IO_EOF, NULL, 0, 0);
    }
    expect_held(4);
    io_event(3, OC_IO_CLOSED, NULL, 0, 0); /* out of the middle of the list: a close by its id */
    expect_held(4);
    for (uint32_t i = 0; i < 4; i++) {
        resume_with(1);
    }
    expect_held(0);
    expect_command(0, OC_COMMAND_SESSION_CLOSE, 3);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 2);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
    expect_command(3, OC_COMMAND_SESSION_CLOSE, 1);
}

static void test_a_session_that_never_opened_is_never_told(void **state)
{
    uint8_t bytes[128];
    uint32_t size = cancel_frame(bytes, 1);
    (void)state;
    bench.room = 0;
    connect_session(0, 0);
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    expect_held(0);
    resume_with(UINT32_MAX);
    assert_int_equal(bench.command_count, 0);
}

static void test_the_end_of_a_session_comes_before_the_next_in_its_slot(void **state)
{
    struct oc_gateway_stats stats;
    (void)state;
    connect_session(0, 0);
    connect_session(1, 0);
    bench.room = 0;
    bench.command_count = 0;
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    for (uint32_t generation = 2; generation < 2000; generation++) { /* more than the queue holds */
        fake.conns[1].generation = generation;
        connect_session(1, 0);
        io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    }
    fake.conns[1].generation = 2000;
    connect_session(1, 0);
    expect_held(2);
    resume_with(1);
    assert_int_equal(bench.command_count, 1);
    assert_int_equal(bench.commands[0].kind, OC_COMMAND_SESSION_CLOSE);
    assert_true(bench.commands[0].session == oc_session_make(1, 1));
    resume_with(1);
    expect_command(1, OC_COMMAND_SESSION_OPEN, 1);
    expect_held(0);
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.orphaned_closes, 1);
    assert_int_equal(stats.sessions, 2);
}

/* The queue of ends goes round its ring many times. */
static void test_all_sessions_may_end_without_room(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < CONNECTIONS; i++) {
            fake.conns[i].generation = round + 1;
            connect_session(i, 0);
        }
        bench.room = 0;
        bench.command_count = 0;
        for (uint32_t i = 0; i < CONNECTIONS; i++) {
            io_event(i, OC_IO_CLOSED, NULL, 0, 0);
        }
        expect_held(CONNECTIONS);
        resume_with(3);
        expect_held(CONNECTIONS - 3);
        resume_with(UINT32_MAX);
        expect_held(0);
        assert_int_equal(bench.command_count, CONNECTIONS);
        for (uint32_t i = 0; i < CONNECTIONS; i++) {
            expect_command(i, OC_COMMAND_SESSION_CLOSE, i);
        }
    }
}

static void test_a_share_of_a_turn(void **state)
{
    uint8_t bytes[512];
    uint32_t size = 0;
    struct oc_gateway_stats stats;
    (void)state;
    bench_limit(&(struct oc_session_limits){.frames_per_turn = 2});
    connect_session(0, 0);
    connect_session(1, 0);
    bench.command_count = 0;
    for (uint64_t id = 1; id <= 5; id++) {
        size += cancel_frame(bytes + size, id);
    }
    io_event(0, OC_IO_RECEIVED, bytes, size - 10, 0);
    io_event(0, OC_IO_RECEIVED, bytes + size - 10, 10, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    io_event(1, OC_IO_RECEIVED, bytes, size / 5, 0);
    assert_int_equal(bench.command_count, 3);
    expect_command(2, OC_COMMAND_CANCEL, 1); /* the other one has its turn in between */
    assert_false(fake.conns[0].paused);
    expect_held(0);
    next_turn(0);
    assert_int_equal(bench.command_count, 5);
    next_turn(0);
    assert_int_equal(bench.command_count, 7);
    expect_command(6, OC_COMMAND_SESSION_CLOSE, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bench.commands[i + 3].cancel.order_id, i + 3);
    }
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_true(stats.quota_uses >= 2);
    assert_int_equal(stats.holds, 0);
}

static void test_a_session_alone_has_longer_turns(void **state)
{
    uint8_t bytes[2048];
    uint32_t size = 0;
    (void)state;
    bench_limit(&(struct oc_session_limits){.frames_per_turn = 2});
    connect_session(0, 0);
    connect_session(1, 0);
    for (uint64_t id = 1; id <= 3 * OC_GATEWAY_SHARE_ALONE; id++) {
        size += cancel_frame(bytes + size, id);
    }
    io_event(1, OC_IO_RECEIVED, PING, 1, 0);
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    bench.command_count = 0;
    next_turn(OC_GATEWAY_SHARED_NS - 1);
    assert_int_equal(bench.command_count, 2);
    next_turn(1);
    assert_int_equal(bench.command_count, 2 + 2 * OC_GATEWAY_SHARE_ALONE);
    io_event(1, OC_IO_RECEIVED, PING, 1, 0); /* somebody else again */
    next_turn(0);
    assert_int_equal(bench.command_count, 4 + 2 * OC_GATEWAY_SHARE_ALONE);
}

static void test_close_all_takes_first_what_waits(void **state)
{
    uint8_t bytes[512];
    uint32_t size = 0;
    (void)state;
    bench_limit(&(struct oc_session_limits){.frames_per_turn = 1});
    for (uint32_t i = 0; i < 3; i++) {
        connect_session(i, 0);
    }
    for (uint64_t id = 1; id <= 3; id++) {
        size += cancel_frame(bytes + size, id);
    }
    bench.command_count = 0;
    io_event(0, OC_IO_RECEIVED, bytes, size, 0); /* two go back for their turns */
    bench.room = 0;
    io_event(1, OC_IO_RECEIVED, bytes, size / 3, 0); /* goes back for want of room */
    bench.room = UINT32_MAX;
    oc_gateway_close_all(bench.gateway);
    resume_with(UINT32_MAX);
    for (int turn = 0; turn < 3; turn++) {
        next_turn(0);
    }
    assert_int_equal(bench.command_count, 7);
    expect_command(0, OC_COMMAND_CANCEL, 0);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 2);
    expect_command(2, OC_COMMAND_CANCEL, 0);
    expect_command(3, OC_COMMAND_CANCEL, 1);
    expect_command(4, OC_COMMAND_SESSION_CLOSE, 1);
    expect_command(5, OC_COMMAND_CANCEL, 0);
    expect_command(6, OC_COMMAND_SESSION_CLOSE, 0);
}

/* --- random streams ------------------------------------------------------------------------ */

static struct {
    struct oc_random random;
    uint8_t bytes[CONNECTIONS][STREAM_BYTES_MAX];
    uint32_t size[CONNECTIONS];
    uint32_t sent[CONNECTIONS];
    uint64_t frames[CONNECTIONS];
    bool ended[CONNECTIONS];
} streams;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)oc_random_below(&streams.random, bound);
}

static void draw_streams(void)
{
    memset(streams.size, 0, sizeof streams.size);
    memset(streams.sent, 0, sizeof streams.sent);
    memset(streams.ended, 0, sizeof streams.ended);
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        streams.frames[i] = below(60);
        for (uint64_t id = 1; id <= streams.frames[i]; id++) {
            streams.size[i] += cancel_frame(streams.bytes[i] + streams.size[i], id);
        }
        connect_session(i, 0);
    }
}

/* One batch: each connection that is not paused gets some pieces, behind what went back. */
static void send_pieces(void)
{
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct fake_conn *conn = &fake.conns[i];
        for (uint32_t piece = below(3); piece > 0 && !conn->paused && !streams.ended[i]; piece--) {
            uint32_t left = streams.size[i] - streams.sent[i];
            uint32_t size = 1 + below(below(2) == 0 ? 8 : 200);
            if (left == 0) {
                streams.ended[i] = true;
                io_event(i, OC_IO_EOF, NULL, 0, 0);
                break;
            }
            size = size < left ? size : left;
            io_event(i, OC_IO_RECEIVED, streams.bytes[i] + streams.sent[i], size, 0);
            streams.sent[i] += size;
        }
    }
}

static void check_commands(void)
{
    uint64_t seen[CONNECTIONS] = {0};
    bool closed[CONNECTIONS] = {false};
    for (uint32_t i = 0; i < bench.command_count; i++) {
        const struct oc_command *command = &bench.commands[i];
        uint32_t index = oc_session_slot(command->session);
        if (command->kind == OC_COMMAND_SESSION_OPEN) {
            assert_true(seen[index] == 0);
        } else if (command->kind == OC_COMMAND_SESSION_CLOSE) {
            closed[index] = true;
        } else {
            assert_int_equal(command->kind, OC_COMMAND_CANCEL);
            assert_true(command->cancel.order_id == ++seen[index]);
        }
        assert_true(!closed[index] || command->kind == OC_COMMAND_SESSION_CLOSE);
    }
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        assert_true(closed[i]);
        assert_true(seen[i] == streams.frames[i]);
    }
}

static void test_random_streams_come_out_as_they_were_sent(void **state)
{
    const char *text = getenv("SEED");
    uint64_t first = text != NULL ? strtoull(text, NULL, 10) : 1;
    uint64_t holds = 0;
    for (uint64_t seed = first; seed < first + (text != NULL ? 1 : 40); seed++) {
        struct oc_gateway_stats stats;
        uint32_t round = 0;
        print_message("SEED=%llu\n", (unsigned long long)seed);
        oc_random_init(&streams.random, seed);
        (void)bench_tear_down(state);
        (void)bench_set_up(state);
        bench_limit(&(struct oc_session_limits){.frames_per_turn = below(3)});
        bench.room = below(4);
        draw_streams();
        for (; bench.command_count < COMMANDS_MAX && round < ROUNDS; round++) {
            next_turn(0);
            send_pieces();
            if (below(3) > 0) {
                resume_with(below(12));
            }
        }
        for (round = 0; round < ROUNDS; round++) {
            resume_with(UINT32_MAX);
            next_turn(0);
            send_pieces();
        }
        expect_held(0);
        check_commands();
        oc_gateway_stats_read(bench.gateway, &stats);
        holds += stats.holds;
    }
    assert_true(text != NULL || holds > 1000);
}

int main(void)
{
#define BENCH_TEST(function) \
    cmocka_unit_test_setup_teardown(function, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_what_finds_no_room_comes_later_in_order),
        BENCH_TEST(test_a_frame_in_pieces_waits_where_it_is),
        BENCH_TEST(test_an_eof_behind_bytes_that_went_back_is_told_again),
        BENCH_TEST(test_a_refused_stream_is_told_why_once_there_is_room),
        BENCH_TEST(test_nobody_asks_while_there_is_no_room),
        BENCH_TEST(test_who_was_held_first_goes_first),
        BENCH_TEST(test_a_session_that_never_opened_is_never_told),
        BENCH_TEST(test_the_end_of_a_session_comes_before_the_next_in_its_slot),
        BENCH_TEST(test_all_sessions_may_end_without_room),
        BENCH_TEST(test_a_share_of_a_turn),
        BENCH_TEST(test_a_session_alone_has_longer_turns),
        BENCH_TEST(test_close_all_takes_first_what_waits),
        BENCH_TEST(test_random_streams_come_out_as_they_were_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
