/*
 * Goal: the hash of what strangers choose spreads texts that differ little, takes every byte and
 * the number into account, and puts texts that collide under one seed apart under another. Method:
 * numbered texts into buckets; one change in each byte; colliding pairs found by search. Fails when
 * a byte does not count, when texts crowd into few buckets, or the seed changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "book/hash.h"
#include "core/types.h"

#define BUCKETS 4096U
#define TEXTS   65536U

static uint32_t hash(uint64_t seed, const struct oc_client_order_id *text, uint64_t number)
{
    struct oc_book_hash_key key = oc_book_hash_key_make(seed);

    return oc_book_hash_text(&key, text->bytes, OC_CLIENT_ORDER_ID_BYTES_MAX, number);
}

static struct oc_client_order_id text_make(const char *format, uint32_t value)
{
    char bytes[OC_CLIENT_ORDER_ID_BYTES_MAX + 1];
    struct oc_client_order_id text = {0};

    (void)snprintf(bytes, sizeof(bytes), format, value);
    text.size = (uint8_t)strlen(bytes);
    memcpy(text.bytes, bytes, text.size);
    return text;
}

/** The fullest bucket, by the top bits and by the low ones: a map uses both. */
static uint32_t fullest(const char *format, uint64_t seed)
{
    static uint32_t high[BUCKETS];
    static uint32_t low[BUCKETS];
    uint32_t most = 0;

    memset(high, 0, sizeof(high));
    memset(low, 0, sizeof(low));
    for (uint32_t value = 0; value < TEXTS; value++) {
        struct oc_client_order_id text = text_make(format, value);
        uint32_t got = hash(seed, &text, text.size);
        uint32_t in_high = ++high[got / (UINT32_MAX / BUCKETS + 1)];
        uint32_t in_low = ++low[got % BUCKETS];

        most = in_high > most ? in_high : most;
        most = in_low > most ? in_low : most;
    }
    return most;
}

static void numbered_texts_spread(void **state)
{
    static const char *const FORMATS[] = {"%u", "order-%08u", "%08x-aaaa-bbbb-cccc-0123456789ab",
                                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaa%08u"};

    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        for (uint32_t index = 0; index < sizeof(FORMATS) / sizeof(FORMATS[0]); index++) {
            /* 16 on average; of a random function the fullest of 8,192 stays below 50. */
            assert_in_range(fullest(FORMATS[index], seed), 17, 50);
        }
    }
}

static void every_byte_and_the_number_count(void **state)
{
    struct oc_client_order_id text = text_make("0123456789012345678901234567890%u", 12345);
    uint32_t first = hash(0, &text, 7);

    (void)state;
    assert_int_equal(text.size, OC_CLIENT_ORDER_ID_BYTES_MAX);
    for (uint32_t at = 0; at < OC_CLIENT_ORDER_ID_BYTES_MAX; at++) {
        text.bytes[at] ^= 1;
        assert_int_not_equal(hash(0, &text, 7), first);
        text.bytes[at] ^= 1;
    }
    assert_int_not_equal(hash(0, &text, 8), first);
    assert_int_equal(hash(0, &text, 7), first);
}

static void collisions_do_not_outlive_the_seed(void **state)
{
    static uint32_t by_bucket[1U << 22];
    uint32_t found = 0;
    uint32_t kept = 0;

    (void)state;
    for (uint32_t value = 1; value < 1U << 15; value++) {
        struct oc_client_order_id text = text_make("c%u", value);
        uint32_t bucket = hash(1, &text, 0) >> 10;

        if (by_bucket[bucket] != 0) {
            struct oc_client_order_id other = text_make("c%u", by_bucket[bucket]);
            found++;
            kept += hash(2, &text, 0) >> 10 == hash(2, &other, 0) >> 10;
        }
        by_bucket[bucket] = value;
    }
    /* 2^30 pairs / 2 in 2^22 buckets: about 128. */
    assert_in_range(found, 64, 256);
    assert_in_range(kept, 0, 2);
}

static void values_spread(void **state)
{
    static uint32_t buckets[BUCKETS];

    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct oc_book_hash_key key = oc_book_hash_key_make(seed);
        memset(buckets, 0, sizeof(buckets));
        for (uint64_t value = 0; value < TEXTS; value++) {
            assert_in_range(++buckets[oc_book_hash_value(&key, value << 13) % BUCKETS], 1, 50);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbered_texts_spread),
        cmocka_unit_test(every_byte_and_the_number_count),
        cmocka_unit_test(collisions_do_not_outlive_the_seed),
        cmocka_unit_test(values_spread),
    };

    return cmocka_run_group_tests_name("book hash", tests, NULL, NULL);
}
