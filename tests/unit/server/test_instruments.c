/*
 * Goal: the instruments file is read strictly, and every mistake is named with its line.
 * Method: small files written to a temporary place. Fails when a mistake passes, when the message
 * does not say what and where, or when a value lands in the wrong field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>
#include <cmocka.h>

#include "server/instruments.h"

static char path[] = "/tmp/outcry-instruments-XXXXXX";
static struct oc_command *commands;
static uint32_t count;
static char error[400];

static int read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    error[0] = '\0';
    return oc_instruments_read(path, 3, &commands, &count, error, sizeof error);
}

static void expect_error(const char *text, const char *message)
{
    assert_int_equal(read_text(text), -1);
    if (strstr(error, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error, message);
    }
    assert_non_null(strstr(error, path));
    assert_null(strchr(error, '\n'));
}

static void test_every_key_lands_in_its_field(void **state)
{
    const struct oc_command_instrument *instrument;
    (void)state;
    assert_int_equal(
        read_text("; comment\n[BTC/USD]\ndecimals = 2\ntick=5 ; half a cent\nlot = 10\n"
                  "price_min = 20\nprice_max = 9223372036854775807\n"
                  "quantity_min = 30\nquantity_max = 40\n\n[A]\nlot = 1\n"),
        0);
    assert_int_equal(count, 2);
    assert_int_equal(commands[0].kind, OC_COMMAND_INSTRUMENT);
    instrument = &commands[0].instrument;
    assert_int_equal(instrument->symbol.size, 7);
    assert_memory_equal(instrument->symbol.bytes, "BTC/USD\0", 8);
    assert_int_equal(instrument->decimals, 2);
    assert_int_equal(instrument->tick_ticks, 5);
    assert_int_equal(instrument->lot_lots, 10);
    assert_int_equal(instrument->price_min_ticks, 20);
    assert_true(instrument->price_max_ticks == INT64_MAX);
    assert_int_equal(instrument->qty_min_lots, 30);
    assert_int_equal(instrument->qty_max_lots, 40);
    instrument = &commands[1].instrument;
    assert_memory_equal(instrument->symbol.bytes, "A\0", 2);
    assert_int_equal(instrument->tick_ticks, 1);
    assert_true(instrument->qty_max_lots == OC_QTY_LOTS_MAX);
    free(commands);
}

static void test_the_example_is_valid(void **state)
{
    char example[1024];
    const char *source = getenv("OUTCRY_SOURCE_DIR");
    (void)state;
    (void)snprintf(example, sizeof example, "%s/examples/instruments.ini",
                   source != NULL ? source : ".");
    if (oc_instruments_read(example, 8, &commands, &count, error, sizeof error) != 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(count, 2);
    free(commands);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    expect_error("", "no instrument");
    expect_error("[A]\ntikc = 1\n", ":2: unknown key \"tikc\"");
    expect_error("[A]\ntick = 0\n", ":2: tick = 0: a whole number from 1 to");
    expect_error("[A]\ntick = 1.5\n", ":2: tick = 1.5");
    expect_error("[A]\ntick = -1\n", ":2: tick = -1");
    expect_error("[A]\ntick = 9223372036854775808\n", ":2: tick = 9223372036854775808");
    expect_error("[A]\ndecimals = 19\n", ":2: decimals = 19");
    expect_error("[A]\ntick = 1\ntick = 2\n", ":3: tick is given twice");
    expect_error("[A]\ntick = 1\n[B]\ntick = 1\n[A]\nlot = 2\n", ":6: [A] is given twice");
    expect_error("tick = 1\n", ":1: a section names a symbol");
    expect_error("[A]\nlot = 1\ntick\n", ":3: neither [SYMBOL] nor key = value");
    expect_error("[\"A\"]\nlot = 1\n", "printable ASCII");
    expect_error("[123456789012345678901234567890123]\nlot = 1\n", "1 to 32 characters");
    expect_error("[A]\nlot=1\n[B]\nlot=1\n[C]\nlot=1\n[D]\nlot=1\n", ":8: more than 3 instruments");
    expect_error("[A]\n[B]\ntick = 1\n", ":1: [A] has no key");
    expect_error("[A]\nlot = 1\n\n[B]\n; nothing\n", ":4: [B] has no key");
    expect_error("[A]\nnothing\nlot = 1\ntikc = 1\n", ":2: neither [SYMBOL] nor key = value");
    expect_error("[A]\nlot = 1\ntikc = 1\nnothing\n", ":3: unknown key");
    expect_error("[A]\nprice_min = 5\nprice_max = 4\n", "[A]: price_min is above price_max");
    expect_error("[A]\nquantity_min = 5\nquantity_max = 4\n", "quantity_min is above");
}

/* What inih alone would not notice. */
static void test_nothing_is_passed_over(void **state)
{
    char text[512];
    (void)state;
    expect_error("[A] tick = 9\nlot = 1\n", ":1: only a comment may stand behind");
    expect_error("[A]]\nlot = 1\n", ":1: only a comment may stand behind");
    expect_error("[B]\n[A]\nlot = 1\n", ":1: [B] has no key");
    expect_error("[A]\nlot = 1\n[B]\n", ":3: [B] has no key");
    (void)snprintf(text, sizeof text, "[A]\nlot = 1\n; %197s\n", "tick = 9");
    expect_error(text, ":3: the line is longer than 198 bytes");
    (void)snprintf(text, sizeof text, "[A] ; %192s\nlot = 1\n", "the longest");
    assert_int_equal(read_text(text), 0);
    free(commands);
}

static void test_a_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(oc_instruments_read("/nonexistent/instruments.ini", 3, &commands, &count,
                                         error, sizeof error),
                     -1);
    assert_non_null(strstr(error, "/nonexistent/instruments.ini: No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_lands_in_its_field),
        cmocka_unit_test(test_the_example_is_valid),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_nothing_is_passed_over),
        cmocka_unit_test(test_a_missing_file_is_named),
    };
    int fd = mkstemp(path);
    int failed;
    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
