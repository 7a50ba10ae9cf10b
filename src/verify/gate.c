/*
 * The decision gate: readings at their looks, criteria from readings, the decision from criteria.
 */
#include "verify/gate.h"

#include <math.h>

#include "core/assert.h"

/* The criteria in the order of the report, with the metrics that may meet them. */
static const struct {
    enum oc_verify_gate_part part;
    uint32_t metric_count;
    enum oc_verify_metric metrics[2];
} PARTS[OC_GATE_CRITERIA] = {
    {OC_VERIFY_GATE_PING_PONG, 1, {OC_VERIFY_METRIC_LATENCY_P50, 0}},
    {OC_VERIFY_GATE_PERSISTENT, 1, {OC_VERIFY_METRIC_RATE, 0}},
    {OC_VERIFY_GATE_TAIL, 2, {OC_VERIFY_METRIC_LATENCY_P95, OC_VERIFY_METRIC_LATENCY_P99}},
    {OC_VERIFY_GATE_STRESS, 1, {OC_VERIFY_METRIC_RATE, 0}},
};

static double threshold_of(const struct oc_gate_thresholds *thresholds,
                           enum oc_verify_gate_part part);
static void decide_criterion(const struct oc_gate_input *input, enum oc_verify_pair pair,
                             uint32_t index, struct oc_criterion *criterion);
static void combine(struct oc_criterion *criterion, uint32_t metric_count);
static enum oc_criterion_state combine_cell(const struct oc_gate_reading *readings, uint32_t count);
static uint32_t choose_headline(const struct oc_criterion *criterion);
static bool read_look(const struct oc_gate_input *input, enum oc_verify_pair pair,
                      uint32_t block_limit, double level, struct oc_gate_reading *reading);
static void judge(struct oc_gate_reading *reading);
static bool more_may_help(enum oc_undecided why);
static enum oc_gate_result result_of(const struct oc_gate *gate, uint32_t measured);

void oc_gate_decide(const struct oc_gate_input *input, enum oc_verify_pair pair,
                    struct oc_gate *gate)
{
    uint32_t measured = 0;

    *gate = (struct oc_gate){.pair = pair, .needed = input->thresholds.criteria_needed};
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        struct oc_criterion *criterion = &gate->criteria[i];

        decide_criterion(input, pair, i, criterion);
        measured += criterion->why != OC_UNDECIDED_NOT_MEASURED ? 1U : 0U;
        gate->met += criterion->state == OC_CRITERION_MET ? 1U : 0U;
        gate->not_met += criterion->state == OC_CRITERION_NOT_MET ? 1U : 0U;
        gate->undecided += criterion->state == OC_CRITERION_UNDECIDED ? 1U : 0U;
    }
    gate->result = result_of(gate, measured);
}

void oc_gate_read(const struct oc_gate_input *input, enum oc_verify_pair pair, uint32_t cell,
                  enum oc_verify_metric metric, double threshold_share, uint32_t split,
                  struct oc_gate_reading *reading)
{
    const struct oc_verify_cell *described = &input->pairs->data->cells[cell];
    struct oc_looks looks = oc_looks_plan(described->blocks, described->blocks_max);
    uint32_t reached = oc_looks_reached(&looks, oc_pairs_blocks_run(input->pairs, cell));
    bool lower = oc_pairs_direction(metric) == OC_VERIFY_LOWER_IS_BETTER;

    OC_ASSERT(oc_pairs_direction(metric) != OC_VERIFY_NEITHER);
    OC_ASSERT(split >= 1);
    *reading = (struct oc_gate_reading){
        .cell = cell,
        .metric = metric,
        .state = OC_CRITERION_UNDECIDED,
        .look = OC_LOOKS_NONE,
        .look_count = looks.count,
        .threshold = lower ? -log1p(-threshold_share) : log1p(threshold_share),
        .resolution = oc_resolutions_of(input->resolutions, cell, metric),
    };
    if (reached == OC_LOOKS_NONE) {
        /* What there is may be shown, at the level of the first look, but it decides nothing. */
        double level = 1.0 - (1.0 - looks.at[0].level) / split;

        (void)read_look(input, pair, looks.at[0].blocks, level, reading);
        if (reading->why != OC_UNDECIDED_NOT_MEASURED) {
            reading->why = OC_UNDECIDED_TOO_EARLY;
        }
        return;
    }
    for (uint32_t look = 0; look <= reached; look++) {
        reading->look = look;
        if (read_look(input, pair, looks.at[look].blocks,
                      1.0 - (1.0 - looks.at[look].level) / split, reading)) {
            judge(reading);
        }
        if (reading->state != OC_CRITERION_UNDECIDED) {
            return;
        }
    }
}

