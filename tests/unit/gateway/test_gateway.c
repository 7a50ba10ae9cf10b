/*
 * Goal: sessions, frames, the tape and slow readers, without a network and without an engine.
 * Method: a fake io table records what each connection was sent; the test plays the engine: it
 * looks at the submitted commands and hands back events (support/bench.h). Fails when bytes are cut
 * wrongly, reach the wrong session, come twice or in another order, or when somebody who must go
 * stays.
 */
#include "support/bench.h"

#include <string.h>

/* --- frames --------------------------------------------------------------------------------------
 */

static void test_frames_of_every_split_become_the_same_commands(void **state)
{
    uint8_t bytes[512];
    uint32_t size = frame(bytes, CANCEL);
    size += frame(bytes + size, PING);
    size += frame(bytes + size, CANCEL);
    (void)state;
    connect_session(0, 0);
    for (uint32_t first = 0; first <= size; first++) {
        for (uint32_t second = first; second <= size; second += 3) {
            bench.command_count = 0;
            io_event(0, OC_IO_RECEIVED, bytes, first, 0);
            if (second > first) {
                io_event(0, OC_IO_RECEIVED, bytes + first, second - first, 0);
            }
            if (size > second) {
                io_event(0, OC_IO_RECEIVED, bytes + second, size - second, 0);
            }
            assert_int_equal(bench.command_count, 3);
            expect_command(0, OC_COMMAND_CANCEL, 0);
            expect_command(1, OC_COMMAND_PING, 0);
            expect_command(2, OC_COMMAND_CANCEL, 0);
            assert_int_equal(bench.commands[2].cancel.order_id, 7);
        }
    }
}

static void test_a_frame_byte_by_byte_through_both_buffer_sizes(void **state)
{
    static uint8_t bytes[OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX];
    uint32_t size = OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX;
    (void)state;
    connect_session(0, 0);
    memset(bytes, ' ', sizeof bytes);
    bytes[0] = 0;
    bytes[1] = 1;
    bytes[2] = 0;
    bytes[3] = 0;
    memcpy(bytes + size - (sizeof CANCEL - 1), CANCEL, sizeof CANCEL - 1);
    for (int round = 0; round < 2; round++) { /* the large slot must come back */
        bench.command_count = 0;
        for (uint32_t i = 0; i < size; i++) {
            io_event(0, OC_IO_RECEIVED, bytes + i, 1, 0);
        }
        assert_int_equal(bench.command_count, 1);
        expect_command(0, OC_COMMAND_CANCEL, 0);
    }
}

static void test_bad_lengths_are_refused_and_end_the_session(void **state)
{
    static const uint8_t BAD[2][5] = {{0, 0, 0, 0, 'x'}, {0, 1, 0, 1, 'x'}};
    uint8_t bytes[128];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        bool in_pieces = i >= 2;
        bench.command_count = 0;
        connect_session(i, 0);
        memcpy(bytes + size, BAD[i % 2], 5);
        if (in_pieces) {
            for (uint32_t at = 0; at < size + 5; at++) {
                io_event(i, OC_IO_RECEIVED, bytes + at, 1, 0);
            }
        } else {
            io_event(i, OC_IO_RECEIVED, bytes, size + 5, 0);
        }
        io_event(i, OC_IO_RECEIVED, bytes, size, 0); /* means nothing any more */
        assert_int_equal(bench.command_count, 4);
        expect_command(0, OC_COMMAND_SESSION_OPEN, i);
        expect_command(1, OC_COMMAND_CANCEL, i);
        expect_command(2, OC_COMMAND_REFUSED, i);
        assert_int_equal(bench.commands[2].refused.reason, OC_REASON_BAD_FRAME_LENGTH);
        expect_command(3, OC_COMMAND_SESSION_CLOSE, i);
        assert_int_equal(bench.notices[i], OC_GATEWAY_BAD_STREAM);
    }
}

