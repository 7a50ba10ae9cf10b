/*
 * Commands and events as lines of a blotter, for expectations and for failing tests to print.
 *
 * One line each, short enough to be written by hand: "s1 confirmed #1 5@101" is the confirmation of
 * order 1, resting 5 at 101, told to session 1. What a line leaves out (owners, instrument 0,
 * times) is checked elsewhere. Header-only, so that tests of several folders share it.
 */
#ifndef OC_TESTS_ENGINE_TEXT_H
#define OC_TESTS_ENGINE_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "core/event.h"

#define TEXT_LINE_BYTES 512

/** "s3", "s3.2" for the second session in that slot, "venue". */
static inline void text_session(uint64_t session, char *out, size_t size)
{
    uint32_t generation = (uint32_t)(session >> 32);

    if (session == OC_SESSION_VENUE) {
        snprintf(out, size, "venue");
    } else if (generation == 1) {
        snprintf(out, size, "s%" PRIu32, oc_session_slot(session));
    } else {
        snprintf(out, size, "s%" PRIu32 ".%" PRIu32, oc_session_slot(session), generation);
    }
}

static inline const char *text_request(uint8_t kind)
{
    static const char *const NAMES[OC_COMMAND_KIND_COUNT] = {
        "none",        "instrument",  "open", "close",   "new",  "cancel",  "replace",
        "mass_cancel", "open_orders", "book", "session", "ping", "refused",
    };

    return kind < OC_COMMAND_KIND_COUNT ? NAMES[kind] : "?";
}

static inline void text_settings(uint32_t settings, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s", (settings & OC_SETTING_TRADES) != 0 ? " trades" : "",
             (settings & OC_SETTING_REPORTS) != 0 ? " reports" : "",
             (settings & OC_SETTING_CANCEL_ON_DISCONNECT) != 0 ? " cancel_on_disconnect" : "",
             settings == 0 ? " nothing" : "");
}

