/*
 * Preparing the lobster flow.
 *
 * A small model of the open orders says which stand-in an unknown id belongs to and what a message
 * should leave behind; it never decides who is filled: that is what NASDAQ's file says and the
 * server must repeat. Each row must follow from the row before it by its message, so that a damaged
 * number is found in the row where it stands, in either file.
 */
#include "client/lobster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/lobster_file.h"
#include "core/assert.h"

/* An open order; id 0 is a stand-in. */
struct order {
    uint64_t id;
    uint64_t qty_lots;
    int64_t price_ticks;
    uint32_t local; /* local ids grow, so they also tell the age */
    uint8_t side;
};

struct flow {
    struct oc_script *script;
    struct oc_lobster_facts *facts;
    struct oc_lobster__file messages;
    struct oc_lobster__file book;
    struct oc_lobster__message message;
    struct oc_lobster__row *row;    /* after the message */
    struct oc_lobster__row *before; /* after the message before it */
    struct order *orders;           /* a few hundred: searched from end to end */
    uint32_t order_count;
    uint32_t order_capacity;
};

static int read_all(struct flow *flow);
static int read_pair(struct flow *flow);
static int first_row(struct flow *flow);
static int next_row(struct flow *flow);
static int row_follows(struct flow *flow);
static int side_follows(struct flow *flow, enum oc_side side);
static int64_t message_effect(const struct oc_lobster__message *message, enum oc_side side,
                              int64_t price_ticks);
static int apply(struct flow *flow);
static int apply_new(struct flow *flow);
static int apply_reduction(struct flow *flow);
static int apply_execution(struct flow *flow);
static int make_equal(struct flow *flow, enum oc_side side);
static int make_level_equal(struct flow *flow, enum oc_side side, int64_t price_ticks,
                            uint64_t wanted_lots);
static int compare_row(struct flow *flow);
static int enter(struct flow *flow, uint64_t id, enum oc_side side, int64_t price_ticks,
                 uint64_t qty_lots);
static int reduce(struct flow *flow, struct order *order, uint64_t by_lots);
static void forget(struct flow *flow, struct order *order);
static struct order *find(struct flow *flow, uint64_t id, enum oc_side side, int64_t price_ticks);
static bool in_sight(const struct oc_lobster__row *row, enum oc_side side, int64_t price_ticks);
static uint64_t row_qty(const struct oc_lobster__row *row, enum oc_side side, int64_t price_ticks);

int oc_lobster_prepare(const char *messages, const char *book, const char *symbol,
                       struct oc_script *script, struct oc_lobster_facts *facts, char *error,
                       size_t error_size)
{
    struct flow flow;
    int rc;

    memset(&flow, 0, sizeof(flow));
    memset(facts, 0, sizeof(*facts));
    flow.script = script;
    flow.facts = facts;
    (void)snprintf(error, error_size, "no memory for the flow");
    rc = oc_script_init(script, 1);
    if (rc < 0) {
        return rc;
    }
    oc_script_symbol_set(script, 0, symbol);
    script->row_file = messages;
    flow.row = calloc(1, sizeof(*flow.row));
    flow.before = calloc(1, sizeof(*flow.before));
    if (flow.row == NULL || flow.before == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = oc_lobster__open(&flow.messages, messages, error, error_size);
    }
    if (rc == 0) {
        rc = oc_lobster__open(&flow.book, book, error, error_size);
    }
    if (rc == 0) {
        rc = read_all(&flow);
    }
    oc_lobster__close(&flow.messages);
    oc_lobster__close(&flow.book);
    free(flow.row);
    free(flow.before);
    free(flow.orders);
    return rc;
}

static int read_all(struct flow *flow)
{
    int rc = read_pair(flow);

    if (rc == 0) {
        flow->messages.row = 1;
        return oc_lobster__refuse(&flow->messages, "the file is empty");
    }
    if (rc > 0) {
        flow->facts->levels = flow->row->width;
        rc = first_row(flow);
    }
    while (rc == 0) {
        struct oc_lobster__row *before = flow->before;
        uint64_t time_ns = flow->message.time_ns;
        flow->before = flow->row;
        flow->row = before;
        rc = read_pair(flow);
        if (rc <= 0) {
            return rc;
        }
        if (flow->message.time_ns < time_ns) {
            return oc_lobster__refuse(&flow->messages, "the time goes back");
        }
        rc = next_row(flow);
    }
    return rc;
}