static void test_large_frames_beyond_the_limit_are_refused(void **state)
{
    uint8_t bytes[2000] = {0, 0, 0x10, 0x00};
    (void)state;
    memset(bytes + 4, ' ', sizeof bytes - 4);
    connect_session(0, 0);
    connect_session(1, 0);
    io_event(0, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    bench.command_count = 0;
    io_event(1, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    assert_int_equal(bench.command_count, 2);
    expect_command(0, OC_COMMAND_REFUSED, 1);
    assert_int_equal(bench.commands[0].refused.reason, OC_REASON_TOO_MANY_LARGE_FRAMES);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 1);
    /* The slot is free again once its session is gone. */
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    connect_session(2, 0);
    bench.command_count = 0;
    io_event(2, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    assert_int_equal(bench.command_count, 0);
}

static void test_eof_within_a_frame_is_told(void **state)
{
    uint8_t bytes[128];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_RECEIVED, bytes, size - 1, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    assert_int_equal(bench.command_count, 3);
    expect_command(1, OC_COMMAND_REFUSED, 0);
    assert_int_equal(bench.commands[1].refused.reason, OC_REASON_INCOMPLETE_FRAME);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
}

/* --- the life of a session -----------------------------------------------------------------------
 */

static void test_eof_is_answered_then_flushed(void **state)
{
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 0);
    assert_false(fake.conns[0].closed);
    give_pong(0, 5); /* the reply of a request before the EOF */
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0);
    assert_true(fake.conns[0].closed);
    assert_int_equal(fake.conns[0].mode, OC_IO_CLOSE_FLUSH);
    expect_sent(0, "p5");
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 2);
}

static void test_a_reset_is_told_once_and_late_events_reach_nobody(void **state)
{
    struct oc_io_event again = {.kind = OC_IO_ACCEPTED, .conn = {.index = 0, .generation = 2}};
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 2);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 0);
    oc_gateway_on_io(bench.gateway, &again); /* the slot carries the next client already */
    give_pong(0, 5);
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0);
    expect_sent(0, "");
    assert_false(fake.conns[0].closed);
}

static void test_close_all_asks_every_open_session(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(3, 0);
    bench.command_count = 0;
    oc_gateway_close_all(bench.gateway);
    assert_int_equal(bench.command_count, 2);
    expect_command(0, OC_COMMAND_SESSION_CLOSE, 0);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 3);
}

/* --- the tape
 * -------------------------------------------------------------------------------------- */

static void test_everyone_sees_one_order_of_events(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    connect_session(2, 1);
    give_trade(1, id_of(0), id_of(1));
    give_confirmed(0, 11, 77);
    give_trade(2, id_of(0), id_of(0));
    give_pong(1, 5);
    give_confirmed(2, 12, 78);
    give_trade(3, id_of(5), id_of(6));
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 C11 t2 t3");
    expect_sent(1, "t1 t2 p5 t3");
    expect_sent(2, "t1 c11 t2 C12 t3");
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 C11 t2 t3");
}

static void test_trades_off_shows_own_trades_once(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 1);
    give_trade(1, 0, 0);
    give_settings(0, OC_EVENT_SESSION, 0);
    give_settings(1, OC_EVENT_SESSION, 0);
    give_trade(2, id_of(4), id_of(5));
    give_trade(3, id_of(0), id_of(0));
    give_confirmed(3, 11, 1);
    give_trade(4, id_of(5), id_of(1));
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 ? t3");
    expect_sent(1, "t1 ? c11 t4"); /* confirmations=all stays */
    give_settings(0, OC_EVENT_SESSION, OC_SETTING_TRADES);
    give_trade(5, 0, 0);
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 ? t3 ? t5");
}

static void test_listeners_come_and_go_in_any_order(void **state)
{
    (void)state;
    give_instrument();
    for (uint32_t i = 0; i < 4; i++) {
        connect_session(i, 0);
    }
    give_trade(1, 0, 0);
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0); /* the first of the list */
    give_trade(2, 0, 0);
    give_settings(3, OC_EVENT_SESSION_CLOSED, 0); /* the last, which took its place */
    give_trade(3, 0, 0);
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    give_trade(4, 0, 0);
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1");
    expect_sent(1, "");
    expect_sent(2, "t1 t2 t3 t4");
    expect_sent(3, "t1 t2");
}

static void test_a_tape_of_many_chunks_reaches_all(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    for (uint32_t turn_trade = 0; turn_trade < 1000; turn_trade++) {
        give_trade(turn_trade + 1, 0, 0);
    }
    oc_gateway_flush(bench.gateway);
    assert_int_equal(fake.conns[0].sent_size, fake.conns[1].sent_size);
    assert_memory_equal(fake.conns[0].sent, fake.conns[1].sent, fake.conns[0].sent_size);
    assert_true(fake.conns[0].sent_size > 1000 * 150);
    assert_true(fake.shared_sends < 200); /* runs, not single trades */
}

/* --- who has to go
 * ----------------------------------------------------------------------------------- */

