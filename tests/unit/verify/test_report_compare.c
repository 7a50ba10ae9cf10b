/*
 * Goal: two JSON reports are set side by side, with what differs and what forbids it; a file that
 * is no report is refused with the place that is wrong.
 * Method: made-up reports are written as JSON and compared; then every key of a report is taken
 * away or replaced, one at a time, and the file is cut at many places.
 * Fails if: a difference of the hosts, a warning or a ratio is missing, a broken file is taken, or
 * a damaged one makes a NaN or a crash.
 */
#include "verify/report_compare.h"

#include <jansson.h>

#include "report_made.h"
#include "verify/report_json.h"

struct files {
    char a[sizeof(REPORT_MADE_PATH)];
    char b[sizeof(REPORT_MADE_PATH)];
};

static void make_path(char path[sizeof(REPORT_MADE_PATH)])
{
    int fd;

    memcpy(path, REPORT_MADE_PATH, sizeof(REPORT_MADE_PATH));
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void write_report(const struct report_made *config, const char *path, bool other_host)
{
    struct oc_verify_report *report = report_made_begin(config);
    char error[256] = "";

    if (other_host) {
        (void)snprintf(report->environment.cpu, sizeof(report->environment.cpu), "another CPU");
        (void)snprintf(report->environment.congestion_control,
                       sizeof(report->environment.congestion_control), "bbr");
        (void)snprintf(report->environment.version, sizeof(report->environment.version),
                       "outcry 0.2.0 (def)");
        report->data.cells[0].duration_ms++;
        (void)snprintf(report->stacks[OC_VERIFY_STACK_TOKIO].version,
                       sizeof(report->stacks[OC_VERIFY_STACK_TOKIO].version), "tokio 9");
    }
    if (oc_verify_report_json(report, path, error, sizeof(error)) < 0) {
        fail_msg("%s", error);
    }
    report_made_end(report);
}

static void files_begin(struct files *files, const struct report_made *a,
                        const struct report_made *b, bool other_host)
{
    make_path(files->a);
    make_path(files->b);
    write_report(a, files->a, false);
    write_report(b, files->b, other_host);
}

static void files_end(const struct files *files)
{
    assert_int_equal(unlink(files->a), 0);
    assert_int_equal(unlink(files->b), 0);
}

/* Returns what was printed, to be freed, or NULL with the error. */
static char *compare(const char *a, const char *b, char error[512])
{
    const struct oc_verify_compare config = {.paths = {a, b}};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int rc;

    assert_non_null(out);
    error[0] = '\0';
    rc = oc_verify_compare_print(&config, out, error, 512);
    assert_int_equal(fclose(out), 0);
    if (rc < 0) {
        assert_true(strlen(error) > 0);
        free(text);
        return NULL;
    }
    return text;
}

static void test_two_days(void **state)
{
    const struct report_made a = {.seed = 1, .blocks = 8};
    const struct report_made b = {.seed = 2, .blocks = 8, .factor = 1.25};
    struct files files;
    char error[512];
    char *text;

    (void)state;
    files_begin(&files, &a, &b, false);
    text = compare(files.a, files.b, error);
    assert_non_null(text);
    assert_non_null(strstr(text, "Nothing speaks against it"));
    assert_null(strstr(text, "Warning"));
    assert_non_null(strstr(text, "epoll:io_uring"));
    assert_non_null(strstr(text, "ping-pong/100B/same-core"));
    assert_non_null(strstr(text, "B / A: ratio of the medians"));
    /* Times grew by a quarter, within the noise of 3 %. */
    assert_non_null(strstr(text, "  1.25"));
    assert_false(report_made_has_word(text, "nan"));
    assert_false(report_made_has_word(text, "inf"));
    free(text);
    files_end(&files);
}

/* Lines are wrapped; the words are looked for in one line. */
static void join_lines(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from != ' ' && *from != '\n') {
            *to++ = *from;
        } else if (to > text && to[-1] != ' ') {
            *to++ = ' ';
        }
    }
    *to = '\0';
}

static uint32_t count_cells(bool full)
{
    struct oc_verify_report *report = report_made_begin(&(struct report_made){.full = full});
    const uint32_t count = report->data.cell_count;

    report_made_end(report);
    return count;
}

