/*
 * Goal: the load generator measures from the intended send time and notices every wrong, missing or
 * unexpected reply, on real sockets.
 * Method: a venue of a few lines in a thread, which answers ping-pong rightly but for one misdeed
 * at a chosen request; byte-wise sending for the reassembly; white space and other members in the
 * replies. The venue compares each order with what the script says. Fails when: a stall of the
 * venue does not show in the latencies of the open loop, a misdeed passes, a right run is called
 * wrong, or a script that goes round sends other orders than the same script written out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/load.h"
#include "client/pingpong.h"
#include "wire/wire.h"

enum misdeed {
    HONEST,
    STALL,       /* 200 ms before one reply */
    WRONG_PRICE, /* one trade at another price */
    WRONG_ID,    /* one trade with another order's id */
    SILENCE,     /* one reply never comes */
    TWICE,       /* one reply comes twice */
    GARBAGE,     /* one reply is no JSON */
    HANG_UP,     /* the connection ends */
    ONE_BYTE,    /* replies in pieces of one byte */
    WORDY,       /* replies with white space, and the confirmation's members in another order */
};

#define MISDEED_AT 50U

/* One connection at a time. */
struct venue {
    int listener;
    struct sockaddr_in address;
    pthread_t thread;
    enum misdeed misdeed;
    uint64_t next_order_id;
    uint64_t next_trade_id;
    uint64_t resting_id;
    uint64_t orders;
    uint64_t other_orders; /* those that the script does not say */
};

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

static bool answer(int fd, const struct venue *venue, const char *text)
{
    uint8_t frame[512];
    size_t size = strlen(text);
    uint32_t header = htonl((uint32_t)size);
    size_t step = venue->misdeed == ONE_BYTE ? 1 : sizeof(frame);

    memcpy(frame, &header, sizeof(header));
    for (size_t i = 0; i < size; i++) {
        frame[sizeof(header) + i] = (uint8_t)text[i];
    }
    size += sizeof(header);
    for (size_t done = 0; done < size; done += step) {
        size_t piece = size - done < step ? size - done : step;
        if (send(fd, frame + done, piece, MSG_NOSIGNAL) != (ssize_t)piece) {
            return false;
        }
    }
    return true;
}

/* Of ping-pong for user 7. */
static bool order_is_right(const struct venue *venue, const struct oc_command *command)
{
    const struct oc_command_new *order = &command->new_order;

    return command->user_id == 7 && order->symbol.size == 3 &&
           memcmp(order->symbol.bytes, "PP7", 3) == 0 &&
           order->side == (venue->orders % 2 == 1 ? OC_BUY : OC_SELL) &&
           order->time_in_force == OC_GOOD_TILL_CANCEL && order->client_order_id.size == 0 &&
           order->price_ticks == OC_PINGPONG_PRICE_TICKS && order->qty_lots == OC_PINGPONG_QTY_LOTS;
}

static bool answer_order(int fd, struct venue *venue, const struct oc_command *command)
{
    bool now = ++venue->orders == MISDEED_AT;
    uint64_t id = ++venue->next_order_id;
    char text[400];

    venue->other_orders += !order_is_right(venue, command);
    if (now && venue->misdeed == STALL) {
        sleep_ms(200);
    }
    if (command->new_order.side == OC_BUY) {
        venue->resting_id = id;
        (void)snprintf(text, sizeof(text), "{\"order_id\":%" PRIu64 ",\"user_id\":%" PRIu64 "}", id,
                       command->user_id);
        if (venue->misdeed == WORDY) {
            (void)snprintf(text, sizeof(text),
                           "{ \"user_id\" : %" PRIu64 ", \"order_id\": %" PRIu64 " }",
                           command->user_id, id);
        }
    } else {
        (void)snprintf(text, sizeof(text),
                       "{%s\"trade_id\":%" PRIu64 ",\"symbol\":\"%.*s\",\"matched_price\":%d,"
                       "\"matched_quantity\":10,\"buyer_user_id\":%" PRIu64
                       ",\"buyer_order_id\":%" PRIu64 ",\"seller_user_id\":%" PRIu64
                       ",\"seller_order_id\":%" PRIu64 ",\"timestamp\":1732233600000000000}",
                       venue->misdeed == WORDY ? "\"depth\":[{}],\n" : "", ++venue->next_trade_id,
                       (int)command->new_order.symbol.size, command->new_order.symbol.bytes,
                       now && venue->misdeed == WRONG_PRICE ? 50001 : 50000, command->user_id,
                       venue->resting_id - (now && venue->misdeed == WRONG_ID), command->user_id,
                       id);
    }
    if (now && venue->misdeed == SILENCE) {
        return true;
    }
    if (now && venue->misdeed == HANG_UP) {
        return false;
    }
    if (now && venue->misdeed == GARBAGE) {
        return answer(fd, venue, "{\"order_id\":}");
    }
    return answer(fd, venue, text) && (!now || venue->misdeed != TWICE || answer(fd, venue, text));
}

