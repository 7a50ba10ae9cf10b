/*
 * Any bytes as the payload of a request: the decoder must survive them and answer consistently.
 *
 * A request that is taken must survive our own client's encoder and come back the same. One that is
 * refused must become a reject that our own client understands, with the same reason and member.
 * The sanitizers watch the rest: the input lies in memory of just its size.
 */
#include <string.h>

#include "core/assert.h"
#include "wire/reply.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct oc_wire_encoder *encoder_once(void);
static void check_taken(const struct oc_command *command);
static void check_refused(const struct oc_command *command);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oc_command command;
    enum oc_reason reason;
    size_t frame_size;

    (void)oc_wire_frame_next(data, size, &frame_size);
    OC_ASSERT(frame_size <= OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX);
    if (size > OC_FRAME_BYTES_MAX) {
        return 0;
    }
    /* What the decoder leaves out would be seen as a difference below. */
    memset(&command, 0xa5, sizeof(command));
    reason = oc_wire_decode_request(data, size, &command);
    OC_ASSERT(command.sequence == 0);
    OC_ASSERT(command.session == 0);
    OC_ASSERT((reason == OC_REASON_NONE) == (command.kind != OC_COMMAND_REFUSED));
    if (reason == OC_REASON_NONE) {
        check_taken(&command);
    } else {
        OC_ASSERT(command.refused.reason == reason);
        check_refused(&command);
    }
    return 0;
}

static void check_taken(const struct oc_command *command)
{
    uint8_t frame[OC_WIRE_REQUEST_BYTES_MAX];
    struct oc_command again;
    enum oc_reason reason;
    size_t frame_size;

    frame_size = oc_wire_encode_request(command, frame);
    OC_ASSERT(frame_size > OC_FRAME_HEADER_BYTES);
    OC_ASSERT(frame_size <= sizeof(frame));
    memset(&again, 0x5a, sizeof(again));
    reason = oc_wire_decode_request(frame + OC_FRAME_HEADER_BYTES,
                                    frame_size - OC_FRAME_HEADER_BYTES, &again);
    OC_ASSERT(reason == OC_REASON_NONE);
    OC_ASSERT(memcmp(command, &again, sizeof(again)) == 0);
}

static void check_refused(const struct oc_command *command)
{
    const struct oc_command_refused *refused = &command->refused;
    struct oc_event event = {.kind = OC_EVENT_REJECTED, .reason = refused->reason};
    struct oc_wire_reply reply = {.level_capacity = 0, .order_capacity = 0};
    struct oc_wire_span span;
    int rc;

    event.request_id = command->request_id;
    event.flags = command->flags != 0 ? OC_EVENT_HAS_REQUEST_ID : 0;
    event.rejected.request = refused->request;
    event.rejected.order_id = refused->order_id;
    event.rejected.detail = refused->detail;
    event.rejected.client_order_id = refused->client_order_id;
    span = oc_wire_encode(encoder_once(), &event);
    OC_ASSERT(span.size <= OC_WIRE_REPLY_BYTES_MAX);
    rc = oc_wire_decode_reply(span.bytes + OC_FRAME_HEADER_BYTES, span.size - OC_FRAME_HEADER_BYTES,
                              &reply);
    OC_ASSERT(rc == 0);
    event.instrument = OC_INDEX_NONE;
    OC_ASSERT(memcmp(&event, &reply.event, sizeof(event)) == 0);
}

/* One for the whole run: inputs do not change it. */
static struct oc_wire_encoder *encoder_once(void)
{
    static struct oc_wire_encoder *encoder;
    static struct oc_arena arena;

    if (encoder == NULL) {
        oc_arena_init(&arena);
        encoder = oc_wire_encoder_create(&arena, 1);
        OC_ASSERT(encoder != NULL);
    }
    return encoder;
}
