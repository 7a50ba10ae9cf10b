/*
 * Goal: rule 19, filled + cancelled + open = accepted for every order, always; and rule 18, one
 * terminal event for each order that leaves.
 * Method: a seeded flow of orders, replaces and cancels with reports on; a ledger that knows only
 * the events. OC_SEED chooses the seed, which a failure prints. Fails when a lot is made or lost,
 * or an order leaves twice or untold.
 */
#include <stdlib.h>

#include "core/random.h"
#include "support/scenario.h"

#define ORDERS   20000U
#define COMMANDS 20000U

struct entry {
    uint64_t accepted;
    uint64_t filled;
    uint64_t cancelled;
    bool ended;
};

static struct entry ledger[ORDERS];

static void write_down(const struct oc_event *event)
{
    struct entry *entry;

    switch ((enum oc_event_kind)event->kind) {
    case OC_EVENT_ACCEPTED:
        ledger[event->order.order_id].accepted = event->order.qty_lots;
        break;
    case OC_EVENT_REPLACED:
        entry = &ledger[event->order.order_id];
        assert_int_equal(event->order.filled_lots, entry->filled);
        entry->accepted = entry->filled + event->order.qty_lots;
        break;
    case OC_EVENT_TRADE:
        ledger[event->trade.buyer_order_id].filled += event->trade.qty_lots;
        ledger[event->trade.seller_order_id].filled += event->trade.qty_lots;
        break;
    case OC_EVENT_EXECUTED:
        entry = &ledger[event->executed.order_id];
        assert_int_equal(event->executed.filled_lots, entry->filled);
        assert_int_equal(event->executed.filled_lots + event->executed.open_lots, entry->accepted);
        break;
    case OC_EVENT_CONFIRMED:
        entry = &ledger[event->order.order_id];
        assert_int_equal(event->order.qty_lots + entry->filled, entry->accepted);
        break;
    case OC_EVENT_FILLED:
        entry = &ledger[event->order.order_id];
        assert_int_equal(entry->filled, entry->accepted);
        assert_false(entry->ended);
        entry->ended = true;
        break;
    case OC_EVENT_CANCELLED:
        entry = &ledger[event->order.order_id];
        entry->cancelled = event->order.qty_lots;
        assert_int_equal(entry->filled + entry->cancelled, entry->accepted);
        assert_false(entry->ended);
        entry->ended = true;
        break;
    default:
        break;
    }
}

static void draw(struct oc_random *random)
{
    uint64_t user = 1 + oc_random_below(random, 4);
    uint64_t last = scenario_engine()->order_id_last;
    uint64_t order_id = last - (last == 0 ? 0 : oc_random_below(random, last < 30 ? last : 30));
    int64_t price = 100 + (int64_t)oc_random_below(random, 5);
    uint64_t qty = 1 + oc_random_below(random, 20);

    switch (oc_random_below(random, 8)) {
    case 0:
        cancel(user, order_id);
        break;
    case 1:
        replace(user, order_id, price, qty);
        break;
    case 2:
        replace_total(user, order_id, 0, qty);
        break;
    case 3:
        ENTER(.user = user, .side = OC_SELL, .price = price, .qty = qty, .ioc = true);
        break;
    case 4:
    case 5:
        buy(user, price, qty);
        break;
    default:
        sell(user, price, qty);
        break;
    }
}

static void conservation(void **state)
{
    const char *text = getenv("OC_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    struct oc_random random;
    uint32_t ended = 0;

    (void)state;
    print_message("OC_SEED=%llu\n", (unsigned long long)seed);
    oc_random_init(&random, seed);
    scenario_begin(
        &(struct scenario_options){.limits = {.orders_max = ORDERS}, .without_audit = true});
    for (uint32_t slot = 1; slot <= 4; slot++) {
        reports_on(slot);
    }
    for (uint32_t step = 0; step < COMMANDS; step++) {
        const struct oc_event *events;
        uint32_t count;

        draw(&random);
        ignore();
        count = scenario_events(&events);
        for (uint32_t index = 0; index < count; index++) {
            write_down(&events[index]);
        }
        if (step % 256 == 0) {
            oc_engine__audit(scenario_engine());
        }
    }
    for (uint64_t id = 1; id <= scenario_engine()->order_id_last; id++) {
        uint32_t index = oc_book_orders_find(&scenario_engine()->store.orders, id);

        assert_int_equal(ledger[id].ended, index == OC_INDEX_NONE);
        ended += ledger[id].ended;
        if (index != OC_INDEX_NONE) {
            const struct oc_book_order *order = &scenario_engine()->store.orders.orders[index];
            assert_int_equal(order->open_lots + order->filled_lots, ledger[id].accepted);
            assert_int_equal(order->filled_lots, ledger[id].filled);
        }
    }
    /* The flow would say nothing if it left hardly any order behind it. */
    assert_true(ended > COMMANDS / 4);
    scenario_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conservation)};

    return cmocka_run_group_tests_name("engine conservation", tests, NULL, NULL);
}
