/*
 * Goal: the checker accepts exactly the replies that the script expects and learns the order ids.
 * Method: a script of every kind of reply; the right replies first, then each of them with one
 * member changed, each change on a fresh checker. Fails when: a changed member passes, an id is not
 * learned or not compared, or the message does not say what was wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/checker.h"
#include "client/pingpong.h"

#define USER 7U

static struct oc_script script;
static struct oc_event_level levels[4];

static void expect(uint8_t kind, uint32_t order, uint32_t other, int64_t price_ticks,
                   uint64_t qty_lots, uint8_t reason)
{
    struct oc_script_reply reply = {
        .kind = kind,
        .order = order,
        .other = other,
        .price_ticks = price_ticks,
        .qty_lots = qty_lots,
        .reason = reason,
        .request = kind == OC_EVENT_REJECTED ? OC_COMMAND_CANCEL : 0,
        .side = kind == OC_EVENT_BOOK_LEVEL && price_ticks > 105 ? OC_SELL : OC_BUY,
    };

    assert_int_equal(oc_script_expect(&script, &reply), 0);
}

static void request(uint8_t kind, uint32_t order)
{
    struct oc_script_request made = {.kind = kind, .order = order, .row = 41};

    assert_int_equal(oc_script_request(&script, &made), 0);
}

/* Orders 1 and 2 rest; 3 trades with both and rests; then replace, cancel, a late cancel, a look.
 */
static int make_script(void **state)
{
    (void)state;
    assert_int_equal(oc_script_init(&script, 1), 0);
    oc_script_symbol_set(&script, 0, "BTC/USD");
    script.row_file = "messages.csv";
    script.order_count = 3;
    request(OC_COMMAND_NEW, 0);
    expect(OC_EVENT_CONFIRMED, 1, 0, 0, 0, 0);
    request(OC_COMMAND_NEW, 0);
    expect(OC_EVENT_CONFIRMED, 2, 0, 0, 0, 0);
    request(OC_COMMAND_NEW, 0);
    expect(OC_EVENT_TRADE, 1, 3, 100, 5, 0);
    expect(OC_EVENT_TRADE, 2, 3, 99, 4, 0);
    expect(OC_EVENT_CONFIRMED, 3, 0, 0, 0, 0);
    request(OC_COMMAND_REPLACE, 3);
    expect(OC_EVENT_REPLACED, 3, 0, 110, 6, 0);
    request(OC_COMMAND_CANCEL, 2);
    expect(OC_EVENT_CANCELLED, 2, 0, 0, 8, OC_REASON_USER);
    request(OC_COMMAND_CANCEL, 1);
    expect(OC_EVENT_REJECTED, 1, 0, 0, 0, OC_REASON_UNKNOWN_ORDER);
    request(OC_COMMAND_BOOK, 0);
    expect(OC_EVENT_BOOK, 1, 1, 0, 0, 0);
    expect(OC_EVENT_BOOK_LEVEL, 0, 0, 98, 3, 0);
    expect(OC_EVENT_BOOK_LEVEL, 0, 1, 110, 6, 0);
    return 0;
}

static int free_script(void **state)
{
    (void)state;
    oc_script_deinit(&script);
    return 0;
}

/* What a right venue answers; its ids for 1, 2 and 3 are 11, 12 and 15. */
static struct oc_wire_reply right_reply(unsigned index)
{
    struct oc_wire_reply reply = {.levels = levels, .level_capacity = 4};
    struct oc_event *event = &reply.event;

    memset(&reply.symbol, 0, sizeof(reply.symbol));
    switch (index) {
    case 0:
    case 1:
    case 4:
        event->kind = OC_EVENT_CONFIRMED;
        event->order.order_id = index == 4 ? 15 : 11 + index;
        event->order.user_id = USER;
        break;
    case 2:
    case 3:
        event->kind = OC_EVENT_TRADE;
        event->trade = (struct oc_event_trade){
            .trade_id = index,
            .time_ns = 1000,
            .price_ticks = index == 2 ? 100 : 99,
            .qty_lots = index == 2 ? 5 : 4,
            .buyer_user_id = USER,
            .buyer_order_id = index == 2 ? 11 : 12,
            .seller_user_id = USER,
            .seller_order_id = 15,
        };
        reply.symbol = script.symbols[0];
        break;
    case 5:
        event->kind = OC_EVENT_REPLACED;
        event->order = (struct oc_event_order){
            .order_id = 15, .user_id = USER, .price_ticks = 110, .qty_lots = 6};
        break;
    case 6:
        event->kind = OC_EVENT_CANCELLED;
        event->reason = OC_REASON_USER;
        event->order = (struct oc_event_order){.order_id = 12, .user_id = USER, .qty_lots = 8};
        break;
    case 7:
        event->kind = OC_EVENT_REJECTED;
        event->reason = OC_REASON_UNKNOWN_ORDER;
        event->rejected.order_id = 11;
        event->rejected.request = OC_COMMAND_CANCEL;
        break;
    default:
        event->kind = OC_EVENT_BOOK;
        event->book = (struct oc_event_book){.sequence = 9, .bid_count = 1, .ask_count = 1};
        reply.symbol = script.symbols[0];
        levels[0] = (struct oc_event_level){98, 3, 2, OC_BUY};
        levels[1] = (struct oc_event_level){110, 6, 1, OC_SELL};
        break;
    }
    return reply;
}

