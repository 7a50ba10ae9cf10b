/*
 * The price levels of one side: a B+ tree of sorted arrays that is one array as long as 64 suffice.
 *
 * Arrays other than the root are kept at least a quarter full, which bounds how many a number of
 * levels can need; the pool is sized by that bound, so a level that fits always finds its place.
 * Nothing recurses: the way from the root is kept in a small array.
 */
#include "book/levels.h"

#include <errno.h>
#include <string.h>

#include "core/assert.h"

#define NODE_ENTRIES 64U
/* Two neighbours merge only at three quarters, so that the next insert does not split them again.
 */
#define MERGE_ENTRIES_MAX 48U
#define NODE_ENTRIES_MIN  16U
/* 16^8 = 2^32 levels. */
#define HEIGHT_MAX 8U
/* Steps from the end before a search halves the rest: most searches are near the best price. */
#define SCAN_STEPS 8U

_Static_assert(MERGE_ENTRIES_MAX < NODE_ENTRIES, "a merged array has room left");
_Static_assert(MERGE_ENTRIES_MAX / 2 >= NODE_ENTRIES_MIN, "sharing leaves both halves legal");
_Static_assert(NODE_ENTRIES / 2 >= NODE_ENTRIES_MIN, "splitting leaves both halves legal");

/**
 * In a leaf: keys and the levels they belong to. Above: for each child a key that no key in it is
 * below and every key before it is; the first child's is not looked at, it takes all smaller keys.
 */
struct oc_book_levels_node {
    uint32_t count;
    uint32_t previous; /* leaves only: towards worse prices */
    uint32_t next;
    uint32_t unused;
    int64_t keys[NODE_ENTRIES];
    uint32_t refs[NODE_ENTRIES];
};

/** The way from the root to an entry. Index 0 is the root. */
struct path {
    uint32_t nodes[HEIGHT_MAX];
    uint32_t positions[HEIGHT_MAX];
    uint32_t leaf_depth;
};

static uint32_t lower_bound(const struct oc_book_levels_node *node, int64_t key);
static uint32_t child_position(const struct oc_book_levels_node *node, int64_t key);
static void path_find(const struct oc_book_level_pool *pool, const struct oc_book_levels *levels,
                      int64_t key, struct path *path);
static void entries_move(struct oc_book_levels_node *to, uint32_t to_position,
                         const struct oc_book_levels_node *from, uint32_t from_position,
                         uint32_t count);
static void entry_insert(struct oc_book_levels_node *node, uint32_t position, int64_t key,
                         uint32_t ref);
static void entry_remove(struct oc_book_levels_node *node, uint32_t position);
static uint32_t node_take(struct oc_book_level_pool *pool);
static uint32_t node_split(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                           uint32_t left, bool is_leaf);
static void root_grow(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                      uint32_t right);
static void tree_insert(struct oc_book_level_pool *pool, struct oc_book_levels *levels, int64_t key,
                        uint32_t level);
static void tree_remove(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                        int64_t key);
static bool siblings_settle(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                            struct oc_book_levels_node *parent, uint32_t right_position,
                            bool is_leaf);
static void best_refresh(const struct oc_book_level_pool *pool, struct oc_book_levels *levels);

int oc_book_level_pool_init(struct oc_book_level_pool *pool, struct oc_arena *arena,
                            uint32_t levels_max, uint32_t sides_max)
{
    /* A side's leaves hold 16 levels each at least, except one that is a root; every layer above
     * is at most a 16th of the one below. */
    uint64_t roots_max = sides_max < levels_max ? sides_max : levels_max;
    uint64_t nodes_max = (uint64_t)levels_max / (NODE_ENTRIES_MIN - 1) + roots_max + 1;

    OC_ASSERT(levels_max >= 1);
    OC_ASSERT(levels_max <= 1U << 31);
    if (oc_pool_init(&pool->level_slots, arena, levels_max) != 0 ||
        oc_pool_init(&pool->node_slots, arena, (uint32_t)nodes_max) != 0) {
        return -ENOMEM;
    }
    pool->levels = oc_arena_alloc(arena, levels_max, sizeof(*pool->levels), 0);
    pool->nodes = oc_arena_alloc(arena, nodes_max, sizeof(*pool->nodes), 0);
    return pool->levels != NULL && pool->nodes != NULL ? 0 : -ENOMEM;
}