/* Returns 1, 0 at the end of both files, or what was wrong. */
static int read_pair(struct flow *flow)
{
    int message = oc_lobster__read_message(&flow->messages, &flow->message);
    int row = message < 0 ? 0 : oc_lobster__read_row(&flow->book, flow->row);

    if (message < 0 || row < 0) {
        return message < 0 ? message : row;
    }
    if (message != row) {
        struct oc_lobster__file *longer = message > row ? &flow->messages : &flow->book;
        return oc_lobster__refuse(longer, "the other file ends before it");
    }
    if (message == 1 && flow->facts->rows > 0 && flow->row->width != flow->before->width) {
        return oc_lobster__refuse(&flow->book, "has %" PRIu32 " levels, the row before it %" PRIu32,
                                  flow->row->width, flow->before->width);
    }
    flow->facts->rows += (uint32_t)message;
    return message;
}

/* The stand-ins of what rested before, then the first message if it entered an order. */
static int first_row(struct flow *flow)
{
    const struct oc_lobster__message *message = &flow->message;
    bool entered = message->type == OC_LOBSTER__NEW;

    if (entered && row_qty(flow->row, message->side, message->price_ticks) < message->qty_lots) {
        return oc_lobster__refuse(&flow->book, "does not show the order of its message");
    }
    for (int side = OC_BUY; side <= OC_SELL; side++) {
        for (uint32_t i = 0; i < flow->row->counts[side]; i++) {
            const struct oc_lobster__level *level = &flow->row->levels[side][i];
            uint64_t qty_lots = level->qty_lots;
            if (entered && side == message->side && level->price_ticks == message->price_ticks) {
                qty_lots -= message->qty_lots;
            }
            if (qty_lots > 0) {
                int rc = enter(flow, 0, (enum oc_side)side, level->price_ticks, qty_lots);
                if (rc < 0) {
                    return rc;
                }
            }
        }
    }
    flow->script->preload_count = flow->script->request_count;
    return entered ? apply(flow) : 0;
}

static int next_row(struct flow *flow)
{
    int rc = row_follows(flow);

    if (rc == 0) {
        rc = apply(flow);
    }
    for (int side = OC_BUY; rc == 0 && side <= OC_SELL; side++) {
        rc = make_equal(flow, (enum oc_side)side);
    }
    if (rc == 0) {
        rc = compare_row(flow);
    }
    return rc;
}

/* Between two rows, what is in sight of both differs by exactly the message. */
static int row_follows(struct flow *flow)
{
    const struct oc_lobster__message *message = &flow->message;
    enum oc_side side = (enum oc_side)message->side;
    int rc = side_follows(flow, OC_BUY);

    if (rc == 0) {
        rc = side_follows(flow, OC_SELL);
    }
    if (rc == 0 && message_effect(message, side, message->price_ticks) != 0 &&
        (!in_sight(flow->row, side, message->price_ticks) ||
         !in_sight(flow->before, side, message->price_ticks))) {
        return oc_lobster__refuse(&flow->messages,
                                  "price %" PRId64 " is not among the levels of its row",
                                  message->price_ticks);
    }
    return rc;
}

