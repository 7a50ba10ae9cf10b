/*
 * Messages in the shape that programs usually write them, recognised by their bytes.
 */
#ifndef OC_WIRE_USUAL_H
#define OC_WIRE_USUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "wire/reply.h"

/**
 * Decodes a new order, cancel or replace without white space, whose members stand in the order of
 * docs/protocol.md, if it is valid: *command is then what oc_wire_decode_request() promises. Else
 * returns false, which says nothing about the payload, with *command undefined: the general decoder
 * reads it again from the start.
 */
bool oc_wire__decode_usual(const uint8_t *payload, size_t size, struct oc_command *command);

/**
 * Decodes a confirmation or trade in the same way, with no member behind those of docs/protocol.md:
 * *reply is then what oc_wire_decode_reply() promises. Else returns false, with event, symbol and
 * remaining of *reply undefined.
 */
bool oc_wire__decode_usual_reply(const uint8_t *payload, size_t size, struct oc_wire_reply *reply);

#endif
