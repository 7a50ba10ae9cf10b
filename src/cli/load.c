/*
 * outcry load: the load generator. Reads the command line, prepares the scripts of the flow, runs
 * and reports.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/load_report.h"
#include "client/pingpong.h"

/* Behind the preload, which may be as large. */
#define REQUESTS_MAX        (OC_SCRIPT_REQUESTS_MAX / 2)
#define EXIT_THRESHOLD      3
#define USER_FIRST_DEFAULT  1000U
#define RESTING_DEFAULT     20000U
#define PREPARE_DEFAULT     500000U
#define DURATION_DEFAULT_NS 10000000000ULL
#define WARMUP_DEFAULT_NS   1000000000ULL
#define TIMEOUT_DEFAULT_NS  10000000000ULL

enum {
    KEY_ARRIVALS = 1000,
    KEY_WARMUP,
    KEY_MESSAGES,
    KEY_BOOK,
    KEY_SYMBOL,
    KEY_INSTRUMENTS,
    KEY_RESTING,
    KEY_PREPARE,
    KEY_SEED,
    KEY_TAPE,
    KEY_CONGESTION,
    KEY_BUSY_POLL,
    KEY_CPU,
    KEY_TIMEOUT,
    KEY_HGRM,
    KEY_ASSERT,
};

static const struct argp_option OPTIONS[] = {
    {NULL, 0, NULL, 0, "Flow:", 1},
    {"flow", 'f', "pingpong|equity|lobster", 0,
     "pingpong (default): buy and sell in turn at one price, each connection on its own symbol. "
     "equity: the flash1 workload, every reply known beforehand from a reference matcher. lobster: "
     "real NASDAQ order flow with NASDAQ's book as the oracle",
     0},
    {"instruments", KEY_INSTRUMENTS, "N", 0,
     "equity: instruments of all connections, each of one connection. Default: one each", 0},
    {"resting", KEY_RESTING, "N", 0, "equity: orders that rest at one time. Default 20000", 0},
    {"prepare", KEY_PREPARE, "N", 0,
     "equity in the closed loop with --duration: requests to prepare, about 70 bytes each; the run "
     "ends when they are used up. Default 500000",
     0},
    {"messages", KEY_MESSAGES, "FILE", 0, "lobster: the message file", 0},
    {"book", KEY_BOOK, "FILE", 0, "lobster: the order book file of the same rows", 0},
    {"symbol", KEY_SYMBOL, "SYMBOL", 0,
     "lobster: the instrument. Default: the message file's name up to its first _", 0},
    {"seed", KEY_SEED, "N", 0, "equity, and Poisson arrivals. Default 1", 0},
    {NULL, 0, NULL, 0, "Load:", 2},
    {"connect", 'c', "HOST:PORT", 0, "The venue. Default " OC_VENUE_ADDRESS_DEFAULT, 0},
    {"connections", 'n', "N", 0, "Connections, one user for each. Default 1", 0},
    {"window", 'w', "N", 0, "Closed loop: unanswered requests of a connection. Default 1", 0},
    {"rate", 'r', "R", 0,
     "Open loop: R requests a second of all connections together, by a schedule fixed beforehand; "
     "latency counts from the intended send time. 20000 or 20k",
     0},
    {"arrivals", KEY_ARRIVALS, "constant|poisson", 0, "Open loop: spacing. Default constant", 0},
    {"duration", 'd', "TIME", 0, "Measured time, for instance 10s. Default 10s", 0},
    {"requests", 'N', "N", 0, "End after N requests instead (without warm-up unless given)", 0},
    {"warmup", KEY_WARMUP, "TIME", 0, "Time before it that is not measured. Default 1s", 0},
    {"user", 'u', "N", 0, "User of the first connection. Default 1000", 0},
    {"tape", KEY_TAPE, "on|off", 0, "Hear the trades of the other connections too. Default off", 0},
    {"congestion", KEY_CONGESTION, "NAME", 0,
     "TCP congestion control; `system` leaves the system's. Default reno", 0},
    {"busy-poll", KEY_BUSY_POLL, "US", 0, "Spin this long before blocking. Default 0", 0},
    {"cpu", KEY_CPU, "N", 0, "Run on this CPU only", 0},
    {"timeout", KEY_TIMEOUT, "TIME", 0, "A later reply is missing. Default 10s", 0},
    {NULL, 0, NULL, 0, "Report:", 3},
    {"json", 'j', NULL, 0, "One JSON object on stdout; the seconds go to stderr", 0},
    {"quiet", 'q', NULL, 0, "No line each second", 0},
    {"hgrm", KEY_HGRM, "FILE", 0, "Write the latency distribution in us for HdrHistogram's tools",
     0},
    {"assert", KEY_ASSERT, "THRESHOLD", 0,
     "What must hold, for instance 'p99<500us', 'p99.9<2ms', 'max<=10ms', 'lag<50us', "
     "'rate>=20k', 'rejects<=0'; may be given several times",
     0},
    {0},
};

