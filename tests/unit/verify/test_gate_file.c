/*
 * Goal: a file of thresholds is read as written, and every mistake in it is named with its line.
 * Method: files written to the build's temporary folder.
 * Fails if: a value lands in another threshold, a missing key loses its default, or a wrong file is
 * accepted or changes the thresholds.
 */
#include <unistd.h>

#include "made.h"

static char PATH[] = "/tmp/outcry-gate-XXXXXX";

static int read_text(const char *text, struct oc_gate_thresholds *thresholds, char *error)
{
    FILE *file = fopen(PATH, "we");
    int rc;

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    rc = oc_gate_thresholds_read(PATH, thresholds, error, 256);
    return rc;
}

static void test_good(void **state)
{
    struct oc_gate_thresholds thresholds = {.criteria_needed = 9};
    char error[256] = "";

    (void)state;
    assert_int_equal(read_text("; ours\n[gate]\nping_pong_percent = 1\npersistent_percent=2.5\n"
                               "tail_percent = 3\nstress_percent = 4\ncriteria_needed = 3\n",
                               &thresholds, error),
                     0);
    assert_true(thresholds.ping_pong == 0.01);
    assert_true(thresholds.persistent == 0.025);
    assert_true(thresholds.tail == 0.03);
    assert_true(thresholds.stress == 0.04);
    assert_int_equal(thresholds.criteria_needed, 3);
    assert_int_equal(read_text("[gate]\ntail_percent = 0\n", &thresholds, error), 0);
    assert_true(thresholds.ping_pong == 0.10);
    assert_true(thresholds.persistent == 0.15);
    assert_true(thresholds.tail == 0.0);
    assert_true(thresholds.stress == 0.20);
    assert_int_equal(thresholds.criteria_needed, 2);
}

static void test_bad(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } CASES[] = {
        {"[gate]\nlatency = 3\n", ":2: unknown key latency"},
        {"[other]\ntail_percent = 3\n", ":2: section [other]"},
        {"tail_percent = 3\n", ":1: section []"},
        {"[gate]\n\ntail_percent = 3%\n", ":3: tail_percent = 3% is not a number"},
        {"[gate]\ntail_percent =\n", ":2: tail_percent =  is not a number"},
        {"[gate]\ntail_percent = nan\n", ":2: tail_percent = nan is not a number"},
        {"[gate]\ntail_percent = 100\n", ":2: tail_percent = 100 is not from 0"},
        {"[gate]\ntail_percent = -1\n", ":2: tail_percent = -1 is not from 0"},
        {"[gate]\ncriteria_needed = 5\n", ":2: criteria_needed = 5 is not 1"},
        {"[gate]\ncriteria_needed = 1.5\n", ":2: criteria_needed = 1.5 is not 1"},
        {"[gate]\ntail_percent = 3\ntail_percent = 4\n", ":3: tail_percent is given twice"},
        {"[gate]\nnonsense\ntail_percent = 200\n", ":2: neither [gate] nor key = value"},
    };
    char error[256];

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_gate_thresholds thresholds = {.tail = 0.5};

        error[0] = '\0';
        assert_int_equal(read_text(CASES[i].text, &thresholds, error), -1);
        if (strstr(error, CASES[i].error) == NULL || strncmp(error, PATH, strlen(PATH)) != 0) {
            fail_msg("case %zu: %s", i, error);
        }
        assert_true(thresholds.tail == 0.5);
    }
}

static void test_long_line(void **state)
{
    struct oc_gate_thresholds thresholds;
    char text[2000];
    char error[256];

    (void)state;
    memset(text, ' ', sizeof(text));
    (void)snprintf(text + sizeof(text) - 32, 32, "\n[gate]\ntail_percent = 3\n");
    assert_int_equal(read_text(text, &thresholds, error), -1);
    assert_non_null(strstr(error, ":1: the line is longer"));
}

static void test_no_file(void **state)
{
    struct oc_gate_thresholds thresholds;
    char error[256];

    (void)state;
    assert_int_equal(oc_gate_thresholds_read("/nowhere/gate.ini", &thresholds, error, 256), -1);
    assert_string_equal(error, "/nowhere/gate.ini: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_no_file),
    };
    int fd = mkstemp(PATH);
    int failed;

    if (fd < 0) {
        perror(PATH);
        return 1;
    }
    (void)close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(PATH);
    return failed;
}