static bool answer_request(int fd, struct venue *venue, const uint8_t *payload, size_t size)
{
    struct oc_command command;

    if (oc_wire_decode_request(payload, size, &command) != OC_REASON_NONE) {
        return false;
    }
    switch (command.kind) {
    case OC_COMMAND_SESSION_SET:
        return answer(fd, venue,
                      "{\"type\":\"session\",\"trades\":\"off\",\"reports\":\"off\","
                      "\"cancel_on_disconnect\":false}");
    case OC_COMMAND_MASS_CANCEL:
        return answer(fd, venue, "{\"type\":\"mass_cancelled\",\"count\":0}");
    case OC_COMMAND_PING:
        return answer(fd, venue, "{\"type\":\"pong\",\"ping\":1}");
    case OC_COMMAND_NEW:
        return answer_order(fd, venue, &command);
    default:
        return false;
    }
}

static void *serve(void *context)
{
    struct venue *venue = context;
    static uint8_t bytes[65536];
    size_t have = 0;
    bool alive = true;
    const int on = 1;
    int fd = accept(venue->listener, NULL, NULL);

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (alive) {
        size_t frame_size;
        ssize_t size = recv(fd, bytes + have, sizeof(bytes) - have, 0);
        if (size <= 0) {
            break;
        }
        have += (size_t)size;
        while (alive && oc_wire_frame_next(bytes, have, &frame_size) == OC_WIRE_FRAME_COMPLETE) {
            alive = answer_request(fd, venue, bytes + 4, frame_size - 4);
            have -= frame_size;
            memmove(bytes, bytes + frame_size, have);
        }
    }
    (void)close(fd);
    return NULL;
}

static void venue_open(struct venue *venue, enum misdeed misdeed)
{
    socklen_t size = sizeof(venue->address);

    memset(venue, 0, sizeof(*venue));
    venue->misdeed = misdeed;
    venue->address.sin_family = AF_INET;
    venue->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    venue->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(venue->listener >= 0);
    assert_int_equal(bind(venue->listener, (struct sockaddr *)&venue->address, size), 0);
    assert_int_equal(listen(venue->listener, 4), 0);
    assert_int_equal(getsockname(venue->listener, (struct sockaddr *)&venue->address, &size), 0);
    assert_int_equal(pthread_create(&venue->thread, NULL, serve, venue), 0);
}

static void venue_close(struct venue *venue)
{
    assert_int_equal(pthread_join(venue->thread, NULL), 0);
    (void)close(venue->listener);
}

static struct oc_histogram latency;
static struct oc_histogram lag;
static struct oc_load_result result;

/* The requests of the first rounds one behind the other, in a script that ends. */
static void write_out(struct oc_script *script, uint32_t round_count)
{
    struct oc_script round = *script;

    assert_int_equal(oc_script_init(script, 1), 0);
    script->symbols[0] = round.symbols[0];
    script->order_count = round_count * round.round_orders;
    for (uint32_t i = 0; i < round_count * round.request_count; i++) {
        struct oc_script_request request = round.requests[i % round.request_count];
        struct oc_script_reply reply = round.replies[i % round.request_count];

        request.reply_count = 0;
        reply.order += i / round.request_count * round.round_orders;
        reply.other += reply.other > 0 ? i / round.request_count * round.round_orders : 0;
        assert_int_equal(oc_script_request(script, &request), 0);
        assert_int_equal(oc_script_expect(script, &reply), 0);
    }
    oc_script_deinit(&round);
}

/* 200 requests, in the closed loop unless a rate is given. */
static void play_script(struct oc_script *script, enum misdeed misdeed, uint32_t window,
                        double rate)
{
    struct venue venue;
    struct oc_load_config config = {
        .connections = 1,
        .window = window,
        .arrivals = rate > 0.0 ? OC_ARRIVALS_CONSTANT : OC_ARRIVALS_CLOSED,
        .rate = rate,
        .duration_ns = UINT64_MAX,
        .request_count = 200,
        .user_first = 7,
        .timeout_ns = 500000000,
    };

    venue_open(&venue, misdeed);
    memcpy(&config.address.storage, &venue.address, sizeof(venue.address));
    config.address.size = sizeof(venue.address);
    oc_histogram_reset(&latency);
    oc_histogram_reset(&lag);
    result = (struct oc_load_result){.latency = &latency, .lag = &lag};
    if (oc_load_run(&config, script, &result) != 0) {
        fail_msg("%s", result.why);
    }
    venue_close(&venue);
    assert_int_equal(venue.other_orders, 0);
}

static void play(enum misdeed misdeed, uint32_t window, double rate)
{
    struct oc_script script;

    assert_int_equal(oc_pingpong_prepare(7, &script), 0);
    play_script(&script, misdeed, window, rate);
    oc_script_deinit(&script);
}

