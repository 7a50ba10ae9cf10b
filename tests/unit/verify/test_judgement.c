/*
 * Goal: a whole measurement is judged at once, the same each time, and its comparisons say what was
 * put in.
 * Method: made-up measurements with and without A/A data, compared cell by cell.
 * Fails if: a verdict has the wrong direction, the A/A data are not used, Holm's family is not
 * that of one pair and one scenario, a verdict does not heed it, the result depends on which pairs
 * were asked for, or a second judgement differs.
 */
#include "verify/judgement.h"

#include "made.h"

#define P50      OC_VERIFY_METRIC_LATENCY_P50
#define RATE     OC_VERIFY_METRIC_RATE
#define EPOLL    OC_VERIFY_STACK_EPOLL
#define IO_URING OC_VERIFY_STACK_IO_URING
#define ALTERED  OC_VERIFY_STACK_ALTERED

static struct oc_judgement_config configure(void)
{
    return (struct oc_judgement_config){
        .seed = 5,
        .resamples = 1000,
        .pairs = (1U << OC_VERIFY_PAIR_COUNT) - 1U,
        .thresholds = OC_GATE_THRESHOLDS_DEFAULT,
        .costs = OC_VERIFY_COSTS_NONE,
    };
}

/* Two cells with epoll and its double; io_uring 12 % faster in one, equal within 1 % in the other.
 */
static struct made *make(void)
{
    struct made *made = made_begin(1);

    made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG)->gate = OC_VERIFY_GATE_PING_PONG;
    made_metric(made, 24, EPOLL, P50, 100.0, 0.02);
    made_metric(made, 24, ALTERED, P50, 100.0, 0.02);
    made_metric(made, 24, IO_URING, P50, 88.0, 0.02);
    made_metric(made, 24, EPOLL, OC_VERIFY_METRIC_BATCH_MEAN, 1.0, 0.02);
    made_metric(made, 24, IO_URING, OC_VERIFY_METRIC_BATCH_MEAN, 2.0, 0.02);
    made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS)->gate = OC_VERIFY_GATE_STRESS;
    made_metric(made, 24, EPOLL, RATE, 1e5, 0.02);
    made_metric(made, 24, ALTERED, RATE, 1e5, 0.02);
    made_metric(made, 24, IO_URING, RATE, 1.005e5, 0.02);
    return made;
}

static enum oc_verdict verdict(const struct oc_judgement *judgement, enum oc_verify_pair pair,
                               uint32_t cell, enum oc_verify_metric metric)
{
    const struct oc_comparison *comparison = oc_judgement_comparison(judgement, pair, cell, metric);

    assert_non_null(comparison);
    return comparison->verdict;
}

static void test_comparisons(void **state)
{
    struct made *made = make();
    struct oc_judgement_config config = configure();
    struct oc_judgement judgement;
    const struct oc_comparison *comparison;

    (void)state;
    assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
    comparison = oc_judgement_comparison(&judgement, OC_VERIFY_PAIR_EPOLL_IO_URING, 0, P50);
    assert_non_null(comparison);
    assert_int_equal(comparison->verdict, OC_VERDICT_BETTER);
    assert_int_equal(comparison->pair_count, 24);
    assert_true(fabs(comparison->ratio.estimate - log(0.88)) < 0.02);
    assert_true(fabs(comparison->current_median - 100.0) < 2.0);
    assert_true(fabs(comparison->candidate_median - 88.0) < 2.0);
    assert_true(comparison->p_paired < 1e-6);
    assert_true(comparison->p_unpaired < 1e-6);
    /* A family by itself: the other cell is of another scenario, the batches only explain. */
    assert_true(fabs(comparison->p_holm - comparison->p_paired) < 1e-12);
    assert_true(isfinite(comparison->resolution.bound));
    assert_int_equal(verdict(&judgement, OC_VERIFY_PAIR_EPOLL_IO_URING, 1, RATE), OC_VERDICT_EQUAL);
    assert_int_equal(
        verdict(&judgement, OC_VERIFY_PAIR_EPOLL_IO_URING, 0, OC_VERIFY_METRIC_BATCH_MEAN),
        OC_VERDICT_NEITHER);
    assert_null(oc_judgement_comparison(&judgement, OC_VERIFY_PAIR_TOKIO_EPOLL, 0, P50));
    assert_int_equal(judgement.gates[OC_VERIFY_PAIR_TOKIO_EPOLL].result, OC_GATE_NOT_MEASURED);
    assert_int_equal(judgement.gates[OC_VERIFY_PAIR_EPOLL_IO_URING].criteria[3].state,
                     OC_CRITERION_NOT_MET);
    assert_int_equal(judgement.claim_count, 2U * oc_claims_count);
    assert_int_equal(judgement.accounts[0].kept[IO_URING], 24);
    made_end(made);
}

