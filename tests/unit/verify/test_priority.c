/*
 * Goal: the priority is raised where that is allowed, with the words for it, and given back.
 * Method: the process's own nice value and that of its autogroup before, while and after; once more
 * in a child that gave up the right. Each child is a session of its own, so that an autogroup is
 * there to change and nobody else's is. Fails when: the words do not tell what is so, a child does
 * not inherit, a second verification of a session takes it for its own, or anything stays raised.
 */
#define _GNU_SOURCE /* setresuid */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "verify/priority.h"

#define NOBODY 65534U
/* What a child says by its exit status. */
#define GOOD 0

/* The line that the kernel has for this session; empty without autogroups. */
static void read_session(char line[64])
{
    FILE *file = fopen("/proc/self/autogroup", "re");

    line[0] = '\0';
    if (file != NULL) {
        if (fgets(line, 64, file) == NULL) {
            line[0] = '\0';
        }
        (void)fclose(file);
    }
}

/* Exit status of a body that runs in a session of its own. */
static int in_child(int (*body)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        (void)setsid();
        _exit(body());
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int get_nice(void)
{
    return getpriority(PRIO_PROCESS, 0);
}

static int raise_and_restore(void)
{
    struct oc_verify__priority first = {0};
    struct oc_verify__priority second = {0};
    const int before = get_nice();
    char session_before[64];
    char session[64];

    read_session(session_before);
    oc_verify__priority_raise(&first);
    if (!first.raised) {
        return strcmp(oc_verify__priority_text(&first), "as started") == 0 && get_nice() == before
                   ? GOOD
                   : 1;
    }
    if (strcmp(oc_verify__priority_text(&first), "raised (nice -20)") != 0 || get_nice() != -20) {
        return 2;
    }
    if (in_child(get_nice) != 0xec00) { /* -20 as an exit status */
        return 3;
    }
    read_session(session);
    if (session_before[0] != '\0' && first.raised_session != (strstr(session, "-20") != NULL)) {
        return 4;
    }
    oc_verify__priority_raise(&second);
    oc_verify__priority_raise(&first);
    if (second.raised_session || first.nice_before != before) {
        return 5;
    }
    oc_verify__priority_restore(&second);
    if (get_nice() != -20) {
        return 6;
    }
    oc_verify__priority_restore(&first);
    read_session(session);
    return get_nice() == before && strcmp(session, session_before) == 0 && !first.raised ? GOOD : 7;
}

static int without_the_right(void)
{
    const struct rlimit none = {0, 0};
    struct oc_verify__priority priority = {0};
    const int before = get_nice();

    if (setrlimit(RLIMIT_NICE, &none) < 0 ||
        (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)) {
        return 8;
    }
    oc_verify__priority_raise(&priority);
    return !priority.raised && !priority.raised_session && get_nice() == before &&
                   strcmp(oc_verify__priority_text(&priority), "as started") == 0
               ? GOOD
               : 9;
}

static void test_raise_and_restore(void **state)
{
    (void)state;
    assert_int_equal(in_child(raise_and_restore), GOOD);
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_the_right), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raise_and_restore),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
