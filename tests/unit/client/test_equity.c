/*
 * Goal: the equity flow is what its title comment says, and the same for the same seed.
 * Method: two scripts of one seed compared byte by byte, one of another seed must differ; counts of
 * requests and replies against the stated shares; a replay of the script that never expects two
 * things of one order that contradict each other.
 * Fails when: a share, the resting count or the distances drift from the figures, or a request is
 * prepared without a reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/equity.h"

#define SEED     23U
#define REQUESTS 200000U
#define RESTING  2000U

static const struct oc_equity_config base = {
    .seed = SEED,
    .user_id = 1000,
    .instruments = 4,
    .resting = RESTING,
    .request_count = REQUESTS,
};

static void assert_share(const char *what, double share, double low, double high)
{
    if (share < low || share > high) {
        fail_msg("seed %u: %s is %.4f, outside %.4f to %.4f", SEED, what, share, low, high);
    }
}

static void test_same_seed_same_stream(void **state)
{
    struct oc_script a;
    struct oc_script b;
    struct oc_script c;
    struct oc_equity_facts facts;
    struct oc_equity_config config = base;

    (void)state;
    config.request_count = 20000;
    assert_int_equal(oc_equity_prepare(&config, &a, &facts), 0);
    assert_int_equal(oc_equity_prepare(&config, &b, &facts), 0);
    config.connection = 1;
    assert_int_equal(oc_equity_prepare(&config, &c, &facts), 0);
    assert_int_equal(a.request_count, b.request_count);
    assert_int_equal(a.reply_count, b.reply_count);
    assert_memory_equal(a.requests, b.requests, a.request_count * sizeof(*a.requests));
    assert_memory_equal(a.replies, b.replies, a.reply_count * sizeof(*a.replies));
    /* Another connection of the same seed plays another stream. */
    assert_int_equal(a.request_count, c.request_count);
    assert_true(memcmp(a.requests, c.requests, a.request_count * sizeof(*a.requests)) != 0);
    oc_script_deinit(&a);
    oc_script_deinit(&b);
    oc_script_deinit(&c);
}

static void test_shares(void **state)
{
    struct oc_script script;
    struct oc_equity_facts facts;
    double orders;
    double at_rest;
    uint64_t distances[16] = {0};
    uint64_t passive = 0;
    uint64_t qty_sum = 0;

    (void)state;
    assert_int_equal(oc_equity_prepare(&base, &script, &facts), 0);
    assert_int_equal(script.request_count, REQUESTS + RESTING);
    assert_int_equal(script.preload_count, RESTING);
    orders = (double)facts.new_orders;
    assert_share("immediate-or-cancel of new orders", (double)facts.immediate / orders, 0.145,
                 0.155);
    /* 20 % of the others once, and 2 % when they are gone. */
    at_rest = orders - (double)facts.immediate;
    assert_share("modifies of resting orders", (double)facts.replaces / at_rest, 0.205, 0.235);
    assert_share("cancels of resting orders", (double)facts.cancels / at_rest, 0.98, 1.04);
    assert_share("requests of a new order", (double)REQUESTS / orders, 2.0, 2.1);
    assert_share("trades of a new order", (double)facts.trades / orders, 0.05, 0.08);
    assert_share("mean of the resting orders", (double)facts.resting_sum / REQUESTS / RESTING, 0.98,
                 1.02);
    assert_share("fewest resting orders", (double)facts.resting_min / RESTING, 0.95, 1.0);
    assert_share("most resting orders", (double)facts.resting_max / RESTING, 1.0, 1.06);
    assert_int_equal(facts.books, REQUESTS / 1000);
    for (uint32_t i = script.preload_count; i < script.request_count; i++) {
        const struct oc_script_request *request = &script.requests[i];
        int64_t distance;
        if (request->kind != OC_COMMAND_NEW) {
            continue;
        }
        assert_in_range(request->qty_lots, 1, 100);
        qty_sum += request->qty_lots;
        distance = request->side == OC_BUY ? 33503 - request->price_ticks
                                           : request->price_ticks - 33505;
        if (request->time_in_force == OC_GOOD_TILL_CANCEL && distance >= 0 && distance < 16) {
            distances[distance]++;
            passive++;
        }
    }
    /* The mid hardly moves: weight 1 + 5*exp(-32) of 14.0 at the touch, a peak of 5 at 8 ticks. */
    assert_share("orders at the touch", (double)distances[0] / (double)passive, 0.06, 0.09);
    assert_share("orders 8 ticks behind it", (double)distances[8] / (double)passive, 0.32, 0.39);
    assert_share("mean quantity", (double)qty_sum / orders, 50.0, 51.0);
    oc_script_deinit(&script);
}