void oc_book_levels_init(struct oc_book_levels *levels, enum oc_side side)
{
    *levels = (struct oc_book_levels){
        .root = OC_INDEX_NONE,
        .last_leaf = OC_INDEX_NONE,
        .best = OC_INDEX_NONE,
        .best_key = INT64_MIN,
        .side = (uint8_t)side,
    };
}

struct oc_book_levels_place oc_book_levels_find(const struct oc_book_level_pool *pool,
                                                const struct oc_book_levels *levels,
                                                int64_t price_ticks)
{
    int64_t key = oc_book_levels_key(levels->side, price_ticks);
    struct oc_book_levels_place place = {.level = OC_INDEX_NONE, .leaf = levels->last_leaf};
    const struct oc_book_levels_node *node;

    if (key == levels->best_key) {
        place.level = levels->best;
        return place;
    }
    if (place.leaf == OC_INDEX_NONE) {
        return place;
    }
    node = &pool->nodes[place.leaf];
    if (key > levels->best_key) {
        place.position = node->count;
        return place;
    }
    if (key < node->keys[0] && levels->height > 1) {
        place.leaf = levels->root;
        for (uint32_t depth = 1; depth < levels->height; depth++) {
            node = &pool->nodes[place.leaf];
            place.leaf = node->refs[child_position(node, key)];
        }
        node = &pool->nodes[place.leaf];
    }
    place.position = lower_bound(node, key);
    if (place.position < node->count && node->keys[place.position] == key) {
        place.level = node->refs[place.position];
    }
    return place;
}

uint32_t oc_book_levels_make(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                             int64_t price_ticks, struct oc_book_levels_place place)
{
    int64_t key = oc_book_levels_key(levels->side, price_ticks);
    uint32_t level = oc_pool_take(&pool->level_slots);

    OC_ASSERT(place.level == OC_INDEX_NONE);
    OC_ASSERT(level != OC_INDEX_NONE);
    pool->levels[level] = (struct oc_book_level){
        .price_ticks = price_ticks,
        .head = OC_INDEX_NONE,
        .tail = OC_INDEX_NONE,
    };
    if (place.leaf != OC_INDEX_NONE && pool->nodes[place.leaf].count < NODE_ENTRIES) {
        entry_insert(&pool->nodes[place.leaf], place.position, key, level);
    } else {
        tree_insert(pool, levels, key, level);
    }
    levels->count++;
    if (key > levels->best_key) {
        levels->best_key = key;
        levels->best = level;
    }
    return level;
}

void oc_book_levels_remove(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                           uint32_t level)
{
    int64_t key = oc_book_levels_key(levels->side, pool->levels[level].price_ticks);
    struct oc_book_levels_node *last = &pool->nodes[levels->last_leaf];

    OC_ASSERT(pool->levels[level].order_count == 0);
    OC_ASSERT(levels->count > 0);
    if (key >= last->keys[0] && last->count > (levels->height == 1 ? 1 : NODE_ENTRIES_MIN)) {
        /* The common case: near the best price, and no array becomes too small. */
        uint32_t position = level == levels->best ? last->count - 1 : lower_bound(last, key);

        OC_ASSERT(last->refs[position] == level);
        entry_remove(last, position);
    } else {
        tree_remove(pool, levels, key);
    }
    levels->count--;
    oc_pool_give(&pool->level_slots, level);
    best_refresh(pool, levels);
}

struct oc_book_levels_cursor oc_book_levels_cursor_best(const struct oc_book_level_pool *pool,
                                                        const struct oc_book_levels *levels)
{
    struct oc_book_levels_cursor cursor = {.leaf = levels->last_leaf, .position = 0};

    if (cursor.leaf != OC_INDEX_NONE) {
        cursor.position = pool->nodes[cursor.leaf].count - 1;
    }
    return cursor;
}

uint32_t oc_book_levels_cursor_level(const struct oc_book_level_pool *pool,
                                     struct oc_book_levels_cursor cursor)
{
    return cursor.leaf == OC_INDEX_NONE ? OC_INDEX_NONE
                                        : pool->nodes[cursor.leaf].refs[cursor.position];
}

void oc_book_levels_cursor_next(const struct oc_book_level_pool *pool,
                                struct oc_book_levels_cursor *cursor)
{
    OC_ASSERT(cursor->leaf != OC_INDEX_NONE);
    if (cursor->position > 0) {
        cursor->position--;
        return;
    }
    cursor->leaf = pool->nodes[cursor->leaf].previous;
    if (cursor->leaf != OC_INDEX_NONE) {
        cursor->position = pool->nodes[cursor->leaf].count - 1;
    }
}

