/*
 * Goal: the gate's false alarms are as rare and its power as great as the rule promises, through
 * the code that judges real data.
 * Method: up to 200 simulated measurements for each of some known effects (bench/gate_power.c does
 * thousands); the seeds are fixed, so the counts are always the same.
 * Fails if: the gate proceeds without an effect, does not see one that is well beyond every
 * threshold, calls A/A a difference, misses a 15 % difference, or if a scenario's comparisons call
 * A/A a difference anywhere in more than 5 % of the measurements.
 */
#include "verify/simulation.h"

#include "made.h"

static struct oc_simulation_result simulate(struct oc_simulation_config config, uint32_t trials)
{
    struct oc_simulation_result result;

    config.trials = made_under_valgrind() ? 10 : trials;
    config.resamples = 1000;
    assert_int_equal(oc_simulation_run(&config, &result), 0);
    print_message("effect %4.1f %%: proceed %.1f %%, undecided %.1f %%, called better %.1f %%, "
                  "covered %.1f %%, %.1f blocks\n",
                  100.0 * config.effect, 100.0 * result.proceed.share,
                  100.0 * result.undecided.share, 100.0 * result.called_better.share,
                  100.0 * result.covered.share, result.blocks_mean);
    assert_int_equal(result.proceed.hits + result.stay.hits + result.undecided.hits, config.trials);
    return result;
}

static void test_no_effect(void **state)
{
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result = simulate(config, 200);

    (void)state;
    assert_int_equal(result.proceed.hits, 0);
    assert_true(result.called_better.share + result.called_worse.share <= 0.05);
    assert_true(result.covered.share >= 0.88);
    assert_true(result.bound_median > 0.005);
    assert_true(result.bound_median < 0.10);
}

static void test_small_effect(void **state)
{
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result;

    (void)state;
    config.effect = 0.05;
    result = simulate(config, 100);
    assert_int_equal(result.proceed.hits, 0);
    assert_true(result.called_better.share >= 0.70);
}

/* At the threshold of the ping-pong, where a criterion is most easily met by mistake. */
static void test_threshold(void **state)
{
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result;

    (void)state;
    config.effect = 0.10;
    result = simulate(config, 200);
    assert_true(result.criteria_met[0].low < 0.05);
    assert_int_equal(result.proceed.hits, 0);
    assert_true(result.called_better.share >= 0.99);
}

static void test_large_effect(void **state)
{
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result;

    (void)state;
    config.effect = 0.25;
    result = simulate(config, 100);
    assert_true(result.proceed.share >= 0.99);
    assert_true(result.blocks_mean < 30.0);
}

/* Noise of 15 % a run: more looks are used, and what is small stays unsaid. */
static void test_noise(void **state)
{
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result;

    (void)state;
    config.run_sd = 0.15;
    config.effect = 0.0;
    result = simulate(config, 40);
    assert_true(result.proceed.share <= 0.05);
    assert_true(result.blocks_mean > 24.0);
    assert_true(result.bound_median > 0.05);
}

static void test_recorded(void **state)
{
    static const double RECORDED[] = {0.51, 0.49, 0.50, 0.53, 0.47, 0.52, 0.48, 0.505, 0.495};
    struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
    struct oc_simulation_result result;

    (void)state;
    /* Centred: what two equal stacks differed by that day is no effect. */
    config.recorded = RECORDED;
    config.recorded_count = sizeof(RECORDED) / sizeof(RECORDED[0]);
    result = simulate(config, 100);
    assert_int_equal(result.proceed.hits, 0);
    assert_true(result.called_better.share <= 0.05);
    config.effect = 0.25;
    result = simulate(config, 100);
    assert_true(result.proceed.share >= 0.99);
}

/* Of one scenario as large as the largest of --full: its error without an effect, its power. */
static void test_families(void **state)
{
    static const struct {
        uint32_t cells;
        uint32_t pairs;
        double effect;
        double power; /* at least; 0: no effect, the error at most 5 % */
    } CASES[] = {{1, 8, 0.0, 0.0},
                 {14, 12, 0.0, 0.0},
                 {14, 24, 0.0, 0.0},
                 {1, 8, 0.15, 0.80},
                 {14, 12, 0.15, 0.80}};

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct oc_simulation_config config = OC_SIMULATION_CONFIG_DEFAULT;
        struct oc_simulation_family result;

        config.trials = made_under_valgrind() ? 4 : CASES[i].cells == 1 ? 1000 : 150;
        config.resamples = 500;
        config.blocks = CASES[i].pairs;
        config.effect = CASES[i].effect;
        assert_int_equal(oc_simulation_family_run(&config, CASES[i].cells, &result), 0);
        print_message("%2u cells, %2u pairs, effect %4.1f %%: any %.1f %%, better %.1f %%, worse "
                      "%.1f %%, alone %.1f %%\n",
                      CASES[i].cells, CASES[i].pairs, 100.0 * CASES[i].effect,
                      100.0 * result.any.share, 100.0 * result.better.share,
                      100.0 * result.worse.share, 100.0 * result.alone.share);
        if (CASES[i].power > 0.0) {
            assert_true(result.better.share >= CASES[i].power || made_under_valgrind());
            assert_int_equal(result.worse.hits, 0);
        } else {
            assert_true(result.any.share <= 0.05);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_effect), cmocka_unit_test(test_small_effect),
        cmocka_unit_test(test_threshold), cmocka_unit_test(test_large_effect),
        cmocka_unit_test(test_noise),     cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_families),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
