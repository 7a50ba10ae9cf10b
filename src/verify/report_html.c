/*
 * The page: decision first, then figures, then tables. The style knows three media: light, dark,
 * paper. Stacks have a colour and a dash each (after Okabe and Ito, which colour-blind people tell
 * apart), and every line is named where it ends.
 */
#include "verify/report_html.h"

#include "verify/report_figures.h"
#include "verify/report_judged.h"
#include "verify/report_measured.h"
#include "verify/report_words.h"

static const char STYLE[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1a1a1a;--soft:#5c5c5c;--rule:#e2e2e2;"
    "--aa:#d4d4d4;--good:#00664a;--bad:#a33c00;--gate:#b00060;"
    "--s0:#6b6b6b;--s1:#d55e00;--s2:#b87700;--s3:#b5548f;--s4:#0072b2;--s5:#00805c;--s6:#3b96cc}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#161616;--ink:#e6e6e6;"
    "--soft:#a6a6a6;--rule:#383838;--aa:#4a4a4a;--good:#5fd0a8;--bad:#ff9d66;--gate:#ff7ac0;"
    "--s0:#b0b0b0;--s1:#ff8a3d;--s2:#f0b84a;--s3:#e59ccb;--s4:#5cb3ee;--s5:#3fd3a4;--s6:#9fd3f5}}\n"
    "html{background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,\"Segoe UI\","
    "\"DejaVu Sans\",sans-serif;-webkit-text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:74rem;padding:1.5rem 1rem 4rem}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:0 0 .5rem}\n"
    "h2{font-size:1.2rem;margin:2.4rem 0 .6rem;padding-top:.8rem;"
    "border-top:1px solid var(--rule)}\n"
    "p,li{max-width:44rem}p{margin:.6rem 0}ul{padding-left:1.2rem}.head{color:var(--soft)}\n"
    "#decision li{font-weight:600;max-width:50rem}"
    "h3{font-size:1rem;margin:1.4rem 0 .3rem}\n"
    ".scroll{overflow-x:auto;margin:.8rem 0 1.2rem}\n"
    "table{border-collapse:collapse;font-size:.8125rem;line-height:1.35;"
    "font-variant-numeric:tabular-nums}\n"
    "caption,figcaption{text-align:left;color:var(--soft);font-size:.8125rem;padding:0 0 .4rem;"
    "max-width:46rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .9rem .2rem 0;font-weight:400}\n"
    "thead th{color:var(--soft);border-bottom:1px solid var(--soft);vertical-align:bottom}\n"
    "tbody tr+tr th,tbody tr+tr td{border-top:1px solid var(--rule)}\n"
    "tbody th{overflow-wrap:anywhere;min-width:8rem}\n"
    ".n{text-align:right}.n,#ratios td:nth-child(2),#overview td:nth-child(2),"
    "#attribution td:nth-child(2){white-space:nowrap}\n"
    "#claims .n{white-space:normal;min-width:7em}#claims td{min-width:6em}"
    "#claims td:nth-child(n+7){min-width:10rem;overflow-wrap:anywhere}\n"
    "#figures th,#figures td{padding-right:.6rem}#figures tbody th{min-width:5.5rem}\n"
    ".good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}"
    ".open{color:var(--soft)}\n"
    "figure{margin:1.2rem 0 1.8rem}\n"
    "svg{display:block;width:100%;max-width:61rem;height:auto;overflow:visible}\n"
    ".panels{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem 1.5rem}\n"
    ".panels figcaption{grid-column:1/-1}\n"
    "@media (max-width:40rem){.panels{grid-template-columns:minmax(0,1fr)}}\n"
    "text{font:11px system-ui,\"Segoe UI\",\"DejaVu Sans\",sans-serif;fill:var(--ink);"
    "font-variant-numeric:tabular-nums}\n"
    ".b{font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}\n"
    ".grid{stroke:var(--rule)}.one{stroke:var(--soft)}\n"
    ".zone{stroke:var(--soft);stroke-dasharray:1 3}.aa{fill:var(--aa)}.pale{opacity:.45}\n"
    ".gate{stroke:var(--gate);stroke-width:2.4}\n"
    ".whisker{stroke:var(--ink);stroke-width:1.4}\n"
    ".mark{fill:var(--ink)}.hollow{fill:var(--paper);stroke:var(--ink);stroke-width:1.4}\n"
    "polyline{fill:none;stroke-width:1.7}.lead{stroke:var(--aa);stroke-width:.6}\n"
    ".s0{stroke:var(--s0);stroke-dasharray:1 2.5}.s1{stroke:var(--s1);stroke-dasharray:9 3}\n"
    ".s2{stroke:var(--s2);stroke-dasharray:9 3 2 3}.s3{stroke:var(--s3);stroke-dasharray:3 2}\n"
    ".s4{stroke:var(--s4);stroke-dasharray:6 1.5}.s5{stroke:var(--s5)}.s6{stroke:var(--s6)}\n"
    ".t0 text{fill:var(--s0)}.t1 text{fill:var(--s1)}.t2 text{fill:var(--s2)}"
    ".t3 text{fill:var(--s3)}.t4 text{fill:var(--s4)}.t5 text{fill:var(--s5)}"
    ".t6 text{fill:var(--s6)}\n"
    ".p0 circle{fill:var(--s0)}.p1 circle{fill:var(--s1)}.p2 circle{fill:var(--s2)}"
    ".p3 circle{fill:var(--s3)}.p4 circle{fill:var(--s4)}.p5 circle{fill:var(--s5)}"
    ".p6 circle{fill:var(--s6)}.quartiles{stroke:var(--soft)}\n"
    "@page{size:A4;margin:14mm 13mm}\n"
    "@media print{html{font-size:11px}body,p,li,caption,figcaption{max-width:none}\n"
    "body{padding:0}.scroll{overflow:visible}h2,h3{break-after:avoid}"
    "svg{max-width:none}figure:not(.panels),.panels svg,.short,tr{break-inside:avoid}"
    "thead{display:table-header-group}\n"
    "table{font-size:9.5px}th,td{padding-right:.8em}h2{margin-top:1.6rem}"
    ".break{break-before:page}}\n";

static int write_page(const void *context, FILE *out);
static void put_section(struct oc_verify__page *page, const char *id, bool breaks);

int oc_verify_report_html(const struct oc_verify_report *report, const char *path, char *error,
                          size_t error_size)
{
    return oc_verify__page_file(path, write_page, report, error, error_size);
}

void oc_verify__html_begin(FILE *out, const char *title)
{
    (void)fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">"
                       "<head><meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
                       "content=\"width=device-width, initial-scale=1\"/>\n<title>");
    oc_verify__page_escape(out, OC_VERIFY__PAGE_HTML, title);
    (void)fprintf(out, "</title>\n<style>\n%s</style></head>\n<body><main>\n", STYLE);
}

