/*
 * The sections in the order in which a reader wants them: decision, advice, evidence, host.
 */
#include "verify/report_markdown.h"

#include "verify/report_judged.h"
#include "verify/report_measured.h"
#include "verify/report_words.h"

static int write_page(const void *context, FILE *out);

int oc_verify_report_markdown(const struct oc_verify_report *report, const char *path, char *error,
                              size_t error_size)
{
    return oc_verify__page_file(path, write_page, report, error, error_size);
}

static int write_page(const void *context, FILE *out)
{
    const struct oc_verify_report *report = context;
    struct oc_verify__page page;

    oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_MARKDOWN);
    oc_verify__page_heading(&page, 1, "Network stacks measured: %s",
                            oc_verify__words_where(report));
    oc_verify__measured_head(&page, report);
    oc_verify__judged_decision(&page, report);
    oc_verify__judged_gates(&page, report);
    oc_verify__judged_recommendation(&page, report);
    oc_verify__judged_undecided(&page, report);
    oc_verify__measured_overview(&page, report);
    oc_verify__judged_ratios(&page, report);
    oc_verify__judged_attribution(&page, report);
    oc_verify__judged_claims(&page, report);
    oc_verify__measured_resolution(&page, report);
    oc_verify__measured_exclusions(&page, report);
    oc_verify__measured_environment(&page, report);
    oc_verify__measured_figures(&page, report);
    return oc_verify__page_end(&page);
}
