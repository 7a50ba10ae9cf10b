/*
 * Goal: what a session or an address may take, to the nanosecond and the request; and sessions of
 * several gateways beside each other.
 * Method: time is what the test says at the beginning of a turn; the fake engine records the
 * commands. Fails when a limit comes too early, too late or twice, hits who must be exempt, tells
 * the wrong reason, when a timer is left behind, or when an event reaches another's session.
 */
#include "support/bench.h"

#include <stdio.h>
#include <string.h>

static void pass_time(uint64_t elapsed_ns)
{
    next_turn(elapsed_ns);
    oc_gateway_on_time(bench.gateway);
}

static void send_text(uint32_t index, const char *payload)
{
    uint8_t bytes[256];
    io_event(index, OC_IO_RECEIVED, bytes, frame(bytes, payload), 0);
}

static void expect_refused(uint32_t place, uint32_t index, enum oc_reason reason,
                           enum oc_command_kind request)
{
    expect_command(place, OC_COMMAND_REFUSED, index);
    assert_int_equal(bench.commands[place].refused.reason, reason);
    assert_int_equal(bench.commands[place].refused.request, request);
}

/* --- requests in a second ------------------------------------------------------------------ */

static void test_a_burst_of_one_second_then_one_at_a_time(void **state)
{
    (void)state;
    bench_limit(&(struct oc_session_limits){.requests_per_second = 4});
    connect_session(0, 0);
    bench.command_count = 0;
    for (int i = 0; i < 5; i++) {
        send_text(0, PING);
    }
    expect_command(3, OC_COMMAND_PING, 0);
    expect_refused(4, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_SESSION_SET);
    next_turn(SECOND_NS / 4 - 1);
    send_text(0, PING);
    expect_command(5, OC_COMMAND_REFUSED, 0);
    next_turn(1);
    send_text(0, PING);
    send_text(0, PING);
    expect_command(6, OC_COMMAND_PING, 0);
    expect_command(7, OC_COMMAND_REFUSED, 0);
    /* A long rest is worth one second, not more. */
    next_turn(100 * SECOND_NS);
    for (int i = 0; i < 5; i++) {
        send_text(0, PING);
    }
    expect_command(11, OC_COMMAND_PING, 0);
    expect_command(12, OC_COMMAND_REFUSED, 0);
}

static void test_in_the_long_run_it_is_the_rate(void **state)
{
    struct oc_gateway_stats stats;
    (void)state;
    bench_limit(&(struct oc_session_limits){.requests_per_second = 300});
    connect_session(0, 0);
    for (uint32_t i = 0; i < 4000; i++) { /* 1000 in a second, for four of them */
        next_turn(SECOND_NS / 1000);
        send_text(0, PING);
    }
    oc_gateway_stats_read(bench.gateway, &stats);
    /* Four seconds and the burst, which the first second uses up beside its own. */
    assert_in_range(stats.frames - stats.too_many_requests, 1499, 1501);
}

static void test_cancels_are_always_taken_and_use_nothing_up(void **state)
{
    (void)state;
    bench_limit(&(struct oc_session_limits){.requests_per_second = 1});
    connect_session(0, 0);
    bench.command_count = 0;
    send_text(0, CANCEL);
    send_text(0, PING);
    send_text(0, CANCEL);
    send_text(0, "{\"user_id\":101,\"mass_cancel\":true}");
    send_text(0, PING);
    send_text(0, CANCEL);
    expect_command(0, OC_COMMAND_CANCEL, 0);
    expect_command(1, OC_COMMAND_PING, 0);
    expect_command(2, OC_COMMAND_CANCEL, 0);
    expect_command(3, OC_COMMAND_MASS_CANCEL, 0);
    expect_command(4, OC_COMMAND_REFUSED, 0);
    expect_command(5, OC_COMMAND_CANCEL, 0);
}