/** Arrays above the leaves and their separators; returns how many arrays there are in all. */
static uint32_t audit_inner(const struct oc_book_level_pool *pool,
                            const struct oc_book_levels *levels)
{
    /* The leaves are walked by their links; here the same leaves must come up by descent. */
    uint32_t node_count = 0;
    uint32_t expected_leaf = OC_INDEX_NONE;
    struct path path = {.nodes = {levels->root}, .leaf_depth = levels->height - 1U};
    uint32_t depth = 0;

    for (;;) {
        const struct oc_book_levels_node *node = &pool->nodes[path.nodes[depth]];
        if (path.positions[depth] == 0) {
            node_count++;
            OC_ASSERT(node->count <= NODE_ENTRIES);
            OC_ASSERT(node->count >= (depth > 0                 ? NODE_ENTRIES_MIN
                                      : depth < path.leaf_depth ? 2U
                                                                : 1U));
        }
        if (depth < path.leaf_depth && path.positions[depth] < node->count) {
            path.nodes[depth + 1] = node->refs[path.positions[depth]++];
            path.positions[++depth] = 0;
            continue;
        }
        if (depth == path.leaf_depth) {
            OC_ASSERT(node->previous == expected_leaf);
            expected_leaf = path.nodes[depth];
            for (uint32_t above = 0; above < depth; above++) {
                const struct oc_book_levels_node *parent = &pool->nodes[path.nodes[above]];
                uint32_t position = path.positions[above] - 1;
                OC_ASSERT(position == 0 || parent->keys[position] <= node->keys[0]);
                OC_ASSERT(position + 1 == parent->count ||
                          node->keys[node->count - 1] < parent->keys[position + 1]);
            }
        }
        if (depth == 0) {
            break;
        }
        depth--;
    }
    OC_ASSERT(expected_leaf == levels->last_leaf);
    OC_ASSERT(pool->nodes[expected_leaf].next == OC_INDEX_NONE);
    return node_count;
}

uint32_t oc_book_levels_audit(const struct oc_book_level_pool *pool,
                              const struct oc_book_levels *levels)
{
    struct oc_book_levels_cursor cursor = oc_book_levels_cursor_best(pool, levels);
    uint32_t level_count = 0;
    int64_t better_key = INT64_MAX;

    if (levels->root == OC_INDEX_NONE) {
        OC_ASSERT(levels->count == 0);
        OC_ASSERT(levels->height == 0);
        OC_ASSERT(levels->best == OC_INDEX_NONE);
        OC_ASSERT(levels->best_key == INT64_MIN);
        OC_ASSERT(levels->last_leaf == OC_INDEX_NONE);
        return 0;
    }
    OC_ASSERT(levels->best == oc_book_levels_cursor_level(pool, cursor));
    while (cursor.leaf != OC_INDEX_NONE) {
        int64_t key = pool->nodes[cursor.leaf].keys[cursor.position];
        uint32_t level = oc_book_levels_cursor_level(pool, cursor);
        OC_ASSERT(key < better_key || level_count == 0);
        OC_ASSERT(key == oc_book_levels_key(levels->side, pool->levels[level].price_ticks));
        OC_ASSERT(level_count > 0 || key == levels->best_key);
        OC_ASSERT(oc_book_levels_find(pool, levels, pool->levels[level].price_ticks).level ==
                  level);
        better_key = key;
        level_count++;
        oc_book_levels_cursor_next(pool, &cursor);
    }
    OC_ASSERT(level_count == levels->count);
    return audit_inner(pool, levels);
}

