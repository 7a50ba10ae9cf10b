/*
 * Goal: the whole server behaves as docs/protocol.md says, the same on both stacks and with the
 * engine inline or on a thread of its own. Method: a real server in a thread, real sockets; every
 * case runs for each backend inline and dedicated with 1, 2 and 4 io threads. Fails when a reply
 * differs by a byte, reaches the wrong session or comes in another order.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bench.h"

static const struct bench_mode *mode;

static struct bench_server bench;

static int set_up(void **state)
{
    struct oc_server_config config = bench_config(mode);
    (void)state;
    bench_start(&bench, &config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_stop(&bench);
    return 0;
}

#define TRADE(id, price, qty, buyer, buy_id, seller, sell_id)                              \
    "{\"trade_id\":" id ",\"symbol\":\"BTC/USD\",\"matched_price\":" price                 \
    ",\"matched_quantity\":" qty ",\"buyer_user_id\":" buyer ",\"buyer_order_id\":" buy_id \
    ",\"seller_user_id\":" seller ",\"seller_order_id\":" sell_id                          \
    ",\"timestamp\":1732233600000000000}"

static void send_order(int fd, const char *user, const char *side, const char *price,
                       const char *quantity)
{
    char json[200];
    (void)snprintf(json, sizeof json,
                   "{\"user_id\":%s,\"symbol\":\"BTC/USD\",\"order_type\":\"%s\",\"price\":%s,"
                   "\"quantity\":%s}",
                   user, side, price, quantity);
    bench_send(fd, json);
}

/* What the original engine's clients send and understand, in one conversation. */
static void test_two_original_clients_trade(void **state)
{
    int buyer = bench_connect(&bench);
    int seller = bench_connect(&bench);
    (void)state;
    send_order(buyer, "101", "Buy", "50000", "10");
    bench_expect(buyer, "{\"order_id\":1,\"user_id\":101}");
    bench_settle(seller);
    send_order(seller, "102", "Sell", "49990", "7");
    bench_expect(seller, TRADE("1", "50000", "7", "101", "1", "102", "2"));
    bench_expect(buyer, TRADE("1", "50000", "7", "101", "1", "102", "2"));
    send_order(seller, "102", "Sell", "50000", "5");
    bench_expect(seller, TRADE("2", "50000", "3", "101", "1", "102", "3"));
    bench_expect(seller, "{\"order_id\":3,\"user_id\":102}");
    bench_expect(buyer, TRADE("2", "50000", "3", "101", "1", "102", "3"));
    bench_send(seller, "{\"user_id\":102,\"order_id\":3}");
    bench_expect(seller, "{\"type\":\"cancelled\",\"order_id\":3,\"owner\":102,"
                         "\"cancelled_quantity\":2,\"reason\":\"user\"}");
    (void)close(buyer);
    (void)close(seller);
}

static void test_both_sides_of_one_session_see_a_trade_once(void **state)
{
    int fd = bench_connect(&bench);
    (void)state;
    send_order(fd, "1", "Sell", "5", "1");
    send_order(fd, "1", "Buy", "5", "1");
    bench_expect(fd, "{\"order_id\":1,\"user_id\":1}");
    bench_expect(fd, TRADE("1", "5", "1", "1", "2", "1", "1"));
    bench_send(fd, "{\"session\":{\"ping\":7}}");
    bench_expect(fd, "{\"type\":\"pong\",\"ping\":7}");
    (void)close(fd);
}

/* Asks for the book until it holds this text: what another session sent has no place in time until
 * somebody was told of it. */
static void await_book(int fd, const char *text)
{
    const char *book;
    do {
        (void)poll(NULL, 0, 1);
        bench_send(fd, "{\"book\":\"BTC/USD\"}");
        book = bench_receive(fd);
        assert_string_not_equal(book, "EOF");
    } while (strstr(book, text) == NULL);
}

static void test_cancel_on_disconnect_follows_the_frames_received(void **state)
{
    int leaver = bench_connect(&bench);
    int stayer = bench_connect(&bench);
    (void)state;
    send_order(stayer, "2", "Buy", "9", "1");
    bench_expect(stayer, "{\"order_id\":1,\"user_id\":2}");
    bench_send(leaver, "{\"session\":{\"cancel_on_disconnect\":true}}");
    (void)bench_receive(leaver);
    send_order(leaver, "1", "Buy", "10", "5");
    send_order(leaver, "1", "Buy", "11", "5");
    await_book(stayer, "\"bids\":[[11,5,1],[10,5,1],[9,1,1]],\"asks\":[]");
    (void)close(leaver); /* unread confirmations: the kernel resets */
    await_book(stayer, "\"bids\":[[9,1,1]],\"asks\":[]");
    (void)close(stayer);
}