struct arguments {
    struct oc_cli_load_report report;
    struct oc_load_config config;
    const char *messages;
    const char *book;
    const char *symbol;
    const char *hgrm;
    uint64_t resting;
    uint64_t prepare;
    uint64_t instruments;
    bool warmup_given;
    bool duration_given;
    bool window_given;
    bool json;
    bool quiet;
    int cpu; /* -1: any */
};

static volatile sig_atomic_t stopped;

static error_t on_option(int key, char *value, struct argp_state *state);
static error_t on_flow_option(int key, char *value, struct argp_state *state);
static error_t on_report_option(int key, char *value, struct argp_state *state);
static void on_end(struct arguments *arguments, struct argp_state *state);
static bool asserts_lag(const struct oc_cli_load_report *report);
static uint64_t duration(struct argp_state *state, const char *name, const char *value);
static double rate(struct argp_state *state, const char *value);
static void on_signal(int signal);
static void on_second(void *context, const struct oc_load_second *second);
static bool pin(int cpu);
static bool prepare(struct arguments *arguments, struct oc_script *scripts);
static bool prepare_equity(struct arguments *arguments, struct oc_script *scripts);
static bool prepare_lobster(struct arguments *arguments, struct oc_script *script);
static uint32_t equity_requests(const struct arguments *arguments);
static int play(struct arguments *arguments, const struct oc_script *scripts);
static int tell(struct arguments *arguments);
static bool write_hgrm(const char *path, const struct oc_histogram *histogram);

int oc_cli_load(int argc, char **argv)
{
    static const struct argp ARGP = {
        OPTIONS,
        on_option,
        "",
        "Loads a venue, checks every reply and measures.\v"
        "Latency runs from the (intended) send time to the last reply of a request; p99.99 with ~ "
        "has too few samples. Exit status: 0; 1 a reply was wrong or missing, or the venue was not "
        "reached; 2 usage; 3 a threshold of --assert does not hold.",
        NULL,
        NULL,
        NULL,
    };
    static struct arguments arguments;
    struct oc_script *scripts;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    int status = 1;

    arguments.report.connect = OC_VENUE_ADDRESS_DEFAULT;
    arguments.report.flow_name = "pingpong";
    arguments.config = (struct oc_load_config){
        .connections = 1,
        .window = 1,
        .warmup_ns = WARMUP_DEFAULT_NS,
        .duration_ns = DURATION_DEFAULT_NS,
        .request_count = UINT64_MAX,
        .user_first = USER_FIRST_DEFAULT,
        .seed = 1,
        .timeout_ns = TIMEOUT_DEFAULT_NS,
        .congestion = "reno",
        .stop = &stopped,
        .on_second = on_second,
        .on_second_context = &arguments,
    };
    arguments.resting = RESTING_DEFAULT;
    arguments.prepare = PREPARE_DEFAULT;
    arguments.cpu = -1;
    (void)argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
    if (oc_io_address_parse(arguments.report.connect, &arguments.config.address, error) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return OC_CLI_USAGE;
    }
    if (!pin(arguments.cpu)) {
        return OC_CLI_USAGE;
    }
    scripts = calloc(arguments.config.connections, sizeof(*scripts));
    if (scripts != NULL && prepare(&arguments, scripts)) {
        status = play(&arguments, scripts);
    }
    for (uint32_t i = 0; scripts != NULL && i < arguments.config.connections; i++) {
        oc_script_deinit(&scripts[i]);
    }
    free(scripts);
    return status;
}

