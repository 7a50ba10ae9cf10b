/*
 * Goal: counts, percentiles and exports of the histogram are right to 3 significant digits.
 * Method: seeded samples of several distributions, compared with the same samples sorted; the .hgrm
 * table is parsed and every line of it compared with the sorted samples too.
 * Fails if: a percentile is below the exact one or 0.1 % above, a merge differs from recording
 * together, a clamped value is not counted as such, or the table is not HdrHistogram's.
 */
#include "core/histogram.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "core/random.h"
#include "support.h"

enum { SAMPLES_MAX = 200000 };

static struct oc_histogram histogram;
static struct oc_histogram other;
static uint64_t samples[SAMPLES_MAX];

enum distribution { SMALL, UNIFORM, EXPONENTIAL, BIMODAL, ALL_MAGNITUDES, DISTRIBUTIONS };

static uint64_t draw(struct oc_random *random, enum distribution distribution)
{
    switch (distribution) {
    case SMALL:
        return oc_random_below(random, 5);
    case UNIFORM:
        return 1 + oc_random_below(random, OC_HISTOGRAM_NS_MAX);
    case EXPONENTIAL:
        return (uint64_t)oc_random_exponential(random, 30000.0);
    case BIMODAL:
        return oc_random_below(random, 100) < 99 ? 5000 + oc_random_below(random, 2000)
                                                 : 40000000 + oc_random_below(random, 1000000);
    case ALL_MAGNITUDES:
        return oc_random_next(random) >> (28 + oc_random_below(random, 36));
    case DISTRIBUTIONS:
        break;
    }
    OC_UNREACHABLE();
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* Fills `samples`, sorted, and the histogram with the same. */
static void record_samples(uint64_t seed, enum distribution distribution, uint32_t count)
{
    struct oc_random random;

    oc_random_init(&random, seed);
    oc_histogram_reset(&histogram);
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = draw(&random, distribution);
        oc_histogram_record(&histogram, samples[i]);
    }
    qsort(samples, count, sizeof(samples[0]), compare);
}

/* Not below the exact value, and less than 0.1 % above it. */
static void assert_close(uint64_t value_ns, uint64_t exact_ns)
{
    assert_true(value_ns >= exact_ns);
    assert_true((value_ns - exact_ns) * 1000 <= exact_ns);
}

static void check_percentiles(uint32_t count)
{
    static const struct {
        double percentile;
        uint64_t per_million;
    } levels[] = {
        {0.0, 0},         {0.1, 1000},       {1.0, 10000},     {25.0, 250000}, {50.0, 500000},
        {90.0, 900000},   {95.0, 950000},    {99.0, 990000},   {99.9, 999000}, {99.99, 999900},
        {99.999, 999990}, {99.9999, 999999}, {100.0, 1000000},
    };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        /* The rank in integers, so that the oracle has no rounding. */
        uint64_t rank = (levels[i].per_million * count + 999999) / 1000000;

        assert_close(oc_histogram_percentile_ns(&histogram, levels[i].percentile),
                     samples[rank == 0 ? 0 : rank - 1]);
    }
}

static void test_percentiles_against_sorted_samples(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 10, 999, 1000, 1001, 100000, SAMPLES_MAX};
    uint64_t seed = support_seed();

    (void)state;
    for (int distribution = 0; distribution < DISTRIBUTIONS; distribution++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            uint32_t count = counts[i] > 1001 ? support_rounds(counts[i]) : counts[i];
            long double sum = 0;

            record_samples(seed++, (enum distribution)distribution, count);
            check_percentiles(count);
            for (uint32_t at = 0; at < count; at++) {
                sum += (long double)samples[at];
            }
            assert_true(oc_histogram_count(&histogram) == count);
            assert_true(oc_histogram_min_ns(&histogram) == samples[0]);
            assert_true(oc_histogram_max_ns(&histogram) == samples[count - 1]);
            assert_true(fabs(oc_histogram_mean_ns(&histogram) - (double)(sum / count)) <=
                        1e-12 * (double)sum);
            assert_true(oc_histogram_clamped_count(&histogram) == 0);
        }
    }
}

/* 99.9 % of 41,000 is 40,959 exactly, and a little more in doubles that are not stepped down. */
static void test_exact_rank(void **state)
{
    (void)state;
    oc_histogram_reset(&histogram);
    oc_histogram_record_n(&histogram, 1000, 40959);
    oc_histogram_record_n(&histogram, 2000, 41);
    assert_true(oc_histogram_percentile_ns(&histogram, 99.9) == 1000);
    assert_true(oc_histogram_percentile_ns(&histogram, 99.91) == 2000);
}

