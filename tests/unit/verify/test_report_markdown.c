/*
 * Goal: the Markdown and the terminal report say everything, and texts from outside stay text.
 * Method: made-up reports are written; tables are counted row by row.
 * Fails if: a row of a table has another number of cells than its head, a cell or criterion is
 * missing, a NaN comes out, control bytes reach the terminal, or markup of a text is live.
 */
#include "verify/report_markdown.h"

#include "report_made.h"
#include "verify/report_text.h"

/* Bars that are not escaped. */
static uint32_t bars_of(const char *line, size_t size)
{
    uint32_t bars = 0;

    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\\') {
            i++;
        } else {
            bars += line[i] == '|';
        }
    }
    return bars;
}

static void check_tables(const char *text)
{
    uint32_t wanted = 0;
    uint32_t rows = 0;

    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        uint32_t bars = bars_of(at, size);
        if (bars > 0) {
            assert_int_equal(at[0], '|');
            wanted = wanted == 0 ? bars : wanted;
            if (bars != wanted) {
                fail_msg("a row of %u bars instead of %u: %.*s", bars, wanted, (int)size, at);
            }
            rows++;
        } else {
            wanted = 0;
        }
        at += size;
        at += *at != '\0';
    }
    assert_true(rows > 20);
}

static void test_markdown(void **state)
{
    static const struct report_made CONFIGS[] = {
        {.seed = 1, .blocks = 24, .evil = true},
        {.seed = 2, .blocks = 10, .full = true},
        {.seed = 3, .blocks = 0},
        {.seed = 4, .blocks = 1, .evil = true},
        {.seed = 5, .blocks = 8, .voids = true},
        {.seed = 6, .blocks = 8, .fails = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CONFIGS) / sizeof(CONFIGS[0]); i++) {
        struct oc_verify_report *report = report_made_begin(&CONFIGS[i]);
        char *text = report_made_read(oc_verify_report_markdown, report);
        check_tables(text);
        report_made_check(report, text, "not measured: the \\<program\\> is not there");
        assert_null(strstr(text, "[a](b)"));
        assert_null(strstr(text, "<script>"));
        assert_non_null(strstr(text, "## Claims that are commonly made"));
        assert_non_null(strstr(text, "## Environment"));
        assert_non_null(strstr(text, "## Resolution"));
        assert_non_null(strstr(text, "## Exclusions"));
        free(text);
        report_made_end(report);
    }
}

/* The last block is one sentence for each pair, behind what they are about: no table comes behind
 * it. */
static void assert_ends_with_decision(const char *text)
{
    const char *block = strstr(text, "\nDecision\n");
    uint32_t sentences = 0;

    assert_non_null(block);
    assert_non_null(strstr(block, "docs/verify.md"));
    block = strstr(block, "\n  - From ");
    assert_non_null(block);
    block++;
    assert_null(strstr(block, "\n\n"));
    for (const char *at = block; at != NULL && *at != '\0'; sentences++) {
        assert_int_equal(strncmp(at, "  - From ", 9), 0);
        at = strstr(at, "\n  - ");
        at = at != NULL ? at + 1 : NULL;
    }
    assert_int_equal(sentences, 3);
}

/* In a table no line is wider than a terminal of 100 columns; what is one long word may be. */
static void check_widths(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        const size_t size = strcspn(at, "\n");
        if (size > 100 && memchr(at, ' ', size) != NULL) {
            fail_msg("%zu columns: %.*s", size, (int)size, at);
        }
        at += size;
        at += *at != '\0';
    }
}

/* What is void is told in the place of figures, with the reason, and no gate shows a figure of it.
 */
