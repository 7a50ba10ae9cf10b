/*
 * The sections of a report that say what was judged: decision, recommendation, ratios, attribution,
 * ceiling, claims, and what could not be decided. The same for every format.
 */
#ifndef OC_VERIFY_REPORT_JUDGED_H
#define OC_VERIFY_REPORT_JUDGED_H

#include "verify/report_page.h"
#include "verify/verify.h"

/** The decision of each pair that was asked for, in a sentence each. */
void oc_verify__judged_decision(struct oc_verify__page *page,
                                const struct oc_verify_report *report);

/** Of each decision the four criteria. */
void oc_verify__judged_gates(struct oc_verify__page *page, const struct oc_verify_report *report);

/** io_uring or epoll, by mode. */
void oc_verify__judged_recommendation(struct oc_verify__page *page,
                                      const struct oc_verify_report *report);

/** Each cell's primary figure and CPU time: ratio, interval, resolution, verdict. */
void oc_verify__judged_ratios(struct oc_verify__page *page, const struct oc_verify_report *report);

/** What is the rewrite's merit, what io_uring's; and the most that io_uring could give. */
void oc_verify__judged_attribution(struct oc_verify__page *page,
                                   const struct oc_verify_report *report);

/** What is commonly claimed beside what was measured. */
void oc_verify__judged_claims(struct oc_verify__page *page, const struct oc_verify_report *report);

/** What these data cannot decide, and why. */
void oc_verify__judged_undecided(struct oc_verify__page *page,
                                 const struct oc_verify_report *report);

#endif
