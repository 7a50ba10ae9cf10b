/*
 * Comparing replies with a script.
 *
 * Every member that existing clients or the protocol page promise is compared. What the server
 * alone can know (order ids, trade ids, times, a book's sequence) is checked for order, not for
 * value.
 */
#include "client/checker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

static const struct oc_script_request *request_at(const struct oc_checker *checker, uint64_t index);
static uint64_t local_id(const struct oc_checker *checker, uint64_t request_index, uint32_t order);
static bool compare(struct oc_checker *checker, const struct oc_script_reply *expected,
                    const struct oc_wire_reply *reply);
static bool trade_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                        const struct oc_wire_reply *reply);
static bool order_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                        const struct oc_event *event);
static bool rejected_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                           const struct oc_event *event);
static bool book_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                       const struct oc_wire_reply *reply);
static bool id_equal(struct oc_checker *checker, uint32_t order, uint64_t real, const char *what);
static bool number_equal(struct oc_checker *checker, const char *what, int64_t expected,
                         int64_t actual);
static bool symbol_equal(struct oc_checker *checker, uint16_t expected,
                         const struct oc_symbol *actual);
static bool complain(struct oc_checker *checker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *kind_name(unsigned kind);

int oc_checker_init(struct oc_checker *checker, const struct oc_script *script, uint64_t user_id,
                    uint32_t in_flight_max)
{
    uint64_t capacity = 1024;
    /* In a round only the ids of requests in flight matter, plus those of the round before them. */
    uint64_t wanted = script->round_orders == 0
                          ? (uint64_t)script->order_count + 1
                          : 2 * ((uint64_t)in_flight_max + script->round_orders);

    while (capacity < wanted) {
        capacity *= 2;
    }
    memset(checker, 0, sizeof(*checker));
    checker->script = script;
    checker->user_id = user_id;
    checker->ids = calloc(capacity, sizeof(*checker->ids));
    checker->id_mask = capacity - 1;
    return checker->ids == NULL ? -ENOMEM : 0;
}

void oc_checker_deinit(struct oc_checker *checker)
{
    free(checker->ids);
    memset(checker, 0, sizeof(*checker));
}

uint64_t oc_checker_order_id(const struct oc_checker *checker, uint64_t request_index, bool *needed)
{
    const struct oc_script_request *request = request_at(checker, request_index);
    const struct oc_checker_id *id;
    uint64_t local;

    *needed = request->kind == OC_COMMAND_CANCEL || request->kind == OC_COMMAND_REPLACE;
    if (!*needed) {
        return 0;
    }
    local = local_id(checker, request_index, request->order);
    id = &checker->ids[local & checker->id_mask];
    return id->local == local ? id->real : 0;
}

enum oc_check oc_checker_reply(struct oc_checker *checker, const struct oc_wire_reply *reply)
{
    const struct oc_script *script = checker->script;
    const struct oc_script_request *request;
    const struct oc_script_reply *expected;
    const struct oc_event *event = &reply->event;

    if (event->kind == OC_EVENT_TRADE && event->trade.buyer_user_id != checker->user_id &&
        event->trade.seller_user_id != checker->user_id) {
        return OC_CHECK_FOREIGN;
    }
    if (event->kind == OC_EVENT_REJECTED && event->reason < OC_REASON_COUNT) {
        checker->reject_counts[event->reason]++;
    }
    request = request_at(checker, checker->request_index);
    OC_ASSERT(checker->reply_index < script->reply_count);
    expected = &script->replies[checker->reply_index];
    if (!compare(checker, expected, reply)) {
        return OC_CHECK_WRONG;
    }
    checker->reply_index++;
    checker->trades += expected->kind == OC_EVENT_TRADE;
    if (expected->kind == OC_EVENT_BOOK) {
        checker->books++;
        checker->reply_index += expected->order + expected->other;
    }
    checker->frames++;
    if (checker->frames < request->reply_count) {
        return OC_CHECK_PART;
    }
    checker->frames = 0;
    checker->request_index++;
    if (script->round_orders > 0 && checker->request_index % script->request_count == 0) {
        checker->reply_index = 0;
    }
    return OC_CHECK_DONE;
}

static const struct oc_script_request *request_at(const struct oc_checker *checker, uint64_t index)
{
    const struct oc_script *script = checker->script;

    if (script->round_orders == 0) {
        OC_ASSERT(index < script->request_count);
        return &script->requests[index];
    }
    return &script->requests[index % script->request_count];
}

static uint64_t local_id(const struct oc_checker *checker, uint64_t request_index, uint32_t order)
{
    const struct oc_script *script = checker->script;

    return script->round_orders == 0
               ? order
               : order + request_index / script->request_count * script->round_orders;
}

static bool compare(struct oc_checker *checker, const struct oc_script_reply *expected,
                    const struct oc_wire_reply *reply)
{
    const struct oc_event *event = &reply->event;

    /* Before the kinds: it explains why the kinds may differ. */
    if (event->kind == OC_EVENT_TRADE && (event->trade.buyer_user_id != checker->user_id ||
                                          event->trade.seller_user_id != checker->user_id)) {
        return complain(checker,
                        "trade %" PRIu64 " with another user: the symbol is not this run's alone",
                        event->trade.trade_id);
    }
    if (event->kind != expected->kind) {
        if (event->kind == OC_EVENT_REJECTED) {
            return complain(checker, "expected %s, got rejected: %s (%s%s%.*s)",
                            kind_name(expected->kind), oc_reason_name(event->reason),
                            oc_reason_text(event->reason),
                            event->rejected.detail.size > 0 ? ": " : "",
                            (int)event->rejected.detail.size, event->rejected.detail.bytes);
        }
        return complain(checker, "expected %s, got %s", kind_name(expected->kind),
                        kind_name(event->kind));
    }
    switch (event->kind) {
    case OC_EVENT_TRADE:
        return trade_equal(checker, expected, reply);
    case OC_EVENT_CONFIRMED:
    case OC_EVENT_CANCELLED:
    case OC_EVENT_REPLACED:
        return order_equal(checker, expected, event);
    case OC_EVENT_REJECTED:
        return rejected_equal(checker, expected, event);
    case OC_EVENT_BOOK:
        return book_equal(checker, expected, reply);
    default:
        OC_UNREACHABLE();
    }
}

static bool trade_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                        const struct oc_wire_reply *reply)
{
    const struct oc_event_trade *trade = &reply->event.trade;

    if (trade->trade_id <= checker->last_trade_id) {
        return complain(checker, "trade_id %" PRIu64 " does not come after %" PRIu64,
                        trade->trade_id, checker->last_trade_id);
    }
    if (trade->time_ns < checker->last_trade_time_ns) {
        return complain(checker, "timestamp %" PRIu64 " of trade %" PRIu64 " lies before %" PRIu64,
                        trade->time_ns, trade->trade_id, checker->last_trade_time_ns);
    }
    checker->last_trade_id = trade->trade_id;
    checker->last_trade_time_ns = trade->time_ns;
    /* The older order first: ids are learned in the order in which they were given out. */
    if (expected->order < expected->other) {
        if (!id_equal(checker, expected->order, trade->buyer_order_id, "buyer_order_id") ||
            !id_equal(checker, expected->other, trade->seller_order_id, "seller_order_id")) {
            return false;
        }
    } else if (!id_equal(checker, expected->other, trade->seller_order_id, "seller_order_id") ||
               !id_equal(checker, expected->order, trade->buyer_order_id, "buyer_order_id")) {
        return false;
    }
    return number_equal(checker, "matched_price", expected->price_ticks, trade->price_ticks) &&
           number_equal(checker, "matched_quantity", (int64_t)expected->qty_lots,
                        (int64_t)trade->qty_lots) &&
           symbol_equal(checker, expected->symbol, &reply->symbol);
}