static int side_follows(struct flow *flow, enum oc_side side)
{
    const struct oc_lobster__row *rows[2] = {flow->before, flow->row};

    for (int r = 0; r < 2; r++) {
        for (uint32_t i = 0; i < rows[r]->counts[side]; i++) {
            int64_t price_ticks = rows[r]->levels[side][i].price_ticks;
            uint64_t was = row_qty(flow->before, side, price_ticks);
            uint64_t is = row_qty(flow->row, side, price_ticks);
            int64_t effect = message_effect(&flow->message, side, price_ticks);
            if (!in_sight(flow->before, side, price_ticks) ||
                !in_sight(flow->row, side, price_ticks)) {
                continue;
            }
            if ((int64_t)is - (int64_t)was != effect) {
                return oc_lobster__refuse(&flow->book,
                                          "%s %" PRId64 " has quantity %" PRIu64 ", but %" PRIu64
                                          " before it and the message's effect of %" PRId64
                                          " make %" PRId64,
                                          side == OC_BUY ? "bid" : "ask", price_ticks, is, was,
                                          effect, (int64_t)was + effect);
            }
        }
    }
    return 0;
}

static int64_t message_effect(const struct oc_lobster__message *message, enum oc_side side,
                              int64_t price_ticks)
{
    if (message->side != side || message->price_ticks != price_ticks) {
        return 0;
    }
    switch (message->type) {
    case OC_LOBSTER__NEW:
        return (int64_t)message->qty_lots;
    case OC_LOBSTER__REDUCE:
    case OC_LOBSTER__DELETE:
    case OC_LOBSTER__EXECUTE:
        return -(int64_t)message->qty_lots;
    default:
        return 0;
    }
}

static int apply(struct flow *flow)
{
    switch (flow->message.type) {
    case OC_LOBSTER__NEW:
        return apply_new(flow);
    case OC_LOBSTER__REDUCE:
    case OC_LOBSTER__DELETE:
        return apply_reduction(flow);
    case OC_LOBSTER__EXECUTE:
        return apply_execution(flow);
    case OC_LOBSTER__HALT:
        flow->facts->halts++;
        return 0;
    default:
        flow->facts->hidden++;
        return 0;
    }
}

static int apply_new(struct flow *flow)
{
    const struct oc_lobster__message *message = &flow->message;

    for (uint32_t i = 0; i < flow->order_count; i++) {
        if (message->order_id != 0 && flow->orders[i].id == message->order_id) {
            return oc_lobster__refuse(&flow->messages, "order %" PRIu64 " is open already",
                                      message->order_id);
        }
    }
    return enter(flow, message->order_id, (enum oc_side)message->side, message->price_ticks,
                 message->qty_lots);
}

static int apply_reduction(struct flow *flow)
{
    const struct oc_lobster__message *message = &flow->message;
    struct order *order = find(flow, message->order_id, (enum oc_side)message->side,
                               message->price_ticks);

    if (order == NULL || order->qty_lots < message->qty_lots) {
        return oc_lobster__refuse(&flow->messages,
                                  "order %" PRIu64 " has no %" PRIu64 " left at %" PRId64,
                                  message->order_id, message->qty_lots, message->price_ticks);
    }
    if (order->id != 0 &&
        (message->type == OC_LOBSTER__DELETE) != (order->qty_lots == message->qty_lots)) {
        return oc_lobster__refuse(&flow->messages, "order %" PRIu64 " has %" PRIu64 " left",
                                  message->order_id, order->qty_lots);
    }
    return reduce(flow, order, message->qty_lots);
}

/* Somebody's order of the other side, and the one order that it must hit. */
static int apply_execution(struct flow *flow)
{
    const struct oc_lobster__message *message = &flow->message;
    struct order *order = find(flow, message->order_id, (enum oc_side)message->side,
                               message->price_ticks);
    struct oc_script_request request = {
        .kind = OC_COMMAND_NEW,
        .side = message->side == OC_BUY ? OC_SELL : OC_BUY,
        .time_in_force = OC_IMMEDIATE_OR_CANCEL,
        .price_ticks = message->price_ticks,
        .qty_lots = message->qty_lots,
        .row = flow->facts->rows,
    };
    struct oc_script_reply trade = {
        .kind = OC_EVENT_TRADE,
        .price_ticks = message->price_ticks,
        .qty_lots = message->qty_lots,
    };
    uint32_t taker = ++flow->script->order_count;
    int rc;

    if (order == NULL || order->qty_lots < message->qty_lots) {
        return oc_lobster__refuse(&flow->messages,
                                  "order %" PRIu64 " has no %" PRIu64 " left at %" PRId64,
                                  message->order_id, message->qty_lots, message->price_ticks);
    }
    trade.order = message->side == OC_BUY ? order->local : taker;
    trade.other = message->side == OC_BUY ? taker : order->local;
    flow->facts->executions++;
    flow->facts->executions_known += order->id != 0;
    order->qty_lots -= message->qty_lots;
    if (order->qty_lots == 0) {
        forget(flow, order);
    }
    rc = oc_script_request(flow->script, &request);
    return rc < 0 ? rc : oc_script_expect(flow->script, &trade);
}