static void test_without_the_setting_orders_outlive_their_session(void **state)
{
    int leaver = bench_connect(&bench);
    int stayer = bench_connect(&bench);
    (void)state;
    send_order(leaver, "1", "Buy", "10", "5");
    (void)bench_receive(leaver);
    (void)close(leaver);
    bench_settle(stayer);
    bench_send(stayer, "{\"user_id\":1,\"open_orders\":true}");
    assert_non_null(strstr(bench_receive(stayer), "\"order_id\":1"));
    send_order(stayer, "2", "Sell", "10", "5"); /* trades with an order whose session is gone */
    bench_expect(stayer, TRADE("1", "10", "5", "1", "1", "2", "2"));
    (void)close(stayer);
}

static void test_requests_before_a_half_close_are_answered_then_fin(void **state)
{
    int fd = bench_connect(&bench);
    (void)state;
    send_order(fd, "1", "Buy", "10", "5");
    bench_send(fd, "{\"session\":{\"ping\":1}}");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    bench_expect(fd, "{\"order_id\":1,\"user_id\":1}");
    bench_expect(fd, "{\"type\":\"pong\",\"ping\":1}");
    bench_expect(fd, "EOF");
    (void)close(fd);
}

static void test_a_bad_length_is_told_before_the_fin(void **state)
{
    int fd = bench_connect(&bench);
    (void)state;
    assert_int_equal(send(fd, "\0\1\0\1", 4, 0), 4);
    assert_non_null(strstr(bench_receive(fd), "\"reason\":\"bad_frame_length\""));
    bench_expect(fd, "EOF");
    (void)close(fd);
}

static bool is_reset(int fd)
{
    struct pollfd wait = {.fd = fd};
    return poll(&wait, 1, 0) == 1;
}

static void test_a_slow_reader_is_disconnected_and_nobody_else(void **state)
{
    int slow = bench_connect(&bench);
    int busy = bench_connect(&bench);
    struct oc_gateway_stats stats;
    const int small = 4096;
    char byte;
    ssize_t rc;
    (void)state;
    bench_settle(slow);
    assert_int_equal(setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    /* 1 MiB may be owed beside what the kernel's buffers hold: 75,000 trades are 13 MB. */
    for (int round = 0; round < 1500 && !is_reset(slow); round++) {
        for (int i = 0; i < 50; i++) {
            send_order(busy, "1", "Sell", "5", "1");
            send_order(busy, "1", "Buy", "5", "1");
        }
        bench_settle(busy);
    }
    (void)close(busy);
    do {
        rc = recv(slow, &byte, 1, 0);
    } while (rc > 0 || (rc < 0 && errno == EINTR));
    assert_int_equal(rc, -1); /* reset, not a FIN: it did not get everything */
    assert_int_equal(errno, ECONNRESET);
    (void)close(slow);
    bench_join(&bench);
    oc_server_stats_read(bench.server, NULL, &stats, NULL);
    /* Which of its two limits it meets first depends on how its bytes fell into chunks. */
    assert_int_equal(stats.slow_readers + stats.out_of_chunks, 1);
    assert_int_equal(stats.sessions, 0);
    bench_close(&bench);
    (void)set_up(NULL);
}

static void test_a_session_beyond_the_limit_is_closed_at_once(void **state)
{
    int fds[64];
    int extra;
    (void)state;
    for (int i = 0; i < 64; i++) {
        fds[i] = bench_connect(&bench);
        bench_settle(fds[i]);
    }
    extra = bench_connect(&bench);
    assert_true(recv(extra, fds, 1, 0) <= 0);
    (void)close(extra);
    bench_settle(fds[63]);
    for (int i = 0; i < 64; i++) {
        (void)close(fds[i]);
    }
    for (;;) { /* there is room again */
        int fd = bench_connect(&bench);
        char byte;
        bench_send(fd, "{\"session\":{\"ping\":1}}");
        if (recv(fd, &byte, 1, 0) == 1) {
            (void)close(fd);
            break;
        }
        (void)close(fd);
    }
}

static void test_stop_answers_what_arrived_and_says_goodbye(void **state)
{
    int fd = bench_connect(&bench);
    (void)state;
    send_order(fd, "1", "Buy", "10", "5");
    bench_expect(fd, "{\"order_id\":1,\"user_id\":1}");
    oc_server_stop(bench.server);
    bench_expect(fd, "EOF");
    (void)close(fd);
    bench_stop(&bench);
    (void)set_up(NULL);
}

static int run(const struct bench_mode *run_mode)
{
    char group[96];
#define SERVER_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVER_TEST(test_two_original_clients_trade),
        SERVER_TEST(test_both_sides_of_one_session_see_a_trade_once),
        SERVER_TEST(test_cancel_on_disconnect_follows_the_frames_received),
        SERVER_TEST(test_without_the_setting_orders_outlive_their_session),
        SERVER_TEST(test_requests_before_a_half_close_are_answered_then_fin),
        SERVER_TEST(test_a_bad_length_is_told_before_the_fin),
        SERVER_TEST(test_a_slow_reader_is_disconnected_and_nobody_else),
        SERVER_TEST(test_a_session_beyond_the_limit_is_closed_at_once),
        SERVER_TEST(test_stop_answers_what_arrived_and_says_goodbye),
    };
    mode = run_mode;
    (void)snprintf(group, sizeof group, "server on %s", mode->name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    return bench_for_each_mode(run);
}
