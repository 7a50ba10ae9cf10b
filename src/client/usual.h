/*
 * Replies in the shape that venues usually write them, recognised by their bytes.
 */
#ifndef OC_CLIENT_USUAL_H
#define OC_CLIENT_USUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/reply.h"

/**
 * Decodes a confirmation or trade without white space, whose members stand in the order of
 * docs/protocol.md with none behind them, if it is valid: *reply is then what
 * oc_wire_decode_reply() promises. Else returns false, which says nothing about the payload, with
 * event and symbol of *reply undefined: the general decoder reads it again from the start.
 */
bool oc_client__decode_usual(const uint8_t *payload, size_t size, struct oc_wire_reply *reply);

#endif