static void test_void(void **state)
{
    const struct report_made config = {.seed = 5, .blocks = 8, .voids = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char *text = report_made_read(oc_verify_report_markdown, report);

    (void)state;
    assert_non_null(
        strstr(text, "| ping-pong/100B/same-core | p50 latency | void | void | void |"));
    assert_non_null(strstr(text,
                           "- ping-pong/100B/same-core: void: 4 of 8 blocks excluded (24 runs "
                           "with steal time, 0 with a late generator)."));
    assert_non_null(strstr(text, "| ping-pong latency | beyond -10 % | void |"));
    assert_non_null(strstr(text, "ping-pong latency: cell void"));
    free(text);
    report_made_end(report);
}

/* Every claim with its kind, and the cells that it was judged on; one sign beside a percentage. */
static void test_claims(void **state)
{
    const struct report_made config = {.seed = 2, .blocks = 12, .full = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char *text = report_made_read(oc_verify_report_markdown, report);

    (void)state;
    assert_non_null(strstr(text, "| 25-40 % more under stress | at least 25 % |"));
    assert_non_null(strstr(text, "persistent/{window-16, window-256}/same-core"));
    assert_non_null(strstr(text, "| 1-2 system calls for ten requests | at most 2 |"));
    assert_non_null(strstr(text, " to 3.7 MiB |"));
    assert_non_null(strstr(text, "The cells behind the recommendation"));
    assert_null(strstr(text, "tokio not measured"));
    for (uint32_t i = 0; i < report->data.run_count; i++) {
        struct oc_verify_run *run = &report->data.runs[i];
        /* As if there were none. */
        run->stack = run->stack == OC_VERIFY_STACK_TOKIO ||
                             run->stack == OC_VERIFY_STACK_TOKIO_CURRENT
                         ? OC_VERIFY_STACK_FLOOR
                         : run->stack;
    }
    free(text);
    text = report_made_read(oc_verify_report_markdown, report);
    assert_non_null(
        strstr(text, "| epoll\\_wait takes 3-5 us | 3 to 5 us | - | tokio not measured |"));
    free(text);
    report_made_end(report);
}

/* Without any run that counts a cell has no table, and it is void for every stack alike, also for
 * one whose own runs are good. */
static void test_void_without_runs(void **state)
{
    const struct report_made config = {.seed = 5, .blocks = 8, .voids = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char *text;

    (void)state;
    for (uint32_t i = 0; i < report->data.run_count; i++) {
        struct oc_verify_run *run = &report->data.runs[i];
        if (run->cell == 0) {
            run->exclusion = run->stack == OC_VERIFY_STACK_EPOLL ? OC_VERIFY_EXCLUDED_LAG
                                                                 : OC_VERIFY_KEPT;
        }
    }
    assert_int_equal(oc_judgement_make(&report->judgement, &report->data, &report->judgement_config,
                                       &report->arena),
                     0);
    text = report_made_read(oc_verify_report_markdown, report);
    assert_non_null(strstr(text, "/same-core: void: 8 of 8 blocks excluded (0 runs with steal"));
    assert_null(strstr(text, "its runs were excluded"));
    assert_null(strstr(text, "its runs have no such figure"));
    assert_null(strstr(text, "not measured | void |"));
    assert_null(strstr(text, "void | not measured |"));
    assert_null(strstr(text, "(8 blocks); void: 8 of 8"));
    assert_string_equal(oc_verify__words_missing(report, 0, OC_VERIFY_STACK_IO_URING),
                        "its runs were excluded");
    free(text);
    report_made_end(report);
}

/* One run in eight that lost replies is no zero. */
static void test_lost(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 8};
    struct oc_verify_report *report = report_made_begin(&config);
    uint32_t bad = 0;
    char *text;

    (void)state;
    while (report->data.runs[bad].cell != 0 ||
           report->data.runs[bad].stack != OC_VERIFY_STACK_EPOLL) {
        bad++;
    }
    text = report_made_read(oc_verify_report_markdown, report);
    assert_null(strstr(text, "| 4321 |"));
    free(text);
    report->data.runs[bad].metrics[OC_VERIFY_METRIC_ERRORS] = 4300;
    report->data.runs[bad].metrics[OC_VERIFY_METRIC_TIMEOUTS] = 21;
    text = report_made_read(oc_verify_report_markdown, report);
    assert_non_null(strstr(text, "| 4321 |"));
    free(text);
    report_made_end(report);
}

/* An agent may run on the same host, which boots once. */
static void test_agent_here(void **state)
{
    static const struct {
        const char *boot_id;
        const char *title;
        const char *scope;
    } CASES[] = {
        {"1-2-3", "# Network stacks measured: this host, by an agent",
         "of this host over loopback"},
        {"4-5-6", "# Network stacks measured: two hosts", "of these two hosts and the network"},
        {"", "# Network stacks measured: two hosts", "of these two hosts and the network"},
    };
    const struct report_made config = {.seed = 1, .blocks = 2};

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_verify_report *report = report_made_begin(&config);
        char *text;

        report->two_hosts = true;
        (void)snprintf(report->environment.boot_id, sizeof(report->environment.boot_id), "%s",
                       i == 2 ? "" : "1-2-3");
        (void)snprintf(report->server_environment.boot_id,
                       sizeof(report->server_environment.boot_id), "%s", CASES[i].boot_id);
        text = report_made_read(oc_verify_report_markdown, report);
        assert_non_null(strstr(text, CASES[i].title));
        assert_non_null(strstr(text, CASES[i].scope));
        assert_non_null(strstr(text, "No same-core cells"));
        free(text);
        report_made_end(report);
    }
}

/* What decides is in sight: the bound of A/A as both ends, for a claim that it leaves open too. */
static void test_bounds(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 8};
    struct oc_verify_report *report = report_made_begin(&config);
    struct oc_claim_finding *finding = report->judgement.claims;
    char *text;

    (void)state;
    while (finding->pair != OC_VERIFY_PAIR_EPOLL_IO_URING) {
        finding++;
    }
    finding->verdict = OC_CLAIM_NOT_DECIDABLE;
    finding->why = OC_UNDECIDED_UNRESOLVED;
    finding->bound = 0.25;
    report->judgement.recommendations[0][0].bound = log(1.6);
    text = report_made_read(oc_verify_report_markdown, report);
    assert_non_null(strstr(text, "not decidable: below A/A (-20.0 to +25.0 %)"));
    assert_non_null(strstr(text, "| -37.5 to +60.0 % |"));
    assert_non_null(strstr(text, "| p95 latency | p99 latency | rate |"));
    free(text);
    report_made_end(report);
}