static void test_the_reject_tells_what_it_is_about(void **state)
{
    const struct oc_command *command = bench.commands;
    (void)state;
    bench_limit(&(struct oc_session_limits){.requests_per_second = 1});
    connect_session(0, 0);
    send_text(0, PING);
    bench.command_count = 0;
    send_text(0,
              "{\"user_id\":5,\"symbol\":\"A\",\"order_type\":\"Buy\",\"price\":1,\"quantity\":2,"
              "\"client_order_id\":\"x9\",\"request_id\":77}");
    expect_refused(0, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_NEW);
    assert_int_equal(command->user_id, 5);
    assert_int_equal(command->request_id, 77);
    assert_int_equal(command->flags, OC_COMMAND_HAS_REQUEST_ID);
    assert_int_equal(command->refused.order_id, 0);
    assert_int_equal(command->refused.client_order_id.size, 2);
    assert_memory_equal(command->refused.client_order_id.bytes, "x9", 3);
    assert_int_equal(command->refused.detail.size, 0);
    command++;
    send_text(0, "{\"user_id\":5,\"order_id\":6,\"quantity\":2}");
    expect_refused(1, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_REPLACE);
    assert_int_equal(command->refused.order_id, 6);
    send_text(0, "{\"user_id\":5,\"open_orders\":true}");
    expect_refused(2, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_OPEN_ORDERS);
    send_text(0, "{\"book\":\"A\"}");
    expect_refused(3, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_BOOK);
    send_text(0, "{\"session\":{\"trades\":\"off\"}}");
    expect_refused(4, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_SESSION_SET);
    command = &bench.commands[5];
    send_text(0, "{\"user_id\":5,\"order_id\":6,\"qty\":2}"); /* no request at all */
    expect_refused(5, 0, OC_REASON_TOO_MANY_REQUESTS, OC_COMMAND_CANCEL);
    assert_int_equal(command->refused.order_id, 6);
    assert_int_equal(command->refused.detail.size, 0);
}

static void test_a_request_that_waits_for_room_counts_once(void **state)
{
    (void)state;
    bench_limit(&(struct oc_session_limits){.requests_per_second = 2});
    connect_session(0, 0);
    bench.command_count = 0;
    bench.room = 0;
    send_text(0, PING);
    for (int i = 0; i < 5; i++) { /* decoded again and again */
        oc_gateway_resume(bench.gateway);
        next_turn(0);
    }
    bench.room = UINT32_MAX;
    oc_gateway_resume(bench.gateway);
    next_turn(0);
    send_text(0, PING);
    send_text(0, PING);
    expect_command(0, OC_COMMAND_PING, 0);
    expect_command(1, OC_COMMAND_PING, 0);
    expect_command(2, OC_COMMAND_REFUSED, 0);
}

/* --- time ---------------------------------------------------------------------------------- */

static void test_a_frame_must_be_complete_in_time(void **state)
{
    uint8_t bytes[64];
    uint32_t size = frame(bytes, CANCEL);
    struct oc_gateway_stats stats;
    (void)state;
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 3});
    connect_session(0, 0);
    connect_session(1, 0);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) == UINT64_MAX);
    bench.command_count = 0;
    io_event(0, OC_IO_RECEIVED, bytes, 1, 0);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) <= bench.now_ns + 3 * SECOND_NS);
    for (uint32_t i = 1; i < 30; i++) { /* a byte now and then does not help */
        pass_time(SECOND_NS / 10);
        if (bench.command_count == 0) {
            io_event(0, OC_IO_RECEIVED, bytes + i, 1, 0);
        }
    }
    assert_int_equal(bench.command_count, 0);
    pass_time(SECOND_NS / 10 + 10000000); /* less than a tick late */
    assert_int_equal(bench.command_count, 2);
    expect_refused(0, 0, OC_REASON_FRAME_TIMEOUT, OC_COMMAND_NONE);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 0);
    assert_int_equal(bench.notice_reasons[0], OC_REASON_FRAME_TIMEOUT);
    io_event(0, OC_IO_RECEIVED, bytes, size, 0); /* too late */
    assert_int_equal(bench.command_count, 2);
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0);
    assert_int_equal(fake.conns[0].mode, OC_IO_CLOSE_FLUSH);
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) == UINT64_MAX);
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.timeouts, 1);
}

