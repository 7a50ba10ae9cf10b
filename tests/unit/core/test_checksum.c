/*
 * Goal: checksums are XXH3 and stay it, and a fold tells records, their order and their bounds
 * apart. Method: known answers over the lengths at which XXH3 changes its method; single-bit
 * changes. Fails if: the library or our use of it changes a value that journals and state hashes
 * rely on.
 */
#include "core/checksum.h"

#include "support.h"

enum { BYTES = 1024 };

static void fill(unsigned char *bytes)
{
    for (uint32_t i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)(i * 131 + (i >> 8));
    }
}

static void test_known_answers(void **state)
{
    static const struct {
        size_t size;
        uint64_t checksum;
        uint64_t folded; /* onto 0x123456789abcdef0 */
    } known[] = {
        {0, 0x2d06800538d394c2ULL, 0x8aa56c2c3d8317f6ULL},
        {1, 0xc44bdff4074eecdbULL, 0x6610ea1e2f5010b7ULL},
        {3, 0x6811538b444fc6dcULL, 0xe37d18f7e29015f7ULL},
        {4, 0xed503340c589a28bULL, 0x89975d7e8d19d2b6ULL},
        {8, 0xe5b43ab074c9c13bULL, 0x416f90769cd73de4ULL},
        {9, 0x089b8d25b20fb877ULL, 0x64cb0c9220af0b80ULL},
        {16, 0x0a0ec5ae8679cb7fULL, 0xc897452fd08a16dcULL},
        {17, 0x57c52d21ce492c1eULL, 0x0c8d40d7d5c95324ULL},
        {128, 0x696069c4f1e6a91aULL, 0xd673962302909bd0ULL},
        {129, 0xb1ada52285757bebULL, 0xf817223f5e86175bULL},
        {240, 0xb80284837259eee4ULL, 0xe4d95d0c391b03baULL},
        {241, 0x44dbd3180a664e27ULL, 0xb53744fba88a4f15ULL},
        {1024, 0xc6c700c409d40c4bULL, 0x6cce1025b2af982dULL},
    };
    unsigned char bytes[BYTES];

    (void)state;
    fill(bytes);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(oc_checksum(bytes, known[i].size) == known[i].checksum);
        assert_true(oc_checksum_fold(0x123456789abcdef0ULL, bytes, known[i].size) ==
                    known[i].folded);
        assert_true(oc_checksum_fold(0, bytes, known[i].size) == known[i].checksum);
    }
    assert_true(oc_checksum(NULL, 0) == oc_checksum(bytes, 0));
}

static void test_every_bit_counts(void **state)
{
    unsigned char bytes[BYTES];
    uint64_t whole;

    (void)state;
    fill(bytes);
    whole = oc_checksum_fold(7, bytes, BYTES);
    for (uint32_t bit = 0; bit < BYTES * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_true(oc_checksum_fold(7, bytes, BYTES) != whole);
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    for (uint32_t bit = 0; bit < 64; bit++) {
        assert_true(oc_checksum_fold(7 ^ 1ULL << bit, bytes, BYTES) != whole);
    }
    assert_true(oc_checksum_fold(7, bytes, BYTES) == whole);
}

static void test_fold_knows_order_and_bounds(void **state)
{
    uint64_t a_then_b = oc_checksum_fold(oc_checksum_fold(0, "a", 1), "b", 1);

    (void)state;
    assert_true(a_then_b != oc_checksum_fold(oc_checksum_fold(0, "b", 1), "a", 1));
    assert_true(a_then_b != oc_checksum_fold(0, "ab", 2));
    assert_true(a_then_b != oc_checksum_fold(a_then_b, "", 0));
    assert_true(a_then_b == oc_checksum_fold(oc_checksum_fold(0, "a", 1), "b", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_fold_knows_order_and_bounds),
    };

    return cmocka_run_group_tests_name("core.checksum", tests, NULL, NULL);
}
