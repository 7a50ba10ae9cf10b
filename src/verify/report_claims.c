/*
 * The claims table as a section: what is asked, what was measured, on which cells. Nothing is
 * decided here.
 */
#include <math.h>
#include <string.h>

#include "verify/report_judged.h"
#include "verify/report_words.h"

static void put_claim(struct oc_verify__page *page, const struct oc_verify_report *report,
                      const struct oc_claim *claim);
static const struct oc_claim_finding *finding_of(const struct oc_verify_report *report,
                                                 const struct oc_claim *claim,
                                                 enum oc_verify_pair pair);
static void put_finding(struct oc_verify__page *page, const struct oc_verify_report *report,
                        const struct oc_claim *claim, enum oc_verify_pair pair);

void oc_verify__judged_claims(struct oc_verify__page *page, const struct oc_verify_report *report)
{
    static const struct oc_verify__page_column COLUMNS[] = {
        {"claim", false, false},         {"asked", false, false},
        {"tokio:io_uring", true, false}, {"verdict", false, false},
        {"epoll:io_uring", true, false}, {"verdict", false, false},
        {"measured as", false, true},    {"judged on", false, true},
    };

    oc_verify__page_heading(page, 2, "Claims that are commonly made");
    if (report->judgement.claim_count == 0) {
        oc_verify__page_paragraph(page, "Not judged: no pair with io_uring was asked for.");
        return;
    }
    oc_verify__page_table(page,
                          "What is commonly claimed for a move to io_uring, and what was measured "
                          "here; each judged by itself at 95 %, so one of twenty may be chance",
                          COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < oc_claims_count; i++) {
        put_claim(page, report, &oc_claims[i]);
    }
    oc_verify__page_table_end(page);
    oc_verify__page_paragraph(
        page,
        "The rule: \"at least\" and \"above\" are confirmed if the whole interval is there and the "
        "estimate is beyond the A/A bound, and refuted if the whole interval is short of it; \"at "
        "most\" and ranges are confirmed if the whole interval is within, and refuted if it is "
        "wholly outside; all else is not decidable here. The ends of a range of change are never "
        "asked closer than the A/A bound. More than a promise is no refutation of it. A gain is "
        "positive, a loss negative; of memory, more is positive.");
}

static void put_claim(struct oc_verify__page *page, const struct oc_verify_report *report,
                      const struct oc_claim *claim)
{
    static const enum oc_verify_pair PAIRS[2] = {OC_VERIFY_PAIR_TOKIO_IO_URING,
                                                 OC_VERIFY_PAIR_EPOLL_IO_URING};
    const struct oc_claim_finding *findings[2];
    char cells[2][OC_VERIFY__SENTENCE_BYTES] = {"", ""};
    char text[OC_VERIFY__WORDS_BYTES];

    oc_verify__page_cell(page, "%s", claim->text);
    oc_verify__page_cell(page, "%s", oc_verify__words_claim(claim, text));
    for (size_t i = 0; i < 2; i++) {
        put_finding(page, report, claim, PAIRS[i]);
        findings[i] = finding_of(report, claim, PAIRS[i]);
        if (findings[i] != NULL && oc_verify__words_absent(report, PAIRS[i], text)[0] == '\0') {
            (void)oc_verify__words_cells(report->data.cells, findings[i]->cells,
                                         findings[i]->cells_shown, cells[i]);
        }
    }
    oc_verify__page_cell(page, "%s", claim->measured_as);
    if (claim->kind == OC_CLAIM_COST) {
        oc_verify__page_cell(page, "no cell: measured by itself");
    } else if (cells[0][0] == '\0' && cells[1][0] == '\0') {
        oc_verify__page_cell(page, "no cell that counts");
    } else if (strcmp(cells[0], cells[1]) == 0 || cells[0][0] == '\0' || cells[1][0] == '\0') {
        oc_verify__page_cell(page, "%s", cells[0][0] != '\0' ? cells[0] : cells[1]);
    } else {
        oc_verify__page_cell(page, "%s: %s. %s: %s", oc_pairs_name(PAIRS[0]), cells[0],
                             oc_pairs_name(PAIRS[1]), cells[1]);
    }
}

static const struct oc_claim_finding *finding_of(const struct oc_verify_report *report,
                                                 const struct oc_claim *claim,
                                                 enum oc_verify_pair pair)
{
    for (uint32_t i = 0; i < report->judgement.claim_count; i++) {
        const struct oc_claim_finding *it = &report->judgement.claims[i];
        if (it->claim == claim && it->pair == pair) {
            return it;
        }
    }
    return NULL;
}

static void put_finding(struct oc_verify__page *page, const struct oc_verify_report *report,
                        const struct oc_claim *claim, enum oc_verify_pair pair)
{
    const struct oc_claim_finding *it = finding_of(report, claim, pair);
    char text[OC_VERIFY__WORDS_BYTES];
    char bound[OC_VERIFY__WORDS_BYTES] = "";

    if (it == NULL || oc_verify__words_absent(report, pair, text)[0] != '\0') {
        oc_verify__page_cell(page, "-");
        oc_verify__page_cell_of(page, OC_VERIFY__PAGE_OPEN, "%s",
                                it == NULL ? "not asked for" : text);
        return;
    }
    oc_verify__page_cell(page, "%s", oc_verify__words_finding(it, text));
    if (it->why == OC_UNDECIDED_UNRESOLVED) {
        (void)oc_verify__words_bound(log1p(it->bound), text);
        (void)snprintf(bound, sizeof(bound), " (%.64s)", text);
    }
    oc_verify__page_cell_of(
        page,
        it->verdict == OC_CLAIM_CONFIRMED ? OC_VERIFY__PAGE_GOOD
        : it->verdict == OC_CLAIM_REFUTED ? OC_VERIFY__PAGE_BAD
                                          : OC_VERIFY__PAGE_OPEN,
        "%s%s%s%s",
        /* The table's caption says "here". */
        it->verdict == OC_CLAIM_NOT_DECIDABLE ? "not decidable"
                                              : oc_claim_verdict_text(it->verdict),
        it->why == OC_UNDECIDED_DECIDED ? "" : ": ", oc_verify__words_why(it->why), bound);
}
