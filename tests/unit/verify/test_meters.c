/*
 * Goal: what is read from /proc and from a server's log is the number that stands there.
 * Method: texts as the kernel and the servers write them, also broken ones; the counters' line
 * through a pipe; the meters on this process while it works and while it sleeps. Fails when: a
 * field is taken from the wrong column, half an address or half a line is believed, or CPU time
 * does not grow with work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "verify/child.h"
#include "verify/clock.h"
#include "verify/counters.h"
#include "verify/environment.h"
#include "verify/meters.h"

#define WORK_NS 20000000U

static void test_stat(void **state)
{
    uint64_t idle = 1;
    uint64_t steal = 1;

    (void)state;
    assert_true(oc_verify__parse_stat("cpu  921784 133371 283976 920804 3441 0 36308 18709 0 0\n"
                                      "cpu0 450850 61949 138038 478738 872 0 18813 9889 0 0\n",
                                      &idle, &steal));
    assert_int_equal(idle, 920804 + 3441);
    assert_int_equal(steal, 18709);
    assert_false(oc_verify__parse_stat("cpu0 1 2 3 4 5 6 7 8\n", &idle, &steal));
    assert_false(oc_verify__parse_stat("cpu 1 2 3\n", &idle, &steal));
    assert_false(oc_verify__parse_stat("", &idle, &steal));
}

static void test_field(void **state)
{
    static const char STATUS[] = "Name:\tVmRSS: 7\nVmRSSX:\t 9 kB\nVmRSS:\t   1234 kB\n"
                                 "voluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n";
    uint64_t value = 0;

    (void)state;
    assert_true(oc_verify__parse_field(STATUS, "VmRSS", &value));
    assert_int_equal(value, 1234);
    assert_true(oc_verify__parse_field(STATUS, "voluntary_ctxt_switches", &value));
    assert_int_equal(value, 150);
    assert_true(oc_verify__parse_field(STATUS, "nonvoluntary_ctxt_switches", &value));
    assert_int_equal(value, 7);
    assert_false(oc_verify__parse_field(STATUS, "VmSwap", &value));
    assert_false(oc_verify__parse_field("", "VmRSS", &value));
}

static void test_netstat(void **state)
{
    static const char TEXT[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPx\n"
                               "TcpExt: 1 22 333 4444\n"
                               "IpExt: InNoRoutes ListenDrops\nIpExt: 5 6\n";
    uint64_t value = 0;

    (void)state;
    assert_true(oc_verify__parse_netstat(TEXT, "TcpExt", "ListenOverflows", &value));
    assert_int_equal(value, 22);
    assert_true(oc_verify__parse_netstat(TEXT, "TcpExt", "ListenDrops", &value));
    assert_int_equal(value, 333);
    assert_true(oc_verify__parse_netstat(TEXT, "TcpExt", "TCPx", &value));
    assert_int_equal(value, 4444);
    assert_true(oc_verify__parse_netstat(TEXT, "IpExt", "ListenDrops", &value));
    assert_int_equal(value, 6);
    assert_false(oc_verify__parse_netstat(TEXT, "TcpExt", "Listen", &value));
    assert_false(oc_verify__parse_netstat(TEXT, "Tcp", "RetransSegs", &value));
    assert_false(oc_verify__parse_netstat("TcpExt: A B\n", "TcpExt", "A", &value));
    assert_false(oc_verify__parse_netstat("TcpExt: A B\nTcpExt: 1\n", "TcpExt", "B", &value));
}

static void test_counters(void **state)
{
    const struct oc_verify_counters given = {.system_calls = UINT64_MAX,
                                             .polls = 0,
                                             .received = 1,
                                             .received_bytes = 1234567890123,
                                             .sends = 10,
                                             .sent_bytes = 9,
                                             .rearms = 3,
                                             .overflows = 100};
    struct oc_verify_counters found = {0};
    char text[600];
    int fds[2];
    ssize_t size;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    oc_verify_counters_write(fds[1], &given);
    size = read(fds[0], text, sizeof(text) - 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_true(size > 0);
    text[size] = '\0';
    assert_true(oc_verify_counters_find(text, &found));
    assert_memory_equal(&found, &given, sizeof(given));

    /* A venue's line, with names that are not ours; the last whole line counts. */
    assert_true(oc_verify_counters_find(
        "12:00 info network counters: system_calls=1 polls=1\n"
        "12:01 info network counters: system_calls=70 polls=30 waits=9 received=20 sends=4\n"
        "12:02 info network counters: system_calls=99 po",
        &found));
    assert_int_equal(found.system_calls, 70);
    assert_int_equal(found.polls, 30);
    assert_int_equal(found.received, 20);
    assert_int_equal(found.received_bytes, 0);
    assert_false(oc_verify_counters_find("network counters: polls=1\n", &found));
    assert_false(oc_verify_counters_find("listening on 127.0.0.1:1\n", &found));
    assert_int_equal(found.system_calls, 70);
}

static void test_address(void **state)
{
    char address[64] = "";

    (void)state;
    assert_true(oc_verify__child_find_address("x info listening on 127.0.0.1:7400, reno\n", address,
                                              sizeof(address)));
    assert_string_equal(address, "127.0.0.1:7400");
    assert_true(oc_verify__child_find_address("baseline: listening on [::1]:5\n", address,
                                              sizeof(address)));
    assert_string_equal(address, "[::1]:5");
    /* The rest may still be under way. */
    assert_false(
        oc_verify__child_find_address("listening on 127.0.0.1:74", address, sizeof(address)));
    assert_false(oc_verify__child_find_address("listening on \n", address, sizeof(address)));
    assert_false(oc_verify__child_find_address("listening on 127.0.0.1:7400\n", address, 14));
}

static void test_printable(void **state)
{
    char text[] = "a\x80\xff b\n\x7f~";

    (void)state;
    oc_verify__make_printable(text);
    assert_string_equal(text, "a?? b??~");
}

static void test_meters_of_this_process(void **state)
{
    struct oc_verify__meters before;
    struct oc_verify__meters after;

    (void)state;
    oc_verify__meters_read(getpid(), &before);
    /* Work by its own clock: a loaded machine only makes it take longer. */
    while (oc_verify__clock_of(CLOCK_PROCESS_CPUTIME_ID) < before.client_cpu_ns + WORK_NS) {
        ;
    }
    oc_verify__meters_read(getpid(), &after);
    assert_true(after.server_cpu_ns - before.server_cpu_ns >= WORK_NS / 2);
    assert_true(after.client_cpu_ns - before.client_cpu_ns >= WORK_NS);
    assert_true(after.now_ns - before.now_ns >= WORK_NS / 2);
    assert_true(after.switches >= before.switches);
    assert_true(after.idle_ns >= before.idle_ns);
    assert_true(oc_verify__resident_bytes(getpid()) > 100000);
    assert_true(oc_verify__descriptor_count(getpid()) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_netstat),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_meters_of_this_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