void oc_verify__html_end(FILE *out)
{
    (void)fprintf(out, "</main></body></html>\n");
}

static int write_page(const void *context, FILE *out)
{
    const struct oc_verify_report *report = context;
    struct oc_verify__page page;
    char title[128];

    (void)snprintf(title, sizeof(title), "Network stacks measured: %s, %s",
                   oc_verify__words_where(report), report->environment.time_begin);
    oc_verify__html_begin(out, title);
    (void)fprintf(out, "<header>\n");
    oc_verify__page_begin(&page, out, OC_VERIFY__PAGE_HTML);
    oc_verify__page_heading(&page, 1, "Network stacks measured: %s",
                            oc_verify__words_where(report));
    oc_verify__measured_head(&page, report);
    (void)fprintf(out, "</header>\n<section id=\"decision\">\n");
    oc_verify__judged_decision(&page, report);
    oc_verify__judged_gates(&page, report);
    put_section(&page, "recommendation", false);
    oc_verify__judged_recommendation(&page, report);
    put_section(&page, "undecided", false);
    oc_verify__judged_undecided(&page, report);
    put_section(&page, "forest", true);
    oc_verify__page_heading(&page, 2, "How much better or worse");
    oc_verify__page_paragraph(
        &page,
        "How many times as good the candidate is: to the right of 1 it is better. Point and "
        "line: median of the paired ratios and its interval; filled: decided, hollow: "
        "undecided or not judged, square: equal within 3 %%. Dotted lines: 3 %% to either side. "
        "Grey bar: what A/A cannot resolve (pale: borrowed from other cells). Upright mark: the "
        "gate's threshold. Void cells are left out. At the right the medians, the change of the "
        "figure itself (a latency falls when it gets better, a rate rises) and the verdict.");
    for (uint32_t pair = 0; pair < OC_VERIFY_PAIR_COUNT; pair++) {
        if ((report->pairs >> pair & 1U) != 0) {
            oc_verify__page_heading(&page, 3, "%s", oc_pairs_name(pair));
            oc_verify__figure_forest(report, pair, out);
        }
    }
    put_section(&page, "percentiles", false);
    oc_verify__page_heading(&page, 2, "Latency by percentile");
    oc_verify__figure_percentiles(report, out);
    put_section(&page, "connections", false);
    oc_verify__page_heading(&page, 2, "CPU time per request by connections");
    if (!oc_verify__figure_connections(report, NULL)) {
        oc_verify__page_paragraph(&page, "Not drawn: it takes stress cells that count with two or "
                                         "more numbers of connections, as a full measurement has.");
    } else {
        (void)fprintf(out, "<figure class=\"panels\">\n");
        (void)oc_verify__figure_connections(report, out);
        (void)fprintf(out, "<figcaption>CPU time per request by number of connections. Point: "
                           "median of the kept runs; upright line: their quartiles. The axis "
                           "begins at 0. Void cells are left out.</figcaption>\n</figure>\n");
    }
    put_section(&page, "claims", false);
    oc_verify__judged_claims(&page, report);
    put_section(&page, "attribution", false);
    oc_verify__judged_attribution(&page, report);
    put_section(&page, "overview", false);
    oc_verify__measured_overview(&page, report);
    put_section(&page, "ratios", false);
    oc_verify__judged_ratios(&page, report);
    put_section(&page, "resolution", false);
    oc_verify__measured_resolution(&page, report);
    oc_verify__measured_exclusions(&page, report);
    put_section(&page, "environment", false);
    oc_verify__measured_environment(&page, report);
    put_section(&page, "figures", true);
    oc_verify__measured_figures(&page, report);
    (void)fprintf(oc_verify__page_stream(&page), "</section>\n");
    oc_verify__html_end(out);
    return oc_verify__page_end(&page);
}

static void put_section(struct oc_verify__page *page, const char *id, bool breaks)
{
    (void)fprintf(oc_verify__page_stream(page), "</section>\n<section id=\"%s\"%s>\n", id,
                  breaks ? " class=\"break\"" : "");
}
