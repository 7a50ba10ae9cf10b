/*
 * How many connections each address has, so that one of them cannot take them all.
 *
 * An IPv4 address counts by itself, an IPv6 address by its first 64 bits: whoever has one of a
 * network commonly has all 2^64. IPv4 mapped into IPv6 is IPv4. Peers without such an address (a
 * unix socket) are not counted. Nothing here is on an order's way: a connection is counted when it
 * is accepted and when it is gone.
 */
#ifndef OC_SERVER_ADMISSION_H
#define OC_SERVER_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

/** Any thread, at the same time: the io threads share one. */
struct oc_admission;

/**
 * Makes a table for slots 0 to sessions_max - 1, each of which can be one connection.
 *
 * @sessions_max     1 to 2^20, all io threads together.
 * @per_address_max  at least 1.
 * Returns NULL when memory is short. Some 70 bytes of the arena for each slot.
 */
struct oc_admission *oc_admission_create(struct oc_arena *arena, uint32_t sessions_max,
                                         uint32_t per_address_max);

/**
 * A connection was accepted in a slot that is free.
 *
 * @peer  its address and port, as "192.0.2.1:5000" or "[2001:db8::1]:5000".
 * Returns false, and counts nothing, if its address has per_address_max already. O(1).
 */
bool oc_admission_enter(struct oc_admission *admission, uint32_t slot, const char *peer);

/** The connection in the slot that was let in is gone. O(1). */
void oc_admission_leave(struct oc_admission *admission, uint32_t slot);

#endif
