/*
 * Goal: `--listen` texts are understood or refused with the mend. Method: a table of texts. Fails
 * when an option is lost, a wrong one passes, or a message does not name it. Also the clock: UTC
 * follows the monotonic time and never goes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/socket.h"
#include "server/clock.h"
#include "server/listener.h"

static struct oc_listener listener;
static char error[OC_IO_SOCKET_ERROR_BYTES];

static void expect_error(const char *text, const char *message)
{
    assert_int_equal(oc_listener_parse(text, &listener, error, sizeof error), -1);
    if (strstr(error, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error, message);
    }
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(oc_listener_parse("127.0.0.1:7400", &listener, error, sizeof error), 0);
    assert_string_equal(listener.address, "127.0.0.1:7400");
    assert_string_equal(listener.congestion, "");
    assert_false(listener.confirmations_all);
    assert_int_equal(
        oc_listener_parse("[::1]:0,identity=claimed,confirmations=all,congestion=cubic", &listener,
                          error, sizeof error),
        0);
    assert_string_equal(listener.address, "[::1]:0");
    assert_string_equal(listener.congestion, "cubic");
    assert_true(listener.confirmations_all);
    assert_int_equal(oc_listener_parse("a:1,confirmations=own", &listener, error, sizeof error), 0);
    assert_false(listener.confirmations_all);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    expect_error("", "'' is no HOST:PORT: write for instance");
    expect_error(",confirmations=all", "'' is no HOST:PORT");
    expect_error("foo,confirmations=all", "'foo' is no HOST:PORT");
    expect_error("127.0.0.1:65536", "'127.0.0.1:65536' is no HOST:PORT");
    expect_error("a:1,", "\"\" is no listener option");
    expect_error("a:1,confirmation=all", "\"confirmation=all\" is no listener option");
    expect_error("a:1,identity=logon", "\"identity=logon\" is no listener option");
    expect_error("a:1,congestion=", "\"congestion=\" is no listener option");
    expect_error("a:1,congestion=averyveryverylongname", "is no listener option");
    expect_error("a123456789012345678901234567890123456789012345678901234567890123:1",
                 "HOST:PORT may have 63 bytes at most");
}

static void test_utc_follows_and_never_goes_back(void **state)
{
    struct oc_clock clock;
    uint64_t now_ns;
    uint64_t utc_ns;
    (void)state;
    oc_clock_init(&clock);
    now_ns = clock.offset_read_ns;
    utc_ns = oc_clock_utc_ns(&clock, now_ns);
    assert_true(utc_ns > 1700000000ULL * 1000000000ULL);
    assert_true(oc_clock_utc_ns(&clock, now_ns + 500) == utc_ns + 500);
    assert_true(oc_clock_utc_ns(&clock, now_ns + 400) == utc_ns + 500);
    clock.offset_ns -= 1000000; /* the system's clock was set back */
    assert_true(oc_clock_utc_ns(&clock, now_ns + 600) == utc_ns + 500);
    assert_true(oc_clock_utc_ns(&clock, now_ns + 1000600) == utc_ns + 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_utc_follows_and_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