/** The first position whose key is not below `key`. */
static uint32_t lower_bound(const struct oc_book_levels_node *node, int64_t key)
{
    uint32_t high = node->count;
    uint32_t stop = high > SCAN_STEPS ? high - SCAN_STEPS : 0;
    uint32_t low = 0;

    while (high > stop && node->keys[high - 1] >= key) {
        high--;
    }
    if (high > stop) {
        return high;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (node->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** The child that holds `key` or would. */
static uint32_t child_position(const struct oc_book_levels_node *node, int64_t key)
{
    uint32_t position = node->count - 1;
    uint32_t low = 1;
    uint32_t high = node->count;

    if (key >= node->keys[position]) {
        return position;
    }
    /* The number of children whose lower bound is not above the key. */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (node->keys[middle] <= key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

static void path_find(const struct oc_book_level_pool *pool, const struct oc_book_levels *levels,
                      int64_t key, struct path *path)
{
    uint32_t node = levels->root;

    OC_ASSERT(levels->height >= 1);
    OC_ASSERT(levels->height <= HEIGHT_MAX);
    path->leaf_depth = levels->height - 1U;
    for (uint32_t depth = 0; depth < path->leaf_depth; depth++) {
        path->nodes[depth] = node;
        path->positions[depth] = child_position(&pool->nodes[node], key);
        node = pool->nodes[node].refs[path->positions[depth]];
    }
    path->nodes[path->leaf_depth] = node;
    path->positions[path->leaf_depth] = lower_bound(&pool->nodes[node], key);
}

static void entries_move(struct oc_book_levels_node *to, uint32_t to_position,
                         const struct oc_book_levels_node *from, uint32_t from_position,
                         uint32_t count)
{
    OC_ASSERT(to_position + count <= NODE_ENTRIES);
    OC_ASSERT(from_position + count <= NODE_ENTRIES);
    memmove(&to->keys[to_position], &from->keys[from_position], count * sizeof(to->keys[0]));
    memmove(&to->refs[to_position], &from->refs[from_position], count * sizeof(to->refs[0]));
}

static void entry_insert(struct oc_book_levels_node *node, uint32_t position, int64_t key,
                         uint32_t ref)
{
    OC_ASSERT(node->count < NODE_ENTRIES);
    OC_ASSERT(position <= node->count);
    entries_move(node, position + 1, node, position, node->count - position);
    node->keys[position] = key;
    node->refs[position] = ref;
    node->count++;
}

static void entry_remove(struct oc_book_levels_node *node, uint32_t position)
{
    OC_ASSERT(position < node->count);
    node->count--;
    if (position < node->count) {
        entries_move(node, position, node, position + 1, node->count - position);
    }
}

static uint32_t node_take(struct oc_book_level_pool *pool)
{
    uint32_t index = oc_pool_take(&pool->node_slots);

    /* The pool is sized for the worst spread of levels_max levels. */
    OC_ASSERT(index != OC_INDEX_NONE);
    pool->nodes[index].count = 0;
    pool->nodes[index].previous = OC_INDEX_NONE;
    pool->nodes[index].next = OC_INDEX_NONE;
    return index;
}

/** Move the upper half of a full array into a new one behind it. Returns the new one. */
static uint32_t node_split(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                           uint32_t left, bool is_leaf)
{
    uint32_t right = node_take(pool);
    struct oc_book_levels_node *left_node = &pool->nodes[left];
    struct oc_book_levels_node *right_node = &pool->nodes[right];

    OC_ASSERT(left_node->count == NODE_ENTRIES);
    entries_move(right_node, 0, left_node, NODE_ENTRIES / 2, NODE_ENTRIES / 2);
    left_node->count = NODE_ENTRIES / 2;
    right_node->count = NODE_ENTRIES / 2;
    if (is_leaf) {
        right_node->previous = left;
        right_node->next = left_node->next;
        left_node->next = right;
        if (right_node->next != OC_INDEX_NONE) {
            pool->nodes[right_node->next].previous = right;
        } else {
            levels->last_leaf = right;
        }
    }
    return right;
}

static void root_grow(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                      uint32_t right)
{
    uint32_t root = node_take(pool);
    struct oc_book_levels_node *node = &pool->nodes[root];

    entry_insert(node, 0, pool->nodes[levels->root].keys[0], levels->root);
    entry_insert(node, 1, pool->nodes[right].keys[0], right);
    levels->root = root;
    levels->height++;
}

static void tree_insert(struct oc_book_level_pool *pool, struct oc_book_levels *levels, int64_t key,
                        uint32_t level)
{
    struct path path;
    uint32_t ref = level;

    if (levels->root == OC_INDEX_NONE) {
        levels->root = node_take(pool);
        levels->last_leaf = levels->root;
        levels->height = 1;
    }
    path_find(pool, levels, key, &path);
    for (uint32_t depth = path.leaf_depth;; depth--) {
        bool is_leaf = depth == path.leaf_depth;
        struct oc_book_levels_node *node = &pool->nodes[path.nodes[depth]];
        /* In a leaf at its place; above, behind the child that was split. */
        uint32_t position = path.positions[depth] + (is_leaf ? 0 : 1);
        uint32_t right;

        if (node->count < NODE_ENTRIES) {
            entry_insert(node, position, key, ref);
            return;
        }
        right = node_split(pool, levels, path.nodes[depth], is_leaf);
        if (position <= NODE_ENTRIES / 2) {
            entry_insert(node, position, key, ref);
        } else {
            entry_insert(&pool->nodes[right], position - NODE_ENTRIES / 2, key, ref);
        }
        if (depth == 0) {
            root_grow(pool, levels, right);
            return;
        }
        key = pool->nodes[right].keys[0];
        ref = right;
    }
}

static void tree_remove(struct oc_book_level_pool *pool, struct oc_book_levels *levels, int64_t key)
{
    struct path path;
    struct oc_book_levels_node *node;

    path_find(pool, levels, key, &path);
    node = &pool->nodes[path.nodes[path.leaf_depth]];
    OC_ASSERT(path.positions[path.leaf_depth] < node->count);
    OC_ASSERT(node->keys[path.positions[path.leaf_depth]] == key);
    entry_remove(node, path.positions[path.leaf_depth]);
    for (uint32_t depth = path.leaf_depth; depth > 0; depth--) {
        struct oc_book_levels_node *parent = &pool->nodes[path.nodes[depth - 1]];
        uint32_t position = path.positions[depth - 1];

        if (pool->nodes[path.nodes[depth]].count >= NODE_ENTRIES_MIN) {
            return;
        }
        if (!siblings_settle(pool, levels, parent, position > 0 ? position : 1,
                             depth == path.leaf_depth)) {
            return;
        }
    }
    node = &pool->nodes[levels->root];
    if (levels->height > 1 && node->count == 1) {
        uint32_t old_root = levels->root;
        levels->root = node->refs[0];
        levels->height--;
        oc_pool_give(&pool->node_slots, old_root);
    } else if (node->count == 0) {
        oc_pool_give(&pool->node_slots, levels->root);
        levels->root = OC_INDEX_NONE;
        levels->last_leaf = OC_INDEX_NONE;
        levels->height = 0;
    }
}

/**
 * Merge the child at right_position into the one before it, or share their entries evenly where
 * they do not fit into one. Returns whether the parent lost a child.
 */
static bool siblings_settle(struct oc_book_level_pool *pool, struct oc_book_levels *levels,
                            struct oc_book_levels_node *parent, uint32_t right_position,
                            bool is_leaf)
{
    uint32_t left_index = parent->refs[right_position - 1];
    uint32_t right_index = parent->refs[right_position];
    struct oc_book_levels_node *left = &pool->nodes[left_index];
    struct oc_book_levels_node *right = &pool->nodes[right_index];
    uint32_t total = left->count + right->count;
    uint32_t left_count = total / 2;

    if (!is_leaf) {
        /* A first child's key is not kept up to date; where it stops being first it must hold. */
        right->keys[0] = parent->keys[right_position];
    }
    if (total <= MERGE_ENTRIES_MAX) {
        entries_move(left, left->count, right, 0, right->count);
        left->count = total;
        if (is_leaf) {
            left->next = right->next;
            if (left->next != OC_INDEX_NONE) {
                pool->nodes[left->next].previous = left_index;
            } else {
                levels->last_leaf = left_index;
            }
        }
        oc_pool_give(&pool->node_slots, right_index);
        entry_remove(parent, right_position);
        return true;
    }
    if (left->count > left_count) {
        uint32_t moved = left->count - left_count;
        entries_move(right, moved, right, 0, right->count);
        entries_move(right, 0, left, left_count, moved);
    } else {
        uint32_t moved = left_count - left->count;
        entries_move(left, left->count, right, 0, moved);
        entries_move(right, 0, right, moved, right->count - moved);
    }
    left->count = left_count;
    right->count = total - left_count;
    parent->keys[right_position] = right->keys[0];
    return false;
}

static void best_refresh(const struct oc_book_level_pool *pool, struct oc_book_levels *levels)
{
    const struct oc_book_levels_node *last;

    if (levels->last_leaf == OC_INDEX_NONE) {
        levels->best = OC_INDEX_NONE;
        levels->best_key = INT64_MIN;
        return;
    }
    last = &pool->nodes[levels->last_leaf];
    levels->best = last->refs[last->count - 1];
    levels->best_key = last->keys[last->count - 1];
}
