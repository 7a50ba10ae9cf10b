/*
 * The hash map of indices: sizing, removal by backward shift, audit.
 */
#include "book/index_map.h"

#include <errno.h>

#define BITS_MIN 5U

int oc_book_map_init(struct oc_book_map *map, struct oc_arena *arena, uint32_t capacity)
{
    uint32_t bits = BITS_MIN;

    OC_ASSERT(capacity <= 1U << 31);
    while ((1ULL << bits) < 2ULL * capacity) {
        bits++;
    }
    *map = (struct oc_book_map){
        .mask = (uint32_t)((1ULL << bits) - 1),
        .row_shift = 32 - bits,
        .capacity = capacity,
    };
    map->cells = oc_arena_alloc(arena, (size_t)1 << bits, sizeof(*map->cells), 0);
    return map->cells != NULL ? 0 : -ENOMEM;
}

void oc_book_map_remove(struct oc_book_map *map, uint32_t hash, uint32_t index)
{
    uint32_t hole = oc_book_map_home(map, hash);
    uint32_t cell;

    while (map->cells[hole].index_plus_1 != index + 1) {
        OC_ASSERT(map->cells[hole].index_plus_1 != 0);
        hole = (hole + 1) & map->mask;
    }
    OC_ASSERT(map->cells[hole].hash == hash);
    cell = hole;
    for (;;) {
        uint32_t home;

        cell = (cell + 1) & map->mask;
        if (map->cells[cell].index_plus_1 == 0) {
            break;
        }
        /* An entry may move into the hole unless its home lies behind the hole on its way here. */
        home = oc_book_map_home(map, map->cells[cell].hash);
        if (((cell - home) & map->mask) >= ((cell - hole) & map->mask)) {
            map->cells[hole] = map->cells[cell];
            hole = cell;
        }
    }
    map->cells[hole] = (struct oc_book_map_cell){0};
    map->used--;
}

void oc_book_map_audit(const struct oc_book_map *map)
{
    uint32_t used = 0;
    uint32_t cell = 0;

    do {
        uint32_t step;

        if (map->cells[cell].index_plus_1 == 0) {
            continue;
        }
        used++;
        step = oc_book_map_home(map, map->cells[cell].hash);
        while (step != cell) {
            OC_ASSERT(map->cells[step].index_plus_1 != 0);
            step = (step + 1) & map->mask;
        }
    } while (cell++ != map->mask);
    OC_ASSERT(used == map->used);
    OC_ASSERT(used <= map->capacity);
}