/* Walks the script: every order appears before it is named, and dies at most once. */
static void test_replies_are_coherent(void **state)
{
    struct oc_script script;
    struct oc_equity_facts facts;
    uint64_t *open;
    uint32_t reply = 0;
    uint32_t entered = 0;
    uint64_t gone = 0;
    uint64_t trades = 0;

    (void)state;
    assert_int_equal(oc_equity_prepare(&base, &script, &facts), 0);
    open = calloc(script.order_count + 1, sizeof(*open));
    assert_non_null(open);
    for (uint32_t i = 0; i < script.request_count; i++) {
        const struct oc_script_request *request = &script.requests[i];
        assert_true(request->reply_count > 0);
        if (request->kind == OC_COMMAND_NEW) {
            open[++entered] = request->qty_lots;
        } else if (request->kind != OC_COMMAND_BOOK) {
            assert_in_range(request->order, 1, entered);
        }
        for (uint16_t frame = 0; frame < request->reply_count; frame++) {
            const struct oc_script_reply *expected = &script.replies[reply++];
            switch (expected->kind) {
            case OC_EVENT_TRADE:
                assert_true(open[expected->order] >= expected->qty_lots);
                assert_true(open[expected->other] >= expected->qty_lots);
                open[expected->order] -= expected->qty_lots;
                open[expected->other] -= expected->qty_lots;
                trades += i >= script.preload_count;
                break;
            case OC_EVENT_CANCELLED:
                assert_int_equal(open[expected->order], expected->qty_lots);
                open[expected->order] = 0;
                gone++;
                break;
            case OC_EVENT_REPLACED:
                assert_true(open[expected->order] > 0);
                open[expected->order] = expected->qty_lots;
                break;
            case OC_EVENT_CONFIRMED:
                assert_int_equal(expected->order, entered);
                assert_true(open[entered] > 0);
                break;
            case OC_EVENT_REJECTED:
                assert_int_equal(expected->reason, OC_REASON_UNKNOWN_ORDER);
                assert_int_equal(open[expected->order], 0);
                break;
            case OC_EVENT_BOOK:
                reply += expected->order + expected->other;
                break;
            default:
                fail_msg("seed %u: request %u expects event %u", SEED, i, expected->kind);
            }
        }
    }
    assert_int_equal(reply, script.reply_count);
    assert_int_equal(entered, script.order_count);
    assert_int_equal(trades, facts.trades);
    assert_true(gone > REQUESTS / 4);
    free(open);
    oc_script_deinit(&script);
}

static void test_refuses_bad_numbers(void **state)
{
    struct oc_script script;
    struct oc_equity_facts facts;
    struct oc_equity_config config = base;

    (void)state;
    config.instruments = 0;
    assert_true(oc_equity_prepare(&config, &script, &facts) < 0);
    config = base;
    config.resting = 19;
    assert_true(oc_equity_prepare(&config, &script, &facts) < 0);
    config = base;
    config.request_count = 0;
    assert_true(oc_equity_prepare(&config, &script, &facts) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_stream),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_replies_are_coherent),
        cmocka_unit_test(test_refuses_bad_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
