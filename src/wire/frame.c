/*
 * Frames: a 4-byte big-endian length, then that many bytes.
 */
#include "wire/wire.h"

#include <string.h>

#include "core/assert.h"

enum oc_wire_frame oc_wire_frame_next(const uint8_t *bytes, size_t size, size_t *frame_size)
{
    uint32_t payload_size;

    *frame_size = 0;
    if (size < OC_FRAME_HEADER_BYTES) {
        return OC_WIRE_FRAME_INCOMPLETE;
    }
    payload_size = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                   (uint32_t)bytes[3];
    if (payload_size == 0 || payload_size > OC_FRAME_BYTES_MAX) {
        return OC_WIRE_FRAME_BAD_LENGTH;
    }
    *frame_size = OC_FRAME_HEADER_BYTES + (size_t)payload_size;
    return size < *frame_size ? OC_WIRE_FRAME_INCOMPLETE : OC_WIRE_FRAME_COMPLETE;
}

void oc_wire_refuse_frame(struct oc_command *command, enum oc_reason reason)
{
    OC_ASSERT(reason != OC_REASON_NONE);
    memset(command, 0, sizeof(*command));
    command->kind = OC_COMMAND_REFUSED;
    command->refused.request = OC_COMMAND_NONE;
    command->refused.reason = (uint16_t)reason;
}
