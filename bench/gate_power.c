/*
 * The false-alarm rate and the power of the decision gate, by simulation.
 *
 * Measurements with a known effect go through the code that judges real ones (verify/simulation.h).
 * A row is one true effect in all four criteria at once. With the default thresholds (10, 15, 15
 * and 20 %) "proceed" is false at 0 and 5 %; at 10 % the ping-pong is exactly at its threshold and
 * nothing else reaches it; at 15 and 20 % others are at theirs. The call "better" is the table of
 * comparisons at the first look: false at 0 %. Every share is followed by its 95 % interval after
 * Clopper and Pearson.
 *
 * A second table is of the comparisons of one scenario, judged together after Holm: the share of
 * measurements that call a difference anywhere (at 0 %, the error of the family, which is to be
 * below 5 %), and of each comparison by itself (at an effect, the power). Families and pairs are
 * those of --quick and --full.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "verify/simulation.h"

#define TRIALS_MAX 1000000U

struct options {
    struct oc_simulation_config config;
    const char *path;
};

static error_t on_option(int key, char *value, struct argp_state *state);
static double number_of(const char *value, double min, double max, struct argp_state *state);
static uint32_t read_recorded(const char *path, double *ratios);
static void print_noise(const struct oc_simulation_config *config);
static void print_row(const struct oc_simulation_config *config,
                      const struct oc_simulation_result *result);
static void print_share(const struct oc_proportion *share);
static int print_families(const struct oc_simulation_config *config);

static const struct argp_option OPTIONS[] = {
    {"trials", 't', "N", 0, "Simulated measurements for each effect (1000)", 0},
    {"noise", 'n', "PERCENT", 0, "Standard deviation of a run (3)", 0},
    {"outliers", 'o', "PERCENT", 0, "Share of runs that are 35 % worse (3)", 0},
    {"blocks-max", 'b', "N", 0, "Pairs at the last look: 24, 48 or 96 (96)", 0},
    {"seed", 's', "N", 0, "Of all random numbers (1)", 0},
    {"recorded", 'r', "FILE", 0,
     "Noise from recorded A/A pairs instead: a ratio of two runs on each line", 0},
    {0},
};

int main(int argc, char **argv)
{
    static const double EFFECTS[] = {0.0, 0.05, 0.10, 0.15, 0.20, 0.30};
    static const struct argp PARSER = {
        .options = OPTIONS, .parser = on_option, .doc = "The error rates of the decision gate."};
    struct options options = {.config = OC_SIMULATION_CONFIG_DEFAULT};
    double ratios[OC_STATISTICS_VALUES_MAX];

    argp_parse(&PARSER, argc, argv, 0, NULL, &options);
    if (options.path != NULL) {
        options.config.recorded = ratios;
        options.config.recorded_count = read_recorded(options.path, ratios);
    }
    print_noise(&options.config);
    printf("%6s  %-22s %-22s %-22s %-22s %7s %7s\n", "effect", "proceed", "undecided",
           "called better", "interval covers", "blocks", "A/A");
    for (size_t i = 0; i < sizeof(EFFECTS) / sizeof(EFFECTS[0]); i++) {
        struct oc_simulation_result result;

        options.config.effect = EFFECTS[i];
        if (oc_simulation_run(&options.config, &result) != 0) {
            fprintf(stderr, "gate_power: no memory\n");
            return 1;
        }
        print_row(&options.config, &result);
    }
    return print_families(&options.config);
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    struct oc_simulation_config *config = &options->config;

    switch (key) {
    case 't':
        config->trials = (uint32_t)number_of(value, 1.0, TRIALS_MAX, state);
        return 0;
    case 'n':
        config->run_sd = number_of(value, 0.0, 100.0, state) / 100.0;
        return 0;
    case 'o':
        config->outlier_share = number_of(value, 0.0, 100.0, state) / 100.0;
        return 0;
    case 'b':
        config->blocks_max = (uint32_t)number_of(value, config->blocks, 96.0, state);
        return 0;
    case 's':
        config->seed = (uint64_t)number_of(value, 0.0, 1e15, state);
        return 0;
    case 'r':
        options->path = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static double number_of(const char *value, double min, double max, struct argp_state *state)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || *end != '\0' || !(number >= min && number <= max)) {
        argp_error(state, "%s is not a number from %g to %g", value, min, max);
    }
    return number;
}

/* Exits with a message if the file is not what it should be. */
static uint32_t read_recorded(const char *path, double *ratios)
{
    FILE *file = fopen(path, "re");
    char line[128];
    uint32_t count = 0;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        char *end;
        double ratio = strtod(line, &end);

        if (end == line || *end != '\n' || !isfinite(ratio) || !(ratio > 0.0)) {
            fprintf(stderr, "%s:%u: not a ratio above 0\n", path, count + 1U);
            exit(1);
        }
        if (count == OC_STATISTICS_VALUES_MAX) {
            fprintf(stderr, "%s: more than %u ratios\n", path, OC_STATISTICS_VALUES_MAX);
            exit(1);
        }
        ratios[count++] = log(ratio);
    }
    (void)fclose(file);
    if (count < OC_BOOTSTRAP_POOLED_MIN) {
        fprintf(stderr, "%s: %u ratios; at least %u are needed\n", path, count,
                OC_BOOTSTRAP_POOLED_MIN);
        exit(1);
    }
    return count;
}

