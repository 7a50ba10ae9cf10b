/*
 * Goal: the one rule for symbols and client_order_ids, which the codec, the command line and the
 * file of instruments share. Method: every byte alone and within a text, and sizes that end before
 * a bad byte. Fails if: a byte that JSON would have to escape passes, or a printable one does not.
 */
#include "core/types.h"

#include "support.h"

static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte <= UINT8_MAX; byte++) {
        bool expected = byte >= 0x20 && byte <= 0x7e && byte != 0x22 && byte != 0x5c;
        const char alone[] = {(char)byte};
        const char first[] = {(char)byte, 'A', 'A'};
        const char last[] = {'A', 'A', (char)byte};

        assert_int_equal(oc_text_is_plain(alone, sizeof(alone)), expected);
        assert_int_equal(oc_text_is_plain(first, sizeof(first)), expected);
        assert_int_equal(oc_text_is_plain(last, sizeof(last)), expected);
    }
}

static void test_size_counts(void **state)
{
    (void)state;
    assert_true(oc_text_is_plain("\n", 0));
    assert_true(oc_text_is_plain("BTC/USD\"", 7));
    assert_false(oc_text_is_plain("BTC/USD\"", 8));
    assert_false(oc_text_is_plain("BTC/USD", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_size_counts),
    };

    return cmocka_run_group_tests_name("core types", tests, NULL, NULL);
}
