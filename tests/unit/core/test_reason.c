/*
 * Goal: the published list of reasons can be relied on: each has its own name, a name leads back to
 * it, and names and texts may stand in JSON as they are. Method: every pair of the list, every name
 * through the parser, names that are nearly right. Fails if: two reasons share a name, a name is
 * lost, or a text would need an escape.
 */
#include "core/reason.h"

#include "support.h"

static void test_names_are_unique_and_parse(void **state)
{
    (void)state;
    for (int reason = 0; reason < OC_REASON_COUNT; reason++) {
        const char *name = oc_reason_name((enum oc_reason)reason);

        assert_int_equal(oc_reason_parse(name, strlen(name)), reason);
        for (int other = 0; other < reason; other++) {
            assert_string_not_equal(name, oc_reason_name((enum oc_reason)other));
        }
    }
}

static void test_other_names_are_none(void **state)
{
    (void)state;
    assert_int_equal(oc_reason_parse("", 0), OC_REASON_COUNT);
    assert_int_equal(oc_reason_parse("unknown", 7), OC_REASON_COUNT);
    assert_int_equal(oc_reason_parse("unknown_orders", 14), OC_REASON_COUNT);
    assert_int_equal(oc_reason_parse("Unknown_order", 13), OC_REASON_COUNT);
    /* The size counts, not a NUL behind it. */
    assert_int_equal(oc_reason_parse("unknown_orders", 13), OC_REASON_UNKNOWN_ORDER);
}

static void test_names_and_texts_are_plain(void **state)
{
    (void)state;
    for (int reason = 0; reason < OC_REASON_COUNT; reason++) {
        const char *name = oc_reason_name((enum oc_reason)reason);
        const char *text = oc_reason_text((enum oc_reason)reason);

        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_true(strlen(text) > 0);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        for (const char *next = text; *next != '\0'; next++) {
            assert_in_range(*next, ' ', '~');
            assert_int_not_equal(*next, '"');
            assert_int_not_equal(*next, '\\');
        }
    }
}

static void test_no_other_reasons(void **state)
{
    (void)state;
    expect_oc_assert(oc_reason_name(OC_REASON_COUNT));
    expect_oc_assert(oc_reason_text(OC_REASON_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique_and_parse),
        cmocka_unit_test(test_other_names_are_none),
        cmocka_unit_test(test_names_and_texts_are_plain),
        cmocka_unit_test(test_no_other_reasons),
    };

    return cmocka_run_group_tests_name("core.reason", tests, NULL, NULL);
}
