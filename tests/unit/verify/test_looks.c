/*
 * Goal: the planned looks spend 5 % in all, and which look is reached depends on blocks alone.
 * Method: the levels against numerical integration (reference.py), and against simulated random
 * walks without any effect, each of which may cross at any look; the plan at its corners.
 * Fails if: a level was mistyped, all looks together err more or less often than 5 %, or another
 * cell than those planned gets several looks.
 */
#include "verify/looks.h"

#include "made.h"
#include "reference.h"
#include "verify/statistics.h"

static void test_plan(void **state)
{
    struct oc_looks looks = oc_looks_plan(24, 96);

    (void)state;
    assert_int_equal(looks.count, 3);
    assert_int_equal(looks.at[0].blocks, 24);
    assert_int_equal(looks.at[1].blocks, 48);
    assert_int_equal(looks.at[2].blocks, 96);
    assert_int_equal(oc_looks_reached(&looks, 23), OC_LOOKS_NONE);
    assert_int_equal(oc_looks_reached(&looks, 24), 0);
    assert_int_equal(oc_looks_reached(&looks, 47), 0);
    assert_int_equal(oc_looks_reached(&looks, 48), 1);
    assert_int_equal(oc_looks_reached(&looks, 1000), 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(fabs(looks.at[i].level - REFERENCE_LOOKS_QUARTERS[i]) < 1e-6);
    }
    looks = oc_looks_plan(48, 96);
    assert_int_equal(looks.count, 2);
    assert_int_equal(looks.at[0].blocks, 48);
    assert_int_equal(looks.at[1].blocks, 96);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(fabs(looks.at[i].level - REFERENCE_LOOKS_HALVES[i]) < 1e-6);
    }
    looks = oc_looks_plan(24, 48);
    assert_int_equal(looks.count, 2);
    assert_int_equal(looks.at[1].blocks, 48);
}

static void test_single(void **state)
{
    static const uint32_t PLANS[][2] = {{8, 8}, {24, 24}, {96, 96}, {8, 16}, {30, 90}, {0, 0}};

    (void)state;
    for (uint32_t i = 0; i < sizeof(PLANS) / sizeof(PLANS[0]); i++) {
        struct oc_looks looks = oc_looks_plan(PLANS[i][0], PLANS[i][1]);

        assert_int_equal(looks.count, 1);
        assert_int_equal(looks.at[0].blocks, PLANS[i][0]);
        assert_true(looks.at[0].level == 0.95);
    }
    assert_true(fabs(oc_looks_level_inner(0.95) - 0.90) < 1e-12);
}

/* The share of walks without drift that leave the interval at some look. */
static double crossing_share(const struct oc_looks *looks, uint32_t walks, struct oc_random *random)
{
    uint32_t crossed = 0;
    double bounds[OC_LOOKS_MAX];

    for (uint32_t look = 0; look < looks->count; look++) {
        bounds[look] = oc_statistics_normal_quantile(0.5 + 0.5 * looks->at[look].level) *
                       sqrt(looks->at[look].blocks);
    }
    for (uint32_t walk = 0; walk < walks; walk++) {
        double sum = 0.0;
        uint32_t blocks = 0;

        for (uint32_t look = 0; look < looks->count; look++) {
            uint32_t more = looks->at[look].blocks - blocks;
            double radius = sqrt(2.0 * oc_random_exponential(random, 1.0));

            sum += sqrt(more) * radius * cos(2.0 * M_PI * oc_random_double(random));
            blocks = looks->at[look].blocks;
            if (fabs(sum) > bounds[look]) {
                crossed++;
                break;
            }
        }
    }
    return (double)crossed / walks;
}

static void test_error_spent(void **state)
{
    static const uint32_t PLANS[][2] = {{24, 96}, {24, 48}, {96, 96}};
    uint32_t walks = made_under_valgrind() ? 5000 : 100000;
    /* Four standard deviations of a share of 5 %; the seed is fixed. */
    double tolerance = 4.0 * sqrt(0.05 * 0.95 / walks);
    struct oc_random random;

    (void)state;
    oc_random_init(&random, 11);
    for (uint32_t i = 0; i < 3; i++) {
        struct oc_looks looks = oc_looks_plan(PLANS[i][0], PLANS[i][1]);
        double share = crossing_share(&looks, walks, &random);

        print_message("%u looks: %.2f %% cross\n", looks.count, 100.0 * share);
        assert_true(fabs(share - 0.05) < tolerance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_error_spent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