/** The part of an event behind its session. */
/* tidy: long - one case for each kind of event */
static inline void text_event_body(const struct oc_event *event, char *out, size_t size)
{
    const struct oc_event_order *order = &event->order;
    const char *reason = oc_reason_name((enum oc_reason)event->reason);
    char list[64];

    switch ((enum oc_event_kind)event->kind) {
    case OC_EVENT_INSTRUMENT:
        snprintf(out, size, "instrument %.*s", event->instrument_made.symbol.size,
                 event->instrument_made.symbol.bytes);
        break;
    case OC_EVENT_TRADE:
        snprintf(out, size, "trade %" PRIu64 "@%" PRId64 " #%" PRIu64 " #%" PRIu64,
                 event->trade.qty_lots, event->trade.price_ticks, event->trade.buyer_order_id,
                 event->trade.seller_order_id);
        break;
    case OC_EVENT_CONFIRMED:
    case OC_EVENT_REPLACED:
    case OC_EVENT_ACCEPTED:
        snprintf(out, size, "%s #%" PRIu64 " %" PRIu64 "@%" PRId64,
                 event->kind == OC_EVENT_CONFIRMED  ? "confirmed"
                 : event->kind == OC_EVENT_REPLACED ? "replaced"
                                                    : "accepted",
                 order->order_id, order->qty_lots, order->price_ticks);
        break;
    case OC_EVENT_CANCELLED:
        snprintf(out, size, "cancelled #%" PRIu64 " %" PRIu64 " %s", order->order_id,
                 order->qty_lots, reason);
        break;
    case OC_EVENT_REJECTED:
        snprintf(out, size, "rejected %s", text_request(event->rejected.request));
        if (event->rejected.order_id != 0) {
            snprintf(out + strlen(out), size - strlen(out), " #%" PRIu64, event->rejected.order_id);
        }
        snprintf(out + strlen(out), size - strlen(out), " %s", reason);
        break;
    case OC_EVENT_DUPLICATE:
        snprintf(out, size, "duplicate #%" PRIu64 " filled %" PRIu64 " open %" PRIu64,
                 order->order_id, order->filled_lots, order->qty_lots);
        break;
    case OC_EVENT_MASS_CANCELLED:
        snprintf(out, size, "mass_cancelled %" PRIu64, event->count);
        break;
    case OC_EVENT_BOOK:
        snprintf(out, size, "book %" PRIu32 " bids %" PRIu32 " asks", event->book.bid_count,
                 event->book.ask_count);
        break;
    case OC_EVENT_BOOK_LEVEL:
        snprintf(out, size, "%s %" PRIu64 "@%" PRId64 " x%" PRIu32,
                 event->level.side == OC_BUY ? "bid" : "ask", event->level.qty_lots,
                 event->level.price_ticks, event->level.order_count);
        break;
    case OC_EVENT_OPEN_ORDERS:
        snprintf(out, size, "open_orders %" PRIu32, event->open_orders.count);
        break;
    case OC_EVENT_OPEN_ORDER:
        snprintf(out, size, "open #%" PRIu64 " %s %" PRIu64 "@%" PRId64 " filled %" PRIu64,
                 order->order_id, order->side == OC_BUY ? "buy" : "sell", order->qty_lots,
                 order->price_ticks, order->filled_lots);
        break;
    case OC_EVENT_SESSION:
    case OC_EVENT_SESSION_OPENED:
        text_settings(event->settings, list, sizeof(list));
        snprintf(out, size, "%s%s", event->kind == OC_EVENT_SESSION ? "session" : "opened", list);
        break;
    case OC_EVENT_PONG:
        snprintf(out, size, "pong %" PRIu64, event->ping);
        break;
    case OC_EVENT_EXECUTED:
        snprintf(out, size,
                 "executed #%" PRIu64 " %" PRIu64 "@%" PRId64 " filled %" PRIu64 " open %" PRIu64
                 " %s",
                 event->executed.order_id, event->executed.qty_lots, event->executed.price_ticks,
                 event->executed.filled_lots, event->executed.open_lots,
                 (event->flags & OC_EVENT_TAKER) != 0 ? "taker" : "maker");
        break;
    case OC_EVENT_FILLED:
        snprintf(out, size, "filled #%" PRIu64 " %" PRIu64 " open %" PRIu64, order->order_id,
                 order->filled_lots, order->qty_lots);
        break;
    case OC_EVENT_SESSION_CLOSED:
        snprintf(out, size, "closed");
        break;
    case OC_EVENT_NONE:
    case OC_EVENT_KIND_COUNT:
        snprintf(out, size, "no event");
        break;
    }
}

/** The client_order_id of an event that has the member, else NULL. */
static inline const struct oc_client_order_id *text_client_order_id(const struct oc_event *event)
{
    switch ((enum oc_event_kind)event->kind) {
    case OC_EVENT_CONFIRMED:
    case OC_EVENT_CANCELLED:
    case OC_EVENT_REPLACED:
    case OC_EVENT_DUPLICATE:
    case OC_EVENT_OPEN_ORDER:
    case OC_EVENT_ACCEPTED:
    case OC_EVENT_FILLED:
        return &event->order.client_order_id;
    case OC_EVENT_REJECTED:
        return &event->rejected.client_order_id;
    default:
        return NULL;
    }
}