#define REPLIES 9U

/* Plays the right replies up to `index`, then `changed`. */
static enum oc_check judge(struct oc_checker *checker, unsigned index,
                           const struct oc_wire_reply *changed)
{
    assert_int_equal(oc_checker_init(checker, &script, USER, 4), 0);
    for (unsigned i = 0; i < index; i++) {
        struct oc_wire_reply reply = right_reply(i);
        assert_true(oc_checker_reply(checker, &reply) < OC_CHECK_FOREIGN);
    }
    return oc_checker_reply(checker, changed);
}

static void test_right_replies(void **state)
{
    static const enum oc_check verdicts[REPLIES] = {
        OC_CHECK_DONE, OC_CHECK_DONE, OC_CHECK_PART, OC_CHECK_PART, OC_CHECK_DONE,
        OC_CHECK_DONE, OC_CHECK_DONE, OC_CHECK_DONE, OC_CHECK_DONE,
    };
    struct oc_checker checker;
    bool needed;

    (void)state;
    assert_int_equal(oc_checker_init(&checker, &script, USER, 4), 0);
    assert_int_equal(oc_checker_order_id(&checker, 3, &needed), 0);
    assert_true(needed);
    for (unsigned i = 0; i < REPLIES; i++) {
        struct oc_wire_reply reply = right_reply(i);
        if (oc_checker_reply(&checker, &reply) != verdicts[i]) {
            fail_msg("reply %u: %s", i, checker.why);
        }
    }
    assert_int_equal(oc_checker_order_id(&checker, 3, &needed), 15);
    assert_int_equal(oc_checker_order_id(&checker, 4, &needed), 12);
    assert_int_equal(oc_checker_order_id(&checker, 0, &needed), 0);
    assert_false(needed);
    assert_int_equal(checker.trades, 2);
    assert_int_equal(checker.books, 1);
    assert_int_equal(checker.reject_counts[OC_REASON_UNKNOWN_ORDER], 1);
    oc_checker_deinit(&checker);
}