/* tidy: long - one case for each option */
static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct oc_load_config *config = &arguments->config;

    switch (key) {
    case 'c':
        arguments->report.connect = value;
        return 0;
    case 'n':
        config->connections = (uint32_t)oc_cli_number(state, "--connections", value, 1,
                                                      OC_LOAD_CONNECTIONS_MAX);
        return 0;
    case 'w':
        config->window = (uint32_t)oc_cli_number(state, "--window", value, 1, OC_LOAD_WINDOW_MAX);
        arguments->window_given = true;
        return 0;
    case 'r':
        config->rate = rate(state, value);
        return 0;
    case KEY_ARRIVALS:
        if (strcmp(value, "constant") != 0 && strcmp(value, "poisson") != 0) {
            argp_error(state, "--arrivals %s: constant or poisson", value);
        }
        config->arrivals = *value == 'c' ? OC_ARRIVALS_CONSTANT : OC_ARRIVALS_POISSON;
        return 0;
    case 'd':
        config->duration_ns = duration(state, "--duration", value);
        arguments->duration_given = true;
        return 0;
    case 'N':
        config->request_count = oc_cli_number(state, "--requests", value, 1, REQUESTS_MAX);
        return 0;
    case KEY_WARMUP:
        config->warmup_ns = duration(state, "--warmup", value);
        arguments->warmup_given = true;
        return 0;
    case 'u':
        config->user_first = oc_cli_number(state, "--user", value, 0, INT64_MAX);
        return 0;
    case KEY_TAPE:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
            argp_error(state, "--tape %s: on or off", value);
        }
        config->tape = strcmp(value, "on") == 0;
        return 0;
    case KEY_CONGESTION:
        config->congestion = strcmp(value, "system") == 0 ? NULL : value;
        return 0;
    case KEY_BUSY_POLL:
        config->busy_poll_ns = oc_cli_number(state, "--busy-poll", value, 0, 1000000) * 1000;
        return 0;
    case KEY_CPU:
        arguments->cpu = (int)oc_cli_number(state, "--cpu", value, 0, CPU_SETSIZE - 1);
        return 0;
    case KEY_TIMEOUT:
        config->timeout_ns = duration(state, "--timeout", value);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is one argument too many", value);
        return 0;
    case ARGP_KEY_END:
        on_end(arguments, state);
        return 0;
    default:
        return on_flow_option(key, value, state);
    }
}

static error_t on_flow_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'f':
        if (strcmp(value, "pingpong") == 0) {
            arguments->report.flow = OC_CLI_PINGPONG;
        } else if (strcmp(value, "equity") == 0) {
            arguments->report.flow = OC_CLI_EQUITY;
        } else if (strcmp(value, "lobster") == 0) {
            arguments->report.flow = OC_CLI_LOBSTER;
        } else {
            argp_error(state, "--flow %s: pingpong, equity or lobster", value);
        }
        arguments->report.flow_name = value;
        return 0;
    case KEY_MESSAGES:
        arguments->messages = value;
        return 0;
    case KEY_BOOK:
        arguments->book = value;
        return 0;
    case KEY_SYMBOL:
        arguments->symbol = value;
        return 0;
    case KEY_INSTRUMENTS:
        arguments->instruments = oc_cli_number(state, "--instruments", value, 1, 1U << 20);
        return 0;
    case KEY_RESTING:
        arguments->resting = oc_cli_number(state, "--resting", value, 20, 1U << 20);
        return 0;
    case KEY_PREPARE:
        arguments->prepare = oc_cli_number(state, "--prepare", value, 1, REQUESTS_MAX);
        return 0;
    case KEY_SEED:
        arguments->config.seed = oc_cli_number(state, "--seed", value, 0, INT64_MAX);
        return 0;
    default:
        return on_report_option(key, value, state);
    }
}

