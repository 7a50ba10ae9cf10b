/*
 * Goal: however many warnings there are, no other line is lost, and the number of warnings that are
 * not shown is told in time. Method: stderr is a pipe; more warnings than are shown in a second,
 * with other lines between and behind them. Fails when a line that is no warning is missing, more
 * warnings are shown than may be, or shown and told ones are not all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/log.h"

#define ROUNDS   3
#define WARNINGS 200 /* of each round */

/* A pipe takes 64 KiB before a write would block; a line here is shorter than 100 bytes. */
static char text[65536];

/* Writes to the log, and returns the seconds of the clock that it touched. */
static time_t write_rounds(void)
{
    time_t begin = time(NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WARNINGS; i++) {
            oc_log(OC_LOG_WARNING, "hit");
        }
        oc_log(round % 2 == 0 ? OC_LOG_INFO : OC_LOG_ERROR, "line %d", round);
    }
    return time(NULL) - begin + 1;
}

/* What `work` wrote to stderr is in `text`. */
static time_t capture(time_t (*work)(void))
{
    int saved = dup(STDERR_FILENO);
    int ends[2];
    time_t seconds;
    ssize_t size;
    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    seconds = work();
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    size = read(ends[0], text, sizeof text - 1);
    (void)close(ends[0]);
    assert_true(size > 0);
    text[size] = '\0';
    return seconds;
}

static void test_only_warnings_are_hidden_and_all_are_counted(void **state)
{
    static const char *const OTHERS[] = {"info line 0", "error line 1", "info line 2", "none"};
    time_t seconds = capture(write_rounds);
    int shown = 0;
    int told = 0;
    int lines = 0;
    char *rest = NULL;
    (void)state;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *level = strchr(line, ' ') + 1;
        if (strcmp(level, "warning hit") == 0) {
            shown++;
        } else if (strstr(level, "further warnings of one second are not shown") != NULL) {
            told += (int)strtol(level + strlen("warning "), NULL, 10);
        } else {
            /* All before it have been shown or told by now. */
            assert_string_equal(level, OTHERS[lines]);
            lines++;
            assert_int_equal(shown + told, lines * WARNINGS);
        }
    }
    assert_int_equal(lines, ROUNDS);
    assert_true(told > 0);
    assert_true(shown <= seconds * OC_LOG_WARNINGS_PER_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_warnings_are_hidden_and_all_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
