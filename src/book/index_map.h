/*
 * A hash map from something to a 32-bit index, where the something is kept by the caller.
 *
 * Open addressing with linear probing, at most half full, sized at start and never rehashed. A cell
 * is a 32-bit hash and an index: the hash gives the home of a cell without looking at the thing
 * itself, so a removal can shift later cells back and leaves no tombstone. Eight cells share a
 * cache line, and the low three bits of a hash choose the cell within it: hashes that are made of
 * counters (oc_book_hash_counter) put neighbours side by side and distant ones far apart. The map
 * does not resist keys chosen to collide; only limits bound what a hostile user can lengthen.
 */
#ifndef OC_BOOK_INDEX_MAP_H
#define OC_BOOK_INDEX_MAP_H

#include "core/arena.h"
#include "core/assert.h"
#include "core/types.h"

/** Zero is an empty cell, which is what fresh memory says. */
struct oc_book_map_cell {
    uint32_t hash;
    uint32_t index_plus_1;
};

struct oc_book_map {
    struct oc_book_map_cell *cells;
    uint32_t mask;
    uint32_t line_shift; /* moves the hash bits that choose a line down to bit 3 */
    uint32_t used;
    uint32_t capacity;
};

/**
 * Make a map for up to `capacity` entries, 0 to 2^31. Returns 0 or -ENOMEM. Memory comes from the
 * arena and is not touched here.
 */
int oc_book_map_init(struct oc_book_map *map, struct oc_arena *arena, uint32_t capacity);

/** The hash of a dense counter: eight successive values share a line, lines are scattered. */
static inline uint32_t oc_book_hash_counter(uint64_t counter)
{
    uint32_t scattered = (uint32_t)(((counter >> 3) * 0x9E3779B97F4A7C15ULL) >> 32);

    return (scattered & ~7U) | (uint32_t)(counter & 7U);
}

/** The hash of an arbitrary 64-bit value. Source: the finalizer of splitmix64. */
static inline uint32_t oc_book_hash_value(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return (uint32_t)((value ^ (value >> 31)) >> 16);
}

/** The cell where a search for this hash begins. */
static inline uint32_t oc_book_map_home(const struct oc_book_map *map, uint32_t hash)
{
    return (((hash >> map->line_shift) & ~7U) | (hash & 7U)) & map->mask;
}

/**
 * Walk the entries that may have this hash: set *cell to the home before the first call, call until
 * it returns OC_INDEX_NONE, compare the thing behind each index returned.
 */
static inline uint32_t oc_book_map_probe(const struct oc_book_map *map, uint32_t hash,
                                         uint32_t *cell)
{
    for (;;) {
        const struct oc_book_map_cell *entry = &map->cells[*cell];
        if (entry->index_plus_1 == 0) {
            return OC_INDEX_NONE;
        }
        *cell = (*cell + 1) & map->mask;
        if (entry->hash == hash) {
            return entry->index_plus_1 - 1;
        }
    }
}

/** Add an entry, which must not be in the map. Asserts that it is not full. */
static inline void oc_book_map_add(struct oc_book_map *map, uint32_t hash, uint32_t index)
{
    uint32_t cell = oc_book_map_home(map, hash);

    OC_ASSERT(map->used < map->capacity);
    while (map->cells[cell].index_plus_1 != 0) {
        cell = (cell + 1) & map->mask;
    }
    map->cells[cell] = (struct oc_book_map_cell){.hash = hash, .index_plus_1 = index + 1};
    map->used++;
}

/** Remove an entry, which must be in the map (asserted). Shifts what follows back. */
void oc_book_map_remove(struct oc_book_map *map, uint32_t hash, uint32_t index);

/** Check that every entry is found from its home and that the count is right. O(capacity). */
void oc_book_map_audit(const struct oc_book_map *map);

#endif