static error_t on_report_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct oc_cli_load_report *report = &arguments->report;
    char error[256];

    switch (key) {
    case 'j':
        arguments->json = true;
        return 0;
    case 'q':
        arguments->quiet = true;
        return 0;
    case KEY_HGRM:
        arguments->hgrm = value;
        return 0;
    case KEY_ASSERT:
        if (report->threshold_count == OC_CLI_THRESHOLDS_MAX) {
            argp_error(state, "--assert: at most %d thresholds", OC_CLI_THRESHOLDS_MAX);
        }
        if (oc_threshold_parse(value, &report->thresholds[report->threshold_count], error,
                               sizeof(error)) < 0) {
            argp_error(state, "--assert: %s", error);
        }
        report->threshold_texts[report->threshold_count++] = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What only the whole command line tells. */
static void on_end(struct arguments *arguments, struct argp_state *state)
{
    struct oc_load_config *config = &arguments->config;
    bool counted = config->request_count != UINT64_MAX;

    if (config->rate > 0.0 && config->arrivals == OC_ARRIVALS_CLOSED) {
        config->arrivals = OC_ARRIVALS_CONSTANT;
    }
    if (config->rate <= 0.0 && config->arrivals != OC_ARRIVALS_CLOSED) {
        argp_error(state, "--arrivals needs --rate");
    }
    if (config->arrivals != OC_ARRIVALS_CLOSED) {
        if (arguments->window_given) {
            argp_error(state, "--window is of the closed loop and --rate of the open one: a "
                              "schedule waits for no reply");
        }
        config->window = OC_LOAD_WINDOW_MAX;
    } else if (asserts_lag(&arguments->report)) {
        argp_error(state, "--assert lag needs --rate: the closed loop has no schedule to lag "
                          "behind");
    }
    if (counted && arguments->duration_given) {
        argp_error(state, "--requests and --duration exclude one another");
    }
    if (arguments->instruments > 0 && arguments->instruments < config->connections) {
        argp_error(state, "--instruments must be at least --connections: each belongs to one");
    }
    if (arguments->report.flow == OC_CLI_LOBSTER) {
        if (arguments->messages == NULL || arguments->book == NULL) {
            argp_error(state, "--flow lobster needs --messages FILE and --book FILE (samples: "
                              "lobsterdata.com)");
        }
        if (config->connections != 1 || counted || arguments->duration_given) {
            argp_error(state, "--flow lobster plays the files once on one connection: without "
                              "--connections, --requests and --duration");
        }
        counted = true;
    }
    if (counted) {
        config->duration_ns = UINT64_MAX;
        config->warmup_ns = arguments->warmup_given ? config->warmup_ns : 0;
    }
}

static bool asserts_lag(const struct oc_cli_load_report *report)
{
    for (uint32_t i = 0; i < report->threshold_count; i++) {
        if (report->thresholds[i].figure == OC_FIGURE_LAG) {
            return true;
        }
    }
    return false;
}

static uint64_t duration(struct argp_state *state, const char *name, const char *value)
{
    uint64_t result = 0;

    /* Up to 100 days, so that sums of times never overflow. */
    if (oc_duration_parse(value, &result) < 0 || result > 8640000000000000ULL) {
        argp_error(state, "%s %s: a time with its unit, for instance 500us, 100ms or 10s", name,
                   value);
    }
    return result;
}

/* Read as a threshold on the rate is, so that both take the same numbers. */
static double rate(struct argp_state *state, const char *value)
{
    struct oc_threshold threshold = {.limit = 0.0};
    char text[64];
    char error[128];

    (void)snprintf(text, sizeof(text), "rate>=%s", value);
    if (strlen(value) > 32 || oc_threshold_parse(text, &threshold, error, sizeof(error)) < 0 ||
        threshold.limit < 0.1 || threshold.limit > 1e8) {
        argp_error(state,
                   "--rate %s: requests a second from 0.1 to 100M, for instance 20000 or 20k",
                   value);
    }
    return threshold.limit;
}

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

static void on_second(void *context, const struct oc_load_second *second)
{
    const struct arguments *arguments = context;

    if (!arguments->quiet) {
        oc_cli_load_print_second(arguments->json ? stderr : stdout, second);
    }
}

static bool pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0) {
        return true;
    }
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0) {
        (void)fprintf(
            stderr, "outcry: --cpu %d: %s (`taskset -p $$` shows the CPUs allowed here)\n", cpu,
            errno == EINVAL ? "there is no such CPU, or it is not allowed" : strerror(errno));
        return false;
    }
    return true;
}

