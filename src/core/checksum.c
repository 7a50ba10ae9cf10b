/*
 * XXH3 behind our own two names, so that only this file knows the library.
 */
#include "core/checksum.h"

#include <xxhash.h>

uint64_t oc_checksum(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

uint64_t oc_checksum_fold(uint64_t hash, const void *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, hash);
}
