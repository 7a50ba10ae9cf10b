/*
 * The report for a terminal: the decision comes last, a sentence for each pair, where the eye is
 * when the program ends.
 */
#include "verify/report_text.h"

#include "verify/report_judged.h"
#include "verify/report_measured.h"

void oc_verify_report_text(const struct oc_verify_report *report, FILE *out)
{
    struct oc_verify__page page;

    oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_TEXT);
    oc_verify__measured_head(&page, report);
    oc_verify__measured_overview(&page, report);
    oc_verify__judged_ratios(&page, report);
    oc_verify__judged_attribution(&page, report);
    oc_verify__judged_claims(&page, report);
    oc_verify__judged_undecided(&page, report);
    oc_verify__judged_recommendation(&page, report);
    oc_verify__judged_gates(&page, report);
    oc_verify__judged_decision(&page, report);
    (void)oc_verify__page_end(&page);
}