static void test_a_slow_reader_goes_and_the_others_stay(void **state)
{
    struct oc_gateway_stats stats;
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    fake.conns[0].reads = false;
    for (uint32_t i = 0; i < 60; i++) {
        give_trade(i + 1, 0, 0);
        oc_gateway_flush(bench.gateway);
    }
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.slow_readers, 1);
    assert_int_equal(bench.notice_count, 1);
    assert_int_equal(bench.notices[0], OC_GATEWAY_SLOW_READER);
    assert_true(fake.conns[0].closed);
    assert_int_equal(fake.conns[0].mode, OC_IO_CLOSE_ABORT);
    assert_false(fake.conns[1].closed);
    /* Its end is sequenced when the connection is gone: cancel-on-disconnect follows. */
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    expect_command(bench.command_count - 1, OC_COMMAND_SESSION_CLOSE, 0);
}

static void test_a_session_that_breaks_gets_no_further_share_of_the_turn(void **state)
{
    uint8_t bytes[512];
    uint32_t size = frame(bytes, PING);
    (void)state;
    size += frame(bytes + size, PING);
    size += frame(bytes + size, PING);
    size += frame(bytes + size, CANCEL);
    connect_session(0, 0);
    fake.conns[0].reads = false;
    bench.command_count = 0;
    bench.pongs = OUT_BYTES_MAX / 40; /* the second answer is too much */
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    assert_int_equal(bench.command_count, 2);
    assert_int_equal(bench.notices[0], OC_GATEWAY_SLOW_READER);
}

static void test_out_of_chunks_the_one_who_owes_most_goes(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(1, 0);
    connect_session(2, 0);
    fake.conns[1].reads = false;
    give_pong(1, 1);
    give_pong(1, 2);
    fake.chunks_left = 0;
    give_pong(0, 3);
    assert_true(fake.conns[1].closed);
    expect_sent(0, "p3");
    assert_int_equal(bench.notices[0], OC_GATEWAY_OUT_OF_CHUNKS);
    assert_false(fake.conns[0].closed);
    assert_false(fake.conns[2].closed);
}

static void test_when_nobody_owes_the_session_goes_instead_of_a_silent_drop(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(1, 0);
    fake.chunks_left = 0;
    give_pong(0, 3);
    assert_true(fake.conns[0].closed);
    assert_int_equal(bench.notices[0], OC_GATEWAY_OUT_OF_CHUNKS);
    assert_false(fake.conns[1].closed);
}

static void test_without_any_chunk_the_tape_still_reaches_who_can_take_it(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    fake.chunks_left = 1;
    for (uint32_t i = 0; i < CHUNKS; i++) { /* all taken, but sends are still accepted */
        fake.chunk_references[i] = 2;
    }
    for (uint32_t i = 0; i < 50; i++) {
        give_trade(i + 1, 0, 0);
    }
    oc_gateway_flush(bench.gateway);
    memset(fake.chunk_references, 0, sizeof fake.chunk_references);
    assert_false(fake.conns[0].closed);
    assert_int_equal(fake.shared_sends, 0);
    assert_true(fake.conns[0].sent_size > 50 * 150);
}

int main(void)
{
#define BENCH_TEST(function) \
    cmocka_unit_test_setup_teardown(function, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_frames_of_every_split_become_the_same_commands),
        BENCH_TEST(test_a_frame_byte_by_byte_through_both_buffer_sizes),
        BENCH_TEST(test_bad_lengths_are_refused_and_end_the_session),
        BENCH_TEST(test_large_frames_beyond_the_limit_are_refused),
        BENCH_TEST(test_eof_within_a_frame_is_told),
        BENCH_TEST(test_eof_is_answered_then_flushed),
        BENCH_TEST(test_a_reset_is_told_once_and_late_events_reach_nobody),
        BENCH_TEST(test_close_all_asks_every_open_session),
        BENCH_TEST(test_everyone_sees_one_order_of_events),
        BENCH_TEST(test_trades_off_shows_own_trades_once),
        BENCH_TEST(test_listeners_come_and_go_in_any_order),
        BENCH_TEST(test_a_tape_of_many_chunks_reaches_all),
        BENCH_TEST(test_a_slow_reader_goes_and_the_others_stay),
        BENCH_TEST(test_a_session_that_breaks_gets_no_further_share_of_the_turn),
        BENCH_TEST(test_out_of_chunks_the_one_who_owes_most_goes),
        BENCH_TEST(test_when_nobody_owes_the_session_goes_instead_of_a_silent_drop),
        BENCH_TEST(test_without_any_chunk_the_tape_still_reaches_who_can_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