static bool prepare(struct arguments *arguments, struct oc_script *scripts)
{
    switch (arguments->report.flow) {
    case OC_CLI_EQUITY:
        return prepare_equity(arguments, scripts);
    case OC_CLI_LOBSTER:
        return prepare_lobster(arguments, scripts);
    case OC_CLI_PINGPONG:
        break;
    }
    for (uint32_t i = 0; i < arguments->config.connections; i++) {
        if (oc_pingpong_prepare(arguments->config.user_first + i, &scripts[i]) < 0) {
            (void)fprintf(stderr, "outcry: no memory for the flow\n");
            return false;
        }
    }
    arguments->report.instruments = arguments->config.connections;
    return true;
}

static bool prepare_equity(struct arguments *arguments, struct oc_script *scripts)
{
    struct oc_equity_facts *all = &arguments->report.equity;
    uint32_t connections = arguments->config.connections;
    uint32_t instruments = arguments->instruments == 0 ? connections
                                                       : (uint32_t)arguments->instruments;
    struct timespec start;
    struct timespec end;
    uint64_t bytes = 0;
    uint64_t requests = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    all->resting_min = 0;
    for (uint32_t i = 0; i < connections; i++) {
        struct oc_equity_facts facts;
        uint32_t own = instruments / connections + (i < instruments % connections);
        uint64_t resting = arguments->resting * own / instruments;
        struct oc_equity_config config = {
            .seed = arguments->config.seed,
            .user_id = arguments->config.user_first + i,
            .connection = i,
            .instruments = own,
            .resting = resting < 20 ? 20 : (uint32_t)resting,
            .request_count = equity_requests(arguments),
        };
        int rc = oc_equity_prepare(&config, &scripts[i], &facts);
        if (rc < 0) {
            (void)fprintf(stderr, "outcry: preparing the equity flow: %s\n", strerror(-rc));
            return false;
        }
        all->new_orders += facts.new_orders;
        all->immediate += facts.immediate;
        all->replaces += facts.replaces;
        all->cancels += facts.cancels;
        all->books += facts.books;
        all->trades += facts.trades;
        all->rejects += facts.rejects;
        /* Each mean over its own requests; equal numbers of requests make the sums comparable. */
        all->resting_sum += facts.resting_sum * connections;
        all->resting_min += facts.resting_min;
        all->resting_max += facts.resting_max;
        bytes += oc_script_bytes(&scripts[i]);
        requests += scripts[i].request_count;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    arguments->report.instruments = instruments;
    (void)fprintf(arguments->json ? stderr : stdout,
                  "prepared %" PRIu64 " requests with the reference matcher in %.1f s, %.0f MB\n",
                  requests,
                  (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
                  (double)bytes / 1e6);
    return true;
}

/* Behind the preload, of one connection. */
static uint32_t equity_requests(const struct arguments *arguments)
{
    const struct oc_load_config *config = &arguments->config;
    const uint32_t most = REQUESTS_MAX;
    double connections = (double)config->connections;
    double wanted;

    if (config->request_count != UINT64_MAX) {
        wanted = ceil((double)config->request_count / connections);
    } else if (config->arrivals != OC_ARRIVALS_CLOSED) {
        wanted = config->rate * ((double)config->warmup_ns + (double)config->duration_ns) / 1e9;
        wanted = wanted / connections;
        /* Six standard deviations of a Poisson count, and the rounding. */
        wanted += 8.0 + (config->arrivals == OC_ARRIVALS_POISSON ? 6.0 * sqrt(wanted) : 0.0);
    } else {
        wanted = ceil((double)arguments->prepare / connections);
    }
    return wanted > most ? most : (uint32_t)wanted;
}

static bool prepare_lobster(struct arguments *arguments, struct oc_script *script)
{
    char symbol[OC_SYMBOL_BYTES_MAX + 1];
    struct oc_symbol checked;
    const char *slash = strrchr(arguments->messages, '/');
    const char *name = slash == NULL ? arguments->messages : slash + 1;
    char error[512];

    (void)snprintf(symbol, sizeof(symbol), "%.*s",
                   arguments->symbol != NULL ? OC_SYMBOL_BYTES_MAX : (int)strcspn(name, "_."),
                   arguments->symbol != NULL ? arguments->symbol : name);
    if (!oc_cli_parse_symbol(symbol, &checked)) {
        (void)fprintf(stderr, "outcry: no symbol in the name of %s: say --symbol\n",
                      arguments->messages);
        return false;
    }
    if (oc_lobster_prepare(arguments->messages, arguments->book, symbol, script,
                           &arguments->report.lobster, error, sizeof(error)) < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return false;
    }
    arguments->report.instruments = 1;
    return true;
}

static int play(struct arguments *arguments, const struct oc_script *scripts)
{
    static struct oc_histogram latency;
    static struct oc_histogram lag;
    static struct oc_load_result result = {.latency = &latency, .lag = &lag};
    struct sigaction action = {.sa_handler = on_signal};
    int rc;

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    rc = oc_load_run(&arguments->config, scripts, &result);
    if (rc == -ECONNREFUSED) {
        oc_cli_say_unreachable(arguments->report.connect, rc);
        return 1;
    }
    if (rc == -ENOENT) {
        (void)fprintf(stderr,
                      "outcry: this system has no TCP congestion control %s: say --congestion "
                      "system, or one that is in /proc/sys/net/ipv4/tcp_available_congestion_"
                      "control\n",
                      arguments->config.congestion);
        return 1;
    }
    if (rc < 0) {
        (void)fprintf(stderr, "outcry: %s: %s\n", arguments->report.connect, result.why);
        return 1;
    }
    arguments->report.config = &arguments->config;
    arguments->report.result = &result;
    return tell(arguments);
}

static int tell(struct arguments *arguments)
{
    const struct oc_load_result *result = arguments->report.result;
    bool kept;

    if (arguments->json) {
        (void)oc_cli_load_print_json(stdout, &arguments->report);
    } else {
        oc_cli_load_print(stdout, &arguments->report);
    }
    if (arguments->hgrm != NULL && !write_hgrm(arguments->hgrm, result->latency)) {
        return 1;
    }
    kept = oc_cli_load_judge(&arguments->report);
    if (result->wrong > 0 || result->missing > 0) {
        (void)fprintf(stderr, "outcry: %s\n", result->why);
        return 1;
    }
    return kept ? 0 : EXIT_THRESHOLD;
}

static bool write_hgrm(const char *path, const struct oc_histogram *histogram)
{
    FILE *file = fopen(path, "we");
    int rc;

    if (file == NULL) {
        (void)fprintf(stderr, "outcry: %s: %s\n", path, strerror(errno));
        return false;
    }
    rc = oc_histogram_write_hgrm(histogram, file, 1000.0);
    if (fclose(file) != 0 || rc < 0) {
        (void)fprintf(stderr, "outcry: %s: cannot be written\n", path);
        return false;
    }
    return true;
}