/* Every step's two ends: one value alone comes back as itself, and neighbours do not mix. */
static void test_every_boundary(void **state)
{
    (void)state;
    for (uint32_t power = 11; power < 37; power++) {
        for (uint64_t step = 1024; step < 2048; step += 1 + step % 97) {
            uint64_t width = 1ULL << (power - 10);
            uint64_t low_ns = step * width;

            if (low_ns + width > OC_HISTOGRAM_NS_MAX) {
                break;
            }
            oc_histogram_reset(&histogram);
            oc_histogram_record_n(&histogram, low_ns - 1, 1);
            oc_histogram_record_n(&histogram, low_ns, 1);
            oc_histogram_record_n(&histogram, low_ns + width - 1, 1);
            oc_histogram_record_n(&histogram, low_ns + width, 1);
            assert_true(oc_histogram_percentile_ns(&histogram, 25.0) == low_ns - 1);
            assert_true(oc_histogram_percentile_ns(&histogram, 50.0) == low_ns + width - 1);
            assert_true(oc_histogram_percentile_ns(&histogram, 75.0) == low_ns + width - 1);
            assert_true(oc_histogram_percentile_ns(&histogram, 100.0) == low_ns + width);
        }
    }
}

static void test_empty_and_ends(void **state)
{
    (void)state;
    oc_histogram_reset(&histogram);
    assert_true(oc_histogram_percentile_ns(&histogram, 99.0) == 0);
    assert_true(oc_histogram_min_ns(&histogram) == 0);
    assert_true(oc_histogram_max_ns(&histogram) == 0);
    assert_true(oc_histogram_mean_ns(&histogram) == 0.0);
    oc_histogram_record_n(&histogram, 77, 0);
    assert_true(oc_histogram_count(&histogram) == 0);
    expect_oc_assert(oc_histogram_percentile_ns(&histogram, -0.1));
    expect_oc_assert(oc_histogram_percentile_ns(&histogram, 100.1));
    expect_oc_assert(oc_histogram_percentile_ns(&histogram, (double)NAN));

    oc_histogram_record(&histogram, 0);
    assert_true(oc_histogram_percentile_ns(&histogram, 100.0) == 0);
    oc_histogram_record(&histogram, OC_HISTOGRAM_NS_MAX);
    assert_true(oc_histogram_clamped_count(&histogram) == 0);
    oc_histogram_record(&histogram, OC_HISTOGRAM_NS_MAX + 1);
    oc_histogram_record_n(&histogram, UINT64_MAX, 2);
    assert_true(oc_histogram_clamped_count(&histogram) == 3);
    assert_true(oc_histogram_count(&histogram) == 5);
    assert_true(oc_histogram_max_ns(&histogram) == OC_HISTOGRAM_NS_MAX);
    assert_true(oc_histogram_percentile_ns(&histogram, 100.0) == OC_HISTOGRAM_NS_MAX);
    assert_true(oc_histogram_mean_ns(&histogram) == (double)OC_HISTOGRAM_NS_MAX * 0.8);
    /* The sum of so many of the largest does not fit 64 bits. */
    oc_histogram_reset(&histogram);
    oc_histogram_record_n(&histogram, OC_HISTOGRAM_NS_MAX, 1ULL << 50);
    assert_true(oc_histogram_mean_ns(&histogram) == (double)OC_HISTOGRAM_NS_MAX);
}

static void test_merge_equals_recording_together(void **state)
{
    static struct oc_histogram together;
    struct oc_random random;

    (void)state;
    oc_random_init(&random, support_seed());
    oc_histogram_reset(&histogram);
    oc_histogram_reset(&other);
    oc_histogram_reset(&together);
    oc_histogram_merge(&histogram, &other); /* nothing into nothing */
    assert_memory_equal(&histogram, &together, sizeof(together));
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t value_ns = oc_random_next(&random) >> (20 + oc_random_below(&random, 44));
        uint64_t times = oc_random_below(&random, 4);

        oc_histogram_record_n(i % 3 == 0 ? &histogram : &other, value_ns, times);
        for (uint64_t time = 0; time < times; time++) {
            oc_histogram_record(&together, value_ns);
        }
    }
    assert_true(oc_histogram_clamped_count(&together) > 0);
    oc_histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &together, sizeof(together));
    oc_histogram_reset(&other);
    oc_histogram_merge(&other, &together); /* into an empty one */
    assert_memory_equal(&other, &together, sizeof(together));
    oc_histogram_reset(&histogram);
    oc_histogram_merge(&other, &histogram); /* of an empty one */
    assert_memory_equal(&other, &together, sizeof(together));
}

static void write_to_text(double unit_divisor, char *text, size_t capacity)
{
    FILE *file = fmemopen(text, capacity, "w");

    assert_non_null(file);
    assert_int_equal(oc_histogram_write_hgrm(&histogram, file, unit_divisor), 0);
    assert_int_equal(fclose(file), 0);
}

