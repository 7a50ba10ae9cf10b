/*
 * Requests in the shape that clients usually write them, recognised by their bytes.
 */
#ifndef OC_WIRE_USUAL_H
#define OC_WIRE_USUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"

/**
 * Decodes a new order, cancel or replace without white space, whose members stand in the order of
 * docs/protocol.md, if it is valid: *command is then what oc_wire_decode_request() promises. Else
 * returns false, which says nothing about the payload, with *command undefined: the general decoder
 * reads it again from the start.
 */
bool oc_wire__decode_usual(const uint8_t *payload, size_t size, struct oc_command *command);

#endif
