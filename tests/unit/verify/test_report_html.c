/*
 * Goal: the HTML report is one well-formed page that says everything and lets nothing in.
 * Method: reports made up over both real plans, and over too few, void and failing runs, are
 * written and gone through tag by tag.
 * Fails if: a tag is not closed, an attribute not quoted, an entity unknown or an id used twice; a
 * cell or criterion is missing; a text from outside is not escaped; a NaN or an infinity comes out;
 * the page needs anything from elsewhere.
 */
#include "verify/report_html.h"

#include "report_made.h"

#define DEPTH_MAX 64U
#define NAME_MAX_ 32U

static void check_entities(const char *text)
{
    static const char *const KNOWN[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#177;"};

    for (const char *at = strchr(text, '&'); at != NULL; at = strchr(at + 1, '&')) {
        bool known = false;
        for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
            known = known || strncmp(at, KNOWN[i], strlen(KNOWN[i])) == 0;
        }
        if (!known) {
            fail_msg("unknown entity: %.20s", at);
        }
    }
}

/* The attributes from `at` to the end of the tag: name="value". Returns the end. */
static const char *check_attributes(const char *at)
{
    while (*at == ' ') {
        at++;
        at += strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        assert_int_equal(*at, '=');
        assert_int_equal(at[1], '"');
        at += 2;
        at += strcspn(at, "\"<");
        assert_int_equal(*at, '"');
        at++;
    }
    return at;
}

/* Every tag that opens is closed in order; text holds no bare '<' or '>'. */
static void check_tags(const char *text)
{
    char open[DEPTH_MAX][NAME_MAX_];
    uint32_t depth = 0;
    const char *at = text;

    assert_memory_equal(at, "<!DOCTYPE html>", 15);
    at += 15;
    while (*at != '\0') {
        char name[NAME_MAX_] = "";
        size_t size;
        bool closing;
        at += strcspn(at, "<>");
        if (*at == '\0') {
            break;
        }
        assert_int_equal(*at, '<');
        at++;
        closing = *at == '/';
        at += closing;
        size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");
        assert_in_range(size, 1, NAME_MAX_ - 1);
        memcpy(name, at, size);
        at = check_attributes(at + size);
        if (closing) {
            assert_true(depth > 0);
            depth--;
            assert_string_equal(open[depth], name);
        } else if (*at != '/') {
            assert_true(depth < DEPTH_MAX);
            memcpy(open[depth++], name, sizeof(name));
        }
        at += *at == '/';
        assert_int_equal(*at, '>');
        at++;
    }
    assert_int_equal(depth, 0);
}

static void check_ids(const char *text)
{
    for (const char *at = strstr(text, " id=\""); at != NULL; at = strstr(at + 1, " id=\"")) {
        char id[80];
        (void)snprintf(id, sizeof(id), "%.*s\"", (int)strcspn(at + 5, "\"") + 5, at);
        if (strstr(at + 1, id) != NULL) {
            fail_msg("twice: %s", id);
        }
    }
}

/* The style has no '<', '>' or '&', so it goes through the same checks. */
static void check(const struct oc_verify_report *report, const char *why)
{
    static const char *const FORBIDDEN[] = {
        "<script", "src=", "href=", "@import", "url(", "https:"};
    char *text = report_made_read(oc_verify_report_html, report);

    check_entities(text);
    check_tags(text);
    check_ids(text);
    for (size_t i = 0; i < sizeof(FORBIDDEN) / sizeof(FORBIDDEN[0]); i++) {
        if (strstr(text, FORBIDDEN[i]) != NULL) {
            fail_msg("%s: the page must stand by itself", FORBIDDEN[i]);
        }
    }
    assert_non_null(strstr(text, "this host, loopback"));
    report_made_check(report, text, why);
    free(text);
}

static void test_plans(void **state)
{
    (void)state;
    for (uint32_t full = 0; full < 2; full++) {
        const struct report_made config = {
            .seed = 1, .blocks = full ? 10 : 24, .full = full != 0, .evil = true};
        struct oc_verify_report *report = report_made_begin(&config);
        check(report, "not measured: the &lt;program&gt; is not there");
        report_made_end(report);
    }
}

