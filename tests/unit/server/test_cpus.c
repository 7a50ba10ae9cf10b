/*
 * Goal: a list of CPUs is read strictly, and one that this process may not use is named.
 * Method: texts, right and wrong; the mask of the test's own thread. Fails when a wrong list
 * passes, when the order is lost, or when the thread does not run where it was put.
 */
#define _GNU_SOURCE /* cpu_set_t */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>
#include <sched.h>
#include <cmocka.h>

#include "server/cpus.h"

static char error[300];

static void expect(const char *text, const uint32_t *cpus, uint32_t count)
{
    uint32_t found[6];
    uint32_t found_count = 0;
    assert_int_equal(oc_cpus_parse(text, found, 6, &found_count, error, sizeof error), 0);
    assert_int_equal(found_count, count);
    assert_memory_equal(found, cpus, count * sizeof *cpus);
}

static void test_lists_keep_their_order(void **state)
{
    (void)state;
    expect("3", (uint32_t[]){3}, 1);
    expect("2,0,2", (uint32_t[]){2, 0, 2}, 3);
    expect("1-3,0", (uint32_t[]){1, 2, 3, 0}, 4);
    expect("0-5", (uint32_t[]){0, 1, 2, 3, 4, 5}, 6);
}

static void test_wrong_lists_are_refused(void **state)
{
    static const char *const WRONG[] = {"",    ",",          "1,",         ",1",   "a",
                                        "1-",  "-1",         "3-2",        "1--2", "1 , 2",
                                        "0x1", "4294967296", "99999999999"};
    uint32_t found[6];
    uint32_t count;
    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        assert_int_equal(oc_cpus_parse(WRONG[i], found, 6, &count, error, sizeof error), -1);
        assert_non_null(strstr(error, "CPU numbers and ranges are needed"));
    }
    assert_int_equal(oc_cpus_parse("0-6", found, 6, &count, error, sizeof error), -1);
    assert_non_null(strstr(error, "at most 6 CPUs"));
    assert_int_equal(oc_cpus_parse("0-4294967294", found, 6, &count, error, sizeof error), -1);
}

static void test_a_cpu_that_is_not_allowed_is_named(void **state)
{
    uint32_t beyond[] = {0, CPU_SETSIZE + 5};
    (void)state;
    assert_int_equal(oc_cpus_check(beyond, 0, error, sizeof error), 0);
    beyond[0] = (uint32_t)sched_getcpu();
    assert_int_equal(oc_cpus_check(beyond, 1, error, sizeof error), 0);
    assert_int_equal(oc_cpus_check(beyond, 2, error, sizeof error), -1);
    assert_non_null(strstr(error, "CPU 1029: this process may run on "));
}

static void *settle(void *argument)
{
    int *cpu = argument;
    cpu_set_t set;
    char name[16];
    oc_cpus_settle("settled", *cpu);
    assert_int_equal(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    assert_string_equal(name, "settled");
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    *cpu = CPU_COUNT(&set) == 1 && CPU_ISSET((uint32_t)*cpu, &set) ? -1 : 0;
    return NULL;
}

static void test_a_thread_runs_where_it_was_put(void **state)
{
    int cpu = sched_getcpu();
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, settle, &cpu), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(cpu, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_keep_their_order),
        cmocka_unit_test(test_wrong_lists_are_refused),
        cmocka_unit_test(test_a_cpu_that_is_not_allowed_is_named),
        cmocka_unit_test(test_a_thread_runs_where_it_was_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