static void test_frames_that_become_complete_are_never_late(void **state)
{
    uint8_t bytes[64];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 1});
    connect_session(0, 0);
    bench.command_count = 0;
    for (uint32_t i = 0; i < 100; i++) { /* always in the middle of a frame, never of an old one */
        io_event(0, OC_IO_RECEIVED, bytes, i == 0 ? 8 : size, 0);
        if (i == 0) {
            memmove(bytes, bytes + 8, size - 8);
            (void)frame(bytes + size - 8, CANCEL);
        }
        pass_time(SECOND_NS / 3);
    }
    assert_int_equal(bench.command_count, 99);
    /* Beyond all is its last eight bytes. */
    pass_time(SECOND_NS);
    expect_refused(99, 0, OC_REASON_FRAME_TIMEOUT, OC_COMMAND_NONE);
}

static void test_what_arrived_in_time_counts_however_late_it_is_read(void **state)
{
    uint8_t bytes[64];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 1});
    connect_session(0, 0);
    bench.command_count = 0;
    io_event(0, OC_IO_RECEIVED, bytes, 9, 0);
    next_turn(60 * SECOND_NS); /* the venue was stopped for a minute */
    io_event(0, OC_IO_RECEIVED, bytes + 9, size - 9, 0);
    oc_gateway_on_time(bench.gateway);
    assert_int_equal(bench.command_count, 1);
    expect_command(0, OC_COMMAND_CANCEL, 0);
}

static void test_waiting_for_room_is_not_the_clients_delay(void **state)
{
    uint8_t bytes[128];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    size += frame(bytes + size, CANCEL);
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 1, .idle_seconds = 2});
    connect_session(0, 0);
    bench.command_count = 0;
    io_event(0, OC_IO_RECEIVED, bytes, 9, 0);
    bench.room = 0;
    io_event(0, OC_IO_RECEIVED, bytes + 9, size - 9, 0);
    for (int i = 0; i < 20; i++) {
        pass_time(SECOND_NS);
    }
    assert_int_equal(bench.command_count, 0);
    assert_int_equal(bench.notice_count, 0);
    bench.room = UINT32_MAX;
    oc_gateway_resume(bench.gateway);
    pass_time(0);
    assert_int_equal(bench.command_count, 2);
    pass_time(3 * SECOND_NS);
    expect_refused(2, 0, OC_REASON_IDLE_TIMEOUT, OC_COMMAND_NONE);
}

static void test_idling_is_counted_from_the_last_bytes(void **state)
{
    (void)state;
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 1, .idle_seconds = 5});
    connect_session(0, 0);
    connect_session(1, 0);
    bench.command_count = 0;
    for (int i = 0; i < 20; i++) {
        pass_time(SECOND_NS);
        if (bench.command_count > 0) {
            break;
        }
        if (i < 3) {
            io_event(0, OC_IO_RECEIVED, "\0\0\0\1", 4, 0); /* a frame's beginning: it is late ... */
            io_event(0, OC_IO_RECEIVED, "x", 1, 0);        /* ... and now complete */
            expect_command(0, OC_COMMAND_REFUSED, 0);
            bench.command_count = 0;
        }
    }
    /* Session 1 never sent anything. */
    expect_refused(0, 1, OC_REASON_IDLE_TIMEOUT, OC_COMMAND_NONE);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 1);
    bench.command_count = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bench.command_count, 0);
        pass_time(SECOND_NS);
    }
    pass_time(SECOND_NS / 50);
    expect_refused(0, 0, OC_REASON_IDLE_TIMEOUT, OC_COMMAND_NONE);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) == UINT64_MAX);
}