static void test_figures(void **state)
{
    const struct report_made config = {.seed = 2, .blocks = 10, .full = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char *text = report_made_read(oc_verify_report_html, report);

    (void)state;
    /* Each pair has a forest, the threshold and the zone are drawn, so are curves and CPU time. */
    assert_non_null(strstr(text, "id=\"forest-0-0-t\""));
    assert_non_null(strstr(text, "id=\"forest-2-0-t\""));
    assert_non_null(strstr(text, ">better</text>"));
    assert_null(strstr(text, "Not drawn"));
    assert_non_null(strstr(text, "class=\"gate\""));
    assert_non_null(strstr(text, "class=\"zone\""));
    assert_non_null(strstr(text, "class=\"aa\""));
    assert_non_null(strstr(text, "id=\"curve-1-t\""));
    assert_non_null(strstr(text, "id=\"connections-0-1-8-t\""));
    assert_non_null(strstr(text, "by connections</h2>"));
    assert_non_null(strstr(text, "percentile (logarithmic)"));
    free(text);
    report_made_end(report);
}

/* A void cell is pale and says so, in no forest; of one number of connections nothing is drawn, and
 * that is told. */
static void test_left_out(void **state)
{
    const struct report_made config = {.seed = 5, .blocks = 8, .voids = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char *text = report_made_read(oc_verify_report_html, report);

    (void)state;
    assert_non_null(strstr(text, "void: 4 of 8 blocks excluded</text>"));
    assert_non_null(strstr(text, "<g class=\"pale\">"));
    assert_null(strstr(text, "id=\"forest-0-0-t\""));
    assert_non_null(strstr(text, "by connections</h2>\n<p>Not drawn: "));
    free(text);
    report_made_end(report);
}

/* What ran at two loads is drawn twice, not summed up. */
static void test_loads(void **state)
{
    const struct report_made config = {.seed = 2, .blocks = 10};
    struct oc_verify_report *report = report_made_begin(&config);
    struct oc_verify_latencies *at = report->data.latencies;
    char *text;
    uint32_t cell = 0;
    char id[32];

    (void)state;
    while (report->data.cells[cell].load_percent == 0) {
        cell++;
    }
    at += cell * OC_VERIFY_LOADS_MAX;
    at[1] = (struct oc_verify_latencies){.used = true, .offered_rate = 7654.0};
    at[1].of[OC_VERIFY_STACK_EPOLL] = at[0].of[OC_VERIFY_STACK_EPOLL];
    at[0].of[OC_VERIFY_STACK_EPOLL] = NULL;
    text = report_made_read(oc_verify_report_html, report);
    for (uint32_t load = 0; load < 2; load++) {
        (void)snprintf(id, sizeof(id), "id=\"curve-%u%s-t\"", cell, load == 0 ? "" : "-b");
        assert_non_null(strstr(text, id));
    }
    assert_non_null(strstr(text, " at 7,654"));
    assert_non_null(strstr(text, " at 50,000"));
    assert_null(strstr(text, "epoll *"));
    free(text);
    report_made_end(report);
}

static void test_extremes(void **state)
{
    static const struct report_made CONFIGS[] = {
        {.seed = 3, .blocks = 0, .evil = true},
        {.seed = 4, .blocks = 1},
        {.seed = 5, .blocks = 2, .full = true},
        {.seed = 6, .blocks = 8, .voids = true},
        {.seed = 7, .blocks = 8, .fails = true, .evil = true},
        {.seed = 8, .blocks = 1, .voids = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CONFIGS) / sizeof(CONFIGS[0]); i++) {
        struct oc_verify_report *report = report_made_begin(&CONFIGS[i]);
        check(report,
              CONFIGS[i].fails ? "io_uring: it &lt;failed&gt; &amp; ended" : "not measured");
        report_made_end(report);
    }
}

static void test_no_file(void **state)
{
    const struct report_made config = {.seed = 9, .blocks = 1};
    struct oc_verify_report *report = report_made_begin(&config);
    char error[256] = "";

    (void)state;
    assert_int_equal(oc_verify_report_html(report, "/nowhere/x.html", error, sizeof(error)), -1);
    assert_non_null(strstr(error, "/nowhere/x.html cannot be written: No such file"));
    report_made_end(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),    cmocka_unit_test(test_figures),
        cmocka_unit_test(test_left_out), cmocka_unit_test(test_loads),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