static void assert_right(void)
{
    if (result.wrong > 0 || result.missing > 0) {
        fail_msg("%s", result.why);
    }
    assert_int_equal(result.requests, 200);
    assert_int_equal(result.answered, 200);
    assert_int_equal(result.measured, 200);
    assert_int_equal(result.trades, 100);
    assert_int_equal(oc_histogram_count(&latency), 200);
}

static void test_honest(void **state)
{
    (void)state;
    play(HONEST, 1, 0.0);
    assert_right();
    assert_int_equal(result.replies, 200);
    play(HONEST, 32, 0.0);
    assert_right();
    play(ONE_BYTE, 8, 0.0);
    assert_right();
    play(WORDY, 8, 0.0);
    assert_right();
}

static void test_a_round_is_what_it_says_written_out(void **state)
{
    struct oc_script script;

    (void)state;
    assert_int_equal(oc_pingpong_prepare(7, &script), 0);
    write_out(&script, 100);
    play_script(&script, HONEST, 8, 0.0);
    oc_script_deinit(&script);
    assert_right();
}

/* At 1,000 a second, 200 ms hold up about 199 - 49 requests: they are late by 200 ms and less. */
static void test_stall_shows_in_the_open_loop(void **state)
{
    uint64_t late = 0;

    (void)state;
    play(STALL, OC_LOAD_WINDOW_MAX, 1000.0);
    assert_right();
    assert_true(oc_histogram_max_ns(&latency) >= 195000000);
    for (unsigned rank = 1; rank <= 200; rank++) {
        late += oc_histogram_percentile_ns(&latency, 0.5 * rank) >= 50000000;
    }
    if (late < 130) {
        fail_msg("%" PRIu64 " of 200 requests are late by 50 ms or more, expected about 150", late);
    }
    assert_int_equal(oc_histogram_count(&lag), 200);
    /* A closed loop hides it: one request is late, the others were not sent meanwhile. */
    play(STALL, 1, 0.0);
    assert_right();
    assert_true(oc_histogram_max_ns(&latency) >= 195000000);
    assert_true(oc_histogram_percentile_ns(&latency, 99.0) < 50000000);
}

static void test_misdeeds_are_noticed(void **state)
{
    static const struct {
        enum misdeed misdeed;
        uint64_t wrong;
        uint64_t missing;
        const char *why;
        const char *or_why; /* where it depends on what was sent meanwhile; NULL: it does not */
    } cases[] = {
        {WRONG_PRICE, 1, 0, "matched_price is 50001, expected 50000", NULL},
        {WRONG_ID, 1, 0, "buyer_order_id is", NULL},
        /* The reply after the missing one is not the expected one. */
        {SILENCE, 1, 0, "request 50 of user 7 (new order): expected a trade, got a confirmation",
         NULL},
        {TWICE, 1, 0, "request 51 of user 7 (new order): expected a confirmation, got a trade",
         "user 7 got a reply that nothing asked for"},
        {GARBAGE, 1, 0, "a reply that the protocol does not know: {\"order_id\":}", NULL},
        {HANG_UP, 1, 0, "the venue closed the connection of user 7 after 49 answered requests",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        play(cases[i].misdeed, 4, 0.0);
        bool said = strstr(result.why, cases[i].why) != NULL ||
                    (cases[i].or_why != NULL && strstr(result.why, cases[i].or_why) != NULL);
        if (result.wrong != cases[i].wrong || result.missing != cases[i].missing || !said) {
            fail_msg("misdeed %d: wrong %" PRIu64 ", missing %" PRIu64 ", \"%s\"",
                     (int)cases[i].misdeed, result.wrong, result.missing, result.why);
        }
    }
    /* With one request in flight nothing comes after the missing reply. */
    play(SILENCE, 1, 0.0);
    assert_int_equal(result.wrong, 0);
    assert_int_equal(result.missing, 1);
    assert_non_null(strstr(result.why, "1 requests have no (complete) reply after 0.5 s"));
    /* And with one in flight the second copy is a reply to nothing. */
    play(TWICE, 1, 0.0);
    assert_int_equal(result.wrong, 1);
}

static void test_nobody_listens(void **state)
{
    struct oc_script script;
    struct oc_load_config config = {.connections = 1, .window = 1, .timeout_ns = 500000000};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    /* Bound, not listening: nobody else can take the port meanwhile. */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    memcpy(&config.address.storage, &address, sizeof(address));
    config.address.size = sizeof(address);
    result = (struct oc_load_result){.latency = &latency, .lag = &lag};
    assert_int_equal(oc_pingpong_prepare(7, &script), 0);
    assert_int_equal(oc_load_run(&config, &script, &result), -ECONNREFUSED);
    oc_script_deinit(&script);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_a_round_is_what_it_says_written_out),
        cmocka_unit_test(test_stall_shows_in_the_open_loop),
        cmocka_unit_test(test_misdeeds_are_noticed),
        cmocka_unit_test(test_nobody_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