static void test_who_sent_is_not_late_while_the_thread_is_behind(void **state)
{
    const uint64_t tick_ns = 10000000;
    uint8_t bytes[64];
    uint32_t size = frame(bytes, CANCEL);
    struct oc_gateway_stats stats;
    (void)state;
    bench_limit(&(struct oc_session_limits){.incomplete_frame_seconds = 1, .idle_seconds = 3});
    for (uint32_t i = 0; i < 3; i++) {
        connect_session(i, 0);
        fake.conns[i].has_input = true;
    }
    bench.command_count = 0;
    io_event(1, OC_IO_RECEIVED, bytes, 9, 0); /* 0 and 2 idle */
    for (int i = 0; i < 20; i++) {            /* late at the first of these turns already */
        pass_time(i == 0 ? 4 * SECOND_NS : tick_ns);
        assert_int_equal(bench.command_count, 0);
        assert_in_range(oc_gateway_next_deadline_ns(bench.gateway), bench.now_ns + 1,
                        bench.now_ns + 2 * tick_ns);
    }
    assert_int_equal(bench.notice_count, 0);
    /* 0 is read to its end and had sent nothing; 1 had sent the rest of its frame. */
    fake.conns[0].has_input = false;
    fake.conns[1].has_input = false;
    io_event(1, OC_IO_RECEIVED, bytes + 9, size - 9, 0);
    expect_command(0, OC_COMMAND_CANCEL, 1);
    pass_time(oc_gateway_next_deadline_ns(bench.gateway) - bench.now_ns);
    pass_time(tick_ns);
    assert_int_equal(bench.command_count, 3);
    expect_refused(1, 0, OC_REASON_IDLE_TIMEOUT, OC_COMMAND_NONE);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.timeouts, 1);
    /* 2 goes while it is being waited for; 1 idles from now on. Neither leaves a timer. */
    io_event(2, OC_IO_CLOSED, NULL, 0, 0);
    bench.command_count = 0;
    pass_time(2 * SECOND_NS);
    assert_int_equal(bench.command_count, 0);
    pass_time(SECOND_NS + tick_ns);
    expect_refused(0, 1, OC_REASON_IDLE_TIMEOUT, OC_COMMAND_NONE);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) == UINT64_MAX);
}

/* Busy sessions: their timers fire, look and are set again; an idle venue polls seldom. */
static void test_timers_are_lazy(void **state)
{
    uint64_t wakes = 0;
    (void)state;
    bench_limit(&(struct oc_session_limits){.idle_seconds = 100});
    connect_session(0, 0);
    for (uint64_t end_ns = bench.now_ns + 10000 * SECOND_NS; bench.now_ns < end_ns; wakes++) {
        uint64_t next_ns = oc_gateway_next_deadline_ns(bench.gateway);
        assert_true(next_ns != UINT64_MAX);
        pass_time(next_ns > bench.now_ns ? next_ns - bench.now_ns : 0);
        send_text(0, PING);
        bench.command_count = 0;
    }
    assert_in_range(wakes, 100, 1100); /* at most ten early looks for each of 100 deadlines */
    assert_int_equal(bench.notice_count, 0);
}

static void test_a_turn_ends_so_many_and_no_more(void **state)
{
    const uint32_t sessions = 2 * OC_GATEWAY_TIMEOUTS_PER_TURN + 5;
    uint32_t told = 0;
    (void)state;
    bench.config.sessions_max = sessions;
    bench_limit(&(struct oc_session_limits){.idle_seconds = 1});
    for (uint32_t i = 0; i < sessions; i++) {
        struct oc_io_event event = {.kind = OC_IO_ACCEPTED, .conn = {.index = i, .generation = 1}};
        oc_gateway_on_io(bench.gateway, &event);
    }
    next_turn(2 * SECOND_NS);
    for (int turn = 0; turn < 20 && told < sessions; turn++) {
        bench.command_count = 0;
        assert_true(oc_gateway_next_deadline_ns(bench.gateway) <= bench.now_ns);
        oc_gateway_on_time(bench.gateway);
        assert_in_range(bench.command_count, 0, 2 * OC_GATEWAY_TIMEOUTS_PER_TURN);
        told += bench.command_count / 2;
    }
    assert_int_equal(told, sessions);
    assert_true(oc_gateway_next_deadline_ns(bench.gateway) == UINT64_MAX);
}

/* --- who may come in ----------------------------------------------------------------------- */

