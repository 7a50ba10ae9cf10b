/*
 * Scripts: growing arrays before the run, plain reading during it.
 */
#include "client/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

static int grow(void **array, uint32_t *capacity, uint32_t count, size_t size);

int oc_script_init(struct oc_script *script, uint32_t symbol_count)
{
    memset(script, 0, sizeof(*script));
    script->symbols = calloc(symbol_count, sizeof(*script->symbols));
    if (script->symbols == NULL) {
        return -ENOMEM;
    }
    script->symbol_count = symbol_count;
    return 0;
}

void oc_script_deinit(struct oc_script *script)
{
    free(script->symbols);
    free(script->requests);
    free(script->replies);
    memset(script, 0, sizeof(*script));
}

void oc_script_symbol_set(struct oc_script *script, uint32_t index, const char *text)
{
    size_t size = strlen(text);

    OC_ASSERT(index < script->symbol_count);
    OC_ASSERT(size >= 1);
    OC_ASSERT(size <= OC_SYMBOL_BYTES_MAX);
    memset(&script->symbols[index], 0, sizeof(script->symbols[index]));
    script->symbols[index].size = (uint8_t)size;
    memcpy(script->symbols[index].bytes, text, size);
}

int oc_script_request(struct oc_script *script, const struct oc_script_request *request)
{
    int rc;

    OC_ASSERT(request->reply_count == 0);
    OC_ASSERT(request->symbol < script->symbol_count);
    if (script->request_count == OC_SCRIPT_REQUESTS_MAX) {
        return -E2BIG;
    }
    rc = grow((void **)&script->requests, &script->request_capacity, script->request_count,
              sizeof(*request));
    if (rc < 0) {
        return rc;
    }
    script->requests[script->request_count++] = *request;
    return 0;
}

int oc_script_expect(struct oc_script *script, const struct oc_script_reply *reply)
{
    struct oc_script_request *request;
    int rc;

    OC_ASSERT(script->request_count > 0);
    request = &script->requests[script->request_count - 1];
    if (reply->kind != OC_EVENT_BOOK_LEVEL) {
        if (request->reply_count == UINT16_MAX) {
            return -E2BIG;
        }
        request->reply_count++;
    }
    rc = grow((void **)&script->replies, &script->reply_capacity, script->reply_count,
              sizeof(*reply));
    if (rc < 0) {
        return rc;
    }
    script->replies[script->reply_count++] = *reply;
    return 0;
}

/* tidy: long - one case for each kind of event */
int oc_script_expect_event(struct oc_script *script, const struct oc_event *event, uint32_t symbol)
{
    struct oc_script_reply reply = {
        .kind = event->kind,
        .reason = (uint8_t)event->reason,
        .symbol = (uint16_t)symbol,
    };

    switch (event->kind) {
    case OC_EVENT_TRADE:
        reply.price_ticks = event->trade.price_ticks;
        reply.qty_lots = event->trade.qty_lots;
        reply.order = (uint32_t)event->trade.buyer_order_id;
        reply.other = (uint32_t)event->trade.seller_order_id;
        break;
    case OC_EVENT_CONFIRMED:
        reply.order = (uint32_t)event->order.order_id;
        break;
    case OC_EVENT_CANCELLED:
        reply.order = (uint32_t)event->order.order_id;
        reply.qty_lots = event->order.qty_lots;
        break;
    case OC_EVENT_REPLACED:
        reply.order = (uint32_t)event->order.order_id;
        reply.price_ticks = event->order.price_ticks;
        reply.qty_lots = event->order.qty_lots;
        break;
    case OC_EVENT_REJECTED:
        reply.order = (uint32_t)event->rejected.order_id;
        reply.request = event->rejected.request;
        break;
    case OC_EVENT_BOOK:
        reply.order = event->book.bid_count;
        reply.other = event->book.ask_count;
        break;
    case OC_EVENT_BOOK_LEVEL:
        reply.price_ticks = event->level.price_ticks;
        reply.qty_lots = event->level.qty_lots;
        reply.other = event->level.order_count;
        reply.side = event->level.side;
        break;
    case OC_EVENT_INSTRUMENT:
        return 0;
    default:
        /* A flow that asks for more must teach the checker first. */
        OC_UNREACHABLE();
    }
    return oc_script_expect(script, &reply);
}

void oc_script_command(const struct oc_script *script, const struct oc_script_request *request,
                       uint64_t user_id, uint64_t order_id, struct oc_command *command)
{
    memset(command, 0, sizeof(*command));
    command->kind = request->kind;
    command->user_id = user_id;
    switch (request->kind) {
    case OC_COMMAND_NEW:
        command->new_order.symbol = script->symbols[request->symbol];
        command->new_order.side = request->side;
        command->new_order.time_in_force = request->time_in_force;
        command->new_order.price_ticks = request->price_ticks;
        command->new_order.qty_lots = request->qty_lots;
        break;
    case OC_COMMAND_CANCEL:
        command->cancel.order_id = order_id;
        break;
    case OC_COMMAND_REPLACE:
        command->replace.order_id = order_id;
        command->replace.price_ticks = request->price_ticks;
        if (request->total) {
            command->replace.total_qty_lots = request->qty_lots;
        } else {
            command->replace.qty_lots = request->qty_lots;
        }
        break;
    case OC_COMMAND_BOOK:
        command->book.symbol = script->symbols[request->symbol];
        command->book.depth = (uint32_t)request->qty_lots;
        break;
    default:
        OC_UNREACHABLE();
    }
}

uint64_t oc_script_bytes(const struct oc_script *script)
{
    return (uint64_t)script->request_capacity * sizeof(*script->requests) +
           (uint64_t)script->reply_capacity * sizeof(*script->replies) +
           (uint64_t)script->symbol_count * sizeof(*script->symbols);
}

/* Doubles, so that appending stays cheap and at most half of the memory is idle. */
static int grow(void **array, uint32_t *capacity, uint32_t count, size_t size)
{
    uint32_t wanted;
    void *larger;

    if (count < *capacity) {
        return 0;
    }
    if (*capacity > UINT32_MAX / 2) {
        return -E2BIG;
    }
    wanted = *capacity == 0 ? 1024 : *capacity * 2;
    larger = realloc(*array, (size_t)wanted * size);
    if (larger == NULL) {
        return -ENOMEM;
    }
    *array = larger;
    *capacity = wanted;
    return 0;
}