/* What came into sight with this row, and could have changed before without a message. */
static int make_equal(struct flow *flow, enum oc_side side)
{
    const struct oc_lobster__row *row = flow->row;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < row->counts[side]; i++) {
        rc = make_level_equal(flow, side, row->levels[side][i].price_ticks,
                              row->levels[side][i].qty_lots);
    }
    /* From the end, because a removed order's place is taken by the last one. */
    for (uint32_t i = flow->order_count; rc == 0 && i > 0; i--) {
        int64_t price_ticks;
        if (i > flow->order_count || flow->orders[i - 1].side != side) {
            continue;
        }
        price_ticks = flow->orders[i - 1].price_ticks;
        if (in_sight(row, side, price_ticks) && row_qty(row, side, price_ticks) == 0) {
            rc = make_level_equal(flow, side, price_ticks, 0);
        }
    }
    return rc;
}

static int make_level_equal(struct flow *flow, enum oc_side side, int64_t price_ticks,
                            uint64_t wanted_lots)
{
    uint64_t have_lots = 0;
    int rc = 0;

    for (uint32_t i = 0; i < flow->order_count; i++) {
        if (flow->orders[i].side == side && flow->orders[i].price_ticks == price_ticks) {
            have_lots += flow->orders[i].qty_lots;
        }
    }
    if (have_lots == wanted_lots) {
        return 0;
    }
    if (in_sight(flow->before, side, price_ticks)) {
        return oc_lobster__refuse(
            &flow->book, "level %" PRId64 " has %" PRIu64 " left, but the orders at it %" PRIu64,
            price_ticks, wanted_lots, have_lots);
    }
    if (have_lots < wanted_lots) {
        return enter(flow, 0, side, price_ticks, wanted_lots - have_lots);
    }
    flow->facts->unseen++;
    while (rc == 0 && have_lots > wanted_lots) {
        uint64_t excess = have_lots - wanted_lots;
        struct order *victim = NULL;
        for (uint32_t i = 0; i < flow->order_count; i++) {
            struct order *order = &flow->orders[i];
            if (order->side != side || order->price_ticks != price_ticks) {
                continue;
            }
            if (victim == NULL || (victim->qty_lots != excess &&
                                   (order->qty_lots == excess || order->local > victim->local))) {
                victim = order;
            }
        }
        OC_ASSERT(victim != NULL);
        excess = excess < victim->qty_lots ? excess : victim->qty_lots;
        rc = reduce(flow, victim, excess);
        have_lots -= excess;
    }
    return rc;
}

/* Asks for the book, which must be the row. */
static int compare_row(struct flow *flow)
{
    const struct oc_lobster__row *row = flow->row;
    struct oc_script_request request = {
        .kind = OC_COMMAND_BOOK,
        .qty_lots = row->width,
        .row = flow->facts->rows,
    };
    struct oc_script_reply book = {
        .kind = OC_EVENT_BOOK,
        .order = row->counts[OC_BUY],
        .other = row->counts[OC_SELL],
    };
    int rc = oc_script_request(flow->script, &request);

    if (rc == 0) {
        rc = oc_script_expect(flow->script, &book);
    }
    for (int side = OC_BUY; side <= OC_SELL; side++) {
        for (uint32_t i = 0; rc == 0 && i < row->counts[side]; i++) {
            struct oc_script_reply level = {
                .kind = OC_EVENT_BOOK_LEVEL,
                .side = (uint8_t)side,
                .price_ticks = row->levels[side][i].price_ticks,
                .qty_lots = row->levels[side][i].qty_lots,
            };
            rc = oc_script_expect(flow->script, &level);
        }
    }
    flow->facts->rows_compared++;
    return rc;
}