/* A slowed double is called worse by the resolution of an earlier A/A run; its A/A is not. */
static void test_altered(void **state)
{
    struct made *aa = make();
    struct made *made = made_begin(2);
    struct oc_judgement_config config = configure();
    struct oc_judgement judgement;

    (void)state;
    made_cell(made, "ping", OC_VERIFY_SCENARIO_PING_PONG);
    made_metric(made, 24, EPOLL, P50, 100.0, 0.02);
    made_metric(made, 24, ALTERED, P50, 115.0, 0.02);
    made_cell(made, "stress", OC_VERIFY_SCENARIO_STRESS);
    made_metric(made, 24, EPOLL, RATE, 1e5, 0.02);
    made_metric(made, 24, ALTERED, RATE, 0.85e5, 0.02);
    config.aa = &aa->data;
    assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
    assert_int_equal(verdict(&judgement, OC_VERIFY_PAIR_EPOLL_ALTERED, 0, P50), OC_VERDICT_WORSE);
    assert_int_equal(verdict(&judgement, OC_VERIFY_PAIR_EPOLL_ALTERED, 1, RATE), OC_VERDICT_WORSE);
    /* As its own A/A it would set its own resolution, and nothing could be called. */
    config.aa = NULL;
    assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
    assert_int_equal(verdict(&judgement, OC_VERIFY_PAIR_EPOLL_ALTERED, 0, P50),
                     OC_VERDICT_UNDECIDED);
    /* Without any A/A nothing is claimed. */
    aa->data.run_count = 0;
    config.aa = &aa->data;
    assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
    assert_int_equal(verdict(&judgement, OC_VERIFY_PAIR_EPOLL_ALTERED, 0, P50),
                     OC_VERDICT_UNDECIDED);
    assert_int_equal(oc_judgement_comparison(&judgement, OC_VERIFY_PAIR_EPOLL_ALTERED, 0, P50)->why,
                     OC_UNDECIDED_UNRESOLVED);
    made_end(made);
    made_end(aa);
}

/* `cells` of one scenario with their rate and CPU time, only the first of which differs. */
static struct made *make_family(uint32_t cells, uint32_t blocks, double factor)
{
    struct made *made = made_begin(3);

    for (uint32_t i = 0; i < cells; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "stress-%u", i);
        made_cell(made, name, OC_VERIFY_SCENARIO_STRESS);
        for (uint32_t stack = 0; stack < 3; stack++) {
            static const enum oc_verify_stack STACKS[] = {EPOLL, ALTERED, IO_URING};
            double of = stack == 2 && i == 0 ? factor : 1.0;

            made_metric(made, blocks, STACKS[stack], RATE, 1e5 * of, 0.05);
            made_metric(made, blocks, STACKS[stack], OC_VERIFY_METRIC_SERVER_CPU, 1e4, 0.05);
            made_metric(made, blocks, STACKS[stack], P50, 1e4 / of, 0.05);
        }
    }
    return made;
}