#define CHANGED(index, statement, text)                                                   \
    do {                                                                                  \
        struct oc_checker checker;                                                        \
        struct oc_wire_reply reply = right_reply(index);                                  \
        struct oc_event *event = &reply.event;                                            \
        statement;                                                                        \
        if (judge(&checker, index, &reply) != OC_CHECK_WRONG) {                           \
            fail_msg("reply %u passed with " #statement, (unsigned)(index));              \
        }                                                                                 \
        (void)event;                                                                      \
        if (strstr(checker.why, text) == NULL) {                                          \
            fail_msg("reply %u, " #statement ": \"%s\"", (unsigned)(index), checker.why); \
        }                                                                                 \
        assert_non_null(strstr(checker.why, "messages.csv row 41: request"));             \
        oc_checker_deinit(&checker);                                                      \
    } while (0)

static void test_changed_replies(void **state)
{
    (void)state;
    CHANGED(0, event->order.user_id = 8, "the order's user is 8, expected 7");
    CHANGED(0, event->order.order_id = 0, "does not come after 0");
    CHANGED(0, event->kind = OC_EVENT_CANCELLED, "expected a confirmation, got cancelled");
    CHANGED(1, event->order.order_id = 11, "order_id 11 of a new order does not come after 11");
    CHANGED(2, event->trade.buyer_order_id = 12, "buyer_order_id is 12, expected 11");
    CHANGED(2, event->trade.seller_order_id = 11, "seller_order_id 11 of a new order");
    CHANGED(2, event->trade.price_ticks = 101, "matched_price is 101, expected 100");
    CHANGED(2, event->trade.qty_lots = 4, "matched_quantity is 4, expected 5");
    CHANGED(2, event->trade.trade_id = 0, "trade_id 0 does not come after 0");
    CHANGED(2, event->trade.seller_user_id = 8, "with another user");
    CHANGED(2, event->trade.buyer_user_id = 8, "with another user");
    CHANGED(2, reply.symbol.bytes[0] = 'X', "symbol is XTC/USD, expected BTC/USD");
    CHANGED(3, event->trade.trade_id = 2, "trade_id 2 does not come after 2");
    CHANGED(3, event->trade.time_ns = 999, "timestamp 999 of trade 3 lies before 1000");
    CHANGED(3, event->trade.seller_order_id = 16, "seller_order_id is 16, expected 15");
    CHANGED(4, event->order.order_id = 16, "order_id is 16, expected 15");
    CHANGED(5, event->order.price_ticks = 109, "price is 109, expected 110");
    CHANGED(5, event->order.qty_lots = 5, "quantity is 5, expected 6");
    CHANGED(6, event->order.qty_lots = 7, "quantity is 7, expected 8");
    CHANGED(6, event->reason = OC_REASON_IOC, "expected the reason user, got ioc");
    CHANGED(7, event->reason = OC_REASON_PRICE_TOO_LOW, "expected rejected: unknown_order");
    CHANGED(7, event->rejected.order_id = 12, "order_id is 12, expected 11");
    CHANGED(7, event->rejected.request = OC_COMMAND_REPLACE, "rejected request");
    CHANGED(8, event->book.bid_count = 2, "number of bids is 2, expected 1");
    CHANGED(8, event->book.ask_count = 0, "number of asks is 0, expected 1");
    CHANGED(8, levels[0].price_ticks = 97, "bid 1 of the book is 3 @ 97");
    CHANGED(8, levels[1].qty_lots = 7, "ask 1 of the book is 7 @ 110");
    CHANGED(8, levels[1].order_count = 2, "ask 1 of the book is 6 @ 110 in 2 orders");
}

/* The number of orders of a level that the script does not know may be any. */
static void test_unknown_order_count(void **state)
{
    struct oc_checker checker;
    struct oc_wire_reply reply = right_reply(8);

    (void)state;
    levels[0].order_count = 5;
    assert_int_equal(judge(&checker, 8, &reply), OC_CHECK_DONE);
    oc_checker_deinit(&checker);
}

static void test_foreign_trade(void **state)
{
    struct oc_checker checker;
    struct oc_wire_reply reply = right_reply(2);

    (void)state;
    reply.event.trade.buyer_user_id = 8;
    reply.event.trade.seller_user_id = 9;
    assert_int_equal(judge(&checker, 0, &reply), OC_CHECK_FOREIGN);
    reply = right_reply(0);
    assert_int_equal(oc_checker_reply(&checker, &reply), OC_CHECK_DONE);
    oc_checker_deinit(&checker);
}

/* Ping-pong goes round: ids of later rounds are new again, for longer than the table is. */
static void test_rounds(void **state)
{
    struct oc_script round;
    struct oc_checker checker;
    struct oc_wire_reply reply = {.levels = NULL};

    (void)state;
    assert_int_equal(oc_pingpong_prepare(USER, &round), 0);
    assert_int_equal(oc_checker_init(&checker, &round, USER, 16), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        memset(&reply.event, 0, sizeof(reply.event));
        reply.event.kind = OC_EVENT_CONFIRMED;
        reply.event.order.order_id = 10 + 3 * i;
        reply.event.order.user_id = USER;
        assert_int_equal(oc_checker_reply(&checker, &reply), OC_CHECK_DONE);
        reply.event.kind = OC_EVENT_TRADE;
        reply.symbol = round.symbols[0];
        reply.event.trade = (struct oc_event_trade){
            .trade_id = i + 1,
            .price_ticks = OC_PINGPONG_PRICE_TICKS,
            .qty_lots = OC_PINGPONG_QTY_LOTS,
            .buyer_user_id = USER,
            .buyer_order_id = 10 + 3 * i,
            .seller_user_id = USER,
            .seller_order_id = 11 + 3 * i,
        };
        assert_int_equal(oc_checker_reply(&checker, &reply), OC_CHECK_DONE);
    }
    assert_int_equal(checker.request_index, 10000);
    /* The order of the round before is no longer this round's. */
    reply.event.kind = OC_EVENT_CONFIRMED;
    reply.event.order.order_id = 10 + 3 * 4999;
    reply.event.order.user_id = USER;
    assert_int_equal(oc_checker_reply(&checker, &reply), OC_CHECK_WRONG);
    oc_checker_deinit(&checker);
    oc_script_deinit(&round);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_replies),
        cmocka_unit_test(test_changed_replies),
        cmocka_unit_test(test_unknown_order_count),
        cmocka_unit_test(test_foreign_trade),
        cmocka_unit_test(test_rounds),
    };

    return cmocka_run_group_tests(tests, make_script, free_script);
}