static bool order_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                        const struct oc_event *event)
{
    if (!id_equal(checker, expected->order, event->order.order_id, "order_id") ||
        !number_equal(checker, "the order's user", (int64_t)checker->user_id,
                      (int64_t)event->order.user_id)) {
        return false;
    }
    if (event->kind == OC_EVENT_CONFIRMED) {
        return true;
    }
    if (event->kind == OC_EVENT_CANCELLED && event->reason != expected->reason) {
        return complain(checker, "expected the reason %s, got %s",
                        oc_reason_name((enum oc_reason)expected->reason),
                        oc_reason_name((enum oc_reason)event->reason));
    }
    if (event->kind == OC_EVENT_REPLACED &&
        !number_equal(checker, "price", expected->price_ticks, event->order.price_ticks)) {
        return false;
    }
    return number_equal(checker, "quantity", (int64_t)expected->qty_lots,
                        (int64_t)event->order.qty_lots);
}

static bool rejected_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                           const struct oc_event *event)
{
    if (event->reason != expected->reason) {
        return complain(checker, "expected rejected: %s, got %s",
                        oc_reason_name((enum oc_reason)expected->reason),
                        oc_reason_name((enum oc_reason)event->reason));
    }
    return number_equal(checker, "rejected request", expected->request, event->rejected.request) &&
           (expected->order == 0 ||
            id_equal(checker, expected->order, event->rejected.order_id, "order_id"));
}