static int enter(struct flow *flow, uint64_t id, enum oc_side side, int64_t price_ticks,
                 uint64_t qty_lots)
{
    struct oc_script_request request = {
        .kind = OC_COMMAND_NEW,
        .side = (uint8_t)side,
        .price_ticks = price_ticks,
        .qty_lots = qty_lots,
        .row = flow->facts->rows,
    };
    struct oc_script_reply confirmed = {.kind = OC_EVENT_CONFIRMED};
    int rc;

    if (flow->order_count == flow->order_capacity) {
        uint32_t capacity = flow->order_capacity == 0 ? 1024 : flow->order_capacity * 2;
        struct order *larger = realloc(flow->orders, (size_t)capacity * sizeof(*larger));
        if (larger == NULL) {
            return -ENOMEM;
        }
        flow->orders = larger;
        flow->order_capacity = capacity;
    }
    confirmed.order = ++flow->script->order_count;
    flow->orders[flow->order_count++] = (struct order){
        .id = id,
        .qty_lots = qty_lots,
        .price_ticks = price_ticks,
        .local = confirmed.order,
        .side = (uint8_t)side,
    };
    flow->facts->stand_ins += id == 0;
    rc = oc_script_request(flow->script, &request);
    return rc < 0 ? rc : oc_script_expect(flow->script, &confirmed);
}

/* A cancel, or a replace with the smaller quantity, which keeps the order's place. */
static int reduce(struct flow *flow, struct order *order, uint64_t by_lots)
{
    struct oc_script_request request = {.order = order->local, .row = flow->facts->rows};
    struct oc_script_reply reply = {.order = order->local, .price_ticks = order->price_ticks};
    int rc;

    order->qty_lots -= by_lots;
    if (order->qty_lots == 0) {
        request.kind = OC_COMMAND_CANCEL;
        reply.kind = OC_EVENT_CANCELLED;
        reply.reason = OC_REASON_USER;
        reply.qty_lots = by_lots;
        forget(flow, order);
    } else {
        request.kind = OC_COMMAND_REPLACE;
        request.qty_lots = order->qty_lots;
        reply.kind = OC_EVENT_REPLACED;
        reply.qty_lots = order->qty_lots;
    }
    rc = oc_script_request(flow->script, &request);
    return rc < 0 ? rc : oc_script_expect(flow->script, &reply);
}

static void forget(struct flow *flow, struct order *order)
{
    *order = flow->orders[--flow->order_count];
}

/* The order with this id, else the oldest stand-in of the level that an unknown id belongs to. */
static struct order *find(struct flow *flow, uint64_t id, enum oc_side side, int64_t price_ticks)
{
    struct order *stand_in = NULL;

    for (uint32_t i = 0; i < flow->order_count; i++) {
        struct order *order = &flow->orders[i];
        if (order->side != side || order->price_ticks != price_ticks) {
            continue;
        }
        if (id != 0 && order->id == id) {
            return order;
        }
        if (order->id == 0 && (stand_in == NULL || order->local < stand_in->local)) {
            stand_in = order;
        }
    }
    return stand_in;
}

/* A row with an empty level shows the whole side. */
static bool in_sight(const struct oc_lobster__row *row, enum oc_side side, int64_t price_ticks)
{
    uint32_t count = row->counts[side];
    int64_t last;

    if (count < row->width) {
        return true;
    }
    last = row->levels[side][count - 1].price_ticks;
    return side == OC_BUY ? price_ticks >= last : price_ticks <= last;
}

static uint64_t row_qty(const struct oc_lobster__row *row, enum oc_side side, int64_t price_ticks)
{
    for (uint32_t i = 0; i < row->counts[side]; i++) {
        if (row->levels[side][i].price_ticks == price_ticks) {
            return row->levels[side][i].qty_lots;
        }
    }
    return 0;
}