static void print_noise(const struct oc_simulation_config *config)
{
    printf("gate: %u trials for each effect, looks from %u to %u pairs, %u resamples, seed %llu\n",
           config->trials, config->blocks, config->blocks_max, config->resamples,
           (unsigned long long)config->seed);
    if (config->recorded != NULL) {
        printf("noise: %u recorded A/A pairs, drawn with replacement\n", config->recorded_count);
    } else {
        printf(
            "noise: lognormal, %.1f %% a run, %.1f %% a block, %.1f %% of the runs %.0f %% worse\n",
            100.0 * config->run_sd, 100.0 * config->block_sd, 100.0 * config->outlier_share,
            100.0 * expm1(config->outlier_size));
    }
}

static void print_row(const struct oc_simulation_config *config,
                      const struct oc_simulation_result *result)
{
    static const char *const NAMES[OC_GATE_CRITERIA] = {"ping-pong", "persistent", "tail",
                                                        "stress"};

    printf("%4.0f %%  ", 100.0 * config->effect);
    print_share(&result->proceed);
    print_share(&result->undecided);
    print_share(&result->called_better);
    print_share(&result->covered);
    printf("%7.1f %5.1f %%\n        met:", result->blocks_mean,
           100.0 * expm1(result->bound_median));
    for (uint32_t i = 0; i < OC_GATE_CRITERIA; i++) {
        const struct oc_proportion *met = &result->criteria_met[i];

        printf(" %s %.1f %% (%.1f..%.1f)", NAMES[i], 100.0 * met->share, 100.0 * met->low,
               100.0 * met->high);
    }
    printf("; called worse %.1f %% (%.1f..%.1f)\n", 100.0 * result->called_worse.share,
           100.0 * result->called_worse.low, 100.0 * result->called_worse.high);
}

static void print_share(const struct oc_proportion *share)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%.1f %% (%.1f..%.1f)", 100.0 * share->share,
                   100.0 * share->low, 100.0 * share->high);
    printf("%-22s ", text);
}

static int print_families(const struct oc_simulation_config *config)
{
    static const struct {
        uint32_t cells;
        uint32_t pairs;
    } FAMILIES[] = {{1, 8}, {3, 12}, {14, 12}, {14, 24}};
    static const double EFFECTS[] = {0.0, 0.05, 0.10, 0.20};

    printf("\n%6s %6s %6s  %-22s %-22s %-22s %-22s\n", "ratios", "pairs", "effect", "any called",
           "each called better", "worse", "alone (uncorrected)");
    for (size_t i = 0; i < sizeof(FAMILIES) / sizeof(FAMILIES[0]); i++) {
        for (size_t j = 0; j < sizeof(EFFECTS) / sizeof(EFFECTS[0]); j++) {
            struct oc_simulation_config family = *config;
            struct oc_simulation_family result;

            family.blocks = FAMILIES[i].pairs;
            family.effect = EFFECTS[j];
            if (oc_simulation_family_run(&family, FAMILIES[i].cells, &result) != 0) {
                fprintf(stderr, "gate_power: no memory\n");
                return 1;
            }
            printf("%6u %6u %4.0f %%  ", 2U * FAMILIES[i].cells, FAMILIES[i].pairs,
                   100.0 * EFFECTS[j]);
            print_share(&result.any);
            print_share(&result.better);
            print_share(&result.worse);
            print_share(&result.alone);
            printf("\n");
        }
    }
    return 0;
}