static void test_two_hosts(void **state)
{
    const struct report_made a = {.seed = 1, .blocks = 8};
    const struct report_made b = {.seed = 2, .blocks = 1, .full = true};
    static const char *const WANTED[] = {
        "Warning: another version of the program: \"outcry 0.1.0 (abc)\" in A, \"outcry 0.2.0",
        "Warning: another congestion control: \"cubic\" in A, \"bbr\" in B",
        "Warning: one is quick, the other full",
        "Warning: tokio is another",
        "was measured with other parameters",
        "another CPU",
        "The same in both:",
        "- only in A: 0 cells",
        "- in both, and compared: 8 cells",
        "no interval",
    };
    struct files files;
    char error[512];
    char only[128];
    char *text;

    (void)state;
    files_begin(&files, &a, &b, true);
    text = compare(files.a, files.b, error);
    assert_non_null(text);
    join_lines(text);
    for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++) {
        if (strstr(text, WANTED[i]) == NULL) {
            fail_msg("missing: %s", WANTED[i]);
        }
    }
    /* The full plan has all cells of the quick one. */
    (void)snprintf(only, sizeof(only), "- only in B: %u cells: ping-pong/{10B, 1000B}/same-core; ",
                   count_cells(true) - count_cells(false));
    assert_non_null(strstr(text, only));
    free(text);
    files_end(&files);
}

/* What counts for nothing in its own report is no figure here either, and less than a whole plan,
 * or one in two parts, is told. */
static void test_void_and_parts(void **state)
{
    const struct report_made whole = {.seed = 1, .blocks = 8};
    const struct report_made voids = {.seed = 2, .blocks = 8, .voids = true};
    struct files files;
    char error[512];
    json_t *root;
    char *text;

    (void)state;
    files_begin(&files, &whole, &voids, false);
    root = json_load_file(files.a, 0, NULL);
    assert_non_null(root);
    /* Of before there were parts; all were taken up: it was only judged again. */
    (void)json_object_del(root, "parts");
    assert_int_equal(json_object_set_new(
                         root, "runs_resumed",
                         json_integer((json_int_t)json_array_size(json_object_get(root, "runs")))),
                     0);
    assert_int_equal(json_dump_file(root, files.a, 0), 0);
    json_decref(root);
    root = json_load_file(files.b, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_set_new(root, "stopped", json_true()), 0);
    assert_int_equal(json_object_set_new(root, "parts", json_pack("[{}{}]")), 0);
    assert_int_equal(json_dump_file(root, files.b, 0), 0);
    json_decref(root);
    text = compare(files.a, files.b, error);
    assert_non_null(text);
    join_lines(text);
    assert_non_null(strstr(text, "Warning: B was STOPPED EARLY by a signal, after "));
    assert_non_null(strstr(text, "Warning: B was not measured in one go, but gone on with by"));
    assert_null(strstr(text, "Warning: A was"));
    assert_non_null(strstr(text, " void undecided "));
    assert_non_null(strstr(text, " us void - "));
    free(text);
    files_end(&files);
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_no_reports(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } CASES[] = {
        {"", "'[' or '{' expected"},
        {"[]", "an object is needed"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{}", "outcry_verify: a number is needed"},
        {"{\"outcry_verify\":2}", "outcry_verify is 2: this program reads format 1"},
        {"{\"outcry_verify\":1}", "environment: an object is needed"},
        {"{\"outcry_verify\":1,\"environment\":{},\"stacks\":{},\"judgement\":{}}",
         "full: true or false is needed"},
        {"{\"outcry_verify\":1,\"environment\":{},\"stacks\":{},\"judgement\":{},\"full\":true}",
         "cells: a list is needed"},
        {"{\"outcry_verify\":1,\"environment\":{},\"stacks\":{},\"judgement\":{},\"full\":true,"
         "\"cells\":[7]}",
         "cells[0].name: a text is needed"},
    };
    char path[sizeof(REPORT_MADE_PATH)];
    char error[512];

    (void)state;
    make_path(path);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        write_text(path, CASES[i].text, strlen(CASES[i].text));
        assert_null(compare(path, path, error));
        assert_non_null(strstr(error, path));
        if (strstr(error, CASES[i].error) == NULL) {
            fail_msg("\"%s\" instead of \"%s\"", error, CASES[i].error);
        }
    }
    assert_int_equal(unlink(path), 0);
    assert_null(compare(path, path, error));
    assert_non_null(strstr(error, "No such file or directory"));
}