/** An event as one line, without a line end. */
static inline const char *text_event(const struct oc_event *event, char out[TEXT_LINE_BYTES])
{
    const struct oc_client_order_id *client_order_id = text_client_order_id(event);
    char body[256] = "";
    char session[32] = "";
    int size;

    text_event_body(event, body, sizeof(body));
    if ((event->flags & OC_EVENT_PUBLIC) == 0) {
        text_session(event->session, session, sizeof(session));
    }
    size = snprintf(out, TEXT_LINE_BYTES, "%s%s%s", session, session[0] != 0 ? " " : "", body);
    if (event->instrument != OC_INDEX_NONE && event->instrument != 0) {
        size += snprintf(out + size, TEXT_LINE_BYTES - (size_t)size, " in %" PRIu32,
                         event->instrument);
    }
    if (client_order_id != NULL && client_order_id->size > 0) {
        size += snprintf(out + size, TEXT_LINE_BYTES - (size_t)size, " id %.*s",
                         client_order_id->size, client_order_id->bytes);
    }
    if ((event->flags & OC_EVENT_HAS_REQUEST_ID) != 0) {
        snprintf(out + size, TEXT_LINE_BYTES - (size_t)size, " request %" PRIu64,
                 event->request_id);
    }
    return out;
}

/** The part of a command behind its session and user. */
static inline void text_command_body(const struct oc_command *command, char *out, size_t size)
{
    const struct oc_command_new *entry = &command->new_order;
    char given[64];
    char values[64];

    switch ((enum oc_command_kind)command->kind) {
    case OC_COMMAND_INSTRUMENT:
        snprintf(out, size,
                 "instrument %.*s tick %" PRId64 " lot %" PRIu64 " price %" PRId64 "..%" PRId64
                 " quantity %" PRIu64 "..%" PRIu64,
                 command->instrument.symbol.size, command->instrument.symbol.bytes,
                 command->instrument.tick_ticks, command->instrument.lot_lots,
                 command->instrument.price_min_ticks, command->instrument.price_max_ticks,
                 command->instrument.qty_min_lots, command->instrument.qty_max_lots);
        break;
    case OC_COMMAND_NEW:
        snprintf(out, size, "%s %.*s %" PRIu64 "@%" PRId64 "%s%s%.*s",
                 entry->side == OC_BUY ? "buy" : "sell", entry->symbol.size, entry->symbol.bytes,
                 entry->qty_lots, entry->price_ticks,
                 entry->time_in_force == OC_IMMEDIATE_OR_CANCEL ? " ioc" : "",
                 entry->client_order_id.size > 0 ? " id " : "", entry->client_order_id.size,
                 entry->client_order_id.bytes);
        break;
    case OC_COMMAND_CANCEL:
        snprintf(out, size, "cancel #%" PRIu64, command->cancel.order_id);
        break;
    case OC_COMMAND_REPLACE:
        snprintf(out, size,
                 "replace #%" PRIu64 " price %" PRId64 " quantity %" PRIu64 " total %" PRIu64,
                 command->replace.order_id, command->replace.price_ticks, command->replace.qty_lots,
                 command->replace.total_qty_lots);
        break;
    case OC_COMMAND_MASS_CANCEL:
        snprintf(out, size, "mass_cancel %.*s%s", command->mass_cancel.symbol.size,
                 command->mass_cancel.symbol.bytes,
                 !command->mass_cancel.has_side             ? ""
                 : command->mass_cancel.side == (int)OC_BUY ? " buy"
                                                            : " sell");
        break;
    case OC_COMMAND_BOOK:
        snprintf(out, size, "book %.*s depth %" PRIu32, command->book.symbol.size,
                 command->book.symbol.bytes, command->book.depth);
        break;
    case OC_COMMAND_SESSION_SET:
        text_settings(command->settings.given, given, sizeof(given));
        text_settings(command->settings.values, values, sizeof(values));
        snprintf(out, size, "session given%s on%s", given, values);
        break;
    default:
        snprintf(out, size, "%s", text_request(command->kind));
        break;
    }
}

/** A command as one line, without a line end. */
static inline const char *text_command(const struct oc_command *command, char out[TEXT_LINE_BYTES])
{
    char body[256] = "";
    char session[32];

    text_session(command->session, session, sizeof(session));
    text_command_body(command, body, sizeof(body));
    snprintf(out, TEXT_LINE_BYTES, "%s u%" PRIu64 " %s", session, command->user_id, body);
    return out;
}

#endif