static bool book_equal(struct oc_checker *checker, const struct oc_script_reply *expected,
                       const struct oc_wire_reply *reply)
{
    const struct oc_event_book *book = &reply->event.book;
    uint32_t count = expected->order + expected->other;

    if (!symbol_equal(checker, expected->symbol, &reply->symbol) ||
        !number_equal(checker, "number of bids", expected->order, book->bid_count) ||
        !number_equal(checker, "number of asks", expected->other, book->ask_count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct oc_script_reply *level = expected + 1 + i;
        const struct oc_event_level *actual = &reply->levels[i];
        if (actual->price_ticks != level->price_ticks || actual->qty_lots != level->qty_lots ||
            (level->other != 0 && actual->order_count != level->other)) {
            uint32_t rank = i < expected->order ? i : i - expected->order;
            return complain(checker,
                            "%s %" PRIu32 " of the book is %" PRIu64 " @ %" PRId64 " in %" PRIu32
                            " orders, expected %" PRIu64 " @ %" PRId64,
                            level->side == OC_BUY ? "bid" : "ask", rank + 1, actual->qty_lots,
                            actual->price_ticks, actual->order_count, level->qty_lots,
                            level->price_ticks);
        }
    }
    return true;
}

/* Learns the id at its first mention, compares it later. */
static bool id_equal(struct oc_checker *checker, uint32_t order, uint64_t real, const char *what)
{
    uint64_t local = local_id(checker, checker->request_index, order);
    struct oc_checker_id *id = &checker->ids[local & checker->id_mask];

    if (id->local == local) {
        if (id->real == real) {
            return true;
        }
        return complain(checker, "%s is %" PRIu64 ", expected %" PRIu64, what, real, id->real);
    }
    if (real <= checker->last_order_id) {
        return complain(checker, "%s %" PRIu64 " of a new order does not come after %" PRIu64, what,
                        real, checker->last_order_id);
    }
    checker->last_order_id = real;
    id->local = local;
    id->real = real;
    return true;
}

static bool number_equal(struct oc_checker *checker, const char *what, int64_t expected,
                         int64_t actual)
{
    if (expected == actual) {
        return true;
    }
    return complain(checker, "%s is %" PRId64 ", expected %" PRId64, what, actual, expected);
}

static bool symbol_equal(struct oc_checker *checker, uint16_t expected,
                         const struct oc_symbol *actual)
{
    const struct oc_symbol *symbol = &checker->script->symbols[expected];

    if (memcmp(symbol, actual, sizeof(*symbol)) == 0) {
        return true;
    }
    return complain(checker, "symbol is %.*s, expected %.*s", (int)actual->size, actual->bytes,
                    (int)symbol->size, symbol->bytes);
}

/* Always false, so that a comparison can end with it. */
static bool complain(struct oc_checker *checker, const char *format, ...)
{
    const struct oc_script_request *request = request_at(checker, checker->request_index);
    static const char *const names[OC_COMMAND_KIND_COUNT] = {
        [OC_COMMAND_NEW] = "new order",
        [OC_COMMAND_CANCEL] = "cancel",
        [OC_COMMAND_REPLACE] = "replace",
        [OC_COMMAND_BOOK] = "book",
    };
    char place[256] = "";
    char what[OC_CHECKER_WHY_BYTES - sizeof(place) - 96];
    va_list arguments;

    if (request->row > 0 && checker->script->row_file != NULL) {
        (void)snprintf(place, sizeof(place), "%s row %" PRIu32 ": ", checker->script->row_file,
                       request->row);
    }
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    (void)snprintf(checker->why, sizeof(checker->why),
                   "%srequest %" PRIu64 " of user %" PRIu64 " (%s): %s", place,
                   checker->request_index + 1, checker->user_id, names[request->kind], what);
    return false;
}

static const char *kind_name(unsigned kind)
{
    static const char *const names[OC_EVENT_KIND_COUNT] = {
        [OC_EVENT_NONE] = "no reply",
        [OC_EVENT_INSTRUMENT] = "instrument",
        [OC_EVENT_TRADE] = "a trade",
        [OC_EVENT_CONFIRMED] = "a confirmation",
        [OC_EVENT_CANCELLED] = "cancelled",
        [OC_EVENT_REPLACED] = "replaced",
        [OC_EVENT_REJECTED] = "rejected",
        [OC_EVENT_DUPLICATE] = "duplicate",
        [OC_EVENT_MASS_CANCELLED] = "mass_cancelled",
        [OC_EVENT_BOOK] = "book",
        [OC_EVENT_OPEN_ORDERS] = "open_orders",
        [OC_EVENT_SESSION] = "session",
        [OC_EVENT_PONG] = "pong",
        [OC_EVENT_ACCEPTED] = "accepted",
        [OC_EVENT_EXECUTED] = "executed",
        [OC_EVENT_FILLED] = "filled",
    };

    return kind < OC_EVENT_KIND_COUNT && names[kind] != NULL ? names[kind] : "an unknown reply";
}
