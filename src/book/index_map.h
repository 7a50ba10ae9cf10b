/*
 * A hash map from something to a 32-bit index, where the something is kept by the caller.
 *
 * Open addressing with linear probing, at most half full, sized at start and never rehashed. A cell
 * is a 32-bit hash and an index: the hash gives the home of a cell without looking at the thing
 * itself, so a removal can shift later cells back and leaves no tombstone. 32 cells make a
 * row, and the low five bits of a hash choose the cell within it: hashes that are made of counters
 * (oc_book_hash_counter) put neighbours side by side, where one miss of the cache or of the address
 * translation serves many, and distant ones far apart. Longer rows would make longer searches where
 * full rows meet.
 */
#ifndef OC_BOOK_INDEX_MAP_H
#define OC_BOOK_INDEX_MAP_H

#include "book/hash.h"
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
    uint32_t row_shift; /* moves the hash bits that choose a row down to bit 5 */
    uint32_t used;
    uint32_t capacity;
};

/**
 * Make a map for up to `capacity` entries, 0 to 2^31. Returns 0 or -ENOMEM. Memory comes from the
 * arena and is not touched here.
 */
int oc_book_map_init(struct oc_book_map *map, struct oc_arena *arena, uint32_t capacity);

/** The cell where a search for this hash begins. */
static inline uint32_t oc_book_map_home(const struct oc_book_map *map, uint32_t hash)
{
    return (((hash >> map->row_shift) & ~31U) | (hash & 31U)) & map->mask;
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
