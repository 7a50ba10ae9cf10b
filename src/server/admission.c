/*
 * Connections by address: a table with open addressing that is never more than half full.
 *
 * An entry that is given up is closed by moving back those behind it, so that no marks of former
 * entries pile up over the life of a server.
 */
#include "server/admission.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "core/assert.h"
#include "core/checksum.h"

/* The longest text of an IPv6 address, its scope included, is shorter. */
#define HOST_BYTES_MAX 80

/** What an address is counted by: an IPv6 address, of which the last 64 bits are zero. */
struct key {
    uint8_t bytes[16];
};

struct entry {
    struct key key;
    uint32_t count; /* 0: nothing stands here */
};

struct slot {
    struct key key;
    bool counted;
};

struct oc_admission {
    pthread_mutex_t lock; /* of all below */
    uint32_t per_address_max;
    uint32_t sessions_max;
    uint32_t mask;
    struct entry *entries;
    struct slot *slots;
};

static bool key_of(const char *peer, struct key *key);
static bool count_up(struct oc_admission *admission, const struct key *key);
static void count_down(struct oc_admission *admission, const struct key *key);
static uint32_t home_of(const struct oc_admission *admission, const struct key *key);
static uint32_t place_of(const struct oc_admission *admission, const struct key *key);
static void close_gap(struct oc_admission *admission, uint32_t gap);

struct oc_admission *oc_admission_create(struct oc_arena *arena, uint32_t sessions_max,
                                         uint32_t per_address_max)
{
    struct oc_admission *admission = oc_arena_alloc(arena, 1, sizeof *admission, 0);
    uint32_t capacity = 2;
    OC_ASSERT(sessions_max > 0);
    OC_ASSERT(per_address_max > 0);
    while (capacity < 2 * sessions_max) {
        capacity *= 2;
    }
    if (admission == NULL) {
        return NULL;
    }
    admission->per_address_max = per_address_max;
    admission->sessions_max = sessions_max;
    admission->mask = capacity - 1;
    admission->entries = oc_arena_alloc(arena, capacity, sizeof *admission->entries, 0);
    admission->slots = oc_arena_alloc(arena, sessions_max, sizeof *admission->slots, 0);
    if (admission->entries == NULL || admission->slots == NULL ||
        pthread_mutex_init(&admission->lock, NULL) != 0) {
        return NULL;
    }
    return admission;
}

bool oc_admission_enter(struct oc_admission *admission, uint32_t slot, const char *peer)
{
    struct key key;
    bool admitted = true;
    OC_ASSERT(slot < admission->sessions_max);
    if (!key_of(peer, &key)) {
        return true;
    }
    (void)pthread_mutex_lock(&admission->lock);
    OC_ASSERT(!admission->slots[slot].counted);
    admitted = count_up(admission, &key);
    if (admitted) {
        admission->slots[slot] = (struct slot){.key = key, .counted = true};
    }
    (void)pthread_mutex_unlock(&admission->lock);
    return admitted;
}

void oc_admission_leave(struct oc_admission *admission, uint32_t slot)
{
    OC_ASSERT(slot < admission->sessions_max);
    (void)pthread_mutex_lock(&admission->lock);
    if (admission->slots[slot].counted) {
        admission->slots[slot].counted = false;
        count_down(admission, &admission->slots[slot].key);
    }
    (void)pthread_mutex_unlock(&admission->lock);
}

/* Returns whether the text is an IP address and a port. */
static bool key_of(const char *peer, struct key *key)
{
    const char *end = strrchr(peer, ':');
    const char *begin = peer;
    char host[HOST_BYTES_MAX];
    size_t size;
    memset(key, 0, sizeof *key);
    if (end == NULL) {
        return false;
    }
    if (*begin == '[') {
        begin++;
        end = begin + strcspn(begin, "]%");
    }
    size = (size_t)(end - begin);
    if (*end == '\0' || size >= sizeof host) {
        return false;
    }
    memcpy(host, begin, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, key->bytes + 12) == 1) {
        key->bytes[10] = 0xff;
        key->bytes[11] = 0xff;
        return true;
    }
    if (inet_pton(AF_INET6, host, key->bytes) != 1) {
        return false;
    }
    if (memcmp(key->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0) {
        memset(key->bytes + 8, 0, 8);
    }
    return true;
}

static bool count_up(struct oc_admission *admission, const struct key *key)
{
    struct entry *entry = &admission->entries[place_of(admission, key)];
    if (entry->count == admission->per_address_max) {
        return false;
    }
    entry->key = *key;
    entry->count++;
    return true;
}

static void count_down(struct oc_admission *admission, const struct key *key)
{
    uint32_t place = place_of(admission, key);
    OC_ASSERT(admission->entries[place].count > 0);
    if (--admission->entries[place].count == 0) {
        close_gap(admission, place);
    }
}

static uint32_t home_of(const struct oc_admission *admission, const struct key *key)
{
    return (uint32_t)oc_checksum(key->bytes, sizeof key->bytes) & admission->mask;
}

/* Where the key stands, or where it would: half of the table is empty. */
static uint32_t place_of(const struct oc_admission *admission, const struct key *key)
{
    uint32_t place = home_of(admission, key);
    while (admission->entries[place].count > 0 &&
           memcmp(&admission->entries[place].key, key, sizeof *key) != 0) {
        place = (place + 1) & admission->mask;
    }
    return place;
}

/* Moves back whoever would not be found any more beyond an empty place. */
static void close_gap(struct oc_admission *admission, uint32_t gap)
{
    uint32_t place = gap;
    for (;;) {
        uint32_t home;
        place = (place + 1) & admission->mask;
        if (admission->entries[place].count == 0) {
            return;
        }
        home = home_of(admission, &admission->entries[place].key);
        /* From its home to here it must pass the gap, else it is found without it. */
        if (((place - home) & admission->mask) >= ((place - gap) & admission->mask)) {
            admission->entries[gap] = admission->entries[place];
            admission->entries[place].count = 0;
            gap = place;
        }
    }
}