/* Written by hand from the rules of HdrHistogram's percentile iterator. */
static void test_hgrm_text(void **state)
{
    static const char expected[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                                   "\n"
                                   "       1.000 0.000000000000          1           1.00\n"
                                   "       1.000 0.100000000000          1           1.11\n"
                                   "       1.000 0.200000000000          1           1.25\n"
                                   "       2.000 0.300000000000          2           1.43\n"
                                   "       2.000 0.400000000000          2           1.67\n"
                                   "       2.000 0.500000000000          2           2.00\n"
                                   "       3.000 0.550000000000          3           2.22\n"
                                   "       3.000 0.600000000000          3           2.50\n"
                                   "       3.000 0.650000000000          3           2.86\n"
                                   "       3.000 0.700000000000          3           3.33\n"
                                   "       3.000 0.750000000000          3           4.00\n"
                                   "       4.000 0.775000000000          4           4.44\n"
                                   "       4.000 1.000000000000          4\n"
                                   "#[Mean    =        2.500, StdDeviation   =        1.118]\n"
                                   "#[Max     =        4.000, Total count    =            4]\n"
                                   "#[Buckets =           27, SubBuckets     =         2048]\n";
    static const char empty[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                                "\n"
                                "#[Mean    =        0.000, StdDeviation   =        0.000]\n"
                                "#[Max     =        0.000, Total count    =            0]\n"
                                "#[Buckets =           27, SubBuckets     =         2048]\n";
    char text[4096];

    (void)state;
    oc_histogram_reset(&histogram);
    write_to_text(1.0, text, sizeof(text));
    assert_string_equal(text, empty);
    for (uint64_t value_us = 1; value_us <= 4; value_us++) {
        oc_histogram_record(&histogram, value_us * 1000);
    }
    /* The highest value of the step of 3000 ns is 3001 ns. */
    write_to_text(1000.0, text, sizeof(text));
    assert_non_null(strstr(text, "       3.001 0.750000000000          3           4.00\n"));
    oc_histogram_reset(&histogram);
    for (uint64_t value_ns = 1; value_ns <= 4; value_ns++) {
        oc_histogram_record(&histogram, value_ns);
    }
    write_to_text(1.0, text, sizeof(text));
    assert_string_equal(text, expected);
    expect_oc_assert(oc_histogram_write_hgrm(&histogram, stderr, 0.0));
}

static void test_hgrm_table_against_sorted_samples(void **state)
{
    static char text[65536];
    uint32_t count = support_rounds(100000);
    uint32_t lines = 0;
    double previous_level = -1.0;
    const char *line;

    (void)state;
    record_samples(support_seed(), EXPONENTIAL, count);
    write_to_text(1.0, text, sizeof(text));
    line = strchr(text, '\n') + 2; /* behind the empty line */
    while (*line == ' ') {
        char *rest;
        double value = strtod(line, &rest);
        double level = strtod(rest, &rest);
        uint64_t total = strtoull(rest, &rest, 10);
        bool is_last = *rest == '\n';
        double inverse = is_last ? 0.0 : strtod(rest, &rest);
        uint64_t rank;

        assert_true(*rest == '\n');
        line = rest + 1;
        lines++;
        assert_true(is_last == (*line == '#'));
        assert_true(level > previous_level);
        previous_level = level;
        assert_true(total >= 1);
        assert_true(total <= count);
        /* The count belongs to the value: the sample of that rank is in the step, the next not. */
        assert_close((uint64_t)value, samples[total - 1]);
        assert_true(total == count || samples[total] > (uint64_t)value);
        /* And the level is reached, by this step and not by a lower one. */
        assert_true((double)total / count >= level - 1e-11);
        rank = (uint64_t)ceil(level * count - 1e-6);
        assert_close((uint64_t)value, samples[rank == 0 ? 0 : rank - 1]);
        if (is_last) {
            assert_true(level == 1.0);
            assert_true(total == count);
        } else {
            assert_true(fabs(inverse - 1.0 / (1.0 - level)) <= 0.006 + inverse * inverse * 1e-12);
        }
    }
    /* Five for each of the halvings down to one sample, the first level, and the end. */
    print_message("%u lines\n", lines);
    assert_true(lines > 5 * (uint32_t)log2(count));
    assert_true(lines <= 5 * ((uint32_t)log2(count) + 1) + 2);
    assert_non_null(strstr(line, "#[Mean    = "));
    assert_non_null(strstr(line, "StdDeviation   = "));
}

static void test_hgrm_reports_a_full_disk(void **state)
{
    FILE *file = fopen("/dev/full", "w");

    (void)state;
    if (file == NULL) {
        skip();
    }
    setvbuf(file, NULL, _IONBF, 0);
    record_samples(1, EXPONENTIAL, 1000);
    assert_int_equal(oc_histogram_write_hgrm(&histogram, file, 1.0), -EIO);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_against_sorted_samples),
        cmocka_unit_test(test_exact_rank),
        cmocka_unit_test(test_every_boundary),
        cmocka_unit_test(test_empty_and_ends),
        cmocka_unit_test(test_merge_equals_recording_together),
        cmocka_unit_test(test_hgrm_text),
        cmocka_unit_test(test_hgrm_table_against_sorted_samples),
        cmocka_unit_test(test_hgrm_reports_a_full_disk),
    };

    return cmocka_run_group_tests_name("core.histogram", tests, NULL, NULL);
}
