/*
 * Checksums of frames, records and states: XXH3, 64 bits, from libxxhash.
 *
 * It finds damage and divergence; it does not resist an adversary. The values are part of the
 * journal format and of state hashes: XXH3 is frozen since xxHash 0.8.0, and a test pins known
 * answers.
 */
#ifndef OC_CORE_CHECKSUM_H
#define OC_CORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/**
 * Checksum of `size` bytes, seed 0. @data may be NULL when size is 0.
 */
uint64_t oc_checksum(const void *data, size_t size);

/**
 * Checksum of a sequence of records, one call for each.
 *
 * @hash  the result of the previous call; any constant, for instance 0, before the first.
 * Depends on the order and on where one record ends and the next begins: folding "ab" is not
 * folding "a" and "b". Records are hashed as memory, so padding bytes must be zero. No state, no
 * allocation.
 */
uint64_t oc_checksum_fold(uint64_t hash, const void *data, size_t size);

#endif