uint32_t oc_gate_blocks_wanted(const struct oc_gate_input *input, const struct oc_gate *gate,
                               uint32_t cell)
{
    const struct oc_verify_cell *described = &input->pairs->data->cells[cell];
    struct oc_looks looks = oc_looks_plan(described->blocks, described->blocks_max);
    uint32_t run = oc_pairs_blocks_run(input->pairs, cell);
    uint32_t reached = oc_looks_reached(&looks, run);

    if (reached == OC_LOOKS_NONE) {
        return looks.at[0].blocks;
    }
    if (gate->result != OC_GATE_UNDECIDED || reached + 1U >= looks.count) {
        return run;
    }
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        const struct oc_criterion *criterion = &gate->criteria[i];

        for (uint32_t k = 0; k < criterion->reading_count; k++) {
            const struct oc_gate_reading *reading = &criterion->readings[k];

            if (criterion->state == OC_CRITERION_UNDECIDED && reading->cell == cell &&
                more_may_help(reading->why)) {
                return looks.at[reached + 1U].blocks;
            }
        }
    }
    return run;
}

const char *oc_criterion_state_text(enum oc_criterion_state state)
{
    static const char *const TEXTS[OC_CRITERION_STATE_COUNT] = {
#define STATE_TEXT(name, text) [OC_CRITERION_##name] = text,
        OC_CRITERION_STATE_MAP(STATE_TEXT)
#undef STATE_TEXT
    };

    OC_ASSERT(state < OC_CRITERION_STATE_COUNT);
    return TEXTS[state];
}

const char *oc_undecided_text(enum oc_undecided why)
{
    static const char *const TEXTS[OC_UNDECIDED_COUNT] = {
#define UNDECIDED_TEXT(name, text) [OC_UNDECIDED_##name] = text,
        OC_UNDECIDED_MAP(UNDECIDED_TEXT)
#undef UNDECIDED_TEXT
    };

    OC_ASSERT(why < OC_UNDECIDED_COUNT);
    return TEXTS[why];
}

const char *oc_gate_result_text(enum oc_gate_result result)
{
    static const char *const TEXTS[OC_GATE_RESULT_COUNT] = {
#define RESULT_TEXT(name, text) [OC_GATE_##name] = text,
        OC_GATE_RESULT_MAP(RESULT_TEXT)
#undef RESULT_TEXT
    };

    OC_ASSERT(result < OC_GATE_RESULT_COUNT);
    return TEXTS[result];
}

static double threshold_of(const struct oc_gate_thresholds *thresholds,
                           enum oc_verify_gate_part part)
{
    switch (part) {
    case OC_VERIFY_GATE_PING_PONG:
        return thresholds->ping_pong;
    case OC_VERIFY_GATE_PERSISTENT:
        return thresholds->persistent;
    case OC_VERIFY_GATE_TAIL:
        return thresholds->tail;
    case OC_VERIFY_GATE_STRESS:
        return thresholds->stress;
    case OC_VERIFY_GATE_NONE:
        break;
    }
    OC_UNREACHABLE();
}

static void decide_criterion(const struct oc_gate_input *input, enum oc_verify_pair pair,
                             uint32_t index, struct oc_criterion *criterion)
{
    const struct oc_verify_data *data = input->pairs->data;
    uint32_t metric_count = PARTS[index].metric_count;

    *criterion = (struct oc_criterion){
        .part = PARTS[index].part,
        .state = OC_CRITERION_UNDECIDED,
        .why = OC_UNDECIDED_NOT_MEASURED,
        .threshold = threshold_of(&input->thresholds, PARTS[index].part),
    };
    for (uint32_t cell = 0; cell < data->cell_count; cell++) {
        if (data->cells[cell].gate != criterion->part ||
            criterion->reading_count + metric_count > OC_GATE_READINGS_MAX) {
            continue;
        }
        for (uint32_t i = 0; i < metric_count; i++) {
            oc_gate_read(input, pair, cell, PARTS[index].metrics[i], criterion->threshold,
                         metric_count, &criterion->readings[criterion->reading_count++]);
        }
    }
    if (criterion->reading_count > 0) {
        combine(criterion, metric_count);
    }
}

/* Of cells all must meet it; of the metrics of one cell any may. */
static void combine(struct oc_criterion *criterion, uint32_t metric_count)
{
    uint32_t met = 0;
    uint32_t not_met = 0;
    uint32_t cells = criterion->reading_count / metric_count;

    for (uint32_t i = 0; i < cells; i++) {
        enum oc_criterion_state state = combine_cell(&criterion->readings[i * metric_count],
                                                     metric_count);

        met += state == OC_CRITERION_MET ? 1U : 0U;
        not_met += state == OC_CRITERION_NOT_MET ? 1U : 0U;
    }
    if (not_met > 0) {
        criterion->state = OC_CRITERION_NOT_MET;
    } else if (met == cells) {
        criterion->state = OC_CRITERION_MET;
    }
    criterion->headline = choose_headline(criterion);
    criterion->why = criterion->readings[criterion->headline].why;
}