/* Of 8 pairs no p is below 1/128: enough for a family of 6, not for one of 28. */
static void test_family(void **state)
{
    static const struct {
        uint32_t cells;
        uint32_t blocks;
        enum oc_verdict verdict;
    } CASES[] = {{1, 8, OC_VERDICT_BETTER},
                 {3, 8, OC_VERDICT_BETTER},
                 {14, 8, OC_VERDICT_UNDECIDED},
                 {14, 12, OC_VERDICT_BETTER}};
    struct oc_judgement_config config = configure();

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct made *made = make_family(CASES[i].cells, CASES[i].blocks, 1.4);
        struct oc_judgement judgement;
        const struct oc_comparison *clear;

        assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
        clear = oc_judgement_comparison(&judgement, OC_VERIFY_PAIR_EPOLL_IO_URING, 0, RATE);
        assert_non_null(clear);
        assert_true(clear->ratio.low > 0.0);
        assert_true(fabs(clear->p_holm - clear->p_paired * 2.0 * CASES[i].cells) < 1e-12);
        assert_int_equal(clear->verdict, CASES[i].verdict);
        assert_int_equal(clear->why, CASES[i].verdict == OC_VERDICT_BETTER ? OC_UNDECIDED_DECIDED
                                                                           : OC_UNDECIDED_CHANCE);
        /* Of a cell whose rate is judged, the latency is not. */
        clear = oc_judgement_comparison(&judgement, OC_VERIFY_PAIR_EPOLL_IO_URING, 0, P50);
        assert_non_null(clear);
        assert_int_equal(clear->verdict, OC_VERDICT_NEITHER);
        assert_true(isnan(clear->p_holm));
        made_end(made);
    }
}

/* What a look may spend of the 5 % is all that its p may be. */
static void test_family_of_looks(void **state)
{
    struct oc_verify_cell cells[1] = {{.scenario = OC_VERIFY_SCENARIO_STRESS}};
    struct oc_comparison looks[2] = {
        {.metric = RATE, .p_paired = 0.03, .ratio.level = 0.95, .verdict = OC_VERDICT_WORSE},
        {.metric = RATE, .p_paired = 0.03, .ratio.level = 0.98, .verdict = OC_VERDICT_WORSE}};
    struct made *made = made_begin(4);

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(oc_judgement_correct(&looks[i], 1, cells, &made->arena), 0);
    }
    assert_true(fabs(looks[0].p_holm - 0.03) < 1e-12);
    assert_int_equal(looks[0].verdict, OC_VERDICT_WORSE);
    assert_true(fabs(looks[1].p_holm - 0.075) < 1e-12);
    assert_int_equal(looks[1].verdict, OC_VERDICT_UNDECIDED);
    made_end(made);
}

static void test_repeatable(void **state)
{
    struct made *made = make();
    struct oc_judgement_config config = configure();
    struct oc_judgement all;
    struct oc_judgement one;

    (void)state;
    assert_int_equal(oc_judgement_make(&all, &made->data, &config, &made->arena), 0);
    config.pairs = 1U << OC_VERIFY_PAIR_EPOLL_IO_URING;
    assert_int_equal(oc_judgement_make(&one, &made->data, &config, &made->arena), 0);
    assert_int_equal(one.comparison_count, 3);
    assert_int_equal(one.gates[OC_VERIFY_PAIR_EPOLL_ALTERED].result, OC_GATE_NOT_MEASURED);
    for (uint32_t i = 0; i < one.comparison_count; i++) {
        const struct oc_comparison *same = oc_judgement_comparison(
            &all, OC_VERIFY_PAIR_EPOLL_IO_URING, one.comparisons[i].cell,
            one.comparisons[i].metric);

        assert_non_null(same);
        assert_true(same->ratio.low == one.comparisons[i].ratio.low);
        assert_true(same->ratio.high == one.comparisons[i].ratio.high);
    }
    made_end(made);
}

static void test_nothing(void **state)
{
    struct made *made = made_begin(1);
    struct oc_judgement_config config = configure();
    struct oc_judgement judgement;

    (void)state;
    assert_int_equal(oc_judgement_make(&judgement, &made->data, &config, &made->arena), 0);
    assert_int_equal(judgement.comparison_count, 0);
    assert_int_equal(judgement.attribution_count, 0);
    for (uint32_t mode = 0; mode < OC_MODE_COUNT; mode++) {
        assert_int_equal(judgement.recommendations[mode][0].advice, OC_ADVICE_NOT_MEASURED);
    }
    for (uint32_t i = 0; i < judgement.claim_count; i++) {
        assert_int_equal(judgement.claims[i].verdict, OC_CLAIM_NOT_DECIDABLE);
    }
    made_end(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons), cmocka_unit_test(test_altered),
        cmocka_unit_test(test_family),      cmocka_unit_test(test_family_of_looks),
        cmocka_unit_test(test_repeatable),  cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
