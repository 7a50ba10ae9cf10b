/*
 * Hashes for the maps of indices: of counters, and of bytes that strangers choose.
 *
 * What strangers choose is hashed with a secret, so that nobody can prepare texts or ids that all
 * fall into one place of a map. The secret only moves entries about in a map; no map is ever walked
 * in its own order, so events and state hashes do not depend on it, and replay needs none of it.
 */
#ifndef OC_BOOK_HASH_H
#define OC_BOOK_HASH_H

#include <stdint.h>
#include <string.h>

/** Words of a key: pairs for 32 bytes of text, one pair for what remains, two to finish with. */
#define OC_BOOK_HASH_KEY_WORDS 8U

struct oc_book_hash_key {
    uint64_t words[OC_BOOK_HASH_KEY_WORDS];
};

/** The key of a seed: successive values of splitmix64. */
static inline struct oc_book_hash_key oc_book_hash_key_make(uint64_t seed)
{
    struct oc_book_hash_key key;

    for (uint32_t index = 0; index < OC_BOOK_HASH_KEY_WORDS; index++) {
        uint64_t word = seed += 0x9E3779B97F4A7C15ULL;
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ULL;
        word = (word ^ (word >> 27)) * 0x94D049BB133111EBULL;
        key.words[index] = word ^ (word >> 31);
    }
    return key;
}

/**
 * The hash of a dense counter: 32 successive values stand in a row, rows are scattered. The secret
 * changes where to, and leaves them as evenly spread as the golden ratio makes them.
 */
static inline uint32_t oc_book_hash_counter(uint64_t counter, uint64_t secret)
{
    uint32_t scattered = (uint32_t)((((counter >> 5) ^ secret) * 0x9E3779B97F4A7C15ULL) >> 32);

    return (scattered & ~31U) | (uint32_t)(counter & 31U);
}

/** A sum of products as a hash: every bit of it reaches every bit of the result. */
static inline uint32_t oc_book__hash_finish(const struct oc_book_hash_key *key,
                                            unsigned __int128 sum)
{
    uint64_t folded = (uint64_t)sum ^ (uint64_t)(sum >> 64);

    return (uint32_t)((folded * (key->words[6] | 1)) >> 32);
}

/** The hash of a 64-bit value. */
static inline uint32_t oc_book_hash_value(const struct oc_book_hash_key *key, uint64_t value)
{
    return oc_book__hash_finish(key,
                                (unsigned __int128)(value + key->words[0]) * (key->words[7] | 1));
}

/**
 * The hash of a text that is padded with zeros to `size` bytes, 32 or 36, and of a number that goes
 * with it. Source: NH, the universal hash of UMAC (RFC 4418, section 5.2), on 64-bit words.
 */
static inline uint32_t oc_book_hash_text(const struct oc_book_hash_key *key, const char *bytes,
                                         uint32_t size, uint64_t number)
{
    uint64_t words[4];
    uint32_t rest = 0;

    memcpy(words, bytes, sizeof(words));
    memcpy(&rest, bytes + sizeof(words), size - sizeof(words));
    return oc_book__hash_finish(
        key, (unsigned __int128)(words[0] + key->words[0]) * (words[1] + key->words[1]) +
                 (unsigned __int128)(words[2] + key->words[2]) * (words[3] + key->words[3]) +
                 (unsigned __int128)(rest + key->words[4]) * (number + key->words[5]));
}

#endif