static void test_who_is_not_admitted_is_reset_and_nobody_hears_of_it(void **state)
{
    uint8_t bytes[64];
    uint32_t size = frame(bytes, CANCEL);
    struct oc_gateway_stats stats;
    (void)state;
    bench.admissible = 2; /* the hook lets one in */
    connect_session(0, 0);
    io_event(1, OC_IO_ACCEPTED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 1);
    assert_true(fake.conns[1].closed);
    assert_int_equal(fake.conns[1].mode, OC_IO_CLOSE_ABORT);
    /* What the same batch still holds of it. */
    io_event(1, OC_IO_RECEIVED, bytes, size, 0);
    io_event(1, OC_IO_EOF, NULL, 0, 0);
    give_pong(1, 5);
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 1);
    assert_int_equal(bench.left, 0);
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.left, 1);
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.not_admitted, 1);
    assert_int_equal(stats.sessions, 0);
    bench.admissible = UINT32_MAX;
    bench.command_count = 0;
    connect_session(1, 0);
    expect_command(0, OC_COMMAND_SESSION_OPEN, 1);
}

/* --- several gateways ---------------------------------------------------------------------- */

static void give_book(uint64_t session, uint32_t levels)
{
    struct oc_event event = {.kind = OC_EVENT_BOOK, .session = session};
    event.book.bid_count = levels;
    give(&event);
    for (uint32_t i = 0; i < levels; i++) {
        event = (struct oc_event){.kind = OC_EVENT_BOOK_LEVEL, .session = session};
        event.level.price_ticks = 5;
        event.level.qty_lots = 1;
        event.level.order_count = 1;
        give(&event);
    }
}

static void test_events_of_other_gateways_sessions_reach_nobody(void **state)
{
    const uint64_t below_id = oc_session_make(5, 1);
    const uint64_t above_id = oc_session_make(100 + CONNECTIONS, 1);
    struct oc_gateway_stats before;
    struct oc_gateway_stats after;
    (void)state;
    bench.config.session_base = 100;
    bench_restart();
    connect_session(5, 1);
    assert_true(bench.commands[0].session == oc_session_make(105, 1));
    give_instrument();
    oc_gateway_stats_read(bench.gateway, &before);
    give(&(struct oc_event){.kind = OC_EVENT_PONG, .session = below_id, .ping = 1});
    give(&(struct oc_event){.kind = OC_EVENT_PONG, .session = above_id, .ping = 2});
    give(&(struct oc_event){.kind = OC_EVENT_SESSION_CLOSED, .session = below_id});
    give_book(below_id, 2);
    give_book(above_id, 0);
    give_trade(3, below_id, above_id); /* public all the same */
    give(&(struct oc_event){
        .kind = OC_EVENT_CONFIRMED, .session = above_id, .order = {.order_id = 4}});
    oc_gateway_stats_read(bench.gateway, &after);
    assert_int_equal(after.replies, before.replies);
    give_pong(5, 6);
    give_book(id_of(5), 1);
    oc_gateway_flush(bench.gateway);
    expect_sent(5, "t3 c4 p6 ?");
    assert_false(fake.conns[5].closed);
}

int main(void)
{
#define BENCH_TEST(function) \
    cmocka_unit_test_setup_teardown(function, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_a_burst_of_one_second_then_one_at_a_time),
        BENCH_TEST(test_in_the_long_run_it_is_the_rate),
        BENCH_TEST(test_cancels_are_always_taken_and_use_nothing_up),
        BENCH_TEST(test_the_reject_tells_what_it_is_about),
        BENCH_TEST(test_a_request_that_waits_for_room_counts_once),
        BENCH_TEST(test_a_frame_must_be_complete_in_time),
        BENCH_TEST(test_frames_that_become_complete_are_never_late),
        BENCH_TEST(test_what_arrived_in_time_counts_however_late_it_is_read),
        BENCH_TEST(test_waiting_for_room_is_not_the_clients_delay),
        BENCH_TEST(test_idling_is_counted_from_the_last_bytes),
        BENCH_TEST(test_who_sent_is_not_late_while_the_thread_is_behind),
        BENCH_TEST(test_timers_are_lazy),
        BENCH_TEST(test_a_turn_ends_so_many_and_no_more),
        BENCH_TEST(test_who_is_not_admitted_is_reset_and_nobody_hears_of_it),
        BENCH_TEST(test_events_of_other_gateways_sessions_reach_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