/* Takes away or replaces one value after the other, down to the third item of each list. */
static void damage(json_t *root, json_t *at, const char *path, uint32_t *count)
{
    static const char *const VALUES[] = {"null", "-1e308", "\"\"", "[7]"};
    const char *key;
    json_t *value;
    void *next;
    char error[512];

    json_object_foreach_safe(at, next, key, value)
    {
        json_t *kept = json_incref(value);
        char name[64];
        (void)snprintf(name, sizeof(name), "%s", key);
        for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
            char *text;
            assert_int_equal(
                json_object_set_new(at, name, json_loads(VALUES[i], JSON_DECODE_ANY, NULL)), 0);
            assert_int_equal(json_dump_file(root, path, 0), 0);
            text = compare(path, path, error);
            if (text != NULL) {
                assert_false(report_made_has_word(text, "inf"));
            }
            free(text);
            (*count)++;
        }
        assert_int_equal(json_object_set(at, name, kept), 0);
        if (json_is_object(kept)) {
            damage(root, kept, path, count);
        } else if (json_array_size(kept) > 0 && json_is_object(json_array_get(kept, 0))) {
            damage(root, json_array_get(kept, 0), path, count);
        }
        json_decref(kept);
    }
}

static void test_damaged(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 1};
    char path[sizeof(REPORT_MADE_PATH)];
    char error[512];
    uint32_t count = 0;
    json_t *root;
    char *whole;
    size_t size;

    (void)state;
    make_path(path);
    write_report(&config, path, false);
    root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    /* Few are enough for the places that matter, and many would be slow. */
    while (json_array_size(json_object_get(root, "cells")) > 1) {
        (void)json_array_remove(json_object_get(root, "cells"), 1);
    }
    while (json_array_size(json_object_get(root, "runs")) > 1) {
        (void)json_array_remove(json_object_get(root, "runs"), 1);
    }
    while (json_array_size(json_object_get(json_object_get(root, "judgement"), "comparisons")) >
           2) {
        (void)json_array_remove(json_object_get(json_object_get(root, "judgement"), "comparisons"),
                                2);
    }
    /* What is not read here. */
    (void)json_object_del(root, "metrics");
    (void)json_object_del(root, "costs");
    (void)json_object_del(json_object_get(root, "judgement"), "claims");
    (void)json_object_del(json_object_get(root, "judgement"), "attributions");
    (void)json_object_del(json_object_get(root, "judgement"), "ceilings");
    (void)json_object_del(json_array_get(json_object_get(root, "cells"), 0), "latency");
    whole = json_dumps(root, 0);
    assert_non_null(whole);
    size = strlen(whole);
    for (size_t cut = 0; cut < size; cut += size / 50 + 1) {
        write_text(path, whole, cut);
        assert_null(compare(path, path, error));
    }
    write_text(path, whole, size);
    free(whole);
    whole = compare(path, path, error);
    assert_non_null(whole);
    free(whole);
    damage(root, root, path, &count);
    assert_true(count > 400);
    json_decref(root);
    assert_int_equal(unlink(path), 0);
}

/* JSON is UTF-8; what a host or a command line says need not be. */
static void test_any_bytes(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 1, .evil = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char path[sizeof(REPORT_MADE_PATH)];
    char error[256] = "";
    json_t *root;
    const json_t *host;

    (void)state;
    make_path(path);
    (void)snprintf(report->environment.command, sizeof(report->environment.command),
                   "a\xc3\xa4 b\xff c\xc3 d\xe2\x82\xac e\xed\xa0\x80");
    (void)snprintf(report->stacks[OC_VERIFY_STACK_LIBUV].why,
                   sizeof(report->stacks[OC_VERIFY_STACK_LIBUV].why), "\xfe is not there");
    if (oc_verify_report_json(report, path, error, sizeof(error)) < 0) {
        fail_msg("%s", error);
    }
    root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    host = json_object_get(root, "environment");
    assert_string_equal(json_string_value(json_object_get(host, "command")),
                        "a\xc3\xa4 b? c? d\xe2\x82\xac e???");
    assert_non_null(strstr(json_string_value(json_object_get(host, "cpu")), "?? [a](b)"));
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_object_get(root, "stacks"), "libuv"), "why")),
                        "? is not there");
    json_decref(root);
    assert_int_equal(unlink(path), 0);
    report_made_end(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_days),   cmocka_unit_test(test_two_hosts),
        cmocka_unit_test(test_no_reports), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_any_bytes),  cmocka_unit_test(test_void_and_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