/* A metric that was not measured is no obstacle to the other. */
static enum oc_criterion_state combine_cell(const struct oc_gate_reading *readings, uint32_t count)
{
    uint32_t not_met = 0;
    uint32_t missing = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (readings[i].state == OC_CRITERION_MET) {
            return OC_CRITERION_MET;
        }
        not_met += readings[i].state == OC_CRITERION_NOT_MET ? 1U : 0U;
        missing += readings[i].why == OC_UNDECIDED_NOT_MEASURED ? 1U : 0U;
    }
    return not_met > 0 && not_met + missing == count ? OC_CRITERION_NOT_MET
                                                     : OC_CRITERION_UNDECIDED;
}

/* Of the readings in the criterion's own state the one nearest to being met, or beyond. */
static uint32_t choose_headline(const struct oc_criterion *criterion)
{
    uint32_t best = UINT32_MAX;
    double best_distance = 0.0;

    for (uint32_t i = 0; i < criterion->reading_count; i++) {
        const struct oc_gate_reading *reading = &criterion->readings[i];
        double distance = isnan(reading->gain.estimate)
                              ? -INFINITY
                              : reading->gain.estimate - reading->threshold;

        if (reading->state == criterion->state &&
            (best == UINT32_MAX || distance > best_distance)) {
            best = i;
            best_distance = distance;
        }
    }
    return best == UINT32_MAX ? 0 : best;
}

/* The interval of the first blocks. False, with the reason, when there is none to be judged. */
static bool read_look(const struct oc_gate_input *input, enum oc_verify_pair pair,
                      uint32_t block_limit, double level, struct oc_gate_reading *reading)
{
    const struct oc_verify_cell *cell = &input->pairs->data->cells[reading->cell];
    struct oc_cell_account account;
    double gains[OC_PAIRS_BLOCKS_MAX];
    struct oc_stratum stratum = {.values = gains};
    struct oc_bootstrap_config config = {
        .seed = oc_pairs_seed(input->seed, cell, reading->metric, pair),
        .resamples = input->resamples,
        .level = level,
    };
    enum oc_verify_stack stacks[2] = {
        oc_pairs_stand_in(input->pairs, reading->cell, oc_pairs_current(pair), block_limit),
        oc_pairs_candidate(pair),
    };
    bool lower = oc_pairs_direction(reading->metric) == OC_VERIFY_LOWER_IS_BETTER;

    oc_pairs_account(input->pairs, reading->cell, block_limit, &account);
    stratum.count = oc_pairs_ratios(input->pairs, reading->cell, stacks[0], stacks[1],
                                    reading->metric, block_limit, gains);
    stratum.weight = lower ? -1.0 : 1.0;
    oc_bootstrap_interval(&stratum, 1, &config, &reading->gain, NULL);
    reading->current = stacks[0];
    if (account.voided) {
        reading->why = OC_UNDECIDED_VOIDED;
    } else if (oc_pairs_failed(&account, stacks, 2)) {
        reading->why = OC_UNDECIDED_FAILING;
    } else if (stratum.count == 0) {
        reading->why = OC_UNDECIDED_NOT_MEASURED;
    } else if (reading->gain.kind == OC_INTERVAL_UNBOUNDED) {
        reading->why = OC_UNDECIDED_TOO_FEW;
    } else {
        return true;
    }
    return false;
}

static void judge(struct oc_gate_reading *reading)
{
    switch (oc_standing_judge(&reading->gain, reading->threshold, reading->resolution.bound)) {
    case OC_STANDING_BEYOND:
        reading->state = OC_CRITERION_MET;
        reading->why = OC_UNDECIDED_DECIDED;
        break;
    case OC_STANDING_SHORT:
        reading->state = OC_CRITERION_NOT_MET;
        reading->why = OC_UNDECIDED_DECIDED;
        break;
    case OC_STANDING_STRADDLES:
        reading->why = OC_UNDECIDED_STRADDLES;
        break;
    case OC_STANDING_UNRESOLVED:
        reading->why = OC_UNDECIDED_UNRESOLVED;
        break;
    }
}

/* Whether more blocks could end the indecision: they narrow an interval, thin out the excluded, and
 * sharpen the resolution where A/A runs are among them. */
static bool more_may_help(enum oc_undecided why)
{
    return why == OC_UNDECIDED_STRADDLES || why == OC_UNDECIDED_VOIDED ||
           why == OC_UNDECIDED_UNRESOLVED;
}

static enum oc_gate_result result_of(const struct oc_gate *gate, uint32_t measured)
{
    if (gate->met >= gate->needed) {
        return OC_GATE_PROCEED;
    }
    if (measured == 0) {
        return OC_GATE_NOT_MEASURED;
    }
    return gate->met + gate->undecided < gate->needed ? OC_GATE_STAY : OC_GATE_UNDECIDED;
}