/* A report that was broken off says so before anything else, with its share of the plan. */
static void test_stopped(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 4};
    struct oc_verify_report *report = report_made_begin(&config);
    char wanted[128];
    uint32_t planned = 0;
    char *text;

    (void)state;
    for (uint32_t cell = 0; cell < report->data.cell_count; cell++) {
        planned += report->data.cells[cell].blocks *
                   oc_verify__cell_runs(&report->data.cells[cell]);
    }
    report->stopped = true;
    text = report_made_read(oc_verify_report_markdown, report);
    (void)snprintf(wanted, sizeof(wanted), "STOPPED EARLY by a signal, after %u of at least %u",
                   report->data.run_count, planned);
    assert_non_null(strstr(text, wanted));
    assert_true(strstr(text, wanted) < strstr(text, "## Decision"));
    free(text);
    report_made_end(report);
}

static void test_text(void **state)
{
    static const struct report_made CONFIGS[] = {
        {.seed = 1, .blocks = 24, .evil = true},
        {.seed = 3, .blocks = 0, .evil = true},
        {.seed = 5, .blocks = 8, .voids = true, .full = true},
        {.seed = 6, .blocks = 8, .fails = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CONFIGS) / sizeof(CONFIGS[0]); i++) {
        struct oc_verify_report *report = report_made_begin(&CONFIGS[i]);
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        oc_verify_report_text(report, out);
        assert_int_equal(fclose(out), 0);
        report_made_check(report, text, "not measured: the <program> is not there");
        check_widths(text);
        assert_ends_with_decision(text);
        assert_non_null(
            strstr(text, CONFIGS[i].full ? "What could not be decided" : "This was --quick"));
        free(text);
        report_made_end(report);
    }
}

/* What was put in: epoll takes 1 / 1.6 of tokio's time, io_uring 0.96 of epoll's. */
static void test_decision(void **state)
{
    const struct report_made config = {.seed = 1, .blocks = 24, .full = true};
    struct oc_verify_report *report = report_made_begin(&config);
    char text[OC_VERIFY__SENTENCE_BYTES];

    (void)state;
    (void)oc_verify__words_decision(report, OC_VERIFY_PAIR_TOKIO_EPOLL, text);
    assert_non_null(strstr(text, "From tokio to epoll: proceed, because 4 of 4 criteria are met "
                                 "where 2 are needed (ping-pong latency -37."));
    (void)oc_verify__words_decision(report, OC_VERIFY_PAIR_EPOLL_IO_URING, text);
    assert_non_null(strstr(text, "From epoll to io_uring: stay, because 4 of 4 criteria are not "
                                 "met (ping-pong latency -"));
    report_made_end(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_decision),
        cmocka_unit_test(test_void),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_void_without_runs),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_agent_here),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
